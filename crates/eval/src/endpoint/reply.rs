//! Replies from the wire, whole or in pieces, with the thinking in a field of its own or in the text.

use std::io::{BufRead, Read};

use serde::Deserialize;

use crate::sample::{Finish, Reply, split_thinking};

/// The longest reply that is read: some hundred times what 32,768 tokens take.
pub(super) const MAX_BYTES: u64 = 256 << 20;

/// A whole answer, or a piece of a stream.
#[derive(Debug, Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Vec<Choice>,
    usage: Option<Usage>,
    error: Option<serde_json::Value>,
}

#[derive(Debug, Deserialize)]
struct Choice {
    #[serde(alias = "delta")]
    message: Option<Message>,
    finish_reason: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Message {
    content: Option<String>,
    /// DeepSeek's name; other servers call it `reasoning`.
    reasoning_content: Option<String>,
    reasoning: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Usage {
    prompt_tokens: Option<usize>,
    completion_tokens: Option<usize>,
    completion_tokens_details: Option<Details>,
}

#[derive(Debug, Deserialize)]
struct Details {
    reasoning_tokens: Option<usize>,
}

/// What has come so far.
#[derive(Default)]
struct Collected {
    content: String,
    reasoning: Option<String>,
    finish: Option<String>,
    usage: Option<Usage>,
}

/// A whole answer in JSON.
pub(super) fn whole(mut reader: impl Read) -> Result<Reply, String> {
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).map_err(|e| format!("the answer broke off: {e}"))?;
    let chunk = serde_json::from_slice(&bytes).map_err(|e| format!("not a completion: {e}"))?;
    let mut collected = Collected::default();
    collected.add(chunk)?;
    collected.reply()
}

/// Server-sent events (WHATWG HTML, section 9.2), up to `[DONE]` or the end.
pub(super) fn streamed(reader: impl BufRead) -> Result<Reply, String> {
    let mut collected = Collected::default();
    for line in reader.lines() {
        let line = line.map_err(|e| format!("the stream broke off: {e}"))?;
        let Some(data) = line.strip_prefix("data:") else { continue };
        let data = data.trim();
        if data == "[DONE]" {
            break;
        }
        let chunk = serde_json::from_str(data).map_err(|e| format!("not a piece: {e}"))?;
        collected.add(chunk)?;
    }
    collected.reply()
}

impl Collected {
    fn add(&mut self, chunk: Chunk) -> Result<(), String> {
        if let Some(error) = chunk.error {
            return Err(format!("the server reports {error}"));
        }
        if let Some(choice) = chunk.choices.into_iter().next() {
            let message = choice.message.unwrap_or_default();
            self.content.push_str(message.content.as_deref().unwrap_or_default());
            if let Some(text) = message.reasoning_content.or(message.reasoning) {
                self.reasoning.get_or_insert_default().push_str(&text);
            }
            self.finish = choice.finish_reason.or(self.finish.take());
        }
        self.usage = chunk.usage.or(self.usage.take());
        Ok(())
    }

    /// A reply that does not say why it ended was not sent whole.
    fn reply(self) -> Result<Reply, String> {
        let finish = match self.finish.as_deref() {
            None => return Err("the reply ended without a finish_reason".into()),
            Some("stop" | "eos" | "end_turn") => Finish::Stop,
            Some("length" | "max_tokens") => Finish::Length,
            Some(_) => Finish::Other,
        };
        let (reasoning, answer) = match self.reasoning.filter(|text| !text.trim().is_empty()) {
            Some(reasoning) => (reasoning.trim().to_owned(), self.content.trim().to_owned()),
            None => split_thinking(&self.content, false),
        };
        let usage = self.usage.as_ref();
        let details = usage.and_then(|usage| usage.completion_tokens_details.as_ref());
        Ok(Reply {
            reasoning,
            answer,
            finish,
            prompt_tokens: usage.and_then(|usage| usage.prompt_tokens),
            reasoning_tokens: details.and_then(|details| details.reasoning_tokens),
            completion_tokens: usage.and_then(|usage| usage.completion_tokens),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinking_is_found_wherever_it_is() {
        let field = r#"{"choices":[{"message":{"role":"assistant","reasoning_content":"a","content":"b"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":9,"completion_tokens_details":{"reasoning_tokens":4}}}"#;
        let inline = r#"{"choices":[{"message":{"content":"<think>\na\n</think>\n\nb"},"finish_reason":"stop"}]}"#;
        let other =
            r#"{"choices":[{"message":{"reasoning":"a","content":"b"},"finish_reason":"stop"}]}"#;
        for text in [field, inline, other] {
            let reply = whole(text.as_bytes()).unwrap();
            assert_eq!((reply.reasoning.as_str(), reply.answer.as_str()), ("a", "b"), "{text}");
            assert_eq!(reply.finish, Finish::Stop);
        }
        let reply = whole(field.as_bytes()).unwrap();
        assert_eq!((reply.reasoning_tokens, reply.answer_tokens()), (Some(4), Some(5)));
        let cut =
            r#"{"choices":[{"message":{"content":"<think> on and on"},"finish_reason":"length"}]}"#;
        let reply = whole(cut.as_bytes()).unwrap();
        assert_eq!((reply.answer.as_str(), reply.is_cut()), ("", true));
    }

    #[test]
    fn streams_are_put_together_and_broken_ones_are_errors() {
        let pieces = [
            r#"data: {"choices":[{"delta":{"role":"assistant","reasoning_content":"a"}}]}"#,
            ": keep-alive",
            "",
            r#"data: {"choices":[{"delta":{"reasoning_content":"b"}}]}"#,
            r#"data: {"choices":[{"delta":{"content":"c"}}]}"#,
            r#"data:{"choices":[{"delta":{},"finish_reason":"stop"}]}"#,
            r#"data: {"choices":[],"usage":{"completion_tokens":3}}"#,
            "data: [DONE]",
        ];
        let reply = streamed(pieces.join("\n").as_bytes()).unwrap();
        assert_eq!((reply.reasoning.as_str(), reply.answer.as_str()), ("ab", "c"));
        assert_eq!(reply.completion_tokens, Some(3));
        for end in 0..6 {
            assert!(streamed(pieces[..end.min(5)].join("\n").as_bytes()).is_err(), "{end}");
        }
        let error = streamed(&b"data: {\"error\":{\"message\":\"full\"}}"[..]).unwrap_err();
        assert!(error.contains("full"), "{error}");
    }
}
