//! Items of a response's input into a conversation; its tools and its format.

use serde_json::{Value, json};

use crate::conversation::{Conversation, MAX_MESSAGES};
use crate::dialect::openai_tools;
use crate::error::ApiError;
use crate::fields::Fields;
use crate::grammar::Format;
use crate::tools::{MAX_TOOLS, Tools};

/// The most parts of one message.
const MAX_PARTS: usize = 1024;

/// Reads `input`: a string, or items.
pub fn read(fields: &mut Fields, to: &mut Conversation) -> Result<(), ApiError> {
    let value = fields.value("input");
    let items = match fields.required("input", value)? {
        Value::String(text) => {
            to.push("user", text);
            return Ok(());
        }
        Value::Array(items) if items.len() <= MAX_MESSAGES => items,
        _ => return Err(fields.wrong("input", "a string or a list of items")),
    };
    // Calls of one turn come as items of their own.
    let mut calls: Vec<(String, String)> = Vec::new();
    for (index, item) in items.into_iter().enumerate() {
        let mut item = Fields::new(item, format!("input[{index}]"))?;
        item.without_effect(&["id", "status"]);
        let kind = item.string("type")?;
        if kind.as_deref() != Some("function_call") && !calls.is_empty() {
            to.push_calls(None, &std::mem::take(&mut calls));
        }
        match kind.as_deref() {
            None | Some("message") => message(&mut item, to)?,
            Some("function_call") => {
                item.without_effect(&["call_id", "namespace"]);
                let name = item.string("name")?;
                let arguments = item.string("arguments")?;
                calls.push((item.required("name", name)?, item.required("arguments", arguments)?));
            }
            Some("function_call_output") => {
                item.without_effect(&["call_id"]);
                let output = content(&mut item, "output")?;
                to.push("tool", item.required("output", output)?);
            }
            // Thinking of earlier turns, which the template drops.
            Some("reasoning") => item.without_effect(&["summary", "content", "encrypted_content"]),
            Some(_) => {
                let expected = "message, function_call, function_call_output or reasoning";
                return Err(item.wrong("type", expected));
            }
        }
        item.finish()?;
    }
    if !calls.is_empty() {
        to.push_calls(None, &calls);
    }
    Ok(())
}

fn message(item: &mut Fields, to: &mut Conversation) -> Result<(), ApiError> {
    let role = item.word("role", &["user", "assistant", "system", "developer"])?;
    let role = item.required("role", role)?;
    let text = content(item, "content")?;
    let text = item.required("content", text)?;
    item.without_effect(&["phase"]);
    to.push(if role == "developer" { "system" } else { role }, text);
    Ok(())
}

fn content(item: &mut Fields, field: &str) -> Result<Option<String>, ApiError> {
    let parts = match item.value(field) {
        None => return Ok(None),
        Some(Value::String(text)) => return Ok(Some(text)),
        Some(Value::Array(parts)) if parts.len() <= MAX_PARTS => parts,
        Some(_) => return Err(item.wrong(field, "a string or a list of parts")),
    };
    let mut text = String::new();
    for (index, part) in parts.into_iter().enumerate() {
        let mut part = Fields::new(part, item.name(&format!("{field}[{index}]")))?;
        part.without_effect(&["annotations", "logprobs"]);
        let kind = part.string("type")?;
        match kind.as_deref() {
            Some("input_text" | "output_text" | "text") => {
                let piece = part.string("text")?;
                text.push_str(&part.required("text", piece)?);
            }
            Some("refusal") => part.without_effect(&["refusal"]),
            _ => {
                return Err(part.wrong("type", "text: this model reads no images, sounds or files"));
            }
        }
        part.finish()?;
    }
    Ok(Some(text))
}

/// Reads `tools`, `tool_choice` and `parallel_tool_calls`.
pub fn tools(fields: &mut Fields) -> Result<Option<Tools>, ApiError> {
    let items = fields.array("tools", MAX_TOOLS)?.unwrap_or_default();
    let mut list = Vec::with_capacity(items.len());
    for (index, item) in items.into_iter().enumerate() {
        let path = format!("tools[{index}]");
        let mut tool = Fields::new(item, path.clone())?;
        tool.word("type", &["function"])?;
        tool.without_effect(&["strict", "defer_loading"]);
        list.push(openai_tools::function(tool, &path)?);
    }
    openai_tools::with_choice(fields, list, openai_tools::name)
}

/// The tools as the answer repeats them.
pub fn echo_tools(tools: &Tools) -> Value {
    let tools = tools.list.iter().map(|tool| {
        json!({
            "type": "function", "name": tool.name, "description": tool.description,
            "parameters": tool.parameters, "strict": true,
        })
    });
    tools.collect()
}

/// Reads `text`: the format of the answer.
pub fn format(fields: &mut Fields) -> Result<Format, ApiError> {
    let Some(mut text) = fields.object("text")? else { return Ok(Format::Text) };
    text.only("verbosity", &[json!("medium")])?;
    let format = match text.object("format")? {
        None => Format::Text,
        Some(mut format) => {
            let kind = format.word("type", &["text", "json_object", "json_schema"])?;
            let read = match format.required("type", kind)? {
                "json_object" => Format::JsonObject,
                "json_schema" => {
                    format.without_effect(&["name", "description", "strict"]);
                    let schema = format.value("schema");
                    Format::Schema(format.required("schema", schema)?)
                }
                _ => Format::Text,
            };
            format.finish()?;
            read
        }
    };
    text.finish()?;
    Ok(format)
}

/// The format as the answer repeats it.
pub fn echo_format(format: &Format) -> Value {
    match format {
        Format::JsonObject => json!({ "type": "json_object" }),
        Format::Schema(schema) => {
            json!({ "type": "json_schema", "name": "answer", "schema": schema, "strict": true })
        }
        _ => json!({ "type": "text" }),
    }
}
