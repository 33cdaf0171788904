//! One reply, as it is kept in `samples.jsonl`.

use serde::{Deserialize, Serialize};

/// Why a reply ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Finish {
    /// The model ended it.
    Stop,
    /// The limit of tokens was reached.
    Length,
    /// The endpoint gave another reason, or none.
    Other,
}

/// A reply with its thinking apart from it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// What the model thought, without the marks.
    pub reasoning: String,
    /// What follows the thinking.
    pub answer: String,
    /// Why it ended.
    pub finish: Finish,
    /// Tokens of the prompt, where they are known.
    pub prompt_tokens: Option<usize>,
    /// Tokens of the thinking, where they are known.
    pub reasoning_tokens: Option<usize>,
    /// All tokens written, where they are known.
    pub completion_tokens: Option<usize>,
}

/// A reply to a question, with its place in the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// The question's id.
    pub question: String,
    /// Which of the question's samples it is, from 0.
    pub sample: usize,
    /// The seed it was drawn with.
    pub seed: u64,
    /// The reply.
    #[serde(flatten)]
    pub reply: Reply,
}

impl std::ops::Deref for Sample {
    type Target = Reply;

    fn deref(&self) -> &Reply {
        &self.reply
    }
}

impl Reply {
    /// Whether the limit of tokens ended it.
    pub fn is_cut(&self) -> bool {
        self.finish == Finish::Length
    }

    /// Whether the model answered without a thought.
    pub fn has_empty_thinking(&self) -> bool {
        self.reasoning.trim().is_empty()
    }

    /// Tokens of the answer: what is not thinking. The marks of thinking count here.
    pub fn answer_tokens(&self) -> Option<usize> {
        Some(self.completion_tokens?.saturating_sub(self.reasoning_tokens?))
    }
}

/// Splits a text at its thinking marks, for endpoints that leave them in the content.
///
/// The thinking ends at the first `</think>`, as it does for token ids. A text that opens a thought
/// and does not close it is all thinking. `starts_open` says that the prompt has opened it already.
pub fn split_thinking(text: &str, starts_open: bool) -> (String, String) {
    let body = text.trim_start();
    let opened = body.strip_prefix("<think>");
    match (text.split_once("</think>"), opened) {
        (Some((thought, answer)), _) => {
            let thought = thought.trim_start();
            let thought = thought.strip_prefix("<think>").unwrap_or(thought);
            (thought.trim().to_owned(), answer.trim().to_owned())
        }
        (None, Some(thought)) => (thought.trim().to_owned(), String::new()),
        (None, None) if starts_open => (body.trim().to_owned(), String::new()),
        (None, None) => (String::new(), body.trim().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inline_thinking_is_split() {
        let cases = [
            ("<think>\na\n</think>\n\nb", false, "a", "b"),
            ("a</think>b", false, "a", "b"),
            ("<think>a", false, "a", ""),
            ("a", true, "a", ""),
            ("b", false, "", "b"),
            ("<think>\n\n</think>\n\nb", false, "", "b"),
            ("<think>a</think>b </think> c", false, "a", "b </think> c"),
            ("see <think> there", false, "", "see <think> there"),
        ];
        for (text, starts_open, thought, answer) in cases {
            let want = (thought.to_owned(), answer.to_owned());
            assert_eq!(split_thinking(text, starts_open), want, "{text}");
        }
    }
}
