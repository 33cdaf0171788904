//! Verdicts: a pure function of a question and a sample, apart from generation.

use serde::{Deserialize, Serialize};

use crate::code::Judge;
use crate::error::{EvalError, usage};
use crate::question::{Gold, Question};
use crate::sample::Sample;
use crate::{choice, ifeval, maths, own};

/// What became of a sample. Only [`Outcome::Right`] counts as right; the others differ in what they
/// say about the model, the question or the harness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The answer is right.
    Right,
    /// There is an answer, and it is shown to be wrong.
    Wrong,
    /// There is an answer that the judge could neither accept nor refute.
    Undecided,
    /// There is no answer to judge.
    NoAnswer,
}

/// A judged sample.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// The verdict.
    pub outcome: Outcome,
    /// What was taken for the answer.
    pub answer: Option<String>,
    /// Why, in a few words.
    pub reason: String,
}

impl Score {
    /// A reply without an answer.
    pub fn no_answer(reason: &str) -> Score {
        Score { outcome: Outcome::NoAnswer, answer: None, reason: reason.to_owned() }
    }

    /// Whether it counts.
    pub fn is_right(&self) -> bool {
        self.outcome == Outcome::Right
    }
}

/// Judges one sample. `judge` runs programs; without it, a question that needs one is an error.
pub fn score(
    question: &Question,
    sample: &Sample,
    judge: Option<&Judge>,
) -> Result<Score, EvalError> {
    let reply = sample.answer.trim();
    if reply.is_empty() {
        return Ok(Score::no_answer(match sample.is_cut() {
            true => "the limit of tokens was reached before an answer",
            false if sample.reasoning.trim().is_empty() => "the reply is empty",
            false => "nothing follows the thinking",
        }));
    }
    Ok(match &question.gold {
        Gold::Maths { answer } => maths::score(answer, reply),
        Gold::Choice { letter, rule } => choice::score(*letter, *rule, reply),
        Gold::Instructions { instructions } => ifeval::score(instructions, reply),
        Gold::Program(tests) => {
            let what = "a program is to be judged, and there is no sandbox to run it in";
            judge
                .ok_or_else(|| usage(what, "name an interpreter with --python"))?
                .score(tests, reply)?
        }
        Gold::Own(place) => own::score(place, &question.prompt, reply)?,
    })
}
