//! Bytes of weights in each number format, as a checkpoint stores them and as they lie packed in
//! memory.

use ponder_tensor::Dtype;
use ponder_tensor::format::{BLOCK_K, BlockScales, Format, PANEL_ROWS, Source, TILE_K};
use serde::Serialize;

use crate::checkpoint::expected::{Component, Template, TensorKind, scale_shape};
use crate::config::{Config, MlaConfig};
use crate::count::parts;

/// A choice of number formats for a whole model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WeightFormat {
    /// Every parameter in four bytes.
    F32,
    /// Every parameter in two bytes.
    Bf16,
    /// As R1 is published: matrices FP8 with block scales; embedding, head, gate and norms BF16.
    Fp8,
    /// Experts at 4.5 bits (a 4-bit code, and a 16-bit scale for 32 of them), the rest as in FP8.
    FourBitExperts,
    /// Every matrix at 4.5 bits but embedding, head and gate, which are BF16.
    FourBit,
}

/// Where weights are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    /// In the files of a checkpoint.
    Checkpoint,
    /// In memory, in panels of 32 outputs whose depth is padded to 32.
    Packed,
}

/// Which tensors are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WeightSet {
    /// The main model.
    Main,
    /// With the MTP layers, which share embedding and head.
    WithMtp,
    /// With the copies of embedding and head that published MTP layers carry.
    WithMtpCopies,
}

impl WeightFormat {
    /// The formats a plan compares, largest first.
    pub const PLANNED: [WeightFormat; 4] = [
        WeightFormat::Bf16,
        WeightFormat::Fp8,
        WeightFormat::FourBitExperts,
        WeightFormat::FourBit,
    ];

    /// The name in flags, JSON and tables.
    pub fn name(self) -> &'static str {
        match self {
            WeightFormat::F32 => "f32",
            WeightFormat::Bf16 => "bf16",
            WeightFormat::Fp8 => "fp8",
            WeightFormat::FourBitExperts => "four_bit_experts",
            WeightFormat::FourBit => "four_bit",
        }
    }

    /// The inverse of [`WeightFormat::name`].
    pub fn from_name(name: &str) -> Option<WeightFormat> {
        let planned = WeightFormat::PLANNED.into_iter();
        planned.chain([WeightFormat::F32]).find(|format| format.name() == name)
    }

    /// The format a checkpoint of this config is published in.
    pub fn of(config: &Config) -> WeightFormat {
        match (config.weight_block_size, config.torch_dtype.size()) {
            (Some(_), _) => WeightFormat::Fp8,
            (None, 4) => WeightFormat::F32,
            (None, _) => WeightFormat::Bf16,
        }
    }
}

/// Bytes of a set of weights in a format.
pub fn weight_bytes(
    config: &Config,
    format: WeightFormat,
    storage: Storage,
    set: WeightSet,
) -> u64 {
    let counted = parts(config).filter(|part| match set {
        WeightSet::Main => !part.is_mtp,
        WeightSet::WithMtp => !part.template.is_optional,
        WeightSet::WithMtpCopies => true,
    });
    counted.map(|part| tensor_bytes(config, &part.template, format, storage) * part.times).sum()
}

/// Bytes of the largest single tensor.
pub fn largest_tensor_bytes(config: &Config, format: WeightFormat, storage: Storage) -> u64 {
    let bytes = |part: super::Part| tensor_bytes(config, &part.template, format, storage);
    parts(config).map(bytes).max().unwrap_or(0)
}

