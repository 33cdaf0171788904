//! What a step does with its answers: loss, gradients, optimizer. One pass forward and back is
//! enough where the weights are those that sampled, since the sampler's log-probabilities are the
//! trainer's; mini-batches after the first go forward once more, on the moved weights, with the
//! experts chosen as they were (Rollout Routing Replay, arXiv 2510.11370).

use std::ops::Range;

use ponder_kernels::Gradients;
use ponder_tensor::Dtype;

use super::options::GrpoOptions;
use crate::accumulator::{Accumulator, side_by_side};
use crate::adamw::Adamw;
use crate::error::{Result, TrainError};
use crate::loads::{self, Loads};
use crate::loss::{self, Kl, Policy, Sample};
use crate::pack::{Sequence, micro_batches};
use crate::parameters::{ParameterId, Parameters, Weights};
use crate::policy::{self, Answers};
use crate::rollout::Completion;
use crate::tape::RecordedChoices;

/// What an update works with, and what it found.
pub(super) struct Update<'a> {
    pub ops: &'a dyn Gradients,
    pub options: &'a GrpoOptions,
    pub reference: Option<&'a Weights>,
    pub rate: f64,
    pub step: u64,
    pub found: Found,
}

/// What an update found; sums are over its trainable tokens.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    pub loss: f64,
    pub grad_norm: f64,
    /// Tokens whose log-probabilities were compared with the sampler's, and those that differ.
    pub compared: u64,
    pub mismatched: u64,
    largest: f64,
    pub tokens: u64,
    clipped: [u64; 2],
    kl: f64,
    /// Optimizer steps taken.
    pub optimizer_steps: u64,
    pub loads: Loads,
}

impl Found {
    /// Shares of the tokens whose gradient the clip took, below and above.
    pub fn clip_shares(&self) -> [f64; 2] {
        self.clipped.map(|n| n as f64 / self.tokens.max(1) as f64)
    }

    /// Mean k3 to the reference.
    pub fn kl(&self) -> f64 {
        self.kl / self.tokens.max(1) as f64
    }
}

/// The model that learns.
pub struct Learner {
    pub(super) parameters: Parameters,
    pub(super) adamw: Adamw,
    gradients: Accumulator,
    pub(super) weights: Weights,
}

impl Learner {
    /// Starts from these weights.
    pub fn new(parameters: Parameters) -> Result<Learner> {
        let adamw = Adamw::new(&parameters);
        Learner::resume(parameters, adamw)
    }

    pub(super) fn resume(parameters: Parameters, adamw: Adamw) -> Result<Learner> {
        let gradients = Accumulator::new(&parameters);
        let weights = parameters.pack(Dtype::Bf16)?;
        Ok(Learner { parameters, adamw, gradients, weights })
    }

    /// The model as it is.
    pub fn weights(&self) -> &Weights {
        &self.weights
    }

    /// The update of a step without a reference model, on answers that these weights sampled.
    pub fn learn(
        &mut self,
        ops: &dyn Gradients,
        options: &GrpoOptions,
        rate: f64,
        lessons: Lessons,
    ) -> Result<()> {
        let found = Found::default();
        let mut update = Update { ops, options, reference: None, rate, step: 0, found };
        update.run(self, lessons)?;
        update.check_agreement()
    }
}

/// Answers to learn from: prompt and answer, what the loss needs, and the experts that each layer
/// chose when they were sampled, where the weights have moved since.
#[derive(Default)]
pub struct Lessons {
    pub(super) sequences: Vec<Sequence>,
    pub(super) samples: Vec<Sample>,
    choices: Vec<RecordedChoices>,
}

impl Lessons {
    /// Adds an answer.
    pub fn push(&mut self, prompt: &[u32], completion: &Completion, advantage: f32) {
        self.sequences.push(Sequence::answer(prompt, &completion.token_ids));
        self.samples.push(Sample {
            now: completion.log_probs.clone(),
            old: completion.log_probs.clone(),
            sampler: completion.log_probs.clone(),
            reference: Vec::new(),
            advantages: vec![advantage],
        });
    }

    /// Cuts off the first `n` answers.
    fn take(&mut self, n: usize) -> Lessons {
        let n = n.min(self.sequences.len());
        Lessons {
            sequences: self.sequences.drain(..n).collect(),
            samples: self.samples.drain(..n).collect(),
            choices: self.choices.drain(..n.min(self.choices.len())).collect(),
        }
    }
}

