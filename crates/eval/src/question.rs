//! One question of a benchmark, and what its answer is judged by.

use serde::{Deserialize, Serialize};

use crate::code::Tests;
use crate::ifeval::Instruction;

/// A question as it is sent, with its gold answer. Stored in the run's folder, so that scoring
/// needs the data no more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Question {
    /// Its name within the benchmark; unique.
    pub id: String,
    /// The user's turn, whole.
    pub prompt: String,
    /// What it is about, for the report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// How hard it is, for the report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
    /// What is right.
    pub gold: Gold,
}

/// What an answer is judged by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Gold {
    /// The verifier, against this answer.
    Maths {
        /// The gold answer in LaTeX or plain notation.
        answer: String,
    },
    /// The letter of the right option.
    Choice {
        /// From `A` on.
        letter: char,
        /// How the letter is found in a reply.
        rule: ChoiceRule,
    },
    /// Rules that can be checked without a model.
    Instructions {
        /// All of which have to be followed.
        instructions: Vec<Instruction>,
    },
    /// Tests of a program.
    Program(Tests),
    /// The grader of one of Ponder's own problems, which is drawn again from where it came.
    Own(crate::own::Place),
}

/// How simple-evals finds the letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChoiceRule {
    /// Marks of markdown and LaTeX are dropped, then "answer" is looked for in many languages.
    Mmlu,
    /// `Answer: X`, as it stands.
    Gpqa,
}

impl Gold {
    /// The gold answer as a person reads it; nothing where a program judges.
    pub fn shown(&self) -> Option<String> {
        match self {
            Gold::Maths { answer } => Some(answer.clone()),
            Gold::Choice { letter, .. } => Some(letter.to_string()),
            Gold::Instructions { .. } | Gold::Program(_) | Gold::Own(_) => None,
        }
    }
}
