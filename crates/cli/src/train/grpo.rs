//! `ponder train grpo`: reinforcement learning on problems whose answers can be checked.

use std::path::PathBuf;

use clap::ValueEnum;
use ponder_tasks::Split;
use ponder_train::data::TextFormat;
use ponder_train::grpo::{self, Control, GrpoOptions, LongerAnswers, Reference};
use ponder_train::loss::Kl;
use ponder_train::parameters::Parameters;
use ponder_train::prompt::Source;
use ponder_train::reward::RewardWeights;

use super::mixture::TaskArgs;
use super::settings::SettingArgs;
use super::{Amount, stage};

/// What to train, and how.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The model to start from.
    #[arg(long, value_name = "DIR")]
    pub model: PathBuf,
    /// The folder of the run; a stopped run goes on there.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Optimizer steps.
    #[arg(long, value_name = "N", default_value_t = 400)]
    steps: u64,
    /// Prompts of a step.
    #[arg(long, value_name = "N", default_value_t = 64)]
    prompts: usize,
    /// Answers to each prompt.
    #[arg(long, value_name = "N", default_value_t = 8)]
    group: usize,
    /// The longest answer in tokens.
    #[arg(long, value_name = "N", default_value_t = 256)]
    max_tokens: usize,
    /// The longest answer from the middle of the run on; the same unless given.
    #[arg(long, value_name = "N")]
    max_tokens_later: Option<usize>,
    /// The highest learning rate.
    #[arg(long, value_name = "RATE", default_value_t = 5e-5)]
    learning_rate: f64,
    /// What logits are divided by in sampling.
    #[arg(long, value_name = "T", default_value_t = 1.0)]
    temperature: f32,
    /// How strongly the model is held to an earlier one; not at all unless given.
    #[arg(long, value_name = "BETA")]
    kl: Option<f64>,
    /// Steps after which the model itself becomes the one it is held to.
    #[arg(long, value_name = "N", default_value_t = 100)]
    refresh_every: u64,
    /// The weight of keeping to the question's language in the reward.
    #[arg(long, value_name = "WEIGHT", default_value_t = 0.0)]
    language: f64,
    /// Spoil the rewards, to show what a run without them learns.
    #[arg(long, value_name = "HOW", default_value = "none")]
    control: ControlName,
    #[command(flatten)]
    tasks: TaskArgs,
    /// The level that every task begins with.
    #[arg(long, value_name = "LEVEL", default_value_t = 2)]
    first_level: u8,
    /// The highest level that a task may reach.
    #[arg(long, value_name = "LEVEL", default_value_t = 7)]
    last_level: u8,
    #[command(flatten)]
    settings: SettingArgs,
    #[command(flatten)]
    common: stage::CommonArgs,
}

/// What `--control` can be.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum ControlName {
    /// A true run.
    None,
    /// Rewards change places within their group.
    Shuffle,
    /// All rewards are equal.
    Constant,
    /// Rewards change their sign.
    Flip,
}

impl Args {
    /// Refuses tasks that do not exist, and options that are none.
    pub fn check(&self) -> anyhow::Result<()> {
        self.options().map(drop)
    }

    /// How much it does.
    pub fn amount(&self) -> Amount {
        let per_step = self.prompts * self.group * self.max_tokens / 2;
        let tokens = self.steps.saturating_mul(per_step as u64);
        Amount { steps: Some(self.steps), learnt_tokens: tokens, sampled_tokens: tokens }
    }

    fn options(&self) -> anyhow::Result<GrpoOptions> {
        let tasks = self.tasks.shares([0, self.last_level], self.first_level)?;
        let usual = grpo::options(self.common.seed, self.learning_rate, self.steps, tasks);
        let later = |max_tokens| LongerAnswers { from_step: self.steps / 2, max_tokens };
        let refresh_every = self.refresh_every;
        let hold = |beta| Reference { kl: Kl::K3, beta, refresh_every };
        let options = GrpoOptions {
            prompts_per_step: self.prompts,
            group_size: self.group,
            max_tokens: self.max_tokens,
            longer: self.max_tokens_later.map(later),
            temperature: self.temperature,
            reference: self.kl.map(hold),
            control: match self.control {
                ControlName::None => Control::None,
                ControlName::Shuffle => Control::Shuffle,
                ControlName::Constant => Control::Constant,
                ControlName::Flip => Control::Flip,
            },
            rewards: RewardWeights { language: self.language, ..usual.rewards },
            ..usual
        };
        self.settings.apply(options)
    }
}

/// Trains.
pub fn run(args: &Args, desk: &stage::Desk) -> anyhow::Result<()> {
    let options = args.options()?;
    let model_dir = args.out.join("model");
    stage::copy_tokenizer(&args.model, &model_dir)?;
    let format = TextFormat::load(&model_dir)?;
    let source = Source::of_tasks(&format, Split::Train)?;
    stage::describe(&args.out, "grpo", &args.model.display().to_string())?;
    let ops = args.common.backend.open_for_training()?;
    let mut watch = stage::Watch::new(desk, "grpo", args.steps);
    let proceed = &mut |report: &_| watch.step(report);
    let base = || Parameters::load(&args.model);
    let trained = grpo::run(&*ops, base, &source, options, &args.out, proceed)?;
    watch.finish()?;
    stage::publish(trained.parameters(), &model_dir, &desk.terminal)
}
