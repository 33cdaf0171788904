//! A user opens a published checkpoint: every tensor is found, nothing is left over, and what is
//! wrong with a damaged one is said in one message.

use std::path::{Path, PathBuf};

use ponder_model::ModelError;
use ponder_model::checkpoint::write::{NewTensor, write_safetensors};
use ponder_model::checkpoint::{Checkpoint, TensorProblems};
use ponder_model::config::{Config, GenerationConfig};
use ponder_tensor::Dtype;
use serde_json::{Value, json};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

fn open(name: &str) -> (Config, Checkpoint) {
    let dir = fixtures().join(name);
    (Config::from_dir(&dir).unwrap(), Checkpoint::open(&dir).unwrap())
}

/// A copy of a fixture that a test may damage.
fn copy(name: &str) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(fixtures().join(name)).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, copy.path().join(path.file_name().unwrap())).unwrap();
    }
    copy
}

/// Rewrites the one weights file of `dir` with a change to each tensor; `None` drops it.
fn rewrite(
    dir: &Path,
    change: impl Fn(&str, Dtype, &[usize], &[u8]) -> Option<(Dtype, Vec<usize>, Vec<u8>)>,
    extra: &[NewTensor<'_>],
) {
    let checkpoint = Checkpoint::open(dir).unwrap();
    let changed: Vec<_> = checkpoint
        .names()
        .filter_map(|name| {
            let view = checkpoint.tensor(name).unwrap();
            let (dtype, shape, bytes) = change(name, view.dtype, view.shape, view.bytes)?;
            Some((name.to_owned(), dtype, shape, bytes))
        })
        .collect();
    let mut tensors: Vec<NewTensor<'_>> = changed
        .iter()
        .map(|(name, dtype, shape, bytes)| NewTensor { name, dtype: *dtype, shape, bytes })
        .collect();
    tensors.extend_from_slice(extra);
    write_safetensors(&dir.join("model.safetensors"), &tensors, &[]).unwrap();
}

fn edit_json(path: &Path, edit: impl FnOnce(&mut Value)) {
    let mut value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    edit(&mut value);
    std::fs::write(path, value.to_string()).unwrap();
}

#[track_caller]
fn fails<T>(result: Result<T, ModelError>, wants: &[&str]) {
    let Err(error) = result else { panic!("should fail with {wants:?}") };
    let text = error.to_string();
    for want in wants {
        assert!(text.contains(want), "{want:?} is not in:\n{text}");
    }
    assert!(text.contains("\nhint: "), "no hint in:\n{text}");
}

#[test]
fn fixtures_hold_what_their_configs_ask_for() {
    for name in ["v3-fp8", "v3-bf16", "qwen2-tied", "llama-f16", "llama-f32"] {
        let (config, checkpoint) = open(name);
        checkpoint.check(&config).unwrap();
        let generation = GenerationConfig::from_dir(&fixtures().join(name), config.vocab_size);
        let generation = generation.unwrap();
        assert_eq!(generation.temperature, Some(0.6), "{name}");
        assert_eq!(generation.eos_token_ids, config.eos_token_ids, "{name}");
    }
}

#[test]
fn golden_checkpoints_hold_what_their_configs_ask_for() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let data = std::env::var_os("PONDER_TEST_DATA").map_or(shared, PathBuf::from);
    if !data.is_dir() {
        println!("skipped: no test data at {}", data.display());
        return;
    }
    let golden = std::fs::read_dir(data.join("golden")).unwrap();
    let folders: Vec<PathBuf> =
        golden.map(|e| e.unwrap().path()).chain([data.join("models/stories260K")]).collect();
    assert!(folders.len() >= 7, "{folders:?}");
    for dir in folders {
        let config = Config::from_dir(&dir).unwrap();
        Checkpoint::open(&dir).unwrap().check(&config).unwrap();
    }
}

#[test]
fn weights_and_scales_come_from_different_shards() {
    let (_, checkpoint) = open("v3-fp8");
    let weight = checkpoint.expect("model.layers.0.mlp.down_proj.weight", &[50, 136]).unwrap();
    let scale =
        checkpoint.expect("model.layers.0.mlp.down_proj.weight_scale_inv", &[1, 2]).unwrap();
    assert_ne!(weight.path, scale.path);
    assert_eq!((weight.dtype, weight.bytes.len()), (Dtype::F8E4m3, 50 * 136));
    let scales = scale.scales().unwrap();
    assert!(scales[0] > 0.0 && scales[1] > scales[0], "{scales:?}");
    weight.check_finite().unwrap();
    // Released pages read as before.
    let before = weight.bytes.to_vec();
    checkpoint.release(&weight);
    assert_eq!(weight.bytes, before);
}

