//! How fast training steps are: `cargo run --release -p ponder-train --example speed -- [PRESET]
//! [SEQUENCES] [LENGTH] [STEPS] [MICRO_BATCH_TOKENS] [THREADS]`. Prints tokens a second and the share of this
//! machine's product rate, by 6 operations a token and active parameter.

use std::time::Instant;

use ponder_kernels::cpu::{Cpu, CpuOptions, Isa, measure};
use ponder_model::checkpoint::expected_tensors;
use ponder_model::config::Config;
use ponder_train::init::{self, Preset};
use ponder_train::pack::Sequence;
use ponder_train::random::Random;
use ponder_train::trainer::{Options, Trainer};
use ponder_train::{Result, pretrain};

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let preset = args.next().unwrap_or_else(|| "bench21".into());
    let mut number = |default: usize| args.next().and_then(|n| n.parse().ok()).unwrap_or(default);
    let (n_sequences, length, n_steps) = (number(16), number(256), number(5));
    let (micro_batch_tokens, threads) = (number(4096), number(2));
    let config = Preset::find(&preset).unwrap_or(&init::PRESETS[0]).config()?;
    // The model alone, as peers train it: without the layer that drafts.
    let config = config.with_values(&[("num_nextn_predict_layers", 0.into())])?;
    let Some(isa) = Isa::available().pop() else { return Ok(()) };
    let options = CpuOptions { isa, threads, pin: false };
    let Some(ops) = Cpu::new(options) else { return Ok(()) };
    let options =
        Options { micro_batch_tokens, ..pretrain::options(1, 1e-3, 1000, n_sequences * length) };
    let mut trainer = Trainer::new(init::random(&config, 1)?, options)?;
    let mut random = Random::new(1, 2);
    let sequence = |_| {
        let ids = (0..length).map(|_| random.below(config.vocab_size as u64) as u32);
        Sequence::whole(ids.collect())
    };
    let sequences: Vec<Sequence> = (0..n_sequences).map(sequence).collect();
    let mut rates = Vec::new();
    for _ in 0..n_steps + 1 {
        let start = Instant::now();
        let report = trainer.step(&ops, &sequences)?;
        let rate = (n_sequences * length) as f64 / start.elapsed().as_secs_f64();
        println!("step {}: loss {:.4}, {rate:.0} tokens/s", report.step, report.loss);
        rates.push(rate);
    }
    // The first step makes room for all later ones.
    rates.remove(0);
    rates.sort_by(f64::total_cmp);
    let rate = rates[rates.len() / 2];
    let operations = 6.0 * active_parameters(&config) as f64 * rate;
    let limit = measure::product_rate(isa, threads, 20).unwrap_or(f64::NAN);
    println!(
        "{preset} on {} with {threads} threads, batch {n_sequences}x{length}: median {rate:.0} tokens/s \
         ({:.0} to {:.0}), {:.1} GFLOP/s, {:.1} % of the product rate ({:.1} GFLOP/s)",
        isa.name(),
        rates[0],
        rates[rates.len() - 1],
        operations / 1e9,
        100.0 * operations / limit,
        limit / 1e9,
    );
    Ok(())
}

/// Parameters that a token is multiplied with.
fn active_parameters(config: &Config) -> usize {
    let share = |name: &str, len: usize| match &config.moe {
        _ if name.contains("embed_tokens") => 0,
        Some(moe) if name.contains(".experts.") => {
            len * moe.num_experts_per_tok / moe.n_routed_experts
        }
        _ => len,
    };
    let tensors = expected_tensors(config).filter(|tensor| !tensor.is_optional);
    tensors.map(|t| share(&t.name, t.shape.iter().product())).sum()
}
