//! `ponder chat --endpoint`: a conversation with a model on any server that speaks OpenAI's chat
//! completions, with or without DeepSeek's `reasoning_content`.

use std::io::{BufRead, BufReader};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use ponder_eval::endpoint;
use ponder_text::Part;
use serde_json::{Value, json};

use crate::exit::usage;
use crate::generation::GenerationArgs;
use crate::interrupt::Interrupt;

const HINT: &str = "`--endpoint http://HOST:PORT/v1` takes a server with OpenAI's API";
/// Servers that do not even accept a connection are not there.
const CONNECT: Duration = Duration::from_secs(10);
/// Of a server's complaint, what is shown.
const MAX_COMPLAINT_BYTES: u64 = 64 << 10;
/// More than the longest answer with its thinking, one event a token.
const MAX_ANSWER_BYTES: u64 = 256 << 20;
/// How long Ctrl-C may wait to be noticed.
const LOOK_UP: Duration = Duration::from_millis(50);

/// A server to talk with.
pub struct Endpoint {
    agent: ureq::Agent,
    url: String,
    key: Option<String>,
    model: String,
}

/// What one turn gave.
pub struct Turn {
    /// The answer; `None` if it was stopped before there was one.
    pub answer: Option<String>,
    /// A line about what it took.
    pub summary: String,
}

impl Endpoint {
    /// Looks up the server's first model, unless one is named. The key is that of PONDER_API_KEY or
    /// OPENAI_API_KEY.
    pub fn open(url: &str, model: Option<&str>) -> anyhow::Result<Endpoint> {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT))
            .user_agent(concat!("ponder/", env!("CARGO_PKG_VERSION")))
            .build();
        let key =
            ["PONDER_API_KEY", "OPENAI_API_KEY"].iter().find_map(|name| std::env::var(name).ok());
        let mut endpoint = Endpoint {
            agent: config.into(),
            url: url.to_owned(),
            key,
            model: model.unwrap_or_default().to_owned(),
        };
        if model.is_none() {
            endpoint.model = endpoint.first_model()?;
        }
        Ok(endpoint)
    }

    /// The model's id.
    pub fn model(&self) -> &str {
        &self.model
    }

    fn first_model(&self) -> anyhow::Result<String> {
        let url = endpoint::models_url(&self.url);
        let mut request = self.agent.get(&url);
        if let Some(key) = &self.key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        let mut response =
            request.call().map_err(|error| usage(format!("{url}: {error}"), HINT))?;
        let text = response.body_mut().read_to_string().unwrap_or_default();
        let value: Value = serde_json::from_str(&text).unwrap_or_default();
        match value["data"][0]["id"].as_str() {
            Some(id) => Ok(id.to_owned()),
            None => Err(complaint(&url, response.status().as_u16(), &text)),
        }
    }

    /// Has the server answer; `show` sees text as it comes.
    pub fn answer(
        &self,
        messages: &[Value],
        args: &GenerationArgs,
        interrupt: &Interrupt,
        mut show: impl FnMut(Part, &str) -> std::io::Result<()>,
    ) -> anyhow::Result<Turn> {
        let url = endpoint::completions_url(&self.url);
        let mut request = self.agent.post(&url).header("content-type", "application/json");
        if let Some(key) = &self.key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        let body = self.body(messages, args).to_string();
        let start = Instant::now();
        let mut response =
            request.send(body).map_err(|error| usage(format!("{url}: {error}"), HINT))?;
        let status = response.status().as_u16();
        if status != 200 {
            let body = response.body_mut().with_config().limit(MAX_COMPLAINT_BYTES);
            return Err(complaint(&url, status, &body.read_to_string().unwrap_or_default()));
        }
        let body = response.into_body().into_with_config().limit(MAX_ANSWER_BYTES);
        let lines = lines(BufReader::new(body.reader()));
        let mut seen = Seen { answer: String::new(), tokens: None, first: None };
        interrupt.watch();
        let result = seen.read(&lines, &url, interrupt, &mut show);
        let is_interrupted = interrupt.unwatch();
        result?;
        let first_s = seen.first.map_or(0.0, |first| (first - start).as_secs_f64());
        let mut summary = format!("{}; first word after {first_s:.2} s", self.model);
        if let (Some(tokens), Some(first)) = (seen.tokens, seen.first) {
            let rate = tokens.saturating_sub(1) as f64 / first.elapsed().as_secs_f64().max(1e-9);
            summary = format!("{tokens} tokens, {rate:.1} tok/s; {summary}");
        }
        let is_cut = is_interrupted && seen.answer.trim().is_empty();
        Ok(Turn { answer: (!is_cut).then_some(seen.answer), summary })
    }

    /// Only what was asked for: other servers do not know all of our fields.
    fn body(&self, messages: &[Value], args: &GenerationArgs) -> Value {
        let mut body = json!({
            "model": self.model, "messages": messages, "stream": true,
            "stream_options": { "include_usage": true },
        });
        let mut set = |field: &str, value: Value| {
            if !value.is_null() {
                body[field] = value;
            }
        };
        let other_than = |value: f32, neutral: f32| (value != neutral).then_some(value);
        set("max_tokens", json!(args.max_tokens));
        set("thinking_token_budget", json!(args.think_budget));
        set("temperature", json!(args.temperature));
        set("top_p", json!(args.top_p));
        set("top_k", json!(args.top_k));
        set("min_p", json!(other_than(args.min_p, 0.0)));
        set("repetition_penalty", json!(other_than(args.repetition_penalty, 1.0)));
        set("presence_penalty", json!(other_than(args.presence_penalty, 0.0)));
        set("frequency_penalty", json!(other_than(args.frequency_penalty, 0.0)));
        set("seed", json!(args.seed));
        if !args.stop.is_empty() {
            set("stop", json!(args.stop));
        }
        if !args.logit_bias.is_empty() {
            let biases = args.logit_bias.iter().map(|(id, bias)| (id.to_string(), json!(bias)));
            set("logit_bias", Value::Object(biases.collect()));
        }
        body
    }
}

