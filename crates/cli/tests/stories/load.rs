//! A user measures a server: under many clients, with some that hang up or read slowly, nothing is
//! lost and nothing is left behind. Another talks with it from a terminal.

use serde_json::Value;

use crate::server::Server;
use crate::support::{arg, ponder, thinking_model};

#[test]
fn a_benchmark_of_serving_starts_a_server_and_loses_nothing() {
    let model = thinking_model();
    let common = ["bench", "serve", "--model", arg(model.path()), "--threads", "1", "--json"];
    let clients = ["--clients", "16", "--requests", "64", "--tokens", "16"];
    let report: Value = ponder(&[&common[..], &clients].concat(), "").json();
    assert_eq!((&report["finished"], &report["lost"]), (&64.into(), &0.into()), "{report}");
    assert_eq!(report["tokens"], 64 * 16);
    for times in ["first_token_ms", "first_answer_token_ms", "between_tokens_ms", "total_ms"] {
        let quantiles = &report[times];
        assert!(
            quantiles["p99"].as_f64().unwrap() >= quantiles["p50"].as_f64().unwrap(),
            "{report}"
        );
    }
}

#[test]
fn a_storm_of_clients_that_hang_up_leaves_nothing_behind() {
    let model = thinking_model();
    let server = Server::start(arg(model.path()), &["--sequences", "8"]);
    let url = format!("http://{}", server.address);
    let storm = [
        "bench",
        "serve",
        "--endpoint",
        &url,
        "--rate",
        "100",
        "--requests",
        "200",
        "--tokens",
        "200",
        "--leaving",
        "0.6",
        "--slow",
        "0.05",
        "--json",
    ];
    let report: Value = ponder(&storm, "").json();
    assert_eq!(report["lost"], 0, "{report}");
    let ended = report["finished"].as_u64().unwrap() + report["left"].as_u64().unwrap();
    assert_eq!(ended, 200, "{report}");
    assert_eq!(server.metric("vllm:num_requests_running"), 0.0);
    assert_eq!(server.metric("vllm:num_requests_waiting"), 0.0);
    assert_eq!(server.metric("vllm:kv_cache_usage_perc"), 0.0);
}

#[test]
fn a_conversation_goes_to_a_server() {
    let model = thinking_model();
    let server = Server::start(arg(model.path()), &[]);
    let url = format!("http://{}/v1", server.address);
    let flags = ["--think-budget", "2", "--max-tokens", "8", "--temperature", "0"];
    let args = [&["chat", "--endpoint", &url][..], &flags, &["--logit-bias", "68=100"]].concat();
    assert_eq!(ponder(&args, "first\nsecond\n").ok(), "bbbbb\nbbbbb\n");
    let nowhere = ["chat", "--endpoint", "http://127.0.0.1:9"];
    ponder(&nowhere, "").refused(&["127.0.0.1:9"]);
}
