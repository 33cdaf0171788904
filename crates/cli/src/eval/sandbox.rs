//! `ponder eval sandbox`: one program, run as answers are run.

use std::io::{IsTerminal, Read};
use std::path::PathBuf;

use ponder_eval::sandbox::{Limits, Program, Python, run as run_apart};

use super::JudgeArgs;
use crate::exit::usage;

/// Flags of `ponder eval sandbox`.
#[derive(clap::Args)]
pub struct Args {
    /// A Python program. Standard input is passed on to it.
    program: PathBuf,
    /// Seconds of processor time.
    #[arg(long, value_name = "S", default_value_t = Limits::STANDARD.cpu_s)]
    cpu_s: u64,
    /// Megabytes of memory.
    #[arg(long, value_name = "MB", default_value_t = Limits::STANDARD.memory_bytes >> 20)]
    memory_mb: u64,
    #[command(flatten)]
    judge: JudgeArgs,
}

/// Runs `ponder eval sandbox`. Prints `{"end", "stdout", "stderr", "cpu_s"}`.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let path = args.program.display();
    let text = std::fs::read_to_string(&args.program)
        .map_err(|error| usage(format!("{path}: {error}"), "give a file with a Python program"))?;
    let mut stdin = String::new();
    if !std::io::stdin().is_terminal() {
        let hint = "what the program reads must be UTF-8 text";
        std::io::stdin()
            .read_to_string(&mut stdin)
            .map_err(|error| usage(format!("standard input: {error}"), hint))?;
    }
    let limits =
        Limits { cpu_s: args.cpu_s, memory_bytes: args.memory_mb << 20, ..Limits::STANDARD };
    let python = Python::find(&args.judge.python)?;
    let files = vec![("program.py".to_owned(), text)];
    let report = run_apart(&Program { python, files, stdin, limits })?;
    println!("{}", serde_json::to_string(&report)?);
    Ok(())
}
