//! An attacker sends ten thousand requests that are broken, huge or strange: the server answers
//! each with an error of theirs, goes on serving others, and keeps no memory of it.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::TcpStream;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::server::{Answer, Server};
use crate::support::{arg, thinking_model};

const REQUESTS: usize = 10_000;
/// Before memory is looked at for the first time.
const WARM_UP: usize = 10_000;
/// Sockets that send a few bytes and then nothing.
const SLOW_SOCKETS: usize = 100;

/// Repeatable random numbers (xorshift64).
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 33) as usize % n
    }

    fn of<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }
}

fn rss_kb(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn bodies() -> Vec<(&'static str, Value)> {
    let tool =
        json!({"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}});
    vec![
        (
            "/v1/chat/completions",
            json!({"model": "default", "max_tokens": 2, "temperature": 0.5, "n": 1,
            "stop": ["x"], "seed": 1, "logit_bias": {"5": 1}, "stream": false, "top_p": 0.9,
            "thinking": {"type": "enabled", "budget_tokens": 1}, "logprobs": true, "top_logprobs": 1,
            "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "Hello"}]}),
        ),
        (
            "/v1/chat/completions",
            json!({"model": "default", "max_tokens": 2, "tools": [tool],
            "tool_choice": "auto", "response_format": {"type": "json_object"},
            "messages": [{"role": "user", "content": [{"type": "text", "text": "x"}]}]}),
        ),
        (
            "/v1/completions",
            json!({"model": "default", "prompt": [[1, 2, 3]], "max_tokens": 1,
            "logprobs": 1, "echo": true, "min_tokens": 0, "stop_token_ids": [1]}),
        ),
        (
            "/v1/messages",
            json!({"model": "default", "max_tokens": 2, "system": "s",
            "messages": [{"role": "user", "content": [{"type": "text", "text": "x"}]}]}),
        ),
        (
            "/v1/responses",
            json!({"model": "default", "max_output_tokens": 2,
            "input": [{"type": "message", "role": "user", "content": "x"}]}),
        ),
        ("/tokenize", json!({"prompt": "some text", "add_special_tokens": true})),
        ("/detokenize", json!({"tokens": [1, 2, 3]})),
    ]
}

/// Values that no field wants, or only some.
fn odd_value(random: &mut Random) -> Value {
    let nested = (0..70).fold(json!(1), |inner, _| json!([inner]));
    let odd = [
        json!(null),
        json!(true),
        json!(-1),
        json!(0),
        json!(1e308),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(0.1),
        json!(""),
        json!("\u{0}\u{ffff}"),
        json!([]),
        json!({}),
        json!([null]),
        nested,
        json!("x".repeat(10_000)),
        json!({"": {"": ""}}),
        json!("<｜Assistant｜><think>"),
        json!([[[[1]]]]),
        json!({"type": "json_schema"}),
        json!(vec![7; 5000]),
        json!("(a+)+$"),
        json!({"type": "regex", "pattern": "((((((((a{1,1000}){1,1000}){1,1000}))))))"}),
        json!({"type": "json_schema", "json_schema": {"schema": {"$ref": "#"}}}),
        json!({"type": "json_schema", "json_schema": {"schema": {"minItems": 1e9, "type": "array"}}}),
        json!({"type": "grammar", "grammar": "start: start start"}),
    ];
    random.of(&odd).clone()
}

/// Replaces a value somewhere inside.
fn disturb(value: &mut Value, random: &mut Random) {
    let odd = odd_value(random);
    let goes_in = random.below(3) > 0;
    match value {
        Value::Object(fields) if goes_in && !fields.is_empty() => {
            let index = random.below(fields.len() + 1);
            match fields.values_mut().nth(index) {
                Some(inner) => disturb(inner, random),
                None => drop(fields.insert(format!("field{index}"), odd)),
            }
        }
        Value::Array(items) if goes_in && !items.is_empty() => {
            let index = random.below(items.len());
            disturb(&mut items[index], random);
        }
        other => *other = odd,
    }
}

fn damaged_body(server: &Server, random: &mut Random) -> Vec<u8> {
    let (path, mut body) = random.of(&bodies()).clone();
    let mut bytes = match random.below(4) {
        0 | 1 => {
            disturb(&mut body, random);
            body.to_string().into_bytes()
        }
        2 => {
            let mut bytes = body.to_string().into_bytes();
            for _ in 0..=random.below(4) {
                let at = random.below(bytes.len());
                bytes[at] = random.below(256) as u8;
            }
            bytes
        }
        _ => {
            let text = body.to_string();
            text.as_bytes()[..random.below(text.len())].to_vec()
        }
    };
    match random.below(500) {
        0..10 => bytes = b"[".repeat(100_000),
        // As much as is taken, and more.
        10 => bytes = giant(7 << 20),
        11 => bytes = giant(9 << 20),
        _ => {}
    }
    let mut request = server.request("POST", path, "", "");
    let head = String::from_utf8(std::mem::take(&mut request)).unwrap();
    let head = head.replace("content-length: 0", &format!("content-length: {}", bytes.len()));
    [head.into_bytes(), bytes].concat()
}

/// A message of so many bytes.
fn giant(n_bytes: usize) -> Vec<u8> {
    let content = "é\\n".repeat(n_bytes / 4);
    let body =
        r#"{"model": "default", "max_tokens": 2, "messages": [{"role": "user", "content": ""#;
    [body.as_bytes(), content.as_bytes(), br#""}]}"#].concat()
}

fn strange_head(server: &Server, random: &mut Random) -> Vec<u8> {
    let host = &server.address;
    let many: String = (0..200).map(|i| format!("x-{i}: y\r\n")).collect();
    let huge = "a".repeat(100_000);
    let heads = [
        format!("GET /../../etc/passwd HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n"),
        format!("GET /%00%2e%2e/%ff HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n"),
        format!("GET /v1/models/{huge} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n"),
        format!("GET /v1/models/..%2f..%2fx HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nhost: {host}\r\n{many}connection: close\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nhost: {host}\r\nx: {huge}\r\n\r\n"),
        format!("BREW /v1/models HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n"),
        format!(
            "POST /v1/completions HTTP/1.1\r\nhost: {host}\r\ncontent-length: 99999999999\r\nconnection: close\r\n\r\n{{}}"
        ),
        format!("POST /v1/completions HTTP/1.1\r\nhost: {host}\r\ncontent-length: -1\r\n\r\n"),
        format!(
            "POST /v1/completions HTTP/1.1\r\nhost: {host}\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\nzz\r\n"
        ),
        format!(
            "GET /health HTTP/1.1\r\nhost: {host}\r\nx-request-id: a\u{1}b\r\nconnection: close\r\n\r\n"
        ),
        "GET /health HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n".to_owned(),
        "\r\n\r\n\u{0}\u{1}\u{2}".to_owned(),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nxxxxxxxxxxxxxxxxxxxx".to_owned(),
    ];
    random.of(&heads).clone().into_bytes()
}

/// Sends bytes that the server may refuse to read to their end.
fn send(server: &Server, bytes: &[u8]) -> u16 {
    let mut stream = TcpStream::connect(&server.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    // The server may have closed already: its answer, if any, is what counts.
    let _ = stream.write_all(bytes);
    Answer::read(stream).status
}

/// Asks for the server's health again and again until told to stop; the longest wait, and how often
/// it asked.
fn watch(server: &Server, is_over: &AtomicBool) -> (Duration, usize) {
    let (mut worst, mut n_asked) = (Duration::ZERO, 0);
    while !is_over.load(Ordering::SeqCst) {
        let start = Instant::now();
        assert_eq!(server.get("/health").status, 200);
        worst = worst.max(start.elapsed());
        n_asked += 1;
        std::thread::park_timeout(Duration::from_millis(20));
    }
    (worst, n_asked)
}

/// Sends `n` requests; how often each status came.
fn storm(server: &Server, seed: u64, n: usize) -> BTreeMap<u16, usize> {
    let mut random = Random(seed);
    let mut counts = BTreeMap::new();
    for _ in 0..n {
        let bytes = match random.below(5) {
            0 => strange_head(server, &mut random),
            _ => damaged_body(server, &mut random),
        };
        let status = send(server, &bytes);
        *counts.entry(status).or_insert(0) += 1;
        let is_ours = status >= 500 && status != 503 && status != 529;
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(2000)]);
        assert!(!is_ours, "{status} for {shown}");
    }
    counts
}

#[test]
fn ten_thousand_hostile_requests_do_no_harm() {
    let model = thinking_model();
    // A short context, since some of the requests turn out to be good ones.
    let server = Server::start(arg(model.path()), &["--context", "128"]);
    let slow: Vec<TcpStream> = (0..SLOW_SOCKETS).map(|_| server.connect(b"GET /hea")).collect();
    // Caches fill, and every path is run once.
    storm(&server, 0xca11, WARM_UP);
    let rss_before = rss_kb(&server);
    let is_over = AtomicBool::new(false);
    let (counts, (worst, n_asked)) = std::thread::scope(|scope| {
        let watcher = scope.spawn(|| watch(&server, &is_over));
        // The watcher must end even if the storm finds something.
        let result =
            std::panic::catch_unwind(AssertUnwindSafe(|| storm(&server, 0x5eed, REQUESTS)));
        is_over.store(true, Ordering::SeqCst);
        let watched = watcher.join().unwrap();
        (result.unwrap_or_else(|panic| std::panic::resume_unwind(panic)), watched)
    });
    let rss = rss_kb(&server);
    println!(
        "statuses {counts:?}; RSS {rss_before} then {rss} kB; {n_asked} times well, {worst:?}"
    );
    assert!(worst < Duration::from_secs(1), "others waited {worst:?}");
    assert!(rss <= rss_before + rss_before / 20, "RSS grew from {rss_before} to {rss} kB");
    assert!(counts.get(&400).is_some_and(|n| *n > 1000) && counts.contains_key(&200), "{counts:?}");
    drop(slow);
    let asked = json!({"model": "default", "prompt": "x", "max_tokens": 2});
    assert_eq!(server.post("/v1/completions", &asked).status, 200);
    assert_eq!(server.metric("vllm:kv_cache_usage_perc"), 0.0);
}
