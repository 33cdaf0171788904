//! `dialogues.jsonl`: questions with verified answers, sampled from a model, for another to learn.

use std::path::Path;

use ponder_tasks::Work;
use serde::{Deserialize, Serialize};

use crate::data::TextFormat;
use crate::error::{Result, TrainError};
use crate::record::json_lines;
use crate::sft::Dialogue;

/// The file in the folder of a run.
pub const FILE_NAME: &str = "dialogues.jsonl";

/// A kept dialogue; its line in `dialogues.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptDialogue {
    /// The task.
    pub task: String,
    /// Its level.
    pub level: u8,
    /// The problem apart from its wording, to prove that it is none of those held out.
    pub canonical: String,
    /// The question.
    pub question: String,
    /// What stands inside the thought.
    pub thinking: String,
    /// What follows it.
    pub reply: String,
    /// Tokens of the answer as sampled.
    pub n_tokens: u64,
}

impl KeptDialogue {
    /// The same as tokens, to learn from.
    pub fn dialogue(&self, format: &TextFormat) -> Result<Dialogue> {
        let work = Work { thinking: self.thinking.clone(), reply: self.reply.clone() };
        Ok(Dialogue { prompt: format.prompt(&[], &self.question)?, answer: format.answer(&work)? })
    }
}

/// The dialogues that a run kept, or that someone else wrote in the same form.
pub fn read(path: &Path) -> Result<Vec<KeptDialogue>> {
    let lines = json_lines(path)?;
    let parse = |(i, line)| {
        serde_json::from_value(serde_json::Value::Object(line)).map_err(|e| TrainError::Damaged {
            path: path.to_owned(),
            found: format!("line {}: {e}", i + 1),
            expected: "a dialogue a line".into(),
            hint: "`ponder train reject` writes such files",
        })
    };
    lines.into_iter().enumerate().map(parse).collect()
}
