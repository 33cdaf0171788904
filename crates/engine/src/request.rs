//! What a caller asks for, and the checks that a request passes before it may wait.

use crate::error::Refusal;
use crate::sampler::mask::TokenMask;
use crate::think::Thinking;

/// One prompt to continue, to score, or both.
pub struct Request {
    /// Token ids of the prompt.
    pub prompt: Vec<u32>,
    /// The most tokens to generate; 0 only for a request that scores its prompt.
    pub max_tokens: usize,
    /// How tokens are chosen.
    pub sampling: Sampling,
    /// What ends the sequence before `max_tokens`.
    pub stop: Stop,
    /// Control over the thought; `None` leaves it to the model.
    pub thinking: Option<Thinking>,
    /// Which tokens are allowed, such as by a grammar; asked outside thoughts only.
    pub mask: Option<Box<dyn TokenMask>>,
    /// Report log-probabilities of generated tokens, with this many candidates beside each.
    pub logprobs: Option<usize>,
    /// The log-probabilities of generated tokens are those under `logits / logprob_temperature`:
    /// 1 for the model's own distribution, the sampling's temperature for what a trainer needs.
    pub logprob_temperature: f32,
    /// Report log-probabilities of the prompt's tokens, with this many candidates beside each. Such
    /// a request computes its whole prompt, whatever the cache holds.
    pub prompt_logprobs: Option<usize>,
    /// Report which experts were chosen for each generated token.
    pub experts: bool,
    /// Whose request it is: service is shared fairly between tenants.
    pub tenant: u64,
    /// Only requests with equal salts share pages of the prefix cache.
    pub cache_salt: u128,
    /// When it ends in any case, on the clock that `step` is given.
    pub deadline: Option<u64>,
    /// When it ends if it still waits, on the same clock.
    pub admit_by: Option<u64>,
}

/// How a token is chosen from logits.
///
/// The order is fixed: penalties, bias, bans and mask; then, unless greedy, temperature, top-k,
/// top-p, min-p, and a draw from what is left.
#[derive(Clone, Debug, PartialEq)]
pub struct Sampling {
    /// Divides the logits; 0 takes the best token, of equals the one with the lower id.
    pub temperature: f32,
    /// Keeps the best this many.
    pub top_k: Option<usize>,
    /// Keeps the smallest set of best tokens that has this share of the probability; 1 keeps all.
    pub top_p: f32,
    /// Keeps what has at least this share of the best token's probability; 0 keeps all.
    pub min_p: f32,
    /// Divides positive and multiplies negative logits of tokens that occur in the prompt or the
    /// completion (CTRL, Keskar et al. 2019, section 4.1); 1 changes nothing.
    pub repetition_penalty: f32,
    /// Subtracted from tokens that occur in the completion.
    pub presence_penalty: f32,
    /// Subtracted from tokens for each time they occur in the completion.
    pub frequency_penalty: f32,
    /// Added to the logits of some tokens.
    pub logit_bias: Vec<(u32, f32)>,
    /// Tokens that are never chosen.
    pub banned: Vec<u32>,
    /// Key of the random numbers. Token `i` of a completion draws number `i` of (`seed`, `stream`).
    pub seed: u64,
    /// Tells apart the samples of one prompt that share a seed.
    pub stream: u64,
}

impl Sampling {
    /// The best token each time.
    pub fn greedy() -> Sampling {
        Sampling {
            temperature: 0.0,
            top_k: None,
            top_p: 1.0,
            min_p: 0.0,
            repetition_penalty: 1.0,
            presence_penalty: 0.0,
            frequency_penalty: 0.0,
            logit_bias: Vec::new(),
            banned: Vec::new(),
            seed: 0,
            stream: 0,
        }
    }

    /// Draws from the model's own distribution, as a rollout does.
    pub fn unfiltered(seed: u64, stream: u64) -> Sampling {
        Sampling { temperature: 1.0, seed, stream, ..Sampling::greedy() }
    }

    /// What DeepSeek recommends for R1: temperature 0.6, top-p 0.95.
    pub fn r1(seed: u64) -> Sampling {
        Sampling { temperature: 0.6, top_p: 0.95, seed, ..Sampling::greedy() }
    }
}

/// What ends a sequence. Stop strings are text and thus the caller's, who cancels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stop {
    /// A token that ends the sequence, such as the end of a sentence. It is reported.
    pub ids: Vec<u32>,
    /// Runs of tokens that end the sequence when the answer ends with one. They are reported.
    pub sequences: Vec<Vec<u32>>,
    /// `ids` are not chosen before this many tokens.
    pub min_tokens: usize,
}

/// The most stop ids, stop sequences, tokens in one sequence, biases and bans: far beyond use, and
/// a bound on the work for a token.
const MAX_LIST: usize = 1 << 16;

impl Request {
    /// A request that generates, with everything else switched off.
    pub fn generate(
        prompt: Vec<u32>,
        max_tokens: usize,
        sampling: Sampling,
        stop: Stop,
    ) -> Request {
        Request {
            prompt,
            max_tokens,
            sampling,
            stop,
            thinking: None,
            mask: None,
            logprobs: None,
            logprob_temperature: 1.0,
            prompt_logprobs: None,
            experts: false,
            tenant: 0,
            cache_salt: 0,
            deadline: None,
            admit_by: None,
        }
    }

