//! The way back along the tape.

use std::collections::HashMap;

use ponder_kernels::ops::experts_ffn::{self, ExpertGradients};
use ponder_kernels::ops::mla_attention::{self, MlaGradients};
use ponder_kernels::ops::{embed, gqa_attention, linear, route};
use ponder_kernels::{Experts, Gradients};
use ponder_tensor::Tensor;
use ponder_tensor::format::Matrix;

use super::{MlaWeights, Networks, Record, Route, Tape};
use crate::parameters::{GradientStore, ParameterId, Weights};

/// The sequence-wise balance loss (DeepSeek-V3 report, section 2.1.2) that is added on the way.
#[derive(Clone, Copy, Debug)]
pub struct Balance {
    /// Its weight, `α`.
    pub alpha: f32,
    /// Tokens of the whole optimizer step: each sequence counts by its share of them.
    pub n_tokens: usize,
}

impl Tape<'_> {
    /// Adds the gradients of every parameter to `store`. `seeds` holds the gradients of the loss by
    /// results of the tape. Returns the balance loss, each layer's and sequence's share added up.
    pub fn backward(
        self,
        seeds: Vec<(Tensor, Tensor)>,
        balance: Option<Balance>,
        store: &mut GradientStore,
    ) -> f64 {
        let Tape { ops, weights, records, .. } = self;
        let mut back = Back {
            ops,
            weights,
            store,
            grads: HashMap::new(),
            routing_grads: HashMap::new(),
            balance,
            balance_loss: 0.0,
        };
        for (tensor, grad) in seeds {
            back.give(&tensor, grad);
        }
        // Dropping a record as soon as it is done frees its activations.
        let mut records = records.into_inner();
        while let Some(record) = records.pop() {
            back.step(record, records.len(), &records);
        }
        back.balance_loss
    }
}

/// The state of a way back.
struct Back<'a> {
    ops: &'a dyn Gradients,
    weights: &'a Weights,
    store: &'a mut GradientStore,
    /// Gradients that wait for the record of their tensor, by the place of its values.
    grads: HashMap<usize, Tensor>,
    /// The same for the weights of a choice of experts, by its record.
    routing_grads: HashMap<usize, Vec<f32>>,
    balance: Option<Balance>,
    balance_loss: f64,
}

fn place(tensor: &Tensor) -> usize {
    tensor.data().as_ptr() as usize
}

