//! Log-probabilities of random checkpoints against those that an independent implementation
//! recorded, on the reference backend and on every instruction set of this machine.
//!
//! Our own small fixtures are always there; a folder of larger ones is used when it is found
//! (`PONDER_TEST_DATA`, else `../shared/data`).

use std::path::{Path, PathBuf};

use ponder_kernels::cpu::{Cpu, CpuOptions, Isa};
use ponder_kernels::ops::log_softmax::log_sum_exp;
use ponder_kernels::reference::Reference;
use ponder_kernels::{Ops, PAGE_TOKENS, PageId, Span};
use ponder_model::Model;
use serde_json::Value;

/// 99th percentile of the errors of the reference implementation's own bfloat16 run.
const BF16_P99: &[(&str, f32)] = &[
    ("v3-lite-bf16", 0.61),
    ("v3-lite-fp8", 0.56),
    ("v3-odd-bf16", 0.12),
    ("v3-odd-fp8", 0.14),
    ("qwen2-tiny-bf16", 0.067),
    ("llama3-tiny-bf16", 0.089),
];

fn golden_dirs() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let data = std::env::var_os("PONDER_TEST_DATA")
        .map_or_else(|| root.join("../../../shared/data"), PathBuf::from);
    let mut dirs = Vec::new();
    for folder in [root.join("tests/fixtures"), data.join("golden")] {
        let Ok(entries) = std::fs::read_dir(&folder) else {
            println!("skipped: no folder {}", folder.display());
            continue;
        };
        let found = entries.map(|entry| entry.unwrap().path());
        dirs.extend(found.filter(|path| path.join("reference.jsonl").exists()));
    }
    dirs.sort();
    dirs
}

/// Absolute errors over the top log-probabilities of every position.
fn errors(model: &Model, ops: &dyn Ops, reference: &Value) -> Vec<f32> {
    let ids: Vec<u32> = serde_json::from_value(reference["ids"].clone()).unwrap();
    let n = ids.len();
    let pages: Vec<PageId> = (0..n.div_ceil(PAGE_TOKENS) as u32).map(PageId).collect();
    let mut cache = model.new_cache(ops, pages.len());
    let batch = model.batch(ids, vec![Span { rows: 0..n, first_position: 0, pages }]);
    let rows: Vec<usize> = (0..n).collect();
    let logits = model.forward(ops, &batch, &mut cache, &rows);
    let mut errors = Vec::new();
    for row in 0..n {
        let want = if row + 1 < n { &reference["top"][row + 1] } else { &reference["next"] };
        let sum = log_sum_exp(logits.row(row));
        for top in want.as_array().unwrap() {
            let id = top["id"].as_u64().unwrap() as usize;
            let got = logits.row(row)[id] as f64 - sum;
            errors.push((got - top["logprob"].as_f64().unwrap()).abs() as f32);
        }
    }
    errors
}

fn all_errors(dir: &Path, ops: &dyn Ops) -> Vec<f32> {
    let model = Model::load(dir, &mut |_, _| {}).unwrap();
    let text = std::fs::read_to_string(dir.join("reference.jsonl")).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut errors: Vec<f32> = lines.flat_map(|line| errors(&model, ops, &line)).collect();
    errors.sort_by(f32::total_cmp);
    errors
}

#[test]
fn the_reference_backend_gives_the_recorded_probabilities() {
    for dir in golden_dirs() {
        let errors = all_errors(&dir, &Reference::default());
        let worst = errors.last().unwrap();
        println!("{}: worst {worst:.6} of {}", dir.display(), errors.len());
        assert!(*worst <= 2e-3, "{}: {worst}", dir.display());
    }
}

#[test]
fn every_instruction_set_stays_as_close_as_bf16_allows() {
    for dir in golden_dirs() {
        let name = dir.file_name().unwrap().to_str().unwrap();
        let p99 = BF16_P99.iter().find(|(known, _)| *known == name).map_or(0.1, |(_, p99)| *p99);
        for isa in Isa::available() {
            let ops = Cpu::new(CpuOptions { isa, threads: 2, pin: false }).unwrap();
            let errors = all_errors(&dir, &ops);
            let at = |share: f32| errors[((errors.len() - 1) as f32 * share) as usize];
            let found = [at(0.5), at(0.95), at(0.99)];
            println!("{name} {}: median, 95 %, 99 % {found:.4?}, worst {:.3}", isa.name(), at(1.0));
            let limits = [0.01, 0.05, p99];
            let within = found.iter().zip(limits).all(|(found, limit)| *found <= limit);
            assert!(within, "{name} on {}: {found:?} above {limits:?}", isa.name());
        }
    }
}
