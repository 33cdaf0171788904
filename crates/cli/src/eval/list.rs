//! `ponder eval list`: what can be run.

use ponder_eval::bench;
use serde_json::json;

/// Flags of `ponder eval list`.
#[derive(clap::Args)]
pub struct Args {
    /// List in JSON.
    #[arg(long)]
    json: bool,
}

/// Runs `ponder eval list`.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let tasks = ponder_tasks::all();
    if args.json {
        let published = bench::all().iter().map(|b| {
            json!({
                "name": b.name, "title": b.title, "data": b.place, "fields": b.fields,
                "r1_samples": b.r1_samples,
                "hub": b.hub.map(|hub| format!("{}/{}", hub.repository, hub.file)),
            })
        });
        let own = tasks.iter().map(|task| json!({"name": task.name()}));
        let report = json!({
            "benchmarks": published.collect::<Vec<_>>(),
            "tasks": own.collect::<Vec<_>>(),
        });
        println!("{report}");
        return Ok(());
    }
    println!(
        "benchmarks, each with its place below the folder that --data names, and R1's samples:"
    );
    for b in bench::all() {
        println!("  {:14} {:28} k {:3}  {}", b.name, b.place, b.r1_samples, b.fields);
    }
    let own_copies = bench::all().iter().filter(|b| b.hub.is_none()).map(|b| b.name);
    let own_copies = own_copies.collect::<Vec<_>>().join(" and ");
    println!("`--pull` fetches all but {own_copies} from the hub.");
    println!("Ponder's own tasks, which need no data (`own` runs them all):");
    for task in tasks {
        println!("  {}", task.name());
    }
    Ok(())
}
