//! `ops::mla_attention` in absorbed form: keys and values are never expanded.
//!
//! `kv_b_proj` moves into the query (`k_up`) and behind the sum (`v_up`), so all heads attend to
//! the one latent row of a position: its whole width is the key, its latent part the value.

use ponder_tensor::Tensor;
use ponder_tensor::format::Matrix;

use super::Cpu;
use super::attention::{self, Inputs, Shape};
use super::products::{self, Product, Target};
use super::rows::PackedRows;
use crate::kv::padded;
use crate::ops::{mla_attention, rope};
use crate::{Batch, KvCache, Mla};

pub(super) fn forward(
    cpu: &Cpu,
    [q, kv_a]: [&Tensor; 2],
    mla: &Mla,
    batch: &Batch,
    cache: &mut KvCache,
    layer: usize,
) -> Tensor {
    attention::write_cache(cpu, batch, cache, layer, &|row, cached| {
        mla_attention::write_cache_row(cached, kv_a.row(row), mla, batch.rotary.row(row));
    });
    let q_latent = per_head(cpu, q, mla.qk_head_dim(), mla.k_up);
    let latent_width = padded(mla.kv_lora_rank);
    let query = |row: usize, head: usize, out: &mut [f32]| {
        let latent = &q_latent.row(row)[head * mla.kv_lora_rank..][..mla.kv_lora_rank];
        out[..mla.kv_lora_rank].copy_from_slice(latent);
        let rotated = &mut out[latent_width..][..mla.qk_rope_head_dim];
        let q = &q.row(row)[head * mla.qk_head_dim()..][..mla.qk_head_dim()];
        rotated.copy_from_slice(&q[mla.qk_nope_head_dim..]);
        rope::interleaved(rotated, batch.rotary.row(row));
    };
    let shape = Shape {
        num_attention_heads: mla.num_attention_heads,
        group_size: mla.num_attention_heads,
        key_width: cache.row_width(),
        value_width: latent_width,
        out_width: mla.kv_lora_rank,
        softmax_scale: mla.softmax_scale,
    };
    let (query, offsets) = (&query, &|_| (0, 0));
    let latents = attention::forward(cpu, &Inputs { shape, batch, cache, layer, query, offsets });
    per_head(cpu, &latents, mla.kv_lora_rank, mla.v_up)
}

/// Multiplies the first columns of each head of `x` `[tokens, heads * head_width]` by that head's
/// matrix: `[tokens, heads * out_features]`.
fn per_head(cpu: &Cpu, x: &Tensor, head_width: usize, matrices: &[Matrix]) -> Tensor {
    let (n_in, n_out) = (matrices[0].in_features(), matrices[0].out_features());
    // Heads may differ in format: one whose rows straddle two blocks of FP8 scales is kept in F32.
    let pack = |(head, matrix): (usize, &Matrix)| {
        let operand = cpu.kernels.operand(matrix.format());
        products::pack(cpu, operand, x, (head * head_width, n_in), &|row| row, x.rows())
    };
    let rows: Vec<PackedRows> = matrices.iter().enumerate().map(pack).collect();
    let products: Vec<Product> =
        rows.iter().zip(matrices).map(|(rows, matrix)| Product { rows, matrix }).collect();
    let width = matrices.len() * n_out;
    cpu.arena.tensor(x.rows(), width, |out| {
        products::store(cpu, &products, &Target::new(out, width, n_out, None));
    })
}
