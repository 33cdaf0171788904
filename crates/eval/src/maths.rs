//! Questions with one mathematical answer: R1's instruction, and the verifier's verdict.

use ponder_tasks::grade::extract::{Fallbacks, Source, extract_with};
use ponder_tasks::grade::policy::Policy;
use ponder_tasks::grade::value::Value;
use ponder_tasks::grade::{Verdict, compare_values, grade, parse};

use crate::score::{Outcome, Score};

/// DeepSeek's sentence for mathematics (R1's README, "Usage Recommendations").
const INSTRUCTION: &str = "Please reason step by step, and put your final answer within \\boxed{}.";

/// Where an answer may stand when there is no box. A last line that announces nothing is none.
const FALLBACKS: Fallbacks =
    Fallbacks { phrase: true, hashes: true, bold: true, formula: true, last_line: false };

/// The user's turn for a mathematical problem.
pub fn prompt(problem: &str) -> String {
    format!("{}\n{INSTRUCTION}", problem.trim_end())
}

/// Judges what follows the thinking.
pub fn score(gold: &str, reply: &str) -> Score {
    let found = extract_with(reply, &FALLBACKS);
    let Some(text) = found.text else {
        return Score::no_answer("no box, and no other sign of an answer");
    };
    // A box is judged in its place: the verifier joins boxes and knows what surrounds them.
    let is_boxed = found.source == Source::Box;
    let judgement = grade(gold, if is_boxed { reply } else { &text }, &Policy::STANDARD);
    let outcome = match judgement.verdict {
        Verdict::Equal => Outcome::Right,
        Verdict::Different => Outcome::Wrong,
        Verdict::Undecided => Outcome::Undecided,
    };
    let place = if is_boxed { String::new() } else { format!(" ({:?}, no box)", found.source) };
    Score { outcome, answer: Some(text), reason: judgement.reason + &place }
}

/// An answer that was read once, to be compared with many others.
pub fn read(answer: &str) -> Option<Value> {
    parse::parse(answer).ok()
}

/// Whether two answers are proven equal.
pub fn is_same(a: &Value, b: &Value) -> bool {
    compare_values(a, b, &Policy::STANDARD).0 == Verdict::Equal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_judged_by_their_final_answer() {
        let cases = [
            (r"\frac{14}{3}", r"so \boxed{\dfrac{14}{3}}.", Outcome::Right),
            (r"\frac{14}{3}", r"\boxed{4.667}", Outcome::Wrong),
            ("33", r"\boxed{033}", Outcome::Right),
            ("33", "The final answer is 33.", Outcome::Right),
            ("33", "**Answer: 33**", Outcome::Right),
            ("33", "I like 33", Outcome::NoAnswer),
            ("33", "", Outcome::NoAnswer),
            ("9", r"\boxed{9 \text{ or } 10}", Outcome::Wrong),
            ("9", r"\boxed{10} no, \boxed{9}", Outcome::Right),
        ];
        for (gold, reply, want) in cases {
            let score = score(gold, reply);
            assert_eq!(score.outcome, want, "{gold} {reply}: {score:?}");
        }
    }
}
