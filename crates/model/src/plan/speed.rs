//! How fast a machine can decode and read prompts at best, and what it waits for.

use serde::Serialize;

use crate::config::Config;
use crate::count::{
    AttentionForm, Storage, WeightFormat, attention_flops, kv_bytes_per_token,
    linear_flops_per_token, read_bytes_per_step,
};

/// What a machine can do, measured or given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Machine {
    /// Bytes a second that all cores together read from memory.
    pub read_bytes_per_s: Option<f64>,
    /// Operations a second of matrix products.
    pub flops_per_s: Option<f64>,
}

/// What bounds a speed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// Reading weights and cache.
    ReadBandwidth,
    /// Multiplying.
    TileRate,
}

/// A predicted speed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Speed {
    /// Over all streams together; no program can be faster on this machine.
    pub tokens_per_s: f64,
    /// Bytes read for a token.
    pub bytes_per_token: f64,
    /// Operations for a token.
    pub flops_per_token: f64,
    /// What bounds it.
    pub limit: Limit,
    /// Why, in words.
    pub reason: String,
}

/// Decoding one token for each of `streams` sequences that hold `context` tokens.
pub fn decode_speed(
    config: &Config,
    format: WeightFormat,
    streams: usize,
    context: usize,
    machine: Machine,
) -> Option<Speed> {
    let streams = streams.max(1);
    let weights = read_bytes_per_step(config, format, Storage::Packed, streams) / streams as f64;
    let cache = kv_bytes_per_token(config, false) as f64 * context as f64;
    let linear = linear_flops_per_token(config) as f64;
    let attention = attention_flops(config, context, AttentionForm::Absorbed) as f64;
    bound(weights, cache, linear, attention, machine)
}

/// Reading a prompt of `n_tokens` in one piece.
pub fn prefill_speed(
    config: &Config,
    format: WeightFormat,
    n_tokens: usize,
    machine: Machine,
) -> Option<Speed> {
    let n_tokens = n_tokens.max(1);
    let weights = read_bytes_per_step(config, format, Storage::Packed, n_tokens) / n_tokens as f64;
    // Only the last token needs the head.
    let head = 2.0 * (config.vocab_size * config.hidden_size) as f64;
    let linear = linear_flops_per_token(config) as f64 - head * (1.0 - 1.0 / n_tokens as f64);
    // A token looks back on half of the prompt, on average.
    let attention = attention_flops(config, n_tokens, AttentionForm::Expanded) as f64 / 2.0;
    bound(weights, 0.0, linear, attention, machine)
}

fn bound(weights: f64, cache: f64, linear: f64, attention: f64, machine: Machine) -> Option<Speed> {
    let positive = |rate: f64| {
        assert!(rate > 0.0 && rate.is_finite(), "a machine that does {rate} a second");
        rate
    };
    let (bytes, flops) = (weights + cache, linear + attention);
    let by_bytes = machine.read_bytes_per_s.map(|rate| positive(rate) / bytes);
    let by_flops = machine.flops_per_s.map(|rate| positive(rate) / flops);
    let (tokens_per_s, limit) = match (by_bytes, by_flops) {
        (Some(bytes), Some(flops)) if flops < bytes => (flops, Limit::TileRate),
        (Some(bytes), _) => (bytes, Limit::ReadBandwidth),
        (None, Some(flops)) => (flops, Limit::TileRate),
        (None, None) => return None,
    };
    let reading =
        format!("{} of weights and {} of cache", amount(weights, "B"), amount(cache, "B"));
    let multiplying = format!(
        "{} in products and {} in attention",
        amount(linear, "FLOP"),
        amount(attention, "FLOP")
    );
    let other = |rate: Option<f64>, what: &str| match rate {
        Some(rate) => format!("; {what} would allow {rate:.1} tok/s"),
        None => String::new(),
    };
    let reason = match limit {
        Limit::ReadBandwidth => format!(
            "memory bandwidth: a token reads {reading}{}",
            other(by_flops, "the arithmetic")
        ),
        Limit::TileRate => format!(
            "arithmetic: a token takes {multiplying}{}",
            other(by_bytes, "memory bandwidth")
        ),
    };
    Some(Speed { tokens_per_s, bytes_per_token: bytes, flops_per_token: flops, limit, reason })
}

/// `37.7 GB`, `1.2 MFLOP`.
fn amount(value: f64, unit: &str) -> String {
    match value {
        v if v >= 1e12 => format!("{:.2} T{unit}", v / 1e12),
        v if v >= 1e9 => format!("{:.2} G{unit}", v / 1e9),
        v if v >= 1e6 => format!("{:.1} M{unit}", v / 1e6),
        v if v >= 1e3 => format!("{:.1} k{unit}", v / 1e3),
        v => format!("{v:.0} {unit}"),
    }
}
