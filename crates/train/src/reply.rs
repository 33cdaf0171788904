//! A sampled answer as text: what is thought, what is replied, and whether the form is kept.

use ponder_text::{Tokenizer, extract_boxed};

use crate::error::{Result, TrainError};
use crate::rollout::Completion;

/// What rollouts and rewards need to know of a vocabulary.
pub struct Marks<'a> {
    /// `<think>`
    pub think_start: u32,
    /// `</think>`
    pub think_end: u32,
    /// Ends an answer.
    pub end: u32,
    /// Ids from here on have no text.
    pub n_sampleable: usize,
    /// The text of tokens.
    pub decode: Box<Decode<'a>>,
}

/// From tokens to text; what is no character becomes U+FFFD.
pub type Decode<'a> = dyn Fn(&[u32]) -> String + 'a;

impl<'a> Marks<'a> {
    /// The marks of a tokenizer that has R1's.
    pub fn of(tokenizer: &'a Tokenizer) -> Result<Marks<'a>> {
        let find =
            |name: &'static str| tokenizer.control_id(name).ok_or(TrainError::NoMark { name });
        let end = tokenizer.eos_id().ok_or(TrainError::NoMark { name: "end of sentence" })?;
        Ok(Marks {
            think_start: find("<think>")?,
            think_end: find("</think>")?,
            end,
            n_sampleable: tokenizer.vocab_size(),
            decode: Box::new(|ids| tokenizer.decode(ids).unwrap_or_default()),
        })
    }
}

/// An answer taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// What stands inside the thought; all there is, if the thought does not end.
    pub thinking: String,
    /// What follows the thought, the end of the sentence left out; `None` if the thought does not
    /// end.
    pub text: Option<String>,
    /// Whether there is exactly one thought, and it is first.
    pub has_one_thought: bool,
    /// Whether it ended by itself.
    pub is_finished: bool,
}

impl Reply {
    /// Takes apart the answer to `prompt`, which may have opened the thought already.
    pub fn of(marks: &Marks, prompt: &[u32], completion: &Completion) -> Reply {
        let is_mark = |id: &&u32| **id == marks.think_start || **id == marks.think_end;
        let is_open = prompt.iter().rev().find(is_mark) == Some(&marks.think_start);
        let mut ids = &completion.token_ids[..];
        let is_finished = ids.last() == Some(&marks.end);
        if is_finished {
            ids = &ids[..ids.len() - 1];
        }
        let opens = ids.first() == Some(&marks.think_start);
        let inner = if !is_open && opens { &ids[1..] } else { ids };
        let is_thinking = is_open || opens;
        let n_marks = inner.iter().filter(is_mark).count();
        let decode = |ids: &[u32]| (marks.decode)(ids);
        let Some(end) = inner.iter().position(|id| *id == marks.think_end) else {
            let (thinking, text) = if is_thinking {
                (decode(inner), None)
            } else {
                (String::new(), Some(decode(inner)))
            };
            return Reply { thinking, text, has_one_thought: false, is_finished };
        };
        Reply {
            thinking: decode(&inner[..end]),
            text: Some(decode(&inner[end + 1..])),
            has_one_thought: is_thinking && n_marks == 1,
            is_finished,
        }
    }

    /// What is graded: the reply of an answer that is finished and not one thought only.
    pub fn gradable(&self) -> Option<&str> {
        self.text.as_deref().filter(|_| self.is_finished)
    }

    /// Whether it has the form of R1's answers: one thought that is not empty, then a reply, with
    /// exactly one box if `is_boxed`, then the end.
    pub fn is_well_formed(&self, is_boxed: bool) -> bool {
        let Some(text) = self.gradable() else { return false };
        let n_boxes = text.matches("\\boxed").count();
        let content = extract_boxed(text).is_some_and(|content| !content.trim().is_empty());
        self.has_one_thought
            && !self.thinking.trim().is_empty()
            && if is_boxed { n_boxes == 1 && content } else { !text.trim().is_empty() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ids are characters; `<`, `>` and `$` are the marks.
    fn marks() -> Marks<'static> {
        let text = |ids: &[u32]| ids.iter().filter_map(|id| char::from_u32(*id)).collect();
        let id = |mark: char| mark as u32;
        Marks {
            think_start: id('<'),
            think_end: id('>'),
            end: id('$'),
            n_sampleable: 128,
            decode: Box::new(text),
        }
    }

    fn reply(prompt: &str, answer: &str) -> Reply {
        let ids = |text: &str| text.chars().map(u32::from).collect::<Vec<_>>();
        let completion = Completion { token_ids: ids(answer), ..Completion::default() };
        Reply::of(&marks(), &ids(prompt), &completion)
    }

    #[test]
    fn the_form_is_one_thought_one_box_and_an_end() {
        let cases = [
            ("q<", r"hm>\boxed{4}$", true),
            ("q<", r"hm> so \boxed{4}.$", true),
            ("q", r"<hm>\boxed{4}$", true),
            ("q", r"hm>\boxed{4}$", false),
            ("q<", r"<hm>\boxed{4}$", false),
            ("q<", r"hm>\boxed{4}", false),
            ("q<", r" >\boxed{4}$", false),
            ("q<", r"hm>\boxed{4} \boxed{5}$", false),
            ("q<", r"hm>\boxed{}$", false),
            ("q<", r"hm>4$", false),
            ("q<", r"hm>\boxed{4$", false),
            ("q<", r"\boxed{4}$", false),
            ("q<", r"a>b>\boxed{4}$", false),
            ("q<", r"a><b>\boxed{4}$", false),
            ("q<", "", false),
            ("q<", "$", false),
            ("a<b>c", r"<hm>\boxed{4}$", true),
        ];
        for (prompt, answer, want) in cases {
            let reply = reply(prompt, answer);
            assert_eq!(reply.is_well_formed(true), want, "{prompt}{answer}: {reply:?}");
        }
        assert!(reply("q<", "hm>hello$").is_well_formed(false));
        assert!(!reply("q<", "hm> $").is_well_formed(false));
    }

    #[test]
    fn only_finished_replies_after_the_thought_are_graded() {
        assert_eq!(reply("q<", r"hm>\boxed{4}$").gradable(), Some(r"\boxed{4}"));
        assert_eq!(reply("q<", r"hm>\boxed{4}").gradable(), None);
        assert_eq!(reply("q<", r"hm \boxed{4}$").gradable(), None);
        assert_eq!(reply("q<", "hm \\boxed{4}$").thinking, r"hm \boxed{4}");
        assert_eq!(reply("q", r"\boxed{4}$").gradable(), Some(r"\boxed{4}"));
    }
}
