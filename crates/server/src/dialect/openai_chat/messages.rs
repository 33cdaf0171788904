//! Messages of a chat completion into a conversation.

use serde_json::Value;

use super::Manners;
use crate::conversation::{Conversation, Prefix};
use crate::error::ApiError;
use crate::fields::Fields;

/// The most calls in one turn.
const MAX_CALLS: usize = 128;
/// The most parts of one message.
const MAX_PARTS: usize = 1024;

/// Reads `messages`.
pub fn read(messages: Vec<Value>, manners: Manners, to: &mut Conversation) -> Result<(), ApiError> {
    let last = messages.len().saturating_sub(1);
    for (index, message) in messages.into_iter().enumerate() {
        let mut fields = Fields::new(message, format!("messages[{index}]"))?;
        // lm-evaluation-harness puts `type` beside the content.
        fields.without_effect(&["name", "type"]);
        let roles = ["system", "developer", "user", "assistant", "tool"];
        let role = fields.word("role", &roles)?;
        match fields.required("role", role)? {
            "assistant" => assistant(&mut fields, index == last, manners, to)?,
            role => {
                let content = content(&mut fields)?;
                let content = fields.required("content", content)?;
                if role == "tool" {
                    // The template gives results in the order of the calls.
                    fields.string("tool_call_id")?;
                }
                to.push(if role == "developer" { "system" } else { role }, content);
            }
        }
        fields.finish()?;
    }
    Ok(())
}

fn assistant(
    fields: &mut Fields,
    is_last: bool,
    manners: Manners,
    to: &mut Conversation,
) -> Result<(), ApiError> {
    let content = content(fields)?;
    let is_prefix = fields.boolean("prefix")?.unwrap_or(false);
    let reasoning = fields.string("reasoning_content")?;
    let reasoning = fields.string("reasoning")?.or(reasoning);
    fields.without_effect(&["refusal", "annotations", "reasoning_details"]);
    if is_prefix && !is_last {
        return Err(fields.wrong("prefix", "true in the last message only"));
    }
    if manners == Manners::DeepSeek && reasoning.is_some() && !is_prefix {
        let name = fields.name("reasoning_content");
        let message = format!(
            "`{name}`: thinking of earlier turns is not sent back; leave it out (under /v1 it is dropped)"
        );
        return Err(ApiError::invalid(name, message));
    }
    let calls = calls(fields)?;
    if is_prefix {
        let content = fields.required("content", content)?;
        to.prefix = Some(Prefix { reasoning, content });
    } else if !calls.is_empty() {
        to.push_calls(content, &calls);
    } else {
        to.push("assistant", fields.required("content", content)?);
    }
    Ok(())
}

/// `content`: a string, or a list of parts of text.
fn content(fields: &mut Fields) -> Result<Option<String>, ApiError> {
    let Some(value) = fields.value("content") else { return Ok(None) };
    let parts = match value {
        Value::String(text) => return Ok(Some(text)),
        Value::Array(parts) if parts.len() <= MAX_PARTS => parts,
        _ => return Err(fields.wrong("content", "a string or a list of parts")),
    };
    let mut text = String::new();
    for (index, part) in parts.into_iter().enumerate() {
        let mut part = Fields::new(part, fields.name(&format!("content[{index}]")))?;
        let kind = part.string("type")?;
        match kind.as_deref() {
            Some("text" | "input_text" | "output_text") => {
                let piece = part.string("text")?;
                text.push_str(&part.required("text", piece)?);
                part.without_effect(&["cache_control"]);
            }
            Some("refusal") => part.without_effect(&["refusal"]),
            _ => {
                let expected = "text: this model reads no images, sounds or files";
                return Err(part.wrong("type", expected));
            }
        }
        part.finish()?;
    }
    Ok(Some(text))
}

/// `tool_calls` as (name, arguments).
fn calls(fields: &mut Fields) -> Result<Vec<(String, String)>, ApiError> {
    let items = fields.array("tool_calls", MAX_CALLS)?.unwrap_or_default();
    let mut calls = Vec::with_capacity(items.len());
    for (index, item) in items.into_iter().enumerate() {
        let mut call = Fields::new(item, fields.name(&format!("tool_calls[{index}]")))?;
        let function = call.object("function")?;
        let mut function = call.required("function", function)?;
        let name = function.string("name")?;
        let name = function.required("name", name)?;
        let arguments = match function.value("arguments") {
            None => "{}".to_owned(),
            Some(Value::String(text)) => text,
            Some(other) => other.to_string(),
        };
        function.finish()?;
        call.without_effect(&["id", "type", "index"]);
        call.finish()?;
        calls.push((name, arguments));
    }
    Ok(calls)
}
