//! Layers small enough to differentiate, built from plain values in the checkpoint's shapes.

use ponder_kernels::ops::experts_ffn::{self, ExpertGradients};
use ponder_kernels::ops::mla_attention::{self, MlaGradients};
use ponder_kernels::{
    Batch, Expert, Experts, Gqa, Gradients, KvCache, Mla, Ops, PAGE_TOKENS, PageId, Routing, Span,
    Transposes,
};
use ponder_tensor::format::{Format, Matrix, Source};
use ponder_tensor::{Arena, Dtype, Tensor, WeightStore, bf16_from_f32};

pub fn tensor(values: &[f32], cols: usize) -> Tensor {
    Arena::new().tensor(values.len() / cols, cols, |out| out.copy_from_slice(values))
}

fn stored(values: &[f32], format: Format) -> (Dtype, Vec<u8>) {
    match format {
        Format::Bf16 => {
            let bits = values.iter().map(|x| bf16_from_f32(*x));
            (Dtype::Bf16, bits.flat_map(u16::to_le_bytes).collect())
        }
        _ => (Dtype::F32, values.iter().flat_map(|x| x.to_le_bytes()).collect()),
    }
}

pub fn matrix(values: &[f32], cols: usize, format: Format) -> Matrix {
    pack(&mut WeightStore::new(), values, cols, format)
}

fn pack(store: &mut WeightStore, values: &[f32], cols: usize, format: Format) -> Matrix {
    let (dtype, bytes) = stored(values, format);
    Matrix::pack(store, &Source::whole(dtype, &bytes, values.len() / cols, cols)).unwrap()
}

/// Sequences of these lengths, each whole.
pub fn batch(lengths: &[usize], rotary_dim: usize) -> Batch {
    let (mut spans, mut row, mut page) = (Vec::new(), 0, 0);
    for length in lengths {
        let n_pages = length.div_ceil(PAGE_TOKENS) as u32;
        let pages = (page..page + n_pages).map(PageId).collect();
        spans.push(Span { rows: row..row + length, first_position: 0, pages });
        (row, page) = (row + length, page + n_pages);
    }
    let inv_freq: Vec<f32> = (0..rotary_dim / 2).map(|i| 0.7f32.powi(i as i32)).collect();
    Batch::new(vec![0; row], spans, &inv_freq, 1.1)
}

fn cache(ops: &dyn Ops, batch: &Batch, row_width: usize) -> KvCache {
    let n_pages = batch.spans.iter().map(|span| span.pages.len()).sum();
    KvCache::new(ops.kv_dtype(), 1, n_pages, row_width)
}

/// Sizes of latent attention.
#[derive(Clone, Copy)]
pub struct MlaSizes {
    pub heads: usize,
    pub nope: usize,
    pub rope: usize,
    pub value: usize,
    pub rank: usize,
    pub format: Format,
}

impl MlaSizes {
    pub fn kv_b_len(&self) -> usize {
        self.heads * (self.nope + self.value) * self.rank
    }

    fn with<T>(&self, norm: &[f32], kv_b: &[f32], body: impl FnOnce(&Mla) -> T) -> T {
        let (dtype, bytes) = stored(kv_b, self.format);
        let rows = self.heads * (self.nope + self.value);
        let whole = Source::whole(dtype, &bytes, rows, self.rank);
        let mut store = WeightStore::new();
        let mut window = |first_row, rows, transposed| {
            let window = Source { first_row, rows, transposed, ..whole.clone() };
            Matrix::pack(&mut store, &window).unwrap()
        };
        let first = |head: usize| head * (self.nope + self.value);
        let k_up: Vec<Matrix> =
            (0..self.heads).map(|head| window(first(head), self.nope, true)).collect();
        let v_up: Vec<Matrix> = (0..self.heads)
            .map(|head| window(first(head) + self.nope, self.value, false))
            .collect();
        body(&Mla {
            num_attention_heads: self.heads,
            qk_nope_head_dim: self.nope,
            qk_rope_head_dim: self.rope,
            v_head_dim: self.value,
            kv_lora_rank: self.rank,
            kv_a_layernorm: norm,
            rms_norm_eps: 1e-6,
            k_up: &k_up,
            v_up: &v_up,
            softmax_scale: 0.4,
        })
    }

    /// Inputs in the order q, kv_a, norm, kv_b.
    pub fn forward(&self, ops: &dyn Ops, [q, kv_a, norm, kv_b]: [&[f32]; 4], b: &Batch) -> Tensor {
        let q = tensor(q, self.heads * (self.nope + self.rope));
        let kv_a = tensor(kv_a, self.rank + self.rope);
        let width = Mla::cache_width(self.rank, self.rope);
        self.with(norm, kv_b, |mla| {
            ops.mla_attention(&q, &kv_a, mla, b, &mut cache(ops, b, width), 0)
        })
    }

