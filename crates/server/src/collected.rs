//! A whole answer, for clients that do not stream.

use ponder_engine::Usage;

use crate::error::ApiError;
use crate::generation::Generation;
use crate::output::{Delta, Finish, Output, TokenLog};

/// A call of a tool.
#[derive(Debug)]
pub struct Call {
    /// Names it, for its result.
    pub id: String,
    /// The function.
    pub name: String,
    /// JSON text.
    pub arguments: String,
}

/// One choice, complete.
#[derive(Debug, Default)]
pub struct Collected {
    /// Tokens of the prompt, where they were scored.
    pub prompt: Vec<TokenLog>,
    /// The thinking.
    pub reasoning: Delta,
    /// The answer.
    pub text: Delta,
    /// The calls, in order.
    pub calls: Vec<Call>,
    /// Why it ended, and its counts.
    pub end: Option<(Finish, Usage)>,
}

impl Collected {
    /// Adds what is new.
    pub fn add(&mut self, output: Output) {
        match output {
            Output::Prompt(token) => self.prompt.push(token),
            Output::Reasoning(delta) => add(&mut self.reasoning, delta),
            Output::Text(delta) => add(&mut self.text, delta),
            Output::CallBegin { id, name, .. } => {
                self.calls.push(Call { id, name, arguments: String::new() });
            }
            Output::CallArguments { index, text } => {
                if let Some(call) = self.calls.get_mut(index) {
                    call.arguments.push_str(&text);
                }
            }
            Output::Finished { finish, usage } => self.end = Some((finish, usage)),
        }
    }

    /// Why it ended; what did not end, broke off.
    pub fn finish(&self) -> &Finish {
        self.end.as_ref().map_or(&Finish::Cancelled, |(finish, _)| finish)
    }
}

fn add(to: &mut Delta, delta: Delta) {
    to.text.push_str(&delta.text);
    to.tokens.extend(delta.tokens);
}

/// Waits for all choices. Fails if one of them has failed, so that a 200 is always an answer.
pub async fn collect(mut generation: Generation, n: usize) -> Result<Vec<Collected>, ApiError> {
    let mut choices: Vec<Collected> = (0..n).map(|_| Collected::default()).collect();
    while let Some(outputs) = generation.next().await {
        for (choice, output) in outputs? {
            if let Output::Finished { finish, .. } = &output
                && let Some(error) = finish.error()
            {
                return Err(error);
            }
            choices[choice].add(output);
        }
    }
    Ok(choices)
}

/// The counts of all choices together: each prompt counts once.
pub fn total_usage<'a>(ends: impl Iterator<Item = &'a Usage>, n: usize) -> Usage {
    let mut total = Usage::default();
    for (index, usage) in ends.enumerate() {
        if index % n == 0 {
            total.prompt_tokens += usage.prompt_tokens;
            total.cached_tokens += usage.cached_tokens;
        }
        total.completion_tokens += usage.completion_tokens;
        total.reasoning_tokens += usage.reasoning_tokens;
    }
    total
}
