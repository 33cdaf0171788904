//! The step that pre-training and fine-tuning share, and the loop around it.

use std::path::Path;
use std::time::Instant;

use ponder_kernels::Gradients;
use ponder_tensor::Dtype;
use serde::{Deserialize, Serialize};

use crate::accumulator::Accumulator;
use crate::adamw::{Adamw, AdamwOptions};
use crate::checkpoint::{self, Progress, Snapshot, State};
use crate::error::{Result, TrainError};
use crate::loads;
use crate::objective::{self, Denominators, Objective, StepLoss};
use crate::pack::{Sequence, micro_batches};
use crate::parameters::{Parameters, Weights};
use crate::run::Run;
use crate::schedule::Schedule;

/// Where texts come from, by number: a run's place in its data is one number.
pub trait Documents {
    /// Document `index`, cut to what the model may see; `None` beyond the end. Shuffling, mixing
    /// and repeating are the source's, as functions of the index.
    fn document(&self, index: u64) -> Option<Sequence>;
}

/// The options of a run; every field is written out, because a run depends on each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Options {
    /// Decides initial weights and the order of the data.
    pub seed: u64,
    /// Tokens of a step, at the most; a longer document is a step of its own.
    pub batch_tokens: usize,
    /// Tokens that pass the model at once: enough for long products, few enough that their
    /// activations stay near. Does not change what is learnt beyond rounding.
    pub micro_batch_tokens: usize,
    /// λ of the MTP loss.
    pub mtp_factor: f32,
    /// α of the sequence-wise balance loss.
    pub balance_alpha: f32,
    /// γ: how far a step moves the bias of an expert that serves too many or too few tokens.
    pub bias_update_speed: f32,
    /// Steps between checkpoints.
    pub checkpoint_every: u64,
    /// Checkpoints that are kept.
    pub keep_checkpoints: usize,
    /// The learning rate.
    pub schedule: Schedule,
    /// The optimizer.
    pub adamw: AdamwOptions,
    /// How the documents are made. The trainer only records it, so that a run does not go on with
    /// others than it began with.
    pub data: toml::Table,
}

impl Options {
    fn objective(&self) -> Objective {
        Objective { mtp_factor: self.mtp_factor, balance_alpha: self.balance_alpha }
    }
}

/// What a step reports; its line in `metrics.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StepReport {
    /// The step, from 0.
    pub step: u64,
    /// Tokens so far.
    pub tokens: u64,
    /// Mean cross-entropy of the next token.
    pub loss: f64,
    /// Mean cross-entropy of the token after next; 0 without an MTP layer.
    pub mtp_loss: f64,
    /// Balance loss, a mean over the layers; 0 when it is not used.
    pub balance: f64,
    /// Largest load of any expert over the mean of its layer.
    pub max_load: f64,
    /// Norm of the gradients before clipping.
    pub grad_norm: f64,
    /// Learning rate.
    pub rate: f64,
}

/// A model in training.
pub struct Trainer {
    options: Options,
    parameters: Parameters,
    adamw: Adamw,
    progress: Progress,
    gradients: Accumulator,
    weights: Weights,
}

impl Trainer {
    /// Starts from these weights.
    pub fn new(parameters: Parameters, options: Options) -> Result<Trainer> {
        let adamw = Adamw::new(&parameters);
        Trainer::resume(State { progress: Progress::default(), parameters, adamw }, options)
    }

    /// Goes on from a checkpoint.
    pub fn resume(state: State, options: Options) -> Result<Trainer> {
        let State { progress, parameters, adamw } = state;
        let gradients = Accumulator::new(&parameters);
        let weights = parameters.pack(Dtype::Bf16)?;
        Ok(Trainer { options, parameters, adamw, progress, gradients, weights })
    }

    /// Where the run stands.
    pub fn progress(&self) -> Progress {
        self.progress
    }

    /// The weights as they are.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// The model as it is.
    pub fn weights(&self) -> &Weights {
        &self.weights
    }

    /// The documents of the next step, and how many of the source they are; `None` at its end.
    pub fn gather(&self, documents: &dyn Documents) -> Option<Vec<Sequence>> {
        let (mut sequences, mut n_tokens) = (Vec::new(), 0);
        for index in self.progress.cursor.. {
            let Some(document) = documents.document(index) else { break };
            n_tokens += document.token_ids.len();
            if n_tokens > self.options.batch_tokens && !sequences.is_empty() {
                break;
            }
            sequences.push(document);
        }
        (!sequences.is_empty()).then_some(sequences)
    }

