//! `ponder eval BENCHMARK`: which questions, how they are asked, and the run they go into.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use clap::ValueEnum;
use ponder_eval::bench::{self, Benchmark};
use ponder_eval::endpoint::Endpoint;
use ponder_eval::generate::{Generator, Job, fill, missing};
use ponder_eval::manifest::{Manifest, Settings, questions_sha256};
use ponder_eval::own;
use ponder_eval::protocol::{Protocol, Sampling};
use ponder_eval::question::Question;
use ponder_eval::run::OpenRun;
use ponder_tasks::Task;

use super::{JudgeArgs, local, remote};
use crate::backend::{BackendArgs, at_least_one};
use crate::checkpoint::ModelArgs;
use crate::exit::{Interrupted, usage};
use crate::hub;
use crate::interrupt::Interrupt;
use crate::progress::SampleProgress;
use crate::terminal::Terminal;

/// Flags of a run.
#[derive(clap::Args)]
pub struct RunArgs {
    /// Benchmark, such as math500; `own` for all of Ponder's tasks; or one of them.
    benchmark: Option<String>,
    /// The benchmark's file, or a folder of benchmarks (`ponder eval list` shows the places)
    /// [default: the folder `data`, then what was pulled].
    #[arg(long, value_name = "PATH")]
    data: Option<PathBuf>,
    /// Fetch the benchmark's data from the hub if it is not here.
    #[arg(long, conflicts_with = "data")]
    pull: bool,
    /// r1: DeepSeek's sampling and number of samples; single: one sample; greedy: the best token.
    #[arg(long, value_enum, default_value = "single")]
    protocol: ProtocolName,
    /// Samples a question [default: the protocol's].
    #[arg(long, short = 'k', value_name = "K", value_parser = at_least_one)]
    samples: Option<usize>,
    /// The most tokens of a reply, thinking included [default: 32768].
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    max_tokens: Option<usize>,
    /// Temperature [default: the protocol's].
    #[arg(long, value_name = "T")]
    temperature: Option<f32>,
    /// Draw from the best tokens that have this share of the probability [default: 0.95].
    #[arg(long, value_name = "P")]
    top_p: Option<f32>,
    /// The most tokens to think, on Ponder's engine: thinking then ends by force.
    #[arg(long, value_name = "N")]
    think_budget: Option<usize>,
    /// Leave it to the model whether it thinks.
    #[arg(long)]
    free_start: bool,
    /// The run's seed; every sample has its own, made of this one, its question and its number.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Ask only the first N questions that the filters leave.
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    limit: Option<usize>,
    /// Ask only questions of this subject.
    #[arg(long, value_name = "NAME")]
    subject: Option<String>,
    /// Ask only questions of this level.
    #[arg(long, value_name = "NAME")]
    level: Option<String>,
    /// Problems of every level of Ponder's own tasks.
    #[arg(long, value_name = "N", value_parser = at_least_one, default_value_t = 20)]
    per_level: usize,
    /// Folder of the run; one with the same settings is gone on with [default: one below runs/eval
    /// named after the settings].
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Replies that are written at once, on Ponder's engine.
    #[arg(long, value_name = "N", value_parser = at_least_one, default_value_t = 32)]
    batch: usize,
    /// Report in JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    model: ModelArgs,
    #[command(flatten)]
    backend: BackendArgs,
    #[command(flatten)]
    remote: remote::RemoteArgs,
    #[command(flatten)]
    judge: JudgeArgs,
}

/// What `--protocol` can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ProtocolName {
    R1,
    Single,
    Greedy,
}

/// The questions of a run and where they came from.
struct Asked {
    questions: Vec<Question>,
    data_sha256: Option<String>,
    r1_samples: usize,
}

/// Runs a benchmark, or goes on with a run.
pub fn run(args: &RunArgs, terminal: &Terminal) -> anyhow::Result<()> {
    let Some(name) = &args.benchmark else {
        let hint = "`ponder eval math500 --data FOLDER`; `ponder eval list` shows what there is";
        return Err(usage("no benchmark was named", hint));
    };
    let asked = asked(args, name, terminal)?;
    let interrupt = Interrupt::install(true)?;
    let source = Source::open(args, sampling(args, asked.r1_samples))?;
    let settings = settings(args, name, &asked, &source)?;
    let dir = args.out.clone().unwrap_or_else(|| default_dir(&settings));
    let manifest = Manifest {
        settings,
        ponder: crate::VERSION.to_owned(),
        machine: match &source {
            Source::Local(_) => Some(args.backend.described()?),
            Source::Remote(_) => None,
        },
        started_unix_s: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |t| t.as_secs()),
    };
    let mut open = OpenRun::open(&dir, &manifest, &asked.questions)?;
    let jobs = missing(&open, &asked.questions, &manifest.settings.sampling);
    let is_stopped = match jobs.is_empty() {
        true => false,
        false => source.draw(args, &asked, &jobs, &mut open, &interrupt, terminal)?,
    };
    drop(open);
    if is_stopped {
        terminal.note(&format!("stopped; the same command goes on in {}", dir.display()));
        return Err(Interrupted.into());
    }
    super::conclude(&dir, &args.judge, args.json, terminal)
}

/// What writes the replies.
enum Source {
    Local(Box<local::Local>),
    Remote(Endpoint),
}

impl Source {
    fn open(args: &RunArgs, sampling: Sampling) -> anyhow::Result<Source> {
        Ok(match &args.remote.endpoint {
            Some(url) => Source::Remote(args.remote.open(url, sampling)?),
            None => {
                let local =
                    local::Local::open(&args.model, &args.backend, !args.free_start, sampling)?;
                Source::Local(Box::new(local))
            }
        })
    }

