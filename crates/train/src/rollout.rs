//! Sampling answers: the engine runs in this process on the weights just packed, so nothing is
//! shipped anywhere and every cache is as young as the weights.
//!
//! Which random number a token draws depends on the key, the prompt's number, the sample's number
//! and the token's place alone: never on what else runs, nor on where a killed run went on.

use std::collections::HashMap;

use ponder_engine::{
    Engine, EngineOptions, Event, FinishReason, Request, Runner, Sampling, SequenceId, Stop,
};
use ponder_kernels::{Ops, PAGE_TOKENS};
use ponder_model::Model;

use crate::error::Result;

/// How answers are sampled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RolloutOptions {
    /// Answers to each prompt.
    pub samples: usize,
    /// The longest answer, its end included.
    pub max_tokens: usize,
    /// Divides logits; 0 takes the best token each time.
    pub temperature: f32,
    /// Share of the probability that tokens are drawn from; 1 in training, so that sampler and
    /// trainer have the same distribution.
    pub top_p: f32,
    /// Answers that are decoded together.
    pub streams: usize,
    /// Ids from here on have no text and are never drawn.
    pub n_sampleable: usize,
    /// The token that ends an answer.
    pub end: u32,
    /// Key of the random numbers.
    pub key: u64,
    /// The number of the first prompt among those that share the key.
    pub first_prompt: u64,
}

/// A sampled answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Completion {
    /// Its tokens, the end included.
    pub token_ids: Vec<u32>,
    /// The log-probability of each under `logits / temperature`; for greedy answers under the
    /// model's own distribution.
    pub log_probs: Vec<f32>,
    /// Whether the limit cut it off before its end.
    pub is_truncated: bool,
}

/// Prompt tokens of one engine step: enough for long products.
const PROMPT_TOKENS_PER_STEP: usize = 512;

/// Answers to every prompt, `samples` each, all of them decoded `streams` at a time; a new one
/// starts as soon as another ends.
pub fn rollout(
    ops: &dyn Ops,
    model: &Model,
    prompts: &[&[u32]],
    options: &RolloutOptions,
) -> Result<Vec<Vec<Completion>>> {
    let longest = prompts.iter().map(|prompt| prompt.len()).max().unwrap_or(0);
    let n_requests = prompts.len() * options.samples;
    if n_requests == 0 {
        return Ok(vec![Vec::new(); prompts.len()]);
    }
    let streams = options.streams.clamp(1, n_requests);
    let pages = streams * (longest + options.max_tokens).div_ceil(PAGE_TOKENS);
    let limits = EngineOptions {
        max_sequences: streams,
        max_queue: n_requests,
        max_batch_tokens: PROMPT_TOKENS_PER_STEP.max(streams),
        prefill_tokens_beside_decodes: PROMPT_TOKENS_PER_STEP,
        max_logit_rows: streams,
        n_sampleable: options.n_sampleable,
    };
    let mut engine = Engine::new(Runner::new(model, ops, pages), limits)?;
    let context = model.config().max_position_embeddings;
    let mut places: HashMap<SequenceId, (usize, usize)> = HashMap::new();
    for (i, prompt) in prompts.iter().enumerate() {
        for sample in 0..options.samples {
            let request = request(prompt, context, (i, sample), options);
            places.insert(
                engine.submit(request).map_err(ponder_engine::EngineError::from)?,
                (i, sample),
            );
        }
    }
    let mut completions = vec![vec![Completion::default(); options.samples]; prompts.len()];
    while !engine.is_idle() {
        for event in engine.step(0)? {
            let (prompt, sample) = places[&event.sequence()];
            let completion = &mut completions[prompt][sample];
            match event {
                Event::Token { token, .. } => {
                    completion.token_ids.push(token.id);
                    completion.log_probs.extend(token.logprob);
                }
                Event::Finished { reason: FinishReason::Failed(error), .. } => {
                    return Err(ponder_engine::EngineError::from(error).into());
                }
                Event::Finished { reason, .. } => {
                    completion.is_truncated = reason != FinishReason::Stop;
                }
                Event::Prefilled { .. } | Event::PromptToken { .. } | Event::Next { .. } => {}
            }
        }
    }
    Ok(completions)
}

fn request(
    prompt: &[u32],
    context: usize,
    (index, sample): (usize, usize),
    options: &RolloutOptions,
) -> Request {
    let sampling = Sampling {
        temperature: options.temperature,
        top_p: options.top_p,
        seed: options.key,
        stream: (options.first_prompt + index as u64) << 32 | sample as u64,
        ..Sampling::greedy()
    };
    let stop = Stop { ids: vec![options.end], ..Stop::default() };
    // The engine refuses what the model was not made for; a prompt that leaves no room is refused
    // with its numbers.
    let room = context.saturating_sub(prompt.len()).max(1);
    let max_tokens = options.max_tokens.min(room);
    let temperature = if options.temperature > 0.0 { options.temperature } else { 1.0 };
    Request {
        logprobs: Some(0),
        logprob_temperature: temperature,
        ..Request::generate(prompt.to_vec(), max_tokens, sampling, stop)
    }
}
