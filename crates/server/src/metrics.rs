//! Counts and times for Prometheus: the names that dashboards for vLLM know, and our own for what
//! those lack, such as the time to the first token of the answer.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use ponder_engine::{FinishReason, Stats, TokenEvent, Usage};
use prometheus_client::encoding::{EncodeLabelSet, text::encode};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

const FIRST_TOKEN_S: [f64; 22] = [
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
    20.0, 40.0, 80.0, 160.0, 640.0, 2560.0,
];
const BETWEEN_TOKENS_S: [f64; 21] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5,
    5.0, 7.5, 10.0, 20.0, 80.0,
];
const REQUEST_S: [f64; 21] = [
    0.3, 0.5, 0.8, 1.0, 1.5, 2.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 50.0, 60.0, 120.0, 240.0,
    480.0, 960.0, 1920.0, 7680.0,
];
const TOKENS: [f64; 16] =
    [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5];

/// Of the few words below, never of what a client sends: the number of series stays bounded.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Finished {
    finished_reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Http {
    handler: String,
    method: String,
    status: u16,
}

/// All metrics.
pub struct Metrics {
    registry: Registry,
    /// One scrape at a time, since counters catch up in it.
    scrape: Mutex<()>,
    running: Gauge,
    waiting: Gauge,
    cache_used: Gauge<f64, std::sync::atomic::AtomicU64>,
    cache_queries: Counter,
    cache_hits: Counter,
    prompt_tokens: Counter,
    generation_tokens: Counter,
    reasoning_tokens: Counter,
    refused: Counter,
    finished: Family<Finished, Counter>,
    first_token: Histogram,
    first_answer_token: Histogram,
    between_tokens: Histogram,
    queue: Histogram,
    request: Histogram,
    request_prompt_tokens: Histogram,
    request_generation_tokens: Histogram,
    http: Family<Http, Counter>,
}

impl Metrics {
    /// Nothing counted yet.
    pub fn new(model: &str) -> Metrics {
        let labels = [("model_name".into(), model.to_owned().into())];
        let mut registry = Registry::default();
        let mut metrics = Metrics {
            registry: Registry::default(),
            scrape: Mutex::new(()),
            running: Gauge::default(),
            waiting: Gauge::default(),
            cache_used: Gauge::default(),
            cache_queries: Counter::default(),
            cache_hits: Counter::default(),
            prompt_tokens: Counter::default(),
            generation_tokens: Counter::default(),
            reasoning_tokens: Counter::default(),
            refused: Counter::default(),
            finished: Family::default(),
            first_token: Histogram::new(FIRST_TOKEN_S),
            first_answer_token: Histogram::new(FIRST_TOKEN_S),
            between_tokens: Histogram::new(BETWEEN_TOKENS_S),
            queue: Histogram::new(REQUEST_S),
            request: Histogram::new(REQUEST_S),
            request_prompt_tokens: Histogram::new(TOKENS),
            request_generation_tokens: Histogram::new(TOKENS),
            http: Family::default(),
        };
        metrics.register(registry.sub_registry_with_labels(labels.into_iter()));
        registry.register("http_requests", "Requests by route and status", metrics.http.clone());
        metrics.registry = registry;
        metrics
    }

    fn register(&self, to: &mut Registry) {
        to.register("vllm:num_requests_running", "Sequences that run", self.running.clone());
        to.register("vllm:num_requests_waiting", "Sequences that wait", self.waiting.clone());
        to.register(
            "vllm:kv_cache_usage_perc",
            "Share of cache pages held",
            self.cache_used.clone(),
        );
        let help = "Prompt tokens looked up in the prefix cache";
        to.register("vllm:prefix_cache_queries", help, self.cache_queries.clone());
        let help = "Prompt tokens found in the prefix cache";
        to.register("vllm:prefix_cache_hits", help, self.cache_hits.clone());
        to.register("vllm:prompt_tokens", "Prompt tokens computed", self.prompt_tokens.clone());
        to.register("vllm:generation_tokens", "Tokens generated", self.generation_tokens.clone());
        let help = "Tokens generated inside thoughts";
        to.register("ponder_reasoning_tokens", help, self.reasoning_tokens.clone());
        to.register("vllm:admission_rejections", "Requests refused", self.refused.clone());
        to.register("vllm:request_success", "Requests by how they ended", self.finished.clone());
        let help = "From request to first token";
        to.register("vllm:time_to_first_token_seconds", help, self.first_token.clone());
        let help = "From request to first token of the answer, after the thought";
        to.register(
            "ponder_time_to_first_answer_token_seconds",
            help,
            self.first_answer_token.clone(),
        );
        let help = "Between tokens of a sequence";
        to.register("vllm:inter_token_latency_seconds", help, self.between_tokens.clone());
        let help = "From request to admission";
        to.register("vllm:request_queue_time_seconds", help, self.queue.clone());
        let help = "From request to last token";
        to.register("vllm:e2e_request_latency_seconds", help, self.request.clone());
        let help = "Prompt tokens of a request";
        to.register("vllm:request_prompt_tokens", help, self.request_prompt_tokens.clone());
        let help = "Generated tokens of a request";
        to.register("vllm:request_generation_tokens", help, self.request_generation_tokens.clone());
    }

