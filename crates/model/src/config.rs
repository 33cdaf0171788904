//! `config.json`: what a checkpoint says about its model, checked against stated limits, with the
//! checkpoint's own spelling of every name.

pub(crate) mod fields;
mod generation;
mod moe;
mod rope;

use std::io::Read;
use std::path::Path;

use ponder_tensor::Dtype;
use serde_json::Value;

pub use generation::GenerationConfig;
pub use moe::{MlaConfig, MoeConfig};
pub use rope::{Rope, RopeScaling};

use crate::error::{ModelError, Result};
use fields::Fields;

/// The most layers a config may ask for; the largest published models have about 130.
pub const MAX_LAYERS: usize = 1024;
/// The largest width of any matrix.
const MAX_WIDTH: usize = 1 << 20;
/// The most heads of attention.
const MAX_HEADS: usize = 4096;
/// The largest vocabulary.
const MAX_VOCAB: usize = 1 << 24;
/// The longest context.
const MAX_CONTEXT: usize = 1 << 30;
/// The most parameters in all: every byte count then fits 64 bits with room to spare.
const MAX_PARAMETERS: u128 = 100_000_000_000_000;
/// A config longer than this is something else.
const MAX_JSON_BYTES: u64 = 16 << 20;

/// The architectures that can run, recognised by the name that `config.json` declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Architecture {
    /// DeepSeek-V3, R1, R1-Zero, Moonlight: latent attention and sigmoid-gated experts.
    DeepseekV3,
    /// Qwen2 and 2.5: dense, with biases on q, k and v.
    Qwen2,
    /// Llama 2 and 3: dense.
    Llama,
}

impl Architecture {
    /// Every architecture, in the order of messages.
    pub const ALL: [Architecture; 3] =
        [Architecture::DeepseekV3, Architecture::Qwen2, Architecture::Llama];

    /// The name in `architectures`.
    pub fn name(self) -> &'static str {
        match self {
            Architecture::DeepseekV3 => "DeepseekV3ForCausalLM",
            Architecture::Qwen2 => "Qwen2ForCausalLM",
            Architecture::Llama => "LlamaForCausalLM",
        }
    }
}

/// A model's configuration. Field names are those of `config.json`.
#[derive(Clone, Debug)]
pub struct Config {
    /// From `architectures`.
    pub architecture: Architecture,
    /// Rows of the embedding and of the head.
    pub vocab_size: usize,
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Inner width of the dense MLPs.
    pub intermediate_size: usize,
    /// Decoder layers, without any MTP layer.
    pub num_hidden_layers: usize,
    /// Query heads.
    pub num_attention_heads: usize,
    /// Key and value heads; equal to the query heads for MLA.
    pub num_key_value_heads: usize,
    /// Width of a query or key head; for MLA `qk_nope_head_dim + qk_rope_head_dim`.
    pub head_dim: usize,
    /// Epsilon of the layers' norms (the latent norms of MLA have [`MlaConfig::NORM_EPS`]).
    pub rms_norm_eps: f32,
    /// Whether the head is the embedding.
    pub tie_word_embeddings: bool,
    /// The most positions the model accepts.
    pub max_position_embeddings: usize,
    /// Rotary position embedding.
    pub rope: Rope,
    /// Whether q, k and v have biases: always in Qwen2, never elsewhere.
    pub attention_bias: bool,
    /// Number format of the weights that are not quantised.
    pub torch_dtype: Dtype,
    /// The id a text begins with, if the config names one.
    pub bos_token_id: Option<u32>,
    /// The ids that end a text.
    pub eos_token_ids: Vec<u32>,
    /// Rows and columns that share one scale, when the weights are FP8.
    pub weight_block_size: Option<[usize; 2]>,
    /// Multi-head latent attention; `None` for grouped-query attention.
    pub mla: Option<MlaConfig>,
    /// Mixture of experts, in the layers that [`Config::is_moe_layer`] names.
    pub moe: Option<MoeConfig>,
    /// Multi-token-prediction layers after the last.
    pub num_nextn_predict_layers: usize,
    /// The whole file.
    pub raw: Value,
}