impl Back<'_> {
    /// Adds to the gradient of a tensor.
    fn give(&mut self, tensor: &Tensor, grad: Tensor) {
        assert_eq!((tensor.rows(), tensor.cols()), (grad.rows(), grad.cols()));
        let sum = match self.grads.remove(&place(tensor)) {
            Some(before) => self.ops.add(&before, &grad),
            None => grad,
        };
        self.grads.insert(place(tensor), sum);
    }

    /// The gradient of a result; `None` when the loss does not depend on it.
    fn take(&mut self, out: &Tensor) -> Option<Tensor> {
        self.grads.remove(&place(out))
    }

    fn step(&mut self, record: Record, index: usize, before: &[Record]) {
        let out = match &record {
            Record::Route(route) => return self.route(route, index),
            Record::Embed { out, .. }
            | Record::RmsNorm { out, .. }
            | Record::Linear { out, .. }
            | Record::Add { out, .. }
            | Record::SelectRows { out, .. }
            | Record::ConcatCols { out, .. }
            | Record::Experts { out, .. }
            | Record::Mla { out, .. }
            | Record::Gqa { out, .. } => out,
        };
        let Some(grad) = self.take(out) else { return };
        match record {
            Record::Route(_) => unreachable!("handled above"),
            Record::Embed { table, token_ids, .. } => {
                embed::backward(self.store.get_mut(table), &grad, &token_ids);
            }
            Record::RmsNorm { x, id, weight, eps, .. } => {
                let into = self.store.get_mut(id);
                let grad_x = self.ops.rms_norm_backward(&grad, &x, &weight, eps, into);
                self.give(&x, grad_x);
            }
            Record::Linear { x, id, weight, bias, .. } => {
                self.linear(&grad, &x, (&weight, id), bias);
            }
            Record::Add { a, b, .. } => {
                self.give(&a, grad.clone());
                self.give(&b, grad);
            }
            Record::SelectRows { x, rows, .. } => self.select_rows(&grad, &x, &rows),
            Record::ConcatCols { a, b, .. } => self.concat_cols(&grad, &a, &b),
            Record::Experts { x, networks, route, .. } => {
                self.experts(&grad, &x, &networks, route, before);
            }
            Record::Mla { q, kv_a, weights, batch, .. } => {
                let [grad_q, grad_kv_a] = self.mla(&grad, [&q, &kv_a], &weights, &batch);
                self.give(&q, grad_q);
                self.give(&kv_a, grad_kv_a);
            }
            Record::Gqa { qkv, gqa, batch, .. } => {
                let inputs = qkv.each_ref();
                let grads = gqa_attention::backward(self.ops, &grad, inputs, &gqa, &batch);
                for (x, grad) in qkv.iter().zip(grads) {
                    self.give(x, grad);
                }
            }
        }
    }

    fn linear(
        &mut self,
        grad: &Tensor,
        x: &Tensor,
        (weight, id): (&Matrix, ParameterId),
        bias: Option<ParameterId>,
    ) {
        self.ops.weight_gradient(self.store.get_mut(id), grad, x, weight.format());
        if let Some(bias) = bias {
            linear::bias_gradient(self.store.get_mut(bias), grad);
        }
        let grad_x = self.ops.linear(grad, &self.weights.transposes.of(weight), None);
        self.give(x, grad_x);
    }

    fn select_rows(&mut self, grad: &Tensor, x: &Tensor, rows: &[usize]) {
        let mut sources: Vec<Vec<usize>> = vec![Vec::new(); x.rows()];
        rows.iter().enumerate().for_each(|(i, row)| sources[*row].push(i));
        let grad_x = self.ops.map_rows(x.rows(), x.cols(), &|row, out| {
            out.fill(0.0);
            for i in &sources[row] {
                out.iter_mut().zip(grad.row(*i)).for_each(|(out, grad)| *out += grad);
            }
        });
        self.give(x, grad_x);
    }

    fn concat_cols(&mut self, grad: &Tensor, a: &Tensor, b: &Tensor) {
        let cut = |first: usize, width: usize| {
            self.ops.map_rows(grad.rows(), width, &|row, out| {
                out.copy_from_slice(&grad.row(row)[first..first + width]);
            })
        };
        let (grad_a, grad_b) = (cut(0, a.cols()), cut(a.cols(), b.cols()));
        self.give(a, grad_a);
        self.give(b, grad_b);
    }

    fn experts(
        &mut self,
        grad: &Tensor,
        x: &Tensor,
        networks: &Networks,
        route: Option<usize>,
        before: &[Record],
    ) {
        let routing = route.map(|index| match &before[index] {
            Record::Route(route) => &route.routing,
            _ => unreachable!("the record of a choice of experts"),
        });
        let experts = Experts { routed: &networks.routed, shared: networks.shared.as_ref() };
        let store = &mut *self.store;
        let (grad_x, grad_weights) = experts_ffn::backward(
            self.ops,
            grad,
            x,
            (&experts, routing),
            &self.weights.transposes,
            &mut |id, add| {
                let ids = networks.ids[id.unwrap_or(networks.routed.len())];
                store.lend(ids, |[gate, up, down]| add(ExpertGradients { gate, up, down }));
            },
        );
        self.give(x, grad_x);
        if let Some(route) = route {
            self.routing_grads.insert(route, grad_weights);
        }
    }

    fn route(&mut self, record: &Route, index: usize) {
        // A layer whose result the loss does not see has no gradient, and no balance to keep.
        let Some(grad_weights) = self.routing_grads.remove(&index) else { return };
        let (arena, logits) = (self.ops.arena(), &record.logits);
        let mut grad =
            route::backward(arena, logits, &record.router(), &record.routing, &grad_weights);
        if let Some(Balance { alpha, n_tokens }) = self.balance {
            let k = record.routing.num_experts_per_tok;
            grad = arena.tensor(logits.rows(), logits.cols(), |out| {
                out.copy_from_slice(grad.data());
                for span in &record.spans {
                    let share = span.rows.len() as f32 / n_tokens as f32;
                    let rows = span.rows.clone();
                    let loss = route::balance_loss(logits, rows, k, alpha * share, out);
                    self.balance_loss += loss as f64 * share as f64;
                }
            });
        }
        self.give(logits, grad);
    }

    fn mla(
        &mut self,
        grad: &Tensor,
        inputs: [&Tensor; 2],
        weights: &MlaWeights,
        batch: &ponder_kernels::Batch,
    ) -> [Tensor; 2] {
        let mla = (&weights.mla(), &self.weights.transposes);
        let mut grads = None;
        self.store.lend(weights.ids, |[kv_a_layernorm, kv_b_proj]| {
            let into = MlaGradients { kv_a_layernorm, kv_b_proj };
            grads = Some(mla_attention::backward(self.ops, grad, inputs, mla, batch, into));
        });
        grads.expect("lent once")
    }
}
