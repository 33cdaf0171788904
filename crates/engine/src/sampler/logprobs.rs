//! Log-probabilities of the model's own distribution: those of [`ponder_kernels::ops::log_softmax`],
//! bit for bit, so that scoring, sampling and training agree.

use ponder_kernels::ops::log_softmax::{log_prob_at, log_sum_exp};

use super::Scratch;
use super::select::top_k;
use crate::event::TokenLogprob;

/// The log-probability of `id` under `row / temperature` and the `n_top` best candidates.
pub(crate) fn logprobs(
    row: &[f32],
    id: Option<u32>,
    (n_top, temperature): (usize, f32),
    scratch: &mut Scratch,
) -> (Option<f32>, Vec<TokenLogprob>) {
    if temperature != 1.0 {
        let logprob = |id: u32| log_prob_at(row, id as usize, temperature);
        top_k(row, n_top, &mut scratch.candidates);
        let ids = scratch.candidates.iter().map(|candidate| candidate.id);
        let top = ids.map(|id| TokenLogprob { id, logprob: logprob(id) }).collect();
        return (id.map(logprob), top);
    }
    let log_sum_exp = log_sum_exp(row);
    let logprob = |logit: f32| (f64::from(logit) - log_sum_exp) as f32;
    top_k(row, n_top, &mut scratch.candidates);
    let top = scratch.candidates.iter();
    let top = top.map(|c| TokenLogprob { id: c.id, logprob: logprob(c.value) }).collect();
    (id.map(|id| logprob(row[id as usize])), top)
}

/// Logits from here on are damage: no model comes near, and below it no bias or penalty overflows.
const LOGIT_MAX: f32 = 1e30;

/// Whether a row can be normalised: no NaN, nothing huge, something above negative infinity.
pub(crate) fn is_finite(row: &[f32]) -> bool {
    let is_sound = row.iter().fold(true, |sound, x| sound & (*x < LOGIT_MAX));
    is_sound && row.iter().any(|x| *x > f32::NEG_INFINITY)
}
