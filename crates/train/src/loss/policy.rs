//! The policy terms: what a token's advantage makes of its log-probability. `ρ` is the ratio
//! `exp(now − old)`, `A` the advantage.

use serde::{Deserialize, Serialize};

use super::{Sample, Terms};

/// A policy term.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// `−A · now`.
    Reinforce,
    /// `−min(ρA, clip(ρ, 1 − low, 1 + high) A)` (PPO, GRPO; `high` above `low` is DAPO's
    /// clip-higher).
    Clip {
        /// Below 1.
        low: f64,
        /// Above 1.
        high: f64,
    },
    /// The same, and at most `−A · limit` for negative advantages.
    DualClip {
        /// Below 1.
        low: f64,
        /// Above 1.
        high: f64,
        /// Largest ratio that counts against an answer.
        limit: f64,
    },
    /// `−min(min(ρ, delta) A, clip(ρ) A)` (INTELLECT-2).
    TwoSided {
        /// Below 1.
        low: f64,
        /// Above 1.
        high: f64,
        /// Largest ratio that counts.
        delta: f64,
    },
    /// `−clamp(ρ) · A · now`, the clamped ratio without gradient (MiniMax-M1).
    Cispo {
        /// Least ratio; 0 for none.
        low: f64,
        /// Largest ratio.
        high: f64,
    },
    /// `−A · (4/τ) · σ(τ(ρ − 1))`, τ by the sign of the advantage.
    Sapo {
        /// τ of positive advantages.
        positive: f64,
        /// τ of negative advantages.
        negative: f64,
    },
    /// The clip on the answer's ratio `s = exp(mean(now − old))` (GSPO). To be aggregated by
    /// sequence mean.
    Gspo {
        /// Below 1.
        low: f64,
        /// Above 1.
        high: f64,
    },
    /// `−A · R`, `R` the geometric mean of the ratios clipped in the logarithm, each on the side
    /// that the advantage pushes to (GMPO). To be aggregated by sequence mean.
    Gmpo {
        /// Largest logarithm.
        limit: f64,
    },
}

/// The term of every token of a sample.
pub fn policy(policy: &Policy, sample: &Sample) -> Terms {
    match *policy {
        Policy::Gspo { low, high } => gspo(sample, low, high),
        Policy::Gmpo { limit } => gmpo(sample, limit),
        _ => {
            let terms = (0..sample.len()).map(|i| token(policy, sample, i));
            let (values, slopes) = terms.unzip();
            Terms { values, slopes }
        }
    }
}

fn token(policy: &Policy, sample: &Sample, i: usize) -> (f64, f64) {
    let (advantage, ratio) = (sample.advantage(i), sample.ratio(i));
    match *policy {
        Policy::Reinforce => (-advantage * sample.now[i] as f64, -advantage),
        Policy::Clip { low, high } => clip(advantage, ratio, low, high),
        Policy::DualClip { low, high, limit } => {
            let (value, slope) = clip(advantage, ratio, low, high);
            if advantage < 0.0 && ratio > limit {
                (value.min(-advantage * limit), 0.0)
            } else {
                (value, slope)
            }
        }
        Policy::TwoSided { low, high, delta } => {
            let clipped = ratio.clamp(1.0 - low, 1.0 + high) * advantage;
            let value = -(ratio.min(delta) * advantage).min(clipped);
            let (_, slope) = clip(advantage, ratio, low, high);
            (value, if ratio > delta { 0.0 } else { slope })
        }
        Policy::Cispo { low, high } => {
            let weight = ratio.clamp(low, high) * advantage;
            (-weight * sample.now[i] as f64, -weight)
        }
        Policy::Sapo { positive, negative } => {
            let tau = if advantage > 0.0 { positive } else { negative };
            let gate = 1.0 / (1.0 + (-tau * (ratio - 1.0)).exp());
            let slope = -advantage * 4.0 * gate * (1.0 - gate) * ratio;
            (-advantage * 4.0 / tau * gate, slope)
        }
        Policy::Gspo { .. } | Policy::Gmpo { .. } => unreachable!("terms of whole answers"),
    }
}

/// `−min(ρA, clip(ρ)A)` and its derivative by the logarithm of ρ.
fn clip(advantage: f64, ratio: f64, low: f64, high: f64) -> (f64, f64) {
    let clipped = ratio.clamp(1.0 - low, 1.0 + high) * advantage;
    let is_clipped = advantage > 0.0 && ratio > 1.0 + high || advantage < 0.0 && ratio < 1.0 - low;
    let slope = if is_clipped { 0.0 } else { -advantage * ratio };
    (-(ratio * advantage).min(clipped), slope)
}

fn gspo(sample: &Sample, low: f64, high: f64) -> Terms {
    let (n, ratio) = (sample.len(), sample.mean_ratio());
    let each = (0..n).map(|i| {
        let (value, slope) = clip(sample.advantage(i), ratio, low, high);
        // Each token moves the mean by its n-th part, and the value of all n tokens with it:
        // under the sequence mean a token's slope is the answer's over n.
        (value, slope)
    });
    let (values, slopes) = each.unzip();
    Terms { values, slopes }
}

fn gmpo(sample: &Sample, limit: f64) -> Terms {
    let n = sample.len();
    let logs: Vec<f64> =
        sample.now.iter().zip(&sample.old).map(|(now, old)| *now as f64 - *old as f64).collect();
    let clipped = |i: usize| {
        let is_clipped = match sample.advantage(i) >= 0.0 {
            true => logs[i] > limit,
            false => logs[i] < -limit,
        };
        (if is_clipped { logs[i].clamp(-limit, limit) } else { logs[i] }, is_clipped)
    };
    let mean = (0..n).map(|i| clipped(i).0).sum::<f64>() / n.max(1) as f64;
    let ratio = mean.exp();
    let values = (0..n).map(|i| -sample.advantage(i) * ratio).collect();
    let slope = |i: usize| if clipped(i).1 { 0.0 } else { -sample.advantage(i) * ratio };
    Terms { values, slopes: (0..n).map(slope).collect() }
}
