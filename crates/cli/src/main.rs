//! The ponder command: one file per subcommand, and what several of them share. Only this crate
//! reads the environment, and only here are errors turned into messages and exit codes.
#![forbid(unsafe_code)]

mod ask;
mod backend;
mod bench;
mod chat;
mod checkpoint;
mod dashboard;
mod doctor;
mod embedded;
mod eval;
mod exit;
mod figures;
mod generation;
mod grade;
mod hub;
mod inspect;
mod interrupt;
mod limits;
mod machine;
mod plan;
mod progress;
mod pull;
mod recipe;
mod runs;
mod score;
mod screen;
mod serve;
mod session;
mod template;
mod terminal;
mod tokenize;
mod traces;
mod train;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use terminal::Terminal;

/// DeepSeek-R1 in one binary: runs R1-class checkpoints as published, on a plain CPU.
#[derive(Parser)]
#[command(name = "ponder", version = VERSION, max_term_width = 100)]
struct Cli {
    /// No progress, no thinking on the terminal, no closing line: just the result.
    #[arg(long, short, global = true)]
    quiet: bool,
    #[command(subcommand)]
    command: Command,
}

const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("PONDER_COMMIT"), ")");

#[derive(Subcommand)]
enum Command {
    /// Answer one question; its thinking is shown apart from the answer.
    Ask(ask::Args),
    /// Talk with a model in the terminal.
    Chat(chat::Args),
    /// Serve the APIs of OpenAI, DeepSeek and Anthropic.
    Serve(serve::Args),
    /// Log-probabilities of given text or token ids.
    Score(score::Args),
    /// Text to token ids and back.
    Tokenize(tokenize::Args),
    /// Render a conversation with a model's chat template.
    Template(template::Args),
    /// Fetch a checkpoint from a hub; then `--model OWNER/NAME` runs it.
    Pull(pull::Args),
    /// What is in a checkpoint: architecture, parameters, tensors, bytes.
    Inspect(inspect::Args),
    /// Will a model fit, and how fast can it be.
    Plan(plan::Args),
    /// What this machine has, and what Ponder makes of it.
    Doctor(doctor::Args),
    /// Measure speed, as a share of what this machine can give.
    Bench(bench::Args),
    /// Train a model: the stages of R1's recipe.
    Train(train::Args),
    /// Train a model by a recipe, stage after stage.
    Recipe(recipe::Args),
    /// List training runs, or write a report of one.
    Runs(runs::Args),
    /// Judge whether answers equal the correct ones.
    Grade(grade::Args),
    /// Run benchmarks by R1's protocol, score, compare and report.
    Eval(Box<eval::Args>),
}

fn main() -> ExitCode {
    if let Some(code) = ponder_eval::sandbox::stage_if_asked() {
        return code;
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return exit::from_clap(&error),
    };
    let terminal = Terminal::detect(cli.quiet);
    match run(cli.command, &terminal) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => exit::from_error(&error, &terminal),
    }
}

fn run(command: Command, terminal: &Terminal) -> anyhow::Result<()> {
    match command {
        Command::Ask(args) => ask::run(&args, terminal),
        Command::Chat(args) => chat::run(&args, terminal),
        Command::Serve(args) => serve::run(&args, terminal),
        Command::Score(args) => score::run(&args, terminal),
        Command::Tokenize(args) => tokenize::run(&args),
        Command::Template(args) => template::run(&args),
        Command::Pull(args) => pull::run(&args, terminal),
        Command::Inspect(args) => inspect::run(&args),
        Command::Plan(args) => plan::run(&args, terminal),
        Command::Doctor(args) => doctor::run(&args, terminal),
        Command::Bench(args) => bench::run(&args, terminal),
        Command::Train(args) => train::run(&args, terminal),
        Command::Recipe(args) => recipe::run(&args, terminal),
        Command::Runs(args) => runs::run(&args, terminal),
        Command::Grade(args) => grade::run(&args),
        Command::Eval(args) => eval::run(&args, terminal),
    }
}
