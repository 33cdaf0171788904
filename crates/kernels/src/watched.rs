//! A backend that is looked at: [`Watched`] passes every operation on and remembers which experts
//! were chosen.

use std::cell::RefCell;

use ponder_tensor::Tensor;
use ponder_tensor::format::{Embedding, Matrix};

use crate::{Batch, Experts, Gqa, KvCache, KvDtype, Mla, Ops, Router, Routing};

/// A backend whose choices of experts are kept. Results have the backend's own bits.
pub struct Watched<'a> {
    ops: &'a dyn Ops,
    routings: RefCell<Vec<Routing>>,
}

impl<'a> Watched<'a> {
    /// Looks at `ops`.
    pub fn new(ops: &'a dyn Ops) -> Watched<'a> {
        Watched { ops, routings: RefCell::default() }
    }

    /// What was chosen, one routing for each layer of experts in the order of the pass.
    pub fn into_routings(self) -> Vec<Routing> {
        self.routings.into_inner()
    }
}

impl Ops for Watched<'_> {
    fn name(&self) -> &'static str {
        self.ops.name()
    }

    fn threads(&self) -> usize {
        self.ops.threads()
    }

    fn kv_dtype(&self) -> KvDtype {
        self.ops.kv_dtype()
    }

    fn embed(&self, table: &Embedding, token_ids: &[u32]) -> Tensor {
        self.ops.embed(table, token_ids)
    }

    fn rms_norm(&self, x: &Tensor, weight: &[f32], eps: f32) -> Tensor {
        self.ops.rms_norm(x, weight, eps)
    }

    fn linear(&self, x: &Tensor, weight: &Matrix, bias: Option<&[f32]>) -> Tensor {
        self.ops.linear(x, weight, bias)
    }

    fn add(&self, a: &Tensor, b: &Tensor) -> Tensor {
        self.ops.add(a, b)
    }

    fn select_rows(&self, x: &Tensor, rows: &[usize]) -> Tensor {
        self.ops.select_rows(x, rows)
    }

    fn concat_cols(&self, a: &Tensor, b: &Tensor) -> Tensor {
        self.ops.concat_cols(a, b)
    }

    fn route(&self, logits: &Tensor, router: &Router) -> Routing {
        let routing = self.ops.route(logits, router);
        self.routings.borrow_mut().push(routing.clone());
        routing
    }

    fn experts_ffn(&self, x: &Tensor, experts: &Experts, routing: Option<&Routing>) -> Tensor {
        self.ops.experts_ffn(x, experts, routing)
    }

    fn mla_attention(
        &self,
        q: &Tensor,
        kv_a: &Tensor,
        mla: &Mla,
        batch: &Batch,
        cache: &mut KvCache,
        layer: usize,
    ) -> Tensor {
        self.ops.mla_attention(q, kv_a, mla, batch, cache, layer)
    }

    fn gqa_attention(
        &self,
        qkv: [&Tensor; 3],
        gqa: &Gqa,
        batch: &Batch,
        cache: &mut KvCache,
        layer: usize,
    ) -> Tensor {
        self.ops.gqa_attention(qkv, gqa, batch, cache, layer)
    }
}
