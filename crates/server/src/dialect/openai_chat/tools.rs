//! Tools of a chat completion.

use crate::dialect::openai_tools;
use crate::error::ApiError;
use crate::fields::Fields;
use crate::tools::{MAX_TOOLS, Tools};

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
        list.push(openai_tools::function(function, &format!("{path}.function"))?);
    }
    openai_tools::with_choice(fields, list, |choice| {
        let function = choice.object("function")?;
        let mut function = choice.required("function", function)?;
        let name = openai_tools::name(&mut function)?;
        function.finish()?;
        Ok(name)
    })
}
