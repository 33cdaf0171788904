//! Multi-head latent attention (DeepSeek-V2 report, section 2.1; R1 uses it unchanged).
//!
//! `q` `[tokens, heads * (qk_nope_head_dim + qk_rope_head_dim)]`, before rotation; `kv_a`
//! `[tokens, kv_lora_rank + qk_rope_head_dim]`, before norm and rotation; the result
//! `[tokens, heads * v_head_dim]`. A cache row holds the normalised latent and the rotated key
//! part, each padded to a multiple of 32.
//!
//! The reference expands keys and values of every cached position (the paper's equations). The
//! fast paths never do: `kv_b_proj` is absorbed into the query and the output.

use ponder_tensor::format::{Format, Matrix, Source};
use ponder_tensor::{Dtype, Tensor, WeightStore, bf16_from_f32};

use super::backward::{Gradients, Transposes};
use super::causal_attention::Heads;
use super::{linear::dot, rms_norm, rope};
use crate::kv::padded;
use crate::{Batch, KvCache, PAGE_TOKENS, Span};

/// Weights and sizes of one layer's attention core; names as in config.json.
pub struct Mla<'a> {
    /// Query heads; all share one latent.
    pub num_attention_heads: usize,
    /// Width of the part of a head's query and key that carries no position.
    pub qk_nope_head_dim: usize,
    /// Width of the rotated part.
    pub qk_rope_head_dim: usize,
    /// Width of a head's value.
    pub v_head_dim: usize,
    /// Width of the cached latent.
    pub kv_lora_rank: usize,
    /// `kv_a_layernorm.weight` `[kv_lora_rank]`.
    pub kv_a_layernorm: &'a [f32],
    /// Epsilon of that norm.
    pub rms_norm_eps: f32,
    /// Key half of `kv_b_proj`, transposed, for each head: `[kv_lora_rank, qk_nope_head_dim]`.
    pub k_up: &'a [Matrix],
    /// Value half of `kv_b_proj` for each head: `[v_head_dim, kv_lora_rank]`.
    pub v_up: &'a [Matrix],
    /// Multiplies every score.
    pub softmax_scale: f32,
}

impl Mla<'_> {
    /// Width of a head's query.
    pub fn qk_head_dim(&self) -> usize {
        self.qk_nope_head_dim + self.qk_rope_head_dim
    }

    /// Values of a cache row.
    pub fn cache_width(kv_lora_rank: usize, qk_rope_head_dim: usize) -> usize {
        padded(kv_lora_rank) + padded(qk_rope_head_dim)
    }
}

/// The reference.
pub fn forward(
    out: &mut [f32],
    [q, kv_a]: [&Tensor; 2],
    mla: &Mla,
    batch: &Batch,
    cache: &mut KvCache,
    layer: usize,
) {
    for span in &batch.spans {
        for row in span.rows.clone() {
            let position = span.position(row);
            let page = span.pages[position / PAGE_TOKENS];
            let cached = cache.row_mut::<f32>(layer, page, position % PAGE_TOKENS);
            write_cache_row(cached, kv_a.row(row), mla, batch.rotary.row(row));
        }
        let keys = expand(span, mla, cache, layer);
        let width = mla.num_attention_heads * mla.v_head_dim;
        for row in span.rows.clone() {
            let mut query = q.row(row).to_vec();
            for head in query.chunks_exact_mut(mla.qk_head_dim()) {
                rope::interleaved(&mut head[mla.qk_nope_head_dim..], batch.rotary.row(row));
            }
            let out = &mut out[row * width..][..width];
            attend(out, &query, &keys, span.position(row) + 1, mla);
        }
    }
}

/// Normalises the latent and rotates the shared key part: what a position leaves in the cache.
pub fn write_cache_row(cached: &mut [f32], kv_a: &[f32], mla: &Mla, angles: (&[f32], &[f32])) {
    let (latent, key) = cached.split_at_mut(padded(mla.kv_lora_rank));
    let latent = &mut latent[..mla.kv_lora_rank];
    let key = &mut key[..mla.qk_rope_head_dim];
    rms_norm::forward(latent, &kv_a[..mla.kv_lora_rank], mla.kv_a_layernorm, mla.rms_norm_eps);
    key.copy_from_slice(&kv_a[mla.kv_lora_rank..]);
    rope::interleaved(key, angles);
}

/// Keys and values of every position of a sequence, head by head.
struct Expanded {
    /// `[positions][heads][qk_head_dim]`
    keys: Vec<f32>,
    /// `[positions][heads][v_head_dim]`
    values: Vec<f32>,
}

