//! What a task is: problems of ten levels, each with the ways a person would ask it, worked
//! solutions to learn from, and a grader. Training data, rewards and evaluation are views of it.

use std::fmt;

use crate::language::Language;
use crate::random::Random;
use crate::split::Split;

/// Levels of difficulty, 0 the easiest.
pub const LEVELS: u8 = 10;

/// What solving a task takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Reliable steps, written out.
    Compute,
    /// Trying: hard to find, cheap to check.
    Search,
    /// Doing as told; no reasoning, no box.
    Instruction,
}

/// A kind of problem.
pub trait Task: Send + Sync {
    /// The name in mixes, reports and on the command line, such as `countdown3`.
    fn name(&self) -> &'static str;

    /// What solving it takes.
    fn class(&self) -> Class;

    /// A random problem of a level below [`LEVELS`]. The same draws give the same problem.
    fn draw(&self, level: u8, random: &mut Random) -> Box<dyn Problem>;
}

impl fmt::Debug for dyn Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A problem, apart from its wording.
pub trait Problem: Send + Sync {
    /// A text that is equal for problems which are the same but for wording, names and the order
    /// of what has no order, and different otherwise. Splits are made by its hash, so that no
    /// variant of a test problem is ever trained on.
    fn canonical(&self) -> String;

    /// The language of its questions and of the thoughts about them.
    fn language(&self) -> Language {
        Language::English
    }

    /// The problem as a person asks it, in one of several phrasings.
    fn question(&self, random: &mut Random) -> String;

    /// A solution to learn from, in one of the styles the problem has; with `giveup` it may end in
    /// a wrong guess.
    fn work(&self, style: Style, random: &mut Random) -> Work;

    /// Whether `reply`, what stands after `</think>`, is right. Exact, bounded in work by the
    /// length of the reply, and without panic on any text.
    fn grade(&self, reply: &str) -> bool;
}

/// How a solution is written (spec: cold start). A problem to which a style does not apply writes
/// the nearest that does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Style {
    /// The steps and no more; a search as if the first guess were right.
    Straight,
    /// The steps, and a `check` of the result.
    Checked,
    /// Tries with `back`, ended by `giveup` and a best guess after a random number of tries whose
    /// mean is `mean_tries`; infinite never gives up.
    Search {
        /// Mean of the geometric number of tries.
        mean_tries: f64,
    },
    /// A slip that a `check` finds and mends.
    Slip,
    /// Hardly any thinking: the result at once.
    Short,
}

impl Style {
    /// The thought of a computation, which has nothing to search: a search is a check, and so is a
    /// slip that finds no place.
    pub(crate) fn computed(
        self,
        straight: String,
        short: impl FnOnce() -> String,
        check: impl Fn() -> String,
        slip: impl FnOnce() -> Option<String>,
    ) -> String {
        let checked = || format!("{straight}\n{}", check());
        match self {
            Style::Straight => straight,
            Style::Short => short(),
            Style::Checked | Style::Search { .. } => checked(),
            Style::Slip => slip().unwrap_or_else(checked),
        }
    }
}

/// A solution: what stands between `<think>` and `</think>`, and what follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Work {
    /// The thought, not empty, without a newline at its ends.
    pub thinking: String,
    /// The reply; its last box is the answer, unless the task is an instruction.
    pub reply: String,
}

impl Work {
    /// A thought and a boxed answer.
    pub fn boxed(thinking: impl Into<String>, answer: impl fmt::Display) -> Work {
        Work { thinking: thinking.into(), reply: format!("\\boxed{{{answer}}}") }
    }
}

/// A problem that was drawn, and from where.
pub struct Drawn {
    /// Its task.
    pub task: &'static dyn Task,
    /// Its level.
    pub level: u8,
    /// The problem.
    pub problem: Box<dyn Problem>,
}

/// Draws before [`draw`] gives up: at least one of 50 lies in each split, so a hundred times that
/// finds none only where the level has very few problems, all in other splits.
const MAX_DRAWS: usize = 5000;

/// A random problem of `split`; `None` if the level seems to have none there.
pub fn draw(
    task: &'static dyn Task,
    level: u8,
    split: Split,
    random: &mut Random,
) -> Option<Drawn> {
    let mut draws = (0..MAX_DRAWS).map(|_| task.draw(level, random));
    let problem = draws.find(|problem| Split::of(&problem.canonical()) == split)?;
    Some(Drawn { task, level, problem })
}
