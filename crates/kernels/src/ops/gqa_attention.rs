//! Grouped-query attention of the dense models (Qwen2, Llama): several query heads share one key
//! and value head.
//!
//! `q` `[tokens, heads * head_dim]`, `k` and `v` `[tokens, kv_heads * head_dim]`, before rotation;
//! the result `[tokens, heads * head_dim]`. A cache row holds the rotated keys of all heads, then
//! the values, each head padded to a multiple of 32.

use ponder_tensor::Tensor;

use super::backward::Gradients;
use super::causal_attention::Heads;
use super::{linear::dot, mla_attention::softmax, rope};
use crate::kv::padded;
use crate::{Batch, KvCache, PAGE_TOKENS, Span};

/// Sizes of the attention; names as in config.json.
#[derive(Clone, Copy)]
pub struct Gqa {
    /// Query heads.
    pub num_attention_heads: usize,
    /// Key and value heads; divides the query heads.
    pub num_key_value_heads: usize,
    /// Width of a head.
    pub head_dim: usize,
    /// Multiplies every score.
    pub softmax_scale: f32,
}

impl Gqa {
    /// Values of a cache row.
    pub fn cache_width(&self) -> usize {
        2 * self.num_key_value_heads * padded(self.head_dim)
    }

    /// Where the keys and the values of one key-value head start in a cache row.
    pub fn cache_offsets(&self, kv_head: usize) -> (usize, usize) {
        let key = kv_head * padded(self.head_dim);
        (key, key + self.num_key_value_heads * padded(self.head_dim))
    }

    /// Query heads that share one key-value head.
    pub fn group_size(&self) -> usize {
        self.num_attention_heads / self.num_key_value_heads
    }
}

/// The reference.
pub fn forward(
    out: &mut [f32],
    [q, k, v]: [&Tensor; 3],
    gqa: &Gqa,
    batch: &Batch,
    cache: &mut KvCache,
    layer: usize,
) {
    let dim = gqa.head_dim;
    for span in &batch.spans {
        for row in span.rows.clone() {
            let position = span.position(row);
            let page = span.pages[position / PAGE_TOKENS];
            let cached = cache.row_mut::<f32>(layer, page, position % PAGE_TOKENS);
            for head in 0..gqa.num_key_value_heads {
                let (key, value) = gqa.cache_offsets(head);
                cached[key..key + dim].copy_from_slice(&k.row(row)[head * dim..][..dim]);
                rope::half_split(&mut cached[key..key + dim], batch.rotary.row(row));
                cached[value..value + dim].copy_from_slice(&v.row(row)[head * dim..][..dim]);
            }
        }
        for row in span.rows.clone() {
            let width = gqa.num_attention_heads * dim;
            let out = &mut out[row * width..][..width];
            let mut query = q.row(row).to_vec();
            for head in query.chunks_exact_mut(dim) {
                rope::half_split(head, batch.rotary.row(row));
            }
            attend(out, &query, gqa, (span, row), cache, layer);
        }
    }
}

fn attend(
    out: &mut [f32],
    query: &[f32],
    gqa: &Gqa,
    (span, row): (&Span, usize),
    cache: &KvCache,
    layer: usize,
) {
    let dim = gqa.head_dim;
    let cached = |position: usize, offset: usize| {
        let page = cache.page::<f32>(layer, span.pages[position / PAGE_TOKENS]);
        &page[position % PAGE_TOKENS * cache.row_width() + offset..][..dim]
    };
    for (head, out) in out.chunks_exact_mut(dim).enumerate() {
        let (key, value) = gqa.cache_offsets(head / gqa.group_size());
        let query = &query[head * dim..][..dim];
        let scores: Vec<f32> = (0..span.position(row) + 1)
            .map(|t| dot(query, cached(t, key)) * gqa.softmax_scale)
            .collect();
        out.fill(0.0);
        for (t, probability) in softmax(&scores).into_iter().enumerate() {
            out.iter_mut().zip(cached(t, value)).for_each(|(out, v)| *out += probability * v);
        }
    }
}

/// The gradients by `q`, `k` and `v`; the batch holds whole sequences.
pub fn backward(
    ops: &dyn Gradients,
    grad_out: &Tensor,
    [q, k, v]: [&Tensor; 3],
    gqa: &Gqa,
    batch: &Batch,
) -> [Tensor; 3] {
    let rotate = |x: &Tensor, apply: rope::Rotate| {
        ops.map_rows(x.rows(), x.cols(), &|row, out| {
            out.copy_from_slice(x.row(row));
            let each = out.chunks_exact_mut(gqa.head_dim);
            each.for_each(|head| apply(head, batch.rotary.row(row)));
        })
    };
    let [queries, keys] = [q, k].map(|x| rotate(x, rope::half_split));
    let heads = Heads {
        num_attention_heads: gqa.num_attention_heads,
        num_key_value_heads: gqa.num_key_value_heads,
        key_width: gqa.head_dim,
        value_width: gqa.head_dim,
        softmax_scale: gqa.softmax_scale,
    };
    let [grad_q, grad_k, grad_v] =
        ops.attention_backward([&queries, &keys, v], grad_out, &heads, &batch.spans);
    let [grad_q, grad_k] = [grad_q, grad_k].map(|x| rotate(&x, rope::half_split_backward));
    [grad_q, grad_k, grad_v]
}
