//! A server ends: asked to, it finishes what it has and says so to load balancers; asked twice or
//! killed, it leaves no stream that looks complete, and the next one starts at once.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::server::Server;
use crate::support::{arg, edit_json, thinking_model};

/// A model whose answers may take minutes.
fn patient_model() -> TempDir {
    let model = thinking_model();
    edit_json(&model.path().join("config.json"), |config| {
        config["max_position_embeddings"] = json!(100_000);
    });
    model
}

fn chat(max_tokens: usize) -> Value {
    json!({
        "model": "default", "messages": [{"role": "user", "content": "Hello"}],
        "max_tokens": max_tokens, "ignore_eos": true, "stream": true, "logit_bias": {"68": 100},
    })
}

/// Starts an answer and reads its first event.
fn begin(server: &Server, max_tokens: usize) -> BufReader<TcpStream> {
    let body = chat(max_tokens).to_string();
    let request = server.request("POST", "/v1/chat/completions", "", &body);
    let mut stream = BufReader::new(server.connect(&request));
    let mut line = String::new();
    while !line.contains("reasoning_content") {
        line.clear();
        assert!(stream.read_line(&mut line).unwrap() > 0, "no answer");
    }
    stream
}

/// What else comes.
fn rest(mut stream: BufReader<TcpStream>) -> String {
    let mut bytes = Vec::new();
    // A killed server resets the connection: what came before counts.
    let _ = std::io::Read::read_to_end(&mut stream, &mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

fn poll(what: &str, limit: Duration, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < limit, "not {what} within {limit:?}");
        std::thread::yield_now();
    }
}

#[test]
fn a_drain_tells_load_balancers_first_then_refuses_then_ends_within_its_limit() {
    let model = patient_model();
    let args = ["--drain-delay", "2", "--drain-limit", "1"];
    let mut server = Server::start(arg(model.path()), &args);
    let answer = begin(&server, 90_000);
    server.signal("-TERM");
    let asked = Instant::now();
    poll("unready", Duration::from_secs(1), || server.get("/ready").status == 503);
    assert_eq!(server.get("/health").status, 200, "it still works");
    let body = chat(4);
    let late = server.post("/v1/chat/completions", &body);
    assert!(late.body.ends_with("data: [DONE]\n\n"), "{late:?}");
    assert!(asked.elapsed() < Duration::from_secs(2), "too slow a machine to see the delay");
    poll("refused", Duration::from_secs(3), || {
        let refused = server.post("/v1/chat/completions", &body);
        assert!([200, 503].contains(&refused.status), "{refused:?}");
        assert!(refused.status == 200 || refused.head.contains("retry-after"), "{refused:?}");
        refused.status == 503
    });
    let text = rest(answer);
    assert!(text.contains("\"error\"") && text.contains("[DONE]"), "cut by the limit, and said so");
    assert_eq!(server.wait(), Some(0));
    let took = asked.elapsed();
    assert!((3..8).contains(&took.as_secs()), "delay and limit are 3 s, it took {took:?}");
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let model = patient_model();
    let mut server = Server::start(arg(model.path()), &["--drain-limit", "100"]);
    let answer = begin(&server, 90_000);
    server.signal("-TERM");
    poll("unready", Duration::from_secs(1), || server.get("/ready").status == 503);
    server.signal("-TERM");
    assert_eq!(server.wait(), Some(1));
    assert!(!rest(answer).contains("[DONE]"));
}

#[test]
fn killed_under_load_it_leaves_no_whole_looking_answer_and_starts_again() {
    let model = patient_model();
    let mut server = Server::start(arg(model.path()), &[]);
    let port = server.address.rsplit_once(':').unwrap().1.to_owned();
    for _ in 0..5 {
        let answers: Vec<_> = (0..8).map(|_| begin(&server, 90_000)).collect();
        server.signal("-KILL");
        assert_eq!(server.wait(), None);
        for answer in answers {
            let text = rest(answer);
            assert!(!text.contains("[DONE]") && !text.contains("\"length\""), "{text}");
        }
        server = Server::start(arg(model.path()), &["--port", &port]);
        let whole = server.post("/v1/chat/completions", &chat(4));
        assert!(whole.body.ends_with("data: [DONE]\n\n"), "{whole:?}");
    }
}
