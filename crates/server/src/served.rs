//! The model as the APIs see it: its name, its text side, its defaults.

use std::sync::Arc;

use ponder_text::{ChatInput, ChatTemplate, TextError, Tokenizer};
use serde::Serialize;
use serde_json::json;

use crate::grammar::Grammars;
use crate::tools;

/// Sampling when a request leaves it open.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SamplingDefaults {
    /// Softmax temperature.
    pub temperature: f32,
    /// Share of the probability to draw from.
    pub top_p: f32,
    /// Best tokens to draw from; `None`: all.
    pub top_k: Option<usize>,
}

/// What a mixture of experts consists of: for the page, which shows the experts at work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExpertCounts {
    /// The layers that have experts, from 0.
    pub layers: Vec<usize>,
    /// Experts of a layer to choose from.
    pub routed: usize,
    /// Those chosen for a token.
    pub chosen: usize,
    /// Those that always work, besides.
    pub shared: usize,
    /// Parameters of the model.
    pub parameters: u64,
    /// Those that one token passes through.
    pub active_parameters: u64,
}

/// A model to serve.
pub struct ServedModel {
    /// Its id in requests and answers.
    pub name: String,
    /// Its tokenizer.
    pub tokenizer: Tokenizer,
    /// Its chat template; base models have none, and then only raw completions work.
    pub template: Option<ChatTemplate>,
    /// Ids that end an answer.
    pub stop_ids: Vec<u32>,
    /// Sampling when a request leaves it open.
    pub defaults: SamplingDefaults,
    /// Tokens that prompt and completion may take together.
    pub context: usize,
    /// Its experts, if it has any.
    pub experts: Option<ExpertCounts>,
}

/// What is served, with what follows from the model's files.
pub struct Served {
    /// See [`ServedModel`].
    pub name: String,
    pub tokenizer: Arc<Tokenizer>,
    pub template: Option<ChatTemplate>,
    pub stop_ids: Vec<u32>,
    pub defaults: SamplingDefaults,
    pub context: usize,
    pub experts: Option<ExpertCounts>,
    /// The template of conversations with tools, for models that have tokens for calls.
    pub tool_template: Option<ChatTemplate>,
    /// Whether the template opens the thought at the beginning of an answer.
    pub opens_thought: bool,
    /// What compiles grammars, for models whose answers end.
    pub grammars: Option<Grammars>,
    /// Unix time at which serving began.
    pub created_s: u64,
}

impl Served {
    /// Looks into the model's text files once, at the start.
    pub fn new(model: ServedModel) -> Result<Served, TextError> {
        let ServedModel { name, tokenizer, template, stop_ids, defaults, context, experts } = model;
        let tokenizer = Arc::new(tokenizer);
        let has_marks = tools::CallMarks::of(&tokenizer).is_some();
        let tool_template =
            template.as_ref().filter(|_| has_marks).map(tools::template).transpose()?;
        let opens_thought = match &template {
            None => false,
            Some(template) => {
                let input = ChatInput {
                    messages: json!([{ "role": "user", "content": "x" }]),
                    add_generation_prompt: true,
                    ..ChatInput::default()
                };
                // A template that refuses this conversation refuses those of users, where it is reported.
                template.render(&input).is_ok_and(|text| text.trim_end().ends_with("<think>"))
            }
        };
        Ok(Served {
            grammars: Grammars::new(tokenizer.clone(), &stop_ids),
            name,
            tokenizer,
            template,
            stop_ids,
            defaults,
            context,
            experts,
            tool_template,
            opens_thought,
            created_s: crate::app::unix_s(),
        })
    }
}
