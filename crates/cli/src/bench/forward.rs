//! `ponder bench decode` and `prefill`: the model's own speed, and what share of the measured limit
//! that is.

use ponder_kernels::Ops;
use ponder_kernels::cpu::Isa;
use ponder_model::Model;
use ponder_model::config::Config;
use ponder_model::count::WeightFormat;
use ponder_model::known::{cut_shape, known_config};
use ponder_model::plan::{Machine as Speeds, Speed, decode_speed, prefill_speed};
use serde::Serialize;

use super::project::{Measured, Projection, project};
use super::spread::Spread;
use super::workload::Workload;
use crate::backend::{BackendArgs, at_least_one};
use crate::checkpoint::ModelArgs;
use crate::exit::usage;
use crate::limits;
use crate::machine::peak_rss_bytes;
use crate::progress::LoadProgress;
use crate::terminal::Terminal;

/// The weights are random, but the same each time.
const SEED: u64 = 1;
/// Tokens that one run of `bench decode` writes.
const DECODE_TOKENS: usize = 64;
/// Tokens of the prompt of `bench prefill`.
const PREFILL_TOKENS: usize = 512;
/// More than the largest last-level caches hold.
const CACHE_BYTES: usize = 1 << 30;

/// Flags of `ponder bench decode` and `prefill`.
#[derive(clap::Args)]
pub struct Flags {
    #[command(flatten)]
    model: ModelArgs,
    /// Random weights in the shape of a known model instead of a checkpoint.
    #[arg(long, value_name = "NAME", conflicts_with = "model")]
    shape: Option<String>,
    /// Only its first N layers (one of them dense if any is) and a vocabulary of 4096.
    #[arg(long, value_name = "N", requires = "shape", value_parser = at_least_one)]
    layers: Option<usize>,
    /// Tokens of the prompt (prefill, default 512) or to write in a run (decode, default 64).
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    tokens: Option<usize>,
    /// Depth at which decoding starts.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub context: usize,
    /// Sequences decoded together.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = at_least_one)]
    pub streams: usize,
    /// Timed runs, after one that is not counted.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = at_least_one)]
    runs: usize,
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub backend: BackendArgs,
}

/// A speed to be measured, and how.
pub struct Task<'a> {
    /// What is timed.
    pub what: What,
    /// How.
    pub flags: &'a Flags,
}

/// What is timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Tokens written a second.
    Decode,
    /// Tokens of a prompt read a second.
    Prefill,
}

#[derive(Serialize)]
struct Report {
    bench: &'static str,
    tokens_per_s: Spread,
    bytes_per_token: f64,
    flops_per_token: f64,
    limit: LimitReport,
    /// Of the speed that the limit allows.
    share: f64,
    tokens: usize,
    context: usize,
    streams: usize,
    chunk: usize,
    threads: usize,
    isa: &'static str,
    shape: String,
    layers: usize,
    runs: usize,
    peak_rss_bytes: Option<u64>,
    weights_bytes: usize,
    load_s: f64,
    /// The whole model, from the layers that were measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    projected: Option<Projection>,
    commit: &'static str,
}

#[derive(Serialize)]
struct LimitReport {
    kind: &'static str,
    value: f64,
    unit: &'static str,
    min: f64,
    max: f64,
}

