//! From a conversation to token ids, with users' text unable to become control tokens.

use serde_json::Value;

use crate::error::TextError;
use crate::mask::Mask;
use crate::template::{ChatInput, ChatTemplate};
use crate::tokenizer::{ControlTokens, Tokenizer};

/// Renders `input` and encodes the result so that only the template itself can produce control
/// tokens. Where messages and tools spell one out, its letters are encoded as plain text.
///
/// For messages without such spellings the ids are those of the rendered text with
/// [`ControlTokens::Parse`]. Added tokens of letters, digits or spaces alone are vocabulary, not
/// control tokens, and are recognised everywhere.
pub fn encode_chat(
    tokenizer: &Tokenizer,
    template: &ChatTemplate,
    input: &ChatInput,
) -> Result<Vec<u32>, TextError> {
    let mut texts = Vec::new();
    collect_texts(&input.messages, &mut texts);
    if let Some(tools) = &input.tools {
        collect_texts(tools, &mut texts);
    }
    for (name, value) in &input.variables {
        texts.push(name);
        collect_texts(value, &mut texts);
    }
    texts.extend(template.own_texts());
    let mask = Mask::new(tokenizer.control_text(), texts.into_iter(), template.literals())?;
    let masked = ChatInput {
        messages: mask.mask_value(&input.messages),
        tools: input.tools.as_ref().map(|tools| mask.mask_value(tools)),
        add_generation_prompt: input.add_generation_prompt,
        variables: input.variables.clone(),
    };
    let sealed = mask.seal(&template.render(&masked)?);
    tokenizer.encode_with(&sealed, ControlTokens::Parse, |c| mask.restore(c))
}

fn collect_texts<'v>(value: &'v Value, texts: &mut Vec<&'v str>) {
    match value {
        Value::String(text) => texts.push(text),
        Value::Array(items) => items.iter().for_each(|item| collect_texts(item, texts)),
        Value::Object(fields) => {
            for (key, item) in fields {
                texts.push(key);
                collect_texts(item, texts);
            }
        }
        _ => {}
    }
}
