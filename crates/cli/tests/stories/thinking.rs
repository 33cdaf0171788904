//! A user asks: the thinking is told apart from the answer, keeps within its budget, and always
//! leaves room for an answer.

use serde_json::Value;

use crate::support::{arg, ponder, thinking_model};

fn ask(dir: &std::path::Path, flags: &[&str]) -> Value {
    let args = ["ask", "How many?", "--model", arg(dir), "--json", "--seed", "1"];
    ponder(&[&args[..], flags].concat(), "").json()
}

#[test]
fn the_report_has_the_promised_form() {
    let dir = thinking_model();
    let report = ask(dir.path(), &["--max-tokens", "40"]);
    let keys: Vec<&str> = report.as_object().unwrap().keys().map(String::as_str).collect();
    let promised = ["reasoning", "answer", "boxed", "finish_reason", "usage", "timing"];
    assert_eq!(keys[..6], promised);
    assert!(report["reasoning"].is_string() && report["answer"].is_string());
    assert!(report["boxed"].is_null());
    for key in ["prompt_tokens", "reasoning_tokens", "completion_tokens"] {
        assert!(report["usage"][key].as_u64().unwrap() > 0, "{key}: {report}");
    }
    for key in ["load_s", "prefill_s", "decode_s"] {
        assert!(report["timing"][key].as_f64().unwrap() >= 0.0, "{key}: {report}");
    }
}

#[test]
fn a_thought_ends_within_its_budget_and_an_answer_follows() {
    let dir = thinking_model();
    for budget in [0u64, 1, 10, 100] {
        let text = budget.to_string();
        let flags = ["--max-tokens", "200", "--think-budget", &text, "--logprobs", "1"];
        let report = ask(dir.path(), &flags);
        let usage = &report["usage"];
        assert!(usage["reasoning_tokens"].as_u64().unwrap() <= budget, "{budget}: {usage}");
        let tokens = report["tokens"].as_array().unwrap();
        let closings = tokens.iter().filter(|token| token["text"] == "</think>").count();
        assert!(closings >= 1, "{budget}: never closed");
        let answer_tokens = tokens.len() as u64 - usage["reasoning_tokens"].as_u64().unwrap() - 1;
        assert!(answer_tokens > 0 && !report["answer"].as_str().unwrap().is_empty(), "{report}");
        assert!(!report["answer"].as_str().unwrap().contains("</think>"));
    }
}

#[test]
fn room_for_an_answer_is_kept_without_a_budget() {
    let dir = thinking_model();
    let report = ask(dir.path(), &["--max-tokens", "100"]);
    let usage = &report["usage"];
    let reasoning = usage["reasoning_tokens"].as_u64().unwrap();
    assert!(reasoning > 0 && reasoning < 76, "a quarter is kept: {usage}");
    assert!(!report["answer"].as_str().unwrap().is_empty());
}

#[test]
fn a_pipe_gets_the_answer_alone() {
    let dir = thinking_model();
    let flags = ["--max-tokens", "60", "--think-budget", "20", "--temperature", "0"];
    let args = ["ask", "How many?", "--model", arg(dir.path()), "--seed", "1"];
    let text = ponder(&[&args[..], &flags].concat(), "").ok();
    let report = ask(dir.path(), &flags);
    assert!(!report["reasoning"].as_str().unwrap().is_empty());
    assert_eq!(text.trim(), report["answer"].as_str().unwrap());
    // The question can come from a pipe, too.
    let args = ["ask", "-", "--model", arg(dir.path()), "--seed", "1"];
    assert_eq!(ponder(&[&args[..], &flags].concat(), "How many?\n").ok(), text);
}

#[test]
fn penalties_and_biases_reach_the_sampler() {
    let dir = thinking_model();
    let ids = |flags: &[&str]| -> Vec<u64> {
        let base = ["--max-tokens", "30", "--temperature", "0", "--logprobs", "0"];
        let report = ask(dir.path(), &[&base[..], flags].concat());
        let tokens = report["tokens"].as_array().unwrap().clone();
        tokens.iter().map(|token| token["id"].as_u64().unwrap()).collect()
    };
    let forced = ids(&["--logit-bias", "100=1000"]);
    assert!(forced.iter().filter(|id| **id == 100).count() > 20, "{forced:?}");
    let varied = ids(&["--frequency-penalty", "100"]);
    let thought = &varied[..20];
    let distinct: std::collections::HashSet<&u64> = thought.iter().collect();
    assert_eq!(distinct.len(), thought.len(), "{varied:?}");
}