    /// A request that scores its prompt and generates nothing.
    pub fn score(prompt: Vec<u32>, top: usize) -> Request {
        let request = Request::generate(prompt, 0, Sampling::greedy(), Stop::default());
        Request { prompt_logprobs: Some(top), ..request }
    }

    /// Positions that prompt and completion take in the cache: the last token is never fed.
    pub(crate) fn n_positions(&self) -> usize {
        self.prompt.len() + self.max_tokens.saturating_sub(1)
    }

    /// Checks everything that does not depend on the engine's load.
    pub(crate) fn check(&self, vocab_size: usize, context: usize) -> Result<(), Refusal> {
        if self.prompt.is_empty() {
            return Err(Refusal::EmptyPrompt);
        }
        check_ids("prompt token", self.prompt.iter(), vocab_size)?;
        let total = self.prompt.len().saturating_add(self.max_tokens);
        if total > context {
            let (prompt, max_tokens) = (self.prompt.len(), self.max_tokens);
            return Err(Refusal::ContextExceeded { context, total, prompt, max_tokens });
        }
        if self.max_tokens == 0 && self.prompt_logprobs.is_none() {
            return Err(parameter("max_tokens", 0, "at least 1, unless the prompt is scored"));
        }
        for top in [self.logprobs, self.prompt_logprobs].into_iter().flatten() {
            if top > vocab_size {
                return Err(parameter("logprobs", top, "at most the vocabulary's size"));
            }
        }
        if !(1e-2..=1e4).contains(&self.logprob_temperature) {
            let (found, expected) = (self.logprob_temperature, "a number from 0.01 to 10,000");
            return Err(parameter("logprob_temperature", found, expected));
        }
        self.sampling.check(vocab_size)?;
        self.stop.check(vocab_size)?;
        self.thinking.as_ref().map_or(Ok(()), |t| t.check(vocab_size, self.max_tokens))
    }
}

impl Sampling {
    fn check(&self, vocab_size: usize) -> Result<(), Refusal> {
        let ranges = [
            ("temperature", self.temperature, 0.0, 1e4, "a number from 0 to 10,000"),
            ("top_p", self.top_p, 0.0, 1.0, "a number from 0 to 1"),
            ("min_p", self.min_p, 0.0, 1.0, "a number from 0 to 1"),
            ("repetition_penalty", self.repetition_penalty, 1e-2, 1e2, "a number from 0.01 to 100"),
            ("presence_penalty", self.presence_penalty, -1e2, 1e2, "a number from -100 to 100"),
            ("frequency_penalty", self.frequency_penalty, -1e2, 1e2, "a number from -100 to 100"),
        ];
        for (name, value, min, max, expected) in ranges {
            if !(min..=max).contains(&value) {
                return Err(parameter(name, value, expected));
            }
        }
        if self.top_k == Some(0) {
            return Err(parameter("top_k", 0, "at least 1, or none"));
        }
        check_list("logit_bias", self.logit_bias.len())?;
        check_list("banned", self.banned.len())?;
        check_ids("logit_bias entry", self.logit_bias.iter().map(|(id, _)| id), vocab_size)?;
        check_ids("banned token", self.banned.iter(), vocab_size)?;
        match self.logit_bias.iter().find(|(_, bias)| !bias.is_finite() || bias.abs() > 1e6) {
            Some((_, bias)) => Err(parameter("logit_bias", bias, "numbers within a million of 0")),
            None => Ok(()),
        }
    }
}

impl Stop {
    fn check(&self, vocab_size: usize) -> Result<(), Refusal> {
        check_list("stop.ids", self.ids.len())?;
        check_list("stop.sequences", self.sequences.len())?;
        check_ids("stop id", self.ids.iter(), vocab_size)?;
        for sequence in &self.sequences {
            check_list("stop.sequences", sequence.len())?;
            check_ids("stop sequence token", sequence.iter(), vocab_size)?;
            if sequence.is_empty() {
                return Err(parameter("stop.sequences", "an empty one", "at least one token each"));
            }
        }
        Ok(())
    }
}

pub(crate) fn parameter(
    name: &'static str,
    found: impl ToString,
    expected: &'static str,
) -> Refusal {
    Refusal::Parameter { name, found: found.to_string(), expected }
}

fn check_list(name: &'static str, len: usize) -> Result<(), Refusal> {
    match len <= MAX_LIST {
        true => Ok(()),
        false => Err(parameter(name, format!("{len} entries"), "at most 65,536 entries")),
    }
}

pub(crate) fn check_ids<'a>(
    what: &'static str,
    ids: impl Iterator<Item = &'a u32>,
    vocab_size: usize,
) -> Result<(), Refusal> {
    match ids.enumerate().find(|(_, id)| **id as usize >= vocab_size) {
        Some((index, id)) => Err(Refusal::IdOutOfRange { what, index, id: *id, vocab_size }),
        None => Ok(()),
    }
}
