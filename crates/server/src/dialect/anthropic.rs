//! `POST /v1/messages` and `/v1/messages/count_tokens`, as Anthropic defines them: thinking, text
//! and calls as blocks.

mod messages;
mod writer;

use serde_json::{Value, json};

use crate::collected::{Collected, total_usage};
use crate::conversation::Conversation;
use crate::dialect::asked;
use crate::error::ApiError;
use crate::fields::Fields;
use crate::generate::{Budget, Generate};
use crate::grammar::Format;
use crate::output::Finish;
use crate::served::Served;

pub use writer::MessagesWriter;

/// Stands for the thought where clients want a signature: it is opaque to them, and we do not look
/// at the thinking that they send back.
const SIGNATURE: &str = "ponder";

/// A message to write.
pub struct Messages {
    /// What to generate.
    pub asked: Generate,
    /// How to answer.
    pub style: Style,
    /// Whether to stream.
    pub is_stream: bool,
}

/// How a message is written.
#[derive(Clone, Debug)]
pub struct Style {
    id: String,
    model: String,
    shows_thinking: bool,
}

/// Fields that do not change an answer here.
const WITHOUT_EFFECT: [&str; 4] =
    ["metadata", "service_tier", "cache_control", "context_management"];

impl Messages {
    /// Reads a request.
    pub fn read(mut fields: Fields, served: &Served) -> Result<Messages, ApiError> {
        let max_tokens = fields.integer("max_tokens", 1..=asked::MAX_TOKENS)?;
        let max_tokens = fields.required("max_tokens", max_tokens)? as usize;
        let mut sampling = crate::generate::AskedSampling {
            temperature: fields.number("temperature", 0.0..=1.0)?,
            top_p: fields.number("top_p", 0.0..=1.0)?,
            ..Default::default()
        };
        sampling.top_k = asked::top_k(&mut fields)?;
        let texts = fields.array("stop_sequences", 16)?.unwrap_or_default();
        let texts = asked::strings(texts)
            .ok_or_else(|| fields.wrong("stop_sequences", "a list of strings"))?;
        asked::check_stops(&fields, "stop_sequences", &texts)?;
        let is_stream = fields.boolean("stream")?.unwrap_or(false);
        let (budget, shows_thinking) = thinking(&mut fields, max_tokens)?;
        let (effort, format) = output_config(&mut fields)?;
        let conversation = prompt(&mut fields)?;
        fields.without_effect(&WITHOUT_EFFECT);
        fields.finish()?;
        let tools = conversation.tools.clone();
        let mut asked = Generate::new(conversation.encode(served)?);
        asked.max_tokens = Some(max_tokens);
        asked.sampling = sampling;
        asked.stop.texts = texts;
        asked.budget = budget.or(effort).unwrap_or(Budget::Open);
        (asked.format, asked.tools) = (format, tools);
        let (id, model) = (crate::app::fresh_id("msg_"), served.name.clone());
        Ok(Messages { asked, style: Style { id, model, shows_thinking }, is_stream })
    }
}

/// Counts the tokens of a prompt.
pub fn count_tokens(mut fields: Fields, served: &Served) -> Result<Value, ApiError> {
    thinking(&mut fields, usize::MAX)?;
    output_config(&mut fields)?;
    let conversation = prompt(&mut fields)?;
    fields.without_effect(&WITHOUT_EFFECT);
    fields.without_effect(&[
        "max_tokens",
        "temperature",
        "top_p",
        "top_k",
        "stop_sequences",
        "stream",
    ]);
    fields.finish()?;
    Ok(json!({ "input_tokens": conversation.encode(served)?.len() }))
}

fn prompt(fields: &mut Fields) -> Result<Conversation, ApiError> {
    let mut conversation = Conversation::default();
    messages::system(fields, &mut conversation)?;
    let turns = fields.array("messages", crate::conversation::MAX_MESSAGES)?;
    messages::read(fields.required("messages", turns)?, &mut conversation)?;
    conversation.tools = messages::tools(fields)?;
    Ok(conversation)
}

