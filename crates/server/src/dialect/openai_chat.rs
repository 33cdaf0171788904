//! `POST /v1/chat/completions`, as OpenAI defines it and DeepSeek, vLLM and others extend it:
//! thinking comes as `reasoning_content`, budgets by any of their names, `prefix` continues an answer.

mod messages;
mod tools;
mod writer;

use serde_json::{Value, json};

use crate::collected::{Call, Collected, total_usage};
use crate::conversation::Conversation;
use crate::dialect::{asked, formats, logprobs};
use crate::error::ApiError;
use crate::fields::Fields;
use crate::generate::Generate;
use crate::output::Finish;
use crate::served::Served;
use crate::tools::ToolChoice;

pub use writer::ChatWriter;

/// Where a request came in decides how strict it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manners {
    /// Under `/v1`: thinking in earlier turns is dropped, as the template wants it.
    OpenAi,
    /// Under DeepSeek's own paths: thinking in the input is an error, as its API has it.
    DeepSeek,
}

/// A chat completion to run.
pub struct Chat {
    /// What to generate.
    pub asked: Generate,
    /// How to answer.
    pub style: Style,
    /// Whether to stream.
    pub is_stream: bool,
}

/// How a chat completion is written.
#[derive(Clone, Debug)]
pub struct Style {
    id: String,
    created_s: u64,
    model: String,
    n: usize,
    /// Whether the thinking is part of the answer.
    shows_reasoning: bool,
    has_logprobs: bool,
    /// Whether the request named the function to call.
    is_named: bool,
    usage: UsageChunks,
}

/// When a stream reports usage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum UsageChunks {
    /// On the last chunk of choices, as DeepSeek does.
    WithFinish,
    /// In a chunk of its own, as OpenAI does.
    Own,
}

/// Fields that do not change an answer here.
const WITHOUT_EFFECT: [&str; 6] =
    ["user", "metadata", "prompt_cache_key", "safety_identifier", "service_tier", "model"];

impl Chat {
    /// Reads a request.
    pub fn read(
        mut fields: Fields,
        served: &Served,
        n_max: usize,
        manners: Manners,
    ) -> Result<Chat, ApiError> {
        let mut conversation = Conversation::default();
        let messages = fields.array("messages", crate::conversation::MAX_MESSAGES)?;
        messages::read(fields.required("messages", messages)?, manners, &mut conversation)?;
        conversation.tools = tools::read(&mut fields)?;
        let format = formats::read(&mut fields)?;
        continue_last(&mut fields, &mut conversation)?;
        let n = fields.integer("n", 1..=n_max as u64)?.unwrap_or(1) as usize;
        let max_tokens = fields.integer("max_tokens", 1..=asked::MAX_TOKENS)?;
        let max_tokens =
            fields.integer("max_completion_tokens", 1..=asked::MAX_TOKENS)?.or(max_tokens);
        let sampling = asked::sampling(&mut fields, served)?;
        let stop = asked::stop(&mut fields)?;
        let shows_reasoning = fields.boolean("include_reasoning")?.unwrap_or(true);
        let budget = asked::budget(&mut fields)?;
        let has_logprobs = fields.boolean("logprobs")?.unwrap_or(false);
        let top = fields.integer("top_logprobs", 0..=20)?;
        if top.is_some() && !has_logprobs {
            return Err(fields.wrong("top_logprobs", "`logprobs`: true beside it"));
        }
        let is_stream = fields.boolean("stream")?.unwrap_or(false);
        let usage = stream_options(&mut fields)?;
        fields.only("store", &[json!(false)])?;
        fields.only("verbosity", &[json!("medium")])?;
        fields.only("modalities", &[json!(["text"])])?;
        fields.without_effect(&WITHOUT_EFFECT);
        fields.finish()?;
        let tools = conversation.tools.clone();
        let mut asked = Generate::new(conversation.encode(served)?);
        asked.n = n;
        asked.max_tokens = max_tokens.map(|tokens| tokens as usize);
        (asked.sampling, asked.stop, asked.budget) = (sampling, stop, budget);
        // OpenAI's word for the end of an answer that was told which function to call.
        let is_named = tools.as_ref().is_some_and(|t| matches!(t.choice, ToolChoice::Named(_)));
        (asked.format, asked.tools) = (format, tools);
        asked.logprobs = has_logprobs.then_some(top.unwrap_or(0) as usize);
        let style = Style {
            id: crate::app::fresh_id("chatcmpl-"),
            created_s: crate::app::unix_s(),
            model: served.name.clone(),
            n,
            shows_reasoning,
            has_logprobs,
            is_named,
            usage,
        };
        Ok(Chat { asked, style, is_stream })
    }
}

