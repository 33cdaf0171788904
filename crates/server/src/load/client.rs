//! One client: sends a request, notes when each piece of the answer comes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper::{Request, Response, body::Incoming};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use super::LoadError;
use super::plan::{Manner, Planned};

/// Where to send.
#[derive(Clone)]
pub struct Target {
    authority: Arc<str>,
    key: Option<Arc<str>>,
}

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// With the end of the answer.
    Finished,
    /// The client hung up, as planned.
    Left,
    /// The server said no, with this status.
    Refused(u16),
    /// Otherwise.
    Lost(String),
}

/// What a client saw; times in seconds.
#[derive(Clone, Debug)]
pub struct Record {
    /// How it ended.
    pub outcome: Outcome,
    /// Whether the client read at full speed and to the end.
    pub is_plain: bool,
    /// When it was sent, after the start of the load.
    pub sent_s: f64,
    /// From there to the first token, of thinking or answer.
    pub first_s: Option<f64>,
    /// To the first token of the answer.
    pub first_answer_s: Option<f64>,
    /// Between pieces of the answer.
    pub gaps_s: Vec<f64>,
    /// To the end.
    pub total_s: f64,
    /// Tokens of the answer, thinking included.
    pub tokens: usize,
}

impl Target {
    /// A server by its URL.
    pub fn new(url: &str, key: Option<&str>) -> Result<Target, LoadError> {
        let wrong = |reason| LoadError::Url { url: url.to_owned(), reason };
        let rest = url.strip_prefix("http://").ok_or(wrong("expected http://"))?;
        let authority = rest.trim_end_matches('/').trim_end_matches("/v1");
        if authority.is_empty() || authority.contains('/') {
            return Err(wrong("expected nothing after the port"));
        }
        let has_port =
            authority.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let authority = if has_port { authority.to_owned() } else { format!("{authority}:80") };
        Ok(Target { authority: authority.into(), key: key.map(Arc::from) })
    }

    async fn send(
        &self,
        method: &str,
        path: &str,
        body: String,
    ) -> Result<Response<Incoming>, String> {
        let text = |error: &dyn std::fmt::Display| error.to_string();
        let stream = TcpStream::connect(&*self.authority).await.map_err(|e| text(&e))?;
        stream.set_nodelay(true).map_err(|e| text(&e))?;
        let handshake = http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = handshake.map_err(|e| text(&e))?;
        tokio::spawn(connection);
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", &*self.authority)
            .header("content-type", "application/json");
        if let Some(key) = &self.key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        let request = request.body(Full::new(Bytes::from(body))).map_err(|e| text(&e))?;
        sender.send_request(request).await.map_err(|e| text(&e))
    }
}

/// The id of the first model that a server has.
pub async fn first_model(target: &Target) -> Result<String, String> {
    let response = target.send("GET", "/v1/models", String::new()).await?;
    let status = response.status();
    let bytes = response.into_body().collect().await.map_err(|e| e.to_string())?.to_bytes();
    let value: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let id = value["data"][0]["id"].as_str();
    id.map(str::to_owned).ok_or_else(|| format!("/v1/models answered {status} without a model"))
}

/// Runs one request.
pub async fn run(
    target: &Target,
    model: &str,
    planned: &Planned,
    start: Instant,
    patience: Duration,
) -> Record {
    let sent = Instant::now();
    let mut record = Record {
        outcome: Outcome::Lost("no answer".to_owned()),
        is_plain: planned.manner == Manner::Stays,
        sent_s: (sent - start).as_secs_f64(),
        first_s: None,
        first_answer_s: None,
        gaps_s: Vec::new(),
        total_s: 0.0,
        tokens: 0,
    };
    let limit = match planned.manner {
        Manner::Leaves(after) => after,
        Manner::Stays | Manner::Slow(_) => patience,
    };
    let mut seen = Seen { last: sent, sent, usage: None, is_done: false };
    let result =
        tokio::time::timeout(limit, follow(target, model, planned, &mut record, &mut seen)).await;
    record.total_s = sent.elapsed().as_secs_f64();
    record.outcome = match (result, planned.manner) {
        (Ok(Ok(outcome)), _) => outcome,
        (Ok(Err(reason)), _) => Outcome::Lost(reason),
        (Err(_), Manner::Leaves(_)) => Outcome::Left,
        (Err(_), _) => Outcome::Lost("no end within ten minutes".to_owned()),
    };
    record.tokens = seen.usage.unwrap_or(record.tokens);
    record
}

/// What was read so far.
struct Seen {
    sent: Instant,
    /// When the last piece came.
    last: Instant,
    usage: Option<usize>,
    is_done: bool,
}

async fn follow(
    target: &Target,
    model: &str,
    planned: &Planned,
    record: &mut Record,
    seen: &mut Seen,
) -> Result<Outcome, String> {
    let mut body = json!({
        "model": model,
        "messages": [{ "role": "user", "content": planned.prompt }],
        "max_tokens": planned.max_tokens,
        "ignore_eos": planned.ignores_eos,
        "seed": planned.seed,
        "stream": true,
        "stream_options": { "include_usage": true },
    });
    if let Some(budget) = planned.thinking_budget {
        body["thinking_token_budget"] = budget.into();
    }
    let response = target.send("POST", "/v1/chat/completions", body.to_string()).await?;
    if !response.status().is_success() {
        return Ok(Outcome::Refused(response.status().as_u16()));
    }
    let mut body = response.into_body();
    let mut pending = String::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| error.to_string())?;
        let Ok(data) = frame.into_data() else { continue };
        pending.push_str(&String::from_utf8_lossy(&data));
        while let Some(end) = pending.find('\n') {
            let line: String = pending.drain(..=end).collect();
            if let Some(event) = line.trim_end().strip_prefix("data: ") {
                note(event, record, seen)?;
            }
        }
        if let Manner::Slow(wait) = planned.manner {
            tokio::time::sleep(wait).await;
        }
    }
    match seen.is_done {
        true => Ok(Outcome::Finished),
        false => Err("the stream broke off".to_owned()),
    }
}

fn note(event: &str, record: &mut Record, seen: &mut Seen) -> Result<(), String> {
    if event == "[DONE]" {
        seen.is_done = true;
        return Ok(());
    }
    let event: Value = serde_json::from_str(event).map_err(|error| error.to_string())?;
    if let Some(error) = event["error"]["message"].as_str() {
        return Err(error.to_owned());
    }
    if let Some(tokens) = event["usage"]["completion_tokens"].as_u64() {
        seen.usage = Some(tokens as usize);
    }
    let delta = &event["choices"][0]["delta"];
    let has = |field: &str| delta[field].as_str().is_some_and(|text| !text.is_empty());
    let (is_reasoning, is_answer) = (has("reasoning_content"), has("content"));
    if !is_reasoning && !is_answer {
        return Ok(());
    }
    let now = Instant::now();
    let since_sent = (now - seen.sent).as_secs_f64();
    if record.first_s.is_none() {
        record.first_s = Some(since_sent);
    } else {
        record.gaps_s.push((now - seen.last).as_secs_f64());
    }
    if is_answer {
        record.first_answer_s.get_or_insert(since_sent);
    }
    seen.last = now;
    record.tokens += 1;
    Ok(())
}
