//! `ponder train evaluate`: how much of each task a checkpoint can do, on problems that nothing was
//! learnt from.

use std::path::PathBuf;

use anyhow::Context;
use clap::ValueEnum;
use ponder_model::Model;
use ponder_tasks::{LEVELS, Split};
use ponder_train::curriculum::TaskShare;
use ponder_train::data::TextFormat;
use ponder_train::evaluate::{self, EvaluateOptions, Evaluation, Score};
use ponder_train::prompt::Source;

use super::mixture::TaskArgs;
use super::{Amount, stage};

/// What is looked at, and how closely.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The model.
    #[arg(long, value_name = "DIR")]
    pub model: PathBuf,
    /// The folder where evaluation.json goes.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Problems of each task, spread over its levels.
    #[arg(long, value_name = "N", default_value_t = 200)]
    problems: usize,
    /// Answers to each problem.
    #[arg(long, value_name = "N", default_value_t = 4)]
    samples: usize,
    /// The longest answer in tokens.
    #[arg(long, value_name = "N", default_value_t = 512)]
    max_tokens: usize,
    /// What logits are divided by; 0 takes the best token each time.
    #[arg(long, value_name = "T", default_value_t = 0.6)]
    temperature: f32,
    /// Share of the probability that tokens are drawn from.
    #[arg(long, value_name = "P", default_value_t = 0.95)]
    top_p: f32,
    /// Which problems: those to choose by, or those to report.
    #[arg(long, value_name = "NAME", default_value = "test")]
    split: SplitName,
    #[command(flatten)]
    tasks: TaskArgs,
    /// The lowest level that is measured.
    #[arg(long, value_name = "LEVEL", default_value_t = 0)]
    first_level: u8,
    /// The highest level that is measured.
    #[arg(long, value_name = "LEVEL", default_value_t = LEVELS - 1)]
    last_level: u8,
    #[command(flatten)]
    common: stage::CommonArgs,
}

/// What `--split` can be.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum SplitName {
    /// To choose between checkpoints.
    Validation,
    /// To report.
    Test,
}

impl Args {
    /// Refuses tasks that do not exist.
    pub fn check(&self) -> anyhow::Result<()> {
        self.shares().map(drop)
    }

    fn shares(&self) -> anyhow::Result<Vec<TaskShare>> {
        self.tasks.shares([self.first_level, self.last_level], self.first_level)
    }

    /// How much it does.
    pub fn amount(&self) -> Amount {
        let n_tasks = self.shares().map_or(0, |tasks| tasks.len());
        let tokens = n_tasks * self.problems * self.samples * self.max_tokens / 2;
        Amount { steps: None, learnt_tokens: 0, sampled_tokens: tokens as u64 }
    }
}

/// Evaluates.
pub fn run(args: &Args, desk: &stage::Desk) -> anyhow::Result<()> {
    let tasks = args.shares()?;
    let format = TextFormat::load(&args.model)?;
    let split = match args.split {
        SplitName::Validation => Split::Validation,
        SplitName::Test => Split::Test,
    };
    let source = Source::of_tasks(&format, split)?;
    let ops = args.common.backend.open(false)?;
    let model = Model::load(&args.model, &mut |_, _| ())?;
    let options = EvaluateOptions {
        seed: args.common.seed,
        problems: args.problems,
        samples: args.samples,
        temperature: args.temperature,
        top_p: args.top_p,
        max_tokens: args.max_tokens,
        streams: 64,
    };
    let evaluation = evaluate::evaluate(&*ops, &model, &source, &tasks, &options)?;
    std::fs::create_dir_all(&args.out).with_context(|| args.out.display().to_string())?;
    let path = args.out.join("evaluation.json");
    let text = serde_json::to_string_pretty(&serde_json::json!({
        "model": args.model, "options": options, "scores": evaluation,
    }))?;
    std::fs::write(&path, text + "\n").with_context(|| path.display().to_string())?;
    if !desk.terminal.quiet {
        eprint!("{}", table(&evaluation));
    }
    Ok(())
}

/// A line a task: right answers with their interval, and what else was seen.
fn table(evaluation: &Evaluation) -> String {
    let percent = |x: f64| format!("{:.1}", 100.0 * x);
    let line = |name: &str, score: &Score| {
        let [low, high] = score.interval.map(percent);
        let (right, any) = (percent(score.pass_at_1), percent(score.pass_at_samples));
        let (n, length) = (score.problems, score.length);
        format!(
            "{name:>12}  {right:>5} % right ({low} to {high}), {any} % in any of {} answers, \
             {n} problems, {length:.0} tokens\n",
            score.samples
        )
    };
    let tasks: String = evaluation.tasks.iter().map(|(name, score)| line(name, score)).collect();
    tasks + &line("all", &evaluation.all)
}
