//! What one token costs: bytes that must be read, bytes that must be kept, operations.

use crate::checkpoint::expected::{Component, TensorKind};
use crate::config::Config;
use crate::count::bytes::tensor_bytes;
use crate::count::{Storage, WeightFormat, parts};

/// Bytes of one cached value.
const KV_VALUE_BYTES: u64 = 2;

/// The two forms of the same attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttentionForm {
    /// Over the cached latents, `kv_b_proj` absorbed into query and output: decode.
    Absorbed,
    /// Over keys and values expanded from the latents: cheaper per score, for prompts.
    Expanded,
}

/// Bytes the cache keeps of one token in BF16, over all layers and, on request, the MTP layers.
pub fn kv_bytes_per_token(config: &Config, with_mtp: bool) -> u64 {
    let width = match &config.mla {
        Some(mla) => mla.latent_dim(),
        None => 2 * config.num_key_value_heads * config.head_dim,
    };
    let mtp_layers = if with_mtp { config.num_nextn_predict_layers } else { 0 };
    (width * (config.num_hidden_layers + mtp_layers)) as u64 * KV_VALUE_BYTES
}

/// What it would keep without latents: every head's own key and value.
pub fn expanded_kv_bytes_per_token(config: &Config) -> u64 {
    let v_head_dim = config.mla.as_ref().map_or(config.head_dim, |mla| mla.v_head_dim);
    let width = config.num_key_value_heads * (config.head_dim + v_head_dim);
    (width * config.num_hidden_layers) as u64 * KV_VALUE_BYTES
}

/// Weight bytes that decoding one token of one sequence reads, head included.
pub fn read_bytes_per_token(config: &Config, format: WeightFormat, storage: Storage) -> u64 {
    read_bytes_per_step(config, format, storage, 1) as u64
}

/// Weight bytes of one step over `n_tokens` tokens that choose their experts independently.
pub fn read_bytes_per_step(
    config: &Config,
    format: WeightFormat,
    storage: Storage,
    n_tokens: usize,
) -> f64 {
    let experts = distinct_experts(config, n_tokens);
    let head_is_embedding = config.tie_word_embeddings;
    let read = parts(config).filter(|part| {
        !part.is_mtp && (part.template.kind != TensorKind::Embedding || head_is_embedding)
    });
    let bytes = |part: super::Part| {
        let times = match part.template.component {
            Component::RoutedExperts => experts,
            _ => part.times as f64,
        };
        tensor_bytes(config, &part.template, format, storage) as f64 * times
    };
    read.map(bytes).sum()
}

/// How many experts of a layer `n_tokens` tokens need, on average, when they choose evenly:
/// `E (1 - (1 - K/E)^n)`; 0 without experts.
pub fn distinct_experts(config: &Config, n_tokens: usize) -> f64 {
    let Some(moe) = &config.moe else { return 0.0 };
    let n_experts = moe.n_routed_experts as f64;
    let missed = 1.0 - moe.num_experts_per_tok as f64 / n_experts;
    n_experts * (1.0 - missed.powf(n_tokens as f64))
}

/// Operations of every matrix product for one token, head included: two for a weight.
pub fn linear_flops_per_token(config: &Config) -> u64 {
    let is_multiplied = |kind| match kind {
        TensorKind::Linear | TensorKind::Router | TensorKind::Head => true,
        // A tied embedding is the head as well.
        TensorKind::Embedding => config.tie_word_embeddings,
        _ => false,
    };
    let multiplied = parts(config).filter(|p| !p.is_mtp && is_multiplied(p.template.kind));
    2 * multiplied.map(|part| part.active()).sum::<u64>()
}

/// Operations of attention proper for one token that looks back on `context` tokens.
pub fn attention_flops(config: &Config, context: usize, form: AttentionForm) -> u64 {
    let per_score = match (&config.mla, form) {
        (Some(mla), AttentionForm::Absorbed) => mla.latent_dim() + mla.kv_lora_rank,
        (Some(mla), AttentionForm::Expanded) => config.head_dim + mla.v_head_dim,
        (None, _) => 2 * config.head_dim,
    };
    let scores = config.num_hidden_layers as u64 * config.num_attention_heads as u64;
    2 * scores * per_score as u64 * context as u64
}