impl Update<'_> {
    /// Learns from `lessons`, in as many optimizer steps as the options say.
    pub fn run(&mut self, learner: &mut Learner, mut lessons: Lessons) -> Result<()> {
        if let Some(reference) = self.reference {
            let passes = self.evaluate(reference, &lessons.sequences, &[])?;
            for (sample, (log_probs, _)) in lessons.samples.iter_mut().zip(passes) {
                sample.reference = log_probs;
            }
        }
        let each = lessons.sequences.len().div_ceil(self.options.mini_batches).max(1);
        let first = lessons.take(each);
        if !lessons.sequences.is_empty() {
            for (i, (log_probs, choices)) in
                self.evaluate(&learner.weights, &lessons.sequences, &[])?.into_iter().enumerate()
            {
                self.compare(&log_probs, &lessons.samples[i].sampler);
                lessons.choices.push(choices);
            }
        }
        self.mini_batch(learner, first)?;
        while !lessons.sequences.is_empty() {
            let mut batch = lessons.take(each);
            let passes = self.evaluate(&learner.weights, &batch.sequences, &batch.choices)?;
            for (sample, (log_probs, _)) in batch.samples.iter_mut().zip(passes) {
                sample.now = log_probs;
            }
            self.mini_batch(learner, batch)?;
        }
        Ok(())
    }

    /// One optimizer step. Answers without any gradient are not passed through the model.
    fn mini_batch(&mut self, learner: &mut Learner, batch: Lessons) -> Result<()> {
        let objective = self.options.objective();
        let (loss, slopes) = loss::loss(&objective, &batch.samples);
        self.found.loss += loss / self.options.mini_batches as f64;
        self.note(&batch.samples);
        let (mut sequences, mut expected, mut slopes_of, mut choices) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut recorded = batch.choices.into_iter();
        for ((sequence, sample), slopes) in
            batch.sequences.into_iter().zip(batch.samples).zip(slopes)
        {
            let recorded = recorded.next();
            if slopes.iter().any(|slope| *slope != 0.0) {
                sequences.push(sequence);
                expected.push(sample.now);
                slopes_of.push(slopes);
                choices.extend(recorded);
            }
        }
        if sequences.is_empty() {
            return Ok(());
        }
        let parts = micro_batches(&sequences, self.options.micro_batch_tokens);
        let ranges = ranges(&parts);
        let (ops, temperature) = (self.ops, self.options.temperature);
        let Learner { weights, gradients, .. } = learner;
        let passes = gradients.run(ops, parts.len(), |i, store| {
            let slopes = slopes_of[ranges[i].clone()].concat();
            let replay = joined(choices.get(ranges[i].clone()).unwrap_or_default());
            let choices = (!replay.is_empty()).then_some(&replay);
            let answers = Answers { sequences: parts[i], temperature, choices };
            policy::accumulate(ops, weights, &answers, &|i, _| slopes[i], store)
        });
        for (pass, range) in passes.iter().zip(ranges) {
            self.compare(&pass.log_probs, &expected[range].concat());
            loads::count(&mut self.found.loads, &weights.model, &pass.choices);
        }
        self.optimize(learner)
    }

    fn optimize(&mut self, learner: &mut Learner) -> Result<()> {
        let Learner { parameters, adamw, gradients, weights } = learner;
        let store = gradients.total();
        let (step, value) = (self.step, store.norm());
        if !value.is_finite() {
            return Err(TrainError::Diverged { step, what: "gradient norm", value });
        }
        let (options, threads) = (&self.options.adamw, self.ops.threads());
        let norm = adamw.step(options, self.rate, parameters, store, threads);
        *weights = parameters.pack(Dtype::Bf16)?;
        self.found.grad_norm = self.found.grad_norm.max(norm);
        self.found.optimizer_steps += 1;
        Ok(())
    }

    /// Log-probabilities and choices of experts, answer by answer; `replay` holds the choices of
    /// each answer, or nothing.
    fn evaluate(
        &self,
        weights: &Weights,
        sequences: &[Sequence],
        replay: &[RecordedChoices],
    ) -> Result<Vec<(Vec<f32>, RecordedChoices)>> {
        let parts = micro_batches(sequences, self.options.micro_batch_tokens);
        let ranges = ranges(&parts);
        let (ops, temperature) = (self.ops, self.options.temperature);
        let found = side_by_side(ops, parts.len(), |i| {
            let replay = joined(replay.get(ranges[i].clone()).unwrap_or_default());
            let choices = (!replay.is_empty()).then_some(&replay);
            let answers = Answers { sequences: parts[i], temperature, choices };
            policy::evaluate(ops, weights, &answers)
        });
        let mut passes = Vec::with_capacity(sequences.len());
        for (part, pass) in parts.into_iter().zip(found) {
            let n_rows: usize = part.iter().map(|s| s.token_ids.len()).sum();
            let (mut first_row, mut log_probs) = (0, &pass.log_probs[..]);
            for sequence in part {
                let rows = first_row..first_row + sequence.token_ids.len();
                first_row = rows.end;
                let cut = |(_, chosen): &(ParameterId, Vec<u32>)| {
                    let k = chosen.len() / n_rows;
                    chosen[rows.start * k..rows.end * k].to_vec()
                };
                let choices = pass.choices.iter().map(cut).collect();
                let n = sequence.weights.iter().skip(1).filter(|weight| **weight != 0.0).count();
                let (own, rest) = log_probs.split_at(n);
                log_probs = rest;
                passes.push((own.to_vec(), choices));
            }
        }
        Ok(passes)
    }

    /// Compares bits.
    fn compare(&mut self, found: &[f32], expected: &[f32]) {
        assert_eq!(found.len(), expected.len(), "one log-probability for each trainable token");
        self.found.compared += found.len() as u64;
        for (a, b) in found.iter().zip(expected).filter(|(a, b)| a.to_bits() != b.to_bits()) {
            self.found.mismatched += 1;
            self.found.largest = self.found.largest.max((*a as f64 - *b as f64).abs());
        }
    }

    /// The error of a step in which bits differed.
    pub fn check_agreement(&self) -> Result<()> {
        let Found { mismatched, compared, largest, .. } = self.found;
        if mismatched == 0 {
            return Ok(());
        }
        Err(TrainError::Mismatch { step: self.step, tokens: mismatched, of: compared, largest })
    }

    fn note(&mut self, samples: &[Sample]) {
        for sample in samples {
            self.found.tokens += sample.len() as u64;
            for i in 0..sample.len() {
                let [below, above] = is_clipped(&self.options.policy, sample, i);
                self.found.clipped[0] += below as u64;
                self.found.clipped[1] += above as u64;
                if !sample.reference.is_empty() {
                    self.found.kl += Kl::K3.term(sample, i).0;
                }
            }
        }
    }
}