    /// Draws the jobs. Returns whether the user broke off.
    fn draw(
        self,
        args: &RunArgs,
        asked: &Asked,
        jobs: &[Job<'_>],
        open: &mut OpenRun,
        interrupt: &Interrupt,
        terminal: &Terminal,
    ) -> anyhow::Result<bool> {
        let done = open.n_done();
        let mut work = |generator: &mut dyn Generator| {
            let progress = SampleProgress::new(terminal, done, jobs.len());
            draw(open, asked, jobs, generator, progress, interrupt)
        };
        match self {
            Source::Remote(mut endpoint) => work(&mut endpoint),
            Source::Local(local) => {
                let prompts: Vec<&str> =
                    asked.questions.iter().map(|q| q.prompt.as_str()).collect();
                let batch = args.batch.min(jobs.len());
                local.with_generator(&prompts, batch, args.think_budget, terminal, work)
            }
        }
    }
}

/// Draws the missing samples. Returns whether the user broke off.
fn draw(
    open: &mut OpenRun,
    asked: &Asked,
    jobs: &[Job<'_>],
    generator: &mut dyn Generator,
    mut progress: SampleProgress,
    interrupt: &Interrupt,
) -> anyhow::Result<bool> {
    let by_id: std::collections::HashMap<&str, &Question> =
        asked.questions.iter().map(|question| (question.id.as_str(), question)).collect();
    interrupt.watch();
    let result = fill(open, jobs, generator, &mut |sample| {
        // Programs are judged at the end, so that a missing sandbox stops no generation.
        let score = sample.ok().and_then(|sample| {
            ponder_eval::score::score(by_id[sample.question.as_str()], sample, None).ok()
        });
        progress.add(score.map(|score| score.is_right()));
        if interrupt.is_stopped() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    progress.finish();
    let is_stopped = interrupt.unwatch();
    result?;
    Ok(is_stopped)
}

fn asked(args: &RunArgs, name: &str, terminal: &Terminal) -> anyhow::Result<Asked> {
    let tasks: Option<Vec<&'static dyn Task>> = match name {
        "own" => Some(ponder_tasks::all().to_vec()),
        _ => ponder_tasks::find(name).map(|task| vec![task]),
    };
    let mut asked = match tasks {
        Some(tasks) => Asked {
            questions: own::questions(&tasks, args.per_level, args.seed),
            data_sha256: None,
            r1_samples: 16,
        },
        None => {
            let benchmark = bench::find_or_list(name)?;
            let loaded = benchmark.load(&data(args, benchmark, terminal)?)?;
            Asked {
                questions: loaded.questions,
                data_sha256: Some(loaded.data_sha256),
                r1_samples: benchmark.r1_samples,
            }
        }
    };
    let keeps = |wanted: &Option<String>, has: &Option<String>| {
        wanted
            .as_ref()
            .is_none_or(|wanted| has.as_ref().is_some_and(|has| has.eq_ignore_ascii_case(wanted)))
    };
    asked.questions.retain(|q| keeps(&args.subject, &q.subject) && keeps(&args.level, &q.level));
    asked.questions.truncate(args.limit.unwrap_or(usize::MAX));
    if asked.questions.is_empty() {
        let hint = "leave out --subject and --level, or look at the names in a report";
        return Err(usage(format!("no question of `{name}` is left by the filters"), hint));
    }
    Ok(asked)
}

/// Where a benchmark's data is: as named, else below the folder `data`, else in the hub's cache.
fn data(args: &RunArgs, benchmark: &Benchmark, terminal: &Terminal) -> anyhow::Result<PathBuf> {
    let folder = PathBuf::from("data");
    match (&args.data, benchmark.hub) {
        (Some(path), _) => Ok(path.clone()),
        (None, Some(file)) if !benchmark.is_in(&folder) => match hub::pulled_file(&file) {
            Some(path) => Ok(path),
            None if args.pull => hub::pull_file(&file, terminal),
            None => Ok(folder),
        },
        (None, _) => Ok(folder),
    }
}

fn protocol(args: &RunArgs) -> Protocol {
    match args.protocol {
        ProtocolName::R1 => Protocol::R1,
        ProtocolName::Single => Protocol::Single,
        ProtocolName::Greedy => Protocol::Greedy,
    }
}

fn sampling(args: &RunArgs, r1_samples: usize) -> Sampling {
    let preset = protocol(args).sampling(r1_samples, args.seed);
    Sampling {
        temperature: args.temperature.unwrap_or(preset.temperature),
        top_p: args.top_p.unwrap_or(preset.top_p),
        max_tokens: args.max_tokens.unwrap_or(preset.max_tokens),
        samples: args.samples.unwrap_or(preset.samples),
        seed: args.seed,
    }
}

fn settings(
    args: &RunArgs,
    name: &str,
    asked: &Asked,
    source: &Source,
) -> anyhow::Result<Settings> {
    Ok(Settings {
        benchmark: name.to_owned(),
        protocol: protocol(args),
        sampling: sampling(args, asked.r1_samples),
        // No endpoint can be made to begin with a thought.
        forces_thinking: matches!(source, Source::Local(_)) && !args.free_start,
        think_budget: args.think_budget,
        questions: asked.questions.len(),
        questions_sha256: questions_sha256(&asked.questions),
        data_sha256: asked.data_sha256.clone(),
        model: match source {
            Source::Local(local) => local.identity()?,
            Source::Remote(endpoint) => remote::identity(endpoint),
        },
    })
}

fn default_dir(settings: &Settings) -> PathBuf {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let plain = |c: char| if is_plain(c) { c } else { '-' };
    let model: String = settings.model.name.chars().map(plain).collect();
    let name = format!("{}-{model}-{}", settings.benchmark, settings.short_hash());
    Path::new("runs/eval").join(name)
}