impl Config {
    /// Reads the text of a `config.json`; `origin` is where it came from, for messages.
    pub fn from_json(text: &str, origin: &Path) -> Result<Config> {
        Config::from_value(read_json(text, origin)?, origin)
    }

    /// Reads `config.json` of a checkpoint's folder.
    pub fn from_dir(dir: &Path) -> Result<Config> {
        let path = dir.join("config.json");
        Config::from_json(&read_text(&path)?, &path)
    }

    /// This config with some values of its file replaced, read and checked anew.
    pub fn with_values(&self, values: &[(&str, Value)]) -> Result<Config> {
        let mut raw = self.raw.clone();
        for (key, value) in values {
            raw[*key] = value.clone();
        }
        Config::from_value(raw, Path::new("config.json"))
    }

    /// This config cut to its first `n_layers` layers without MTP: one layer is dense if any was,
    /// so that two layers show both kinds.
    pub fn with_layers(&self, n_layers: usize) -> Result<Config> {
        let mut values = vec![
            ("num_hidden_layers", Value::from(n_layers)),
            ("num_nextn_predict_layers", Value::from(0)),
        ];
        if let Some(moe) = &self.moe {
            values.push(("first_k_dense_replace", moe.first_k_dense_replace.min(1).into()));
        }
        self.with_values(&values)
    }

    fn from_value(raw: Value, origin: &Path) -> Result<Config> {
        let fields = Fields::of(&raw, origin, "")?;
        let architecture = read_architecture(&fields, origin)?;
        refuse_variants(&fields, architecture)?;
        let is_mla = architecture == Architecture::DeepseekV3;
        let mla = is_mla.then(|| MlaConfig::read(&fields)).transpose()?;
        let vocab_size = fields.count("vocab_size", 1..=MAX_VOCAB)?;
        let hidden_size = fields.count("hidden_size", 1..=MAX_WIDTH)?;
        let num_hidden_layers = fields.count("num_hidden_layers", 1..=MAX_LAYERS)?;
        let num_attention_heads = fields.count("num_attention_heads", 1..=MAX_HEADS)?;
        let bos = fields.token_ids("bos_token_id", vocab_size)?;
        let config = Config {
            architecture,
            vocab_size,
            hidden_size,
            intermediate_size: fields.count("intermediate_size", 1..=MAX_WIDTH)?,
            num_hidden_layers,
            num_attention_heads,
            num_key_value_heads: read_kv_heads(&fields, num_attention_heads, is_mla)?,
            head_dim: match &mla {
                Some(mla) => mla.qk_nope_head_dim + mla.qk_rope_head_dim,
                None => read_head_dim(&fields, hidden_size, num_attention_heads)?,
            },
            rms_norm_eps: fields.number("rms_norm_eps", 1e-12..=1.0)? as f32,
            tie_word_embeddings: fields.flag("tie_word_embeddings")?.unwrap_or(false),
            max_position_embeddings: fields.count("max_position_embeddings", 1..=MAX_CONTEXT)?,
            rope: Rope::read(&fields)?,
            attention_bias: architecture == Architecture::Qwen2,
            torch_dtype: read_dtype(&fields)?,
            bos_token_id: bos.first().copied(),
            eos_token_ids: fields.token_ids("eos_token_id", vocab_size)?,
            weight_block_size: read_block_size(&fields)?,
            mla,
            moe: if is_mla { MoeConfig::read(&fields)? } else { None },
            num_nextn_predict_layers: match is_mla {
                true => fields.optional_count("num_nextn_predict_layers", 0..=16)?.unwrap_or(0),
                false => 0,
            },
            raw: Value::Null,
        };
        config.check_size(&fields)?;
        Ok(Config { raw, ..config })
    }

