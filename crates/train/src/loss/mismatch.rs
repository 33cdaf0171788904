//! The gap between sampler and trainer: how large it is, and weights that correct for it. They
//! multiply the policy term, never the KL term.

use serde::{Deserialize, Serialize};

use super::Sample;

/// What a token's policy term is multiplied with, by `w = exp(old − sampler)`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Correction {
    /// Nothing: sampler and trainer share their kernels.
    None,
    /// `min(w, limit)`: truncated importance sampling.
    TokenTruncate {
        /// The limit.
        limit: f64,
    },
    /// `w` within the limits, else 0.
    TokenMask {
        /// The least and the largest `w` that counts.
        limits: [f64; 2],
    },
    /// As for tokens, with the product over the answer.
    SequenceTruncate {
        /// The limit.
        limit: f64,
    },
    /// As for tokens, with the product over the answer.
    SequenceMask {
        /// The least and the largest product that counts.
        limits: [f64; 2],
    },
    /// The answer counts if its geometric mean of `w` lies within the limits.
    GeometricReject {
        /// The least and the largest mean.
        limits: [f64; 2],
    },
}

/// The factor of each token.
pub fn corrections(correction: &Correction, sample: &Sample) -> Vec<f64> {
    let logs: Vec<f64> = gaps(sample).collect();
    let sum: f64 = logs.iter().sum();
    let within = |w: f64, [least, largest]: [f64; 2]| w >= least && w <= largest;
    let all = |factor: f64| vec![factor; sample.len()];
    match *correction {
        Correction::None => all(1.0),
        Correction::TokenTruncate { limit } => logs.iter().map(|x| x.exp().min(limit)).collect(),
        Correction::TokenMask { limits } => {
            let keep = |w: f64| if within(w, limits) { w } else { 0.0 };
            logs.iter().map(|x| keep(x.exp())).collect()
        }
        Correction::SequenceTruncate { limit } => all(sum.exp().min(limit)),
        Correction::SequenceMask { limits } => {
            all(if within(sum.exp(), limits) { sum.exp() } else { 0.0 })
        }
        Correction::GeometricReject { limits } => {
            let mean = (sum / sample.len().max(1) as f64).exp();
            all(if within(mean, limits) { 1.0 } else { 0.0 })
        }
    }
}

fn gaps(sample: &Sample) -> impl Iterator<Item = f64> + '_ {
    sample.old.iter().zip(&sample.sampler).map(|(old, sampler)| *old as f64 - *sampler as f64)
}

/// How far sampler and trainer are apart over all tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Mismatch {
    /// Largest `|old − sampler|`. With shared kernels it must be 0.
    pub largest: f64,
    /// Mean of `|old − sampler|`.
    pub mean: f64,
    /// Mean of `exp(x) − x − 1`, `x = old − sampler`.
    pub k3: f64,
    /// Mean of `exp|x|`.
    pub mean_exp: f64,
    /// Mean of `exp(x)`.
    pub mean_weight: f64,
}

/// Measures the gap.
pub fn mismatch(samples: &[Sample]) -> Mismatch {
    let n = samples.iter().map(Sample::len).sum::<usize>().max(1) as f64;
    let mut found = Mismatch::default();
    for x in samples.iter().flat_map(gaps) {
        found.largest = found.largest.max(x.abs());
        found.mean += x.abs() / n;
        found.k3 += (x.exp() - x - 1.0) / n;
        found.mean_exp += x.abs().exp() / n;
        found.mean_weight += x.exp() / n;
    }
    found
}
