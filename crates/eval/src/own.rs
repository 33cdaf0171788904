//! Ponder's own tasks as benchmarks: problems of the test split, drawn again wherever they are
//! needed, so that the same grader judges an evaluation and a rollout.

use std::collections::HashSet;

use ponder_tasks::grade::extract::{Fallbacks, extract_with};
use ponder_tasks::random::Random;
use ponder_tasks::task::draw;
use ponder_tasks::{LEVELS, Problem, Split, Task};
use serde::{Deserialize, Serialize};

use crate::error::{EvalError, usage};
use crate::question::{Gold, Question};
use crate::score::{Outcome, Score};

/// Draws for a level before it counts as exhausted: easy levels have few problems in the split.
const DRAWS_PER_PROBLEM: u64 = 4;

/// Where a problem is drawn from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The task's name.
    pub task: String,
    /// The level.
    pub level: u8,
    /// The seed of the whole set.
    pub seed: u64,
    /// The number of the draw within the level.
    pub index: u64,
}

impl Place {
    fn random(&self) -> Random {
        let Place { task, level, seed, index } = self;
        Random::named(*seed, &format!("evaluation/{task}/{level}/{index}"))
    }

    /// The problem and its question; `None` if the level has no problem in the test split.
    fn draw(&self, task: &'static dyn Task) -> Option<(Box<dyn Problem>, String)> {
        let mut random = self.random();
        let drawn = draw(task, self.level, Split::Test, &mut random)?;
        let question = drawn.problem.question(&mut random);
        Some((drawn.problem, question))
    }
}

/// `per_level` different problems of every level of each task; fewer where the split has fewer.
pub fn questions(tasks: &[&'static dyn Task], per_level: usize, seed: u64) -> Vec<Question> {
    let mut questions = Vec::new();
    for &task in tasks {
        for level in 0..LEVELS {
            let mut seen = HashSet::new();
            for index in 0..per_level as u64 * DRAWS_PER_PROBLEM {
                let place = Place { task: task.name().into(), level, seed, index };
                let Some((problem, prompt)) = place.draw(task) else { break };
                if !seen.insert(problem.canonical()) {
                    continue;
                }
                questions.push(Question {
                    id: format!("{}/{level}/{index}", task.name()),
                    prompt,
                    subject: Some(task.name().to_owned()),
                    level: Some(level.to_string()),
                    gold: Gold::Own(place),
                });
                if seen.len() == per_level {
                    break;
                }
            }
        }
    }
    questions
}

/// Judges what follows the thinking.
pub fn score(place: &Place, prompt: &str, reply: &str) -> Result<Score, EvalError> {
    let changed = || {
        let what = format!("task `{}` no longer draws the problem that was asked", place.task);
        usage(what, "generate again: the task was changed since this run")
    };
    let task = ponder_tasks::find(&place.task).ok_or_else(changed)?;
    let (problem, question) = place.draw(task).ok_or_else(changed)?;
    if question != prompt {
        return Err(changed());
    }
    let answer = extract_with(reply, &Fallbacks::NONE).text;
    if problem.grade(reply) {
        let answer = answer.or_else(|| Some(reply.trim().to_owned()));
        return Ok(Score {
            outcome: Outcome::Right,
            answer,
            reason: "passes the task's check".into(),
        });
    }
    // An instruction asks for no box: there, whatever was written is the answer.
    let needs_box = task.class() != ponder_tasks::Class::Instruction;
    match answer.or_else(|| (!needs_box && !reply.trim().is_empty()).then(|| reply.trim().into())) {
        None => Ok(Score::no_answer("no box")),
        answer => {
            let reason = "fails the task's check".into();
            Ok(Score { outcome: Outcome::Wrong, answer, reason })
        }
    }
}
