//! Models to train from nothing: the presets, and random weights.

use std::path::Path;

use ponder_model::checkpoint::TensorKind;
use ponder_model::config::Config;
use serde_json::json;

use crate::error::Result;
use crate::parameters::Parameters;
use crate::random::Random;

/// Sizes of a miniature R1.
#[derive(Clone, Copy, Debug)]
pub struct Preset {
    /// The name on the command line.
    pub name: &'static str,
    /// Rows of embedding and head.
    pub vocab_size: usize,
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    /// `qk_nope_head_dim`, `qk_rope_head_dim`, `v_head_dim`.
    head_dims: [usize; 3],
    kv_lora_rank: usize,
    q_lora_rank: Option<usize>,
    n_routed_experts: usize,
    num_experts_per_tok: usize,
    moe_intermediate_size: usize,
    intermediate_size: usize,
    /// The longest text it is meant for.
    pub context: usize,
}

/// The presets, smallest first. The first layer is dense, of three times the hidden
/// size; one shared expert; MTP depth 1.
pub const PRESETS: &[Preset] = &[
    Preset {
        name: "smoke",
        vocab_size: 384,
        hidden_size: 64,
        num_hidden_layers: 2,
        num_attention_heads: 2,
        head_dims: [16, 8, 16],
        kv_lora_rank: 24,
        q_lora_rank: None,
        n_routed_experts: 4,
        num_experts_per_tok: 2,
        moe_intermediate_size: 48,
        intermediate_size: 192,
        context: 256,
    },
    Preset {
        name: "nano",
        vocab_size: 512,
        hidden_size: 128,
        num_hidden_layers: 4,
        num_attention_heads: 4,
        head_dims: [24, 8, 24],
        kv_lora_rank: 48,
        q_lora_rank: None,
        n_routed_experts: 8,
        num_experts_per_tok: 2,
        moe_intermediate_size: 96,
        intermediate_size: 384,
        context: 512,
    },
    Preset {
        name: "micro",
        vocab_size: 512,
        hidden_size: 256,
        num_hidden_layers: 6,
        num_attention_heads: 8,
        head_dims: [24, 8, 32],
        kv_lora_rank: 64,
        q_lora_rank: Some(96),
        n_routed_experts: 16,
        num_experts_per_tok: 2,
        moe_intermediate_size: 128,
        intermediate_size: 768,
        context: 768,
    },
    Preset {
        name: "small",
        vocab_size: 1024,
        hidden_size: 384,
        num_hidden_layers: 8,
        num_attention_heads: 8,
        head_dims: [40, 16, 48],
        kv_lora_rank: 96,
        q_lora_rank: Some(160),
        n_routed_experts: 32,
        num_experts_per_tok: 4,
        moe_intermediate_size: 128,
        intermediate_size: 1152,
        context: 1024,
    },
    // The shape that training speed is measured on.
    Preset {
        name: "bench21",
        vocab_size: 4096,
        hidden_size: 256,
        num_hidden_layers: 6,
        num_attention_heads: 8,
        head_dims: [32, 16, 32],
        kv_lora_rank: 64,
        q_lora_rank: Some(128),
        n_routed_experts: 16,
        num_experts_per_tok: 4,
        moe_intermediate_size: 256,
        intermediate_size: 1024,
        context: 1024,
    },
];

impl Preset {
    /// The preset of this name.
    pub fn find(name: &str) -> Option<&'static Preset> {
        PRESETS.iter().find(|preset| preset.name == name)
    }

    /// Its `config.json`, in the published spelling.
    pub fn config(&self) -> Result<Config> {
        let [qk_nope_head_dim, qk_rope_head_dim, v_head_dim] = self.head_dims;
        let value = json!({
            "architectures": ["DeepseekV3ForCausalLM"],
            "model_type": "deepseek_v3",
            "vocab_size": self.vocab_size,
            "hidden_size": self.hidden_size,
            "intermediate_size": self.intermediate_size,
            "moe_intermediate_size": self.moe_intermediate_size,
            "num_hidden_layers": self.num_hidden_layers,
            "num_nextn_predict_layers": 1,
            "num_attention_heads": self.num_attention_heads,
            "num_key_value_heads": self.num_attention_heads,
            "q_lora_rank": self.q_lora_rank,
            "kv_lora_rank": self.kv_lora_rank,
            "qk_nope_head_dim": qk_nope_head_dim,
            "qk_rope_head_dim": qk_rope_head_dim,
            "v_head_dim": v_head_dim,
            "n_routed_experts": self.n_routed_experts,
            "n_shared_experts": 1,
            "num_experts_per_tok": self.num_experts_per_tok,
            "first_k_dense_replace": 1,
            "moe_layer_freq": 1,
            "n_group": 1,
            "topk_group": 1,
            "topk_method": "noaux_tc",
            "scoring_func": "sigmoid",
            "norm_topk_prob": true,
            "routed_scaling_factor": 1.0,
            "hidden_act": "silu",
            "rms_norm_eps": 1e-6,
            "initializer_range": 0.02,
            "rope_theta": 10000.0,
            "rope_scaling": null,
            "max_position_embeddings": self.context,
            "attention_bias": false,
            "tie_word_embeddings": false,
            "torch_dtype": "bfloat16",
            "bos_token_id": 0,
            "eos_token_id": 1,
        });
        Ok(Config::from_json(&value.to_string(), Path::new(self.name))?)
    }
}

/// Random weights: normal with deviation `initializer_range` (0.02 unless the config says
/// otherwise), norms one, biases zero. Each tensor draws from the stream of its name.
pub fn random(config: &Config, seed: u64) -> Result<Parameters> {
    let deviation = config.raw["initializer_range"].as_f64().unwrap_or(0.02);
    Parameters::new(config, |name, shape, kind| {
        let mut random = Random::named(seed, name);
        let len = shape.iter().product();
        Ok(match kind {
            TensorKind::Norm => vec![1.0; len],
            TensorKind::Bias | TensorKind::RouterBias => vec![0.0; len],
            _ => (0..len).map(|_| (random.normal() * deviation) as f32).collect(),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ponder_model::checkpoint::expected_tensors;

    #[test]
    fn presets_have_the_parameters_of_their_table() {
        for (name, millions) in
            [("smoke", 0.15), ("nano", 1.46), ("micro", 10.2), ("small", 39.4), ("bench21", 21.0)]
        {
            let config = Preset::find(name).unwrap().config().unwrap();
            let without = config.with_values(&[("num_nextn_predict_layers", 0.into())]).unwrap();
            let tensors = expected_tensors(&without).filter(|tensor| !tensor.is_optional);
            let found = tensors.map(|t| t.shape.iter().product::<usize>()).sum::<usize>();
            let found = found as f64 / 1e6;
            assert!((found / millions - 1.0).abs() < 0.05, "{name}: {found} million");
        }
    }

    #[test]
    fn weights_repeat_and_have_their_deviation() {
        let config = Preset::find("smoke").unwrap().config().unwrap();
        let [a, b, c] = [1, 1, 2].map(|seed| random(&config, seed).unwrap());
        let head = |p: &Parameters| p.get(p.find("lm_head.weight").unwrap()).values.clone();
        assert_eq!(head(&a), head(&b));
        assert_ne!(head(&a), head(&c));
        let squares: f64 = head(&a).iter().map(|x| (*x as f64).powi(2)).sum();
        let deviation = (squares / head(&a).len() as f64).sqrt();
        assert!((deviation / 0.02 - 1.0).abs() < 0.05, "{deviation}");
    }
}
