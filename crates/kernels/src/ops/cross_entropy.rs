//! Log-probabilities of target tokens straight from the hidden state, and their gradient: the
//! output head, softmax and loss in one, a chunk of rows at a time, so that logits
//! `[tokens, vocab_size]` never exist at once.
//!
//! Every loss on tokens is `Σ coefficient · log-probability` on its way back: cross-entropy has
//! the coefficients `-weight`, a policy gradient has `weight · ∂ℓ/∂lp` (spec of GRPO's losses).
//! The gradient by a logit is `coefficient · (1[v = target] - p_v) / temperature`.

use ponder_tensor::Tensor;
use ponder_tensor::format::Matrix;

use super::backward::{Gradients, Transposes};

/// Logits that exist at once, at the most, unless one row has more.
const CHUNK_LOGITS: usize = 1 << 20;

/// Tokens whose log-probabilities are wanted.
#[derive(Clone, Copy)]
pub struct Targets<'a> {
    /// Rows of the hidden state, ascending.
    pub rows: &'a [usize],
    /// The token that each of them is to predict.
    pub token_ids: &'a [u32],
    /// Logits are divided by it.
    pub temperature: f32,
}

/// The log-probability of every target.
pub fn forward(ops: &dyn Gradients, hidden: &Tensor, head: &Matrix, targets: &Targets) -> Vec<f32> {
    assert_eq!(targets.rows.len(), targets.token_ids.len());
    let mut log_probs = Vec::with_capacity(targets.rows.len());
    for (rows, token_ids) in chunks(targets, head) {
        let logits = ops.linear(&gather(ops, hidden, rows), head, None);
        log_probs.extend(ops.log_probs(&logits, token_ids, targets.temperature));
    }
    log_probs
}

/// The log-probability of every target, and the gradient by `hidden` of the loss whose derivative
/// by the log-probability `lp` of target `i` is `coefficient(i, lp)`. The gradient by the head is
/// added to `grad_head` `[vocab_size, hidden_size]`.
pub fn backward(
    ops: &dyn Gradients,
    hidden: &Tensor,
    (head, transposes): (&Matrix, &Transposes),
    targets: &Targets,
    coefficient: &dyn Fn(usize, f32) -> f32,
    grad_head: &mut [f32],
) -> (Vec<f32>, Tensor) {
    assert_eq!(targets.rows.len(), targets.token_ids.len());
    let transposed = transposes.of(head);
    let mut log_probs = Vec::with_capacity(targets.rows.len());
    let mut grads = Vec::new();
    let chunk_rows = chunk_rows(head);
    for (rows, token_ids) in chunks(targets, head) {
        let x = gather(ops, hidden, rows);
        let logits = ops.linear(&x, head, None);
        let found = ops.log_probs(&logits, token_ids, targets.temperature);
        let first = log_probs.len();
        let each = found.iter().enumerate();
        let coefficients: Vec<f32> = each.map(|(i, lp)| coefficient(first + i, *lp)).collect();
        log_probs.extend(found);
        let grad = ops.log_probs_backward(&logits, token_ids, targets.temperature, &coefficients);
        drop(logits);
        ops.weight_gradient(grad_head, &grad, &x, head.format());
        grads.push(ops.linear(&grad, &transposed, None));
    }
    let grad_hidden = ops.map_rows(hidden.rows(), hidden.cols(), &|row, out| match targets
        .rows
        .binary_search(&row)
    {
        Ok(i) => out.copy_from_slice(grads[i / chunk_rows].row(i % chunk_rows)),
        Err(_) => out.fill(0.0),
    });
    (log_probs, grad_hidden)
}

/// One row of the gradient by the logits.
pub fn logits_gradient(
    out: &mut [f32],
    logits: &[f32],
    target: usize,
    temperature: f32,
    coefficient: f32,
) {
    let inverse = 1.0 / temperature as f64;
    let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max) as f64;
    let exp = |logit: f32| ((logit as f64 - max) * inverse).exp();
    let sum: f64 = logits.iter().map(|logit| exp(*logit)).sum();
    let factor = coefficient as f64 * inverse;
    for (out, logit) in out.iter_mut().zip(logits) {
        *out = (-factor * exp(*logit) / sum) as f32;
    }
    out[target] += factor as f32;
}

fn chunk_rows(head: &Matrix) -> usize {
    (CHUNK_LOGITS / head.out_features()).max(1)
}

fn chunks<'a>(
    targets: &Targets<'a>,
    head: &Matrix,
) -> impl Iterator<Item = (&'a [usize], &'a [u32])> {
    let rows = targets.rows.chunks(chunk_rows(head));
    rows.zip(targets.token_ids.chunks(chunk_rows(head)))
}

fn gather(ops: &dyn Gradients, x: &Tensor, rows: &[usize]) -> Tensor {
    ops.map_rows(rows.len(), x.cols(), &|i, out| out.copy_from_slice(x.row(rows[i])))
}
