//! `ponder train distill`: a small dense student learns a teacher's verified answers.

use std::path::PathBuf;

use ponder_model::config::Config;
use ponder_train::data::TextFormat;
use ponder_train::trainer::Options;
use ponder_train::{distill, init, sft};

use super::answers;
use super::settings::SettingArgs;
use super::{Amount, stage};

/// Who learns from whom, and how long.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The teacher, whose vocabulary the student has.
    #[arg(long, value_name = "DIR")]
    pub teacher: PathBuf,
    /// The folder of `ponder train reject` with the teacher's answers.
    #[arg(long, value_name = "DIR")]
    answers: PathBuf,
    /// The folder of the run; a stopped run goes on there.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The student's share of the parameters that the teacher multiplies a token with.
    #[arg(long, value_name = "SHARE", default_value_t = 0.5)]
    share: f64,
    /// Passes over the answers.
    #[arg(long, value_name = "N", default_value_t = 8)]
    epochs: u64,
    /// Optimizer steps; fewer if the answers end before.
    #[arg(long, value_name = "N", default_value_t = 2000)]
    steps: u64,
    /// Tokens of a step.
    #[arg(long, value_name = "N", default_value_t = 32_768)]
    batch_tokens: usize,
    /// The highest learning rate.
    #[arg(long, value_name = "RATE", default_value_t = 2e-3)]
    learning_rate: f64,
    #[command(flatten)]
    settings: SettingArgs,
    #[command(flatten)]
    common: stage::CommonArgs,
}

impl Args {
    /// Refuses options that are none.
    pub fn check(&self) -> anyhow::Result<()> {
        self.options().map(drop)
    }

    /// How much it does, at the most.
    pub fn amount(&self) -> Amount {
        Amount::learning(self.steps, self.batch_tokens)
    }

    /// The config of the student of a teacher.
    pub fn student(&self, teacher: &Config) -> anyhow::Result<Config> {
        Ok(distill::student(teacher, self.share)?)
    }

    fn options(&self) -> anyhow::Result<Options> {
        let (seed, rate) = (self.common.seed, self.learning_rate);
        let mut options = sft::options(seed, rate, self.steps, self.batch_tokens);
        options.data = answers::record(&self.answers, self.epochs);
        self.settings.apply(options)
    }
}

/// Trains.
pub fn run(args: &Args, desk: &stage::Desk) -> anyhow::Result<()> {
    let options = args.options()?;
    let model_dir = args.out.join("model");
    stage::copy_tokenizer(&args.teacher, &model_dir)?;
    let format = TextFormat::load(&model_dir)?;
    let dialogues = answers::read(&args.answers, &format)?;
    let student = args.student(&Config::from_dir(&args.teacher)?)?;
    let data = (&dialogues[..], args.epochs, student.max_position_embeddings);
    stage::describe(&args.out, "distill", &format!("a student of {}", args.teacher.display()))?;
    let ops = args.common.backend.open_for_training()?;
    let mut watch = stage::Watch::new(desk, "distill", args.steps);
    let proceed = &mut |report: &_| watch.step(report);
    let seed = args.common.seed;
    let fresh = || init::random(&student, seed);
    let trainer = distill::run(&*ops, fresh, data, options, &args.out, proceed)?;
    watch.finish()?;
    stage::publish(trainer.parameters(), &model_dir, &desk.terminal)
}
