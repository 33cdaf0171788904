//! Greedy choice and the draw from a filtered distribution.

use super::Scratch;
use super::select::{Candidate, best_first, top_k};
use crate::request::Sampling;

/// The best entry and its value, of equals the first; `None` if all are negative infinity.
pub(crate) fn argmax(logits: &[f32]) -> Option<(u32, f32)> {
    let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    if max == f32::NEG_INFINITY {
        return None;
    }
    let id = logits.iter().position(|logit| *logit == max)?;
    Some((id as u32, max))
}

/// Draws from `scratch.logits`, whose greatest value is `max`, with a uniform number of [0, 1).
pub(crate) fn draw(sampling: &Sampling, max: f32, uniform: f64, scratch: &mut Scratch) -> u32 {
    let Scratch { logits, weights, candidates } = scratch;
    // Relative to the best token, whose weight is thus 1.
    let temperature = f64::from(sampling.temperature);
    let weight = |logit: f32| (f64::from(logit - max) / temperature).exp();
    let (top_p, min_weight) = (f64::from(sampling.top_p), f64::from(sampling.min_p));
    let top_k_of_fewer = sampling.top_k.filter(|k| *k < logits.len());

    weights.clear();
    let total = if let Some(k) = top_k_of_fewer {
        top_k(logits, k, candidates);
        weights.extend(candidates.iter().map(|c| weight(c.value)));
        weights.iter().sum::<f64>()
    } else {
        weights.extend(logits.iter().map(|logit| weight(*logit)));
        if top_p == 1.0 {
            return drawn(weights, min_weight, uniform) as u32;
        }
        let total = weights.iter().sum::<f64>();
        likely(weights, (1.0 - top_p) * total, logits, candidates);
        weights.clear();
        weights.extend(candidates.iter().map(|c| weight(c.value)));
        total
    };
    if top_p < 1.0 {
        keep_mass(weights, top_p * total);
    }
    candidates[drawn(weights, min_weight, uniform)].id
}

/// Leaves in `candidates`, best first, all tokens but some that weigh at most `spare` together.
///
/// Those lighter than `spare / n` do. For top-p the others hold the nucleus, and are few.
fn likely(weights: &[f64], spare: f64, logits: &[f32], candidates: &mut Vec<Candidate>) {
    let bar = spare / weights.len() as f64;
    let heavy = weights.iter().enumerate().filter(|(_, weight)| **weight >= bar);
    candidates.clear();
    candidates.extend(heavy.map(|(id, _)| Candidate { id: id as u32, value: logits[id] }));
    candidates.sort_unstable_by(best_first);
}

/// Cuts weights, heaviest first, to the fewest that reach `mass`.
fn keep_mass(weights: &mut Vec<f64>, mass: f64) {
    let mut sum = 0.0;
    let reached = weights.iter().position(|weight| {
        sum += weight;
        sum >= mass
    });
    weights.truncate(reached.map_or(weights.len(), |last| last + 1));
}

/// The index that `uniform` falls on among the weights of at least `min_weight`.
fn drawn(weights: &[f64], min_weight: f64, uniform: f64) -> usize {
    // A weight of zero is a ruled out token; it must not be drawn even by rounding.
    let eligible = |weight: f64| weight > 0.0 && weight >= min_weight;
    let mass: f64 = weights.iter().filter(|weight| eligible(**weight)).sum();
    let target = uniform * mass;
    let (mut sum, mut last) = (0.0, 0);
    for (index, weight) in weights.iter().enumerate() {
        if eligible(*weight) {
            sum += weight;
            last = index;
            if sum > target {
                break;
            }
        }
    }
    last
}
