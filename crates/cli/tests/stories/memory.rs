//! A user loads a checkpoint: it takes the memory that `inspect` states, not a second copy.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::Stdio;

use ponder_model::known::known_config;
use serde_json::Value;

use crate::support::{add_tokenizer, arg, command, llama_config, ponder, write_checkpoint};

/// The program itself with its tokenizer, the activations of a short prompt, a small cache.
const REST_BYTES: u64 = 48 << 20;

/// The most memory that loading a checkpoint and answering once took.
fn peak_bytes(dir: &Path) -> Option<u64> {
    let flags = ["--think-budget", "0", "--max-tokens", "2", "--logit-bias", "68=10000"];
    let mut command = command(&[&["chat", "--model", arg(dir)][..], &flags].concat());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"hello\n").unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "b\n");
    // It now waits for the next turn.
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id()));
    drop(stdin);
    assert!(child.wait().unwrap().success());
    let status = status.ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1024)
}

fn check(config: &Value) {
    let dir = tempfile::tempdir().unwrap();
    write_checkpoint(dir.path(), config);
    add_tokenizer(dir.path());
    let file_bytes = std::fs::metadata(dir.path().join("model.safetensors")).unwrap().len();
    assert!(file_bytes > 150_000_000, "{file_bytes}");
    let report = ponder(&["inspect", arg(dir.path()), "--json"], "").json();
    let stated = report["memory"]["peak_load_bytes"].as_u64().unwrap();
    let Some(peak) = peak_bytes(dir.path()) else {
        println!("skipped: this system does not tell the peak memory of a process");
        return;
    };
    println!("file {file_bytes}, stated {stated}, peak {peak}");
    assert!(peak <= stated + REST_BYTES, "peak {peak}, stated {stated}");
    assert!(peak <= file_bytes * 11 / 10 + REST_BYTES, "peak {peak}, file {file_bytes}");
    // What is stated is no loose bound either: the weights are really there.
    assert!(peak >= report["memory"]["packed_bytes"].as_u64().unwrap(), "{peak}");
}

#[test]
fn a_dense_checkpoint_in_bf16() {
    check(&llama_config(1024, 6, 507));
}

/// R1's own config, made small.
#[test]
fn an_expert_checkpoint_in_fp8() {
    let mut config = known_config("deepseek-r1").unwrap().raw;
    for (key, value) in [
        ("vocab_size", 507),
        ("hidden_size", 1024),
        ("intermediate_size", 2048),
        ("moe_intermediate_size", 1024),
        ("num_hidden_layers", 5),
        ("first_k_dense_replace", 1),
        ("num_attention_heads", 8),
        ("num_key_value_heads", 8),
        ("q_lora_rank", 512),
        ("n_routed_experts", 16),
        ("num_experts_per_tok", 2),
        ("n_group", 4),
        ("topk_group", 2),
        ("num_nextn_predict_layers", 0),
        ("max_position_embeddings", 512),
    ] {
        config[key] = value.into();
    }
    check(&config);
}
