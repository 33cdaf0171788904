//! `ponder train sft`: the chat format, and ways of thinking that leave headroom.

use std::path::PathBuf;

use anyhow::Context;
use ponder_train::data::{Form, ProblemDocuments, TextFormat};
use ponder_train::mixture::Mixture;
use ponder_train::parameters::Parameters;
use ponder_train::sft;

use super::stage;

/// What to train, on how much.
#[derive(clap::Args)]
pub struct Args {
    /// The model to start from.
    #[arg(long, value_name = "DIR")]
    model: PathBuf,
    /// The folder of the run; a stopped run goes on there.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Optimizer steps.
    #[arg(long, value_name = "N", default_value_t = 300)]
    steps: u64,
    /// Tokens of a step.
    #[arg(long, value_name = "N", default_value_t = 32_768)]
    batch_tokens: usize,
    /// The highest learning rate.
    #[arg(long, value_name = "RATE", default_value_t = 4e-4)]
    learning_rate: f64,
    #[command(flatten)]
    common: stage::CommonArgs,
}

/// Trains.
pub fn run(args: &Args, desk: &stage::Desk) -> anyhow::Result<()> {
    let seed = args.common.seed;
    let mixture = Mixture::supervised();
    let model_dir = args.out.join("model");
    stage::copy_tokenizer(&args.model, &model_dir)?;
    let format = TextFormat::load(&model_dir)?;
    let context =
        ponder_model::config::Config::from_dir(&args.model)?.raw["max_position_embeddings"]
            .as_u64()
            .context("config.json: no max_position_embeddings")? as usize;
    let limits = (seed, context, u64::MAX);
    let documents = ProblemDocuments::new(&format, &mixture, Form::ColdStart, limits)?;
    let mut options = sft::options(seed, args.learning_rate, args.steps, args.batch_tokens);
    options.data = toml::Table::try_from(&mixture).context("the mixture is plain values")?;
    stage::describe(&args.out, "sft", &args.model.display().to_string())?;
    let ops = args.common.backend.open_for_training()?;
    let mut watch = stage::Watch::new(desk, "sft", args.steps);
    let proceed = &mut |report: &_| watch.step(report);
    let base = || Parameters::load(&args.model);
    let trainer = sft::run(&*ops, base, &documents, options, &args.out, proceed)?;
    watch.finish()?;
    stage::publish(&trainer, &model_dir, &desk.terminal)
}
