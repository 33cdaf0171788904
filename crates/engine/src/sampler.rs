//! Chooses the next token of one sequence from a row of logits.
//!
//! The order is that of [`Sampling`]: penalties, bias, bans and mask; greedy, or temperature,
//! top-k, top-p, min-p and a draw. Which random number a token draws depends on the sequence's seed
//! and the token's index alone.

mod choose;
mod exp;
pub(crate) mod logprobs;
pub(crate) mod mask;
mod penalties;
pub(crate) mod philox;
mod select;

use crate::request::Sampling;
use mask::TokenSet;
use penalties::Penalties;

/// What one sequence's choices depend on, besides the logits.
pub(crate) struct Sampler {
    sampling: Sampling,
    penalties: Penalties,
}

/// Which tokens may be chosen this time.
pub(crate) struct Allowed<'a> {
    /// Ids from here on have logits but no text: padding rows of the vocabulary.
    pub n_sampleable: usize,
    /// Not these, in addition to the request's own bans.
    pub forbidden: &'a [u32],
    /// Only these.
    pub mask: Option<&'a TokenSet>,
}

/// Memory of the sampler, kept between tokens.
#[derive(Default)]
pub(crate) struct Scratch {
    logits: Vec<f32>,
    weights: Vec<f32>,
    candidates: Vec<select::Candidate>,
    order: Vec<u32>,
}

impl Sampler {
    pub fn new(sampling: Sampling, prompt: &[u32]) -> Sampler {
        let penalties = Penalties::new(&sampling, prompt);
        Sampler { sampling, penalties }
    }

    /// Notes a token of the completion.
    pub fn accept(&mut self, id: u32) {
        self.penalties.accept(id);
    }

    /// The token with index `index` of the completion; `None` if nothing is allowed.
    ///
    /// `row` holds finite numbers or negative infinity.
    pub fn choose(
        &self,
        row: &[f32],
        index: u64,
        allowed: &Allowed,
        scratch: &mut Scratch,
    ) -> Option<u32> {
        scratch.logits.clear();
        scratch.logits.extend_from_slice(&row[..row.len().min(allowed.n_sampleable)]);
        self.adjust(&mut scratch.logits, allowed);
        let (best, max) = choose::argmax(&scratch.logits)?;
        if self.sampling.temperature == 0.0 {
            return Some(best);
        }
        let draw = philox::uniform(self.sampling.seed, self.sampling.stream, index);
        Some(choose::draw(&self.sampling, max, draw, scratch))
    }

    fn adjust(&self, logits: &mut [f32], allowed: &Allowed) {
        self.penalties.apply(&self.sampling, logits);
        for (id, bias) in &self.sampling.logit_bias {
            if let Some(logit) = logits.get_mut(*id as usize) {
                *logit += bias;
            }
        }
        for id in self.sampling.banned.iter().chain(allowed.forbidden) {
            if let Some(logit) = logits.get_mut(*id as usize) {
                *logit = f32::NEG_INFINITY;
            }
        }
        if let Some(mask) = allowed.mask {
            mask.apply(logits);
        }
    }
}

#[cfg(test)]
mod tests;
