//! What any dialect asks for, before it becomes the engine's requests.

use ponder_engine::{Request, Sampling, Stop, TokenMask};

use crate::error::{ApiError, context_exceeded};
use crate::grammar::{Format, GrammarMask};
use crate::served::Served;
use crate::thinking::thinking;
use crate::tools::Tools;

/// What DeepSeek let R1 write when evaluating it: the limit where a request names none.
const MAX_TOKENS: usize = 32_768;

/// One request of a client.
pub struct Generate {
    /// Prompts as token ids; more than one for batches of raw completions.
    pub prompts: Vec<Vec<u32>>,
    /// Whether they are plain text, which has no thinking.
    pub is_raw: bool,
    /// Answers to each prompt.
    pub n: usize,
    /// The most tokens of an answer, thinking included.
    pub max_tokens: Option<usize>,
    /// How tokens are chosen.
    pub sampling: AskedSampling,
    /// Where answers end.
    pub stop: AskedStop,
    /// How much to think.
    pub budget: Budget,
    /// Log-probabilities of generated tokens, with this many candidates.
    pub logprobs: Option<usize>,
    /// Log-probabilities of the prompt's tokens, with this many candidates.
    pub prompt_logprobs: Option<usize>,
    /// Which experts worked on each generated token.
    pub experts: bool,
    /// The form of the answers.
    pub format: Format,
    /// Functions that may be called.
    pub tools: Option<Tools>,
}

/// Sampling as far as a request names it.
#[derive(Clone, Debug, Default)]
pub struct AskedSampling {
    /// Softmax temperature.
    pub temperature: Option<f32>,
    /// Share of the probability to draw from.
    pub top_p: Option<f32>,
    /// Best tokens to draw from.
    pub top_k: Option<usize>,
    /// Share of the best token's probability to draw from.
    pub min_p: Option<f32>,
    /// See [`Sampling::repetition_penalty`].
    pub repetition_penalty: Option<f32>,
    /// See [`Sampling::presence_penalty`].
    pub presence_penalty: Option<f32>,
    /// See [`Sampling::frequency_penalty`].
    pub frequency_penalty: Option<f32>,
    /// Added to logits.
    pub logit_bias: Vec<(u32, f32)>,
    /// Makes the answer repeatable.
    pub seed: Option<u64>,
}

/// Where answers end, besides the model's own end.
#[derive(Clone, Debug, Default)]
pub struct AskedStop {
    /// Ends the answer where it would contain one; never looked for in thinking.
    pub texts: Vec<String>,
    /// Tokens that end it.
    pub ids: Vec<u32>,
    /// No end before this many tokens.
    pub min_tokens: usize,
    /// Whether the model's own end is ignored.
    pub ignores_eos: bool,
}

/// How much a model may think.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Budget {
    /// As much as leaves room for an answer.
    Open,
    /// At most this many tokens.
    Tokens(usize),
    /// At most this share of the completion's tokens.
    Share(f32),
}

impl Budget {
    /// What the words of effort mean: shares of the completion's tokens.
    pub fn of_effort(effort: &str) -> Budget {
        match effort {
            "none" => Budget::Tokens(0),
            "minimal" => Budget::Share(0.1),
            "low" => Budget::Share(0.2),
            "medium" => Budget::Share(0.5),
            "high" => Budget::Share(0.8),
            _ => Budget::Open,
        }
    }

    /// The words that [`Budget::of_effort`] knows.
    pub const EFFORTS: [&str; 7] = ["none", "minimal", "low", "medium", "high", "xhigh", "max"];

    fn tokens(self, max_tokens: usize) -> Option<usize> {
        match self {
            Budget::Open => None,
            Budget::Tokens(tokens) => Some(tokens),
            Budget::Share(share) => Some((max_tokens as f32 * share) as usize),
        }
    }
}

/// Whose request it is, and until when.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// Service is shared fairly between tenants.
    pub tenant: u64,
    /// Only equal salts share cached prompts.
    pub cache_salt: u128,
    /// Now, on the engine's clock.
    pub now: u64,
    /// When it ends if it still waits, on the engine's clock.
    pub admit_by: u64,
    /// When it ends in any case.
    pub deadline: u64,
}

