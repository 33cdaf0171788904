//! Tools of a chat completion.

use serde_json::Value;

use crate::error::ApiError;
use crate::fields::Fields;
use crate::tools::{MAX_TOOLS, Tool, ToolChoice, Tools};

/// Reads `tools`, `tool_choice` and `parallel_tool_calls`.
pub fn read(fields: &mut Fields) -> Result<Option<Tools>, ApiError> {
    let items = fields.array("tools", MAX_TOOLS)?.unwrap_or_default();
    let mut list = Vec::with_capacity(items.len());
    for (index, item) in items.into_iter().enumerate() {
        let path = format!("tools[{index}]");
        let mut item = Fields::new(item, path.clone())?;
        item.word("type", &["function"])?;
        let function = item.object("function")?;
        let mut function = item.required("function", function)?;
        item.finish()?;
        function.without_effect(&["strict"]);
        let name = function.string("name")?;
        let name = function.required("name", name)?;
        let description = function.string("description")?;
        let parameters = function.value("parameters");
        function.finish()?;
        list.push(Tool::new(&format!("{path}.function"), name, description, parameters)?);
    }
    let choice = match fields.value("tool_choice") {
        None => ToolChoice::Auto,
        Some(Value::String(word)) => match word.as_str() {
            "none" => ToolChoice::None,
            "auto" => ToolChoice::Auto,
            "required" => ToolChoice::Required,
            _ => return Err(fields.wrong("tool_choice", "none, auto, required or a function")),
        },
        Some(value) => {
            let mut named = Fields::new(value, "tool_choice")?;
            named.word("type", &["function"])?;
            let function = named.object("function")?;
            let mut function = named.required("function", function)?;
            let name = function.string("name")?;
            let name = function.required("name", name)?;
            function.finish()?;
            named.finish()?;
            ToolChoice::Named(name)
        }
    };
    let is_parallel = fields.boolean("parallel_tool_calls")?.unwrap_or(true);
    let tools = Tools { list, choice, is_parallel };
    tools.check()?;
    Ok((!tools.list.is_empty()).then_some(tools))
}
