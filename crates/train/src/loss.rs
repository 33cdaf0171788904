//! The losses of reinforcement learning on sampled answers, as functions of log-probabilities.
//!
//! Every loss here is minimised. It gives each token a value and the derivative `c` by the token's
//! log-probability; times the weight of the token (see [`Aggregation`]) that is all the backward
//! pass needs: the gradient by a logit is `w · c · (1[v = o] − p_v) / T`
//! (`ponder_kernels::ops::cross_entropy`).

mod aggregate;
mod kl;
mod mismatch;
mod policy;

pub use aggregate::{Aggregation, weights};
pub use kl::Kl;
pub use mismatch::{Correction, Mismatch, corrections, mismatch};
pub use policy::{Policy, policy};

/// One sampled answer: everything for its trainable tokens, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sample {
    /// The trainer's log-probabilities now.
    pub now: Vec<f32>,
    /// The trainer's before the update.
    pub old: Vec<f32>,
    /// The sampler's.
    pub sampler: Vec<f32>,
    /// The reference model's; empty when no KL term is used.
    pub reference: Vec<f32>,
    /// The advantage of every token; one value for all when it belongs to the answer.
    pub advantages: Vec<f32>,
}

impl Sample {
    /// Number of trainable tokens.
    pub fn len(&self) -> usize {
        self.now.len()
    }

    /// Whether no token is trainable: such samples count nowhere.
    pub fn is_empty(&self) -> bool {
        self.now.is_empty()
    }

    pub(crate) fn advantage(&self, token: usize) -> f64 {
        *self.advantages.get(token).unwrap_or(&self.advantages[0]) as f64
    }

    /// `exp(now − old)`, bounded.
    pub(crate) fn ratio(&self, token: usize) -> f64 {
        (self.now[token] as f64 - self.old[token] as f64).clamp(-20.0, 20.0).exp()
    }

    /// `exp(mean(now − old))`: the ratio of whole answers, per token.
    pub(crate) fn mean_ratio(&self) -> f64 {
        let each = self.now.iter().zip(&self.old).map(|(now, old)| *now as f64 - *old as f64);
        (each.sum::<f64>() / self.len() as f64).clamp(-20.0, 20.0).exp()
    }
}

/// For each token of a sample its loss and the derivative by its log-probability.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Terms {
    /// Losses.
    pub values: Vec<f64>,
    /// Derivatives.
    pub slopes: Vec<f64>,
}

/// A loss put together from its parts.
#[derive(Clone, Copy, Debug)]
pub struct Objective {
    /// The policy term.
    pub policy: Policy,
    /// How tokens and answers are weighed.
    pub aggregation: Aggregation,
    /// What corrects for a sampler that is not the trainer.
    pub correction: Correction,
    /// The KL term and its factor β, if any.
    pub kl: Option<(Kl, f64)>,
}

/// The loss over all samples of an optimizer step, and for each token `w · c`.
pub fn loss(objective: &Objective, samples: &[Sample]) -> (f64, Vec<Vec<f32>>) {
    let token_weights = weights(objective.aggregation, samples.iter().map(Sample::len));
    let (mut total, mut slopes) = (0.0, Vec::new());
    for (sample, weight) in samples.iter().zip(token_weights) {
        let mut terms = policy(&objective.policy, sample);
        let corrections = corrections(&objective.correction, sample);
        for (i, correction) in corrections.into_iter().enumerate() {
            terms.values[i] *= correction;
            terms.slopes[i] *= correction;
        }
        if let Some((kl, beta)) = objective.kl {
            for i in 0..sample.len() {
                let (value, slope) = kl.term(sample, i);
                terms.values[i] += beta * value;
                terms.slopes[i] += beta * slope;
            }
        }
        total += weight * terms.values.iter().sum::<f64>();
        slopes.push(terms.slopes.iter().map(|slope| (weight * slope) as f32).collect());
    }
    (total, slopes)
}

#[cfg(test)]
mod tests;
