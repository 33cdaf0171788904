//! Will it fit, and how fast can it be: from a config and a few numbers of a machine.
//!
//! A predicted speed is a bound: the time that the bytes need at the given bandwidth or the
//! operations at the given rate, whichever is longer.

mod render;
mod speed;

use serde::Serialize;

pub use speed::{Limit, Machine, Speed, decode_speed, prefill_speed};

use crate::config::Config;
use crate::count::{
    Parameters, Storage, WeightFormat, WeightSet, kv_bytes_per_token, weight_bytes,
};

/// What is asked.
#[derive(Clone, Debug)]
pub struct PlanRequest {
    /// Memory of the machine.
    pub memory_bytes: Option<u64>,
    /// The part of it that weights and cache may take; the rest is for the system, the
    /// activations and the file cache.
    pub usable_share: f64,
    /// Tokens a sequence holds.
    pub context: usize,
    /// Sequences decoded together.
    pub streams: usize,
    /// Tokens of the prompt whose speed is predicted.
    pub prompt: usize,
    /// What the machine can do.
    pub machine: Machine,
    /// One format only; `None` compares all.
    pub format: Option<WeightFormat>,
    /// Whether the MTP layers are loaded.
    pub with_mtp: bool,
}

/// What the answer is.
#[derive(Clone, Debug, Serialize)]
pub struct PlanReport {
    /// Parameters of the model.
    pub parameters: Parameters,
    /// Bytes the cache keeps of a token.
    pub kv_bytes_per_token: u64,
    /// Tokens a sequence holds in this plan.
    pub context: usize,
    /// Bytes of the cache of one sequence of that length.
    pub kv_bytes_per_stream: u64,
    /// Sequences decoded together in this plan.
    pub streams: usize,
    /// Tokens of the prompt.
    pub prompt: usize,
    /// Memory of the machine, as asked.
    pub memory_bytes: Option<u64>,
    /// What of it weights and cache may take.
    pub usable_bytes: Option<u64>,
    /// What the machine can do, as asked.
    pub machine: Machine,
    /// Remarks on the question itself.
    pub notes: Vec<String>,
    /// One answer a format, largest first.
    pub formats: Vec<FormatPlan>,
}

/// The answer for one choice of number formats.
#[derive(Clone, Debug, Serialize)]
pub struct FormatPlan {
    /// The format.
    pub format: WeightFormat,
    /// Bytes of the packed weights.
    pub weights_bytes: u64,
    /// What fits beside them; `None` when no memory was given.
    pub fit: Option<Fit>,
    /// Decoding with the asked streams and context; `None` when nothing of the machine is known.
    pub decode: Option<Speed>,
    /// Reading the asked prompt.
    pub prefill: Option<Speed>,
}

/// What fits into a memory.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fit {
    /// Whether weights and the asked streams at the asked context do.
    pub fits: bool,
    /// Bytes left beside the weights; negative when they alone are too large.
    pub free_bytes: i128,
    /// Tokens of cache that fit into them.
    pub kv_tokens: u64,
    /// Sequences of the asked context.
    pub streams: u64,
    /// Why, in words.
    pub reason: String,
}

/// Answers a request.
///
/// # Panics
/// If a bandwidth or a rate is not positive, or the share not between 0 and 1.
pub fn plan(config: &Config, request: &PlanRequest) -> PlanReport {
    assert!((0.0..=1.0).contains(&request.usable_share), "{}", request.usable_share);
    let usable_bytes =
        request.memory_bytes.map(|bytes| (bytes as f64 * request.usable_share) as u64);
    let kv_bytes = kv_bytes_per_token(config, request.with_mtp);
    let formats = match request.format {
        Some(format) => vec![format],
        None => WeightFormat::PLANNED.to_vec(),
    };
    let set = if request.with_mtp { WeightSet::WithMtp } else { WeightSet::Main };
    let answer = |format| {
        let weights_bytes = weight_bytes(config, format, Storage::Packed, set);
        FormatPlan {
            format,
            weights_bytes,
            fit: usable_bytes.map(|usable| fit(usable, weights_bytes, kv_bytes, request)),
            decode: decode_speed(config, format, request.streams, request.context, request.machine),
            prefill: prefill_speed(config, format, request.prompt, request.machine),
        }
    };
    PlanReport {
        parameters: Parameters::of(config),
        kv_bytes_per_token: kv_bytes,
        context: request.context,
        kv_bytes_per_stream: kv_bytes * request.context as u64,
        streams: request.streams,
        prompt: request.prompt,
        memory_bytes: request.memory_bytes,
        usable_bytes,
        machine: request.machine,
        notes: notes(config, request),
        formats: formats.into_iter().map(answer).collect(),
    }
}

fn fit(usable: u64, weights: u64, kv_bytes: u64, request: &PlanRequest) -> Fit {
    let free_bytes = i128::from(usable) - i128::from(weights);
    let kv_tokens = free_bytes.max(0) as u64 / kv_bytes.max(1);
    let streams = kv_tokens / (request.context as u64).max(1);
    let gb = |bytes: f64| format!("{:.1} GB", bytes / 1e9);
    let needed = kv_bytes as f64 * request.context as f64 * request.streams as f64;
    let (weights, usable) = (gb(weights as f64), gb(usable as f64));
    let (fits, reason) = if free_bytes < 0 {
        (false, format!("the weights alone take {weights} of {usable} usable"))
    } else if needed > free_bytes as f64 {
        let reason = format!(
            "the weights take {weights} of {usable} usable; {} streams of {} tokens need {} of \
             cache, {} are left",
            request.streams,
            request.context,
            gb(needed),
            gb(free_bytes as f64)
        );
        (false, reason)
    } else {
        let left = gb(free_bytes as f64);
        (true, format!("the weights take {weights} of {usable} usable, {left} are left for cache"))
    };
    Fit { fits, free_bytes, kv_tokens, streams, reason }
}

fn notes(config: &Config, request: &PlanRequest) -> Vec<String> {
    let mut notes = Vec::new();
    if request.context > config.max_position_embeddings {
        notes.push(format!(
            "the model accepts {} positions, fewer than the {} asked",
            config.max_position_embeddings, request.context
        ));
    }
    if request.streams > 1 && config.moe.is_some() {
        notes.push(format!(
            "{} streams are taken to choose their experts independently and evenly",
            request.streams
        ));
    }
    notes
}

#[cfg(test)]
mod tests;
