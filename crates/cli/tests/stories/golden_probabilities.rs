//! A user scores ids on any path: the log-probabilities are those of an independent
//! implementation, and within an instruction set the same bits for any threads and chunks.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{arg, fixture, ponder, real_data};

/// 99th percentile of the errors of the reference implementation's own bfloat16 run.
const BF16_P99: &[(&str, f64)] = &[
    ("v3-lite-bf16", 0.61),
    ("v3-lite-fp8", 0.56),
    ("v3-odd-bf16", 0.12),
    ("v3-odd-fp8", 0.14),
    ("qwen2-tiny-bf16", 0.067),
    ("llama3-tiny-bf16", 0.089),
];
const FIXTURES: [&str; 5] = ["v3-bf16", "v3-fp8", "qwen2-tied", "llama-f16", "llama-f32"];

/// The golden checkpoints whose names begin like this.
fn golden_dirs(family: &str) -> Vec<PathBuf> {
    let Some(golden) = real_data("golden") else { return Vec::new() };
    let names = BF16_P99.iter().map(|(name, _)| name).filter(|name| name.starts_with(family));
    names.map(|name| golden.join(name)).collect()
}

fn score(dir: &Path, flags: &[&str]) -> String {
    let ids = dir.join("reference.jsonl");
    let args = ["score", "--model", arg(dir), "--ids-file", arg(&ids), "--json"];
    ponder(&[&args[..], flags].concat(), "").ok()
}

fn is_available(isa: &str) -> bool {
    let fixture = fixture("llama-f32");
    let args = ["score", "--model", arg(&fixture), "--ids", "1", "--isa", isa];
    let is_available = ponder(&args, "").code == Some(0);
    if !is_available {
        println!("skipped: this processor has no {isa}");
    }
    is_available
}

/// Absolute errors over the candidates that the recorded run lists, sorted.
fn errors(dir: &Path, output: &str) -> Vec<f64> {
    let reference = std::fs::read_to_string(dir.join("reference.jsonl")).unwrap();
    assert_eq!(reference.lines().count(), output.lines().count());
    let mut errors = Vec::new();
    for (want, found) in reference.lines().zip(output.lines()) {
        let want: Value = serde_json::from_str(want).unwrap();
        let found: Value = serde_json::from_str(found).unwrap();
        assert_eq!(want["ids"], found["ids"]);
        let n = want["ids"].as_array().unwrap().len();
        assert!(found["logprobs"][0].is_null() && found["top"][0].is_null());
        for i in 0..n {
            let error = |want: &Value, found: &Value| {
                (want.as_f64().unwrap() - found.as_f64().unwrap()).abs()
            };
            if i > 0 {
                errors.push(error(&want["logprobs"][i], &found["logprobs"][i]));
            }
            let (want, found) = match i + 1 < n {
                true => (&want["top"][i + 1], &found["top"][i + 1]),
                false => (&want["next"], &found["next"]),
            };
            assert_eq!(found.as_array().unwrap().len(), 10.max(want.as_array().unwrap().len()));
            for want in want.as_array().unwrap() {
                // Tenth and eleventh place may differ by rounding alone.
                let same = found.as_array().unwrap().iter().find(|f| f["id"] == want["id"]);
                errors.extend(same.map(|same| error(&want["logprob"], &same["logprob"])));
            }
        }
    }
    errors.sort_by(f64::total_cmp);
    errors
}

fn reference_path(dir: &Path) -> String {
    let output = score(dir, &["--isa", "reference"]);
    let errors = errors(dir, &output);
    let worst = errors.last().unwrap();
    assert!(*worst <= 2e-3, "{}: {worst}", dir.display());
    output
}

#[test]
fn the_reference_path_gives_the_recorded_probabilities_for_any_chunks() {
    for dir in FIXTURES.map(fixture) {
        let output = reference_path(&dir);
        assert_eq!(output, score(&dir, &["--isa", "reference", "--chunk", "33"]));
    }
}

#[test]
fn the_reference_path_gives_the_golden_probabilities_of_expert_models() {
    golden_dirs("v3-").iter().for_each(|dir| drop(reference_path(dir)));
}

#[test]
fn the_reference_path_gives_the_golden_probabilities_of_dense_models() {
    ["qwen2-", "llama3-"].iter().flat_map(|family| golden_dirs(family)).for_each(|dir| {
        reference_path(&dir);
    });
}

fn fast_path(isa: &str) {
    if !is_available(isa) {
        return;
    }
    for dir in FIXTURES.into_iter().map(fixture).chain(golden_dirs("")) {
        let name = dir.file_name().unwrap().to_str().unwrap();
        let p99 = BF16_P99.iter().find(|(known, _)| *known == name).map_or(0.1, |(_, p99)| *p99);
        let output = score(&dir, &["--isa", isa]);
        let errors = errors(&dir, &output);
        let at = |share: f64| errors[((errors.len() - 1) as f64 * share) as usize];
        let (found, limits) = ([at(0.5), at(0.95), at(0.99)], [0.01, 0.05, p99]);
        let is_within = found.iter().zip(limits).all(|(found, limit)| *found <= limit);
        assert!(is_within, "{name} on {isa}: {found:?} above {limits:?}");
        for flags in [["1", "512"], ["2", "1"], ["1", "33"], ["2", "130"], ["3", "7"]] {
            let [threads, chunk] = flags;
            let other = score(&dir, &["--isa", isa, "--threads", threads, "--chunk", chunk]);
            assert!(output == other, "{name} on {isa}: other bits with {flags:?}");
        }
    }
}

#[test]
fn avx2_is_close_and_gives_the_same_bits_for_any_threads_and_chunks() {
    fast_path("avx2");
}

#[test]
fn avx512_is_close_and_gives_the_same_bits_for_any_threads_and_chunks() {
    fast_path("avx512");
}

#[test]
fn amx_is_close_and_gives_the_same_bits_for_any_threads_and_chunks() {
    fast_path("amx");
}

#[test]
fn ids_text_and_file_agree() {
    let Some(dir) = real_data("models/stories260K") else { return };
    let run = |flags: &[&str], stdin: &str| {
        let args = ["score", "--model", arg(&dir), "--json", "--top", "3"];
        ponder(&[&args[..], flags].concat(), stdin).ok()
    };
    // The model's own rule puts BOS first.
    let by_text = run(&["--text", "Once upon a time"], "");
    assert_eq!(by_text, run(&["--ids", "1,403,407,261,378"], ""));
    let lines = "{\"ids\":[1,403,407,261,378]}\n{\"ids\":[1]}\n";
    let by_file = run(&["--ids-file", "-"], lines);
    assert_eq!(by_file.lines().next(), Some(by_text.trim_end()));
    let second: Value = serde_json::from_str(by_file.lines().nth(1).unwrap()).unwrap();
    assert_eq!(
        (second["next"].as_array().unwrap().len(), second["logprobs"][0].is_null()),
        (3, true)
    );
}
