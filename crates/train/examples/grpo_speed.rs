//! How fast rollouts and updates are: `cargo run --release -p ponder-train --example grpo_speed --
//! [PRESET] [THREADS] [PROMPTS] [GROUP] [TOKENS] [STREAMS] [STEPS]`. The model is random and its
//! answers run into the limit; prompts have 24 tokens. Prints the run's timings.

use ponder_kernels::cpu::{Cpu, CpuOptions, Isa};
use ponder_tasks::{Problem, Style, Work};
use ponder_train::curriculum::{CurriculumOptions, TaskShare};
use ponder_train::grpo::{self, GrpoOptions, GrpoReport};
use ponder_train::init::{self, Preset};
use ponder_train::prompt::{Prompt, Source};
use ponder_train::random::Random;
use ponder_train::reply::Marks;
use ponder_train::reward::RewardWeights;

/// A question without a right answer: groups differ in how much their answers repeat.
struct Koan;

impl Problem for Koan {
    fn canonical(&self) -> String {
        "koan".into()
    }

    fn question(&self, _: &mut Random) -> String {
        self.canonical()
    }

    fn work(&self, _: Style, _: &mut Random) -> Work {
        Work { thinking: String::new(), reply: String::new() }
    }

    fn grade(&self, _: &str) -> bool {
        false
    }
}

fn main() -> ponder_train::Result<()> {
    let mut args = std::env::args().skip(1);
    let name = args.next().unwrap_or_else(|| "nano".into());
    let mut number = |default: usize| args.next().and_then(|n| n.parse().ok()).unwrap_or(default);
    let (threads, prompts_per_step, group_size) = (number(2), number(8), number(8));
    let (max_tokens, streams, steps) = (number(128), number(64), number(3));
    let config = Preset::find(&name).unwrap_or(&init::PRESETS[1]).config()?;
    let n_ids = config.vocab_size as u64;
    let Some(isa) = Isa::available().pop() else { return Ok(()) };
    let Some(ops) = Cpu::new(CpuOptions { isa, threads, pin: false }) else { return Ok(()) };
    let draw = |_: &str, level: u8, random: &mut Random| {
        let token_ids = (0..24).map(|_| 4 + random.below(n_ids - 4) as u32).collect();
        let (problem, question) = (Box::new(Koan), "koan".to_owned());
        Some(Prompt { task: "koan", level, problem, question, token_ids, is_boxed: false })
    };
    let marks = Marks {
        think_start: 2,
        think_end: 3,
        // Never sampled, so that all answers have the same length.
        end: n_ids as u32 - 1,
        n_sampleable: n_ids as usize - 1,
        decode: Box::new(|_| String::new()),
    };
    let share = TaskShare { task: "koan".into(), share: 1.0, first_level: 0, levels: [0, 0] };
    let options = GrpoOptions {
        prompts_per_step,
        group_size,
        max_tokens,
        longer: None,
        refill_rounds: 0,
        curriculum: CurriculumOptions::FIXED,
        streams,
        rewards: RewardWeights { repetition: 1.0, repetition_run: 1, ..RewardWeights::R1 },
        ..grpo::options(1, 1e-5, steps as u64, vec![share])
    };
    let source = Source { marks, draw: Box::new(draw) };
    let folder = std::env::temp_dir().join(format!("ponder-grpo-speed-{}", std::process::id()));
    let proceed: &mut dyn FnMut(&GrpoReport) -> bool = &mut |report| {
        println!(
            "step {}: {} of {} log-probabilities differ, {:.0} tokens an answer",
            report.step, report.logprob_mismatch, report.logprobs_compared, report.length
        );
        true
    };
    grpo::run(&ops, || init::random(&config, 1), &source, options, &folder, proceed)?;
    let timings = std::fs::read_to_string(folder.join("timings.jsonl")).unwrap_or_default();
    println!("{name} on {} with {threads} threads:\n{timings}", isa.name());
    // A folder that cannot be removed is the system's to clean.
    let _ = std::fs::remove_dir_all(&folder);
    Ok(())
}