#[test]
fn a_single_file_of_any_name_opens() {
    let dir = copy("llama-f32");
    let file = dir.path().join("weights.safetensors");
    std::fs::rename(dir.path().join("model.safetensors"), &file).unwrap();
    let (config, original) = open("llama-f32");
    for path in [dir.path(), &file] {
        let checkpoint = Checkpoint::open(path).unwrap();
        checkpoint.check(&config).unwrap();
        assert_eq!(checkpoint.total_bytes(), original.total_bytes());
    }
}

#[test]
fn everything_that_differs_is_in_one_message() {
    let dir = copy("llama-f16");
    let grow = |name: &str, dtype: Dtype, shape: &[usize], bytes: &[u8]| match name {
        "model.norm.weight" => None,
        "lm_head.weight" => Some((dtype, vec![shape[1], shape[0]], bytes.to_vec())),
        "model.layers.0.input_layernorm.weight" => {
            Some((Dtype::F8E4m3, shape.to_vec(), vec![0; shape[0]]))
        }
        "model.layers.1.mlp.up_proj.weight" => {
            Some((Dtype::F8E4m3, shape.to_vec(), vec![0; shape[0] * shape[1]]))
        }
        _ => Some((dtype, shape.to_vec(), bytes.to_vec())),
    };
    let left = NewTensor {
        name: "model.layers.0.self_attn.q_norm.weight",
        dtype: Dtype::F32,
        shape: &[1],
        bytes: &[0; 4],
    };
    let harmless =
        NewTensor { name: "model.layers.0.self_attn.rotary_emb.inv_freq", ..left.clone() };
    rewrite(dir.path(), grow, &[left, harmless]);
    let config = Config::from_dir(dir.path()).unwrap();
    let checkpoint = Checkpoint::open(dir.path()).unwrap();
    fails(
        checkpoint.check(&config),
        &[
            "2 missing (model.norm.weight, model.layers.1.mlp.up_proj.weight_scale_inv)",
            "1 misshaped (lm_head.weight [28, 57] instead of [57, 28])",
            "1 in a wrong number format (model.layers.0.input_layernorm.weight is F8_E4M3",
            "1 extra (model.layers.0.self_attn.q_norm.weight)",
        ],
    );
    let problems = TensorProblems::find(&checkpoint, &config);
    let json = serde_json::to_value(problems).unwrap();
    assert_eq!(json["missing"]["count"], 2);
}

#[test]
fn a_config_with_more_layers_misses_all_their_tensors() {
    let (config, checkpoint) = open("qwen2-tied");
    let config = config.with_values(&[("num_hidden_layers", json!(4))]).unwrap();
    fails(checkpoint.check(&config), &["24 missing (", ", …)"]);
    let config = config.with_values(&[("num_hidden_layers", json!(1))]).unwrap();
    fails(checkpoint.check(&config), &["12 extra (model.layers.1."]);
}

#[test]
fn an_undeclared_mtp_layer_is_skipped() {
    let (config, checkpoint) = open("v3-fp8");
    let config = config.with_values(&[("num_nextn_predict_layers", json!(0))]).unwrap();
    checkpoint.check(&config).unwrap();
}

#[test]
fn one_tensor_can_be_asked_for_by_shape() {
    let (_, checkpoint) = open("llama-f32");
    fails(
        checkpoint.expect("model.norm.weight", &[21]),
        &["tensor `model.norm.weight` is [20], config.json asks for [21]"],
    );
    fails(checkpoint.tensor("model.norm.bias"), &["tensor `model.norm.bias` is missing"]);
}

