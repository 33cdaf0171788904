//! What a backend must be able to do. Each submodule is the contract of one operation: shapes,
//! meaning, and a reference that is slow and obvious.

pub mod backward;
pub mod causal_attention;
pub mod cross_entropy;
pub mod embed;
pub mod experts_ffn;
pub mod gqa_attention;
pub mod linear;
pub mod log_softmax;
pub mod mla_attention;
pub mod rms_norm;
pub mod rope;
pub mod route;

use ponder_tensor::Tensor;
use ponder_tensor::format::{Embedding, Matrix};

use crate::{Batch, Experts, Gqa, KvCache, KvDtype, Mla, Router, Routing};

/// The operations a model is written in. Every result is a new tensor; only cache pages mutate.
///
/// A result's row depends on the same row of the inputs (and, in attention, on its own sequence)
/// alone: never on the number of rows, on neighbours or on threads. Within one backend equal rows
/// give equal bits.
pub trait Ops {
    /// What runs, for reports: `reference`, `avx2`, `avx512`, `amx`.
    fn name(&self) -> &'static str;

    /// Threads in use.
    fn threads(&self) -> usize;

    /// Number format in which the cache is kept.
    fn kv_dtype(&self) -> KvDtype;

    /// Rows of the embedding table: `[tokens, hidden_size]`.
    fn embed(&self, table: &Embedding, token_ids: &[u32]) -> Tensor;

    /// Root-mean-square normalisation of each row, times `weight`.
    fn rms_norm(&self, x: &Tensor, weight: &[f32], eps: f32) -> Tensor;

    /// `x · weightᵀ + bias`: `[tokens, in_features]` to `[tokens, out_features]`.
    fn linear(&self, x: &Tensor, weight: &Matrix, bias: Option<&[f32]>) -> Tensor;

    /// The sum of two tensors of one shape.
    fn add(&self, a: &Tensor, b: &Tensor) -> Tensor;

    /// The given rows, in the given order.
    fn select_rows(&self, x: &Tensor, rows: &[usize]) -> Tensor;

    /// Columns of `a`, then columns of `b`, row by row.
    fn concat_cols(&self, a: &Tensor, b: &Tensor) -> Tensor;

    /// Chooses experts for every row of router logits `[tokens, n_routed_experts]`.
    fn route(&self, logits: &Tensor, router: &Router) -> Routing;

    /// The weighted sum of the chosen experts' SwiGLU networks, plus the shared one.
    fn experts_ffn(&self, x: &Tensor, experts: &Experts, routing: Option<&Routing>) -> Tensor;

    /// Multi-head latent attention; writes the batch's rows of `layer` into the cache first.
    fn mla_attention(
        &self,
        q: &Tensor,
        kv_a: &Tensor,
        mla: &Mla,
        batch: &Batch,
        cache: &mut KvCache,
        layer: usize,
    ) -> Tensor;

    /// Grouped-query attention; writes the batch's rows of `layer` into the cache first.
    fn gqa_attention(
        &self,
        qkv: [&Tensor; 3],
        gqa: &Gqa,
        batch: &Batch,
        cache: &mut KvCache,
        layer: usize,
    ) -> Tensor;
}
