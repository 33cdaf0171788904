//! What an answer earns. Rules only, as in R1's first stage: is it right, does it keep the form,
//! is it too long, does it repeat itself, does it keep to its language.

use std::collections::HashSet;

use ponder_tasks::Problem;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::reply::Reply;
use crate::rollout::Completion;

/// How much each part counts; every field is written out, because a run depends on each.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RewardWeights {
    /// 1 for a right answer.
    pub accuracy: f64,
    /// 1 for the form of R1's answers.
    pub format: f64,
    /// 0 down to −1 over the last `overlong_share` of the limit.
    pub overlong: f64,
    /// Share of the limit's end in which answers count as too long.
    pub overlong_share: f64,
    /// 0 for no repetition, towards −1 for nothing else.
    pub repetition: f64,
    /// Tokens of the runs that repetition is counted in.
    pub repetition_run: usize,
    /// Share of the thought's telling words that are of the question's language.
    pub language: f64,
}

impl RewardWeights {
    /// Right answers count one, their form a tenth, too long ones lose up to a tenth.
    pub const R1: RewardWeights = RewardWeights {
        accuracy: 1.0,
        format: 0.1,
        overlong: 0.1,
        overlong_share: 0.1,
        repetition: 0.0,
        repetition_run: 8,
        language: 0.0,
    };
}

/// The parts of a reward, before their weights.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rewards {
    /// 1 or 0.
    pub accuracy: f64,
    /// 1 or 0.
    pub format: f64,
    /// 0 to −1.
    pub overlong: f64,
    /// 0 to −1.
    pub repetition: f64,
    /// 0 to 1.
    pub language: f64,
}

impl Rewards {
    /// The weighted sum.
    pub fn total(&self, weights: &RewardWeights) -> f64 {
        weights.accuracy * self.accuracy
            + weights.format * self.format
            + weights.overlong * self.overlong
            + weights.repetition * self.repetition
            + weights.language * self.language
    }

    /// The parts by name.
    pub fn parts(&self) -> Map<String, Value> {
        let parts = [
            ("accuracy", self.accuracy),
            ("format", self.format),
            ("overlong", self.overlong),
            ("repetition", self.repetition),
            ("language", self.language),
        ];
        parts.into_iter().map(|(name, part)| (name.to_owned(), Value::from(part))).collect()
    }

    /// Whether the answer is right.
    pub fn is_correct(&self) -> bool {
        self.accuracy == 1.0
    }
}

/// Judges an answer that could have had `max_tokens` tokens.
pub fn judge(
    problem: &dyn Problem,
    is_boxed: bool,
    (completion, reply): (&Completion, &Reply),
    max_tokens: usize,
    weights: &RewardWeights,
) -> Rewards {
    let text = reply.gradable();
    let is_correct = text.is_some_and(|text| problem.grade(text));
    let n_tokens = completion.token_ids.len();
    Rewards {
        accuracy: is_correct as u8 as f64,
        format: reply.is_well_formed(is_boxed) as u8 as f64,
        overlong: overlong(n_tokens, max_tokens, weights.overlong_share * max_tokens as f64),
        repetition: repetition(&completion.token_ids, weights.repetition_run),
        language: problem.language().consistency(&reply.thinking),
    }
}

/// DAPO's soft punishment (arXiv 2503.14476, equation 13): 0 up to `limit − margin` tokens, −1
/// from `limit` on, a straight line between.
pub fn overlong(n_tokens: usize, limit: usize, margin: f64) -> f64 {
    let beyond = n_tokens as f64 - (limit as f64 - margin);
    if beyond <= 0.0 { 0.0 } else { -(beyond / margin).min(1.0) }
}

/// `−(1 − unique / all)` of the runs of `n` tokens; 0 for what is shorter.
pub fn repetition(token_ids: &[u32], n: usize) -> f64 {
    let runs = token_ids.windows(n.max(1));
    let all = runs.len();
    let unique = runs.collect::<HashSet<_>>().len();
    if all == 0 { 0.0 } else { -(1.0 - unique as f64 / all as f64) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlong_answers_lose_in_a_straight_line() {
        for (n, want) in [(10, 0.0), (80, 0.0), (90, -0.5), (100, -1.0), (120, -1.0)] {
            assert_eq!(overlong(n, 100, 20.0), want, "{n}");
        }
        assert_eq!(overlong(100, 100, 0.0), 0.0, "no margin, no punishment within the limit");
    }

    #[test]
    fn repetition_counts_runs() {
        assert_eq!(repetition(&[7; 5], 2), -0.75);
        assert_eq!(repetition(&[1, 2, 3, 4, 5], 2), 0.0);
        assert_eq!(repetition(&[1], 2), 0.0);
        assert_eq!(repetition(&[], 1), 0.0);
    }

    #[test]
    fn parts_count_by_their_weights() {
        let rewards = Rewards { accuracy: 1.0, format: 1.0, overlong: -0.5, ..Rewards::default() };
        assert!((rewards.total(&RewardWeights::R1) - 1.05).abs() < 1e-12);
        let strict = RewardWeights { language: 0.5, ..RewardWeights::R1 };
        let pure = Rewards { language: 1.0, ..rewards };
        assert!((pure.total(&strict) - 1.55).abs() < 1e-12);
    }
}