/// Whether the clip takes a token's gradient, because the ratio is below its bound or above.
fn is_clipped(policy: &Policy, sample: &Sample, token: usize) -> [bool; 2] {
    let (advantage, ratio) = (sample.advantage(token), sample.ratio(token));
    let within = |low: f64, high: f64, ratio: f64| {
        [advantage < 0.0 && ratio < 1.0 - low, advantage > 0.0 && ratio > 1.0 + high]
    };
    match *policy {
        Policy::Clip { low, high }
        | Policy::DualClip { low, high, .. }
        | Policy::TwoSided { low, high, .. } => within(low, high, ratio),
        Policy::Gspo { low, high } => within(low, high, sample.mean_ratio()),
        Policy::Cispo { low, high } => [ratio < low, ratio > high],
        Policy::Gmpo { limit } => {
            let log = ratio.ln();
            [advantage < 0.0 && log < -limit, advantage > 0.0 && log > limit]
        }
        Policy::Reinforce | Policy::Sapo { .. } => [false; 2],
    }
}

/// Which sequences each micro-batch holds.
fn ranges(parts: &[&[Sequence]]) -> Vec<Range<usize>> {
    let mut first = 0;
    let range = |part: &&[Sequence]| {
        let range = first..first + part.len();
        first = range.end;
        range
    };
    parts.iter().map(range).collect()
}

/// The choices of several answers as those of one batch.
fn joined(each: &[RecordedChoices]) -> RecordedChoices {
    let n_layers = each.first().map_or(0, Vec::len);
    let layer = |i: usize| each.iter().flat_map(|choices| choices[i].iter().copied()).collect();
    (0..n_layers).map(layer).collect()
}

#[cfg(test)]
mod tests;
