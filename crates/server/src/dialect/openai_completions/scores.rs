//! `logprobs` of raw completions: four lists of equal length.

use serde_json::{Map, Value, json};

use crate::dialect::logprobs::number;
use crate::output::TokenLog;
use crate::served::Served;

/// The lists as they grow.
pub struct Scores {
    tokens: Vec<Value>,
    token_logprobs: Vec<Value>,
    top_logprobs: Vec<Value>,
    text_offset: Vec<Value>,
    /// Characters before the next token.
    offset: usize,
}

impl Scores {
    /// Empty lists, for text that begins at a character.
    pub fn new(offset: usize) -> Scores {
        let (tokens, token_logprobs, top_logprobs, text_offset) = Default::default();
        Scores { tokens, token_logprobs, top_logprobs, text_offset, offset }
    }

    /// Adds a token.
    pub fn push(&mut self, token: &TokenLog, served: &Served) {
        let text = |id| {
            let bytes = served.tokenizer.token_bytes(id).unwrap_or_default();
            String::from_utf8_lossy(bytes).into_owned()
        };
        let own = text(token.id);
        let n_chars = own.chars().count();
        let top = token.logprob.map(|logprob| {
            let mut map: Map<String, Value> = Map::new();
            let all = token.top.iter().map(|top| (text(top.id), top.logprob));
            for (text, logprob) in all.chain([(own.clone(), logprob)]) {
                let logprob = number(logprob);
                // Two ids may have one text; the better one decides whether a choice was greedy.
                let is_better =
                    |old: &Value| old.as_f64().is_none_or(|old| old < f64::from(logprob));
                if map.get(&text).is_none_or(is_better) {
                    map.insert(text, json!(logprob));
                }
            }
            map
        });
        self.tokens.push(own.into());
        self.token_logprobs.push(json!(token.logprob.map(number)));
        self.top_logprobs.push(json!(top));
        self.text_offset.push(self.offset.into());
        self.offset += n_chars;
    }

    /// The lists, and where the next token would begin.
    pub fn into_json(self) -> (Value, usize) {
        let value = json!({
            "tokens": self.tokens,
            "token_logprobs": self.token_logprobs,
            "top_logprobs": self.top_logprobs,
            "text_offset": self.text_offset,
        });
        (value, self.offset)
    }
}
