//! A chat completion as a stream of chunks.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Style, UsageChunks, finish_reason, usage};
use crate::collected::total_usage;
use crate::dialect::logprobs;
use crate::error::ApiError;
use crate::http::sse::{Sse, StreamWriter};
use crate::output::{Delta, Output};
use crate::served::Served;

/// Writes chunks.
pub struct ChatWriter {
    style: Style,
    served: Arc<Served>,
    /// The counts of each choice, when it has ended.
    ends: Vec<Option<ponder_engine::Usage>>,
}

impl ChatWriter {
    /// For the choices of one request.
    pub fn new(style: Style, served: Arc<Served>) -> ChatWriter {
        let ends = vec![None; style.n];
        ChatWriter { style, served, ends }
    }

    fn chunk(&self, choices: Value) -> Value {
        json!({
            "id": self.style.id,
            "object": "chat.completion.chunk",
            "created": self.style.created_s,
            "model": self.style.model,
            "system_fingerprint": null,
            "choices": choices,
        })
    }

    fn delta(&self, choice: usize, delta: Value, logprobs: Option<Value>, sse: &mut Sse) {
        let choice =
            json!({ "index": choice, "delta": delta, "logprobs": logprobs, "finish_reason": null });
        let mut chunk = self.chunk(json!([choice]));
        if self.style.usage == UsageChunks::Own {
            chunk["usage"] = Value::Null;
        }
        sse.data(&chunk);
    }

    fn total(&self) -> ponder_engine::Usage {
        total_usage(self.ends.iter().flatten(), self.style.n)
    }

    fn logprobs(&self, field: &str, delta: &Delta) -> Option<Value> {
        let has_some = self.style.has_logprobs && !delta.tokens.is_empty();
        has_some.then(|| json!({ field: logprobs::content(&delta.tokens, &self.served) }))
    }
}

impl StreamWriter for ChatWriter {
    fn start(&mut self, sse: &mut Sse) {
        for choice in 0..self.style.n {
            self.delta(choice, json!({ "role": "assistant", "content": "" }), None, sse);
        }
    }

    fn output(&mut self, choice: usize, output: Output, sse: &mut Sse) {
        match output {
            Output::Prompt(_) => {}
            Output::Reasoning(delta) => {
                if self.style.shows_reasoning {
                    let logprobs = self.logprobs("reasoning_content", &delta);
                    self.delta(choice, json!({ "reasoning_content": delta.text }), logprobs, sse);
                }
            }
            Output::Text(delta) => {
                let logprobs = self.logprobs("content", &delta);
                self.delta(choice, json!({ "content": delta.text }), logprobs, sse);
            }
            Output::CallBegin { index, id, name } => {
                let function = json!({ "name": name, "arguments": "" });
                let call =
                    json!({ "index": index, "id": id, "type": "function", "function": function });
                self.delta(choice, json!({ "tool_calls": [call] }), None, sse);
            }
            Output::CallArguments { index, text } => {
                let call = json!({ "index": index, "function": { "arguments": text } });
                self.delta(choice, json!({ "tool_calls": [call] }), None, sse);
            }
            Output::Finished { finish, usage: counts } => {
                self.ends[choice] = Some(counts);
                if let Some(error) = finish.error() {
                    sse.data(&error.openai());
                }
                let is_last = self.ends.iter().all(Option::is_some);
                let reason = finish_reason(&finish, self.style.is_named);
                let choice = json!({ "index": choice, "delta": {}, "logprobs": null, "finish_reason": reason });
                let mut chunk = self.chunk(json!([choice]));
                match self.style.usage {
                    UsageChunks::WithFinish if is_last => chunk["usage"] = usage(&self.total()),
                    UsageChunks::Own => chunk["usage"] = Value::Null,
                    UsageChunks::WithFinish => {}
                }
                sse.data(&chunk);
            }
        }
    }

    fn end(&mut self, sse: &mut Sse) {
        if self.style.usage == UsageChunks::Own {
            let mut chunk = self.chunk(json!([]));
            chunk["usage"] = usage(&self.total());
            sse.data(&chunk);
        }
        sse.done();
    }

    fn error(&mut self, error: &ApiError, sse: &mut Sse) {
        sse.data(&error.openai());
        sse.done();
    }
}
