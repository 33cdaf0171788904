//! `ponder runs`: which runs there are and how far they are; a report of one.

mod chart;
mod report;
mod rollouts;

use std::path::{Path, PathBuf};

use ponder_model::thousands;
use ponder_train::record::{self, Record, RunState};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::exit::usage;
use crate::figures;
use crate::inspect::print;
use crate::terminal::Terminal;

/// A recipe's run holds the folders of its stages, and a folder of runs holds recipes' runs.
const MAX_DEPTH: usize = 3;

/// What a run is judged by, the most telling first.
const HEADLINES: [&str; 5] = ["accuracy", "reward", "loss", "length", "entropy"];

/// Flags of `ponder runs`.
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// The folder to look in.
    #[arg(value_name = "DIR", default_value = "runs")]
    dir: PathBuf,
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Write a page with the curves of a run and its rollouts to read; needs no network.
    Report(report::Args),
}

/// A run in the list.
#[derive(Serialize)]
struct Row {
    path: PathBuf,
    stage: String,
    model: Option<String>,
    state: RunState,
    steps_done: u64,
    steps_total: Option<u64>,
    /// The last line of the metrics.
    last: Map<String, Value>,
    tokens_per_s: Option<f64>,
    seconds: f64,
    seconds_left: Option<f64>,
    age_s: Option<f64>,
}

/// Runs `ponder runs`.
pub fn run(args: &Args, terminal: &Terminal) -> anyhow::Result<()> {
    if let Some(Command::Report(args)) = &args.command {
        return report::run(args, terminal);
    }
    let rows: Vec<Row> = open_all(&args.dir)?.into_iter().map(row).collect();
    print(args.json, &rows, || table(&rows))
}

/// Every run in a folder, which may be one itself.
fn open_all(dir: &Path) -> anyhow::Result<Vec<Record>> {
    if !dir.is_dir() {
        return Err(usage(
            format!("{}: no such folder", dir.display()),
            "`ponder train` and `ponder recipe run` write runs into the folder that --out names",
        ));
    }
    let folders = record::find(dir, MAX_DEPTH)?;
    if folders.is_empty() {
        return Err(usage(
            format!("{}: no run in it", dir.display()),
            "a run is a folder with a run.toml; `ponder train` and `ponder recipe run` make them",
        ));
    }
    let open = |folder: &PathBuf| Record::open(folder).map_err(anyhow::Error::from);
    folders.iter().map(open).collect::<Result<_, _>>()
}

/// The stage of a run: as noted, else the name of its folder.
fn stage(record: &Record) -> String {
    let name = || record.dir.file_name().unwrap_or(record.dir.as_os_str()).display().to_string();
    record.about.as_ref().map_or_else(name, |about| about.stage.clone())
}

fn row(record: Record) -> Row {
    Row {
        stage: stage(&record),
        model: record.about.as_ref().map(|about| about.model.clone()),
        state: record.state,
        steps_done: record.steps_done,
        steps_total: record.steps_total,
        tokens_per_s: record.tokens_per_s,
        seconds: record.seconds,
        seconds_left: record.seconds_left().filter(|_| record.state != RunState::Done),
        age_s: record.age.map(|age| age.as_secs_f64()),
        last: record.metrics.last().cloned().unwrap_or_default(),
        path: record.dir,
    }
}

fn state_name(state: RunState) -> &'static str {
    match state {
        RunState::Done => "done",
        RunState::Running => "running",
        RunState::Stopped => "stopped",
    }
}

fn table(rows: &[Row]) -> String {
    let header = ["run", "stage", "model", "steps", "last", "tokens/s", "left", "age", "state"];
    let mut lines = vec![header.map(str::to_owned)];
    for row in rows {
        let total = row.steps_total.map_or("?".to_owned(), |total| total.to_string());
        let optional = |x: Option<f64>, text: fn(f64) -> String| x.map_or("-".to_owned(), text);
        lines.push([
            row.path.display().to_string(),
            row.stage.clone(),
            row.model.clone().unwrap_or_else(|| "-".to_owned()),
            format!("{}/{total}", row.steps_done),
            headline(&row.last),
            optional(row.tokens_per_s, |x| thousands(x.round() as i64)),
            optional(row.seconds_left, figures::span),
            optional(row.age_s, figures::span),
            state_name(row.state).to_owned(),
        ]);
    }
    align(&lines)
}

/// The two most telling numbers of a step.
fn headline(last: &Map<String, Value>) -> String {
    let values = HEADLINES.iter().filter_map(|key| Some((key, last.get(*key)?.as_f64()?)));
    let values = values.take(2).map(|(key, x)| format!("{key} {}", figures::number(x)));
    let text = values.collect::<Vec<_>>().join(", ");
    if text.is_empty() { "-".to_owned() } else { text }
}

/// Rows as columns, each as wide as its widest cell.
fn align<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<usize> = (0..N).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        text += cells.collect::<Vec<_>>().join("  ").trim_end();
        text.push('\n');
    }
    text
}