impl Generate {
    /// A request for one answer to one prompt, with everything left open.
    pub fn new(prompt: Vec<u32>) -> Generate {
        Generate {
            prompts: vec![prompt],
            is_raw: false,
            n: 1,
            max_tokens: None,
            sampling: AskedSampling::default(),
            stop: AskedStop::default(),
            budget: Budget::Open,
            logprobs: None,
            prompt_logprobs: None,
            experts: false,
            format: Format::Text,
            tools: None,
        }
    }

    /// What restricts the answers, compiled.
    fn mask(&self, served: &Served) -> Result<Option<GrammarMask>, ApiError> {
        let tools = self.tools.as_ref().filter(|tools| tools.described().is_some());
        if self.format == Format::Text && tools.is_none() {
            return Ok(None);
        }
        let message = "this model's answers have no end, so they cannot keep to a form";
        let grammars = served.grammars.as_ref();
        let grammars = grammars.ok_or_else(|| ApiError::invalid("response_format", message))?;
        grammars.compile(&self.format, tools)
    }

    /// The engine's requests: the answers to the first prompt, then those to the second, …
    pub fn requests(&self, served: &Served, terms: Terms) -> Result<Vec<Request>, ApiError> {
        let seed = match self.sampling.seed {
            Some(seed) => seed,
            None => getrandom::u64()
                .map_err(|_| ApiError::overloaded("the system has no random numbers"))?,
        };
        let mask = self.mask(served)?;
        let mut requests = Vec::with_capacity(self.prompts.len() * self.n);
        for prompt in &self.prompts {
            for stream in 0..self.n {
                let mut request = self.request(prompt, served, terms, (seed, stream as u64))?;
                request.mask =
                    mask.as_ref().map(|mask| Box::new(mask.copy()) as Box<dyn TokenMask>);
                requests.push(request);
            }
        }
        Ok(requests)
    }

    fn request(
        &self,
        prompt: &[u32],
        served: &Served,
        terms: Terms,
        (seed, stream): (u64, u64),
    ) -> Result<Request, ApiError> {
        let room = served.context.saturating_sub(prompt.len());
        let max_tokens = self.max_tokens.unwrap_or(MAX_TOKENS.min(room).max(1));
        if max_tokens > room {
            let total = prompt.len().saturating_add(max_tokens);
            return Err(context_exceeded(served.context, total, prompt.len(), max_tokens));
        }
        let mut ids = self.stop.ids.clone();
        if !self.stop.ignores_eos {
            ids.extend(&served.stop_ids);
        }
        let stop = Stop { ids, min_tokens: self.stop.min_tokens, ..Stop::default() };
        let sampling = Sampling { seed, stream, ..self.sampling.resolve(served) };
        let mut request = Request::generate(prompt.to_vec(), max_tokens, sampling, stop);
        if !self.is_raw {
            let budget = self.budget.tokens(max_tokens);
            request.thinking = thinking(&served.tokenizer, prompt, budget, max_tokens)?;
        }
        request.logprobs = self.logprobs;
        request.prompt_logprobs = self.prompt_logprobs;
        request.experts = self.experts;
        request.tenant = terms.tenant;
        request.cache_salt = terms.cache_salt;
        request.admit_by = Some(terms.admit_by);
        request.deadline = Some(terms.deadline);
        Ok(request)
    }
}

impl AskedSampling {
    fn resolve(&self, served: &Served) -> Sampling {
        let defaults = &served.defaults;
        Sampling {
            temperature: self.temperature.unwrap_or(defaults.temperature),
            top_p: self.top_p.unwrap_or(defaults.top_p),
            top_k: self.top_k.or(defaults.top_k),
            min_p: self.min_p.unwrap_or(0.0),
            repetition_penalty: self.repetition_penalty.unwrap_or(1.0),
            presence_penalty: self.presence_penalty.unwrap_or(0.0),
            frequency_penalty: self.frequency_penalty.unwrap_or(0.0),
            logit_bias: self.logit_bias.clone(),
            ..Sampling::greedy()
        }
    }
}
