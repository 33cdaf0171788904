//! A user gives bad input: exit code 2, one line that says what and where, one line of hint.

use std::path::Path;

use ponder_model::checkpoint::Checkpoint;
use ponder_model::checkpoint::write::{NewTensor, write_safetensors};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{
    Run, TOKENIZER, arg, copy, edit_json, fixture, ponder, thinking_model, workspace,
};

fn score(dir: &Path, ids: &str) -> Run {
    ponder(&["score", "--model", arg(dir), "--ids", ids, "--json"], "")
}

/// A fixture whose config was changed.
fn with_config(name: &str, edit: impl FnOnce(&mut Value)) -> TempDir {
    let dir = copy(&fixture(name));
    edit_json(&dir.path().join("config.json"), edit);
    dir
}

/// A fixture whose tensors were changed; `None` drops one.
fn with_tensors(
    name: &str,
    change: impl Fn(&str, &mut Vec<usize>, &mut Vec<u8>) -> Option<()>,
) -> TempDir {
    let dir = copy(&fixture(name));
    let checkpoint = Checkpoint::open(dir.path()).unwrap();
    let mut changed = Vec::new();
    for name in checkpoint.names() {
        let view = checkpoint.tensor(name).unwrap();
        let (mut shape, mut bytes) = (view.shape.to_vec(), view.bytes.to_vec());
        if change(name, &mut shape, &mut bytes).is_some() {
            changed.push((name.to_owned(), view.dtype, shape, bytes));
        }
    }
    let tensors: Vec<NewTensor<'_>> = changed
        .iter()
        .map(|(name, dtype, shape, bytes)| NewTensor { name, dtype: *dtype, shape, bytes })
        .collect();
    for entry in std::fs::read_dir(dir.path()).unwrap() {
        let path = entry.unwrap().path();
        if arg(&path).contains("safetensors") {
            std::fs::remove_file(path).unwrap();
        }
    }
    write_safetensors(&dir.path().join("model.safetensors"), &tensors, &[]).unwrap();
    dir
}

/// A fixture whose weights file was changed byte by byte.
fn with_bytes(edit: impl FnOnce(&mut Vec<u8>)) -> TempDir {
    let dir = copy(&fixture("llama-f32"));
    let path = dir.path().join("model.safetensors");
    let mut bytes = std::fs::read(&path).unwrap();
    edit(&mut bytes);
    std::fs::write(&path, bytes).unwrap();
    dir
}

/// The fixture's weights under another header of safetensors.
fn with_header(edit: impl FnOnce(&mut Value)) -> TempDir {
    with_bytes(|bytes| {
        let len = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        let mut header: Value = serde_json::from_slice(&bytes[8..8 + len]).unwrap();
        edit(&mut header);
        let header = header.to_string();
        let mut changed = (header.len() as u64).to_le_bytes().to_vec();
        changed.extend(header.as_bytes());
        changed.extend(&bytes[8 + len..]);
        *bytes = changed;
    })
}

#[test]
fn truncated_weights() {
    let dir = with_bytes(|bytes| bytes.truncate(bytes.len() - 1));
    score(dir.path(), "1").refused(&["model.safetensors", "not a valid safetensors file"]);
    let dir = with_bytes(|bytes| bytes.truncate(5));
    score(dir.path(), "1").refused(&["model.safetensors", "not a valid safetensors file"]);
}

#[test]
fn a_header_longer_than_the_file() {
    let dir = with_bytes(|bytes| bytes[..8].copy_from_slice(&(1u64 << 40).to_le_bytes()));
    score(dir.path(), "1").refused(&["model.safetensors", "not a valid safetensors file"]);
}

#[test]
fn overlapping_and_out_of_range_offsets() {
    let name = "model.layers.0.input_layernorm.weight";
    let dir = with_header(|header| header[name]["data_offsets"] = json!([0, 80]));
    score(dir.path(), "1").refused(&["model.safetensors", "not a valid safetensors file"]);
    let dir =
        with_header(|header| header[name]["data_offsets"] = json!([1u64 << 50, (1u64 << 50) + 80]));
    score(dir.path(), "1").refused(&["model.safetensors", "not a valid safetensors file"]);
}

#[test]
fn missing_extra_and_misshaped_tensors() {
    let dir = with_tensors("llama-f32", |name, _, _| (name != "model.norm.weight").then_some(()));
    score(dir.path(), "1").refused(&["missing", "model.norm.weight"]);
    let dir = with_tensors("llama-f32", |name, shape, _| {
        if name == "lm_head.weight" {
            shape.reverse();
        }
        Some(())
    });
    score(dir.path(), "1").refused(&["misshaped", "lm_head.weight", "[41, 20]"]);
    let dir = with_config("llama-f32", |config| config["num_hidden_layers"] = 1.into());
    score(dir.path(), "1").refused(&["extra", "model.layers.1."]);
}

