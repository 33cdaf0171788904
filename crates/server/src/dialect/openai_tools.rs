//! Tools as OpenAI's two dialects share them: chat completions nest a function in its tool, responses
//! do not.

use serde_json::Value;

use crate::error::ApiError;
use crate::fields::Fields;
use crate::tools::{Tool, ToolChoice, Tools};

/// Reads a function's fields; `path` names it in messages.
pub fn function(mut function: Fields, path: &str) -> Result<Tool, ApiError> {
    let name = name(&mut function)?;
    let description = function.string("description")?;
    let parameters = function.value("parameters");
    function.finish()?;
    Tool::new(path, name, description, parameters)
}

/// Reads a name that must be there.
pub fn name(fields: &mut Fields) -> Result<String, ApiError> {
    let name = fields.string("name")?;
    fields.required("name", name)
}

/// Adds `tool_choice` and `parallel_tool_calls` to the functions that were read. `named` reads the
/// name of the one function that must be called.
pub fn with_choice(
    fields: &mut Fields,
    list: Vec<Tool>,
    named: impl FnOnce(&mut Fields) -> Result<String, ApiError>,
) -> Result<Option<Tools>, ApiError> {
    let choice = match fields.value("tool_choice") {
        None => ToolChoice::Auto,
        Some(Value::String(word)) => match word.as_str() {
            "none" => ToolChoice::None,
            "auto" => ToolChoice::Auto,
            "required" => ToolChoice::Required,
            _ => return Err(fields.wrong("tool_choice", "none, auto, required or a function")),
        },
        Some(value) => {
            let mut choice = Fields::new(value, "tool_choice")?;
            choice.word("type", &["function"])?;
            let name = named(&mut choice)?;
            choice.finish()?;
            ToolChoice::Named(name)
        }
    };
    let is_parallel = fields.boolean("parallel_tool_calls")?.unwrap_or(true);
    let tools = Tools { list, choice, is_parallel };
    tools.check()?;
    Ok((!tools.list.is_empty()).then_some(tools))
}
