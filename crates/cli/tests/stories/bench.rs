//! A user measures: a speed with its spread, as a share of the limit measured beside it.

use serde_json::Value;

use crate::support::{arg, fixture, ponder};

fn check(report: &Value, limit: &str) {
    let tokens = &report["tokens_per_s"];
    let at = |key: &str| tokens[key].as_f64().unwrap();
    assert!(at("min") > 0.0 && at("min") <= at("median") && at("median") <= at("max"), "{tokens}");
    for key in ["bytes_per_token", "flops_per_token", "share"] {
        assert!(report[key].as_f64().unwrap() > 0.0, "{key}: {report}");
    }
    assert_eq!(report["limit"]["kind"], limit);
    assert!(
        report["limit"]["value"].as_f64().unwrap() > 0.1 && report["limit"]["unit"].is_string()
    );
    for key in ["threads", "runs", "peak_rss_bytes"] {
        assert!(report[key].as_u64().unwrap() > 0, "{key}: {report}");
    }
    for key in ["isa", "shape", "commit"] {
        assert!(!report[key].as_str().unwrap().is_empty(), "{key}: {report}");
    }
}

#[test]
fn decode_and_prefill_report_their_share() {
    let dir = fixture("v3-fp8");
    let flags = ["--model", arg(&dir), "--runs", "1", "--tokens", "8", "--threads", "1", "--json"];
    let deep = ["--context", "70", "--streams", "2"];
    let decode = ponder(&[&["bench", "decode"][..], &flags, &deep].concat(), "");
    if decode.stderr.contains("--isa reference") {
        println!("skipped: this processor has no fast path");
        return;
    }
    check(&decode.json(), "read_bandwidth");
    let prefill = ponder(&[&["bench", "prefill"][..], &flags].concat(), "").json();
    check(&prefill, "tile_rate");
    assert!(prefill.get("projected").is_none());
}

#[test]
fn what_cannot_be_measured_is_refused() {
    let dir = fixture("v3-fp8");
    let long = ["bench", "prefill", "--model", arg(&dir), "--tokens", "5000"];
    ponder(&long, "").refused(&["5000 tokens exceed the model's context of 256"]);
    ponder(&["bench", "decode", "--shape", "gpt-5"], "").refused(&["`gpt-5` is no built-in model"]);
    ponder(&["bench", "decode", "--model", arg(&dir), "--isa", "reference"], "")
        .refused(&["no speed worth measuring"]);
    ponder(&["bench", "prefill", "--model", arg(&dir), "--tokens", "9", "--streams", "2"], "")
        .refused(&["belong to `bench decode`"]);
}

#[test]
fn learning_is_measured_by_steps() {
    let small = ["--runs", "2", "--threads", "1", "--json"];
    let train = [&["bench", "train", "--sequences", "2", "--tokens", "40"][..], &small].concat();
    let train = ponder(&train, "");
    if train.stderr.contains("--isa reference") {
        println!("skipped: this processor has no fast path");
        return;
    }
    let train = train.json();
    assert_eq!(
        (train["bench"].as_str(), train["shape"].as_str()),
        (Some("train"), Some("deepseek-v3-21m"))
    );
    assert!(train["tokens_per_s"]["min"].as_f64().unwrap() > 0.0);
    assert!(train["share"].as_f64().unwrap() < 1.0, "{train}");
    let sizes = ["--prompts", "2", "--group", "2", "--tokens", "5", "--prompt-tokens", "3"];
    let grpo = ponder(&[&["bench", "grpo"][..], &sizes, &small].concat(), "").json();
    let median = |field: &str| grpo[field]["median"].as_f64().unwrap();
    assert!(median("generate_s") > 0.0 && median("update_s") > 0.0, "{grpo}");
    assert!(median("step_s") < 2.0 * (median("generate_s") + median("update_s")), "{grpo}");
    ponder(&["bench", "train", "--tokens", "5000"], "").refused(&["5000 tokens exceed", "4096"]);
    ponder(&["bench", "grpo", "--shape", "gpt-5"], "").refused(&["`gpt-5` is no built-in model"]);
}