/// `thinking`: the budget, and whether the thinking is shown. Without it the model thinks as much
/// as it likes: R1 is no R1 without.
fn thinking(fields: &mut Fields, max_tokens: usize) -> Result<(Option<Budget>, bool), ApiError> {
    let Some(mut thinking) = fields.object("thinking")? else { return Ok((None, true)) };
    let display = thinking.word("display", &["summarized", "omitted", "full"])?;
    let name = thinking.name("budget_tokens");
    let budget = asked::thinking_object(thinking, 1)?;
    if let Some(Budget::Tokens(tokens)) = budget
        && tokens >= max_tokens
    {
        let message = format!("`{name}`: expected less than max_tokens ({max_tokens})");
        return Err(ApiError::invalid(name, message));
    }
    Ok((budget, display != Some("omitted")))
}

fn output_config(fields: &mut Fields) -> Result<(Option<Budget>, Format), ApiError> {
    let Some(mut config) = fields.object("output_config")? else { return Ok((None, Format::Text)) };
    let effort = config.word("effort", &Budget::EFFORTS)?.map(Budget::of_effort);
    let format = match config.object("format")? {
        None => Format::Text,
        Some(mut format) => {
            format.word("type", &["json_schema"])?;
            let schema = format.value("schema");
            let schema = format.required("schema", schema)?;
            format.finish()?;
            Format::Schema(schema)
        }
    };
    config.finish()?;
    Ok((effort, format))
}

/// `stop_reason` and `stop_sequence`.
fn stop(finish: &Finish) -> (&'static str, Option<&str>) {
    match finish {
        Finish::Stop => ("end_turn", None),
        Finish::StopText(text) => ("stop_sequence", Some(text)),
        Finish::Calls => ("tool_use", None),
        Finish::Length => ("max_tokens", None),
        Finish::Deadline | Finish::QueueTimeout | Finish::Cancelled | Finish::Failed(_) => {
            ("pause_turn", None)
        }
    }
}

/// `usage`: what was read from the cache is not part of `input_tokens`.
fn usage(usage: &ponder_engine::Usage) -> Value {
    json!({
        "input_tokens": usage.prompt_tokens - usage.cached_tokens,
        "cache_read_input_tokens": usage.cached_tokens,
        "cache_creation_input_tokens": 0,
        "output_tokens": usage.completion_tokens,
    })
}

impl Style {
    fn message(&self, content: Vec<Value>, usage: Value) -> Value {
        json!({
            "id": self.id,
            "type": "message",
            "role": "assistant",
            "model": self.model,
            "content": content,
            "stop_reason": null,
            "stop_sequence": null,
            "usage": usage,
        })
    }

    /// The whole answer.
    pub fn answer(&self, choice: &Collected) -> Value {
        let mut content = Vec::new();
        let reasoning = &choice.reasoning.text;
        if self.shows_thinking && !reasoning.is_empty() {
            content
                .push(json!({ "type": "thinking", "thinking": reasoning, "signature": SIGNATURE }));
        }
        if !choice.text.text.is_empty() {
            content.push(json!({ "type": "text", "text": choice.text.text }));
        }
        for call in &choice.calls {
            content.push(json!({
                "type": "tool_use",
                "id": call.id,
                "name": call.name,
                "input": arguments(&call.arguments),
            }));
        }
        let total = total_usage(choice.end.iter().map(|(_, usage)| usage), 1);
        let mut message = self.message(content, usage(&total));
        let (reason, sequence) = stop(choice.finish());
        message["stop_reason"] = reason.into();
        message["stop_sequence"] = json!(sequence);
        message
    }
}

/// Arguments as an object; a call that was cut off has none.
fn arguments(text: &str) -> Value {
    let value = serde_json::from_str(text).ok().filter(Value::is_object);
    value.unwrap_or_else(|| json!({}))
}