/// Runs `ponder bench decode` or `prefill`.
pub fn run(task: &Task<'_>, terminal: &Terminal) -> anyhow::Result<()> {
    let Some(isa) = task.flags.backend.isa()? else {
        let what = "`--isa reference` has no speed worth measuring";
        return Err(usage(what, "leave --isa out, or name a fast path"));
    };
    // Pinned, so that runs can be compared.
    let ops = task.flags.backend.open(true)?;
    let (name, model, load_s) = open_model(task, terminal)?;
    task.check(model.config())?;
    let Measurements { speeds: tokens_per_s, limits: limit, peak_rss_bytes } =
        measure(task, &model, ops.as_ref(), isa);
    let bound = task.bound(model.config(), task.what.machine(limit.median));
    let projected = match (&task.flags.shape, task.flags.layers) {
        (Some(shape), Some(layers)) => {
            let one = Model::random(&cut_shape(shape, 1)?, SEED, &mut |_, _| {})?;
            let one_layer = measure(task, &one, ops.as_ref(), isa).speeds.median;
            let tokens = task.tokens_of_step();
            let measured = Measured {
                one_layer_s: tokens as f64 / one_layer,
                layers_s: tokens as f64 / tokens_per_s.median,
                layers,
                tokens,
                vocab_size: model.config().vocab_size,
            };
            let bandwidth = limits::read_bandwidth(ops.threads());
            project(&known_config(shape)?, &measured, bandwidth)
        }
        _ => None,
    };
    let report = Report {
        bench: task.what.name(),
        tokens_per_s,
        bytes_per_token: bound.bytes_per_token,
        flops_per_token: bound.flops_per_token,
        limit: LimitReport {
            kind: task.what.limit_name(),
            value: limit.median,
            unit: task.what.limit_unit(),
            min: limit.min,
            max: limit.max,
        },
        share: tokens_per_s.median / bound.tokens_per_s,
        tokens: task.tokens(),
        context: task.flags.context,
        streams: task.flags.streams,
        chunk: task.flags.backend.chunk,
        threads: ops.threads(),
        isa: ops.name(),
        shape: name,
        layers: model.config().num_hidden_layers,
        runs: task.flags.runs,
        peak_rss_bytes,
        weights_bytes: model.weights_bytes(),
        load_s,
        projected,
        commit: env!("PONDER_COMMIT"),
    };
    crate::inspect::print(task.flags.json, &report, || report.render())
}

fn open_model(task: &Task<'_>, terminal: &Terminal) -> anyhow::Result<(String, Model, f64)> {
    let Some(shape) = &task.flags.shape else {
        let opened = task.flags.model.open()?;
        task.check(&opened.config)?;
        let (model, load_s) = opened.load(terminal)?;
        return Ok((opened.name(), model, load_s));
    };
    let config = match task.flags.layers {
        Some(layers) => cut_shape(shape, layers)?,
        None => known_config(shape)?,
    };
    task.check(&config)?;
    let mut progress = LoadProgress::new(terminal);
    let model = Model::random(&config, SEED, &mut |done, total| progress.set(done, total))?;
    Ok((shape.clone(), model, progress.finish("made", terminal)))
}

/// What the runs gave.
struct Measurements {
    /// Tokens a second.
    speeds: Spread,
    /// The limit, measured before each run and after the last.
    limits: Spread,
    /// The most memory that model, cache and one run took.
    peak_rss_bytes: Option<u64>,
}

fn measure(task: &Task<'_>, model: &Model, ops: &dyn Ops, isa: Isa) -> Measurements {
    let limit = || match task.what {
        What::Decode => limits::read_bandwidth(ops.threads()),
        What::Prefill => limits::product_rate(isa, ops.threads()).expect("the backend runs on it"),
    };
    let mut workload = Workload::new(task, model, ops);
    workload.run();
    // Before the first limit, whose measurement takes memory of its own.
    let peak_rss_bytes = peak_rss_bytes();
    let (mut speeds, mut limits) = (Vec::new(), Vec::new());
    for _ in 0..task.flags.runs {
        limits.push(limit());
        speeds.push(workload.run());
    }
    limits.push(limit());
    Measurements { speeds: Spread::of(speeds), limits: Spread::of(limits), peak_rss_bytes }
}

impl What {
    fn name(self) -> &'static str {
        match self {
            What::Decode => "decode",
            What::Prefill => "prefill",
        }
    }

    fn limit_name(self) -> &'static str {
        match self {
            What::Decode => "read_bandwidth",
            What::Prefill => "tile_rate",
        }
    }

    fn limit_unit(self) -> &'static str {
        match self {
            What::Decode => "GB/s",
            What::Prefill => "GFLOP/s",
        }
    }

    /// A machine of which only this limit is known.
    fn machine(self, limit: f64) -> Speeds {
        match self {
            What::Decode => Speeds { read_bytes_per_s: Some(limit * 1e9), flops_per_s: None },
            What::Prefill => Speeds { read_bytes_per_s: None, flops_per_s: Some(limit * 1e9) },
        }
    }
}

