//! Log-probabilities of a row of logits: `logit - log(sum(exp(logits)))`.
//!
//! One definition serves scoring, sampling and training, so all see the same bits.

/// The logarithm of the sum of exponentials of a row, in f64.
pub fn log_sum_exp(logits: &[f32]) -> f64 {
    let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max) as f64;
    let sum: f64 = logits.iter().map(|logit| (*logit as f64 - max).exp()).sum();
    max + sum.ln()
}

/// The natural-log probability of one entry.
pub fn log_prob(logits: &[f32], index: usize) -> f32 {
    (logits[index] as f64 - log_sum_exp(logits)) as f32
}

/// The same under `logits / temperature`; at temperature 1 the same bits as [`log_prob`].
pub fn log_prob_at(logits: &[f32], index: usize, temperature: f32) -> f32 {
    if temperature == 1.0 {
        return log_prob(logits, index);
    }
    let inverse = 1.0 / temperature as f64;
    let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max) as f64;
    let sum: f64 = logits.iter().map(|logit| ((*logit as f64 - max) * inverse).exp()).sum();
    ((logits[index] as f64 - max) * inverse - sum.ln()) as f32
}
