//! Rejection sampling (R1's second fine-tuning set): answers are sampled from a checkpoint, and
//! those that are right, well formed, in one language and without repetition are kept, the shorter
//! ones first.

mod sieve;

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use ponder_kernels::Ops;
use ponder_model::Model;
use ponder_model::checkpoint::write::write_atomically;
use ponder_tasks::Split;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::data::TextFormat;
use crate::dialogues::{self, KeptDialogue};
use crate::error::{Result, TrainError};
use crate::mixture::Mixture;
use crate::prompt::Prompt;
use crate::random::Random;
use crate::reply::Marks;
use crate::rollout::{RolloutOptions, rollout};
use crate::run::Run;
use sieve::Sieve;

const PROGRESS_FILE: &str = "reject.json";

/// The options of a run; every field is written out, because a run depends on each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RejectOptions {
    /// Decides prompts and answers.
    pub seed: u64,
    /// Rounds; after each the run can go on.
    pub total_steps: u64,
    /// Prompts of a round.
    pub prompts_per_step: usize,
    /// Answers to each prompt.
    pub samples: usize,
    /// Dialogues that are kept of one problem.
    pub keep: usize,
    /// What logits are divided by.
    pub temperature: f32,
    /// The longest answer.
    pub max_tokens: usize,
    /// Answers that are decoded together.
    pub streams: usize,
    /// Tokens of the runs that repetition is counted in.
    pub repetition_run: usize,
    /// Answers that repeat a larger share of their runs are dropped.
    pub max_repetition: f64,
    /// Where prompts come from, for the record.
    #[serde(default)]
    pub data: toml::Table,
}

/// Four answers a prompt at temperature 0.8, of which at most two are kept.
pub fn options(seed: u64, prompts: u64, max_tokens: usize) -> RejectOptions {
    let prompts_per_step = 64;
    RejectOptions {
        seed,
        total_steps: prompts.div_ceil(prompts_per_step),
        prompts_per_step: prompts_per_step as usize,
        samples: 4,
        keep: 2,
        temperature: 0.8,
        max_tokens,
        streams: 64,
        repetition_run: 12,
        max_repetition: 0.2,
        data: toml::Table::new(),
    }
}

/// What a round reports; its line in `metrics.jsonl`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RejectReport {
    /// The round, from 0.
    pub step: u64,
    /// Tokens sampled so far.
    pub tokens: u64,
    /// Answers sampled.
    pub answers: u64,
    /// Share of them that are right.
    pub accuracy: f64,
    /// Share that the form rules out, of those that are right.
    pub malformed: f64,
    /// Share that mixes languages, of those that are right and well formed.
    pub mixed: f64,
    /// Share that repeats itself, of those left.
    pub repeating: f64,
    /// Dialogues kept in this round.
    pub kept: u64,
    /// Dialogues kept so far.
    pub kept_in_all: u64,
    /// Mean tokens of an answer kept.
    pub length: f64,
}

/// What is asked, and how answers are read.
pub struct Questions<'a> {
    /// The vocabulary's marks.
    pub marks: Marks<'a>,
    /// A prompt, the same for the same draws.
    pub draw: Box<DrawAny<'a>>,
}

/// Draws a prompt of any task and level.
pub type DrawAny<'a> = dyn Fn(&mut Random) -> Result<Prompt> + 'a;

impl<'a> Questions<'a> {
    /// The training problems of a mixture that has passed its check.
    pub fn of(format: &'a TextFormat, mixture: &'a Mixture) -> Result<Questions<'a>> {
        let draw = move |random: &mut Random| {
            let drawn = mixture.draw(Split::Train, random);
            Prompt::of(format, drawn, random)
        };
        Ok(Questions { marks: Marks::of(&format.tokenizer)?, draw: Box::new(draw) })
    }
}

/// Where a run stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Progress {
    step: u64,
    tokens: u64,
    kept: u64,
    metrics_bytes: u64,
    dialogues_bytes: u64,
}

