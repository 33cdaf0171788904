//! The operations on the tape: the backend's, recorded.

use ponder_kernels::ops::backward::address;
use ponder_kernels::ops::route;
use ponder_kernels::{Batch, Experts, Gqa, KvCache, KvDtype, Mla, Ops, Router, Routing};
use ponder_tensor::Tensor;
use ponder_tensor::format::{Embedding, Matrix};

use super::{MlaWeights, Record, Route, Tape};
use crate::parameters::{table_place, vector_place};

impl Ops for Tape<'_> {
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
        let out = self.ops.embed(table, token_ids);
        let (table, token_ids) = (self.weights.id(table_place(table)), token_ids.to_vec());
        self.record(Record::Embed { out: out.clone(), table, token_ids });
        out
    }

    fn rms_norm(&self, x: &Tensor, weight: &[f32], eps: f32) -> Tensor {
        let out = self.ops.rms_norm(x, weight, eps);
        let (id, weight) = (self.weights.id(vector_place(weight)), weight.to_vec());
        self.record(Record::RmsNorm { out: out.clone(), x: x.clone(), id, weight, eps });
        out
    }

    fn linear(&self, x: &Tensor, weight: &Matrix, bias: Option<&[f32]>) -> Tensor {
        let out = self.ops.linear(x, weight, bias);
        let id = self.weights.id(address(weight));
        let bias = bias.map(|bias| self.weights.id(vector_place(bias)));
        let (x, weight) = (x.clone(), weight.clone());
        self.record(Record::Linear { out: out.clone(), x, id, weight, bias });
        out
    }

    fn add(&self, a: &Tensor, b: &Tensor) -> Tensor {
        let out = self.ops.add(a, b);
        self.record(Record::Add { out: out.clone(), a: a.clone(), b: b.clone() });
        out
    }

    fn select_rows(&self, x: &Tensor, rows: &[usize]) -> Tensor {
        let out = self.ops.select_rows(x, rows);
        let (x, rows) = (x.clone(), rows.to_vec());
        self.record(Record::SelectRows { out: out.clone(), x, rows });
        out
    }

    fn concat_cols(&self, a: &Tensor, b: &Tensor) -> Tensor {
        let out = self.ops.concat_cols(a, b);
        self.record(Record::ConcatCols { out: out.clone(), a: a.clone(), b: b.clone() });
        out
    }

    fn route(&self, logits: &Tensor, router: &Router) -> Routing {
        let layer = self.routes.borrow().len();
        let routing = match self.replay.and_then(|replay| replay.get(layer)) {
            Some(chosen) => route::replay(logits, router, chosen),
            None => self.ops.route(logits, router),
        };
        let record = self.records.borrow().len();
        self.routes.borrow_mut().push((record, routing.weights.as_ptr() as usize));
        self.record(Record::Route(Route {
            logits: logits.clone(),
            routing: routing.clone(),
            bias: router.bias.to_vec(),
            bias_id: self.weights.id(vector_place(router.bias)),
            n_group: router.n_group,
            topk_group: router.topk_group,
            norm_topk_prob: router.norm_topk_prob,
            routed_scaling_factor: router.routed_scaling_factor,
            spans: self.spans.borrow().clone(),
        }));
        routing
    }

    fn experts_ffn(&self, x: &Tensor, experts: &Experts, routing: Option<&Routing>) -> Tensor {
        let out = self.ops.experts_ffn(x, experts, routing);
        let route = routing.map(|routing| self.route_of(routing));
        let networks = self.networks(experts);
        self.record(Record::Experts { out: out.clone(), x: x.clone(), networks, route });
        out
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
        let out = self.ops.mla_attention(q, kv_a, mla, batch, cache, layer);
        self.spans.replace(batch.spans.clone());
        let weights = MlaWeights::new(mla, self.weights);
        let (q, kv_a, batch) = (q.clone(), kv_a.clone(), batch.clone());
        self.record(Record::Mla { out: out.clone(), q, kv_a, weights, batch });
        out
    }

    fn gqa_attention(
        &self,
        qkv: [&Tensor; 3],
        gqa: &Gqa,
        batch: &Batch,
        cache: &mut KvCache,
        layer: usize,
    ) -> Tensor {
        let out = self.ops.gqa_attention(qkv, gqa, batch, cache, layer);
        self.spans.replace(batch.spans.clone());
        let (qkv, gqa, batch) = (qkv.map(Tensor::clone), *gqa, batch.clone());
        self.record(Record::Gqa { out: out.clone(), qkv, gqa, batch });
        out
    }
}
