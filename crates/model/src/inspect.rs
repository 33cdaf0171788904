//! What `ponder inspect` tells: everything a config and, when there are any, the weights say.

mod render;

use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use crate::checkpoint::{Checkpoint, TensorProblems};
use crate::config::Config;
use crate::count::{
    Parameters, Storage, WeightFormat, WeightSet, expanded_kv_bytes_per_token, kv_bytes_per_token,
    largest_tensor_bytes, linear_flops_per_token, read_bytes_per_token, weight_bytes,
};
use crate::error::Result;
use crate::known::KnownModel;

/// A model, as far as it is known.
#[derive(Clone, Debug, Serialize)]
pub struct InspectReport {
    /// The name or path that was asked for.
    pub model: String,
    /// The declared architecture.
    pub architecture: &'static str,
    /// For built-in models: where the values come from.
    pub source: Option<&'static str>,
    /// Every value of `config.json`.
    pub config: Value,
    /// What follows from them.
    pub derived: Derived,
    /// Parameters by component.
    pub parameters: Parameters,
    /// Bytes of the main model's weights in the checkpoint's files, by format.
    pub weights_bytes: Vec<FormatBytes>,
    /// Memory and traffic when it runs.
    pub memory: Memory,
    /// The tensors, in the order of the files; `None` without weights.
    pub tensors: Option<Vec<TensorInfo>>,
    /// In what the weights differ from the config; `None` without weights.
    pub problems: Option<TensorProblems>,
}

/// Values that a config implies.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Derived {
    /// Width of a query or key head.
    pub head_dim: usize,
    /// How many values of it are rotated.
    pub rope_dim: usize,
    /// What multiplies the scores before the softmax.
    pub softmax_scale: f32,
    /// What multiplies cos and sin.
    pub rope_multiplier: f32,
    /// Layers without experts.
    pub dense_layers: usize,
    /// Layers with experts.
    pub moe_layers: usize,
    /// MTP layers.
    pub mtp_layers: usize,
}

/// Bytes in one format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct FormatBytes {
    /// The format.
    pub format: WeightFormat,
    /// The bytes.
    pub bytes: u64,
}

/// What the model takes when it runs in the format of its checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Memory {
    /// The format.
    pub format: WeightFormat,
    /// Packed weights with the MTP layers: rows and depth padded to 32, one scale for 32 rows and
    /// 128 columns of FP8.
    pub packed_bytes: u64,
    /// The most that loading takes beside what the program itself needs: the packed weights, the
    /// largest tensor of the mapped file while it is copied, and nothing else.
    pub peak_load_bytes: u64,
    /// The cache, a token, in BF16.
    pub kv_bytes_per_token: u64,
    /// The same with the MTP layers.
    pub kv_bytes_per_token_with_mtp: u64,
    /// What the cache would take without latents.
    pub expanded_kv_bytes_per_token: u64,
    /// Weight bytes read to decode one token.
    pub read_bytes_per_token: u64,
    /// Operations of the matrix products of one token.
    pub flops_per_token: u64,
}

/// One tensor of a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TensorInfo {
    /// Its name.
    pub name: String,
    /// Its number format, as the file spells it.
    pub dtype: &'static str,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its bytes in the file.
    pub bytes: u64,
    /// The file that holds it, without its folder.
    pub file: String,
}

impl InspectReport {
    /// Inspects a folder, a `config.json`, or a built-in model.
    pub fn of(model: &str) -> Result<InspectReport> {
        let path = Path::new(model);
        if !path.exists() && !model.contains(std::path::is_separator) {
            let known = KnownModel::find(model)?;
            return Ok(InspectReport::new(model, &known.config(), Some(known.source), None));
        }
        if path.is_file() {
            let config = Config::from_json(&crate::config::read_text(path)?, path)?;
            return Ok(InspectReport::new(model, &config, None, None));
        }
        let config = Config::from_dir(path)?;
        let checkpoint = match holds_weights(path)? {
            true => Some(Checkpoint::open(path)?),
            false => None,
        };
        Ok(InspectReport::new(model, &config, None, checkpoint.as_ref()))
    }

    /// The report on a config and, if there are any, its weights.
    pub fn new(
        model: &str,
        config: &Config,
        source: Option<&'static str>,
        checkpoint: Option<&Checkpoint>,
    ) -> InspectReport {
        let bytes = |format| {
            let bytes = weight_bytes(config, format, Storage::Checkpoint, WeightSet::Main);
            FormatBytes { format, bytes }
        };
        InspectReport {
            model: model.into(),
            architecture: config.architecture.name(),
            source,
            config: config.raw.clone(),
            derived: Derived::of(config),
            parameters: Parameters::of(config),
            weights_bytes: WeightFormat::PLANNED.map(bytes).to_vec(),
            memory: Memory::of(config),
            tensors: checkpoint.map(tensor_infos),
            problems: checkpoint.map(|checkpoint| TensorProblems::find(checkpoint, config)),
        }
    }
}

impl Derived {
    fn of(config: &Config) -> Derived {
        let moe_layers = (0..config.num_hidden_layers).filter(|i| config.is_moe_layer(*i)).count();
        Derived {
            head_dim: config.head_dim,
            rope_dim: config.rope_dim(),
            softmax_scale: config.softmax_scale(),
            rope_multiplier: config.rope_multiplier(),
            dense_layers: config.num_hidden_layers - moe_layers,
            moe_layers,
            mtp_layers: config.num_nextn_predict_layers,
        }
    }
}

impl Memory {
    fn of(config: &Config) -> Memory {
        let format = WeightFormat::of(config);
        let packed_bytes = weight_bytes(config, format, Storage::Packed, WeightSet::WithMtp);
        Memory {
            format,
            packed_bytes,
            peak_load_bytes: packed_bytes
                + largest_tensor_bytes(config, format, Storage::Checkpoint),
            kv_bytes_per_token: kv_bytes_per_token(config, false),
            kv_bytes_per_token_with_mtp: kv_bytes_per_token(config, true),
            expanded_kv_bytes_per_token: expanded_kv_bytes_per_token(config),
            read_bytes_per_token: read_bytes_per_token(config, format, Storage::Packed),
            flops_per_token: linear_flops_per_token(config),
        }
    }
}

fn tensor_infos(checkpoint: &Checkpoint) -> Vec<TensorInfo> {
    let views = checkpoint.names().filter_map(|name| checkpoint.get(name));
    views
        .map(|view| TensorInfo {
            name: view.name.to_owned(),
            dtype: view.dtype.name(),
            shape: view.shape.to_vec(),
            bytes: view.bytes.len() as u64,
            file: view.path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        })
        .collect()
}

/// Whether a folder has weights at all: a `config.json` alone can be inspected too.
fn holds_weights(dir: &Path) -> Result<bool> {
    let entries = std::fs::read_dir(dir).map_err(|e| crate::ModelError::io(dir, e))?;
    for entry in entries {
        let name = entry.map_err(|e| crate::ModelError::io(dir, e))?.file_name();
        let name = name.to_string_lossy();
        if name.ends_with(".safetensors") || name.ends_with(".safetensors.index.json") {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests;
