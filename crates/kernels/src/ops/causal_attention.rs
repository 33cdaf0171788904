//! The gradient of causal attention within each sequence of a batch: what latent and grouped
//! attention have in common on the way back, once keys and values are expanded.
//!
//! Shapes: queries `[tokens, heads * key_width]` and keys `[tokens, kv_heads * key_width]`, both
//! rotated; values `[tokens, kv_heads * value_width]`; `grad_out` `[tokens, heads * value_width]`.
//! With `P = softmax(scale · Q Kᵀ)` below the diagonal: `dV = Pᵀ dO`, `dS = P ∘ (dO Vᵀ − Σ P ∘ dO
//! Vᵀ)`, `dQ = scale · dS K`, `dK = scale · dSᵀ Q`.

use ponder_tensor::{Arena, Tensor};

use crate::Span;

/// Sizes of the attention.
#[derive(Clone, Copy, Debug)]
pub struct Heads {
    /// Query heads.
    pub num_attention_heads: usize,
    /// Key and value heads; divides the query heads.
    pub num_key_value_heads: usize,
    /// Width of a head's query and key.
    pub key_width: usize,
    /// Width of a head's value.
    pub value_width: usize,
    /// Multiplies every score.
    pub softmax_scale: f32,
}

impl Heads {
    /// Query heads that share one key-value head.
    pub fn group_size(&self) -> usize {
        self.num_attention_heads / self.num_key_value_heads
    }

    /// Checks that every span starts its sequence: gradients cannot reach tokens of other batches.
    #[track_caller]
    pub fn check(&self, [q, k, v]: [&Tensor; 3], grad_out: &Tensor, spans: &[Span]) {
        assert_eq!(q.cols(), self.num_attention_heads * self.key_width);
        assert_eq!(k.cols(), self.num_key_value_heads * self.key_width);
        assert_eq!(v.cols(), self.num_key_value_heads * self.value_width);
        assert_eq!(grad_out.cols(), self.num_attention_heads * self.value_width);
        for span in spans {
            assert_eq!(span.first_position, 0, "a sequence is trained whole: {span:?}");
        }
    }
}

/// The reference, in f64: gradients of queries, keys and values.
pub fn backward(
    arena: &Arena,
    qkv: [&Tensor; 3],
    grad_out: &Tensor,
    heads: &Heads,
    spans: &[Span],
) -> [Tensor; 3] {
    heads.check(qkv, grad_out, spans);
    let [q, k, v] = qkv;
    let mut grads = qkv.map(|x| vec![0.0f64; x.rows() * x.cols()]);
    for span in spans {
        for row in span.rows.clone() {
            for head in 0..heads.num_attention_heads {
                query_backward(&mut grads, [q, k, v], grad_out, heads, (span, row, head));
            }
        }
    }
    let mut grads = grads.into_iter();
    qkv.map(|x| {
        let grad = grads.next().expect("one for each");
        arena.tensor(x.rows(), x.cols(), |out| {
            out.iter_mut().zip(grad).for_each(|(out, grad)| *out = grad as f32);
        })
    })
}

fn query_backward(
    [grad_q, grad_k, grad_v]: &mut [Vec<f64>; 3],
    [q, k, v]: [&Tensor; 3],
    grad_out: &Tensor,
    heads: &Heads,
    (span, row, head): (&Span, usize, usize),
) {
    let (key_width, value_width) = (heads.key_width, heads.value_width);
    let kv_head = head / heads.group_size();
    let scale = heads.softmax_scale as f64;
    let query = &q.row(row)[head * key_width..][..key_width];
    let grad_out = &grad_out.row(row)[head * value_width..][..value_width];
    let key = |t: usize| &k.row(t)[kv_head * key_width..][..key_width];
    let value = |t: usize| &v.row(t)[kv_head * value_width..][..value_width];
    let visible = span.rows.start..row + 1;
    let scores: Vec<f64> = visible.clone().map(|t| dot(query, key(t)) * scale).collect();
    let max = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = scores.iter().map(|s| (s - max).exp()).sum();
    let probabilities: Vec<f64> = scores.iter().map(|s| (s - max).exp() / sum).collect();
    let grad_p: Vec<f64> = visible.clone().map(|t| dot(grad_out, value(t))).collect();
    let mean: f64 = probabilities.iter().zip(&grad_p).map(|(p, g)| p * g).sum();
    for (i, t) in visible.enumerate() {
        let grad_score = probabilities[i] * (grad_p[i] - mean) * scale;
        for c in 0..key_width {
            grad_q[row * q.cols() + head * key_width + c] += grad_score * key(t)[c] as f64;
            grad_k[t * k.cols() + kv_head * key_width + c] += grad_score * query[c] as f64;
        }
        for c in 0..value_width {
            grad_v[t * v.cols() + kv_head * value_width + c] +=
                probabilities[i] * grad_out[c] as f64;
        }
    }
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| *a as f64 * *b as f64).sum()
}
