//! `ponder serve`: the HTTP APIs on a model.

use std::net::{IpAddr, SocketAddr};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use ponder_engine::{Engine, EngineOptions, LanguageModel, Request, Runner, Sampling, Stop};
use ponder_kernels::{Ops, PAGE_TOKENS};
use ponder_model::Model;
use ponder_model::config::Config;
use ponder_model::count::Parameters;
use ponder_server::{
    Drain, ExpertCounts, Limits, SamplingDefaults, ServedModel, Server, ServerOptions,
};
use ponder_tensor::return_freed_memory;
use ponder_text::{ChatTemplate, Tokenizer};

use crate::backend::{BackendArgs, at_least_one};
use crate::checkpoint::{ModelArgs, Opened};
use crate::exit::usage;
use crate::generation::{TEMPERATURE, TOP_P};
use crate::machine::Machine;
use crate::terminal::Terminal;
use crate::traces::Traces;

/// Memory for logits of prompts that are scored.
const LOGITS_BYTES: usize = 256 << 20;
/// Prompt tokens of one step while answers are being written: what their readers wait for. With 64
/// answers at once, the default, a step takes at most twice as long as without prompts where
/// arithmetic is the limit. One page, so that each step completes one that others can share.
const PREFILL_BESIDE_DECODES: usize = PAGE_TOKENS;
/// Share of the memory that is left which the cache takes unless told.
const CACHE_SHARE: u64 = 4;
/// Tokens and time of the run that measures the speed.
const SPEED_TOKENS: usize = 33;
const SPEED_TIME: Duration = Duration::from_secs(2);