/// Lines as they come, from a thread of their own, so that Ctrl-C need not wait for the next one.
/// The thread ends, and the connection with it, at the first line that nobody takes.
fn lines(reader: impl BufRead + Send + 'static) -> Receiver<std::io::Result<String>> {
    let (sender, receiver) = mpsc::sync_channel(64);
    std::thread::spawn(move || {
        for line in reader.lines() {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

/// What came of an answer.
struct Seen {
    answer: String,
    tokens: Option<u64>,
    /// When the first word came.
    first: Option<Instant>,
}

impl Seen {
    /// Reads events to the end, or until the user stops it.
    fn read(
        &mut self,
        lines: &Receiver<std::io::Result<String>>,
        url: &str,
        interrupt: &Interrupt,
        show: &mut impl FnMut(Part, &str) -> std::io::Result<()>,
    ) -> anyhow::Result<()> {
        while !interrupt.is_stopped() {
            let line = match lines.recv_timeout(LOOK_UP) {
                Ok(line) => line,
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(usage(format!("{url}: the answer broke off"), HINT));
                }
            };
            let line = line.map_err(|error| usage(format!("{url}: {error}"), HINT))?;
            let Some(event) = line.strip_prefix("data:").map(str::trim) else { continue };
            if event == "[DONE]" {
                return Ok(());
            }
            let event: Value = serde_json::from_str(event)
                .map_err(|error| usage(format!("{url}: an event is no JSON: {error}"), HINT))?;
            if event["error"].is_object() {
                return Err(complaint(url, 200, &event.to_string()));
            }
            self.tokens = event["usage"]["completion_tokens"].as_u64().or(self.tokens);
            let delta = &event["choices"][0]["delta"];
            let reasoning = delta["reasoning_content"].as_str().or(delta["reasoning"].as_str());
            let content = delta["content"].as_str();
            for (part, text) in [(Part::Thinking, reasoning), (Part::Answer, content)] {
                let Some(text) = text.filter(|text| !text.is_empty()) else { continue };
                self.first.get_or_insert_with(Instant::now);
                show(part, text)?;
                if part == Part::Answer {
                    self.answer.push_str(text);
                }
            }
        }
        Ok(())
    }
}

/// What a server says is wrong.
fn complaint(url: &str, status: u16, body: &str) -> anyhow::Error {
    let value: Value = serde_json::from_str(body).unwrap_or_default();
    let said = value["error"]["message"].as_str().unwrap_or("no reason given");
    // Of others' making: nothing of it may steer the terminal.
    let said: String = said.chars().filter(|c| !c.is_control()).take(500).collect();
    let hint = match status {
        401 | 403 => "PONDER_API_KEY or OPENAI_API_KEY gives the key",
        _ => HINT,
    };
    usage(format!("{url}: {status}: {said}"), hint)
}
