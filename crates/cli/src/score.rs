//! `ponder score`: the log-probabilities a model gives to text or ids.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::PathBuf;

use ponder_engine::{Engine, Runner, Score, TokenLogprob};
use ponder_text::{ControlTokens, Tokenizer};
use serde::{Deserialize, Serialize};

use crate::backend::BackendArgs;
use crate::checkpoint::ModelArgs;
use crate::exit::usage;
use crate::session::engine;
use crate::terminal::Terminal;

/// Flags of `ponder score`.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    model: ModelArgs,
    #[command(flatten)]
    input: Input,
    /// How many of the best candidates to list for each place.
    #[arg(long, value_name = "K", default_value_t = 10)]
    top: usize,
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    backend: BackendArgs,
}

#[derive(clap::Args)]
#[group(required = true, multiple = false)]
struct Input {
    /// Token ids, as 0,5,7.
    #[arg(long, value_name = "IDS", value_delimiter = ',')]
    ids: Vec<u32>,
    /// Text, encoded with the model's own rule for BOS.
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,
    /// JSON Lines {"ids": […]} from a file, or - for standard input; answers in JSON Lines.
    #[arg(long, value_name = "FILE")]
    ids_file: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Line {
    ids: Vec<u32>,
}

#[derive(Serialize)]
struct Report {
    ids: Vec<u32>,
    /// `None` for the first id, which nothing precedes.
    logprobs: Vec<Option<f32>>,
    top: Vec<Option<Vec<Candidate>>>,
    next: Vec<Candidate>,
}

#[derive(Serialize)]
struct Candidate {
    id: u32,
    logprob: f32,
}

/// Runs `ponder score`.
pub fn run(args: &Args, terminal: &Terminal) -> anyhow::Result<()> {
    let opened = args.model.open()?;
    let has_tokenizer = args.input.text.is_some() || opened.has_tokenizer();
    let tokenizer = has_tokenizer.then(|| opened.tokenizer()).transpose()?;
    let sequences = sequences(&args.input, tokenizer.as_ref())?;
    let context = opened.config.max_position_embeddings;
    let vocab_size = opened.config.vocab_size;
    for (index, ids) in sequences.iter().enumerate() {
        check(ids, context, vocab_size).map_err(|(what, hint)| match args.input.ids_file {
            Some(_) => usage(format!("line {}: {what}", index + 1), hint),
            None => usage(what, hint),
        })?;
    }
    let ops = args.backend.open(false)?;
    let (model, _) = opened.load(terminal)?;
    let longest = sequences.iter().map(Vec::len).max().unwrap_or(1);
    let mut engine = engine(&model, ops.as_ref(), &args.backend, longest, vocab_size)?;
    let mut out = BufWriter::new(std::io::stdout().lock());
    for ids in sequences {
        let report = score(&mut engine, ids, args.top)?;
        if args.json || args.input.ids_file.is_some() {
            serde_json::to_writer(&mut out, &report)?;
            writeln!(out)?;
        } else {
            write_table(&mut out, &report, tokenizer.as_ref())?;
        }
        out.flush()?;
    }
    Ok(())
}

fn sequences(input: &Input, tokenizer: Option<&Tokenizer>) -> anyhow::Result<Vec<Vec<u32>>> {
    if let Some(path) = &input.ids_file {
        return read_lines(path);
    }
    match (&input.text, tokenizer) {
        (Some(text), Some(tokenizer)) => {
            let mut ids: Vec<u32> = tokenizer.bos_prefix().into_iter().collect();
            ids.extend(tokenizer.encode(text, ControlTokens::Plain)?);
            Ok(vec![ids])
        }
        _ => Ok(vec![input.ids.clone()]),
    }
}

fn read_lines(path: &PathBuf) -> anyhow::Result<Vec<Vec<u32>>> {
    let hint = r#"the file holds one {"ids": [0, 5, 7]} a line"#;
    let bad = |what: String| usage(format!("{}: {what}", path.display()), hint);
    let reader: Box<dyn BufRead> = match path.to_str() {
        Some("-") => Box::new(std::io::stdin().lock()),
        _ => Box::new(BufReader::new(File::open(path).map_err(|e| bad(e.to_string()))?)),
    };
    let mut sequences = Vec::new();
    for (index, line) in reader.lines().enumerate() {
        let bad_line = |what: String| bad(format!("line {}: {what}", index + 1));
        let line = line.map_err(|e| bad_line(e.to_string()))?;
        let line: Line = serde_json::from_str(&line).map_err(|e| bad_line(e.to_string()))?;
        sequences.push(line.ids);
    }
    Ok(sequences)
}

/// What the engine would refuse, before any weights are read.
fn check(ids: &[u32], context: usize, vocab_size: usize) -> Result<(), (String, String)> {
    if ids.is_empty() {
        return Err(("there are no ids to score".into(), "give at least one".into()));
    }
    if ids.len() > context {
        let what = format!("{} ids exceed the model's context of {context}", ids.len());
        return Err((what, "score a shorter part".into()));
    }
    match ids.iter().position(|id| *id as usize >= vocab_size) {
        Some(index) => Err((
            format!("id {index} is {}, the model's vocabulary has {vocab_size} ids", ids[index]),
            "the ids may come from another model's tokenizer".into(),
        )),
        None => Ok(()),
    }
}

fn score(engine: &mut Engine<Runner<'_>>, ids: Vec<u32>, n_top: usize) -> anyhow::Result<Report> {
    let Score { logprobs, top, next } = engine.score(ids.clone(), n_top)?;
    let candidates = |top: Vec<TokenLogprob>| -> Vec<Candidate> {
        top.iter().map(|t| Candidate { id: t.id, logprob: t.logprob }).collect()
    };
    Ok(Report {
        ids,
        logprobs: std::iter::once(None).chain(logprobs.into_iter().map(Some)).collect(),
        top: std::iter::once(None)
            .chain(top.into_iter().map(|top| Some(candidates(top))))
            .collect(),
        next: candidates(next),
    })
}

fn write_table(
    out: &mut impl Write,
    report: &Report,
    tokenizer: Option<&Tokenizer>,
) -> anyhow::Result<()> {
    let text = |id: u32| match tokenizer.and_then(|tokenizer| tokenizer.decode(&[id]).ok()) {
        Some(text) => format!("{text:?}"),
        None => String::new(),
    };
    let best = |top: &[Candidate]| {
        let list = top.iter().take(3).map(|c| format!("{} {} {:.3}", c.id, text(c.id), c.logprob));
        list.collect::<Vec<_>>().join("   ")
    };
    writeln!(out, "{:>8}  {:>9}  {:<16}  best for its place", "id", "logprob", "text")?;
    for ((id, logprob), top) in report.ids.iter().zip(&report.logprobs).zip(&report.top) {
        let logprob = logprob.map_or("-".into(), |logprob| format!("{logprob:.4}"));
        let best = top.as_ref().map_or(String::new(), |top| best(top));
        writeln!(out, "{id:>8}  {logprob:>9}  {:<16}  {best}", text(*id))?;
    }
    writeln!(out, "{:>8}  {:>9}  {:<16}  {}", "next", "", "", best(&report.next))?;
    let scored: Vec<f64> = report.logprobs.iter().flatten().map(|l| f64::from(*l)).collect();
    if !scored.is_empty() {
        let mean = -scored.iter().sum::<f64>() / scored.len() as f64;
        writeln!(out, "{} ids, perplexity {:.3}", scored.len(), mean.exp())?;
    }
    Ok(())
}
