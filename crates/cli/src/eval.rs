//! `ponder eval`: benchmarks by R1's protocol, on the engine or on an endpoint, and what is done
//! with their runs.

mod compare;
mod list;
mod local;
mod remote;
mod rescore;
mod run;
mod sandbox;

use std::path::{Path, PathBuf};

use clap::Subcommand;
use ponder_eval::code::Judge;
use ponder_eval::run::Run;
use ponder_eval::score::Score;
use ponder_eval::summary::summarise;
use ponder_eval::{log, report, table};

use crate::progress::CountProgress;
use crate::terminal::Terminal;

/// Flags of `ponder eval`.
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    run: run::RunArgs,
}

#[derive(Subcommand)]
enum Action {
    /// The benchmarks there are, and the data each one needs.
    List(list::Args),
    /// Judge the samples of a run again, without generating anything.
    Rescore(rescore::Args),
    /// Whether the second of two runs is better than the first, question by question.
    Compare(compare::Args),
    /// Run a Python program as answers are run: apart from everything, within limits.
    Sandbox(sandbox::Args),
}

/// Runs `ponder eval`.
pub fn run(args: &Args, terminal: &Terminal) -> anyhow::Result<()> {
    match &args.action {
        None => run::run(&args.run, terminal),
        Some(Action::List(args)) => list::run(args),
        Some(Action::Rescore(args)) => rescore::run(args, terminal),
        Some(Action::Compare(args)) => compare::run(args, terminal),
        Some(Action::Sandbox(args)) => sandbox::run(args),
    }
}

/// How programs are run.
#[derive(clap::Args, Clone, Debug)]
struct JudgeArgs {
    /// Python that answers to code problems are run on, in a sandbox.
    #[arg(long, value_name = "PROGRAM", default_value = "python3")]
    python: PathBuf,
}

/// Judges a run as it stands on disk, keeps what follows beside it, and prints it.
fn conclude(dir: &Path, judge: &JudgeArgs, json: bool, terminal: &Terminal) -> anyhow::Result<()> {
    let run = Run::read(dir)?;
    let scores = scored(&run, judge, terminal)?;
    let summary = summarise(&run, &scores);
    let text = serde_json::to_string_pretty(&summary)? + "\n";
    log::replace_bytes(&dir.join("summary.json"), text.as_bytes())?;
    let page = report::html(&run, &scores, &summary);
    let page_path = dir.join("report.html");
    log::replace_bytes(&page_path, page.as_bytes())?;
    if json {
        println!("{}", serde_json::to_string(&summary)?);
    } else {
        print!("{}", table::render(&summary));
        println!("\n  report     {}", page_path.display());
    }
    Ok(())
}

/// Judges every sample of a run, on all threads of the machine.
fn scored(run: &Run, judge: &JudgeArgs, terminal: &Terminal) -> anyhow::Result<Vec<Vec<Score>>> {
    let judge = run.needs_judge().then(|| Judge::new(&judge.python)).transpose()?;
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let n_samples = run.samples.iter().map(Vec::len).sum();
    let progress = CountProgress::new(terminal, "judging", n_samples);
    let scores = run.score(judge.as_ref(), threads, &|| progress.add())?;
    progress.finish();
    Ok(scores)
}
