//! Turns made of blocks into a conversation.

use serde_json::Value;

use crate::conversation::{Conversation, Prefix};
use crate::error::ApiError;
use crate::fields::Fields;
use crate::tools::{MAX_TOOLS, Tool, ToolChoice, Tools};

/// The most blocks of one message.
const MAX_BLOCKS: usize = 4096;
/// Claude Code begins its instructions with a line that differs from request to request; with it
/// no prompt would ever be found in the cache.
const BILLING_LINE: &str = "x-anthropic-billing-header";

/// Reads `system`.
pub fn system(fields: &mut Fields, to: &mut Conversation) -> Result<(), ApiError> {
    match fields.value("system") {
        None => {}
        Some(Value::String(text)) => to.push("system", text),
        Some(Value::Array(blocks)) if blocks.len() <= MAX_BLOCKS => {
            for (index, block) in blocks.into_iter().enumerate() {
                let text = text_block(block, &fields.name(&format!("system[{index}]")))?;
                if !text.starts_with(BILLING_LINE) {
                    to.push("system", text);
                }
            }
        }
        Some(_) => return Err(fields.wrong("system", "a string or a list of text blocks")),
    }
    Ok(())
}

/// Reads `messages`. An assistant's message at the end is the beginning of the answer.
pub fn read(messages: Vec<Value>, to: &mut Conversation) -> Result<(), ApiError> {
    let last = messages.len().saturating_sub(1);
    for (index, message) in messages.into_iter().enumerate() {
        let mut fields = Fields::new(message, format!("messages[{index}]"))?;
        let role = fields.word("role", &["user", "assistant", "system"])?;
        let role = fields.required("role", role)?;
        let content = fields.value("content");
        let blocks = match fields.required("content", content)? {
            Value::String(text) => vec![Block::Text(text)],
            Value::Array(blocks) if blocks.len() <= MAX_BLOCKS => {
                let path = fields.name("content");
                let blocks = blocks.into_iter().enumerate();
                let read = blocks.map(|(i, block)| Block::read(block, &format!("{path}[{i}]")));
                read.collect::<Result<Vec<Block>, ApiError>>()?
            }
            _ => return Err(fields.wrong("content", "a string or a list of blocks")),
        };
        fields.finish()?;
        match role {
            "assistant" => assistant(blocks, index == last, to),
            role => user(role, blocks, to),
        }
    }
    Ok(())
}

fn user(role: &str, blocks: Vec<Block>, to: &mut Conversation) {
    let mut texts = Vec::new();
    for block in blocks {
        match block {
            Block::Text(text) => texts.push(text),
            Block::Result(text) => to.push("tool", text),
            Block::Call(..) | Block::Thinking => {}
        }
    }
    if !texts.is_empty() {
        to.push(role, texts.join("\n\n"));
    }
}

fn assistant(blocks: Vec<Block>, is_last: bool, to: &mut Conversation) {
    let (mut texts, mut calls) = (Vec::new(), Vec::new());
    for block in blocks {
        match block {
            Block::Text(text) => texts.push(text),
            Block::Call(name, input) => calls.push((name, input)),
            Block::Result(_) | Block::Thinking => {}
        }
    }
    let content = texts.join("\n\n");
    if !calls.is_empty() {
        to.push_calls(Some(content), &calls);
    } else if is_last {
        to.prefix = Some(Prefix { reasoning: None, content });
    } else {
        to.push("assistant", content);
    }
}

enum Block {
    Text(String),
    /// A call: name and arguments as JSON text.
    Call(String, String),
    /// What a call gave.
    Result(String),
    /// Earlier thinking, which the template drops.
    Thinking,
}

impl Block {
    fn read(value: Value, path: &str) -> Result<Block, ApiError> {
        let mut fields = Fields::new(value, path)?;
        fields.without_effect(&["cache_control", "citations"]);
        let kind = fields.string("type")?;
        let block = match kind.as_deref() {
            Some("text") => {
                let text = fields.string("text")?;
                Block::Text(fields.required("text", text)?)
            }
            Some("thinking" | "redacted_thinking") => {
                fields.without_effect(&["thinking", "signature", "data"]);
                Block::Thinking
            }
            Some("tool_use") => {
                fields.without_effect(&["id", "caller"]);
                let name = fields.string("name")?;
                let name = fields.required("name", name)?;
                let input = fields.value("input").unwrap_or_else(|| serde_json::json!({}));
                Block::Call(name, input.to_string())
            }
            Some("tool_result") => {
                fields.without_effect(&["tool_use_id", "is_error"]);
                Block::Result(result(&mut fields)?)
            }
            _ => {
                let expected = "text, thinking, tool_use or tool_result: this model reads no images or documents";
                return Err(fields.wrong("type", expected));
            }
        };
        fields.finish()?;
        Ok(block)
    }
}

fn result(fields: &mut Fields) -> Result<String, ApiError> {
    match fields.value("content") {
        None => Ok(String::new()),
        Some(Value::String(text)) => Ok(text),
        Some(Value::Array(blocks)) if blocks.len() <= MAX_BLOCKS => {
            let mut texts = Vec::with_capacity(blocks.len());
            for (index, block) in blocks.into_iter().enumerate() {
                texts.push(text_block(block, &fields.name(&format!("content[{index}]")))?);
            }
            Ok(texts.join("\n"))
        }
        Some(_) => Err(fields.wrong("content", "a string or a list of text blocks")),
    }
}

fn text_block(value: Value, path: &str) -> Result<String, ApiError> {
    match Block::read(value, path)? {
        Block::Text(text) => Ok(text),
        _ => {
            let name = format!("{path}.type");
            Err(ApiError::invalid(name.clone(), format!("`{name}`: expected text")))
        }
    }
}

/// Reads `tools` and `tool_choice`.
pub fn tools(fields: &mut Fields) -> Result<Option<Tools>, ApiError> {
    let items = fields.array("tools", MAX_TOOLS)?.unwrap_or_default();
    let mut list = Vec::with_capacity(items.len());
    for (index, item) in items.into_iter().enumerate() {
        let path = format!("tools[{index}]");
        let mut tool = Fields::new(item, path.clone())?;
        tool.only("type", &[serde_json::json!("custom")])?;
        tool.without_effect(&[
            "cache_control",
            "strict",
            "eager_input_streaming",
            "input_examples",
        ]);
        let name = tool.string("name")?;
        let name = tool.required("name", name)?;
        let description = tool.string("description")?;
        let schema = tool.value("input_schema");
        tool.finish()?;
        list.push(Tool::new(&path, name, description, schema)?);
    }
    let (mut choice, mut is_parallel) = (ToolChoice::Auto, true);
    if let Some(mut asked) = fields.object("tool_choice")? {
        let kind = asked.word("type", &["auto", "any", "tool", "none"])?;
        let name = asked.string("name")?;
        choice = match asked.required("type", kind)? {
            "any" => ToolChoice::Required,
            "none" => ToolChoice::None,
            "tool" => ToolChoice::Named(asked.required("name", name)?),
            _ => ToolChoice::Auto,
        };
        is_parallel = !asked.boolean("disable_parallel_tool_use")?.unwrap_or(false);
        asked.finish()?;
    }
    let tools = Tools { list, choice, is_parallel };
    tools.check()?;
    Ok((!tools.list.is_empty()).then_some(tools))
}
