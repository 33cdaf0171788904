//! `ponder eval compare`: two runs, question by question.

use std::path::PathBuf;

use ponder_eval::compare::{Comparison, Pair, compare};
use ponder_eval::run::Run;

use super::JudgeArgs;
use crate::terminal::Terminal;

/// Questions that are shown; `--json` gives all.
const MAX_SHOWN: usize = 12;

/// Flags of `ponder eval compare`.
#[derive(clap::Args)]
pub struct Args {
    /// Folder of the first run.
    a: PathBuf,
    /// Folder of the second run.
    b: PathBuf,
    /// Report in JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    judge: JudgeArgs,
}

/// Runs `ponder eval compare`.
pub fn run(args: &Args, terminal: &Terminal) -> anyhow::Result<()> {
    let (a, b) = (Run::read(&args.a)?, Run::read(&args.b)?);
    let scores_a = super::scored(&a, &args.judge, terminal)?;
    let scores_b = super::scored(&b, &args.judge, terminal)?;
    let comparison = compare((&a, &scores_a), (&b, &scores_b))?;
    if args.json {
        println!("{}", serde_json::to_string(&comparison)?);
    } else {
        print(&comparison);
    }
    Ok(())
}

fn print(found: &Comparison) {
    let points = |share: f64| format!("{:+.2}", 100.0 * share);
    println!("{}: {} questions that both answered", found.benchmark, found.questions);
    if found.questions_left_out > 0 {
        println!("  left out       {} that only one of them answered", found.questions_left_out);
    }
    println!("  A              {:6.2} %  {}", 100.0 * found.pass_1_a, found.a);
    println!("  B              {:6.2} %  {}", 100.0 * found.pass_1_b, found.b);
    let (low, high) = found.interval;
    println!(
        "  B minus A      {} points  (95 %: {} to {}, paired bootstrap)",
        points(found.difference),
        points(low),
        points(high)
    );
    println!("  alike?         p = {:.4} by paired sign flips", found.p);
    if let Some(test) = &found.mcnemar {
        println!(
            "  McNemar        {} right in A only, {} in B only, p = {:.4}",
            test.only_a, test.only_b, test.p
        );
    }
    if !found.settings_that_differ.is_empty() {
        println!("  settings that differ: {}", found.settings_that_differ.join(", "));
    }
    let differing: Vec<&Pair> =
        found.by_question.iter().filter(|pair| pair.difference() != 0.0).collect();
    if differing.is_empty() {
        return;
    }
    println!(
        "\n  question, right of samples in A and in B (largest differences of {})",
        differing.len()
    );
    for pair in differing.iter().take(MAX_SHOWN) {
        let ((n_a, a), (n_b, b)) = (pair.a, pair.b);
        println!("  {:40} {a:3} of {n_a:<3} {b:3} of {n_b}", pair.question);
    }
}
