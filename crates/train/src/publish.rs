//! A trained model as others publish theirs: `model.safetensors`, `config.json` and
//! `generation_config.json`, in BF16 or in R1's FP8.

use std::fs;
use std::path::Path;

use ponder_model::checkpoint::write::{NewTensor, write_safetensors};
use ponder_model::checkpoint::{TensorKind, scale_shape};
use ponder_tensor::{Dtype, bf16_from_f32};
use serde_json::json;

use crate::checkpoint;
use crate::error::{Result, TrainError};
use crate::parameters::{Parameter, Parameters};
use crate::quantise;

/// The weights' file.
pub const MODEL_FILE: &str = "model.safetensors";

/// The number format of the matrices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// BF16, as the weights that training computes with.
    Bf16,
    /// FP8 with block scales where R1 has it.
    Fp8,
}

/// Writes the model in BF16, gate biases in F32.
pub fn publish(parameters: &Parameters, dir: &Path) -> Result<()> {
    publish_as(parameters, Precision::Bf16, dir)
}

/// Writes the model.
pub fn publish_as(parameters: &Parameters, precision: Precision, dir: &Path) -> Result<()> {
    fs::create_dir_all(dir).map_err(|e| TrainError::io(dir, e))?;
    let stored: Vec<Stored> = parameters.iter().flat_map(|p| stored(p, precision)).collect();
    let tensors: Vec<NewTensor> = stored
        .iter()
        .map(|Stored { name, dtype, shape, bytes }| NewTensor { name, dtype: *dtype, shape, bytes })
        .collect();
    write_safetensors(&dir.join(MODEL_FILE), &tensors, &[("format", "pt")])?;
    let mut config = parameters.config().raw.clone();
    if precision == Precision::Fp8 {
        config["quantization_config"] = quantise::config();
    }
    write_json(&dir.join("config.json"), &config)?;
    // R1's recommendation for sampling.
    let generation = json!({
        "bos_token_id": config["bos_token_id"],
        "eos_token_id": config["eos_token_id"],
        "do_sample": true,
        "temperature": 0.6,
        "top_p": 0.95,
    });
    write_json(&dir.join("generation_config.json"), &generation)
}

fn write_json(path: &Path, value: &serde_json::Value) -> Result<()> {
    checkpoint::write_text(path, &format!("{value:#}\n"))
}

/// A tensor as the file holds it.
struct Stored {
    name: String,
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

/// A parameter as tensors: itself, and its scales if it is quantised.
fn stored(parameter: &Parameter, precision: Precision) -> Vec<Stored> {
    let Parameter { name, shape, kind, values } = parameter;
    let tensor = |dtype, bytes| Stored { name: name.clone(), dtype, shape: shape.clone(), bytes };
    let f32_bytes = |values: &[f32]| values.iter().flat_map(|x| x.to_le_bytes()).collect();
    if *kind == TensorKind::RouterBias {
        return vec![tensor(Dtype::F32, f32_bytes(values))];
    }
    if precision == Precision::Fp8 && quantise::is_quantised(parameter) {
        let (codes, scales) = quantise::blocks(parameter);
        let scales = Stored {
            name: format!("{name}_scale_inv"),
            dtype: Dtype::F32,
            shape: scale_shape(shape, quantise::BLOCK),
            bytes: f32_bytes(&scales),
        };
        return vec![tensor(Dtype::F8E4m3, codes), scales];
    }
    let bits = values.iter().map(|x| bf16_from_f32(*x));
    vec![tensor(Dtype::Bf16, bits.flat_map(u16::to_le_bytes).collect())]
}
