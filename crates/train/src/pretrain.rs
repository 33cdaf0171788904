//! Pre-training: a model learns every token of a stream of documents, from nothing.

use crate::adamw::AdamwOptions;
use crate::schedule::{Decay, Schedule};
use crate::trainer::Options;

/// DeepSeek-V3's constants (report, section 4.2) at this peak rate and length; the decay to a tenth
/// takes the last fifth.
pub fn options(seed: u64, peak: f64, total_steps: u64, batch_tokens: usize) -> Options {
    Options {
        seed,
        batch_tokens,
        micro_batch_tokens: 1024,
        mtp_factor: 0.3,
        balance_alpha: 1e-4,
        bias_update_speed: 1e-3,
        checkpoint_every: 100,
        keep_checkpoints: 2,
        schedule: Schedule {
            peak,
            warmup_steps: (total_steps / 50).max(1),
            total_steps,
            final_share: 0.1,
            decay: Decay::Stable { decay_share: 0.2 },
        },
        adamw: AdamwOptions::DEEPSEEK_V3,
        data: toml::Table::new(),
    }
}
