//! A task of two tokens: each class of prompts has a hidden answer, which nothing but the reward
//! tells.

use ponder_kernels::cpu::{Cpu, CpuOptions, Isa};
use ponder_model::config::Config;
use ponder_tasks::{Problem, Style, Work};
use ponder_train::curriculum::{CurriculumOptions, TaskShare};
use ponder_train::grpo::{self, Grpo, GrpoOptions, GrpoReport};
use ponder_train::init::{self, Preset};
use ponder_train::pack::Sequence;
use ponder_train::parameters::Parameters;
use ponder_train::pretrain;
use ponder_train::prompt::{Prompt, Source};
use ponder_train::random::Random;
use ponder_train::reply::Marks;
use ponder_train::reward::RewardWeights;
use ponder_train::trainer::{Documents, Trainer};

/// Ids from here on are answers; below lie the marks and the classes.
pub const FIRST_ANSWER: u64 = 8;
pub const N_ANSWERS: u64 = 8;
pub const N_CLASSES: u64 = 4;
pub const END: u32 = 1;

/// Right is one answer alone.
struct Hidden {
    class: u64,
    answer: u64,
}

impl Problem for Hidden {
    fn canonical(&self) -> String {
        format!("class {}", self.class)
    }

    fn question(&self, _: &mut Random) -> String {
        self.canonical()
    }

    fn work(&self, _: Style, _: &mut Random) -> Work {
        Work { thinking: String::new(), reply: letter(self.answer) }
    }

    fn grade(&self, reply: &str) -> bool {
        reply == letter(self.answer)
    }
}

pub fn letter(answer: u64) -> String {
    char::from(b'a' + answer as u8).to_string()
}

/// The hidden answers of a seed.
pub fn hidden(seed: u64, class: u64) -> u64 {
    Random::at(seed, &[7, class]).below(N_ANSWERS)
}

pub fn marks() -> Marks<'static> {
    let text = |ids: &[u32]| {
        let letters = ids.iter().filter(|id| **id as u64 >= FIRST_ANSWER);
        letters.map(|id| letter(*id as u64 - FIRST_ANSWER)).collect()
    };
    Marks { think_start: 2, think_end: 3, end: END, n_sampleable: 16, decode: Box::new(text) }
}

pub fn draw(seed: u64) -> impl Fn(&str, u8, &mut Random) -> Option<Prompt> {
    move |task, level, random| {
        let class = random.below(N_CLASSES);
        (task == "bandit").then(|| Prompt {
            task: "bandit",
            level,
            problem: Box::new(Hidden { class, answer: hidden(seed, class) }),
            question: format!("class {class}"),
            token_ids: vec![0, 4 + class as u32],
            is_boxed: false,
        })
    }
}

pub fn cpu() -> Cpu {
    cpu_with(*Isa::available().last().expect("AVX2 at least"))
}

/// On the instructions that every machine has: what is learnt depends on bits, so every machine
/// sees the same course.
pub fn same_everywhere() -> Cpu {
    cpu_with(Isa::Avx2)
}

pub fn cpu_with(isa: Isa) -> Cpu {
    Cpu::new(CpuOptions { isa, threads: 1, pin: false }).unwrap()
}

pub fn config() -> Config {
    let sizes = [("hidden_size", 32), ("intermediate_size", 64), ("vocab_size", 16)];
    let values = sizes.map(|(key, value)| (key, value.into()));
    Preset::find("smoke").unwrap().config().unwrap().with_values(&values).unwrap()
}

/// A class, any answer, the end, and the class again, so that classes are told apart: the form of
/// an answer, and nothing of what is right.
struct Form;

impl Documents for Form {
    fn document(&self, index: u64) -> Option<Sequence> {
        let mut random = Random::new(3, index);
        let answer = FIRST_ANSWER + random.below(N_ANSWERS);
        let class = 4 + random.below(N_CLASSES);
        Some(Sequence::whole(vec![0, class as u32, answer as u32, END, class as u32]))
    }
}

/// A model that answers in the right form, at random.
pub fn base() -> Parameters {
    base_of(&config())
}

/// The same of another architecture.
pub fn base_of(config: &Config) -> Parameters {
    let options = pretrain::options(1, 1e-2, 60, 512);
    let mut trainer = Trainer::new(init::random(config, 1).unwrap(), options).unwrap();
    let ops = same_everywhere();
    for _ in 0..60 {
        let sequences = trainer.gather(&Form).unwrap();
        trainer.step(&ops, &sequences).unwrap();
    }
    trainer.parameters().clone()
}

pub fn options(steps: u64) -> GrpoOptions {
    let share = TaskShare { task: "bandit".into(), share: 1.0, first_level: 0, levels: [0, 9] };
    GrpoOptions {
        prompts_per_step: 16,
        group_size: 16,
        max_tokens: 2,
        longer: None,
        refill_rounds: 0,
        curriculum: CurriculumOptions::FIXED,
        rewards: RewardWeights { format: 0.0, overlong: 0.0, ..RewardWeights::R1 },
        micro_batch_tokens: 512,
        checkpoint_every: 4,
        ..grpo::options(5, 3e-3, steps, vec![share])
    }
}

/// Trains in a folder until `proceed` says no; the hidden answers are those of `seed`.
pub fn run(
    ops: &Cpu,
    dir: &std::path::Path,
    base: &Parameters,
    seed: u64,
    options: GrpoOptions,
    proceed: &mut dyn FnMut(&GrpoReport) -> bool,
) -> ponder_train::Result<Grpo> {
    let source = Source { marks: marks(), draw: Box::new(draw(seed)) };
    grpo::run(ops, || Ok(base.clone()), &source, options, dir, proceed)
}
