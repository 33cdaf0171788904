//! Log-probabilities of trainer and sampler are the same bits, and policy gradients are those of
//! the losses.

use ponder_kernels::cpu::{Cpu, CpuOptions, Isa};
use ponder_kernels::ops::log_softmax::log_prob;
use ponder_kernels::reference::Reference;
use ponder_kernels::{Ops, PageId, Span};
use ponder_model::Model;
use ponder_model::config::Config;
use ponder_tensor::Dtype;
use ponder_train::init::{self, Preset};
use ponder_train::pack::Sequence;
use ponder_train::parameters::{GradientStore, ParameterId, Parameters};
use ponder_train::policy::{self, Answers};
use ponder_train::random::Random;

fn config(n_layers: u64) -> Config {
    let values = [("initializer_range", 0.15.into()), ("num_hidden_layers", n_layers.into())];
    Preset::find("smoke").unwrap().config().unwrap().with_values(&values).unwrap()
}

/// Prompts of weight 0, then answers; some tokens of an answer do not count either.
fn sequences(lengths: &[usize]) -> Vec<Sequence> {
    let mut random = Random::new(4, 0);
    let sequence = |n: &usize| Sequence {
        token_ids: (0..*n).map(|_| random.below(128) as u32).collect(),
        weights: (0..*n).map(|i| (i > n / 3 && i % 5 != 2) as u32 as f32).collect(),
    };
    lengths.iter().map(sequence).collect()
}

/// As the sampler goes: a prompt in chunks, then token by token, alone.
fn decoded(model: &Model, ops: &dyn Ops, sequence: &Sequence) -> Vec<f32> {
    let ids = &sequence.token_ids;
    let pages: Vec<PageId> = (0..ids.len().div_ceil(64) as u32).map(PageId).collect();
    let mut cache = model.new_cache(ops, pages.len());
    let (mut log_probs, mut position) = (Vec::new(), 0);
    while position < ids.len() {
        let n = if position < ids.len() / 3 { 3.min(ids.len() / 3 - position) } else { 1 };
        let span = Span { rows: 0..n, first_position: position, pages: pages.clone() };
        let batch = model.batch(ids[position..position + n].to_vec(), vec![span]);
        let logits = model.forward(ops, &batch, &mut cache, &(0..n).collect::<Vec<_>>());
        for row in 0..n {
            let next = position + row + 1;
            if next < ids.len() && sequence.weights[next] != 0.0 {
                log_probs.push(log_prob(logits.row(row), ids[next] as usize));
            }
        }
        position += n;
    }
    log_probs
}

#[test]
fn trainer_and_sampler_have_the_same_bits() {
    let weights = init::random(&config(3), 1).unwrap().pack(Dtype::Bf16).unwrap();
    let sequences = sequences(&[50, 7, 130, 70]);
    let answers = Answers { sequences: &sequences, temperature: 1.0, choices: None };
    for isa in Isa::available() {
        let cpu = Cpu::new(CpuOptions { isa, threads: 2, pin: false }).unwrap();
        let trained = policy::log_probs(&cpu, &weights, &answers);
        let sampled: Vec<f32> =
            sequences.iter().flat_map(|s| decoded(&weights.model, &cpu, s)).collect();
        assert_eq!(trained.len(), sampled.len());
        let bits = |x: &[f32]| x.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&trained), bits(&sampled), "{}", isa.name());
    }
}

#[test]
fn the_way_back_sees_the_same_log_probabilities() {
    let parameters = init::random(&config(2), 2).unwrap();
    let weights = parameters.pack(Dtype::Bf16).unwrap();
    let sequences = sequences(&[40, 9]);
    let answers = Answers { sequences: &sequences, temperature: 0.8, choices: None };
    let isa = *Isa::available().last().unwrap();
    let cpu = Cpu::new(CpuOptions { isa, threads: 2, pin: false }).unwrap();
    let mut store = GradientStore::new(&parameters);
    let found = policy::accumulate(&cpu, &weights, &answers, &|_, _| 0.0, &mut store);
    assert_eq!(found, policy::evaluate(&cpu, &weights, &answers));
    assert_eq!(store.norm(), 0.0, "no slope, no gradient, exactly");
}

/// The gradient in the direction of a random move of all parameters, against the difference.
#[test]
fn gradients_are_the_slopes_of_the_loss() {
    let ops = Reference::default();
    let parameters = init::random(&config(2), 3).unwrap();
    let sequences = sequences(&[12, 5]);
    // Experts stay as chosen, so that the loss is smooth.
    let weights = parameters.pack(Dtype::F32).unwrap();
    let tape = ponder_train::tape::Tape::new(&ops, &weights, None);
    let batch = ponder_train::pack::batch(&weights.model, &sequences);
    weights.model.hidden(&tape, &batch, &mut weights.model.new_cache(&tape, 2));
    let choices: Vec<Vec<u32>> = tape.choices().into_iter().map(|(_, chosen)| chosen).collect();
    let answers = Answers { sequences: &sequences, temperature: 0.9, choices: Some(&choices) };
    let factor = |i: usize| (i as f32 * 0.7).sin();
    let loss = |parameters: &Parameters| {
        let weights = parameters.pack(Dtype::F32).unwrap();
        let log_probs = policy::log_probs(&ops, &weights, &answers);
        let each = log_probs.iter().enumerate().map(|(i, lp)| factor(i) as f64 * lp.exp() as f64);
        each.sum::<f64>()
    };
    let mut store = GradientStore::new(&parameters);
    policy::accumulate(&ops, &weights, &answers, &|i, lp| factor(i) * lp.exp(), &mut store);
    let moved = |steps: f64| {
        let mut moved = parameters.clone();
        for parameter in moved.iter_mut().filter(|p| p.is_trained()) {
            let mut random = Random::named(8, &parameter.name);
            parameter.values.iter_mut().for_each(|x| *x += (steps * 1e-3 * random.normal()) as f32);
        }
        loss(&moved)
    };
    let difference = (8.0 * (moved(1.0) - moved(-1.0)) - (moved(2.0) - moved(-2.0))) / 12.0;
    let mut slope = 0.0;
    for (i, parameter) in parameters.iter().enumerate().filter(|(_, p)| p.is_trained()) {
        let mut random = Random::named(8, &parameter.name);
        let grads = store.get(ParameterId(i)).iter();
        slope += grads.map(|grad| *grad as f64 * 1e-3 * random.normal()).sum::<f64>();
    }
    assert!((slope / difference - 1.0).abs() < 2e-3, "{slope}, the difference {difference}");
}