/// Flags of `ponder serve`.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    model: ModelArgs,
    /// The model's id in the APIs [default: the folder's name].
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Address to listen on. Without keys, keep it on loopback.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    host: IpAddr,
    /// Port to listen on; 0 takes any that is free.
    #[arg(long, value_name = "N", default_value_t = 8000)]
    port: u16,
    /// File of API keys, one a line; any of them opens the APIs. PONDER_API_KEY gives one, too.
    #[arg(long, value_name = "FILE")]
    api_key_file: Option<PathBuf>,
    /// Requests a minute that each key may send.
    #[arg(long, value_name = "N")]
    requests_per_minute: Option<u32>,
    /// Requests that each key may have in progress.
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    requests_at_once: Option<usize>,
    /// Let web pages of this origin call the APIs, such as https://example.org; may be repeated.
    #[arg(long, value_name = "ORIGIN")]
    cors_origin: Vec<String>,
    /// Certificate chain in PEM: serve HTTPS.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Its private key in PEM.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Tokens that a prompt and its answer may take [default: what the model accepts].
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    context: Option<usize>,
    /// Answers that are written at once; more wait.
    #[arg(long, value_name = "N", value_parser = at_least_one, default_value_t = 64)]
    sequences: usize,
    /// Requests that may wait; more are refused.
    #[arg(long, value_name = "N", value_parser = at_least_one, default_value_t = 512)]
    queue: usize,
    /// Memory for the cache in GB [default: what --sequences full contexts take, at most a quarter
    /// of the memory that is left].
    #[arg(long, value_name = "GB")]
    cache_gb: Option<f64>,
    /// Largest body of a request in MB.
    #[arg(long, value_name = "MB", value_parser = at_least_one, default_value_t = 8)]
    body_mb: usize,
    /// Seconds that running answers may take after SIGTERM.
    #[arg(long, value_name = "S", default_value_t = 25)]
    drain_limit: u64,
    /// Seconds after SIGTERM for which requests are still taken, so that load balancers notice.
    #[arg(long, value_name = "S", default_value_t = 0)]
    drain_delay: u64,
    /// Collector of traces that takes OTLP over HTTP, such as http://127.0.0.1:4318
    /// [default: what OTEL_EXPORTER_OTLP_ENDPOINT says, else none].
    #[arg(long, value_name = "URL")]
    otlp_endpoint: Option<String>,
    /// A line for each request on standard error.
    #[arg(long, value_enum, default_value = "off")]
    log: Log,
    #[command(flatten)]
    backend: BackendArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Log {
    /// Nothing but warnings.
    Off,
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// Runs `ponder serve`.
pub fn run(args: &Args, terminal: &Terminal) -> anyhow::Result<()> {
    args.log.install();
    return_freed_memory();
    let opened = args.model.open()?;
    let tokenizer = opened.tokenizer()?;
    let template = opened.template()?;
    let accepted = opened.config.max_position_embeddings;
    let context = match args.context {
        Some(asked) if asked > accepted => {
            let what = format!("`--context {asked}`: the model accepts {accepted} tokens");
            return Err(usage(what, "ask for at most that many"));
        }
        asked => asked.unwrap_or(accepted),
    };
    let traces = Traces::open(args.otlp_endpoint.as_deref())?;
    let mut options = args.options()?;
    options.tracer = traces.as_ref().map(Traces::tracer);
    let server = Server::bind(options)?;
    let ops = args.backend.open(false)?;
    let (model, _) = opened.load(terminal)?;
    let n_pages = args.pages(&model, ops.as_ref(), context)?;
    let context = context.min(n_pages * PAGE_TOKENS);
    let mut engine = args.engine(&model, ops.as_ref(), n_pages, tokenizer.vocab_size())?;
    let speed = speed(&mut engine, &tokenizer, context)?;
    let served = args.served(&opened, tokenizer, template, context);
    let cache_bytes = n_pages * PAGE_TOKENS * engine.model().cache().bytes_per_token();
    if !terminal.quiet {
        let has_template = served.template.is_some();
        println!("model    {} {}", served.name, opened.origin());
        println!("weights  {}", bytes(model.weights_bytes()));
        println!(
            "cache    {}: {} tokens in all, {context} in one answer with its prompt",
            bytes(cache_bytes),
            n_pages * PAGE_TOKENS
        );
        println!("answers  {} at once, {} more may wait", args.sequences, args.queue);
        println!(
            "speed    {speed:.0} tok/s for one answer, on {} threads ({})",
            ops.threads(),
            ops.name()
        );
        if !has_template {
            println!("note     no chat template: only raw completions work");
        }
    }
    if !args.host.is_loopback() && !args.has_keys() {
        terminal.error(
            &format!("{} is reachable from other machines, and no key is needed", args.host),
            "--api-key-file FILE asks for one; --host 127.0.0.1 keeps it to this machine",
        );
    }
    println!("ready on {}", server.url()?);
    server.run(&mut engine, served)?;
    if let Some(traces) = traces {
        traces.close();
    }
    if !terminal.quiet {
        println!("ended");
    }
    Ok(())
}

impl Args {
    fn has_keys(&self) -> bool {
        self.api_key_file.is_some() || std::env::var_os("PONDER_API_KEY").is_some()
    }

    fn options(&self) -> anyhow::Result<ServerOptions> {
        let mut limits = Limits::standard();
        limits.requests_per_minute = self.requests_per_minute;
        limits.requests_at_once = self.requests_at_once;
        limits.body_bytes = self.body_mb << 20;
        limits.bodies_bytes = limits.bodies_bytes.max(2 * limits.body_bytes);
        Ok(ServerOptions {
            listen: SocketAddr::new(self.host, self.port),
            api_keys: self.keys()?,
            cors_origins: self.cors_origin.clone(),
            tls: self.tls_cert.clone().zip(self.tls_key.clone()),
            limits,
            drain: Drain {
                delay: Duration::from_secs(self.drain_delay),
                limit: Duration::from_secs(self.drain_limit),
            },
            tracer: None,
        })
    }

    fn keys(&self) -> anyhow::Result<Vec<String>> {
        let mut keys = Vec::new();
        if let Some(path) = &self.api_key_file {
            let hint = "the file has one key a line";
            let text = std::fs::read_to_string(path)
                .map_err(|error| usage(format!("{}: {error}", path.display()), hint))?;
            let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
            keys.extend(lines.map(str::to_owned));
            if keys.is_empty() {
                return Err(usage(format!("{}: has no key", path.display()), hint));
            }
        }
        if let Ok(key) = std::env::var("PONDER_API_KEY") {
            if key.trim().is_empty() {
                return Err(usage("PONDER_API_KEY is empty", "give it a key, or unset it"));
            }
            keys.push(key.trim().to_owned());
        }
        Ok(keys)
    }

    /// Pages of the cache: what all sequences can take, within the memory for it.
    fn pages(&self, model: &Model, ops: &dyn Ops, context: usize) -> anyhow::Result<usize> {
        let wanted = self.sequences * context.div_ceil(PAGE_TOKENS);
        let memory = match self.cache_gb {
            Some(gb) if gb > 0.0 && gb < 1e6 => Some((gb * 1e9) as u64),
            Some(gb) => {
                return Err(usage(
                    format!("`--cache-gb {gb}`"),
                    "give a positive number of gigabytes",
                ));
            }
            None => Machine::detect().memory_available_bytes.map(|bytes| bytes / CACHE_SHARE),
        };
        let Some(memory) = memory else { return Ok(wanted) };
        match Runner::pages_in(model, ops, memory).min(wanted) {
            0 => Err(usage(
                format!("{} do not hold {PAGE_TOKENS} tokens", bytes(memory as usize)),
                "give the cache more with --cache-gb",
            )),
            n_pages => Ok(n_pages),
        }
    }

    fn engine<'m>(
        &self,
        model: &'m Model,
        ops: &'m dyn Ops,
        n_pages: usize,
        n_sampleable: usize,
    ) -> anyhow::Result<Engine<Runner<'m>>> {
        let row_bytes = model.config().vocab_size * size_of::<f32>();
        let options = EngineOptions {
            max_sequences: self.sequences,
            max_queue: self.queue,
            max_batch_tokens: self.backend.chunk.max(self.sequences),
            prefill_tokens_beside_decodes: PREFILL_BESIDE_DECODES,
            max_logit_rows: (LOGITS_BYTES / row_bytes)
                .clamp(1, self.backend.chunk)
                .max(self.sequences),
            n_sampleable,
        };
        Ok(Engine::new(Runner::new(model, ops, n_pages), options)?)
    }

    fn served(
        &self,
        opened: &Opened,
        tokenizer: Tokenizer,
        template: Option<ChatTemplate>,
        context: usize,
    ) -> ServedModel {
        let defaults = &opened.generation;
        ServedModel {
            name: self.name.clone().unwrap_or_else(|| opened.short_name()),
            stop_ids: opened.stop_ids(Some(&tokenizer)),
            tokenizer,
            template,
            defaults: SamplingDefaults {
                temperature: defaults.temperature.unwrap_or(TEMPERATURE),
                top_p: defaults.top_p.unwrap_or(TOP_P),
                // A 0 in generation_config.json switches the filter off.
                top_k: defaults.top_k.filter(|k| *k > 0),
            },
            context,
            experts: experts(&opened.config),
        }
    }
}