fn expand(span: &Span, mla: &Mla, cache: &KvCache, layer: usize) -> Expanded {
    let (mut keys, mut values) = (Vec::new(), Vec::new());
    for position in 0..span.end_position() {
        let page = cache.page::<f32>(layer, span.pages[position / PAGE_TOKENS]);
        let row = &page[position % PAGE_TOKENS * cache.row_width()..][..cache.row_width()];
        let latent = &row[..mla.kv_lora_rank];
        let key_rope = &row[padded(mla.kv_lora_rank)..][..mla.qk_rope_head_dim];
        for head in 0..mla.num_attention_heads {
            let mut key = vec![0.0; mla.qk_nope_head_dim];
            let mut weights = vec![0.0; mla.qk_nope_head_dim];
            for (i, latent) in latent.iter().enumerate() {
                mla.k_up[head].row_into(i, &mut weights);
                key.iter_mut().zip(&weights).for_each(|(key, w)| *key += latent * w);
            }
            keys.extend(key);
            keys.extend(key_rope);
            let mut weights = vec![0.0; mla.kv_lora_rank];
            for i in 0..mla.v_head_dim {
                mla.v_up[head].row_into(i, &mut weights);
                values.push(dot(latent, &weights));
            }
        }
    }
    Expanded { keys, values }
}

fn attend(out: &mut [f32], query: &[f32], expanded: &Expanded, visible: usize, mla: &Mla) {
    let (heads, dim) = (mla.num_attention_heads, mla.qk_head_dim());
    for (head, out) in out.chunks_exact_mut(mla.v_head_dim).enumerate() {
        let query = &query[head * dim..][..dim];
        let score = |t: usize| dot(query, &expanded.keys[(t * heads + head) * dim..][..dim]);
        let scores: Vec<f32> = (0..visible).map(|t| score(t) * mla.softmax_scale).collect();
        out.fill(0.0);
        for (t, probability) in softmax(&scores).into_iter().enumerate() {
            let value = &expanded.values[(t * heads + head) * mla.v_head_dim..];
            out.iter_mut().zip(value).for_each(|(out, v)| *out += probability * v);
        }
    }
}

/// `exp(score) / Σ exp(score)`, with the largest score subtracted first.
pub(super) fn softmax(scores: &[f32]) -> Vec<f32> {
    let max = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let exp: Vec<f32> = scores.iter().map(|s| (s - max).exp()).collect();
    let sum: f32 = exp.iter().sum();
    exp.into_iter().map(|e| e / sum).collect()
}

/// `kv_b_proj` `[heads * (qk_nope_head_dim + v_head_dim), kv_lora_rank]` put together again, to
/// expand keys and values in one product.
pub fn kv_b_proj(mla: &Mla, store: &mut WeightStore) -> Matrix {
    let (nope, latent) = (mla.qk_nope_head_dim, mla.kv_lora_rank);
    let (mut values, mut row) = (Vec::new(), vec![0.0; latent]);
    for (k_up, v_up) in mla.k_up.iter().zip(mla.v_up) {
        let mut keys = vec![0.0; nope * latent];
        let mut column = vec![0.0; nope];
        for i in 0..latent {
            k_up.row_into(i, &mut column);
            column.iter().enumerate().for_each(|(n, value)| keys[n * latent + i] = *value);
        }
        values.extend(keys);
        for i in 0..mla.v_head_dim {
            v_up.row_into(i, &mut row);
            values.extend_from_slice(&row);
        }
    }
    let rows = values.len() / latent;
    let (dtype, bytes): (Dtype, Vec<u8>) = match mla.v_up[0].format() {
        Format::Bf16 => {
            let bits = values.iter().map(|x| bf16_from_f32(*x));
            (Dtype::Bf16, bits.flat_map(u16::to_le_bytes).collect())
        }
        _ => (Dtype::F32, values.iter().flat_map(|x| x.to_le_bytes()).collect()),
    };
    let source = Source::whole(dtype, &bytes, rows, latent);
    Matrix::pack(store, &source).expect("packed weights hold no NaN")
}

/// Where the gradients of the weights are added, each in the checkpoint's shape.
pub struct MlaGradients<'a> {
    /// `kv_a_layernorm` `[kv_lora_rank]`.
    pub kv_a_layernorm: &'a mut [f32],
    /// `kv_b_proj` `[heads * (qk_nope_head_dim + v_head_dim), kv_lora_rank]`.
    pub kv_b_proj: &'a mut [f32],
}