    /// Whether layer `layer_idx` routes to experts; an MTP layer does.
    pub fn is_moe_layer(&self, layer_idx: usize) -> bool {
        let routes = |moe: &MoeConfig| {
            layer_idx >= moe.first_k_dense_replace && layer_idx.is_multiple_of(moe.moe_layer_freq)
                || layer_idx >= self.num_hidden_layers
        };
        self.moe.as_ref().is_some_and(routes)
    }

    /// How many values of a head are rotated.
    pub fn rope_dim(&self) -> usize {
        self.mla.as_ref().map_or(self.head_dim, |mla| mla.qk_rope_head_dim)
    }

    /// The angle one position adds, for each rotated pair: `[rope_dim / 2]`.
    pub fn inv_freq(&self) -> Vec<f32> {
        self.rope.inv_freq(self.rope_dim())
    }

    /// What multiplies cos and sin.
    pub fn rope_multiplier(&self) -> f32 {
        self.rope.multiplier() as f32
    }

    /// What multiplies the scores before the softmax.
    pub fn softmax_scale(&self) -> f32 {
        let plain = (self.head_dim as f64).powf(-0.5);
        match self.mla {
            Some(_) => (plain * self.rope.softmax_multiplier()) as f32,
            None => plain as f32,
        }
    }

    /// Refuses models whose parameter count no machine could hold.
    fn check_size(&self, fields: &Fields<'_>) -> Result<()> {
        let total = crate::count::total_parameters(self);
        if total <= MAX_PARAMETERS {
            return Ok(());
        }
        let expected = format!("sizes that give at most {MAX_PARAMETERS} parameters");
        let found = format!("part of a config with {total} parameters");
        let hint = "one of the sizes is absurd: the file is damaged";
        Err(fields.refuse_found("hidden_size", found, &expected, hint))
    }
}

/// Reads a text file of bounded size.
pub(crate) fn read_text(path: &Path) -> Result<String> {
    let file = std::fs::File::open(path).map_err(|e| ModelError::io(path, e))?;
    let mut text = String::new();
    file.take(MAX_JSON_BYTES + 1).read_to_string(&mut text).map_err(|e| ModelError::io(path, e))?;
    if text.len() as u64 > MAX_JSON_BYTES {
        return Err(ModelError::Layout {
            path: path.to_owned(),
            problem: format!("longer than the {MAX_JSON_BYTES} bytes a config may have"),
            hint: "this is not a model's config; check the path",
        });
    }
    Ok(text)
}

/// Parses JSON; NaN and infinities, which JSON lacks, are refused with it.
pub(crate) fn read_json(text: &str, origin: &Path) -> Result<Value> {
    serde_json::from_str(text).map_err(|e| ModelError::Json {
        path: origin.to_owned(),
        detail: e.to_string(),
        hint: "the file is damaged or truncated; fetch it again",
    })
}

fn read_architecture(fields: &Fields<'_>, origin: &Path) -> Result<Architecture> {
    let declared = fields.get("architectures").and_then(|v| v.get(0)).and_then(Value::as_str);
    Architecture::ALL.into_iter().find(|a| Some(a.name()) == declared).ok_or_else(|| {
        ModelError::UnknownArchitecture {
            path: origin.to_owned(),
            found: match declared {
                Some(name) => format!("`{}`", name.chars().take(80).collect::<String>()),
                None => "(none declared in `architectures`)".into(),
            },
            supported: Architecture::ALL.map(Architecture::name).join(", "),
        }
    })
}

