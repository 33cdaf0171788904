//! Any server that talks OpenAI's chat completions, as a generator: several requests at once, each
//! tried again with growing pauses, and none given up because its reply takes long.

mod reply;
mod retry;

use std::io::BufReader;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::{Value, json};
use ureq::Agent;

use crate::error::EvalError;
use crate::generate::{Generator, Job, Sink};
use crate::protocol::Sampling;
use crate::sample::Reply;
use retry::{Attempt, Pauses};

/// Connecting takes no longer than this where anything listens.
const CONNECT: Duration = Duration::from_secs(30);
/// How long a server may be silent: a reply that is not streamed comes after minutes, a queue of a
/// busy server takes longer. Beyond it the connection is taken for dead.
const SILENCE: Duration = Duration::from_secs(2 * 3600);
/// The longest error text that is kept.
const ERROR_BYTES: u64 = 64 << 10;

/// A server and how it is asked.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The address up to and with `/v1`, or of the completions themselves.
    pub url: String,
    /// The model's name there.
    pub model: String,
    /// The key sent as a bearer token.
    pub key: Option<String>,
    /// Requests at once.
    pub concurrency: usize,
    /// Tries of a request, the first one included.
    pub tries: usize,
    /// Whether replies are asked for as a stream, which keeps connections alive.
    pub is_streamed: bool,
    /// How replies are drawn.
    pub sampling: Sampling,
}