impl Task<'_> {
    /// Tokens of a run: of the prompt, or to write.
    pub fn tokens(&self) -> usize {
        self.flags.tokens.unwrap_or(match self.what {
            What::Decode => DECODE_TOKENS,
            What::Prefill => PREFILL_TOKENS,
        })
    }

    /// Tokens that one pass over the layers computes for one another's sake: the streams of a
    /// decoding step, or a whole prompt.
    fn tokens_of_step(&self) -> usize {
        match self.what {
            What::Decode => self.flags.streams,
            What::Prefill => self.tokens(),
        }
    }

    /// Positions that a sequence reaches.
    pub fn positions(&self) -> usize {
        self.flags.context + self.tokens()
    }

    fn check(&self, config: &Config) -> anyhow::Result<()> {
        let (needed, accepted) = (self.positions(), config.max_position_embeddings);
        if needed > accepted {
            let what = format!("{needed} tokens exceed the model's context of {accepted}");
            return Err(usage(what, "lower --tokens or --context"));
        }
        let (is_prefill, is_deep) = (self.what == What::Prefill, self.flags.context > 0);
        if is_prefill && (is_deep || self.flags.streams > 1) {
            let what = "--context and --streams belong to `bench decode`";
            return Err(usage(what, "`bench prefill` reads one prompt of --tokens from its start"));
        }
        Ok(())
    }

    /// What a machine would give at best.
    fn bound(&self, config: &Config, machine: Speeds) -> Speed {
        let format = WeightFormat::of(config);
        let bound = match self.what {
            What::Decode => {
                // The middle of a run.
                let depth = self.flags.context + self.tokens() / 2;
                decode_speed(config, format, self.flags.streams, depth, machine)
            }
            What::Prefill => prefill_speed(config, format, self.tokens(), machine),
        };
        bound.expect("the machine's limit is given")
    }
}

impl Report {
    fn render(&self) -> String {
        let Spread { median, min, max } = self.tokens_per_s;
        let mut text = format!(
            "{} {}: {median:.1} tok/s ({min:.1} to {max:.1} in {} runs)\n\
             {:.0} % of {:.1} {} ({:.1} to {:.1}); {} and {} a token\n\
             {} on {} threads, {} layers, commit {}\n",
            self.bench,
            self.shape,
            self.runs,
            self.share * 100.0,
            self.limit.value,
            self.limit.unit,
            self.limit.min,
            self.limit.max,
            amount(self.bytes_per_token, "B"),
            amount(self.flops_per_token, "FLOP"),
            self.isa,
            self.threads,
            self.layers,
            self.commit,
        );
        if let Some(bytes) = self.peak_rss_bytes {
            let (weights, peak) = (self.weights_bytes as f64, bytes as f64);
            let (weights, peak) = (amount(weights, "B"), amount(peak, "B"));
            text.push_str(&format!("weights {weights}, at most {peak} in memory\n"));
        }
        if self.weights_bytes < CACHE_BYTES {
            text.push_str("these weights may stay in caches, which are faster than the limit\n");
        }
        if let Some(projected) = &self.projected {
            text.push_str(&projected.render());
        }
        text
    }
}

/// `37.7 GB`, `1.2 MFLOP`.
fn amount(value: f64, unit: &str) -> String {
    let (value, prefix) = match value {
        v if v >= 1e12 => (v / 1e12, "T"),
        v if v >= 1e9 => (v / 1e9, "G"),
        v if v >= 1e6 => (v / 1e6, "M"),
        v => (v / 1e3, "k"),
    };
    format!("{value:.2} {prefix}{unit}")
}
