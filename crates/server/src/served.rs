//! The model as the APIs see it: its name, its text side, its defaults.

use ponder_text::{ChatTemplate, Tokenizer};

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

/// What is served.
pub struct Served {
    /// The model's id in requests and answers.
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
    /// Unix time at which serving began.
    pub created_s: u64,
}
