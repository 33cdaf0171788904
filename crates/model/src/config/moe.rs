//! The two parts that only DeepSeek-V3 configs have: latent attention and the experts.

use crate::config::fields::Fields;
use crate::error::Result;

/// The widest head or latent.
const MAX_RANK: usize = 1 << 16;
/// The most experts a layer may have.
const MAX_EXPERTS: usize = 4096;

/// Multi-head latent attention.
#[derive(Clone, Debug, PartialEq)]
pub struct MlaConfig {
    /// Width of the compressed query; `None` means one `q_proj`.
    pub q_lora_rank: Option<usize>,
    /// Width of the compressed keys and values, which the cache keeps.
    pub kv_lora_rank: usize,
    /// The part of a head without position.
    pub qk_nope_head_dim: usize,
    /// The rotated part of a head.
    pub qk_rope_head_dim: usize,
    /// Width of a value head.
    pub v_head_dim: usize,
}

impl MlaConfig {
    /// Epsilon of `q_a_layernorm` and `kv_a_layernorm`: the published code builds them with its
    /// class default, whatever `rms_norm_eps` says.
    pub const NORM_EPS: f32 = 1e-6;

    /// What the cache keeps of a token in a layer: the latent and the rotated key.
    pub fn latent_dim(&self) -> usize {
        self.kv_lora_rank + self.qk_rope_head_dim
    }

    pub(crate) fn read(fields: &Fields<'_>) -> Result<MlaConfig> {
        let rank = |key| fields.count(key, 1..=MAX_RANK);
        let mla = MlaConfig {
            // 0 and null both mean that queries are not compressed.
            q_lora_rank: fields.optional_count("q_lora_rank", 0..=MAX_RANK)?.filter(|r| *r > 0),
            kv_lora_rank: rank("kv_lora_rank")?,
            qk_nope_head_dim: rank("qk_nope_head_dim")?,
            qk_rope_head_dim: rank("qk_rope_head_dim")?,
            v_head_dim: rank("v_head_dim")?,
        };
        if !mla.qk_rope_head_dim.is_multiple_of(2) {
            let hint = "rotary embedding works on pairs";
            return Err(fields.refuse("qk_rope_head_dim", "an even number", hint));
        }
        Ok(mla)
    }
}

/// Mixture of experts with sigmoid gate and group-limited choice.
#[derive(Clone, Debug, PartialEq)]
pub struct MoeConfig {
    /// Experts to choose from in a layer.
    pub n_routed_experts: usize,
    /// Experts that always run, as one MLP of this multiple of the width.
    pub n_shared_experts: usize,
    /// Experts chosen for a token.
    pub num_experts_per_tok: usize,
    /// Inner width of an expert.
    pub moe_intermediate_size: usize,
    /// Layers before this one are dense.
    pub first_k_dense_replace: usize,
    /// Of the later layers, those divisible by this have experts.
    pub moe_layer_freq: usize,
    /// Groups of consecutive experts.
    pub n_group: usize,
    /// Groups kept for a token.
    pub topk_group: usize,
    /// Whether the chosen weights are made to sum to 1.
    pub norm_topk_prob: bool,
    /// What multiplies the weights.
    pub routed_scaling_factor: f32,
    /// `sigmoid`: the only one this architecture knows.
    pub scoring_func: String,
    /// `noaux_tc`: biased choice, unbiased weights; the only one this architecture knows.
    pub topk_method: String,
}

impl MoeConfig {
    /// Experts in one group.
    pub fn group_size(&self) -> usize {
        self.n_routed_experts / self.n_group
    }

    /// `None` when the config names no experts.
    pub(crate) fn read(fields: &Fields<'_>) -> Result<Option<MoeConfig>> {
        let Some(n_routed_experts) = fields.optional_count("n_routed_experts", 1..=MAX_EXPERTS)?
        else {
            return Ok(None);
        };
        let v2 = "other gates belong to DeepSeek-V2, which is another architecture";
        fields.only("scoring_func", "sigmoid", v2)?;
        fields.only("topk_method", "noaux_tc", v2)?;
        // Left out, these would have different defaults in different implementations, so they are
        // asked for.
        let Some(norm_topk_prob) = fields.flag("norm_topk_prob")? else {
            let hint = "implementations disagree on the default, so the file must say";
            return Err(fields.refuse("norm_topk_prob", "true or false", hint));
        };
        let moe = MoeConfig {
            n_routed_experts,
            n_shared_experts: fields.optional_count("n_shared_experts", 0..=256)?.unwrap_or(0),
            num_experts_per_tok: fields.count("num_experts_per_tok", 1..=n_routed_experts)?,
            moe_intermediate_size: fields.count("moe_intermediate_size", 1..=1 << 20)?,
            first_k_dense_replace: fields.count("first_k_dense_replace", 0..=1 << 20)?,
            moe_layer_freq: fields.optional_count("moe_layer_freq", 1..=1 << 20)?.unwrap_or(1),
            n_group: fields.optional_count("n_group", 1..=n_routed_experts)?.unwrap_or(1),
            topk_group: fields.optional_count("topk_group", 1..=n_routed_experts)?.unwrap_or(1),
            norm_topk_prob,
            routed_scaling_factor: fields.number("routed_scaling_factor", 1e-6..=1e6)? as f32,
            scoring_func: "sigmoid".into(),
            topk_method: "noaux_tc".into(),
        };
        moe.check_groups(fields)?;
        Ok(Some(moe))
    }

    fn check_groups(&self, fields: &Fields<'_>) -> Result<()> {
        let hint = "experts are chosen inside the kept groups, which have equal sizes";
        if !self.n_routed_experts.is_multiple_of(self.n_group) {
            let expected = format!("a divisor of n_routed_experts, {}", self.n_routed_experts);
            return Err(fields.refuse("n_group", &expected, hint));
        }
        if self.topk_group > self.n_group {
            let expected = format!("at most n_group, {}", self.n_group);
            return Err(fields.refuse("topk_group", &expected, hint));
        }
        // A group's score is the sum of its two best experts.
        if self.n_group > 1 && self.group_size() < 2 {
            let expected = "groups of at least two experts";
            return Err(fields.refuse("n_group", expected, hint));
        }
        let n_allowed = self.topk_group * self.group_size();
        if self.num_experts_per_tok > n_allowed {
            let expected = format!("at most the {n_allowed} experts of the kept groups");
            return Err(fields.refuse("num_experts_per_tok", &expected, hint));
        }
        Ok(())
    }
}
