//! What a backend must be able to do beside [`Ops`] to train.
//!
//! A trait of its own, because serving never needs it: a backend can run models before it can
//! train them. Its methods are the few inner loops that every backward pass is made of; the
//! backward pass of an operation composes them in the operation's own file, once for all backends
//! (a product with the transposed weight is [`Ops::linear`] itself). Default bodies are the
//! references.
//!
//! Whatever is named `grad_weight` or added to accumulates over batches; returned tensors are
//! fresh. Results never depend on the number of threads.

use std::collections::HashMap;
use std::sync::Mutex;

use ponder_tensor::format::{Format, Matrix};
use ponder_tensor::{Arena, Tensor, WeightStore};

use super::causal_attention::{self, Heads};
use super::experts_ffn::{self, SwigluGradients};
use super::{cross_entropy, linear, log_softmax, mla_attention, rms_norm};
use crate::{Mla, Ops, Span};

/// The inner loops of backward passes.
pub trait Gradients: Ops + Sync {
    /// Where new tensors come from.
    fn arena(&self) -> &Arena;

    /// Calls `task` once for every number below `n`, in ascending order of start, on as many
    /// threads as there are: within a task the operations of this backend stay on its thread. A
    /// task may wait for those before it, and starts no tasks itself.
    fn side_by_side(&self, n: usize, task: &(dyn Fn(usize) + Sync)) {
        (0..n).for_each(task);
    }

    /// A new tensor whose rows `body` writes, on as many threads as there are.
    fn map_rows(
        &self,
        rows: usize,
        cols: usize,
        body: &(dyn Fn(usize, &mut [f32]) + Sync),
    ) -> Tensor {
        self.arena().tensor(rows, cols, |out| {
            out.chunks_exact_mut(cols.max(1)).enumerate().for_each(|(row, out)| body(row, out));
        })
    }

    /// `grad_weight += grad_outᵀ · x`, `[out_features, in_features]`; `format` is the weight's, and
    /// decides how products are rounded.
    fn weight_gradient(
        &self,
        grad_weight: &mut [f32],
        grad_out: &Tensor,
        x: &Tensor,
        _format: Format,
    ) {
        linear::weight_gradient(grad_weight, grad_out, x);
    }

    /// The gradient of [`Ops::rms_norm`] by its input; that by the weight is added.
    fn rms_norm_backward(
        &self,
        grad_out: &Tensor,
        x: &Tensor,
        weight: &[f32],
        eps: f32,
        grad_weight: &mut [f32],
    ) -> Tensor {
        self.arena().tensor(x.rows(), x.cols(), |grad_x| {
            rms_norm::backward(grad_x, grad_weight, grad_out.data(), x.data(), weight, eps);
        })
    }

    /// The way back through `weight · silu(gate) · up` (see [`experts_ffn::swiglu_backward`]).
    fn swiglu_backward(
        &self,
        gate_up: &Tensor,
        grad_hidden: &Tensor,
        weights: &[f32],
    ) -> SwigluGradients {
        experts_ffn::swiglu_backward(self.arena(), gate_up, grad_hidden, weights)
    }

    /// The gradients of causal attention by rotated queries, rotated keys and values (see
    /// [`causal_attention::backward`]).
    fn attention_backward(
        &self,
        qkv: [&Tensor; 3],
        grad_out: &Tensor,
        heads: &Heads,
        spans: &[Span],
    ) -> [Tensor; 3] {
        causal_attention::backward(self.arena(), qkv, grad_out, heads, spans)
    }

    /// The log-probability of each row's target under `logits / temperature`.
    fn log_probs(&self, logits: &Tensor, targets: &[u32], temperature: f32) -> Vec<f32> {
        let rows = targets.iter().enumerate();
        let log_prob = |(row, target): (usize, &u32)| {
            log_softmax::log_prob_at(logits.row(row), *target as usize, temperature)
        };
        rows.map(log_prob).collect()
    }

    /// The gradient of `Σ coefficient · log-probability` by the logits.
    fn log_probs_backward(
        &self,
        logits: &Tensor,
        targets: &[u32],
        temperature: f32,
        coefficients: &[f32],
    ) -> Tensor {
        self.map_rows(logits.rows(), logits.cols(), &|row, out| {
            let (target, coefficient) = (targets[row] as usize, coefficients[row]);
            cross_entropy::logits_gradient(out, logits.row(row), target, temperature, coefficient);
        })
    }
}

/// Packed weights in the forms that only the backward pass reads, made at first use. It belongs
/// to one state of the weights: new weights, new `Transposes`.
#[derive(Default)]
pub struct Transposes {
    made: Mutex<Made>,
}

#[derive(Default)]
struct Made {
    store: WeightStore,
    /// By the address of the original, which stays alive beside its transpose.
    transposed: HashMap<usize, [Matrix; 2]>,
    /// `kv_b_proj` by the address of its first `k_up`.
    kv_b_proj: HashMap<usize, [Matrix; 2]>,
}

impl Transposes {
    /// The transpose of `matrix`.
    pub fn of(&self, matrix: &Matrix) -> Matrix {
        let Made { store, transposed, .. } = &mut *self.lock();
        let [_, transposed] = transposed
            .entry(address(matrix))
            .or_insert_with(|| [matrix.clone(), matrix.transposed(store)]);
        transposed.clone()
    }

    /// `kv_b_proj` whole, as the checkpoint has it.
    pub fn kv_b_proj(&self, mla: &Mla) -> Matrix {
        let Made { store, kv_b_proj, .. } = &mut *self.lock();
        let [_, whole] = kv_b_proj
            .entry(address(&mla.k_up[0]))
            .or_insert_with(|| [mla.k_up[0].clone(), mla_attention::kv_b_proj(mla, store)]);
        whole.clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Made> {
        self.made.lock().expect("no holder of this lock panics")
    }
}

/// What tells packed weights apart while they are alive.
pub fn address(matrix: &Matrix) -> usize {
    matrix.panel(0).as_ptr() as usize
}
