//! `ponder bench train` and `grpo`: how fast a model learns, from random weights on random texts.
//! Both take the steps of `ponder train`; left out are data, files and grading.

use std::time::Instant;

use ponder_kernels::Gradients;
use ponder_kernels::cpu::Isa;
use ponder_model::config::Config;
use ponder_model::count::{Parameters as Count, linear_flops_per_token};
use ponder_model::known::known_config;
use ponder_train::grpo::{self, GrpoOptions, Learner, Lessons};
use ponder_train::pack::Sequence;
use ponder_train::parameters::Parameters;
use ponder_train::random::Random;
use ponder_train::rollout::{Completion, RolloutOptions, rollout};
use ponder_train::trainer::Trainer;
use ponder_train::{init, pretrain};
use serde::Serialize;

use super::spread::Spread;
use crate::backend::{BackendArgs, at_least_one};
use crate::exit::usage;
use crate::limits;
use crate::machine::peak_rss_bytes;

/// The weights and texts are random, but the same each time.
const SEED: u64 = 1;
const LEARNING_RATE: f64 = 3e-4;
/// Backward computes two products for each one of forward.
const PASSES: f64 = 3.0;

/// Flags of `ponder bench train`.
#[derive(clap::Args)]
pub struct TrainFlags {
    /// Texts of a step.
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = at_least_one)]
    sequences: usize,
    /// Tokens of each.
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = at_least_one)]
    tokens: usize,
    #[command(flatten)]
    common: CommonFlags,
}

/// Flags of `ponder bench grpo`.
#[derive(clap::Args)]
pub struct GrpoFlags {
    /// Prompts of a step.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = at_least_one)]
    prompts: usize,
    /// Answers to each.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = at_least_one)]
    group: usize,
    /// Tokens of each answer.
    #[arg(long, value_name = "N", default_value_t = 128, value_parser = at_least_one)]
    tokens: usize,
    /// Tokens of each prompt.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = at_least_one)]
    prompt_tokens: usize,
    #[command(flatten)]
    common: CommonFlags,
}

#[derive(clap::Args)]
struct CommonFlags {
    /// Random weights in the shape of a known model.
    #[arg(long, value_name = "NAME", default_value = "deepseek-v3-21m")]
    shape: String,
    /// Tokens that pass the model at once.
    #[arg(long, value_name = "N", default_value_t = 1024, value_parser = at_least_one)]
    micro_batch_tokens: usize,
    /// Timed steps, after one that is not counted.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = at_least_one)]
    runs: usize,
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    backend: BackendArgs,
}

/// What both report.
#[derive(Serialize)]
struct Setting {
    shape: String,
    parameters: u64,
    active_parameters: u64,
    micro_batch_tokens: usize,
    threads: usize,
    isa: &'static str,
    runs: usize,
    peak_rss_bytes: Option<u64>,
    commit: &'static str,
}

#[derive(Serialize)]
struct TrainReport {
    bench: &'static str,
    tokens_per_s: Spread,
    sequences: usize,
    tokens: usize,
    /// Of the products of matrices in a step, forward and backward.
    flops_per_token: f64,
    /// What products from registers reach here.
    product_gflops: f64,
    /// Of that.
    share: f64,
    #[serde(flatten)]
    setting: Setting,
}

#[derive(Serialize)]
struct GrpoReport {
    bench: &'static str,
    step_s: Spread,
    generate_s: Spread,
    update_s: Spread,
    generated_tokens_per_s: Spread,
    prompts: usize,
    group: usize,
    tokens: usize,
    #[serde(flatten)]
    setting: Setting,
}

/// Measures optimizer steps of pre-training.
pub fn train(flags: &TrainFlags) -> anyhow::Result<()> {
    let Bench { isa, ops, config, parameters } = flags.common.open(flags.tokens)?;
    let n_tokens = flags.sequences * flags.tokens;
    let mut options = pretrain::options(SEED, LEARNING_RATE, flags.common.runs as u64, n_tokens);
    options.micro_batch_tokens = flags.common.micro_batch_tokens;
    let mut trainer = Trainer::new(parameters, options)?;
    let texts = texts(&config, flags.sequences, flags.tokens);
    let mut speeds = Vec::new();
    for _ in 0..=flags.common.runs {
        let start = Instant::now();
        trainer.step(&*ops, &texts)?;
        speeds.push(n_tokens as f64 / start.elapsed().as_secs_f64());
    }
    let tokens_per_s = Spread::of(speeds.split_off(1));
    let flops_per_token = PASSES * linear_flops_per_token(&config) as f64;
    let setting = flags.common.setting(&config, &*ops);
    // Last, because it takes memory of its own.
    let product_gflops = limits::product_rate(isa, ops.threads()).expect("the backend runs on it");
    let share = tokens_per_s.median * flops_per_token / (product_gflops * 1e9);
    let report = TrainReport {
        bench: "train",
        tokens_per_s,
        sequences: flags.sequences,
        tokens: flags.tokens,
        flops_per_token,
        product_gflops,
        share,
        setting,
    };
    crate::inspect::print(flags.common.json, &report, || report.render())
}

