//! `ops::gqa_attention`: the query heads of a key-value head fill the lanes.

use ponder_tensor::Tensor;

use super::Cpu;
use super::attention::{self, Inputs, Shape};
use crate::kv::padded;
use crate::ops::rope;
use crate::{Batch, Gqa, KvCache};

pub(super) fn forward(
    cpu: &Cpu,
    [q, k, v]: [&Tensor; 3],
    gqa: &Gqa,
    batch: &Batch,
    cache: &mut KvCache,
    layer: usize,
) -> Tensor {
    let dim = gqa.head_dim;
    attention::write_cache(cpu, batch, cache, layer, &|row, cached| {
        for head in 0..gqa.num_key_value_heads {
            let (key, value) = gqa.cache_offsets(head);
            cached[key..key + dim].copy_from_slice(&k.row(row)[head * dim..][..dim]);
            rope::half_split(&mut cached[key..key + dim], batch.rotary.row(row));
            cached[value..value + dim].copy_from_slice(&v.row(row)[head * dim..][..dim]);
        }
    });
    let query = |row: usize, head: usize, out: &mut [f32]| {
        let out = &mut out[..dim];
        out.copy_from_slice(&q.row(row)[head * dim..][..dim]);
        rope::half_split(out, batch.rotary.row(row));
    };
    let shape = Shape {
        num_attention_heads: gqa.num_attention_heads,
        group_size: gqa.group_size(),
        key_width: padded(dim),
        value_width: padded(dim),
        out_width: dim,
        softmax_scale: gqa.softmax_scale,
    };
    let offsets = |kv_head: usize| gqa.cache_offsets(kv_head);
    let (query, offsets) = (&query, &offsets);
    attention::forward(cpu, &Inputs { shape, batch, cache, layer, query, offsets })
}
