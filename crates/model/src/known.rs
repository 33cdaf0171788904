//! Models whose config is built in, so that `inspect`, `plan` and `bench` work without weights.

use std::path::Path;

use crate::config::Config;
use crate::error::{ModelError, Result};

/// A model known by name.
pub struct KnownModel {
    /// The name on the command line.
    pub name: &'static str,
    /// Where the values come from and how far they can be trusted.
    pub source: &'static str,
    json: &'static str,
}

const R1: &str = include_str!("known/deepseek-r1.json");
const R1_SOURCE: &str = "DeepSeek-V3 repository, inference/configs/config_671B.json; R1 and R1-Zero have the same \
     architecture, and their hyperparameters agree with load logs of the published weights";
const QWEN_SOURCE: &str =
    "configs of the Qwen2.5 base models with R1's values where published; check the file you have";
const LLAMA_SOURCE: &str = "configs of the Llama 3.1 and 3.3 base models; check the file you have";

/// Every built-in model, in the order of messages.
pub const KNOWN: &[KnownModel] = &[
    KnownModel { name: "deepseek-r1", source: R1_SOURCE, json: R1 },
    KnownModel { name: "deepseek-r1-zero", source: R1_SOURCE, json: R1 },
    KnownModel { name: "deepseek-v3", source: R1_SOURCE, json: R1 },
    KnownModel {
        name: "deepseek-r1-distill-qwen-1.5b",
        source: QWEN_SOURCE,
        json: include_str!("known/deepseek-r1-distill-qwen-1.5b.json"),
    },
    KnownModel {
        name: "deepseek-r1-distill-qwen-7b",
        source: QWEN_SOURCE,
        json: include_str!("known/deepseek-r1-distill-qwen-7b.json"),
    },
    KnownModel {
        name: "deepseek-r1-distill-qwen-14b",
        source: QWEN_SOURCE,
        json: include_str!("known/deepseek-r1-distill-qwen-14b.json"),
    },
    KnownModel {
        name: "deepseek-r1-distill-qwen-32b",
        source: QWEN_SOURCE,
        json: include_str!("known/deepseek-r1-distill-qwen-32b.json"),
    },
    KnownModel {
        name: "deepseek-r1-distill-llama-8b",
        source: LLAMA_SOURCE,
        json: include_str!("known/deepseek-r1-distill-llama-8b.json"),
    },
    KnownModel {
        name: "deepseek-r1-distill-llama-70b",
        source: LLAMA_SOURCE,
        json: include_str!("known/deepseek-r1-distill-llama-70b.json"),
    },
    KnownModel {
        name: "moonlight-16b-a3b",
        source: "third-party launch arguments; context length and token ids are not confirmed",
        json: include_str!("known/moonlight-16b-a3b.json"),
    },
    KnownModel {
        name: "moonlight-half",
        source: "a shape of this project for speed measurements: half of Moonlight's layers and a \
                 small vocabulary, 8 billion parameters; no such weights are published",
        json: include_str!("known/moonlight-half.json"),
    },
    KnownModel {
        name: "deepseek-v3-21m",
        source: "a shape of this project for measurements of training: every part of DeepSeek-V3 but \
                 the MTP layer, 21 million parameters; no such weights are published",
        json: include_str!("known/deepseek-v3-21m.json"),
    },
];

/// Vocabulary of a shape that is cut to a few layers: small, so that its layers and not its head
/// are what is measured.
const CUT_VOCAB_SIZE: usize = 4096;

impl KnownModel {
    /// The model of this name, in any case.
    pub fn find(name: &str) -> Result<&'static KnownModel> {
        KNOWN.iter().find(|known| known.name.eq_ignore_ascii_case(name)).ok_or_else(|| {
            let known: Vec<&str> = KNOWN.iter().map(|known| known.name).collect();
            let name = name.chars().take(80).collect();
            ModelError::UnknownModel { name, known: known.join(", ") }
        })
    }

    /// Its config.
    pub fn config(&self) -> Config {
        Config::from_json(self.json, Path::new(self.name))
            .expect("a test reads every built-in config")
    }
}

/// The config of a built-in model.
pub fn known_config(name: &str) -> Result<Config> {
    Ok(KnownModel::find(name)?.config())
}

/// A built-in model cut to its first layers for measuring: one dense layer if the model has any,
/// the others as they are, no MTP layer, and a vocabulary of 4096 ids.
pub fn cut_shape(name: &str, n_layers: usize) -> Result<Config> {
    let vocab_size = ("vocab_size", CUT_VOCAB_SIZE.into());
    let ids = [vocab_size, ("bos_token_id", 0.into()), ("eos_token_id", 1.into())];
    known_config(name)?.with_values(&ids)?.with_layers(n_layers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_config_reads() {
        for known in KNOWN {
            let config = Config::from_json(known.json, Path::new(known.name));
            assert!(config.is_ok(), "{}: {}", known.name, config.unwrap_err());
            assert_eq!(KnownModel::find(&known.name.to_uppercase()).unwrap().name, known.name);
        }
    }

    #[test]
    fn unknown_names_are_answered_with_the_known() {
        let error = known_config("deepseek-r2").unwrap_err().to_string();
        assert!(error.contains("`deepseek-r2`") && error.contains("moonlight-half"), "{error}");
    }

    #[test]
    fn two_layers_of_r1_show_both_kinds() {
        let config = cut_shape("deepseek-r1", 2).unwrap();
        assert_eq!((config.num_hidden_layers, config.vocab_size), (2, 4096));
        assert!(!config.is_moe_layer(0) && config.is_moe_layer(1));
        assert_eq!(config.moe.unwrap().n_routed_experts, 256);
    }
}