/// vLLM's spelling of a prefix: `continue_final_message` without `add_generation_prompt`.
fn continue_last(fields: &mut Fields, conversation: &mut Conversation) -> Result<(), ApiError> {
    let adds_prompt = fields.boolean("add_generation_prompt")?;
    let continues = fields.boolean("continue_final_message")?.unwrap_or(false);
    match (continues, adds_prompt) {
        (true, Some(true)) => {
            Err(fields.wrong("add_generation_prompt", "false when the final message is continued"))
        }
        (false, Some(false)) => {
            Err(fields
                .wrong("add_generation_prompt", "true, unless the final message is continued"))
        }
        (false, _) => Ok(()),
        (true, _) => {
            let is_last_text = |m: &Value| m["role"] == "assistant" && m["content"].is_string();
            match conversation.messages.pop_if(|last| is_last_text(last)) {
                Some(mut last) => {
                    let Value::String(content) = last["content"].take() else { return Ok(()) };
                    conversation.prefix =
                        Some(crate::conversation::Prefix { reasoning: None, content });
                    Ok(())
                }
                None if conversation.prefix.is_some() => Ok(()),
                None => {
                    Err(fields.wrong("continue_final_message", "an assistant's message at the end"))
                }
            }
        }
    }
}

fn stream_options(fields: &mut Fields) -> Result<UsageChunks, ApiError> {
    // Usage is never left out: clients that do not ask for it ignore the field.
    let Some(mut options) = fields.object("stream_options")? else {
        return Ok(UsageChunks::WithFinish);
    };
    let is_own = options.boolean("include_usage")?.unwrap_or(false);
    options.only("continuous_usage_stats", &[json!(false)])?;
    options.only("include_obfuscation", &[json!(false)])?;
    options.finish()?;
    Ok(if is_own { UsageChunks::Own } else { UsageChunks::WithFinish })
}

/// The name of an end.
fn finish_reason(finish: &Finish, is_named: bool) -> &'static str {
    match finish {
        Finish::Calls if !is_named => "tool_calls",
        Finish::Stop | Finish::StopText(_) | Finish::Calls => "stop",
        Finish::Length => "length",
        // DeepSeek's word for answers that its servers break off.
        Finish::Deadline | Finish::QueueTimeout | Finish::Cancelled | Finish::Failed(_) => {
            "insufficient_system_resource"
        }
    }
}

/// `usage`, with the fields of OpenAI and of DeepSeek.
pub fn usage(usage: &ponder_engine::Usage) -> Value {
    json!({
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        "prompt_tokens_details": { "cached_tokens": usage.cached_tokens },
        "completion_tokens_details": { "reasoning_tokens": usage.reasoning_tokens },
        "prompt_cache_hit_tokens": usage.cached_tokens,
        "prompt_cache_miss_tokens": usage.prompt_tokens - usage.cached_tokens,
    })
}

impl Style {
    /// The whole answer.
    pub fn answer(&self, choices: &[Collected], served: &Served) -> Value {
        let ends = choices.iter().filter_map(|choice| choice.end.as_ref().map(|(_, usage)| usage));
        let total = total_usage(ends, self.n);
        let choices: Vec<Value> = choices
            .iter()
            .enumerate()
            .map(|(index, choice)| self.choice(index, choice, served))
            .collect();
        json!({
            "id": self.id,
            "object": "chat.completion",
            "created": self.created_s,
            "model": self.model,
            "choices": choices,
            "usage": usage(&total),
            "system_fingerprint": null,
        })
    }

    fn choice(&self, index: usize, choice: &Collected, served: &Served) -> Value {
        let text = &choice.text.text;
        let has_content =
            !text.is_empty() || (choice.calls.is_empty() && *choice.finish() != Finish::Length);
        // Cut off while thinking there is no answer, not an empty one.
        let content = if has_content { json!(text) } else { Value::Null };
        let mut message = json!({ "role": "assistant", "content": content });
        if self.shows_reasoning {
            let reasoning = Some(&choice.reasoning.text).filter(|text| !text.is_empty());
            message["reasoning_content"] = json!(reasoning);
        }
        if !choice.calls.is_empty() {
            let call = |call: &Call| {
                json!({
                    "id": call.id,
                    "type": "function",
                    "function": { "name": call.name, "arguments": call.arguments },
                })
            };
            message["tool_calls"] = choice.calls.iter().map(call).collect();
        }
        let logprobs = self.has_logprobs.then(|| {
            let mut value = json!({ "content": logprobs::content(&choice.text.tokens, served), "refusal": null });
            if self.shows_reasoning {
                value["reasoning_content"] = logprobs::content(&choice.reasoning.tokens, served);
            }
            value
        });
        json!({
            "index": index,
            "message": message,
            "logprobs": logprobs,
            "finish_reason": finish_reason(choice.finish(), self.is_named),
        })
    }
}