    /// One optimizer step on `sequences`, which [`Trainer::gather`] gave.
    pub fn step(&mut self, ops: &dyn Gradients, sequences: &[Sequence]) -> Result<StepReport> {
        let step = self.progress.step;
        let denominators = Denominators::of(sequences);
        if denominators.next <= 0.0 {
            let hint = "every token of these documents has weight 0: check the masks";
            return Err(TrainError::NoData { step, hint });
        }
        let objective = self.options.objective();
        let batches = micro_batches(sequences, self.options.micro_batch_tokens);
        let (weights, aim) = (&self.weights, (&objective, &denominators));
        let losses = self.gradients.run(ops, batches.len(), |i, store| {
            objective::accumulate(ops, weights, batches[i], aim, store)
        });
        let mut loss = StepLoss::default();
        losses.iter().for_each(|part| loss.add(part));
        self.check(loss.total(&objective), "loss")?;
        self.check(self.gradients.total().norm(), "gradient norm")?;
        let rate = self.options.schedule.rate(step);
        let (adamw, threads) = (&self.options.adamw, ops.threads());
        let grad_norm =
            self.adamw.step(adamw, rate, &mut self.parameters, self.gradients.total(), threads);
        self.balance_experts(&loss);
        self.weights = self.parameters.pack(Dtype::Bf16)?;
        self.progress.step += 1;
        self.progress.cursor += sequences.len() as u64;
        self.progress.tokens += denominators.n_tokens as u64;
        let n_layers = loss.loads.len().max(1) as f64;
        Ok(StepReport {
            step,
            tokens: self.progress.tokens,
            loss: loss.next,
            mtp_loss: loss.after_next,
            balance: loss.balance / n_layers,
            max_load: loads::largest(&loss.loads),
            grad_norm,
            rate,
        })
    }

    fn check(&self, value: f64, what: &'static str) -> Result<()> {
        let step = self.progress.step;
        if value.is_finite() { Ok(()) } else { Err(TrainError::Diverged { step, what, value }) }
    }

    /// `b += γ · sign(mean load − load)` (DeepSeek-V3 report, section 2.1.2).
    fn balance_experts(&mut self, loss: &StepLoss) {
        let speed = self.options.bias_update_speed;
        for (id, loads) in &loss.loads {
            let mean = loads.iter().sum::<u64>() as f64 / loads.len() as f64;
            let bias = &mut self.parameters.get_mut(*id).values;
            for (bias, load) in bias.iter_mut().zip(loads) {
                let missing = mean - *load as f64;
                if missing != 0.0 {
                    *bias += speed * missing.signum() as f32;
                }
            }
        }
    }

    /// Takes steps until the schedule or the data ends or `proceed` says no, writing metrics and
    /// checkpoints into `run`. What `run` already holds is gone on from.
    pub fn run(
        &mut self,
        ops: &dyn Gradients,
        documents: &dyn Documents,
        run: &mut Run,
        proceed: &mut dyn FnMut(&StepReport) -> bool,
    ) -> Result<()> {
        run.rewind(self.progress.metrics_bytes)?;
        while self.progress.step < self.options.schedule.total_steps {
            let Some(sequences) = self.gather(documents) else { break };
            let start = Instant::now();
            let report = self.step(ops, &sequences)?;
            let n_tokens: usize = sequences.iter().map(|s| s.token_ids.len()).sum();
            let seconds = start.elapsed().as_secs_f64();
            run.metrics(&report)?;
            run.timings(&serde_json::json!({
                "step": report.step,
                "seconds": seconds,
                "tokens_per_s": n_tokens as f64 / seconds,
            }))?;
            self.progress.metrics_bytes = run.metrics_bytes();
            let is_last = self.progress.step == self.options.schedule.total_steps;
            let goes_on = proceed(&report);
            let is_due = self.progress.step.is_multiple_of(self.options.checkpoint_every);
            if is_last || !goes_on || is_due {
                self.save(run)?;
            }
            if !goes_on {
                break;
            }
        }
        Ok(())
    }

    fn save(&self, run: &mut Run) -> Result<()> {
        run.sync()?;
        let parent = run.checkpoints();
        let Trainer { progress, parameters, adamw, .. } = self;
        checkpoint::save(&Snapshot { progress: *progress, parameters, adamw }, &parent)?;
        checkpoint::prune(&parent, self.options.keep_checkpoints)
    }
}

/// Trains in the folder `dir`: from its newest checkpoint, or from `initial`.
pub fn run(
    ops: &dyn Gradients,
    initial: impl FnOnce() -> Result<Parameters>,
    documents: &dyn Documents,
    options: Options,
    dir: &Path,
    proceed: &mut dyn FnMut(&StepReport) -> bool,
) -> Result<Trainer> {
    let mut run = Run::open(dir, &options)?;
    let mut trainer = match checkpoint::latest(&run.checkpoints())? {
        Some(dir) => Trainer::resume(checkpoint::load(&dir)?, options)?,
        None => Trainer::new(initial()?, options)?,
    };
    trainer.run(ops, documents, &mut run, proceed)?;
    Ok(trainer)
}
