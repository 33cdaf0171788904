//! Log-probabilities as chat completions report them.

use serde_json::{Value, json};

use crate::output::TokenLog;
use crate::served::Served;

/// JSON has no infinity: nothing is less likely than this.
const LEAST: f32 = -9999.0;

/// A log-probability as a JSON number.
pub fn number(logprob: f32) -> f32 {
    logprob.max(LEAST)
}

/// The entries of `logprobs.content`.
pub fn content(tokens: &[TokenLog], served: &Served) -> Value {
    tokens.iter().map(|token| entry(token, served)).collect()
}

fn entry(token: &TokenLog, served: &Served) -> Value {
    let top: Vec<Value> =
        token.top.iter().map(|top| one(top.id, Some(top.logprob), served)).collect();
    let mut value = one(token.id, token.logprob, served);
    value["top_logprobs"] = top.into();
    value
}

fn one(id: u32, logprob: Option<f32>, served: &Served) -> Value {
    let bytes = served.tokenizer.token_bytes(id).unwrap_or_default();
    json!({
        "token": String::from_utf8_lossy(bytes),
        "logprob": logprob.map(number),
        "bytes": bytes,
    })
}
