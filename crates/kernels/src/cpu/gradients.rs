//! `ops::backward` on all threads: the inner loops of backward passes.

mod attention;
mod kernels;
mod lanes;
mod small_product;
mod weight_gradient;

use ponder_tensor::format::{Format, PANEL_ROWS};
use ponder_tensor::{Arena, Tensor};

use super::Cpu;
use super::pool::Disjoint;
use crate::ops::causal_attention::Heads;
use crate::ops::experts_ffn::SwigluGradients;
use crate::ops::log_softmax;
use crate::{Gradients, Span};

pub(super) use kernels::GradientKernels;

/// Rows of a unit of work where a unit sums over its rows: fixed, so that sums are.
const SUM_ROWS: usize = 64;

impl Gradients for Cpu {
    fn arena(&self) -> &Arena {
        &self.arena
    }

    fn side_by_side(&self, n: usize, task: &(dyn Fn(usize) + Sync)) {
        self.pool.tasks(n, task);
    }

    fn map_rows(
        &self,
        rows: usize,
        cols: usize,
        body: &(dyn Fn(usize, &mut [f32]) + Sync),
    ) -> Tensor {
        Cpu::map_rows(self, rows, cols, body)
    }

    fn weight_gradient(
        &self,
        grad_weight: &mut [f32],
        grad_out: &Tensor,
        x: &Tensor,
        format: Format,
    ) {
        weight_gradient::add(self, grad_weight, grad_out, x, format);
    }

    fn rms_norm_backward(
        &self,
        grad_out: &Tensor,
        x: &Tensor,
        weight: &[f32],
        eps: f32,
        grad_weight: &mut [f32],
    ) -> Tensor {
        let (rows, cols) = (x.rows(), x.cols());
        assert_eq!((grad_out.rows(), grad_out.cols(), weight.len()), (rows, cols, cols));
        let n_units = rows.div_ceil(SUM_ROWS);
        let mut grad_x = None;
        let sums = self.arena.tensor(n_units, cols, |sums| {
            sums.fill(0.0);
            let sums = Disjoint::new(sums);
            grad_x = Some(self.arena.tensor(rows, cols, |grad_x| {
                let grad_x = Disjoint::new(grad_x);
                self.pool.run(n_units, &|_, unit| {
                    // SAFETY: each unit has its own row of sums.
                    let sums = unsafe { sums.part(unit * cols, cols) };
                    for row in unit * SUM_ROWS..rows.min((unit + 1) * SUM_ROWS) {
                        // SAFETY: each row belongs to one unit.
                        let grad_x = unsafe { grad_x.part(row * cols, cols) };
                        let (grad_out, x) = (grad_out.row(row), x.row(row));
                        self.kernels.rms_norm_backward([grad_x, sums], [grad_out, x, weight], eps);
                    }
                });
            }));
        });
        for unit in 0..n_units {
            grad_weight.iter_mut().zip(sums.row(unit)).for_each(|(grad, sum)| *grad += sum);
        }
        grad_x.expect("filled above")
    }

    fn swiglu_backward(
        &self,
        gate_up: &Tensor,
        grad_hidden: &Tensor,
        weights: &[f32],
    ) -> SwigluGradients {
        let (rows, wide, width) = (gate_up.rows(), gate_up.cols(), grad_hidden.cols());
        assert_eq!((grad_hidden.rows(), weights.len()), (rows, rows));
        assert_eq!(width.next_multiple_of(PANEL_ROWS) * 2, wide);
        let mut grad_weights = vec![0.0; rows];
        let mut hidden = None;
        let grad_gate_up = self.arena.tensor(rows, wide, |grad_gate_up| {
            let (grad_gate_up, grad_weights) =
                (Disjoint::new(grad_gate_up), Disjoint::new(&mut grad_weights));
            hidden = Some(self.map_rows(rows, width, |row, hidden| {
                // SAFETY: each row is mapped once.
                let (grad_gate_up, grad_weight) =
                    unsafe { (grad_gate_up.part(row * wide, wide), grad_weights.part(row, 1)) };
                let inputs = [gate_up.row(row), grad_hidden.row(row)];
                grad_weight[0] =
                    self.kernels.swiglu_backward([hidden, grad_gate_up], inputs, weights[row]);
            }));
        });
        SwigluGradients { hidden: hidden.expect("filled above"), grad_gate_up, grad_weights }
    }

    fn attention_backward(
        &self,
        qkv: [&Tensor; 3],
        grad_out: &Tensor,
        heads: &Heads,
        spans: &[Span],
    ) -> [Tensor; 3] {
        attention::backward(self, qkv, grad_out, heads, spans)
    }

    fn log_probs(&self, logits: &Tensor, targets: &[u32], temperature: f32) -> Vec<f32> {
        assert_eq!(logits.rows(), targets.len());
        let mut found = vec![0.0; targets.len()];
        let out = Disjoint::new(&mut found);
        self.pool.run(targets.len(), &|_, row| {
            let target = targets[row] as usize;
            // SAFETY: each row is a unit.
            let out = unsafe { out.part(row, 1) };
            out[0] = log_softmax::log_prob_at(logits.row(row), target, temperature);
        });
        found
    }

    fn log_probs_backward(
        &self,
        logits: &Tensor,
        targets: &[u32],
        temperature: f32,
        coefficients: &[f32],
    ) -> Tensor {
        self.map_rows(logits.rows(), logits.cols(), |row, out| {
            let (target, factor) = (targets[row] as usize, coefficients[row] / temperature);
            self.kernels.softmax(out, logits.row(row), 1.0 / temperature, -factor);
            out[target] += factor;
        })
    }
}
