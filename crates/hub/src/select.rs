//! Which files of a repository are fetched: those that a model needs, or those that are named.

use crate::error::{HubError, Result};

const INDEX: &str = "model.safetensors.index.json";
const SINGLE: &str = "model.safetensors";

/// Which files of a repository are fetched.
#[derive(Clone, Copy, Debug)]
pub enum Wanted<'a> {
    /// What running a model needs.
    Checkpoint,
    /// Those with these names.
    Files(&'a [&'a str]),
}

/// The names at the top of a repository that Ponder reads: config, tokenizer, chat template, and
/// the weights once. An index says that the weights are its shards: other safetensors files
/// beside them are the same weights in another layout.
pub fn needed<'n>(model: &str, names: &[&'n str]) -> Result<Vec<&'n str>> {
    let top: Vec<&str> = names.iter().copied().filter(|name| !name.contains('/')).collect();
    let missing = |what: String, hint| HubError::NoCheckpoint { model: model.into(), what, hint };
    if !top.contains(&"config.json") {
        let hint = "Ponder runs checkpoints with config.json and *.safetensors at the top";
        return Err(missing("has no config.json".into(), hint));
    }
    let has_index = top.contains(&INDEX);
    let is_weights: fn(&str) -> bool = match has_index {
        true if top.iter().any(|name| is_shard(name)) => is_shard,
        _ if top.contains(&SINGLE) => |name| name == SINGLE,
        _ => |name| name.ends_with(".safetensors"),
    };
    if !top.iter().any(|name| is_weights(name)) {
        let others: Vec<&str> = [".gguf", ".bin", ".pth", ".pt"]
            .into_iter()
            .filter(|ending| top.iter().any(|name| name.ends_with(ending)))
            .collect();
        let what = match others[..] {
            [] => "has no *.safetensors".to_owned(),
            _ => format!("has its weights as {} only", others.join(" and ")),
        };
        return Err(missing(what, "look for the same model as *.safetensors"));
    }
    Ok(top.into_iter().filter(|name| is_small_part(name) || is_weights(name)).collect())
}

/// The wanted names, all of which must be there.
pub fn named<'n>(repository: &str, names: &[&'n str], wanted: &[&str]) -> Result<Vec<&'n str>> {
    let chosen: Vec<&str> = names.iter().copied().filter(|name| wanted.contains(name)).collect();
    match wanted.iter().find(|name| !chosen.contains(name)) {
        None => Ok(chosen),
        Some(lost) => Err(HubError::NoCheckpoint {
            model: repository.into(),
            what: format!("has no file {lost}"),
            hint: "the repository was changed: fetch the file by other means",
        }),
    }
}

fn is_shard(name: &str) -> bool {
    name.starts_with("model-") && name.ends_with(".safetensors")
}

/// Config, tokenizer, chat template, or the index.
fn is_small_part(name: &str) -> bool {
    matches!(name, "config.json" | "generation_config.json" | INDEX)
        || (name.starts_with("tokenizer") && name.ends_with(".json"))
        || name.starts_with("chat_template.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_model_needs() {
        let r1 = [
            ".gitattributes",
            "LICENSE",
            "README.md",
            "config.json",
            "configuration_deepseek.py",
            "figures/benchmark.jpg",
            "generation_config.json",
            "model-00001-of-000002.safetensors",
            "model-00002-of-000002.safetensors",
            "model.safetensors.index.json",
            "modeling_deepseek.py",
            "tokenizer.json",
            "tokenizer_config.json",
            "consolidated.safetensors",
            "pytorch_model.bin",
            "model.Q4.gguf",
            "tokenizer.model",
            "chat_template.jinja",
            "onnx/model.safetensors",
        ];
        assert_eq!(
            needed("a/b", &r1).unwrap(),
            [
                "config.json",
                "generation_config.json",
                "model-00001-of-000002.safetensors",
                "model-00002-of-000002.safetensors",
                "model.safetensors.index.json",
                "tokenizer.json",
                "tokenizer_config.json",
                "chat_template.jinja",
            ]
        );
        let both = ["config.json", "consolidated.safetensors", "model.safetensors"];
        assert_eq!(needed("a/b", &both).unwrap(), ["config.json", "model.safetensors"]);
        let odd = ["config.json", "weights.safetensors", "model.safetensors.index.json"];
        assert_eq!(needed("a/b", &odd).unwrap().len(), 3);
    }

    #[test]
    fn files_by_name() {
        let names = ["README.md", "main/test.parquet", "main/train.parquet"];
        assert_eq!(named("a/b", &names, &["main/test.parquet"]).unwrap(), ["main/test.parquet"]);
        let error = named("a/b", &names, &["test.parquet"]).unwrap_err().to_string();
        assert!(error.contains("a/b: has no file test.parquet"), "{error}");
    }

    #[test]
    fn what_is_no_model() {
        for (names, want) in [
            (&["README.md", "model.safetensors"][..], "has no config.json"),
            (&["config.json", "x.gguf", "pytorch_model.bin"], "as .gguf and .bin only"),
            (&["config.json", "sub/model.safetensors"], "has no *.safetensors"),
        ] {
            let error = needed("a/b", names).unwrap_err().to_string();
            assert!(error.contains(want), "{error}");
        }
    }
}