/// The gradients by `q` and `kv_a`. Keys and values are expanded, which costs fewer operations a
/// pair of tokens than the absorbed form; the batch holds whole sequences.
pub fn backward(
    ops: &dyn Gradients,
    grad_out: &Tensor,
    [q, kv_a]: [&Tensor; 2],
    (mla, transposes): (&Mla, &Transposes),
    batch: &Batch,
    gradients: MlaGradients,
) -> [Tensor; 2] {
    let (n, heads, rank) = (q.rows(), mla.num_attention_heads, mla.kv_lora_rank);
    let (nope, value, qk) = (mla.qk_nope_head_dim, mla.v_head_dim, mla.qk_head_dim());
    let angles = |row: usize| batch.rotary.row(row);
    let kv_b = transposes.kv_b_proj(mla);
    let latent = ops.map_rows(n, rank, &|row, out| out.copy_from_slice(&kv_a.row(row)[..rank]));
    let normed = ops.rms_norm(&latent, mla.kv_a_layernorm, mla.rms_norm_eps);
    let kv = ops.linear(&normed, &kv_b, None);
    let [queries, keys, values] = expanded(ops, [q, kv_a, &kv], mla, batch);
    drop(kv);
    let shape = Heads {
        num_attention_heads: heads,
        num_key_value_heads: heads,
        key_width: qk,
        value_width: value,
        softmax_scale: mla.softmax_scale,
    };
    let [grad_q, grad_k, grad_v] =
        ops.attention_backward([&queries, &keys, &values], grad_out, &shape, &batch.spans);
    let grad_kv = ops.map_rows(n, heads * (nope + value), &|row, out| {
        for (head, out) in out.chunks_exact_mut(nope + value).enumerate() {
            out[..nope].copy_from_slice(&grad_k.row(row)[head * qk..][..nope]);
            out[nope..].copy_from_slice(&grad_v.row(row)[head * value..][..value]);
        }
    });
    ops.weight_gradient(gradients.kv_b_proj, &grad_kv, &normed, kv_b.format());
    let grad_normed = ops.linear(&grad_kv, &transposes.of(&kv_b), None);
    let (norm, eps) = (mla.kv_a_layernorm, mla.rms_norm_eps);
    let grad_latent =
        ops.rms_norm_backward(&grad_normed, &latent, norm, eps, gradients.kv_a_layernorm);
    let grad_q = ops.map_rows(n, heads * qk, &|row, out| {
        out.copy_from_slice(grad_q.row(row));
        let each = out.chunks_exact_mut(qk);
        each.for_each(|head| rope::interleaved_backward(&mut head[nope..], angles(row)));
    });
    let grad_kv_a = ops.map_rows(n, kv_a.cols(), &|row, out| {
        let (latent, rotated) = out.split_at_mut(rank);
        latent.copy_from_slice(grad_latent.row(row));
        rotated.fill(0.0);
        for head in grad_k.row(row).chunks_exact(qk) {
            rotated.iter_mut().zip(&head[nope..]).for_each(|(sum, grad)| *sum += grad);
        }
        rope::interleaved_backward(rotated, angles(row));
    });
    [grad_q, grad_kv_a]
}

/// Rotated queries, rotated keys and values of all heads, from `kv`, the product with `kv_b_proj`.
fn expanded(
    ops: &dyn Gradients,
    [q, kv_a, kv]: [&Tensor; 3],
    mla: &Mla,
    batch: &Batch,
) -> [Tensor; 3] {
    let (n, heads, rank) = (q.rows(), mla.num_attention_heads, mla.kv_lora_rank);
    let (nope, value, qk) = (mla.qk_nope_head_dim, mla.v_head_dim, mla.qk_head_dim());
    let angles = |row: usize| batch.rotary.row(row);
    let queries = ops.map_rows(n, heads * qk, &|row, out| {
        out.copy_from_slice(q.row(row));
        let each = out.chunks_exact_mut(qk);
        each.for_each(|head| rope::interleaved(&mut head[nope..], angles(row)));
    });
    let keys = ops.map_rows(n, heads * qk, &|row, out| {
        let (first, rest) = out.split_at_mut(qk);
        first[nope..].copy_from_slice(&kv_a.row(row)[rank..]);
        rope::interleaved(&mut first[nope..], angles(row));
        rest.chunks_exact_mut(qk).for_each(|head| head[nope..].copy_from_slice(&first[nope..]));
        let expanded = kv.row(row).chunks_exact(nope + value);
        let each = out.chunks_exact_mut(qk).zip(expanded);
        each.for_each(|(key, kv)| key[..nope].copy_from_slice(&kv[..nope]));
    });
    let values = ops.map_rows(n, heads * value, &|row, out| {
        let expanded = kv.row(row).chunks_exact(nope + value);
        let each = out.chunks_exact_mut(value).zip(expanded);
        each.for_each(|(value, kv)| value.copy_from_slice(&kv[nope..]));
    });
    [queries, keys, values]
}
