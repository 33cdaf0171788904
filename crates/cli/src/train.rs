//! `ponder train`: the stages of R1's recipe, one by one. Each works in a folder of its own, where
//! it goes on if it was stopped, and leaves the trained model in `model/` there.

mod answers;
mod distill;
mod evaluate;
mod grpo;
mod mixture;
mod pretrain;
mod publish;
mod reject;
mod settings;
mod sft;
pub mod stage;

use std::path::Path;

use ponder_model::config::Config;

use crate::terminal::Terminal;
use stage::Desk;

/// Which stage.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    stage: Stage,
}

/// A stage with its flags; a recipe's stages are these too.
#[derive(Debug, clap::Subcommand)]
pub enum Stage {
    /// Train a model from nothing on generated problems and their solutions.
    Pretrain(pretrain::Args),
    /// Teach a model the chat format and the ways of thinking (the cold start).
    Sft(sft::Args),
    /// Let a model find out by itself what earns rewards.
    Grpo(grpo::Args),
    /// Sample answers and keep the right and readable ones.
    Reject(reject::Args),
    /// Teach a small dense model the answers of a teacher.
    Distill(distill::Args),
    /// Measure what a model can do, on problems it has never seen.
    Evaluate(evaluate::Args),
    /// Write a trained model in another number format, such as R1's FP8.
    Publish(publish::Args),
}

/// How much a stage does, all of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Amount {
    /// Optimizer steps, if it takes any.
    pub steps: Option<u64>,
    /// Tokens that are learnt from, at the most.
    pub learnt_tokens: u64,
    /// Tokens that are sampled, about: answers are taken to be half as long as they may be.
    pub sampled_tokens: u64,
}

/// Runs a stage.
pub fn run(args: &Args, terminal: &Terminal) -> anyhow::Result<()> {
    args.stage.run(&Desk::new(terminal)?)
}

impl Stage {
    /// Runs it, or goes on with it, in its folder.
    pub fn run(&self, desk: &Desk) -> anyhow::Result<()> {
        match self {
            Stage::Pretrain(args) => pretrain::run(args, desk),
            Stage::Sft(args) => sft::run(args, desk),
            Stage::Grpo(args) => grpo::run(args, desk),
            Stage::Reject(args) => reject::run(args, desk),
            Stage::Distill(args) => distill::run(args, desk),
            Stage::Evaluate(args) => evaluate::run(args, desk),
            Stage::Publish(args) => publish::run(args, desk),
        }
    }

    /// Refuses flags that cannot be meant, before anything is begun.
    pub fn check(&self) -> anyhow::Result<()> {
        match self {
            Stage::Pretrain(args) => args.check(),
            Stage::Sft(args) => args.check(),
            Stage::Grpo(args) => args.check(),
            Stage::Reject(args) => args.check(),
            Stage::Distill(args) => args.check(),
            Stage::Evaluate(args) => args.check(),
            Stage::Publish(_) => Ok(()),
        }
    }

    /// How much it does.
    pub fn amount(&self) -> Amount {
        match self {
            Stage::Pretrain(args) => Amount::learning(args.steps, args.batch_tokens),
            Stage::Sft(args) => Amount::learning(args.steps, args.batch_tokens),
            Stage::Grpo(args) => args.amount(),
            Stage::Reject(args) => args.amount(),
            Stage::Distill(args) => args.amount(),
            Stage::Evaluate(args) => args.amount(),
            Stage::Publish(_) => Amount::default(),
        }
    }

    /// The config of its model, given that of the model it starts from, if that is known.
    pub fn config(&self, from: Option<Config>) -> anyhow::Result<Option<Config>> {
        match self {
            Stage::Pretrain(args) if args.model.is_none() => Ok(Some(args.preset()?.config()?)),
            Stage::Distill(args) => from.map(|teacher| args.student(&teacher)).transpose(),
            _ => Ok(from),
        }
    }

    /// The model that it starts from.
    pub fn model(&self) -> Option<&Path> {
        match self {
            Stage::Pretrain(args) => args.model.as_deref(),
            Stage::Sft(args) => Some(&args.model),
            Stage::Grpo(args) => Some(&args.model),
            Stage::Reject(args) => Some(&args.model),
            Stage::Distill(args) => Some(&args.teacher),
            Stage::Evaluate(args) => Some(&args.model),
            Stage::Publish(args) => Some(&args.model),
        }
    }

    /// Whether it leaves a model.
    pub fn trains(&self) -> bool {
        !matches!(self, Stage::Reject(_) | Stage::Evaluate(_))
    }
}

impl Amount {
    fn learning(steps: u64, batch_tokens: usize) -> Amount {
        let learnt_tokens = steps.saturating_mul(batch_tokens as u64);
        Amount { steps: Some(steps), learnt_tokens, sampled_tokens: 0 }
    }
}
