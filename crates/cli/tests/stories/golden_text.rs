//! A user runs a truly trained model: it writes, greedily, what the original program wrote.

use serde_json::Value;

use crate::support::{arg, ponder, real_data};

/// As the original program prints its logits.
const TOLERANCE: f64 = 2e-3;

#[test]
fn stories260k_writes_its_golden_text_id_for_id() {
    let Some(dir) = real_data("models/stories260K") else { return };
    let golden: Value =
        serde_json::from_str(&std::fs::read_to_string(dir.join("golden.json")).unwrap()).unwrap();
    let ids: Vec<u64> = serde_json::from_value(golden["ids"].clone()).unwrap();
    let n = ids.len() - 1;
    for isa in [&["--isa", "reference"][..], &["--chunk", "1"], &["--threads", "1"], &[]] {
        let n = n.to_string();
        let mut args = vec!["ask", "--raw", "", "--model", arg(&dir), "--temperature", "0"];
        args.extend(["--max-tokens", n.as_str(), "--logprobs", "5", "--json"]);
        args.extend(isa);
        let report = ponder(&args, "").json();
        let tokens = report["tokens"].as_array().unwrap();
        let written: Vec<u64> = tokens.iter().map(|t| t["id"].as_u64().unwrap()).collect();
        assert_eq!(written, ids[1..], "{isa:?}");
        assert_eq!(report["answer"], golden["text"], "{isa:?}");
        assert_eq!(report["finish_reason"], "length");
        assert_eq!(report["usage"]["prompt_tokens"], 1);
        assert_eq!(report["usage"]["completion_tokens"], ids.len() - 1);
    }
}

/// Differences of logits are differences of log-probabilities.
#[test]
fn stories260k_gives_its_golden_logits() {
    let Some(dir) = real_data("models/stories260K") else { return };
    let golden: Value =
        serde_json::from_str(&std::fs::read_to_string(dir.join("golden.json")).unwrap()).unwrap();
    let ids: Vec<u64> = serde_json::from_value(golden["ids"].clone()).unwrap();
    let list = ids[..17].iter().map(u64::to_string).collect::<Vec<_>>().join(",");
    let args = ["score", "--model", arg(&dir), "--ids", &list, "--top", "512", "--json"];
    let report = ponder(&[&args[..], &["--isa", "reference"]].concat(), "").json();
    let mut n_checked = 0;
    for step in golden["first_logits"].as_array().unwrap() {
        let position = step["pos"].as_u64().unwrap() as usize;
        let logprob = |id: &Value| {
            let top = report["top"][position + 1].as_array().unwrap();
            top.iter().find(|t| t["id"] == *id).unwrap()["logprob"].as_f64().unwrap()
        };
        let best = &step["top5"][0];
        for other in step["top5"].as_array().unwrap() {
            let want = other[1].as_f64().unwrap() - best[1].as_f64().unwrap();
            let found = logprob(&other[0]) - logprob(&best[0]);
            assert!((want - found).abs() < TOLERANCE, "{position}: {other} {found} {want}");
            n_checked += 1;
        }
    }
    assert_eq!(n_checked, 80);
}

#[test]
fn plain_output_is_the_text_alone() {
    let Some(dir) = real_data("models/stories260K") else { return };
    let args = ["ask", "--raw", "Once upon a time", "--model", arg(&dir), "--temperature", "0"];
    let text = ponder(&[&args[..], &["--max-tokens", "12"]].concat(), "").ok();
    assert_eq!(text, ", there was a little girl named Lily. She\n");
    let stopped = [&args[..], &["--max-tokens", "99", "--stop", " girl", "--json"]].concat();
    let report = ponder(&stopped, "").json();
    assert_eq!(
        (&report["answer"], &report["finish_reason"]),
        (&", there was a little".into(), &"stop".into())
    );
}

#[test]
fn a_seed_repeats_a_run_and_another_does_not() {
    let Some(dir) = real_data("models/stories260K") else { return };
    let run = |seed: &str, more: &[&str]| {
        let args = ["ask", "--raw", "Once", "--model", arg(&dir), "--max-tokens", "60", "--seed"];
        ponder(&[&args[..], &[seed, "--temperature", "1"], more].concat(), "").ok()
    };
    let first = run("7", &[]);
    assert_eq!(first, run("7", &["--threads", "1", "--chunk", "1"]));
    assert_ne!(first, run("8", &[]));
}
