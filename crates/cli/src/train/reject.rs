//! `ponder train reject`: answers sampled from a model, of which the right and readable ones are
//! kept, for another model to learn.

use std::path::PathBuf;

use ponder_model::Model;
use ponder_train::data::TextFormat;
use ponder_train::mixture::Mixture;
use ponder_train::reject::{self, Questions, RejectOptions};

use super::mixture::MixtureArgs;
use super::settings::SettingArgs;
use super::{Amount, stage};
use crate::exit::usage;

/// Whose answers, and how many.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The model that answers.
    #[arg(long, value_name = "DIR")]
    pub model: PathBuf,
    /// The folder of the run, where dialogues.jsonl goes; a stopped run goes on there.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Questions.
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    prompts: u64,
    /// Answers to each question.
    #[arg(long, value_name = "N", default_value_t = 4)]
    samples: usize,
    /// Dialogues that are kept of one problem.
    #[arg(long, value_name = "N", default_value_t = 2)]
    keep: usize,
    /// The longest answer in tokens.
    #[arg(long, value_name = "N", default_value_t = 512)]
    max_tokens: usize,
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

    /// How much it does.
    pub fn amount(&self) -> Amount {
        let per_prompt = self.samples * self.max_tokens / 2;
        Amount {
            steps: None,
            learnt_tokens: 0,
            sampled_tokens: self.prompts.saturating_mul(per_prompt as u64),
        }
    }

    fn mixture(&self) -> anyhow::Result<Mixture> {
        self.mixture.apply(Mixture::reinforced())
    }

    fn options(&self, mixture: &Mixture) -> anyhow::Result<RejectOptions> {
        let usual = reject::options(self.common.seed, self.prompts, self.max_tokens);
        let data = mixture.record();
        let options = RejectOptions { samples: self.samples, keep: self.keep, data, ..usual };
        self.settings.apply(options)
    }
}

/// Samples.
pub fn run(args: &Args, desk: &stage::Desk) -> anyhow::Result<()> {
    let mixture = args.mixture()?;
    let options = args.options(&mixture)?;
    let format = TextFormat::load(&args.model)?;
    let questions = Questions::of(&format, &mixture)?;
    stage::describe(&args.out, "reject", &args.model.display().to_string())?;
    let ops = args.common.backend.open(false)?;
    let model = Model::load(&args.model, &mut |_, _| ())?;
    let mut watch = stage::Watch::new(desk, "reject", options.total_steps);
    let proceed = &mut |report: &_| watch.step(report);
    let n_kept = reject::run(&*ops, &model, &questions, options, &args.out, proceed)?;
    watch.finish()?;
    desk.terminal.note(&format!("{n_kept} dialogues are in {}", args.out.display()));
    if n_kept == 0 {
        return Err(usage(
            format!("{}: no answer was right and well formed", args.model.display()),
            "ask easier questions (--levels), more of them (--prompts), or train longer before",
        ));
    }
    Ok(())
}
