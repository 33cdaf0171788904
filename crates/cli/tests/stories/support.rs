//! Running the binary, and models to run it on.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ponder_model::checkpoint::expected::{TensorKind, expected_tensors, scale_shape};
use ponder_model::checkpoint::write::{NewTensor, write_safetensors};
use ponder_model::config::Config;
use ponder_tensor::Dtype;
use serde_json::{Value, json};
use tempfile::TempDir;

/// What a run of the binary left.
#[derive(Debug)]
pub struct Run {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// The binary, in surroundings that no user's settings reach.
pub fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ponder"));
    command.args(args).env_remove("NO_COLOR").env("TERM", "xterm");
    let own = std::env::temp_dir().join("ponder-stories");
    command.env("XDG_STATE_HOME", &own).env("HF_HOME", own.join("hub"));
    let otlp = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"];
    for name in ["HF_HUB_CACHE", "HF_ENDPOINT", "HF_TOKEN", "HF_TOKEN_PATH"].into_iter().chain(otlp)
    {
        command.env_remove(name);
    }
    command.env("NO_PROXY", "127.0.0.1");
    command
}

/// Runs the binary to its end.
pub fn ponder(args: &[&str], stdin: &str) -> Run {
    let mut command = command(args);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut pipe = child.stdin.take().unwrap();
    let text = stdin.to_owned();
    // From a thread, because the child may answer before it has read everything; and it may end
    // without reading at all.
    let writer = std::thread::spawn(move || drop(pipe.write_all(text.as_bytes())));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    Run {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

impl Run {
    /// Standard output of a run that must have succeeded without a word on standard error.
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!((self.code, self.stderr.as_str()), (Some(0), ""), "{}", self.stdout);
        self.stdout
    }

    /// The same as JSON.
    #[track_caller]
    pub fn json(self) -> Value {
        let text = self.ok();
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e} in {text}"))
    }

    /// Bad input: exit code 2, nothing on standard output, and two lines: what is wrong, with all
    /// of `wants` in it, and a hint.
    #[track_caller]
    pub fn refused(self, wants: &[&str]) {
        let Run { code, stdout, stderr } = self;
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{stderr}");
        let lines: Vec<&str> = stderr.lines().collect();
        let [what, hint] = lines[..] else { panic!("not two lines:\n{stderr}") };
        assert!(what.starts_with("error: ") && hint.starts_with("hint: "), "{stderr}");
        assert!(hint.len() > "hint: ".len() + 5, "{stderr}");
        for want in wants {
            assert!(what.contains(want), "{want:?} is not in:\n{stderr}");
        }
    }
}

/// A path in this workspace.
pub fn workspace(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// A file or folder of the real data; says so when it is not there.
pub fn real_data(path: &str) -> Option<PathBuf> {
    let root = std::env::var_os("PONDER_TEST_DATA")
        .map_or_else(|| workspace("../shared/data"), PathBuf::from);
    let full = root.join(path);
    let is_there = full.exists();
    if !is_there {
        println!("skipped: {} is not there (PONDER_TEST_DATA names the folder)", full.display());
    }
    is_there.then_some(full)
}

/// A small checkpoint of this repository.
pub fn fixture(name: &str) -> PathBuf {
    workspace("crates/model/tests/fixtures").join(name)
}

/// The fixture tokenizer: byte-level BPE with R1's control tokens, 507 ids.
pub const TOKENIZER: &str = "crates/text/tests/fixtures";

/// A copy of a folder's files that a test may damage.
pub fn copy(from: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        // Read and written, not copied: the original may be write-protected.
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(copy.path().join(path.file_name().unwrap()), bytes).unwrap();
    }
    copy
}

/// Changes a JSON file.
pub fn edit_json(path: &Path, edit: impl FnOnce(&mut Value)) {
    let mut value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    edit(&mut value);
    std::fs::write(path, value.to_string()).unwrap();
}

/// The path as an argument.
pub fn arg(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Puts the fixture tokenizer and R1's chat template into a folder.
pub fn add_tokenizer(dir: &Path) {
    for (from, to) in [
        ("tokenizer.json", "tokenizer.json"),
        ("tokenizer_config.json", "tokenizer_config.json"),
        ("r1.jinja", "chat_template.jinja"),
    ] {
        let bytes = std::fs::read(workspace(TOKENIZER).join(from)).unwrap();
        std::fs::write(dir.join(to), bytes).unwrap();
    }
}

/// A dense model with random weights that talks R1's format: 507 ids, 512 positions.
pub fn thinking_model() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    write_checkpoint(dir.path(), &llama_config(32, 2, 507));
    add_tokenizer(dir.path());
    dir
}

/// The config of a dense model in BF16.
pub fn llama_config(hidden_size: usize, layers: usize, vocab_size: usize) -> Value {
    json!({
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu",
        "vocab_size": vocab_size, "hidden_size": hidden_size,
        "intermediate_size": hidden_size * 3, "num_hidden_layers": layers,
        "num_attention_heads": 4, "num_key_value_heads": 2, "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0, "max_position_embeddings": 512, "tie_word_embeddings": false,
        "torch_dtype": "bfloat16", "bos_token_id": 0, "eos_token_id": 1,
    })
}

/// Writes a checkpoint of random weights for a config.
pub fn write_checkpoint(dir: &Path, config: &Value) {
    let path = dir.join("config.json");
    std::fs::write(&path, config.to_string()).unwrap();
    let config = Config::from_dir(dir).unwrap();
    let block = config.weight_block_size;
    let mut tensors = Vec::new();
    for tensor in expected_tensors(&config).filter(|tensor| tensor.kind != TensorKind::Scale) {
        let len: usize = tensor.shape.iter().product();
        let is_fp8 = block.is_some() && tensor.kind == TensorKind::Linear;
        if let Some(block) = block.filter(|_| is_fp8) {
            let shape = scale_shape(&tensor.shape, block);
            let bytes = 0.001f32.to_le_bytes().repeat(shape.iter().product());
            tensors.push((format!("{}_scale_inv", tensor.name), Dtype::F32, shape, bytes));
        }
        let seed = tensors.len() as u64;
        let (dtype, bytes) = match tensor.kind {
            _ if is_fp8 => (Dtype::F8E4m3, noise(seed, len).map(fp8).collect()),
            TensorKind::RouterBias => (Dtype::F32, vec![0; 4 * len]),
            TensorKind::Norm => (Dtype::Bf16, 0x3f80u16.to_le_bytes().repeat(len)),
            _ => (Dtype::Bf16, noise(seed, len).flat_map(bf16).collect()),
        };
        tensors.push((tensor.name, dtype, tensor.shape, bytes));
    }
    let new: Vec<NewTensor<'_>> = tensors
        .iter()
        .map(|(name, dtype, shape, bytes)| NewTensor { name, dtype: *dtype, shape, bytes })
        .collect();
    write_safetensors(&dir.join("model.safetensors"), &new, &[]).unwrap();
}

/// Repeatable random bits (xorshift64).
fn noise(seed: u64, len: usize) -> impl Iterator<Item = u64> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..len).map(move |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state >> 32
    })
}

/// Codes of either sign, none of them NaN.
fn fp8(bits: u64) -> u8 {
    (bits & 0x80) as u8 | ((bits & 0x7f) as u8 % 0x7f)
}

/// Values of either sign between 1/16 and 1/2.
fn bf16(bits: u64) -> [u8; 2] {
    ((bits & 0x807f) as u16 | (0x3d80 + ((bits >> 16) as u16 % 3) * 0x80)).to_le_bytes()
}
