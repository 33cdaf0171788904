//! What the verifier promises, by kind of promise.

mod data;
mod different;
mod equal;
mod hostile;
mod mutations;
mod notation;
mod properties;
mod respell;

use ponder_tasks::grade::policy::Policy;
use ponder_tasks::grade::{Judgement, Verdict, grade};

/// Judges under the standard policy.
fn judge(gold: &str, answer: &str) -> Judgement {
    grade(gold, answer, &Policy::STANDARD)
}

/// All pairs of a table must get `verdict`, whichever side is the gold; failures are listed.
#[track_caller]
fn check(table: &[(&str, &str)], verdict: Verdict) {
    let mut failures = Vec::new();
    for (a, b) in table {
        for (gold, answer) in [(a, b), (b, a)] {
            let judgement = judge(gold, answer);
            if judgement.verdict != verdict {
                failures.push(format!("{gold:?} and {answer:?}: {judgement:?}"));
            }
        }
    }
    assert!(failures.is_empty(), "expected {verdict:?}:\n{}", failures.join("\n"));
}
