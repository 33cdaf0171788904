//! `ponder train pretrain`: a model from nothing.

use std::path::PathBuf;

use anyhow::Context;
use ponder_text::vocabulary;
use ponder_train::data::{Form, ProblemDocuments, TextFormat, vocabulary_texts};
use ponder_train::init::{PRESETS, Preset};
use ponder_train::mixture::Mixture;
use ponder_train::pretrain;

use super::stage;
use crate::exit::usage;

/// Problems that the vocabulary is learnt from: more change no merge.
const VOCABULARY_PROBLEMS: u64 = 50_000;

/// What to train, and for how long.
#[derive(clap::Args)]
pub struct Args {
    /// The folder of the run; a stopped run goes on there.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The size of the model: smoke, nano, micro, small.
    #[arg(long, value_name = "NAME", default_value = "nano")]
    preset: String,
    /// Optimizer steps.
    #[arg(long, value_name = "N", default_value_t = 3000)]
    steps: u64,
    /// Tokens of a step.
    #[arg(long, value_name = "N", default_value_t = 32_768)]
    batch_tokens: usize,
    /// The highest learning rate.
    #[arg(long, value_name = "RATE", default_value_t = 2e-3)]
    learning_rate: f64,
    #[command(flatten)]
    common: stage::CommonArgs,
}

/// Trains.
pub fn run(args: &Args, desk: &stage::Desk) -> anyhow::Result<()> {
    let Some(preset) = Preset::find(&args.preset) else {
        let names: Vec<&str> = PRESETS.iter().map(|preset| preset.name).collect();
        return Err(usage(
            format!("no preset `{}`", args.preset),
            format!("there are {}", names.join(", ")),
        ));
    };
    let seed = args.common.seed;
    let mixture = Mixture::supervised();
    let model_dir = args.out.join("model");
    if !model_dir.join("tokenizer.json").exists() {
        desk.terminal.note(&format!("learning {} tokens", preset.vocab_size));
        let texts = vocabulary_texts(&mixture, seed, VOCABULARY_PROBLEMS);
        let learnt = vocabulary::learn(texts, preset.vocab_size, preset.context)?;
        stage::write_tokenizer(&learnt, &model_dir)?;
    }
    let format = TextFormat::load(&model_dir)?;
    let limits = (seed, preset.context, u64::MAX);
    let documents = ProblemDocuments::new(&format, &mixture, Form::Base, limits)?;
    let mut options = pretrain::options(seed, args.learning_rate, args.steps, args.batch_tokens);
    options.data = toml::Table::try_from(&mixture).context("the mixture is plain values")?;
    stage::describe(&args.out, "pretrain", preset.name)?;
    let ops = args.common.backend.open_for_training()?;
    let mut watch = stage::Watch::new(desk, "pretrain", args.steps);
    let proceed = &mut |report: &_| watch.step(report);
    let trainer = pretrain::run(&*ops, &preset.config()?, &documents, options, &args.out, proceed)?;
    watch.finish()?;
    stage::publish(&trainer, &model_dir, &desk.terminal)
}
