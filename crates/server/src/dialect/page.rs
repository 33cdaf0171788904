//! What the page and the server say to each other: turns with files in, and out a stream of events
//! with the blocks of thought and answer as HTML.

use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};

use crate::conversation::{Conversation, MAX_MESSAGES};
use crate::dialect::asked;
use crate::error::ApiError;
use crate::fields::Fields;
use crate::generate::Generate;
use crate::http::sse::{Sse, StreamWriter};
use crate::output::{Delta, Finish, Output, TokenLog};
use crate::render::Blocks;
use crate::served::Served;

/// Files of one turn.
const MAX_FILES: usize = 32;
/// Bytes of a file's name.
const MAX_NAME: usize = 255;
/// Texts of one call that renders them.
const MAX_TEXTS: usize = 1024;

/// Reads `{"messages": [{"role", "content", "files"?}], …}` with the sampling fields of chat
/// completions; `"experts": true` asks which experts work.
pub fn read_chat(mut fields: Fields, served: &Served) -> Result<Generate, ApiError> {
    let messages = fields.array("messages", MAX_MESSAGES)?;
    let messages = fields.required("messages", messages)?;
    let mut conversation = Conversation::default();
    for (index, message) in messages.into_iter().enumerate() {
        let mut message = Fields::new(message, format!("messages[{index}]"))?;
        let role = message.word("role", &["system", "user", "assistant"])?;
        let role = message.required("role", role)?;
        let content = message.string("content")?;
        let content = message.required("content", content)?;
        let files = message.array("files", MAX_FILES)?.unwrap_or_default();
        let files = read_files(files, &message.name("files"))?;
        message.finish()?;
        conversation.push(role, with_files(&files, content));
    }
    let sampling = asked::sampling(&mut fields, served)?;
    let budget = asked::budget(&mut fields)?;
    let max_tokens = fields.integer("max_tokens", 1..=asked::MAX_TOKENS)?;
    let experts = fields.boolean("experts")?.unwrap_or(false);
    fields.finish()?;
    let mut asked = Generate::new(conversation.encode(served)?);
    (asked.sampling, asked.budget) = (sampling, budget);
    asked.max_tokens = max_tokens.map(|tokens| tokens as usize);
    // Every token comes with its probability, which also tells how many a piece of text has.
    asked.logprobs = Some(0);
    asked.experts = experts;
    Ok(asked)
}

/// Reads `{"texts": [..]}`.
pub fn read_texts(mut fields: Fields) -> Result<Vec<String>, ApiError> {
    let texts = fields.array("texts", MAX_TEXTS)?;
    let texts = fields.required("texts", texts)?;
    let wrong = fields.wrong("texts", "a list of strings");
    fields.finish()?;
    asked::strings(texts).ok_or(wrong)
}

/// A file's name and content.
type File = (String, String);

fn read_files(files: Vec<Value>, path: &str) -> Result<Vec<File>, ApiError> {
    let read = |(index, file): (usize, Value)| {
        let mut file = Fields::new(file, format!("{path}[{index}]"))?;
        let name = file.string("name")?;
        let name = file.required("name", name)?;
        if name.is_empty() || name.len() > MAX_NAME || name.contains(char::is_control) {
            return Err(file.wrong("name", "a short name on one line"));
        }
        let content = file.string("content")?;
        let content = file.required("content", content)?;
        file.finish()?;
        Ok((name, content))
    };
    files.into_iter().enumerate().map(read).collect()
}

/// A question about files, in the template that DeepSeek publishes for R1 (its README, "Official
/// Prompts"); of several files each gets its frame.
fn with_files(files: &[File], question: String) -> String {
    let frame = |(name, content): &File| {
        format!("[file name]: {name}\n[file content begin]\n{content}\n[file content end]\n")
    };
    files.iter().map(frame).collect::<String>() + &question
}

/// Writes the stream.
pub struct PageWriter {
    served: Arc<Served>,
    start: Instant,
    first: Option<Instant>,
    thought: Part,
    answer: Part,
    /// Milliseconds from the first token to the end of the thought.
    thinking_ms: Option<u64>,
}

/// Thought or answer.
#[derive(Default)]
struct Part {
    blocks: Blocks,
    /// Text that has not been sent.
    unsent: String,
    /// Tokens with their experts that have not been sent.
    experts: Vec<Value>,
    n_tokens: usize,
}

impl PageWriter {
    /// For one answer that has just been asked for.
    pub fn new(served: Arc<Served>) -> PageWriter {
        PageWriter {
            served,
            start: Instant::now(),
            first: None,
            thought: Part::default(),
            answer: Part::default(),
            thinking_ms: None,
        }
    }

