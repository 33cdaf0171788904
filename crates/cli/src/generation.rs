//! How a text is generated: the flags that `ask` and `chat` share, and what follows from them.

use ponder_engine::{Sampling, Thinking};
use ponder_model::config::GenerationConfig;
use ponder_text::Tokenizer;

use crate::backend::at_least_one;
use crate::exit::usage;

/// What DeepSeek let R1 write when evaluating it.
const MAX_TOKENS: usize = 32_768;
/// R1's recommended sampling.
pub const TEMPERATURE: f32 = 0.6;
pub const TOP_P: f32 = 0.95;

/// Flags of generation.
#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "Generation")]
pub struct GenerationArgs {
    /// The most tokens to write, thinking included [default: 32768, or what the context leaves].
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub max_tokens: Option<usize>,
    /// The most tokens to think: thinking ends near that when the model is willing, else by force.
    #[arg(long, value_name = "N")]
    pub think_budget: Option<usize>,
    /// 0 takes the best token each time [default: the checkpoint's, else 0.6].
    #[arg(long, value_name = "T", allow_negative_numbers = true)]
    pub temperature: Option<f32>,
    /// Draw from the best tokens that have this share of the probability [default: the
    /// checkpoint's, else 0.95].
    #[arg(long, value_name = "P", allow_negative_numbers = true)]
    pub top_p: Option<f32>,
    /// Draw from this many best tokens [default: the checkpoint's, else all].
    #[arg(long, value_name = "K", value_parser = at_least_one)]
    pub top_k: Option<usize>,
    /// Draw from tokens with at least this share of the best one's probability.
    #[arg(long, value_name = "P", default_value_t = 0.0, allow_negative_numbers = true)]
    pub min_p: f32,
    /// Above 1, tokens that occurred in prompt or answer become less likely.
    #[arg(long, value_name = "F", default_value_t = 1.0, allow_negative_numbers = true)]
    pub repetition_penalty: f32,
    /// Subtracted from the logits of tokens that were written.
    #[arg(long, value_name = "F", default_value_t = 0.0, allow_negative_numbers = true)]
    pub presence_penalty: f32,
    /// Subtracted for every time they were written.
    #[arg(long, value_name = "F", default_value_t = 0.0, allow_negative_numbers = true)]
    pub frequency_penalty: f32,
    /// Added to the logit of a token id, as 1234=-5; may be repeated.
    #[arg(long, value_name = "ID=BIAS", value_parser = logit_bias)]
    pub logit_bias: Vec<(u32, f32)>,
    /// Makes the run repeatable [default: another one each time].
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Ends the answer where it would write TEXT; may be repeated.
    #[arg(long, value_name = "TEXT")]
    pub stop: Vec<String>,
}

fn logit_bias(text: &str) -> Result<(u32, f32), String> {
    let form = "has the form ID=BIAS, such as 1234=-5";
    let (id, bias) = text.split_once('=').ok_or(form)?;
    Ok((id.trim().parse().map_err(|_| form)?, bias.trim().parse().map_err(|_| form)?))
}

impl GenerationArgs {
    /// How tokens are chosen: by the flags, else by the checkpoint, else as for R1.
    pub fn sampling(&self, defaults: &GenerationConfig) -> Sampling {
        Sampling {
            temperature: self.temperature.or(defaults.temperature).unwrap_or(TEMPERATURE),
            top_p: self.top_p.or(defaults.top_p).unwrap_or(TOP_P),
            // A 0 in generation_config.json switches the filter off.
            top_k: self.top_k.or(defaults.top_k.filter(|k| *k > 0)),
            min_p: self.min_p,
            repetition_penalty: self.repetition_penalty,
            presence_penalty: self.presence_penalty,
            frequency_penalty: self.frequency_penalty,
            logit_bias: self.logit_bias.clone(),
            banned: Vec::new(),
            seed: self.seed.unwrap_or_else(any_seed),
            stream: 0,
        }
    }

    /// How many tokens to write after a prompt of `n_prompt` in a context of `context`.
    ///
    /// A prompt that fills the context leaves 1, which the engine then refuses.
    pub fn max_tokens(&self, n_prompt: usize, context: usize) -> usize {
        let room = context.saturating_sub(n_prompt).max(1);
        self.max_tokens.unwrap_or(MAX_TOKENS).min(room)
    }

    /// Control over the thought, for models that think.
    pub fn thinking(
        &self,
        tokenizer: &Tokenizer,
        prompt: &[u32],
        max_tokens: usize,
    ) -> anyhow::Result<Option<Thinking>> {
        let thinking = ponder_server::thinking(tokenizer, prompt, self.think_budget, max_tokens)?;
        match (&thinking, self.think_budget) {
            (None, Some(_)) => Err(usage(
                "`--think-budget` is given, but the tokenizer has no <think> and </think>",
                "leave it out: this model does not think apart from its answer",
            )),
            _ => Ok(thinking),
        }
    }
}

/// A seed that differs from run to run: the standard library keys its hashes by the system.
fn any_seed() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::collections::hash_map::RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn biases_are_read() {
        assert_eq!(logit_bias("12=-5"), Ok((12, -5.0)));
        for bad in ["12", "=1", "a=1", "1=x", "-1=2"] {
            assert!(logit_bias(bad).is_err(), "{bad}");
        }
    }
}