    pub fn backward(
        &self,
        ops: &dyn Gradients,
        grad_out: &[f32],
        [q, kv_a, norm, kv_b]: [&[f32]; 4],
        batch: &Batch,
    ) -> [Vec<f32>; 4] {
        let grad_out = tensor(grad_out, self.heads * self.value);
        let q = tensor(q, self.heads * (self.nope + self.rope));
        let kv_a = tensor(kv_a, self.rank + self.rope);
        let (mut kv_a_layernorm, mut kv_b_proj) = (vec![0.0; norm.len()], vec![0.0; kv_b.len()]);
        let [grad_q, grad_kv_a] = self.with(norm, kv_b, |mla| {
            let gradients =
                MlaGradients { kv_a_layernorm: &mut kv_a_layernorm, kv_b_proj: &mut kv_b_proj };
            let weights = (mla, &Transposes::default());
            mla_attention::backward(ops, &grad_out, [&q, &kv_a], weights, batch, gradients)
        });
        [grad_q.data().to_vec(), grad_kv_a.data().to_vec(), kv_a_layernorm, kv_b_proj]
    }
}

pub fn gqa(heads: usize, kv_heads: usize, head_dim: usize) -> Gqa {
    Gqa { num_attention_heads: heads, num_key_value_heads: kv_heads, head_dim, softmax_scale: 0.5 }
}

pub fn gqa_forward(ops: &dyn Ops, qkv: [&[f32]; 3], gqa: &Gqa, batch: &Batch) -> Tensor {
    let [q, k, v] = gqa_inputs(qkv, gqa);
    ops.gqa_attention([&q, &k, &v], gqa, batch, &mut cache(ops, batch, gqa.cache_width()), 0)
}

pub fn gqa_inputs([q, k, v]: [&[f32]; 3], gqa: &Gqa) -> [Tensor; 3] {
    let kv_width = gqa.num_key_value_heads * gqa.head_dim;
    [tensor(q, gqa.num_attention_heads * gqa.head_dim), tensor(k, kv_width), tensor(v, kv_width)]
}

/// Sizes of a layer of experts.
#[derive(Clone, Copy)]
pub struct FfnSizes {
    pub hidden: usize,
    pub intermediate: usize,
    pub n_routed: usize,
    pub has_shared: bool,
    pub format: Format,
}

impl FfnSizes {
    /// Gate, up and down of every network, one after the other.
    pub fn weights_len(&self) -> usize {
        (self.n_routed + self.has_shared as usize) * 3 * self.hidden * self.intermediate
    }

    fn with<T>(&self, weights: &[f32], body: impl FnOnce(&Experts) -> T) -> T {
        let part = self.hidden * self.intermediate;
        let mut store = WeightStore::new();
        let mut networks: Vec<Expert> = weights
            .chunks_exact(3 * part)
            .map(|weights| {
                let stored = [0, 1].map(|i| stored(&weights[i * part..][..part], self.format));
                let sources = stored.each_ref().map(|(dtype, bytes)| {
                    Source::whole(*dtype, bytes, self.intermediate, self.hidden)
                });
                let sources: Vec<&Source> = sources.iter().collect();
                let gate_up = Matrix::pack_interleaved(&mut store, &sources, self.format).unwrap();
                let down = pack(&mut store, &weights[2 * part..], self.intermediate, self.format);
                Expert { gate_up, down }
            })
            .collect();
        let shared = self.has_shared.then(|| networks.pop().unwrap());
        body(&Experts { routed: &networks, shared: shared.as_ref() })
    }

    pub fn forward(
        &self,
        ops: &dyn Ops,
        x: &[f32],
        weights: &[f32],
        routing: Option<&Routing>,
    ) -> Tensor {
        self.with(weights, |experts| ops.experts_ffn(&tensor(x, self.hidden), experts, routing))
    }

    /// Gradients by x, by the weights and by the routing weights.
    pub fn backward(
        &self,
        ops: &dyn Gradients,
        grad_out: &[f32],
        x: &[f32],
        weights: &[f32],
        routing: Option<&Routing>,
    ) -> [Vec<f32>; 3] {
        let part = self.hidden * self.intermediate;
        let mut grad_weights = vec![0.0; weights.len()];
        let (x, grad_out) = (tensor(x, self.hidden), tensor(grad_out, self.hidden));
        let (grad_x, grad_routing) = self.with(weights, |experts| {
            experts_ffn::backward(
                ops,
                &grad_out,
                &x,
                (experts, routing),
                &Transposes::default(),
                &mut |id, add| {
                    let start = id.unwrap_or(self.n_routed) * 3 * part;
                    let (gate, rest) = grad_weights[start..start + 3 * part].split_at_mut(part);
                    let (up, down) = rest.split_at_mut(part);
                    add(ExpertGradients { gate, up, down });
                },
            )
        });
        [grad_x.data().to_vec(), grad_weights, grad_routing]
    }
}