#[test]
fn nan_scales() {
    let dir = with_tensors("v3-fp8", |name, _, bytes| {
        if name.ends_with("o_proj.weight_scale_inv") {
            bytes[..4].copy_from_slice(&f32::NAN.to_le_bytes());
        }
        Some(())
    });
    score(dir.path(), "1").refused(&["o_proj.weight_scale_inv", "NaN"]);
}

#[test]
fn absurd_config_values() {
    for (key, value) in [
        ("num_attention_heads", json!(0)),
        ("num_hidden_layers", json!(1_000_000_000_000u64)),
        ("hidden_size", json!(-3)),
        ("vocab_size", json!("many")),
        ("rms_norm_eps", json!(0)),
    ] {
        let dir = with_config("llama-f32", |config| config[key] = value.clone());
        score(dir.path(), "1").refused(&["config.json", &format!("`{key}`")]);
    }
}

#[test]
fn an_unknown_architecture() {
    let dir =
        with_config("llama-f32", |config| config["architectures"] = json!(["MambaForCausalLM"]));
    score(dir.path(), "1").refused(&["MambaForCausalLM", "DeepseekV3ForCausalLM"]);
}

#[test]
fn broken_json() {
    let dir = copy(&fixture("llama-f32"));
    std::fs::write(dir.path().join("config.json"), "{\"architectures\": [").unwrap();
    score(dir.path(), "1").refused(&["config.json", "broken JSON"]);
    let dir = copy(&fixture("v3-fp8"));
    std::fs::write(dir.path().join("model.safetensors.index.json"), "[]").unwrap();
    score(dir.path(), "1").refused(&["model.safetensors.index.json"]);
    let dir = copy(&workspace(TOKENIZER));
    std::fs::write(dir.path().join("tokenizer.json"), "{}").unwrap();
    ponder(&["tokenize", "--model", arg(dir.path()), "x"], "").refused(&["tokenizer.json"]);
}

#[test]
fn a_tokenizer_that_does_not_match_the_vocabulary() {
    let dir = thinking_model();
    edit_json(&dir.path().join("config.json"), |config| config["vocab_size"] = 506.into());
    let run = ponder(&["ask", "hello", "--model", arg(dir.path())], "");
    run.refused(&["tokenizer.json", "has 507 ids", "the model has 506"]);
}

#[test]
fn templates_that_loop_for_ever_or_recurse() {
    let dir = thinking_model();
    for source in [
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{% macro f(x) %}{{ f(x) }}{% endmacro %}{{ f(1) }}",
    ] {
        std::fs::write(dir.path().join("chat_template.jinja"), source).unwrap();
        let args = ["template", "--model", arg(dir.path())];
        ponder(&args, r#"{"messages":[]}"#).refused(&["chat template", "limit"]);
        ponder(&["ask", "x", "--model", arg(dir.path())], "").refused(&["chat template", "limit"]);
    }
    std::fs::write(dir.path().join("chat_template.jinja"), "{% if %}").unwrap();
    ponder(&["ask", "x", "--model", arg(dir.path())], "").refused(&["chat template"]);
}

#[test]
fn a_prompt_longer_than_the_context() {
    let dir = thinking_model();
    let text = "123 ".repeat(300);
    let run = ponder(&["ask", &text, "--model", arg(dir.path())], "");
    run.refused(&["maximum context length is 512 tokens"]);
    let ids = ["1"; 129].join(",");
    score(&fixture("llama-f32"), &ids).refused(&["129 ids exceed the model's context of 128"]);
}

#[test]
fn ids_out_of_range() {
    score(&fixture("llama-f32"), "0,41").refused(&["id 1 is 41", "41 ids"]);
    score(&fixture("llama-f32"), "0,x").refused(&["'x'"]);
    score(&fixture("llama-f32"), "-1").refused(&[]);
    let dir = workspace(TOKENIZER);
    ponder(&["tokenize", "--model", arg(&dir), "--ids", "507"], "").refused(&["507"]);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "{\"ids\":[1]}\n{\"ids\":[99]}\n").unwrap();
    let llama = fixture("llama-f32");
    let args = ["score", "--model", arg(&llama), "--ids-file", arg(file.path())];
    ponder(&args, "").refused(&["line 2", "99"]);
}

