//! `POST /v1/responses`, as OpenAI defines it, without a store: every request brings its whole
//! conversation.

mod input;
mod writer;

use serde_json::{Value, json};

use crate::collected::{Collected, total_usage};
use crate::conversation::Conversation;
use crate::dialect::asked;
use crate::error::ApiError;
use crate::fields::Fields;
use crate::generate::{AskedSampling, Budget, Generate};
use crate::output::Finish;
use crate::served::Served;
use crate::tools::ToolChoice;

pub use writer::ResponsesWriter;

/// A response to write.
pub struct Responses {
    /// What to generate.
    pub asked: Generate,
    /// How to answer.
    pub style: Style,
    /// Whether to stream.
    pub is_stream: bool,
}

/// How a response is written: everything in the object that the request decides.
#[derive(Clone, Debug)]
pub struct Style {
    id: String,
    created_s: u64,
    model: String,
    /// Fields of the request that the object repeats.
    echoed: Vec<(&'static str, Value)>,
}

/// Fields that do not change an answer here.
const WITHOUT_EFFECT: [&str; 7] = [
    "user",
    "metadata",
    "prompt_cache_key",
    "safety_identifier",
    "service_tier",
    "include",
    "prompt_cache_retention",
];

impl Responses {
    /// Reads a request.
    pub fn read(mut fields: Fields, served: &Served) -> Result<Responses, ApiError> {
        let mut conversation = Conversation::default();
        let instructions = fields.string("instructions")?;
        if let Some(text) = &instructions {
            conversation.push("system", text.clone());
        }
        input::read(&mut fields, &mut conversation)?;
        conversation.tools = input::tools(&mut fields)?;
        let max_tokens = fields.integer("max_output_tokens", 1..=asked::MAX_TOKENS)?;
        let sampling = AskedSampling {
            temperature: fields.number("temperature", 0.0..=2.0)?,
            top_p: fields.number("top_p", 0.0..=1.0)?,
            ..Default::default()
        };
        let budget = match fields.object("reasoning")? {
            None => Budget::Open,
            Some(mut reasoning) => {
                let effort = reasoning.word("effort", &Budget::EFFORTS)?;
                reasoning.without_effect(&["summary", "generate_summary"]);
                reasoning.finish()?;
                effort.map_or(Budget::Open, Budget::of_effort)
            }
        };
        let format = input::format(&mut fields)?;
        let is_stream = fields.boolean("stream")?.unwrap_or(false);
        fields.only("previous_response_id", &[])?;
        fields.only("conversation", &[])?;
        fields.only("prompt", &[])?;
        fields.only("background", &[json!(false)])?;
        fields.only("truncation", &[json!("disabled")])?;
        fields.only("top_logprobs", &[json!(0)])?;
        fields.without_effect(&["store", "stream_options", "max_tool_calls"]);
        fields.without_effect(&WITHOUT_EFFECT);
        fields.finish()?;
        let tools = conversation.tools.clone();
        let echoed = vec![
            ("instructions", json!(instructions)),
            ("max_output_tokens", json!(max_tokens)),
            ("temperature", json!(sampling.temperature.unwrap_or(served.defaults.temperature))),
            ("top_p", json!(sampling.top_p.unwrap_or(served.defaults.top_p))),
            ("parallel_tool_calls", json!(tools.as_ref().is_none_or(|tools| tools.is_parallel))),
            ("tool_choice", tools.as_ref().map_or(json!("auto"), |tools| choice(&tools.choice))),
            ("tools", tools.as_ref().map_or(json!([]), input::echo_tools)),
            ("text", json!({ "format": input::echo_format(&format) })),
        ];
        let mut asked = Generate::new(conversation.encode(served)?);
        asked.max_tokens = max_tokens.map(|tokens| tokens as usize);
        (asked.sampling, asked.budget) = (sampling, budget);
        (asked.format, asked.tools) = (format, tools);
        let style = Style {
            id: crate::app::fresh_id("resp_"),
            created_s: crate::app::unix_s(),
            model: served.name.clone(),
            echoed,
        };
        Ok(Responses { asked, style, is_stream })
    }
}

fn choice(choice: &ToolChoice) -> Value {
    match choice {
        ToolChoice::None => json!("none"),
        ToolChoice::Auto => json!("auto"),
        ToolChoice::Required => json!("required"),
        ToolChoice::Named(name) => json!({ "type": "function", "name": name }),
    }
}

/// The items of an answer.
fn reasoning_item(id: &str, text: &str) -> Value {
    let content = if text.is_empty() {
        json!([])
    } else {
        json!([{ "type": "reasoning_text", "text": text }])
    };
    json!({ "id": id, "type": "reasoning", "summary": [], "content": content, "status": null })
}

fn message_item(id: &str, text: Option<&str>, status: &str) -> Value {
    let content: Vec<Value> = text.iter().map(|text| text_part(text)).collect();
    json!({ "id": id, "type": "message", "role": "assistant", "status": status, "content": content })
}

fn text_part(text: &str) -> Value {
    json!({ "type": "output_text", "text": text, "annotations": [], "logprobs": [] })
}

fn call_item(id: &str, call_id: &str, name: &str, arguments: &str, status: &str) -> Value {
    json!({
        "id": id, "type": "function_call", "call_id": call_id, "name": name,
        "arguments": arguments, "status": status,
    })
}

impl Style {
    /// The object before anything is written.
    fn begun(&self) -> Value {
        let mut object = json!({
            "id": self.id,
            "object": "response",
            "created_at": self.created_s,
            "status": "in_progress",
            "error": null,
            "incomplete_details": null,
            "model": self.model,
            "output": [],
            "previous_response_id": null,
            "reasoning": { "effort": null, "summary": null },
            "store": false,
            "truncation": "disabled",
            "background": false,
            "metadata": {},
            "usage": null,
        });
        for (field, value) in &self.echoed {
            object[*field] = value.clone();
        }
        object
    }

    /// The object at the end.
    fn ended(&self, output: Vec<Value>, finish: &Finish, counts: &ponder_engine::Usage) -> Value {
        let mut object = self.begun();
        object["output"] = output.into();
        object["usage"] = json!({
            "input_tokens": counts.prompt_tokens,
            "input_tokens_details": { "cached_tokens": counts.cached_tokens },
            "output_tokens": counts.completion_tokens,
            "output_tokens_details": { "reasoning_tokens": counts.reasoning_tokens },
            "total_tokens": counts.prompt_tokens + counts.completion_tokens,
        });
        if let Some(error) = finish.error() {
            object["status"] = "failed".into();
            object["error"] = json!({ "code": "server_error", "message": error.message });
        } else if *finish == Finish::Length {
            object["status"] = "incomplete".into();
            object["incomplete_details"] = json!({ "reason": "max_output_tokens" });
        } else {
            object["status"] = "completed".into();
        }
        object
    }

    /// The whole answer.
    pub fn answer(&self, choice: &Collected) -> Value {
        let status = if *choice.finish() == Finish::Length { "incomplete" } else { "completed" };
        let mut output = Vec::new();
        let fresh = crate::app::fresh_id;
        if !choice.reasoning.text.is_empty() {
            output.push(reasoning_item(&fresh("rs_"), &choice.reasoning.text));
        }
        if !choice.text.text.is_empty() {
            output.push(message_item(&fresh("msg_"), Some(&choice.text.text), status));
        }
        for call in &choice.calls {
            output.push(call_item(&fresh("fc_"), &call.id, &call.name, &call.arguments, status));
        }
        let total = total_usage(choice.end.iter().map(|(_, usage)| usage), 1);
        self.ended(output, choice.finish(), &total)
    }
}
