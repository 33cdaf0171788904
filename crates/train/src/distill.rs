//! Distillation: a small dense model learns the verified answers of a teacher, as R1's Qwen and
//! Llama students did. The control is the same student with reinforcement learning alone
//! (`grpo`).

use std::path::Path;

use ponder_kernels::Gradients;
use ponder_model::checkpoint::expected_tensors;
use ponder_model::config::Config;
use serde_json::{Value, json};

use crate::error::{Result, TrainError};
use crate::parameters::Parameters;
use crate::sft::{Dialogue, Epochs};
use crate::trainer::{self, Options, StepReport, Trainer};

/// Width of a student's heads.
const HEAD_DIM: usize = 32;
/// Query heads that share a key and value head, where their number allows.
const HEADS_PER_KV: usize = 2;
/// Steps of the feed-forward network's width.
const WIDTH_STEP: usize = 32;
/// The widest student that is tried, in heads.
const MAX_HEADS: usize = 256;

/// The configuration of a dense student (Qwen2's architecture, embedding and head tied) with the
/// teacher's vocabulary, context and number of layers, and about `share` of the parameters that
/// the teacher multiplies a token with.
pub fn student(teacher: &Config, share: f64) -> Result<Config> {
    if !(share > 0.0 && share <= 1.0) {
        let (found, expected) = (share.to_string(), "a share of the teacher from 0 to 1");
        return Err(TrainError::Option { name: "share", found, expected });
    }
    let wanted = share * active_parameters(teacher) as f64;
    let distance = |config: &Config| (active_parameters(config) as f64 - wanted).abs();
    let mut best = of_width(teacher, 1, 0)?;
    for heads in 2..=MAX_HEADS {
        let next = of_width(teacher, heads, 0)?;
        if distance(&next) > distance(&best) {
            break;
        }
        best = next;
    }
    // Heads are coarse steps; the feed-forward network takes up the rest.
    let missing = wanted - active_parameters(&best) as f64;
    let per_column = (3 * best.hidden_size * best.num_hidden_layers) as f64;
    let steps = (missing / per_column / WIDTH_STEP as f64).round() as isize;
    of_width(teacher, best.num_attention_heads, steps)
}

/// A student of so many heads, its feed-forward network `steps` wider than is usual.
fn of_width(teacher: &Config, heads: usize, steps: isize) -> Result<Config> {
    let hidden_size = heads * HEAD_DIM;
    let kv_heads = if heads.is_multiple_of(HEADS_PER_KV) { heads / HEADS_PER_KV } else { heads };
    // SwiGLU's three matrices at 8/3 of the width have the size of a plain network's two at 4.
    let usual = (hidden_size * 8 / 3).next_multiple_of(WIDTH_STEP);
    let intermediate_size =
        usual.saturating_add_signed(steps * WIDTH_STEP as isize).max(WIDTH_STEP);
    let raw = &teacher.raw;
    let value = json!({
        "architectures": ["Qwen2ForCausalLM"],
        "model_type": "qwen2",
        "vocab_size": teacher.vocab_size,
        "hidden_size": hidden_size,
        "intermediate_size": intermediate_size,
        "num_hidden_layers": teacher.num_hidden_layers,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "hidden_act": "silu",
        "rms_norm_eps": 1e-6,
        "initializer_range": 0.02,
        "rope_theta": 10000.0,
        "max_position_embeddings": teacher.max_position_embeddings,
        "use_sliding_window": false,
        "tie_word_embeddings": true,
        "torch_dtype": "bfloat16",
        "bos_token_id": raw.get("bos_token_id").unwrap_or(&Value::Null),
        "eos_token_id": raw.get("eos_token_id").unwrap_or(&Value::Null),
    });
    Ok(Config::from_json(&value.to_string(), Path::new("the student"))?)
}

/// Parameters that a token is multiplied with, the head included, MTP layers left out.
pub fn active_parameters(config: &Config) -> usize {
    let main = format!("model.layers.{}.", config.num_hidden_layers);
    let tensors = expected_tensors(config).filter(|tensor| !tensor.is_optional);
    let share = |name: &str, len: usize| match &config.moe {
        // A tied table is multiplied with as the head.
        _ if name.contains("embed_tokens") && !config.tie_word_embeddings => 0,
        _ if name.starts_with(&main) => 0,
        Some(moe) if name.contains(".experts.") => {
            len * moe.num_experts_per_tok / moe.n_routed_experts
        }
        _ => len,
    };
    tensors.map(|tensor| share(&tensor.name, tensor.shape.iter().product())).sum()
}

/// Trains `student` on a teacher's dialogues in the folder `dir`, from its newest checkpoint if it
/// has one, until the schedule or the epochs end or `proceed` says no.
pub fn run(
    ops: &dyn Gradients,
    student: impl FnOnce() -> Result<Parameters>,
    (dialogues, n_epochs, context): (&[Dialogue], u64, usize),
    options: Options,
    dir: &Path,
    proceed: &mut dyn FnMut(&StepReport) -> bool,
) -> Result<Trainer> {
    let documents = Epochs::new(dialogues, n_epochs, context, options.seed);
    trainer::run(ops, student, &documents, options, dir, proceed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::init::Preset;

    #[test]
    fn students_are_as_large_as_asked() {
        for name in ["nano", "micro", "small"] {
            let teacher = Preset::find(name).unwrap().config().unwrap();
            for share in [0.25, 0.5] {
                let student = student(&teacher, share).unwrap();
                let found = active_parameters(&student) as f64 / active_parameters(&teacher) as f64;
                let (hidden, layers) = (student.hidden_size, student.num_hidden_layers);
                println!("{name} {share}: {hidden} wide, {layers} layers, {found:.3}");
                assert!((found / share - 1.0).abs() < 0.05, "{name} {share}: {found}");
                assert_eq!(student.vocab_size, teacher.vocab_size);
            }
        }
        let teacher = Preset::find("nano").unwrap().config().unwrap();
        let error = student(&teacher, 1.5).unwrap_err().to_string();
        assert!(error.contains("share") && error.contains("hint:"), "{error}");
    }
}
