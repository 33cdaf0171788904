//! `ponder grade`: whether an answer equals the correct one.

use std::io::{BufRead, BufWriter, Write};

use ponder_tasks::grade::jsonl::grade_line;
use ponder_tasks::grade::policy::Policy;

use crate::exit::usage;

/// Flags of `ponder grade`.
#[derive(clap::Args)]
pub struct Args {
    /// Read JSON Lines {"gold","answer"} from standard input, write one verdict a line.
    #[arg(long)]
    jsonl: bool,
}

/// Runs `ponder grade`.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let form = r#"`ponder grade --jsonl` reads {"gold": "1/2", "answer": "0.5"} a line"#;
    if !args.jsonl {
        return Err(usage("there is nothing to grade", form));
    }
    let mut out = BufWriter::new(std::io::stdout().lock());
    for (index, line) in std::io::stdin().lock().lines().enumerate() {
        let at_line = |what: String| {
            let what = what.split("\nhint: ").next().unwrap_or_default();
            usage(format!("standard input: line {}: {what}", index + 1), form)
        };
        let line = line.map_err(|e| at_line(e.to_string()))?;
        if line.trim().is_empty() {
            continue;
        }
        let verdict = grade_line(&line, &Policy::STANDARD).map_err(|e| at_line(e.to_string()));
        // The verdicts before a bad line stand.
        match verdict {
            Ok(verdict) => writeln!(out, "{verdict}")?,
            Err(error) => {
                out.flush()?;
                return Err(error);
            }
        }
    }
    out.flush()?;
    Ok(())
}