impl Generator for Endpoint {
    fn generate(&mut self, jobs: &[Job<'_>], sink: &mut Sink<'_>) -> Result<(), EvalError> {
        let agent = agent();
        let (next, is_over) = (AtomicUsize::new(0), AtomicBool::new(false));
        let (sender, receiver) = mpsc::channel();
        std::thread::scope(|scope| {
            for _ in 0..self.concurrency.min(jobs.len()) {
                let (sender, next, is_over) = (sender.clone(), &next, &is_over);
                let (agent, this) = (agent.clone(), &*self);
                scope.spawn(move || {
                    while !is_over.load(Ordering::Relaxed) {
                        let place = next.fetch_add(1, Ordering::Relaxed);
                        let Some(job) = jobs.get(place) else { return };
                        let outcome = this.draw(&agent, job, is_over);
                        if sender.send((place, outcome)).is_err() {
                            return;
                        }
                    }
                });
            }
            drop(sender);
            let result = collect(jobs, &receiver, sink);
            // Requests under way are waited for, and what comes of them is left out: the next run
            // asks again with the same seeds.
            is_over.store(true, Ordering::Relaxed);
            drop(receiver);
            result
        })
    }
}

/// What became of a job. `Hopeless` is a failure that every other request will meet, too.
enum Drawn {
    Reply(Reply),
    Failed(String),
    Hopeless(String),
}

fn collect(
    jobs: &[Job<'_>],
    receiver: &mpsc::Receiver<(usize, Drawn)>,
    sink: &mut Sink<'_>,
) -> Result<(), EvalError> {
    for (place, drawn) in receiver {
        let result = match drawn {
            Drawn::Reply(reply) => Ok(reply),
            Drawn::Failed(reason) => Err(reason),
            Drawn::Hopeless(what) => {
                let hint = "look at --endpoint, --api-model and --api-key-env; samples that came \
                            before are kept, and the same command goes on from them";
                return Err(EvalError::Failed { what, hint: hint.into() });
            }
        };
        if sink(&jobs[place], result)? == ControlFlow::Break(()) {
            return Ok(());
        }
    }
    Ok(())
}

impl Endpoint {
    fn draw(&self, agent: &Agent, job: &Job<'_>, is_over: &AtomicBool) -> Drawn {
        let mut pauses = Pauses::new(job.seed);
        for number in 1.. {
            let reason = match self.attempt(agent, job) {
                Ok(reply) => return Drawn::Reply(reply),
                Err(Attempt::Hopeless(reason)) => return Drawn::Hopeless(reason),
                Err(Attempt::Refused(reason)) => return Drawn::Failed(reason),
                Err(Attempt::Again { reason, after }) if number < self.tries => {
                    pauses.wait(after, is_over);
                    reason
                }
                Err(Attempt::Again { reason, .. }) => {
                    return Drawn::Failed(format!("{reason} ({number} tries)"));
                }
            };
            if is_over.load(Ordering::Relaxed) {
                return Drawn::Failed(reason);
            }
        }
        unreachable!("the loop has no end of its own")
    }

    fn attempt(&self, agent: &Agent, job: &Job<'_>) -> Result<Reply, Attempt> {
        let body = serde_json::to_vec(&self.request(job)).expect("plain values");
        let mut request = agent
            .post(completions_url(&self.url))
            .header("Content-Type", "application/json")
            .header("Accept", "text/event-stream, application/json");
        if let Some(key) = &self.key {
            request = request.header("Authorization", format!("Bearer {key}"));
        }
        let mut response = request.send(&body[..]).map_err(|e| retry::of_transport(&e))?;
        let status = response.status().as_u16();
        if status != 200 {
            let pause = response.headers().get("retry-after").and_then(|v| v.to_str().ok());
            let pause = pause.and_then(retry::seconds);
            let body = response.body_mut().with_config().limit(ERROR_BYTES).lossy_utf8(true);
            let text = body.read_to_string().unwrap_or_default();
            return Err(retry::of_status(status, pause, &text));
        }
        let is_stream = response.body().mime_type() == Some("text/event-stream");
        let limit = response.body_mut().with_config().limit(reply::MAX_BYTES);
        let reader = BufReader::new(limit.reader());
        let reply = if is_stream { reply::streamed(reader) } else { reply::whole(reader) };
        reply.map_err(|reason| Attempt::Again { reason, after: None })
    }

    fn request(&self, job: &Job<'_>) -> Value {
        let mut request = json!({
            "model": self.model,
            "messages": [{"role": "user", "content": job.prompt}],
            "max_tokens": self.sampling.max_tokens,
            "temperature": self.sampling.temperature,
            "top_p": self.sampling.top_p,
            "seed": job.seed,
        });
        if self.is_streamed {
            request["stream"] = true.into();
            request["stream_options"] = json!({"include_usage": true});
        }
        request
    }
}

fn agent() -> Agent {
    Agent::config_builder()
        .http_status_as_error(false)
        .timeout_connect(Some(CONNECT))
        .timeout_per_read(Some(SILENCE))
        .timeout_per_write(Some(CONNECT * 4))
        .user_agent(concat!("ponder/", env!("CARGO_PKG_VERSION")))
        .build()
        .new_agent()
}

/// The address of chat completions, from a server's address in any of its usual forms.
pub fn completions_url(url: &str) -> String {
    let url = url.trim_end_matches('/');
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    if url.ends_with("/chat/completions") {
        url.to_owned()
    } else if after_scheme.contains('/') {
        format!("{url}/chat/completions")
    } else {
        format!("{url}/v1/chat/completions")
    }
}

/// The address of the list of models, likewise.
pub fn models_url(url: &str) -> String {
    completions_url(url).replace("/chat/completions", "/models")
}

/// The one model that a server has; an error where it has several, which names them.
pub fn only_model(url: &str, key: Option<&str>) -> Result<String, EvalError> {
    let url = models_url(url);
    let failed = |reason: String| EvalError::Usage {
        what: format!("{url}: {reason}"),
        hint: "name the model with --api-model".into(),
    };
    let mut request = agent().get(&url);
    if let Some(key) = key {
        request = request.header("Authorization", format!("Bearer {key}"));
    }
    let mut response = request.call().map_err(|e| failed(e.to_string()))?;
    if response.status() != 200 {
        return Err(failed(format!("answers with status {}", response.status())));
    }
    let text = response.body_mut().read_to_string().map_err(|e| failed(e.to_string()))?;
    let list: Value = serde_json::from_str(&text).map_err(|e| failed(e.to_string()))?;
    let names: Vec<&str> =
        list["data"].as_array().into_iter().flatten().filter_map(|m| m["id"].as_str()).collect();
    match names[..] {
        [name] => Ok(name.to_owned()),
        [] => Err(failed("lists no models".into())),
        _ => Err(failed(format!("has {} models: {}", names.len(), names.join(", ")))),
    }
}

#[cfg(test)]
mod tests;