/// What the page says of a model's experts.
fn experts(config: &Config) -> Option<ExpertCounts> {
    let moe = config.moe.as_ref()?;
    let parameters = Parameters::of(config);
    Some(ExpertCounts {
        layers: (0..config.num_hidden_layers).filter(|i| config.is_moe_layer(*i)).collect(),
        routed: moe.n_routed_experts,
        chosen: moe.num_experts_per_tok,
        shared: moe.n_shared_experts,
        parameters: parameters.total,
        active_parameters: parameters.active.with_embedding_and_head,
    })
}

/// Tokens a second of one answer, measured on a few.
fn speed<M: LanguageModel>(
    engine: &mut Engine<M>,
    tokenizer: &Tokenizer,
    context: usize,
) -> anyhow::Result<f64> {
    let prompt = vec![tokenizer.bos_id().unwrap_or(0)];
    let max_tokens = SPEED_TOKENS.min(context.saturating_sub(1)).max(1);
    let request = Request::generate(prompt, max_tokens, Sampling::greedy(), Stop::default());
    let (start, mut first, mut n_tokens) = (Instant::now(), None, 0);
    engine.generate(request, |event| {
        if matches!(event, ponder_engine::Event::Token { .. }) {
            first.get_or_insert_with(Instant::now);
            n_tokens += 1;
        }
        if start.elapsed() > SPEED_TIME {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    })?;
    let seconds = first.map_or(0.0, |first: Instant| first.elapsed().as_secs_f64());
    Ok(f64::from((n_tokens - 1).max(0)) / seconds.max(1e-9))
}

fn bytes(n: usize) -> String {
    match n {
        n if n >= 1 << 30 => format!("{:.1} GB", n as f64 / 1e9),
        n => format!("{:.1} MB", n as f64 / 1e6),
    }
}

impl Log {
    fn install(self) {
        let level = match self {
            Log::Off => tracing_subscriber::filter::LevelFilter::WARN,
            Log::Text | Log::Json => tracing_subscriber::filter::LevelFilter::INFO,
        };
        let log = tracing_subscriber::fmt().with_max_level(level).with_target(false);
        let log = log.with_writer(std::io::stderr);
        match self {
            Log::Json => log.json().flatten_event(true).init(),
            Log::Off | Log::Text => log.with_ansi(false).init(),
        }
    }
}
