//! How a text is generated: the flags that `ask` and `chat` share, and what follows from them.

use ponder_engine::{LoopGuard, Sampling, Thinking};
use ponder_model::config::GenerationConfig;
use ponder_text::{ControlTokens, ReasoningSplitter, ReasoningState, Tokenizer};

use crate::backend::at_least_one;
use crate::exit::usage;

/// What DeepSeek let R1 write when evaluating it.
const MAX_TOKENS: usize = 32_768;
/// R1's recommended sampling.
const TEMPERATURE: f32 = 0.6;
const TOP_P: f32 = 0.95;

/// Written before a thought is closed by force, so that the model knows what happened.
const NOTICE: &str = "\n\nI have thought long enough and answer with what I have.\n";
/// From the soft budget on, a thought closes when `</think>` is among this many best tokens.
const CLOSE_RANK: usize = 3;
/// The most tokens between the soft budget and the hard one.
const GRACE: usize = 256;
/// The most tokens of a completion that are kept for the answer.
const ANSWER_RESERVE: usize = 1024;
/// A thought that repeats itself word for word over this stretch does not come to an end.
const LOOP_GUARD: LoopGuard = LoopGuard { max_period: 256, min_repeats: 4, min_tokens: 512 };

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
        let marks = [tokenizer.control_id("<think>"), tokenizer.control_id("</think>")];
        let [Some(think_start), Some(think_end)] = marks else {
            return match self.think_budget {
                None => Ok(None),
                Some(_) => Err(usage(
                    "`--think-budget` is given, but the tokenizer has no <think> and </think>",
                    "leave it out: this model does not think apart from its answer",
                )),
            };
        };
        let splitter = ReasoningSplitter::new(tokenizer, prompt);
        let answer_reserve = ANSWER_RESERVE.min(max_tokens / 4);
        let notice = tokenizer.encode(NOTICE, ControlTokens::Plain)?;
        let limits = Limits::new(self.think_budget, max_tokens, notice.len());
        Ok(Some(Thinking {
            think_start,
            think_end,
            starts_open: splitter.state() == ReasoningState::Thinking,
            budget: limits.soft,
            grace: limits.grace,
            close_rank: CLOSE_RANK,
            notice: if limits.has_notice { notice } else { Vec::new() },
            answer_reserve,
            closes_on_stop: true,
            loop_guard: Some(LOOP_GUARD),
        }))
    }
}

/// A budget is the most tokens of thinking, the notice among them: the soft part comes before it.
#[derive(Debug, PartialEq, Eq)]
struct Limits {
    soft: Option<usize>,
    grace: usize,
    has_notice: bool,
}

impl Limits {
    fn new(budget: Option<usize>, max_tokens: usize, n_notice: usize) -> Limits {
        // The notice must not be the better part of what it ends.
        let has_notice = n_notice * 4 <= budget.unwrap_or(max_tokens).min(max_tokens);
        let spent = if has_notice { n_notice } else { 0 };
        let hard = budget.map(|budget| budget - spent.min(budget));
        let grace = hard.map_or(0, |hard| GRACE.min(hard / 5));
        Limits { soft: hard.map(|hard| hard - grace), grace, has_notice }
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
    fn a_budget_bounds_thought_and_notice_together() {
        for budget in [0, 1, 4, 39, 40, 100, 1000, 100_000] {
            let limits = Limits::new(Some(budget), 1 << 20, 10);
            let soft = limits.soft.unwrap();
            let notice = if limits.has_notice { 10 } else { 0 };
            assert_eq!(soft + limits.grace + notice, budget, "{limits:?}");
            assert_eq!(limits.has_notice, budget >= 40, "{limits:?}");
        }
        let unbounded = Limits::new(None, 20, 10);
        assert_eq!(unbounded, Limits { soft: None, grace: 0, has_notice: false });
    }

    #[test]
    fn biases_are_read() {
        assert_eq!(logit_bias("12=-5"), Ok((12, -5.0)));
        for bad in ["12", "=1", "a=1", "1=x", "-1=2"] {
            assert!(logit_bias(bad).is_err(), "{bad}");
        }
    }
}
