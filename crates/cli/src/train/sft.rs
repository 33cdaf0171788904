//! `ponder train sft`: the chat format, and ways of thinking that leave headroom.

use std::path::PathBuf;

use ponder_model::config::Config;
use ponder_train::data::{Form, ProblemDocuments, TextFormat};
use ponder_train::mixture::Mixture;
use ponder_train::parameters::Parameters;
use ponder_train::sft::{self, Epochs, Interleaved};
use ponder_train::trainer::{self, Documents, Options};

use super::answers;
use super::mixture::MixtureArgs;
use super::settings::SettingArgs;
use super::stage;

/// Among sampled answers every fourth text is another (R1: 600,000 reasoning samples beside 200,000
/// others).
const OTHERS_EVERY: u64 = 4;

/// What to train, on how much.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The model to start from.
    #[arg(long, value_name = "DIR")]
    pub model: PathBuf,
    /// The folder of the run; a stopped run goes on there.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Optimizer steps.
    #[arg(long, value_name = "N", default_value_t = 300)]
    pub steps: u64,
    /// Tokens of a step.
    #[arg(long, value_name = "N", default_value_t = 32_768)]
    pub batch_tokens: usize,
    /// The highest learning rate.
    #[arg(long, value_name = "RATE", default_value_t = 4e-4)]
    learning_rate: f64,
    /// Learn these answers, the folder of a `ponder train reject`, instead of generated ones; a
    /// quarter of what is learnt is small talk and short instructions.
    #[arg(long, value_name = "DIR")]
    answers: Option<PathBuf>,
    /// Passes over the answers.
    #[arg(long, value_name = "N", default_value_t = 2, requires = "answers")]
    epochs: u64,
    #[command(flatten)]
    mixture: MixtureArgs,
    #[command(flatten)]
    settings: SettingArgs,
    #[command(flatten)]
    common: stage::CommonArgs,
}

impl Args {
    /// Refuses tasks that do not exist, and options that are none.
    pub fn check(&self) -> anyhow::Result<()> {
        self.options(&self.mixture()?).map(drop)
    }

    fn mixture(&self) -> anyhow::Result<Mixture> {
        let usual = match self.answers {
            None => Mixture::supervised(),
            Some(_) => Mixture::talk(),
        };
        self.mixture.apply(usual)
    }

    fn options(&self, mixture: &Mixture) -> anyhow::Result<Options> {
        let (seed, rate) = (self.common.seed, self.learning_rate);
        let mut options = sft::options(seed, rate, self.steps, self.batch_tokens);
        options.data = mixture.record();
        if let Some(answers) = &self.answers {
            options.data.extend(answers::record(answers, self.epochs));
        }
        self.settings.apply(options)
    }
}

/// Trains.
pub fn run(args: &Args, desk: &stage::Desk) -> anyhow::Result<()> {
    let seed = args.common.seed;
    let mixture = args.mixture()?;
    let model_dir = args.out.join("model");
    stage::copy_tokenizer(&args.model, &model_dir)?;
    let format = TextFormat::load(&model_dir)?;
    let context = Config::from_dir(&args.model)?.max_position_embeddings;
    let limits = (seed, context, u64::MAX);
    let problems = ProblemDocuments::new(&format, &mixture, Form::ColdStart, limits)?;
    let dialogues = match &args.answers {
        Some(dir) => answers::read(dir, &format)?,
        None => Vec::new(),
    };
    let dialogues = Epochs::new(&dialogues, args.epochs, context, seed);
    let mixed = Interleaved { dialogues, others: &problems, every: OTHERS_EVERY };
    let documents: &dyn Documents = if args.answers.is_some() { &mixed } else { &problems };
    let options = args.options(&mixture)?;
    stage::describe(&args.out, "sft", &args.model.display().to_string())?;
    let ops = args.common.backend.open_for_training()?;
    let mut watch = stage::Watch::new(desk, "sft", args.steps);
    let proceed = &mut |report: &_| watch.step(report);
    let base = || Parameters::load(&args.model);
    let trainer = trainer::run(&*ops, base, documents, options, &args.out, proceed)?;
    watch.finish()?;
    stage::publish(trainer.parameters(), &model_dir, &desk.terminal)
}
