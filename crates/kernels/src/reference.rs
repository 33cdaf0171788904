//! The reference backend: every operation as its contract spells it, in f32 on one thread.

use ponder_tensor::format::{Embedding, Matrix};
use ponder_tensor::{Arena, Tensor};

use crate::ops::backward::Gradients;
use crate::ops::{experts_ffn, gqa_attention, linear, mla_attention, rms_norm, route};
use crate::{Batch, Experts, Gqa, KvCache, KvDtype, Mla, Ops, Router, Routing};

/// Slow and obvious; what every fast backend is judged against.
#[derive(Default)]
pub struct Reference {
    arena: Arena,
}

impl Ops for Reference {
    fn name(&self) -> &'static str {
        "reference"
    }

    fn threads(&self) -> usize {
        1
    }

    fn kv_dtype(&self) -> KvDtype {
        KvDtype::F32
    }

    fn embed(&self, table: &Embedding, token_ids: &[u32]) -> Tensor {
        embed(&self.arena, table, token_ids)
    }

    fn rms_norm(&self, x: &Tensor, weight: &[f32], eps: f32) -> Tensor {
        self.arena.tensor(x.rows(), x.cols(), |out| rms_norm::forward(out, x.data(), weight, eps))
    }

    fn linear(&self, x: &Tensor, weight: &Matrix, bias: Option<&[f32]>) -> Tensor {
        self.arena.tensor(x.rows(), weight.out_features(), |out| {
            linear::forward(out, x.data(), weight, bias)
        })
    }

    fn add(&self, a: &Tensor, b: &Tensor) -> Tensor {
        add(&self.arena, a, b)
    }

    fn select_rows(&self, x: &Tensor, rows: &[usize]) -> Tensor {
        select_rows(&self.arena, x, rows)
    }

    fn concat_cols(&self, a: &Tensor, b: &Tensor) -> Tensor {
        concat_cols(&self.arena, a, b)
    }

    fn route(&self, logits: &Tensor, router: &Router) -> Routing {
        route::forward(logits, router)
    }

    fn experts_ffn(&self, x: &Tensor, experts: &Experts, routing: Option<&Routing>) -> Tensor {
        self.arena.tensor(x.rows(), x.cols(), |out| experts_ffn::forward(out, x, experts, routing))
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
        self.arena.tensor(q.rows(), mla.num_attention_heads * mla.v_head_dim, |out| {
            mla_attention::forward(out, [q, kv_a], mla, batch, cache, layer)
        })
    }

    fn gqa_attention(
        &self,
        qkv: [&Tensor; 3],
        gqa: &Gqa,
        batch: &Batch,
        cache: &mut KvCache,
        layer: usize,
    ) -> Tensor {
        self.arena.tensor(qkv[0].rows(), qkv[0].cols(), |out| {
            gqa_attention::forward(out, qkv, gqa, batch, cache, layer)
        })
    }
}

impl Gradients for Reference {
    fn arena(&self) -> &Arena {
        &self.arena
    }
}

/// Moves of whole rows are the same everywhere: the fast backends call these too.
pub(crate) fn embed(arena: &Arena, table: &Embedding, token_ids: &[u32]) -> Tensor {
    let hidden_size = table.hidden_size();
    arena.tensor(token_ids.len(), hidden_size, |out| {
        for (out, id) in out.chunks_exact_mut(hidden_size).zip(token_ids) {
            table.row_into(*id, out);
        }
    })
}

pub(crate) fn add(arena: &Arena, a: &Tensor, b: &Tensor) -> Tensor {
    assert_eq!((a.rows(), a.cols()), (b.rows(), b.cols()));
    arena.tensor(a.rows(), a.cols(), |out| {
        let sums = a.data().iter().zip(b.data()).map(|(a, b)| a + b);
        out.iter_mut().zip(sums).for_each(|(out, sum)| *out = sum);
    })
}

pub(crate) fn select_rows(arena: &Arena, x: &Tensor, rows: &[usize]) -> Tensor {
    arena.tensor(rows.len(), x.cols(), |out| {
        for (out, row) in out.chunks_exact_mut(x.cols()).zip(rows) {
            out.copy_from_slice(x.row(*row));
        }
    })
}

pub(crate) fn concat_cols(arena: &Arena, a: &Tensor, b: &Tensor) -> Tensor {
    assert_eq!(a.rows(), b.rows());
    arena.tensor(a.rows(), a.cols() + b.cols(), |out| {
        for (row, out) in out.chunks_exact_mut(a.cols() + b.cols()).enumerate() {
            out[..a.cols()].copy_from_slice(a.row(row));
            out[a.cols()..].copy_from_slice(b.row(row));
        }
    })
}
