//! `ponder bench`: how fast, and what share of what is possible that is.

mod forward;
mod learning;
mod project;
mod serve;
mod spread;
mod workload;

use crate::terminal::Terminal;
use forward::{Task, What};

/// Flags of `ponder bench`.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    bench: Bench,
}

#[derive(clap::Subcommand)]
enum Bench {
    /// Tokens written a second, as a share of what the memory's bandwidth allows.
    Decode(forward::Flags),
    /// Tokens of a prompt read a second, as a share of what the processor can multiply.
    Prefill(forward::Flags),
    /// Optimizer steps of pre-training: tokens learnt from a second.
    Train(learning::TrainFlags),
    /// Steps of reinforcement learning: answers, and an update on them.
    Grpo(learning::GrpoFlags),
    /// A server under load: tokens a second of many clients, and how long each waits.
    Serve(serve::Flags),
}

/// Runs `ponder bench`.
pub fn run(args: &Args, terminal: &Terminal) -> anyhow::Result<()> {
    match &args.bench {
        Bench::Decode(flags) => forward::run(&Task { what: What::Decode, flags }, terminal),
        Bench::Prefill(flags) => forward::run(&Task { what: What::Prefill, flags }, terminal),
        Bench::Train(flags) => learning::train(flags),
        Bench::Grpo(flags) => learning::grpo(flags),
        Bench::Serve(flags) => serve::run(flags),
    }
}