    fn end_thought(&mut self, sse: &mut Sse) {
        if self.thinking_ms.is_none() && self.thought.n_tokens > 0 {
            let since = self.first.map_or(0, |first| first.elapsed().as_millis() as u64);
            self.thinking_ms = Some(since);
            let blocks = self.thought.blocks.finish();
            self.thought.send("thought", blocks, sse);
            sse.data(&json!({ "type": "answering", "thinking_ms": since }));
        }
    }

    fn end_all(&mut self, sse: &mut Sse) {
        self.end_thought(sse);
        let blocks = self.answer.blocks.finish();
        self.answer.send("answer", blocks, sse);
    }
}

impl Part {
    fn push(&mut self, delta: &Delta, kind: &str, served: &Served, sse: &mut Sse) {
        let asked = delta.tokens.iter().filter(|token| !token.experts.is_empty());
        self.experts.extend(asked.map(|token| experts(token, served)));
        self.n_tokens += delta.tokens.len();
        self.unsent.push_str(&delta.text);
        self.blocks.push(&delta.text);
        let blocks = self.blocks.update();
        self.send(kind, blocks, sse);
    }

    fn send(&mut self, kind: &str, blocks: Vec<(usize, String)>, sse: &mut Sse) {
        let text = std::mem::take(&mut self.unsent);
        if !text.is_empty() || !blocks.is_empty() {
            let tokens = self.n_tokens;
            let mut event =
                json!({ "type": kind, "text": text, "blocks": blocks, "tokens": tokens });
            if !self.experts.is_empty() {
                event["experts"] = std::mem::take(&mut self.experts).into();
            }
            sse.data(&event);
        }
    }
}

/// A token's text, and its experts layer by layer.
fn experts(token: &TokenLog, served: &Served) -> Value {
    let bytes = served.tokenizer.token_bytes(token.id).unwrap_or_default();
    json!([String::from_utf8_lossy(bytes), token.experts])
}

impl StreamWriter for PageWriter {
    fn start(&mut self, sse: &mut Sse) {
        sse.data(&json!({ "type": "start" }));
    }

    fn output(&mut self, _: usize, output: Output, sse: &mut Sse) {
        if matches!(output, Output::Reasoning(_) | Output::Text(_)) {
            self.first.get_or_insert_with(Instant::now);
        }
        match output {
            Output::Reasoning(delta) => self.thought.push(&delta, "thought", &self.served, sse),
            Output::Text(delta) => {
                self.end_thought(sse);
                self.answer.push(&delta, "answer", &self.served, sse);
            }
            Output::Finished { finish, usage } => {
                self.end_all(sse);
                let ms = |from: Instant| from.elapsed().as_millis() as u64;
                let first = self.first.unwrap_or_else(Instant::now);
                let seconds = first.elapsed().as_secs_f64();
                // The first token's time belongs to the prompt.
                let n_timed = usage.completion_tokens.saturating_sub(1);
                let speed = (n_timed > 0 && seconds > 0.0).then(|| n_timed as f64 / seconds);
                sse.data(&json!({
                    "type": "end",
                    "finish": finish_word(&finish),
                    "usage": super::openai_chat::usage(&usage),
                    "first_ms": first.duration_since(self.start).as_millis() as u64,
                    "total_ms": ms(self.start),
                    "tokens_per_s": speed,
                }));
                if let Some(error) = finish.error() {
                    sse.data(&json!({ "type": "error", "message": error.message }));
                }
            }
            // The page asks neither for scores nor for tools.
            _ => {}
        }
    }

    fn end(&mut self, _: &mut Sse) {}

    fn error(&mut self, error: &ApiError, sse: &mut Sse) {
        self.end_all(sse);
        sse.data(&json!({ "type": "error", "message": error.message }));
    }
}

fn finish_word(finish: &Finish) -> &'static str {
    match finish {
        Finish::Length => "length",
        finish if finish.error().is_some() => "error",
        _ => "stop",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_stand_before_the_question_in_the_published_template() {
        let file = |name: &str, content: &str| (name.to_owned(), content.to_owned());
        assert_eq!(
            with_files(&[file("a.txt", "one\n"), file("b.csv", "1,2")], "Which?".into()),
            "[file name]: a.txt\n[file content begin]\none\n\n[file content end]\n\
             [file name]: b.csv\n[file content begin]\n1,2\n[file content end]\nWhich?"
        );
        assert_eq!(with_files(&[], "Which?".into()), "Which?");
        let wrong = read_files(vec![json!({"name": "a\nb", "content": ""})], "files").unwrap_err();
        assert_eq!(wrong.param.as_deref(), Some("files[0].name"));
    }
}
