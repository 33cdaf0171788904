//! `ponder bench`: how fast, and what share of what is possible that is.

mod forward;
mod project;
mod serve;
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
    /// A server under load: tokens a second of many clients, and how long each waits.
    Serve(serve::Flags),
}

/// Runs `ponder bench`.
pub fn run(args: &Args, terminal: &Terminal) -> anyhow::Result<()> {
    match &args.bench {
        Bench::Decode(flags) => forward::run(&Task { what: What::Decode, flags }, terminal),
        Bench::Prefill(flags) => forward::run(&Task { what: What::Prefill, flags }, terminal),
        Bench::Serve(flags) => serve::run(flags),
    }
}
