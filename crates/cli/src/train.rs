//! `ponder train`: the stages of R1's recipe, one by one. Each works in a folder of its own, where
//! it goes on if it was stopped, and leaves the trained model in `model/` there.

mod pretrain;
mod sft;
mod stage;

use crate::terminal::Terminal;

/// Which stage.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    stage: Stage,
}

#[derive(clap::Subcommand)]
enum Stage {
    /// Train a model from nothing on generated problems and their solutions.
    Pretrain(pretrain::Args),
    /// Teach a model the chat format and the ways of thinking (the cold start).
    Sft(sft::Args),
}

/// Runs a stage.
pub fn run(args: &Args, terminal: &Terminal) -> anyhow::Result<()> {
    let desk = stage::Desk::new(terminal)?;
    match &args.stage {
        Stage::Pretrain(args) => pretrain::run(args, &desk),
        Stage::Sft(args) => sft::run(args, &desk),
    }
}
