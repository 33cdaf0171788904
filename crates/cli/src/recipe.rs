//! `ponder recipe run FILE`: the stages of a recipe in order, each in a folder of its own under the
//! run's. What is done stays done; a stage that was stopped goes on where it stopped.

mod estimate;
mod file;
mod plan;

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context;
use ponder_train::record::DONE_FILE;
use serde::{Deserialize, Serialize};

use crate::exit::usage;
use crate::figures::span;
use crate::inspect::print;
use crate::terminal::Terminal;
use crate::train::stage::Desk;
use estimate::Speeds;
use file::{PlannedStage, Recipe};
use plan::Plan;

/// Flags of `ponder recipe`.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Train a model by a recipe: all its stages in order, resumed where it was stopped.
    Run(RunArgs),
}

/// Flags of `ponder recipe run`.
#[derive(clap::Args)]
struct RunArgs {
    /// The recipe, such as recipes/nano.toml.
    #[arg(value_name = "FILE")]
    recipe: PathBuf,
    /// The folder of the run; runs/NAME for a recipe NAME.toml if not said.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Another seed than the recipe's.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Threads to compute with; one a core unless given.
    #[arg(long, value_name = "N", value_parser = crate::backend::at_least_one)]
    threads: Option<usize>,
    /// Only say what would be done, on how many tokens, and how long it would take.
    #[arg(long)]
    dry_run: bool,
    /// The plan in JSON.
    #[arg(long, requires = "dry_run")]
    json: bool,
}

/// A stage that was finished; the contents of [`DONE_FILE`].
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Done {
    /// The command that trained it, apart from its folders.
    command: Vec<String>,
}

/// Runs `ponder recipe`.
pub fn run(args: &Args, terminal: &Terminal) -> anyhow::Result<()> {
    let Command::Run(args) = &args.command;
    let out = args.out.clone().unwrap_or_else(|| {
        Path::new("runs").join(args.recipe.file_stem().unwrap_or("recipe".as_ref()))
    });
    let recipe = Recipe::read(&args.recipe, &out, (args.seed, args.threads))?;
    for stage in &recipe.stages {
        check_done(stage)?;
    }
    if args.dry_run {
        let plan = Plan::of(&recipe.stages, &mut Speeds::new(args.threads))?;
        return print(args.json, &plan, || plan.render());
    }
    std::fs::create_dir_all(&out).with_context(|| {
        format!("{}: cannot be made\nhint: --out names another folder", out.display())
    })?;
    keep_copy(&recipe, &out)?;
    let desk = Desk::new(terminal)?;
    let mut speeds = Speeds::new(args.threads);
    for i in 0..recipe.stages.len() {
        let stage = &recipe.stages[i];
        if is_done(stage) {
            continue;
        }
        if !terminal.quiet {
            say(terminal, &Plan::of(&recipe.stages, &mut speeds)?.outlook(i));
        }
        let start = Instant::now();
        stage.stage.run(&desk)?;
        mark_done(stage)?;
        let took = span(start.elapsed().as_secs_f64());
        say(terminal, &format!("{} is done, in {took}", stage.name));
    }
    if let Some(model) = recipe.stages.iter().rev().find_map(PlannedStage::model_dir) {
        terminal.note(&format!("ponder ask --model {} \"…\"", model.display()));
        println!("{}", model.display());
    }
    Ok(())
}

/// A line between stages, which a log file wants as well as a person.
fn say(terminal: &Terminal, text: &str) {
    match (terminal.quiet, terminal.stderr) {
        (true, _) => {}
        (false, true) => eprintln!("{}", terminal.dim(text)),
        (false, false) => eprintln!("{text}"),
    }
}

fn is_done(stage: &PlannedStage) -> bool {
    stage.dir.join(DONE_FILE).exists()
}

/// Refuses a stage that was finished with other options than the recipe now says.
fn check_done(stage: &PlannedStage) -> anyhow::Result<()> {
    let path = stage.dir.join(DONE_FILE);
    if !path.exists() {
        return Ok(());
    }
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let done: Done = toml::from_str(&text).map_err(|e| {
        usage(
            format!("{}: {}", path.display(), e.message()),
            "remove the file to go through the stage again; what it trained is kept",
        )
    })?;
    if done.command == stage.command {
        return Ok(());
    }
    Err(usage(
        format!(
            "stage `{}` was trained by `{}`, the recipe now says `{}`",
            stage.name,
            done.command.join(" "),
            stage.command.join(" ")
        ),
        "a run keeps its recipe; --out DIR begins another one",
    ))
}

fn mark_done(stage: &PlannedStage) -> anyhow::Result<()> {
    let done = Done { command: stage.command.clone() };
    let text = toml::to_string(&done).expect("a list of strings");
    let path = stage.dir.join(DONE_FILE);
    std::fs::write(&path, text).with_context(|| path.display().to_string())
}

/// The recipe stays with what it made.
fn keep_copy(recipe: &Recipe, out: &Path) -> anyhow::Result<()> {
    let path = out.join("recipe.toml");
    std::fs::write(&path, &recipe.text).with_context(|| path.display().to_string())
}
