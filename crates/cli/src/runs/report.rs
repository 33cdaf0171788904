//! The report of a run: one page with everything in it, curves of every stage and rollouts to read.

use std::path::PathBuf;

use anyhow::Context;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use ponder_model::thousands;
use ponder_train::record::Record;
use ponder_train::tensorboard::scalars;

use super::chart::{Line, chart};
use super::{headline, open_all, rollouts, stage, state_name};
use crate::exit::usage;
use crate::figures;
use crate::terminal::Terminal;

const STYLE: &str = include_str!("report.css");
const SCRIPT: &str = include_str!("report.js");

/// Metrics in the order of interest; others follow in the order they are written.
const FIRST: [&str; 6] = ["reward", "accuracy", "length", "entropy", "loss", "mtp_loss"];

/// More lines than this cannot be told apart, and get a chart each.
const MAX_LINES: usize = 6;

/// Flags of `ponder runs report`.
#[derive(clap::Args)]
pub struct Args {
    /// The folder of a run, or of a recipe's run with all its stages.
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// Where the page goes; RUN/report.html if not said.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Rollouts in the page, about, from steps all over a stage.
    #[arg(long, value_name = "N", default_value_t = 240)]
    samples: usize,
}

/// Runs `ponder runs report`.
pub fn run(args: &Args, terminal: &Terminal) -> anyhow::Result<()> {
    let records = open_all(&args.run)?;
    if records.iter().all(|record| record.metrics.is_empty()) {
        return Err(usage(
            format!("{}: no step has been measured yet", args.run.display()),
            "a report needs at least one line in metrics.jsonl",
        ));
    }
    let name = args.run.canonicalize().ok();
    let name = name.as_deref().and_then(|path| path.file_name()).unwrap_or(args.run.as_os_str());
    let page = page(&name.to_string_lossy(), &records, args.samples)?.into_string();
    let path = args.out.clone().unwrap_or_else(|| args.run.join("report.html"));
    std::fs::write(&path, page).with_context(|| {
        format!("{}: cannot be written\nhint: --out FILE writes elsewhere", path.display())
    })?;
    terminal.note(&format!("open {} in a browser", path.display()));
    println!("{}", path.display());
    Ok(())
}

fn page(name: &str, records: &[Record], n_samples: usize) -> anyhow::Result<Markup> {
    let sections: Vec<Markup> = records
        .iter()
        .enumerate()
        .map(|(i, record)| section(i, record, n_samples))
        .collect::<anyhow::Result<_>>()?;
    Ok(html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (name) " – training run" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { (name) }
                    (overview(records))
                }
                @for section in &sections { (section) }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    })
}

/// A line a stage.
fn overview(records: &[Record]) -> Markup {
    html! {
        table {
            tr {
                @for title in ["stage", "model", "steps", "tokens", "time", "tokens/s", "last", "state"] {
                    th { (title) }
                }
            }
            @for (i, record) in records.iter().enumerate() {
                @let last = record.metrics.last().cloned().unwrap_or_default();
                @let tokens = last.get("tokens").and_then(serde_json::Value::as_i64);
                tr {
                    td { a href=(format!("#stage-{i}")) { (stage(record)) } }
                    td { @if let Some(about) = &record.about { (about.model) } }
                    td { (steps(record)) }
                    td { @if let Some(tokens) = tokens { (thousands(tokens)) } }
                    td { (figures::span(record.seconds)) }
                    td { @if let Some(speed) = record.tokens_per_s { (figures::number(speed.round())) } }
                    td { (headline(&last)) }
                    td { (state_name(record.state)) }
                }
            }
        }
    }
}

fn steps(record: &Record) -> String {
    let total = record.steps_total.map_or("?".to_owned(), |total| thousands(total as i64));
    format!("{} of {total}", thousands(record.steps_done as i64))
}

fn section(i: usize, record: &Record, n_samples: usize) -> anyhow::Result<Markup> {
    let options = toml::to_string(&record.options).expect("it was read from TOML");
    let rollouts = rollouts::browser(&record.dir, n_samples)?;
    let charts = charts(record);
    let (few, many): (Vec<_>, Vec<_>) =
        charts.iter().partition(|(_, lines)| lines.len() <= MAX_LINES);
    Ok(html! {
        section id=(format!("stage-{i}")) {
            h2 { (stage(record)) }
            p class="quiet" { (record.dir.display()) }
            div class="charts" {
                @for (title, lines) in few { (chart(title, lines)) }
            }
            @for (title, lines) in many {
                details {
                    summary { (title) ", each of " (lines.len()) }
                    div class="charts" {
                        @for line in lines { (chart(&line.label, std::slice::from_ref(line))) }
                    }
                }
            }
            @if let Some(rollouts) = rollouts { (rollouts) }
            details {
                summary { "Every option of this run" }
                pre { (options) }
            }
        }
    })
}

/// The metrics as charts: a nested metric is one chart with a line for each of its parts.
fn charts(record: &Record) -> Vec<(String, Vec<Line>)> {
    let mut charts: Vec<(String, Vec<Line>)> = Vec::new();
    for line in &record.metrics {
        let Some(step) = line.get("step").and_then(serde_json::Value::as_f64) else { continue };
        for (tag, x) in scalars(line).into_iter().filter(|(_, x)| x.is_finite()) {
            let (title, label) = tag.split_once('/').unwrap_or((&tag, &tag));
            let at = charts.iter().position(|(name, _)| name == title).unwrap_or_else(|| {
                charts.push((title.to_owned(), Vec::new()));
                charts.len() - 1
            });
            let lines = &mut charts[at].1;
            match lines.iter_mut().find(|line| line.label == label) {
                Some(line) => line.points.push((step, x)),
                None => lines.push(Line { label: label.to_owned(), points: vec![(step, x)] }),
            }
        }
    }
    // Tokens only count the steps once more.
    charts.retain(|(title, _)| title != "tokens");
    charts.sort_by_key(|(title, _)| {
        FIRST.iter().position(|first| first == title).unwrap_or(FIRST.len())
    });
    charts
}

#[cfg(test)]
mod tests {
    use super::*;
    use ponder_train::record::RunState;

    #[test]
    fn charts_are_in_order_and_nested_metrics_share_one() {
        let line = |step: u64| {
            let line = serde_json::json!({
                "step": step, "tokens": 9, "rate": 0.1, "loss": 2.0, "reward": 0.5,
                "solved": {"gcd": 0.2, "chain": 0.1},
            });
            line.as_object().unwrap().clone()
        };
        let record = Record {
            dir: PathBuf::from("x"),
            about: None,
            options: toml::Table::new(),
            state: RunState::Done,
            steps_done: 2,
            steps_total: Some(2),
            metrics: vec![line(0), line(1)],
            seconds: 1.0,
            seconds_per_step: None,
            tokens_per_s: None,
            age: None,
        };
        let charts = charts(&record);
        let titles: Vec<&str> = charts.iter().map(|(title, _)| title.as_str()).collect();
        assert_eq!(titles, ["reward", "loss", "rate", "solved"]);
        let labels: Vec<&str> = charts[3].1.iter().map(|line| line.label.as_str()).collect();
        assert_eq!(labels, ["gcd", "chain"]);
        assert_eq!(charts[0].1[0].points, [(0.0, 0.5), (1.0, 0.5)]);
    }
}
