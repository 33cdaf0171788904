//! A conversation in the form that chat templates read, and its way to token ids.

use ponder_text::{
    ChatInput, ChatTemplate, ControlTokens, ReasoningSplitter, ReasoningState, encode_chat,
};
use serde_json::{Map, Value, json};

use crate::error::{ApiError, Kind};
use crate::served::Served;
use crate::tools::Tools;

/// The most turns of a conversation.
pub const MAX_MESSAGES: usize = 4096;

/// Turns, and what the next one begins with.
#[derive(Debug, Default)]
pub struct Conversation {
    /// Messages as the template wants them: `role`, `content`, `tool_calls`.
    pub messages: Vec<Value>,
    /// The beginning of the answer, which the model continues.
    pub prefix: Option<Prefix>,
    /// Functions that may be called.
    pub tools: Option<Tools>,
}

/// The beginning of an answer.
#[derive(Debug, Default)]
pub struct Prefix {
    /// Its thinking, complete.
    pub reasoning: Option<String>,
    /// Its text so far.
    pub content: String,
}

impl Conversation {
    /// Adds a turn of plain text.
    pub fn push(&mut self, role: &str, content: String) {
        self.messages.push(json!({ "role": role, "content": content }));
    }

    /// Adds an assistant's turn that called tools, `calls` being (name, arguments as JSON text).
    pub fn push_calls(&mut self, content: Option<String>, calls: &[(String, String)]) {
        let calls = calls.iter().map(|(name, arguments)| {
            json!({ "type": "function", "function": { "name": name, "arguments": arguments } })
        });
        let calls: Vec<Value> = calls.collect();
        let content = content.filter(|text| !text.is_empty());
        self.messages.push(json!({ "role": "assistant", "content": content, "tool_calls": calls }));
    }

    /// The model's own template, unless tools are offered or were called.
    fn template<'s>(
        &self,
        has_tools: bool,
        served: &'s Served,
    ) -> Result<&'s ChatTemplate, ApiError> {
        let is_of_tool = |m: &Value| m["role"] == "tool" || m.get("tool_calls").is_some();
        if !has_tools && !self.messages.iter().any(is_of_tool) {
            let message = "this model has no chat template: use /v1/completions";
            return served.template.as_ref().ok_or_else(|| ApiError::new(Kind::Invalid, message));
        }
        let message = "`tools`: this model has no tokens to call tools with";
        served.tool_template.as_ref().ok_or_else(|| ApiError::invalid("tools", message))
    }

    /// One system message, because some templates keep only the last one.
    fn join_systems(&mut self) {
        let is_system = |message: &Value| message["role"] == "system";
        let (systems, others): (Vec<Value>, Vec<Value>) =
            std::mem::take(&mut self.messages).into_iter().partition(is_system);
        let texts: Vec<&str> = systems.iter().filter_map(|m| m["content"].as_str()).collect();
        if !texts.is_empty() {
            self.messages.push(json!({ "role": "system", "content": texts.join("\n\n") }));
        }
        self.messages.extend(others);
    }

    /// The token ids up to where the model goes on. What users wrote cannot become control tokens.
    pub fn encode(mut self, served: &Served) -> Result<Vec<u32>, ApiError> {
        let tools = self.tools.as_ref().and_then(Tools::described);
        let template = self.template(tools.is_some(), served)?;
        if self.messages.is_empty() {
            return Err(ApiError::invalid("messages", "`messages` is empty"));
        }
        self.join_systems();
        let input = ChatInput {
            messages: Value::Array(self.messages),
            tools,
            add_generation_prompt: true,
            variables: Map::from_iter([("opens_thought".to_owned(), served.opens_thought.into())]),
        };
        let mut ids = encode_chat(&served.tokenizer, template, &input)?;
        if let Some(prefix) = self.prefix {
            append_prefix(&mut ids, &prefix, served)?;
        }
        Ok(ids)
    }
}

/// Puts the beginning of an answer after the generation prompt, with its thinking closed.
fn append_prefix(ids: &mut Vec<u32>, prefix: &Prefix, served: &Served) -> Result<(), ApiError> {
    let tokenizer = &served.tokenizer;
    let plain = |text: &str| tokenizer.encode(text, ControlTokens::Plain);
    let marks = (tokenizer.control_id("<think>"), tokenizer.control_id("</think>"));
    let state = ReasoningSplitter::new(tokenizer, ids).state();
    if let (Some(open), Some(close)) = marks {
        let is_open = state == ReasoningState::Thinking;
        if !is_open && prefix.reasoning.is_some() {
            ids.push(open);
            ids.extend(plain("\n")?);
        }
        if is_open || prefix.reasoning.is_some() {
            ids.extend(plain(prefix.reasoning.as_deref().unwrap_or_default())?);
            if prefix.reasoning.as_deref().is_some_and(|text| !text.ends_with('\n')) {
                ids.extend(plain("\n")?);
            }
            ids.push(close);
            ids.extend(plain("\n\n")?);
        }
    }
    ids.extend(plain(&prefix.content)?);
    Ok(())
}