/// Variants of the architectures that would load and compute something else.
fn refuse_variants(fields: &Fields<'_>, architecture: Architecture) -> Result<()> {
    fields.only("hidden_act", "silu", "none of R1's models uses another activation")?;
    let no_bias = "biases here are not part of the architecture as R1's models use it";
    fields.not_set("mlp_bias", no_bias)?;
    if architecture != Architecture::Qwen2 {
        fields.not_set("attention_bias", no_bias)?;
    }
    let window = "sliding-window attention is not implemented; full attention would be wrong";
    fields.not_set("use_sliding_window", window)?;
    if let Some(Value::Array(kinds)) = fields.get("layer_types")
        && kinds.iter().any(|kind| kind != "full_attention")
    {
        return Err(fields.refuse("layer_types", "\"full_attention\" for every layer", window));
    }
    let partial = "only whole heads are rotated";
    if fields.optional_number("partial_rotary_factor", 1.0..=1.0)?.is_none()
        && let Some(rope) = fields.object("rope_parameters", "rope_parameters.")?
        && rope.optional_number("partial_rotary_factor", 0.0..=1.0)?.is_some_and(|f| f != 1.0)
    {
        return Err(rope.refuse("partial_rotary_factor", "1", partial));
    }
    if fields.flag("rope_interleave")? == Some(false) {
        return Err(fields.refuse("rope_interleave", "true", "the published models interleave"));
    }
    Ok(())
}

fn read_kv_heads(fields: &Fields<'_>, n_heads: usize, is_mla: bool) -> Result<usize> {
    let kv_heads = fields.optional_count("num_key_value_heads", 1..=MAX_HEADS)?.unwrap_or(n_heads);
    if is_mla && kv_heads != n_heads {
        let expected = format!("num_attention_heads, {n_heads}");
        let hint = "latent attention gives every query head its own key and value";
        return Err(fields.refuse("num_key_value_heads", &expected, hint));
    }
    if !n_heads.is_multiple_of(kv_heads) {
        let expected = format!("a divisor of num_attention_heads, {n_heads}");
        let hint = "each key head serves the same number of query heads";
        return Err(fields.refuse("num_key_value_heads", &expected, hint));
    }
    Ok(kv_heads)
}

fn read_head_dim(fields: &Fields<'_>, hidden_size: usize, n_heads: usize) -> Result<usize> {
    let expected = "an even width of at least 2";
    let hint = "rotary embedding works on pairs";
    if let Some(head_dim) = fields.optional_count("head_dim", 1..=1 << 16)? {
        let is_even = head_dim.is_multiple_of(2);
        return if is_even { Ok(head_dim) } else { Err(fields.refuse("head_dim", expected, hint)) };
    }
    if hidden_size.is_multiple_of(2 * n_heads) {
        return Ok(hidden_size / n_heads);
    }
    let found = format!("{hidden_size} with {n_heads} heads and no head_dim");
    Err(fields.refuse_found("hidden_size", found, "an even multiple of the heads", hint))
}

fn read_dtype(fields: &Fields<'_>) -> Result<Dtype> {
    let key = if fields.get("dtype").is_some() { "dtype" } else { "torch_dtype" };
    match fields.text(key)? {
        None | Some("bfloat16") => Ok(Dtype::Bf16),
        Some("float16") => Ok(Dtype::F16),
        Some("float32") => Ok(Dtype::F32),
        Some(_) => Err(fields.refuse(
            key,
            "\"bfloat16\", \"float16\" or \"float32\"",
            "quantised formats are declared in `quantization_config`",
        )),
    }
}

fn read_block_size(fields: &Fields<'_>) -> Result<Option<[usize; 2]>> {
    let Some(quantization) = fields.object("quantization_config", "quantization_config.")? else {
        return Ok(None);
    };
    const MAX_BLOCK: u64 = 65536;
    let hint = "only the FP8 format that DeepSeek publishes is read";
    if quantization.text("quant_method")? != Some("fp8") {
        return Err(quantization.refuse("quant_method", "\"fp8\"", hint));
    }
    quantization.only("fmt", "e4m3", hint)?;
    let blocks = quantization.get("weight_block_size").and_then(Value::as_array);
    let sizes: Option<Vec<u64>> = blocks.and_then(|b| b.iter().map(Value::as_u64).collect());
    match sizes.as_deref() {
        Some(&[rows @ 1..=MAX_BLOCK, columns @ 1..=MAX_BLOCK]) => {
            Ok(Some([rows as usize, columns as usize]))
        }
        _ => Err(quantization.refuse(
            "weight_block_size",
            "two sizes from 1 to 65536, such as [128, 128]",
            hint,
        )),
    }
}

#[cfg(test)]
mod tests;
