//! Fields that several dialects share, with the same names and bounds.

use serde_json::{Value, json};

use crate::error::ApiError;
use crate::fields::Fields;
use crate::generate::{AskedSampling, AskedStop, Budget};
use crate::served::Served;

/// Stop strings of a request.
const MAX_STOPS: usize = 16;
/// Bytes of a stop string.
const MAX_STOP_BYTES: usize = 256;
/// Entries of `logit_bias`, stop ids.
const MAX_LIST: usize = 1024;
/// No request may ask for more tokens; the context bounds them further.
pub const MAX_TOKENS: u64 = 1 << 24;

/// Sampling by the names of OpenAI, vLLM and llama.cpp.
pub fn sampling(fields: &mut Fields, served: &Served) -> Result<AskedSampling, ApiError> {
    Ok(AskedSampling {
        temperature: fields.number("temperature", 0.0..=2.0)?,
        top_p: fields.number("top_p", 0.0..=1.0)?,
        top_k: top_k(fields)?,
        min_p: fields.number("min_p", 0.0..=1.0)?,
        repetition_penalty: fields.number("repetition_penalty", 0.01..=100.0)?,
        presence_penalty: fields.number("presence_penalty", -2.0..=2.0)?,
        frequency_penalty: fields.number("frequency_penalty", -2.0..=2.0)?,
        logit_bias: logit_bias(fields, served)?,
        seed: seed(fields)?,
    })
}

/// Of `top_k`, -1 and 0 mean all tokens.
pub fn top_k(fields: &mut Fields) -> Result<Option<usize>, ApiError> {
    match fields.value("top_k") {
        None => Ok(None),
        Some(value) if value == json!(-1) || value == json!(0) => Ok(Some(usize::MAX)),
        Some(value) => match value.as_u64() {
            Some(top_k) => Ok(Some(top_k as usize)),
            None => Err(fields.wrong("top_k", "a whole number, or -1 for all tokens")),
        },
    }
}

/// Any whole number: negative ones keep their bits.
fn seed(fields: &mut Fields) -> Result<Option<u64>, ApiError> {
    let Some(value) = fields.value("seed") else { return Ok(None) };
    let seed = value.as_u64().or_else(|| value.as_i64().map(|seed| seed as u64));
    seed.map(Some).ok_or_else(|| fields.wrong("seed", "a whole number of 64 bits"))
}

fn logit_bias(fields: &mut Fields, served: &Served) -> Result<Vec<(u32, f32)>, ApiError> {
    let Some(value) = fields.value("logit_bias") else { return Ok(Vec::new()) };
    let n_ids = served.tokenizer.vocab_size() as u32;
    let entry = |(id, bias): (&String, &Value)| {
        let id = id.parse().ok().filter(|id: &u32| *id < n_ids)?;
        let bias = bias.as_f64().filter(|bias| (-100.0..=100.0).contains(bias))?;
        Some((id, bias as f32))
    };
    let entries = value.as_object().filter(|map| map.len() <= MAX_LIST);
    entries.and_then(|map| map.iter().map(entry).collect()).ok_or_else(|| {
        fields.wrong("logit_bias", "an object of token ids, each with a number from -100 to 100")
    })
}

/// Where answers end.
pub fn stop(fields: &mut Fields) -> Result<AskedStop, ApiError> {
    let texts = match fields.value("stop") {
        None => Vec::new(),
        Some(Value::String(text)) => vec![text],
        Some(Value::Array(items)) => {
            strings(items).ok_or_else(|| fields.wrong("stop", "a string or a list of strings"))?
        }
        Some(_) => return Err(fields.wrong("stop", "a string or a list of strings")),
    };
    check_stops(fields, "stop", &texts)?;
    let ids = fields.array("stop_token_ids", MAX_LIST)?.unwrap_or_default();
    let ids: Option<Vec<u32>> =
        ids.iter().map(|id| id.as_u64().and_then(|id| u32::try_from(id).ok())).collect();
    Ok(AskedStop {
        texts,
        ids: ids.ok_or_else(|| fields.wrong("stop_token_ids", "a list of token ids"))?,
        min_tokens: fields.integer("min_tokens", 0..=MAX_TOKENS)?.unwrap_or(0) as usize,
        ignores_eos: fields.boolean("ignore_eos")?.unwrap_or(false),
    })
}

/// Bounds stop strings.
pub fn check_stops(fields: &Fields, name: &str, texts: &[String]) -> Result<(), ApiError> {
    let is_wrong = |text: &String| text.is_empty() || text.len() > MAX_STOP_BYTES;
    if texts.len() > MAX_STOPS || texts.iter().any(is_wrong) {
        let expected = format!("at most {MAX_STOPS} strings of 1 to {MAX_STOP_BYTES} bytes");
        return Err(fields.wrong(name, &expected));
    }
    Ok(())
}

/// Items that are all strings.
pub fn strings(items: Vec<Value>) -> Option<Vec<String>> {
    let text = |item| if let Value::String(text) = item { Some(text) } else { None };
    items.into_iter().map(text).collect()
}

/// How much to think, by any of the names that clients use for it.
pub fn budget(fields: &mut Fields) -> Result<Budget, ApiError> {
    let mut budget = Budget::Open;
    for field in ["thinking_token_budget", "thinking_budget_tokens", "reasoning_budget_tokens"] {
        if let Some(tokens) = fields.integer(field, 0..=MAX_TOKENS)? {
            budget = Budget::Tokens(tokens as usize);
        }
    }
    if let Some(effort) = fields.word("reasoning_effort", &Budget::EFFORTS)? {
        budget = Budget::of_effort(effort);
    }
    if let Some(mut reasoning) = fields.object("reasoning")? {
        if let Some(effort) = reasoning.word("effort", &Budget::EFFORTS)? {
            budget = Budget::of_effort(effort);
        }
        if let Some(tokens) = reasoning.integer("max_tokens", 0..=MAX_TOKENS)? {
            budget = Budget::Tokens(tokens as usize);
        }
        if reasoning.boolean("enabled")? == Some(false) {
            budget = Budget::Tokens(0);
        }
        reasoning.finish()?;
    }
    if let Some(thinking) = fields.object("thinking")? {
        budget = thinking_object(thinking, 0)?.unwrap_or(budget);
    }
    Ok(budget)
}

/// `{"type": "enabled" | "disabled" | "adaptive", "budget_tokens": N}` of Anthropic and DeepSeek.
pub fn thinking_object(mut thinking: Fields, least: u64) -> Result<Option<Budget>, ApiError> {
    let kind = thinking.word("type", &["enabled", "disabled", "adaptive", "auto"])?;
    let tokens = thinking.integer("budget_tokens", least..=MAX_TOKENS)?;
    thinking.without_effect(&["display"]);
    let name = thinking.name("type");
    thinking.finish()?;
    match (kind, tokens) {
        (None, _) => Err(ApiError::invalid(name.clone(), format!("`{name}` is missing"))),
        (Some("disabled"), _) => Ok(Some(Budget::Tokens(0))),
        (_, Some(tokens)) => Ok(Some(Budget::Tokens(tokens as usize))),
        _ => Ok(None),
    }
}
