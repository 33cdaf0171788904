//! Functions that a model may call: their definitions, and the tokens that R1 calls them with.

pub mod calls;

use ponder_text::{ChatTemplate, TextError, Tokenizer};
use serde_json::{Value, json};

use crate::error::ApiError;

/// The most functions of a request.
pub const MAX_TOOLS: usize = 128;
/// Bytes of a function's description.
const MAX_DESCRIPTION_BYTES: usize = 64 << 10;
/// R1's own template with the functions described and its mistakes with several turns corrected.
const TEMPLATE: &str = include_str!("tools/template.jinja");

/// A function.
#[derive(Clone, Debug)]
pub struct Tool {
    /// Its name: letters, digits, `_` and `-`.
    pub name: String,
    /// What it does.
    pub description: Option<String>,
    /// The JSON schema of its arguments.
    pub parameters: Value,
}

/// Which functions are called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToolChoice {
    /// None, whatever is offered.
    None,
    /// The model decides.
    Auto,
    /// At least one.
    Required,
    /// This one.
    Named(String),
}

/// The functions of a request.
#[derive(Clone, Debug)]
pub struct Tools {
    /// All that are offered.
    pub list: Vec<Tool>,
    /// Which are called.
    pub choice: ToolChoice,
    /// Whether one turn may call several.
    pub is_parallel: bool,
}

impl Tool {
    /// A function, if its name and description are within bounds. `path` names it in complaints.
    pub fn new(
        path: &str,
        name: String,
        description: Option<String>,
        parameters: Option<Value>,
    ) -> Result<Tool, ApiError> {
        let is_part = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        if name.is_empty() || name.len() > 64 || !name.bytes().all(is_part) {
            let message = format!("`{path}.name`: expected 1 to 64 letters, digits, _ and -");
            return Err(ApiError::invalid(format!("{path}.name"), message));
        }
        if description.as_ref().is_some_and(|text| text.len() > MAX_DESCRIPTION_BYTES) {
            let message =
                format!("`{path}.description` is longer than {MAX_DESCRIPTION_BYTES} bytes");
            return Err(ApiError::invalid(format!("{path}.description"), message));
        }
        let parameters =
            parameters.unwrap_or_else(|| json!({ "type": "object", "properties": {} }));
        if !parameters.is_object() {
            let message = format!("`{path}.parameters`: expected a JSON schema");
            return Err(ApiError::invalid(format!("{path}.parameters"), message));
        }
        Ok(Tool { name, description, parameters })
    }
}

impl Tools {
    /// Checks that what is chosen is offered.
    pub fn check(&self) -> Result<(), ApiError> {
        let mut names: Vec<&str> = self.list.iter().map(|tool| tool.name.as_str()).collect();
        names.sort_unstable();
        if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(ApiError::invalid(
                "tools",
                format!("`tools`: `{}` is defined twice", pair[0]),
            ));
        }
        match &self.choice {
            ToolChoice::Named(name) if !names.contains(&name.as_str()) => {
                let message = format!("`tool_choice`: `{name}` is not among the tools");
                Err(ApiError::invalid("tool_choice", message))
            }
            ToolChoice::Required if self.list.is_empty() => Err(ApiError::invalid(
                "tool_choice",
                "`tool_choice` asks for a call, but there are no tools",
            )),
            _ => Ok(()),
        }
    }

    /// The definitions as the template prints them; none where no call is wanted.
    pub fn described(&self) -> Option<Value> {
        if self.list.is_empty() || self.choice == ToolChoice::None {
            return None;
        }
        let tools = self.list.iter().map(|tool| {
            json!({
                "name": tool.name,
                "description": tool.description,
                "parameters": tool.parameters,
            })
        });
        Some(tools.collect())
    }
}

/// The tokens around calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallMarks {
    /// `<｜tool▁calls▁begin｜>`
    pub calls_begin: u32,
    /// `<｜tool▁calls▁end｜>`
    pub calls_end: u32,
    /// `<｜tool▁call▁begin｜>`
    pub call_begin: u32,
    /// `<｜tool▁call▁end｜>`
    pub call_end: u32,
    /// `<｜tool▁sep｜>`
    pub separator: u32,
}

impl CallMarks {
    /// Those of a tokenizer that has them all.
    pub fn of(tokenizer: &Tokenizer) -> Option<CallMarks> {
        Some(CallMarks {
            calls_begin: tokenizer.control_id("<｜tool▁calls▁begin｜>")?,
            calls_end: tokenizer.control_id("<｜tool▁calls▁end｜>")?,
            call_begin: tokenizer.control_id("<｜tool▁call▁begin｜>")?,
            call_end: tokenizer.control_id("<｜tool▁call▁end｜>")?,
            separator: tokenizer.control_id("<｜tool▁sep｜>")?,
        })
    }
}

/// The template for conversations with tools, beside a checkpoint's own.
pub fn template(own: &ChatTemplate) -> Result<ChatTemplate, TextError> {
    own.with_source(TEMPLATE)
}
