//! `ponder train pretrain`: a model from nothing, or further from where another run left it.

use std::path::PathBuf;

use ponder_model::config::Config;
use ponder_text::vocabulary;
use ponder_train::data::{Form, ProblemDocuments, TextFormat, vocabulary_texts};
use ponder_train::init::{self, PRESETS, Preset};
use ponder_train::mixture::Mixture;
use ponder_train::parameters::Parameters;
use ponder_train::pretrain;
use ponder_train::trainer::{self, Options};

use super::mixture::MixtureArgs;
use super::settings::SettingArgs;
use super::stage;
use crate::exit::usage;

/// What to train, and for how long.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder of the run; a stopped run goes on there.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The size of the model: smoke, nano, micro, small.
    #[arg(long, value_name = "NAME", default_value = "nano")]
    preset: String,
    /// Go on from this model, with its size and its tokenizer, instead of from nothing.
    #[arg(long, value_name = "DIR", conflicts_with = "preset")]
    pub model: Option<PathBuf>,
    /// Optimizer steps.
    #[arg(long, value_name = "N", default_value_t = 3000)]
    pub steps: u64,
    /// Tokens of a step.
    #[arg(long, value_name = "N", default_value_t = 32_768)]
    pub batch_tokens: usize,
    /// The highest learning rate.
    #[arg(long, value_name = "RATE", default_value_t = 2e-3)]
    learning_rate: f64,
    /// Problems that the vocabulary is learnt from; more than this change no merge.
    #[arg(long, value_name = "N", default_value_t = 50_000)]
    vocabulary_problems: u64,
    #[command(flatten)]
    mixture: MixtureArgs,
    #[command(flatten)]
    settings: SettingArgs,
    #[command(flatten)]
    common: stage::CommonArgs,
}

impl Args {
    /// Refuses a preset or tasks that do not exist, and options that are none.
    pub fn check(&self) -> anyhow::Result<()> {
        self.preset()?;
        self.options(&self.mixture()?).map(drop)
    }

    fn mixture(&self) -> anyhow::Result<Mixture> {
        self.mixture.apply(Mixture::supervised())
    }

    fn options(&self, mixture: &Mixture) -> anyhow::Result<Options> {
        let (seed, rate) = (self.common.seed, self.learning_rate);
        let mut options = pretrain::options(seed, rate, self.steps, self.batch_tokens);
        options.data = mixture.record();
        self.settings.apply(options)
    }

    /// The preset that is named.
    pub fn preset(&self) -> anyhow::Result<&'static Preset> {
        Preset::find(&self.preset).ok_or_else(|| {
            let names: Vec<&str> = PRESETS.iter().map(|preset| preset.name).collect();
            usage(format!("no preset `{}`", self.preset), format!("there are {}", names.join(", ")))
        })
    }
}

/// Trains.
pub fn run(args: &Args, desk: &stage::Desk) -> anyhow::Result<()> {
    let seed = args.common.seed;
    let mixture = args.mixture()?;
    let model_dir = args.out.join("model");
    let (config, name) = match &args.model {
        Some(from) => {
            stage::copy_tokenizer(from, &model_dir)?;
            (Config::from_dir(from)?, from.display().to_string())
        }
        None => {
            let preset = args.preset()?;
            learn_vocabulary(args, preset, &mixture, desk)?;
            (preset.config()?, preset.name.to_owned())
        }
    };
    let format = TextFormat::load(&model_dir)?;
    let limits = (seed, config.max_position_embeddings, u64::MAX);
    let documents = ProblemDocuments::new(&format, &mixture, Form::Base, limits)?;
    let options = args.options(&mixture)?;
    stage::describe(&args.out, "pretrain", &name)?;
    let ops = args.common.backend.open_for_training()?;
    let mut watch = stage::Watch::new(desk, "pretrain", args.steps);
    let proceed = &mut |report: &_| watch.step(report);
    let initial = || match &args.model {
        Some(from) => Parameters::load(from),
        None => init::random(&config, seed),
    };
    let trainer = trainer::run(&*ops, initial, &documents, options, &args.out, proceed)?;
    watch.finish()?;
    stage::publish(trainer.parameters(), &model_dir, &desk.terminal)
}

/// Learns the tokenizer of a model that starts from nothing, unless the run has it already.
fn learn_vocabulary(
    args: &Args,
    preset: &Preset,
    mixture: &Mixture,
    desk: &stage::Desk,
) -> anyhow::Result<()> {
    let dir = args.out.join("model");
    if dir.join("tokenizer.json").exists() {
        return Ok(());
    }
    desk.terminal.note(&format!("learning {} tokens", preset.vocab_size));
    let texts = vocabulary_texts(mixture, args.common.seed, args.vocabulary_problems);
    let learnt = vocabulary::learn(texts, preset.vocab_size, preset.context)?;
    stage::write_tokenizer(&learnt, &dir)
}
