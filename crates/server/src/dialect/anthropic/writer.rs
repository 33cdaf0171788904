//! A message as a stream of events: blocks open, grow and close one after the other.

use serde_json::{Value, json};

use super::{SIGNATURE, Style, stop, usage};
use crate::error::ApiError;
use crate::http::sse::{Sse, StreamWriter};
use crate::output::Output;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Open {
    Thinking,
    Text,
    /// The call with this place.
    Call(usize),
}

/// Writes events.
pub struct MessagesWriter {
    style: Style,
    /// The block that is open.
    open: Option<Open>,
    /// Blocks that have been opened.
    n_blocks: usize,
    prompt_tokens: usize,
    has_failed: bool,
}

impl MessagesWriter {
    /// For one answer to a prompt of `prompt_tokens`.
    pub fn new(style: Style, prompt_tokens: usize) -> MessagesWriter {
        MessagesWriter { style, open: None, n_blocks: 0, prompt_tokens, has_failed: false }
    }

    fn open(&mut self, kind: Open, block: Value, sse: &mut Sse) {
        if self.open == Some(kind) {
            return;
        }
        self.close(sse);
        let index = self.n_blocks;
        sse.typed(
            &json!({ "type": "content_block_start", "index": index, "content_block": block }),
        );
        self.open = Some(kind);
        self.n_blocks += 1;
    }

    fn delta(&self, delta: Value, sse: &mut Sse) {
        let index = self.n_blocks - 1;
        sse.typed(&json!({ "type": "content_block_delta", "index": index, "delta": delta }));
    }

    fn close(&mut self, sse: &mut Sse) {
        let Some(open) = self.open.take() else { return };
        if open == Open::Thinking {
            self.delta(json!({ "type": "signature_delta", "signature": SIGNATURE }), sse);
        }
        sse.typed(&json!({ "type": "content_block_stop", "index": self.n_blocks - 1 }));
    }
}

impl StreamWriter for MessagesWriter {
    fn start(&mut self, sse: &mut Sse) {
        let counts =
            ponder_engine::Usage { prompt_tokens: self.prompt_tokens, ..Default::default() };
        let message = self.style.message(Vec::new(), usage(&counts));
        sse.typed(&json!({ "type": "message_start", "message": message }));
    }

    fn output(&mut self, _: usize, output: Output, sse: &mut Sse) {
        match output {
            Output::Prompt(_) => {}
            Output::Reasoning(delta) => {
                if self.style.shows_thinking {
                    let block = json!({ "type": "thinking", "thinking": "", "signature": "" });
                    self.open(Open::Thinking, block, sse);
                    self.delta(json!({ "type": "thinking_delta", "thinking": delta.text }), sse);
                }
            }
            Output::Text(delta) => {
                self.open(Open::Text, json!({ "type": "text", "text": "" }), sse);
                self.delta(json!({ "type": "text_delta", "text": delta.text }), sse);
            }
            Output::CallBegin { index, id, name } => {
                let block = json!({ "type": "tool_use", "id": id, "name": name, "input": {} });
                self.open(Open::Call(index), block, sse);
            }
            Output::CallArguments { text, .. } => {
                self.delta(json!({ "type": "input_json_delta", "partial_json": text }), sse);
            }
            Output::Finished { finish, usage: counts } => {
                self.close(sse);
                if let Some(error) = finish.error() {
                    self.error(&error, sse);
                    return;
                }
                let (reason, sequence) = stop(&finish);
                let delta = json!({ "stop_reason": reason, "stop_sequence": sequence });
                sse.typed(
                    &json!({ "type": "message_delta", "delta": delta, "usage": usage(&counts) }),
                );
            }
        }
    }

    fn end(&mut self, sse: &mut Sse) {
        if !self.has_failed {
            sse.typed(&json!({ "type": "message_stop" }));
        }
    }

    fn error(&mut self, error: &ApiError, sse: &mut Sse) {
        self.has_failed = true;
        sse.typed(&error.anthropic(""));
    }
}
