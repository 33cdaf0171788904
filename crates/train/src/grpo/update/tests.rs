//! A step's gradient does not depend on how its answers are cut up or ordered.

use ponder_kernels::cpu::{Cpu, CpuOptions, Isa};
use ponder_model::config::Config;

use super::*;
use crate::curriculum::TaskShare;
use crate::grpo::options;
use crate::init::{self, Preset};
use crate::random::Random;
use crate::rollout::{RolloutOptions, rollout};

fn config() -> Config {
    Preset::find("smoke").unwrap().config().unwrap()
}

fn learner(parameters: &Parameters) -> Learner {
    Learner::new(parameters.clone()).unwrap()
}

fn grpo_options(micro_batch_tokens: usize, mini_batches: usize) -> GrpoOptions {
    let share = TaskShare { task: "x".into(), share: 1.0, first_level: 0, levels: [0, 0] };
    GrpoOptions { micro_batch_tokens, mini_batches, ..options(1, 1e-2, 10, vec![share]) }
}

/// Answers sampled from the model itself, with advantages of either sign and of nothing.
fn lessons(ops: &Cpu, weights: &Weights, order: &[usize]) -> Lessons {
    let mut random = Random::new(2, 1);
    let prompts: Vec<Vec<u32>> =
        [5, 17, 3].map(|n| (0..n).map(|_| random.below(128) as u32).collect()).to_vec();
    let options = RolloutOptions {
        samples: 3,
        max_tokens: 40,
        temperature: 1.0,
        top_p: 1.0,
        streams: 4,
        n_sampleable: 128,
        end: 1,
        key: 5,
        first_prompt: 0,
    };
    let token_ids: Vec<&[u32]> = prompts.iter().map(|prompt| &prompt[..]).collect();
    let groups = rollout(ops, &weights.model, &token_ids, &options).unwrap();
    let answers: Vec<_> = prompts
        .iter()
        .zip(&groups)
        .flat_map(|(prompt, group)| group.iter().zip([0.7, -1.2, 0.0]).map(move |a| (prompt, a)))
        .collect();
    let mut lessons = Lessons::default();
    for i in order {
        let (prompt, (completion, advantage)) = &answers[*i];
        lessons.push(prompt, completion, *advantage);
    }
    lessons
}

fn cpu() -> Cpu {
    let isa = *Isa::available().last().expect("AVX2 at least");
    Cpu::new(CpuOptions { isa, threads: 1, pin: false }).unwrap()
}

/// The gradient of every parameter after one step, and what the step found.
fn gradient(parameters: &Parameters, options: &GrpoOptions, order: &[usize]) -> (Vec<f32>, Found) {
    let (ops, mut learner) = (cpu(), learner(parameters));
    let lessons = lessons(&ops, &learner.weights, order);
    let found = Found::default();
    let mut update = Update { ops: &ops, options, reference: None, rate: 1e-2, step: 0, found };
    update.run(&mut learner, lessons).unwrap();
    update.check_agreement().unwrap();
    let ids = (0..parameters.len()).map(ParameterId);
    (ids.flat_map(|id| learner.gradients.total().get(id).to_vec()).collect(), update.found)
}

#[test]
fn the_gradient_is_the_same_however_a_step_is_cut() {
    let parameters = init::random(&config(), 3).unwrap();
    let order: Vec<usize> = (0..9).collect();
    let (whole, found) = gradient(&parameters, &grpo_options(1 << 20, 1), &order);
    assert!(found.mismatched == 0 && found.compared > 100, "{found:?}");
    let norm = whole.iter().map(|x| (*x as f64).powi(2)).sum::<f64>().sqrt();
    let check = |what: &str, options: &GrpoOptions, order: &[usize]| {
        let (cut, again) = gradient(&parameters, options, order);
        let pairs = cut.iter().zip(&whole);
        let gap = pairs.map(|(a, b)| (*a as f64 - *b as f64).powi(2)).sum::<f64>().sqrt();
        assert!(gap < 2e-3 * norm, "{what}: {gap} of {norm}");
        assert_eq!((again.mismatched, again.tokens), (0, found.tokens), "{what}");
        assert!((again.loss - found.loss).abs() < 1e-9, "{what}");
    };
    for tokens in [1, 60, 130] {
        check(&format!("{tokens} tokens at once"), &grpo_options(tokens, 1), &order);
    }
    check("another order", &grpo_options(100, 1), &[8, 2, 5, 0, 1, 3, 7, 6, 4]);
}

#[test]
fn equal_rewards_move_nothing() {
    let parameters = init::random(&config(), 3).unwrap();
    // Of each group the answer without an advantage.
    let (gradient, found) = gradient(&parameters, &grpo_options(4096, 1), &[2, 5, 8]);
    assert!(gradient.iter().all(|x| *x == 0.0));
    assert_eq!((found.optimizer_steps, found.compared, found.grad_norm), (0, 0, 0.0));
}

#[test]
fn later_mini_batches_choose_experts_as_the_sampler_did() {
    let parameters = init::random(&config(), 3).unwrap();
    let (ops, mut learner) = (cpu(), learner(&parameters));
    let lessons = lessons(&ops, &learner.weights, &(0..9).collect::<Vec<_>>());
    let options = grpo_options(100, 3);
    let found = Found::default();
    let update =
        Update { ops: &ops, options: &options, reference: None, rate: 0.1, step: 0, found };
    let recorded = update.evaluate(&learner.weights, &lessons.sequences, &[]).unwrap();
    let choices: Vec<RecordedChoices> =
        recorded.iter().map(|(_, choices)| choices.clone()).collect();
    // Far enough that a router left to itself chooses otherwise.
    for parameter in learner.parameters.iter_mut().filter(|p| p.name.ends_with("gate.weight")) {
        let mut random = Random::named(1, &parameter.name);
        parameter.values.iter_mut().for_each(|x| *x += 0.05 * random.normal() as f32);
    }
    learner.weights = learner.parameters.pack(Dtype::Bf16).unwrap();
    let free = update.evaluate(&learner.weights, &lessons.sequences, &[]).unwrap();
    let replayed = update.evaluate(&learner.weights, &lessons.sequences, &choices).unwrap();
    let of = |passes: &[(Vec<f32>, RecordedChoices)]| {
        passes.iter().map(|(_, choices)| choices.clone()).collect::<Vec<_>>()
    };
    assert_ne!(of(&free), choices);
    assert_eq!(of(&replayed), choices);
    assert_ne!(free[0].0, replayed[0].0, "other experts, other probabilities");
}