/// Measures steps of reinforcement learning: answers, and one update on all of them.
pub fn grpo(flags: &GrpoFlags) -> anyhow::Result<()> {
    let Bench { ops, config, parameters, .. } =
        flags.common.open(flags.prompt_tokens + flags.tokens)?;
    let mut learner = Learner::new(parameters)?;
    let prompts = texts(&config, flags.prompts, flags.prompt_tokens);
    let prompts: Vec<&[u32]> = prompts.iter().map(|text| &text.token_ids[..]).collect();
    let end = config.vocab_size as u32 - 1;
    let sampling = RolloutOptions {
        samples: flags.group,
        max_tokens: flags.tokens,
        temperature: 1.0,
        top_p: 1.0,
        streams: flags.prompts * flags.group,
        // The end is never drawn: all answers have their full length.
        n_sampleable: end as usize,
        end,
        key: SEED,
        first_prompt: 0,
    };
    let usual = grpo::options(SEED, LEARNING_RATE, flags.common.runs as u64, Vec::new());
    let learning = GrpoOptions { micro_batch_tokens: flags.common.micro_batch_tokens, ..usual };
    let (mut steps, mut generations, mut updates) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..=flags.common.runs {
        let start = Instant::now();
        let answers = rollout(&*ops, &learner.weights().model, &prompts, &sampling)?;
        let generated = start.elapsed().as_secs_f64();
        learner.learn(&*ops, &learning, LEARNING_RATE, lessons(&prompts, &answers))?;
        let all = start.elapsed().as_secs_f64();
        steps.push(all);
        generations.push(generated);
        updates.push(all - generated);
    }
    let n_tokens = (flags.prompts * flags.group * flags.tokens) as f64;
    let counted = |values: &[f64]| Spread::of(values[1..].to_vec());
    let speeds: Vec<f64> = generations.iter().map(|seconds| n_tokens / seconds).collect();
    let report = GrpoReport {
        bench: "grpo",
        step_s: counted(&steps),
        generate_s: counted(&generations),
        update_s: counted(&updates),
        generated_tokens_per_s: counted(&speeds),
        prompts: flags.prompts,
        group: flags.group,
        tokens: flags.tokens,
        setting: flags.common.setting(&config, &*ops),
    };
    crate::inspect::print(flags.common.json, &report, || report.render())
}

/// Random texts.
fn texts(config: &Config, n: usize, tokens: usize) -> Vec<Sequence> {
    let mut random = Random::new(SEED, 1);
    let mut id = || random.below(config.vocab_size as u64 - 1) as u32;
    (0..n).map(|_| Sequence::whole((0..tokens).map(|_| id()).collect())).collect()
}

/// All answers, every other of which is said to be good.
fn lessons(prompts: &[&[u32]], groups: &[Vec<Completion>]) -> Lessons {
    let mut lessons = Lessons::default();
    for (prompt, group) in prompts.iter().zip(groups) {
        for (i, completion) in group.iter().enumerate() {
            lessons.push(prompt, completion, if i.is_multiple_of(2) { 1.0 } else { -1.0 });
        }
    }
    lessons
}

/// What is measured, and on what.
struct Bench {
    isa: Isa,
    ops: Box<dyn Gradients>,
    config: Config,
    parameters: Parameters,
}

impl CommonFlags {
    /// The shape with random weights, for texts of so many tokens.
    fn open(&self, tokens: usize) -> anyhow::Result<Bench> {
        let Some(isa) = self.backend.isa()? else {
            let what = "`--isa reference` has no speed worth measuring";
            return Err(usage(what, "leave --isa out, or name a fast path"));
        };
        let config = known_config(&self.shape)?;
        let accepted = config.max_position_embeddings;
        if tokens > accepted {
            let what = format!("{tokens} tokens exceed the shape's context of {accepted}");
            return Err(usage(what, "lower --tokens"));
        }
        let parameters = init::random(&config, SEED)?;
        Ok(Bench { isa, ops: self.backend.open_for_training()?, config, parameters })
    }

    fn setting(&self, config: &Config, ops: &dyn Gradients) -> Setting {
        let count = Count::of(config);
        Setting {
            shape: self.shape.clone(),
            parameters: count.total,
            active_parameters: count.active.with_head,
            micro_batch_tokens: self.micro_batch_tokens,
            threads: ops.threads(),
            isa: ops.name(),
            runs: self.runs,
            peak_rss_bytes: peak_rss_bytes(),
            commit: env!("PONDER_COMMIT"),
        }
    }
}

impl Setting {
    fn render(&self) -> String {
        let millions = |n: u64| n as f64 / 1e6;
        let memory = self.peak_rss_bytes.map(|n| format!("; {:.0} MB at most", n as f64 / 1e6));
        format!(
            "{:.1} million parameters, {:.1} million of them active; {} on {} threads{}; commit {}\n",
            millions(self.parameters),
            millions(self.active_parameters),
            self.isa,
            self.threads,
            memory.unwrap_or_default(),
            self.commit
        )
    }
}

impl TrainReport {
    fn render(&self) -> String {
        let Spread { median, min, max } = self.tokens_per_s;
        format!(
            "train {}: {median:.0} tok/s ({min:.0} to {max:.0} in {} steps of {} × {} tokens)\n\
             {:.0} % of {:.0} GFLOP/s; {:.1} MFLOP a token in products, forward and backward\n{}",
            self.setting.shape,
            self.setting.runs,
            self.sequences,
            self.tokens,
            self.share * 100.0,
            self.product_gflops,
            self.flops_per_token / 1e6,
            self.setting.render()
        )
    }
}

impl GrpoReport {
    fn render(&self) -> String {
        let Spread { median, min, max } = self.step_s;
        format!(
            "grpo {}: {median:.2} s a step ({min:.2} to {max:.2} in {} steps of {} × {} × {} tokens)\n\
             {:.2} s generating, {:.0} tok/s; {:.2} s updating\n{}",
            self.setting.shape,
            self.setting.runs,
            self.prompts,
            self.group,
            self.tokens,
            self.generate_s.median,
            self.generated_tokens_per_s.median,
            self.update_s.median,
            self.setting.render()
        )
    }
}
