//! Policy gradients against the truth: with a policy small enough to enumerate every group of
//! answers, the expected update is the gradient of the expected reward, or, where a method is known
//! to be biased, is not.

use std::collections::BTreeMap;

use ponder_train::advantage::{Advantage, advantages};
use ponder_train::loss::{Aggregation, Correction, Objective, Policy, Sample, loss};
use ponder_train::random::Random;

/// Tokens; the last ends an answer.
const VOCAB: usize = 3;
const END: usize = VOCAB - 1;
const MAX_TOKENS: usize = 3;
/// Answers of a group.
const GROUP: usize = 2;

/// Logits of the next token after each beginning.
type Table = BTreeMap<Vec<usize>, [f64; VOCAB]>;

/// Every answer: it ends, or is cut off.
fn answers() -> Vec<Vec<usize>> {
    let mut open = vec![Vec::new()];
    let mut done = Vec::new();
    while let Some(begun) = open.pop() {
        for token in 0..VOCAB {
            let answer = [&begun[..], &[token]].concat();
            let is_done = token == END || answer.len() == MAX_TOKENS;
            if is_done { done.push(answer) } else { open.push(answer) }
        }
    }
    done
}

fn table() -> Table {
    let mut random = Random::new(3, 9);
    let mut table = Table::new();
    for answer in answers() {
        for n in 0..answer.len() {
            table
                .entry(answer[..n].to_vec())
                .or_insert_with(|| [(); VOCAB].map(|()| random.normal()));
        }
    }
    table
}

fn reward(answer: &[usize]) -> f64 {
    let value = answer.iter().fold(1.0, |sum, token| sum * 1.7 + *token as f64 * 0.9);
    (value * 3.0).sin() + 0.2 * answer.len() as f64
}

fn probabilities(logits: &[f64; VOCAB]) -> [f64; VOCAB] {
    let sum: f64 = logits.iter().map(|logit| logit.exp()).sum();
    logits.map(|logit| logit.exp() / sum)
}

fn log_probs(table: &Table, answer: &[usize]) -> Vec<f64> {
    let of = |n: usize| probabilities(&table[&answer[..n]])[answer[n]].ln();
    (0..answer.len()).map(of).collect()
}

fn probability(table: &Table, answer: &[usize]) -> f64 {
    log_probs(table, answer).iter().sum::<f64>().exp()
}

/// Adds `factor` times the gradient of a token's log-probability.
fn add(gradient: &mut Table, table: &Table, answer: &[usize], n: usize, factor: f64) {
    let p = probabilities(&table[&answer[..n]]);
    let into = gradient.entry(answer[..n].to_vec()).or_default();
    for v in 0..VOCAB {
        into[v] += factor * ((v == answer[n]) as u8 as f64 - p[v]);
    }
}

/// The gradient of the expected reward.
fn truth(table: &Table) -> Table {
    let mut gradient = Table::new();
    for answer in answers() {
        let weight = probability(table, &answer) * reward(&answer);
        (0..answer.len()).for_each(|n| add(&mut gradient, table, &answer, n, weight));
    }
    gradient
}

/// What an update moves along, in expectation over all groups.
fn expected(table: &Table, kind: Advantage, aggregation: Aggregation) -> Table {
    let objective = Objective {
        policy: Policy::Clip { low: 0.2, high: 0.2 },
        aggregation,
        correction: Correction::None,
        kl: None,
    };
    let answers = answers();
    let mut gradient = Table::new();
    for a in &answers {
        for b in &answers {
            let group: [&Vec<usize>; GROUP] = [a, b];
            let rewards = group.map(|answer| reward(answer));
            let advantages = advantages(kind, &rewards);
            let sample = |i: usize| {
                let now: Vec<f32> =
                    log_probs(table, group[i]).iter().map(|lp| *lp as f32).collect();
                let advantages = vec![advantages[i] as f32];
                Sample {
                    old: now.clone(),
                    sampler: now.clone(),
                    now,
                    advantages,
                    ..Sample::default()
                }
            };
            let (_, slopes) = loss(&objective, &[sample(0), sample(1)]);
            let weight = probability(table, a) * probability(table, b);
            for (answer, slopes) in group.iter().zip(slopes) {
                for (n, slope) in slopes.iter().enumerate() {
                    // A loss is descended, a reward climbed.
                    add(&mut gradient, table, answer, n, -weight * *slope as f64);
                }
            }
        }
    }
    gradient
}

/// The largest difference between `found` and `factor` times `wanted`, over the largest value.
fn distance(found: &Table, wanted: &Table, factor: f64) -> f64 {
    let pairs = wanted.iter().flat_map(|(begun, logits)| found[begun].iter().zip(logits));
    let (mut largest, mut scale) = (0f64, 0f64);
    for (found, wanted) in pairs {
        largest = largest.max((found - factor * wanted).abs());
        scale = scale.max((factor * wanted).abs());
    }
    largest / scale
}

#[test]
fn answers_are_all_there() {
    let table = table();
    let total: f64 = answers().iter().map(|answer| probability(&table, answer)).sum();
    assert_eq!(answers().len(), 1 + 2 + 4 * 3);
    assert!((total - 1.0).abs() < 1e-12, "{total}");
}

#[test]
fn sums_over_answers_have_no_bias() {
    let (table, truth) = (table(), truth(&table()));
    // The mean contains the answer itself, which takes its share of the gradient.
    let mean_only = expected(&table, Advantage::MeanOnly, Aggregation::SequenceSum);
    let gap = distance(&mean_only, &truth, 1.0 - 1.0 / GROUP as f64);
    assert!(gap < 1e-5, "{gap}");
    let leave_one_out = expected(&table, Advantage::LeaveOneOut, Aggregation::SequenceSum);
    let gap = distance(&leave_one_out, &truth, 1.0);
    assert!(gap < 1e-5, "{gap}");
    // A constant length is a constant factor.
    let max_tokens = 4;
    let constant = Aggregation::ConstantLength { max_tokens };
    let constant = expected(&table, Advantage::LeaveOneOut, constant);
    let gap = distance(&constant, &truth, 1.0 / max_tokens as f64);
    assert!(gap < 1e-5, "{gap}");
}

#[test]
fn means_over_tokens_have_their_known_bias() {
    let (table, truth) = (table(), truth(&table()));
    for aggregation in [Aggregation::SequenceMean, Aggregation::TokenMean] {
        let found = expected(&table, Advantage::LeaveOneOut, aggregation);
        // No factor makes it right: the best one, by least squares, leaves a gap.
        let dot = |a: &Table, b: &Table| {
            let pairs = a.iter().flat_map(|(begun, x)| x.iter().zip(&b[begun]));
            pairs.map(|(x, y)| x * y).sum::<f64>()
        };
        let factor = dot(&found, &truth) / dot(&truth, &truth);
        let gap = distance(&found, &truth, factor);
        assert!(gap > 0.02, "{aggregation:?}: {gap}");
    }
}
