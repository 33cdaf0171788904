//! How much better an answer is than the others of its group.

use serde::{Deserialize, Serialize};

/// What a reward is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Advantage {
    /// `(r − mean) / (deviation + 1e-4)`: GRPO. The deviation is that of a sample, over n − 1.
    Normalised,
    /// `r − mean`: Dr. GRPO, without its bias towards easy and hard questions.
    MeanOnly,
    /// `r` less the mean of the others (RLOO).
    LeaveOneOut,
}

/// Keeps nearly equal rewards from becoming large advantages.
const EPS: f64 = 1e-4;

/// The advantage of each reward of a group; exactly zero for all if all rewards are equal, or if
/// there is but one.
pub fn advantages(kind: Advantage, rewards: &[f64]) -> Vec<f64> {
    let n = rewards.len() as f64;
    if is_flat(rewards) {
        return vec![0.0; rewards.len()];
    }
    let mean = rewards.iter().sum::<f64>() / n;
    let squares = rewards.iter().map(|r| (r - mean).powi(2)).sum::<f64>();
    let factor = match kind {
        Advantage::Normalised => 1.0 / ((squares / (n - 1.0)).sqrt() + EPS),
        Advantage::MeanOnly => 1.0,
        Advantage::LeaveOneOut => n / (n - 1.0),
    };
    rewards.iter().map(|r| (r - mean) * factor).collect()
}

/// Whether a group has nothing to learn from: compared, not computed, because a mean of equal
/// numbers need not equal them.
pub fn is_flat(rewards: &[f64]) -> bool {
    rewards.iter().all(|r| *r == rewards[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_those_worked_out() {
        let check = |kind, want: [f64; 2]| {
            let found = advantages(kind, &[1.0, 0.0, 0.0, 0.0]);
            let close = |found: f64, want: f64| (found - want).abs() < 1e-6;
            assert!(close(found[0], want[0]) && close(found[1], want[1]), "{kind:?} {found:?}");
        };
        check(Advantage::Normalised, [1.499700, -0.499900]);
        check(Advantage::MeanOnly, [0.75, -0.25]);
        check(Advantage::LeaveOneOut, [1.0, -1.0 / 3.0]);
    }

    #[test]
    fn equal_rewards_are_exactly_nothing() {
        for kind in [Advantage::Normalised, Advantage::MeanOnly, Advantage::LeaveOneOut] {
            for n in 1..20 {
                let found = advantages(kind, &vec![0.1; n]);
                assert!(found.iter().all(|a| a.to_bits() == 0), "{kind:?} of {n}: {found:?}");
            }
            assert!(advantages(kind, &[]).is_empty());
        }
    }

    #[test]
    fn a_constant_for_all_changes_nothing_and_a_factor_hardly() {
        let rewards = [0.0, 1.0, 1.0, 0.25];
        let shifted = rewards.map(|r| r + 4.0);
        let scaled = rewards.map(|r| r * 8.0);
        for kind in [Advantage::Normalised, Advantage::MeanOnly, Advantage::LeaveOneOut] {
            assert_eq!(advantages(kind, &rewards), advantages(kind, &shifted), "{kind:?}");
        }
        let pairs = advantages(Advantage::Normalised, &rewards)
            .into_iter()
            .zip(advantages(Advantage::Normalised, &scaled));
        for (a, b) in pairs {
            assert!((a - b).abs() < 1e-3, "{a} {b}");
        }
    }
}
