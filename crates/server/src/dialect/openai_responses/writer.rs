//! A response as a stream of numbered events.

use serde_json::{Value, json};

use super::{Style, call_item, message_item, reasoning_item, text_part};
use crate::app::fresh_id;
use crate::error::ApiError;
use crate::http::sse::{Sse, StreamWriter};
use crate::output::{Finish, Output};

enum Open {
    Reasoning { id: String, text: String },
    Message { id: String, text: String },
    Call { id: String, call_id: String, name: String, arguments: String },
}

/// Writes events.
pub struct ResponsesWriter {
    style: Style,
    n_events: usize,
    open: Option<Open>,
    /// Items that are complete.
    output: Vec<Value>,
    has_failed: bool,
}

impl ResponsesWriter {
    /// For one answer.
    pub fn new(style: Style) -> ResponsesWriter {
        ResponsesWriter { style, n_events: 0, open: None, output: Vec::new(), has_failed: false }
    }

    fn event(&mut self, mut event: Value, sse: &mut Sse) {
        event["sequence_number"] = self.n_events.into();
        self.n_events += 1;
        sse.typed(&event);
    }

    /// An event of the item that is open.
    fn item_event(&mut self, kind: &str, id: &str, more: Value, sse: &mut Sse) {
        let mut event = json!({ "type": kind, "item_id": id, "output_index": self.output.len() });
        if let Value::Object(more) = more {
            for (field, value) in more {
                event[field] = value;
            }
        }
        self.event(event, sse);
    }

    fn begin(&mut self, open: Open, item: Value, sse: &mut Sse) {
        self.close("completed", sse);
        let index = self.output.len();
        let event =
            json!({ "type": "response.output_item.added", "output_index": index, "item": item });
        self.event(event, sse);
        self.open = Some(open);
    }

    fn reasoning(&mut self, new: &str, sse: &mut Sse) {
        if !matches!(self.open, Some(Open::Reasoning { .. })) {
            let id = fresh_id("rs_");
            let item = reasoning_item(&id, "");
            self.begin(Open::Reasoning { id: id.clone(), text: String::new() }, item, sse);
            let part =
                json!({ "content_index": 0, "part": { "type": "reasoning_text", "text": "" } });
            self.item_event("response.content_part.added", &id, part, sse);
        }
        let Some(Open::Reasoning { id, text }) = &mut self.open else { return };
        text.push_str(new);
        let id = id.clone();
        let more = json!({ "content_index": 0, "delta": new });
        self.item_event("response.reasoning_text.delta", &id, more, sse);
    }

    fn text(&mut self, new: &str, sse: &mut Sse) {
        if !matches!(self.open, Some(Open::Message { .. })) {
            let id = fresh_id("msg_");
            let item = message_item(&id, None, "in_progress");
            self.begin(Open::Message { id: id.clone(), text: String::new() }, item, sse);
            let part = json!({ "content_index": 0, "part": text_part("") });
            self.item_event("response.content_part.added", &id, part, sse);
        }
        let Some(Open::Message { id, text }) = &mut self.open else { return };
        text.push_str(new);
        let id = id.clone();
        let more = json!({ "content_index": 0, "delta": new, "logprobs": [] });
        self.item_event("response.output_text.delta", &id, more, sse);
    }

    /// Ends the item that is open.
    fn close(&mut self, status: &str, sse: &mut Sse) {
        let Some(open) = self.open.take() else { return };
        let item = match open {
            Open::Reasoning { id, text } => {
                let done = json!({ "content_index": 0, "text": text });
                self.item_event("response.reasoning_text.done", &id, done, sse);
                let part = json!({ "content_index": 0, "part": { "type": "reasoning_text", "text": text } });
                self.item_event("response.content_part.done", &id, part, sse);
                reasoning_item(&id, &text)
            }
            Open::Message { id, text } => {
                let done = json!({ "content_index": 0, "text": text, "logprobs": [] });
                self.item_event("response.output_text.done", &id, done, sse);
                let part = json!({ "content_index": 0, "part": text_part(&text) });
                self.item_event("response.content_part.done", &id, part, sse);
                message_item(&id, Some(&text), status)
            }
            Open::Call { id, call_id, name, arguments } => {
                let done = json!({ "name": name, "arguments": arguments });
                self.item_event("response.function_call_arguments.done", &id, done, sse);
                call_item(&id, &call_id, &name, &arguments, status)
            }
        };
        let index = self.output.len();
        let event =
            json!({ "type": "response.output_item.done", "output_index": index, "item": item });
        self.event(event, sse);
        self.output.push(item);
    }
}

impl StreamWriter for ResponsesWriter {
    fn start(&mut self, sse: &mut Sse) {
        for kind in ["response.created", "response.in_progress"] {
            let event = json!({ "type": kind, "response": self.style.begun() });
            self.event(event, sse);
        }
    }

    fn output(&mut self, _: usize, output: Output, sse: &mut Sse) {
        match output {
            Output::Prompt(_) => {}
            Output::Reasoning(delta) => self.reasoning(&delta.text, sse),
            Output::Text(delta) => self.text(&delta.text, sse),
            Output::CallBegin { id: call_id, name, .. } => {
                let id = fresh_id("fc_");
                let item = call_item(&id, &call_id, &name, "", "in_progress");
                let open = Open::Call { id, call_id, name, arguments: String::new() };
                self.begin(open, item, sse);
            }
            Output::CallArguments { text, .. } => {
                let Some(Open::Call { id, arguments, .. }) = &mut self.open else { return };
                arguments.push_str(&text);
                let id = id.clone();
                let more = json!({ "delta": text });
                self.item_event("response.function_call_arguments.delta", &id, more, sse);
            }
            Output::Finished { finish, usage } => {
                let is_cut = finish == Finish::Length;
                self.close(if is_cut { "incomplete" } else { "completed" }, sse);
                let output = std::mem::take(&mut self.output);
                let object = self.style.ended(output, &finish, &usage);
                let kind = format!("response.{}", object["status"].as_str().unwrap_or("failed"));
                self.event(json!({ "type": kind, "response": object }), sse);
            }
        }
    }

    fn end(&mut self, _: &mut Sse) {}

    fn error(&mut self, error: &ApiError, sse: &mut Sse) {
        if !std::mem::replace(&mut self.has_failed, true) {
            let event = json!({
                "type": "error", "code": "server_error", "message": error.message, "param": null,
            });
            self.event(event, sse);
        }
    }
}
