//! The form of an answer, by the names of OpenAI, vLLM and llama.cpp.

use serde_json::Value;

use crate::dialect::asked::strings;
use crate::error::ApiError;
use crate::fields::Fields;
use crate::grammar::Format;

/// The most texts to choose between.
const MAX_CHOICES: usize = 1000;

/// Reads `response_format`, or vLLM's `structured_outputs` and its older `guided_*` fields.
pub fn read(fields: &mut Fields) -> Result<Format, ApiError> {
    let mut found = Vec::new();
    if let Some(format) = fields.object("response_format")? {
        found.extend(response_format(format)?);
    }
    if let Some(mut structured) = fields.object("structured_outputs")? {
        found.extend(structured_outputs(&mut structured, "")?);
        structured.finish()?;
    }
    found.extend(structured_outputs(fields, "guided_")?);
    match found.len() {
        0 => Ok(Format::Text),
        1 => Ok(found.remove(0)),
        _ => Err(ApiError::invalid("response_format", "the answer can keep to one form only")),
    }
}

fn response_format(mut format: Fields) -> Result<Option<Format>, ApiError> {
    let kind = format.word("type", &["text", "json_object", "json_schema", "regex", "grammar"])?;
    let schema = format.value("schema");
    let read = match (format.required("type", kind)?, schema) {
        ("json_object", None) => Some(Format::JsonObject),
        // llama.cpp takes the schema beside the type.
        ("json_object" | "json_schema", Some(schema)) => Some(Format::Schema(schema)),
        ("json_schema", None) => {
            let inner = format.object("json_schema")?;
            let mut inner = format.required("json_schema", inner)?;
            inner.without_effect(&["name", "description", "strict"]);
            let schema = inner.value("schema");
            let schema = inner.required("schema", schema)?;
            inner.finish()?;
            Some(Format::Schema(schema))
        }
        ("regex", _) => {
            let pattern = format.string("pattern")?;
            Some(Format::Regex(format.required("pattern", pattern)?))
        }
        ("grammar", _) => {
            let grammar = format.string("grammar")?;
            Some(Format::Grammar(format.required("grammar", grammar)?))
        }
        _ => None,
    };
    format.finish()?;
    Ok(read)
}

fn structured_outputs(fields: &mut Fields, prefix: &str) -> Result<Vec<Format>, ApiError> {
    let mut found = Vec::new();
    let name = |field: &str| format!("{prefix}{field}");
    if let Some(value) = fields.value(&name("json")) {
        found.push(Format::Schema(match value {
            Value::String(text) => serde_json::from_str(&text)
                .map_err(|_| fields.wrong(&name("json"), "a JSON schema"))?,
            schema => schema,
        }));
    }
    if let Some(pattern) = fields.string(&name("regex"))? {
        found.push(Format::Regex(pattern));
    }
    if let Some(grammar) = fields.string(&name("grammar"))? {
        found.push(Format::Grammar(grammar));
    }
    if let Some(choices) = fields.array(&name("choice"), MAX_CHOICES)? {
        let choices = strings(choices).filter(|choices| !choices.is_empty());
        let choices = choices.ok_or_else(|| fields.wrong(&name("choice"), "a list of strings"))?;
        found.push(Format::Choice(choices));
    }
    Ok(found)
}
