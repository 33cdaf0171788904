//! Greedy choice and the draw from a filtered distribution.

use std::cmp::Ordering;

use super::Scratch;
use super::exp::exp;
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
    let Scratch { logits, weights, candidates, order } = scratch;
    // Relative to the best token, whose weight is thus 1.
    let weigh = |logit: &f32| exp((*logit - max) / sampling.temperature);
    weights.clear();
    let total = if let Some(k) = sampling.top_k.filter(|k| *k < logits.len()) {
        top_k(logits, k, candidates);
        weights.extend(candidates.iter().map(|c| weigh(&c.value)));
        sum(weights)
    } else {
        weights.extend(logits.iter().map(weigh));
        if sampling.top_p == 1.0 {
            return drawn(weights, sampling.min_p, uniform) as u32;
        }
        let total = sum(weights);
        keep_likely(logits, weights, candidates, (1.0 - f64::from(sampling.top_p)) * total);
        total
    };
    if sampling.top_p < 1.0 {
        keep_mass(candidates, weights, f64::from(sampling.top_p) * total, order);
    }
    candidates[drawn(weights, sampling.min_p, uniform)].id
}

/// Leaves all tokens but some that weigh at most `spare` together, in the order of ids.
///
/// Those lighter than `spare / n` do. For top-p the others hold the nucleus, and are few.
fn keep_likely(
    logits: &[f32],
    weights: &mut Vec<f32>,
    candidates: &mut Vec<Candidate>,
    spare: f64,
) {
    let bar = (spare / weights.len() as f64) as f32;
    candidates.clear();
    for (id, value) in logits.iter().enumerate() {
        if weights[id] >= bar {
            weights[candidates.len()] = weights[id];
            candidates.push(Candidate { id: id as u32, value: *value });
        }
    }
    weights.truncate(candidates.len());
}

/// Takes the weight of all but the fewest best candidates that weigh `mass` together.
///
/// Halves the range in which the last of them lies, so the work is linear, and no sort is needed
/// even where all tokens are equally likely.
fn keep_mass(candidates: &[Candidate], weights: &mut [f32], mass: f64, order: &mut Vec<u32>) {
    order.clear();
    order.extend(0..candidates.len() as u32);
    let (mut start, mut end, mut before) = (0, order.len(), 0.0);
    while end - start > 1 {
        let middle = (start + end) / 2;
        let range = &mut order[start..end];
        range.select_nth_unstable_by(middle - start, |a, b| {
            best_first(&candidates[*a as usize], &candidates[*b as usize])
        });
        let better = &order[start..middle];
        let heavier = better.iter().map(|i| f64::from(weights[*i as usize])).sum::<f64>();
        if before + heavier >= mass {
            end = middle;
        } else {
            (start, before) = (middle, before + heavier);
        }
    }
    let last = candidates[order[start] as usize];
    for (candidate, weight) in candidates.iter().zip(weights) {
        if best_first(candidate, &last) == Ordering::Greater {
            *weight = 0.0;
        }
    }
}

/// The sum in f64, in eight strands that lanes can follow.
fn sum(weights: &[f32]) -> f64 {
    let mut strands = [0.0; 8];
    let chunks = weights.chunks_exact(strands.len());
    let rest = chunks.remainder().iter().map(|weight| f64::from(*weight)).sum::<f64>();
    for chunk in chunks {
        strands.iter_mut().zip(chunk).for_each(|(sum, weight)| *sum += f64::from(*weight));
    }
    strands.iter().sum::<f64>() + rest
}

/// The index that `uniform` falls on among the weights of at least `min_weight`.
fn drawn(weights: &mut [f32], min_weight: f32, uniform: f64) -> usize {
    if min_weight > 0.0 {
        weights.iter_mut().for_each(|w| *w = if *w >= min_weight { *w } else { 0.0 });
    }
    let target = uniform * sum(weights);
    let (mut before, mut last) = (0.0, 0);
    for (index, weight) in weights.iter().enumerate() {
        // A weight of zero is a token that is ruled out; it must not be drawn even by rounding.
        if *weight > 0.0 {
            before += f64::from(*weight);
            last = index;
            if before > target {
                break;
            }
        }
    }
    last
}