/// Samples in the folder `dir` until all rounds are done or `proceed` says no. Returns how many dialogues were kept in all.
pub fn run(
    ops: &dyn Ops,
    model: &Model,
    questions: &Questions,
    options: RejectOptions,
    dir: &Path,
    proceed: &mut dyn FnMut(&RejectReport) -> bool,
) -> Result<u64> {
    let mut run = Run::open(dir, &options)?;
    let mut progress = read_progress(dir)?;
    run.rewind(progress.metrics_bytes)?;
    let path = dir.join(dialogues::FILE_NAME);
    let mut file = open_cut(&path, progress.dialogues_bytes)?;
    let mut per_problem: HashMap<String, usize> = HashMap::new();
    for kept in dialogues::read(&path)? {
        *per_problem.entry(kept.canonical).or_default() += 1;
    }
    while progress.step < options.total_steps {
        let start = Instant::now();
        let (kept, mut report) =
            round(ops, model, questions, (&options, progress.step), &mut per_problem)?;
        let line = |kept: &KeptDialogue| serde_json::to_string(kept).expect("plain values") + "\n";
        let text: String = kept.iter().map(line).collect();
        let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
        written.map_err(|e| TrainError::io(&path, e))?;
        let sampled = report.tokens;
        report.tokens += progress.tokens;
        report.kept_in_all = progress.kept + report.kept;
        run.metrics(&report)?;
        let seconds = start.elapsed().as_secs_f64();
        let tokens_per_s = sampled as f64 / seconds;
        let step = report.step;
        run.timings(&json!({"step": step, "seconds": seconds, "tokens_per_s": tokens_per_s}))?;
        run.sync()?;
        progress = Progress {
            step: step + 1,
            tokens: report.tokens,
            kept: report.kept_in_all,
            metrics_bytes: run.metrics_bytes(),
            dialogues_bytes: progress.dialogues_bytes + text.len() as u64,
        };
        write_progress(dir, &progress)?;
        if !proceed(&report) {
            break;
        }
    }
    Ok(progress.kept)
}

/// One round: what is kept of it, and its report, which counts this round's tokens only.
fn round(
    ops: &dyn Ops,
    model: &Model,
    Questions { marks, draw }: &Questions,
    (options, step): (&RejectOptions, u64),
    per_problem: &mut HashMap<String, usize>,
) -> Result<(Vec<KeptDialogue>, RejectReport)> {
    let n = options.prompts_per_step as u64;
    let first = step * n;
    let prompt = |i: u64| draw(&mut Random::at(options.seed, &[1, i]));
    let prompts: Vec<Prompt> = (first..first + n).map(prompt).collect::<Result<Vec<_>>>()?;
    let token_ids: Vec<&[u32]> = prompts.iter().map(|prompt| &prompt.token_ids[..]).collect();
    let rollouts = RolloutOptions {
        samples: options.samples,
        max_tokens: options.max_tokens,
        temperature: options.temperature,
        top_p: 1.0,
        streams: options.streams,
        n_sampleable: marks.n_sampleable,
        end: marks.end,
        key: Random::at(options.seed, &[2]).bits(),
        first_prompt: first,
    };
    let completions = rollout(ops, model, &token_ids, &rollouts)?;
    let mut sieve = Sieve { options, counts: [0; 5], tokens: 0 };
    let mut kept = Vec::new();
    for (prompt, completions) in prompts.iter().zip(completions) {
        let canonical = prompt.problem.canonical();
        let count = per_problem.entry(canonical.clone()).or_default();
        for (completion, reply) in sieve.good(marks, prompt, completions) {
            if *count < options.keep {
                *count += 1;
                kept.push(KeptDialogue {
                    task: prompt.task.to_owned(),
                    level: prompt.level,
                    canonical: canonical.clone(),
                    question: prompt.question.clone(),
                    thinking: reply.thinking.trim().to_owned(),
                    reply: reply.text.unwrap_or_default().trim().to_owned(),
                    n_tokens: completion.token_ids.len() as u64,
                });
            }
        }
    }
    let report = sieve.report(step, &kept);
    Ok((kept, report))
}

fn read_progress(dir: &Path) -> Result<Progress> {
    let path = dir.join(PROGRESS_FILE);
    if !path.exists() {
        return Ok(Progress::default());
    }
    let text = fs::read_to_string(&path).map_err(|e| TrainError::io(&path, e))?;
    serde_json::from_str(&text).map_err(|e| TrainError::Damaged {
        path,
        found: e.to_string(),
        expected: "where a run stands".into(),
        hint: "remove the run's folder to begin anew",
    })
}

fn write_progress(dir: &Path, progress: &Progress) -> Result<()> {
    let text = serde_json::to_string(progress).expect("plain numbers");
    Ok(write_atomically(&dir.join(PROGRESS_FILE), |file| file.write_all(text.as_bytes()))?)
}

/// Opens a file to add to it, without what a killed run wrote after its last whole round.
fn open_cut(path: &Path, bytes: u64) -> Result<File> {
    let open = || {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        file.set_len(bytes)?;
        Ok(file)
    };
    open().map_err(|e| TrainError::io(path, e))
}
