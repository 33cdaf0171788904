//! Problems and their graders. The same functions score an evaluation and reward a rollout, so
//! that a number in a report and a number in training can never mean different things.

#![forbid(unsafe_code)]

mod addsub;
mod answer;
mod chain;
mod columns;
mod countdown;
mod factor;
mod formula;
mod gcd;
pub mod grade;
mod instruct;
mod knights;
pub mod language;
mod linear;
mod modular;
mod mul;
mod path;
mod phrasing;
mod program;
mod radix;
pub mod random;
mod smalltalk;
pub mod split;
mod subset;
mod sudoku;
pub mod task;
mod trace;
mod wording;
mod words;

pub use language::Language;
pub use split::Split;
pub use task::{Class, Drawn, LEVELS, Problem, Style, Task, Work};
pub use trace::tokens;

/// Every task, in the order of reports.
pub fn all() -> &'static [&'static dyn Task] {
    &[
        &addsub::AddSub,
        &mul::Mul,
        &chain::Chain,
        &modular::Modular,
        &gcd::Gcd,
        &radix::Radix,
        &linear::Linear,
        &words::Words,
        &countdown::Countdown { count: 3 },
        &countdown::Countdown { count: 4 },
        &factor::Factor,
        &subset::Subset,
        &sudoku::Sudoku,
        &knights::Knights,
        &path::Path,
        &program::Program,
        &smalltalk::SmallTalk,
        &instruct::Instruct,
    ]
}

/// The task of this name.
pub fn find(name: &str) -> Option<&'static dyn Task> {
    all().iter().copied().find(|task| task.name() == name)
}
