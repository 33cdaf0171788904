//! `ponder eval rescore`: judging again what was generated before.

use std::path::PathBuf;

use super::JudgeArgs;
use crate::terminal::Terminal;

/// Flags of `ponder eval rescore`.
#[derive(clap::Args)]
pub struct Args {
    /// Folder of a run.
    run: PathBuf,
    /// Report in JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    judge: JudgeArgs,
}

/// Runs `ponder eval rescore`.
pub fn run(args: &Args, terminal: &Terminal) -> anyhow::Result<()> {
    super::conclude(&args.run, &args.judge, args.json, terminal)
}