#[cfg(unix)]
#[test]
fn a_folder_without_permission() {
    use std::os::unix::fs::PermissionsExt;
    let dir = copy(&fixture("llama-f32"));
    let set_mode = |mode| {
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(dir.path(), permissions).unwrap();
    };
    set_mode(0);
    let is_readable = std::fs::read_dir(dir.path()).is_ok();
    let run = score(dir.path(), "1");
    set_mode(0o700);
    if is_readable {
        println!("skipped: this user may read everything");
        return;
    }
    run.refused(&["Permission denied"]);
}

#[test]
fn models_that_do_not_work_yet() {
    for (name, want) in [
        ("absent-folder", "No such file"),
        ("model.gguf", "GGUF files are not supported yet"),
        ("deepseek-ai/DeepSeek-R1", "no such model was pulled"),
        ("deepseek-r1", "no such model was pulled"),
    ] {
        ponder(&["ask", "hello", "--model", name], "").refused(&[name, want]);
    }
    let file = fixture("llama-f32").join("config.json");
    ponder(&["ask", "hello", "--model", arg(&file)], "").refused(&["is a file, not a folder"]);
    ponder(&["inspect", "no-such-model"], "").refused(&["`no-such-model` is no built-in model"]);
}

#[test]
fn a_model_without_a_template_or_a_tokenizer() {
    let dir = thinking_model();
    std::fs::remove_file(dir.path().join("chat_template.jinja")).unwrap();
    edit_json(&dir.path().join("tokenizer_config.json"), |config| {
        config.as_object_mut().unwrap().remove("chat_template");
    });
    let run = ponder(&["ask", "hello", "--model", arg(dir.path())], "");
    assert!(run.stderr.contains("--raw"), "{}", run.stderr);
    run.refused(&["has no chat template"]);
    let run = ponder(&["ask", "--raw", "hello", "--model", arg(&fixture("llama-f32"))], "");
    run.refused(&["tokenizer.json"]);
}

#[test]
fn wrong_usage() {
    for (args, want) in [
        (&["frobnicate"][..], "frobnicate"),
        (&["ask", "--max-tokens", "0", "x"], "must be at least 1"),
        (&["ask", "--temperature", "hot", "x"], "hot"),
        (&["ask", "--logprobs", "1", "x"], "--json"),
        (&["score", "--model", "x"], "--ids"),
        (&["score", "--model", "x", "--ids", "1", "--text", "y"], "--text"),
        (&["score", "--model", "x", "--ids", "1", "--isa", "sse"], "sse"),
        (&["plan", "deepseek-r1", "--memory", "lots"], "lots"),
    ] {
        ponder(args, "").refused(&[want]);
    }
}

#[test]
fn parameters_out_of_range() {
    let dir = thinking_model();
    for (flag, value, want) in [
        ("--temperature", "-1", "temperature"),
        ("--top-p", "1.5", "top_p"),
        ("--min-p", "2", "min_p"),
        ("--repetition-penalty", "0", "repetition_penalty"),
        ("--logit-bias", "507=1", "id 507"),
    ] {
        ponder(&["ask", "x", "--model", arg(dir.path()), flag, value], "").refused(&[want]);
    }
    let raw = ["ask", "--raw", "x", "--model", arg(dir.path()), "--think-budget", "5"];
    ponder(&raw, "").refused(&["`--think-budget` and `--raw`"]);
}

#[test]
fn lines_that_are_no_requests() {
    let dir = workspace(TOKENIZER);
    let tokenize = ["tokenize", "--model", arg(&dir), "--jsonl"];
    for (line, want) in [
        ("{\"text\": 5}", "line 1"),
        ("hello", "line 1"),
        ("{\"ids\": [-1]}", "line 1"),
        ("{}", "line 1"),
        ("{\"ids\": [99999]}", "line 1"),
    ] {
        ponder(&tokenize, line).refused(&[want]);
    }
    let file = dir.join("r1.jinja");
    let template = ["template", "--template", arg(&file)];
    for input in ["", "[]", "{\"messages\": 5}", "{}"] {
        ponder(&template, input).refused(&[]);
    }
}

#[test]
fn an_instruction_set_that_is_not_there() {
    let dir = fixture("llama-f32");
    for isa in ["avx2", "avx512", "amx"] {
        let run = ponder(&["score", "--model", arg(&dir), "--ids", "1", "--isa", isa], "");
        match run.code {
            Some(0) => println!("skipped: this processor has {isa}"),
            _ => run.refused(&[&format!("`--isa {isa}` is not available")]),
        }
    }
}