#[test]
fn nan_is_found_in_scales_and_weights() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.safetensors");
    let floats = |values: [f32; 3]| values.map(f32::to_le_bytes).concat();
    let (nan, negative) = (floats([1.0, f32::NAN, 0.5]), floats([0.0, 1.0, -1.0]));
    let infinite = floats([f32::INFINITY, 0.0, 1.0]);
    let tensor = |name, dtype, bytes| NewTensor { name, dtype, shape: &[3], bytes };
    let tensors = [
        tensor("nan", Dtype::F32, &nan),
        tensor("negative", Dtype::F32, &negative),
        tensor("infinite", Dtype::F32, &infinite),
        tensor("fp8", Dtype::F8E4m3, &[0x7e, 0xfe, 0xff]),
        tensor("bf16", Dtype::Bf16, &[0, 0, 0xc0, 0x7f, 0, 0]),
        tensor("f16", Dtype::F16, &[0xff, 0x7b, 0, 0, 0, 0xfc]),
        tensor("fine", Dtype::F8E4m3, &[0x7e, 0xfe, 0]),
    ];
    write_safetensors(&path, &tensors, &[]).unwrap();
    let checkpoint = Checkpoint::open(&path).unwrap();
    let view = |name| checkpoint.tensor(name).unwrap();
    fails(view("nan").scales(), &["`nan` holds NaN at element 1"]);
    fails(view("nan").finite_f32(), &["`nan` holds NaN at element 1, expected finite values"]);
    fails(view("negative").scales(), &["`negative` holds -1 at element 2"]);
    assert_eq!(view("negative").finite_f32().unwrap(), [0.0, 1.0, -1.0]);
    fails(view("fp8").scales(), &["`fp8` is stored as F8_E4M3, expected F32"]);
    fails(view("infinite").check_finite(), &["`infinite` holds inf at element 0"]);
    fails(view("fp8").check_finite(), &["`fp8` holds NaN at element 2"]);
    fails(view("bf16").check_finite(), &["`bf16` holds NaN at element 1"]);
    fails(view("f16").check_finite(), &["`f16` holds -inf at element 2"]);
    view("fine").check_finite().unwrap();
    view("negative").check_finite().unwrap();
}

#[test]
fn truncated_files_are_refused_wherever_they_end() {
    let dir = copy("llama-f32");
    let path = dir.path().join("model.safetensors");
    let whole = std::fs::read(&path).unwrap();
    for len in [0, 7, 8, 100, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&path, &whole[..len]).unwrap();
        fails(Checkpoint::open(dir.path()), &["model.safetensors: not a valid safetensors file"]);
    }
}

#[test]
fn an_index_must_fit_its_files() {
    let index = |dir: &Path| dir.join("model.safetensors.index.json");
    let dir = copy("v3-fp8");
    std::fs::remove_file(dir.path().join("model-00002-of-000002.safetensors")).unwrap();
    fails(
        Checkpoint::open(dir.path()),
        &["model-00002-of-000002.safetensors holds", "is not there"],
    );

    let dir = copy("v3-fp8");
    edit_json(&index(dir.path()), |json| {
        json["weight_map"]["model.extra"] = "model-00001-of-000002.safetensors".into();
    });
    fails(Checkpoint::open(dir.path()), &["tensor `model.extra` should be in model-00001"]);

    edit_json(&index(dir.path()), |json| {
        json["weight_map"]["model.extra"] = "../model-00001-of-000002.safetensors".into();
    });
    fails(Checkpoint::open(dir.path()), &["\"../model-00001-of-000002.safetensors\""]);

    // A tensor that the index does not name is there all the same, and counts as extra.
    let (config, _) = open("v3-fp8");
    let dir = copy("v3-fp8");
    edit_json(&index(dir.path()), |json| {
        json["weight_map"].as_object_mut().unwrap().remove("model.norm.weight");
    });
    Checkpoint::open(dir.path()).unwrap().check(&config).unwrap();
}

#[test]
fn what_is_no_checkpoint_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    fails(Checkpoint::open(&dir.path().join("absent")), &["absent: No such file"]);
    fails(Config::from_dir(dir.path()), &["config.json: No such file"]);
    fails(Checkpoint::open(dir.path()), &["no *.safetensors file"]);
    for name in ["a.safetensors", "b.safetensors"] {
        std::fs::write(dir.path().join(name), "").unwrap();
    }
    fails(Checkpoint::open(dir.path()), &["2 *.safetensors files but no model.safetensors.index"]);
    let text = dir.path().join("notes.txt");
    std::fs::write(&text, "hello").unwrap();
    fails(Checkpoint::open(&text), &["neither a folder nor a .safetensors file"]);
    std::fs::create_dir(dir.path().join("model.safetensors")).unwrap();
    fails(Checkpoint::open(dir.path()), &["model.safetensors: not a regular file"]);
}

#[cfg(unix)]
#[test]
fn a_folder_without_permission_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let dir = copy("llama-f32");
    let forbid = |mode| {
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(dir.path(), permissions).unwrap();
    };
    forbid(0);
    let (config, checkpoint) = (Config::from_dir(dir.path()), Checkpoint::open(dir.path()));
    forbid(0o700);
    if config.is_ok() {
        println!("skipped: this user may read everything");
        checkpoint.unwrap();
        return;
    }
    fails(config, &["Permission denied", "hint: ask for read permission"]);
    fails(checkpoint, &["Permission denied", "hint: ask for read permission"]);
}