    /// Counts an answered HTTP request. `route` is a pattern of ours, not the path.
    pub fn answered(&self, route: &str, method: &str, status: u16) {
        let labels = Http { handler: route.to_owned(), method: method.to_owned(), status };
        self.http.get_or_create(&labels).inc();
    }

    /// Everything as text, with the engine's counts of this moment.
    pub fn text(&self, stats: &Stats) -> String {
        let _scrape = self.scrape.lock().expect("nobody panics while holding the lock");
        self.running.set(stats.n_running as i64);
        self.waiting.set(stats.n_waiting as i64);
        self.cache_used.set(stats.n_pages_held as f64 / stats.n_pages.max(1) as f64);
        catch_up(&self.cache_queries, stats.prompt_tokens + stats.cached_tokens);
        catch_up(&self.cache_hits, stats.cached_tokens);
        catch_up(&self.prompt_tokens, stats.prompt_tokens);
        catch_up(&self.generation_tokens, stats.generated_tokens);
        catch_up(&self.refused, stats.refused);
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("a String takes all text");
        text
    }
}

/// Raises a counter to what the engine has counted.
fn catch_up(counter: &Counter, total: u64) {
    counter.inc_by(total.saturating_sub(counter.get()));
}

/// The times of one choice.
pub struct Timing {
    start: Instant,
    /// The same on the engine's clock.
    start_ms: u64,
    waited: Duration,
    last_token: Option<Instant>,
    has_answer: bool,
}

impl Timing {
    /// A request that began at `start`, which is `start_ms` on the engine's clock.
    pub fn new(start: Instant, start_ms: u64) -> Timing {
        Timing { start, start_ms, waited: Duration::ZERO, last_token: None, has_answer: false }
    }

    /// Notes when it was admitted, on the engine's clock.
    pub fn admitted(&mut self, at_ms: u64, metrics: &Metrics) {
        self.waited = Duration::from_millis(at_ms.saturating_sub(self.start_ms));
        metrics.queue.observe(self.waited.as_secs_f64());
    }

    /// How long it waited to be admitted.
    pub fn waited(&self) -> Duration {
        self.waited
    }

    /// Notes a token.
    pub fn token(&mut self, at: Instant, token: &TokenEvent, metrics: &Metrics) {
        match self.last_token {
            None => metrics.first_token.observe((at - self.start).as_secs_f64()),
            Some(last) => metrics.between_tokens.observe((at - last).as_secs_f64()),
        }
        self.last_token = Some(at);
        if token.is_reasoning {
            metrics.reasoning_tokens.inc();
        } else if !self.has_answer {
            self.has_answer = true;
            metrics.first_answer_token.observe((at - self.start).as_secs_f64());
        }
    }

    /// Notes the end.
    pub fn finish(&self, at: Instant, reason: &FinishReason, usage: &Usage, metrics: &Metrics) {
        let finished_reason = match reason {
            FinishReason::Stop => "stop",
            FinishReason::Length => "length",
            FinishReason::Cancelled => "abort",
            FinishReason::Deadline | FinishReason::QueueTimeout => "timeout",
            FinishReason::Failed(_) => "error",
        };
        metrics.finished.get_or_create(&Finished { finished_reason }).inc();
        metrics.request.observe((at - self.start).as_secs_f64());
        metrics.request_prompt_tokens.observe(usage.prompt_tokens as f64);
        metrics.request_generation_tokens.observe(usage.completion_tokens as f64);
    }
}