/// Bytes of one tensor.
pub(super) fn tensor_bytes(
    config: &Config,
    template: &Template,
    format: WeightFormat,
    storage: Storage,
) -> u64 {
    let values = template.len() as u64;
    if template.kind == TensorKind::Linear {
        let experts = [Component::RoutedExperts, Component::SharedExperts];
        let format = match format {
            WeightFormat::FourBitExperts if experts.contains(&template.component) => {
                WeightFormat::FourBit
            }
            WeightFormat::FourBitExperts => WeightFormat::Fp8,
            other => other,
        };
        return match storage {
            Storage::Checkpoint => matrix_file_bytes(config, &template.shape, format),
            Storage::Packed => match &config.mla {
                Some(mla) if template.suffix == "self_attn.kv_b_proj.weight" => {
                    absorbed_bytes(config, mla, format)
                }
                _ => matrix_packed_bytes(&template.shape, format),
            },
        };
    }
    let wide = if format == WeightFormat::F32 { 4 } else { 2 };
    match (template.kind, storage) {
        // What must not be rounded is widened when it is loaded.
        (TensorKind::Norm | TensorKind::Bias | TensorKind::RouterBias, Storage::Packed) => {
            values * 4
        }
        (TensorKind::Router, Storage::Packed) => padded(&template.shape) * 4,
        (TensorKind::Head | TensorKind::MtpProjection, Storage::Packed) => {
            padded(&template.shape) * wide
        }
        // A tied embedding is packed, because it is the head as well.
        (TensorKind::Embedding, Storage::Packed) if config.tie_word_embeddings => {
            padded(&template.shape) * wide
        }
        (TensorKind::RouterBias, Storage::Checkpoint) if format != WeightFormat::Bf16 => values * 4,
        _ => values * wide,
    }
}

fn matrix_file_bytes(config: &Config, shape: &[usize], format: WeightFormat) -> u64 {
    let values = product(shape);
    match format {
        WeightFormat::F32 => values * 4,
        WeightFormat::Bf16 => values * 2,
        WeightFormat::Fp8 => {
            let block = config.weight_block_size.unwrap_or([128, 128]);
            values + product(&scale_shape(shape, block)) * 4
        }
        WeightFormat::FourBit | WeightFormat::FourBitExperts => (values * 9).div_ceil(16),
    }
}

fn matrix_packed_bytes(shape: &[usize], format: WeightFormat) -> u64 {
    let values = padded(shape);
    match format {
        WeightFormat::F32 => values * 4,
        WeightFormat::Bf16 => values * 2,
        WeightFormat::Fp8 => values + product(&scale_shape(shape, [PANEL_ROWS, BLOCK_K])) * 4,
        WeightFormat::FourBit | WeightFormat::FourBitExperts => (values * 9).div_ceil(16),
    }
}

/// `kv_b_proj` as latent attention absorbs it: each head's key half, transposed, and value half.
fn absorbed_bytes(config: &Config, mla: &MlaConfig, format: WeightFormat) -> u64 {
    let (nope, value, latent) = (mla.qk_nope_head_dim, mla.v_head_dim, mla.kv_lora_rank);
    let window = |first_row, rows, transposed| {
        let shape = if transposed { [latent, rows] } else { [rows, latent] };
        let block = config.weight_block_size.unwrap_or([128, 128]);
        let scales = Some(BlockScales { values: Vec::new(), block });
        let stored = Source { scales, ..Source::whole(Dtype::F8E4m3, &[], rows, latent) };
        // Half a head that straddles two blocks of scales cannot stay FP8.
        let is_straddling = Source { first_row, transposed, ..stored }.format() != Format::Fp8;
        match format {
            WeightFormat::Fp8 if is_straddling => padded(&shape) * 4,
            _ => matrix_packed_bytes(&shape, format),
        }
    };
    let heads = (0..config.num_attention_heads).map(|head| head * (nope + value));
    heads.map(|row| window(row, nope, true) + window(row + nope, value, false)).sum()
}

/// Values of a matrix in whole panels and tiles.
fn padded(shape: &[usize]) -> u64 {
    let padded = shape.iter().zip([PANEL_ROWS, TILE_K]);
    padded.map(|(n, step)| n.next_multiple_of(step) as u64).product()
}

fn product(shape: &[usize]) -> u64 {
    shape.iter().map(|n| *n as u64).product()
}
