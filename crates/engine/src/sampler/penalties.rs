//! Penalties on tokens that have occurred.

use std::collections::BTreeMap;

use crate::request::Sampling;

/// Occurrences of tokens. Empty, and free of cost, while no penalty is on.
pub(crate) struct Penalties {
    is_active: bool,
    /// Times a token occurs in the completion; 0 for tokens of the prompt.
    counts: BTreeMap<u32, u32>,
}

impl Penalties {
    pub fn new(sampling: &Sampling, prompt: &[u32]) -> Penalties {
        let repeats = sampling.repetition_penalty != 1.0;
        let is_active =
            repeats || sampling.presence_penalty != 0.0 || sampling.frequency_penalty != 0.0;
        let seen = if repeats { prompt } else { &[] };
        Penalties { is_active, counts: seen.iter().map(|id| (*id, 0)).collect() }
    }

    pub fn accept(&mut self, id: u32) {
        if self.is_active {
            *self.counts.entry(id).or_insert(0) += 1;
        }
    }

    pub fn apply(&self, sampling: &Sampling, logits: &mut [f32]) {
        for (id, count) in &self.counts {
            let Some(logit) = logits.get_mut(*id as usize) else { continue };
            let penalty = sampling.repetition_penalty;
            *logit = if *logit > 0.0 { *logit / penalty } else { *logit * penalty };
            if *count > 0 {
                *logit -= sampling.presence_penalty + sampling.frequency_penalty * *count as f32;
            }
        }
    }
}
