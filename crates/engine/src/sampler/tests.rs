//! The sampler against slow, obvious versions of the same definitions.

use super::logprobs::{is_finite, logprobs};
use super::select::{Candidate, best_first, top_k};
use super::*;
use ponder_kernels::ops::log_softmax::{log_prob, log_prob_at};

/// Logits with a plausible spread, and ties.
fn row(n: usize, seed: u64) -> Vec<f32> {
    let value = |i| {
        let [u, v] = [0, 1].map(|stream| philox::uniform(seed, stream, i));
        ((-2.0 * (1.0 - u).ln()).sqrt() * (std::f64::consts::TAU * v).cos() * 2.0) as f32
    };
    (0..n as u64).map(|i| (value(i) * 8.0).round() / 8.0).collect()
}

fn choose(sampling: &Sampling, row: &[f32], index: u64) -> u32 {
    let allowed = Allowed { n_sampleable: row.len(), forbidden: &[], mask: None };
    let sampler = Sampler::new(sampling.clone(), &[]);
    sampler.choose(row, index, &allowed, &mut Scratch::default()).expect("something is allowed")
}

/// The probabilities that [`Sampling`]'s text defines, by a full sort.
fn probabilities(sampling: &Sampling, row: &[f32]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..row.len()).collect();
    order.sort_by(|a, b| row[*b].partial_cmp(&row[*a]).unwrap().then(a.cmp(b)));
    order.truncate(sampling.top_k.unwrap_or(row.len()));
    let weight = |id: usize| ((row[id] - row[order[0]]) as f64 / sampling.temperature as f64).exp();
    let total: f64 = order.iter().map(|id| weight(*id)).sum();
    let mut sum = 0.0;
    let mut probabilities = vec![0.0; row.len()];
    for id in &order {
        if sum < sampling.top_p as f64 * total && weight(*id) >= sampling.min_p as f64 {
            probabilities[*id] = weight(*id);
        }
        sum += weight(*id);
    }
    let total: f64 = probabilities.iter().sum();
    probabilities.iter().map(|p| p / total).collect()
}

#[test]
fn draws_follow_the_filtered_distribution() {
    let base = Sampling::unfiltered(11, 0);
    let cases = [
        ("unfiltered", base.clone()),
        ("r1", Sampling::r1(5)),
        ("cold", Sampling { temperature: 0.3, ..base.clone() }),
        ("hot", Sampling { temperature: 3.0, ..base.clone() }),
        ("top-k", Sampling { top_k: Some(5), ..base.clone() }),
        ("top-k beyond the vocabulary", Sampling { top_k: Some(500), ..base.clone() }),
        ("top-p", Sampling { top_p: 0.5, ..base.clone() }),
        ("min-p", Sampling { min_p: 0.2, ..base.clone() }),
        ("all", Sampling { top_k: Some(12), top_p: 0.9, min_p: 0.05, ..base.clone() }),
    ];
    let row = row(40, 3);
    let n = 20_000;
    for (name, sampling) in cases {
        let expected = probabilities(&sampling, &row);
        let mut counts = vec![0.0; row.len()];
        for index in 0..n {
            counts[choose(&sampling, &row, index) as usize] += 1.0;
        }
        let (mut chi2, mut freedom, mut rare) = (0.0, -1.0, (0.0, 0.0));
        for (count, p) in counts.iter().zip(&expected) {
            assert!(*p > 0.0 || *count == 0.0, "{name}: a filtered token was drawn");
            let expected = p * n as f64;
            if expected >= 5.0 {
                chi2 += (count - expected).powi(2) / expected;
                freedom += 1.0;
            } else {
                rare = (rare.0 + count, rare.1 + expected);
            }
        }
        if rare.1 >= 5.0 {
            chi2 += f64::powi(rare.0 - rare.1, 2) / rare.1;
            freedom += 1.0;
        }
        // Wilson-Hilferty: the value that chance exceeds once in ten thousand.
        let h: f64 = 2.0 / (9.0 * freedom);
        let limit = freedom * (1.0 - h + 3.72 * h.sqrt()).powi(3);
        assert!(freedom < 1.0 || chi2 < limit, "{name}: chi-square {chi2}, limit {limit}");
    }
}

#[test]
fn wrong_distributions_are_noticed() {
    // The chi-square above must be able to fail: at another temperature it does, by far.
    let row = row(40, 3);
    let expected = probabilities(&Sampling::unfiltered(11, 0), &row);
    let sampling = Sampling { temperature: 1.1, ..Sampling::unfiltered(11, 0) };
    let mut counts = vec![0.0; row.len()];
    (0..20_000).for_each(|index| counts[choose(&sampling, &row, index) as usize] += 1.0);
    let terms = counts.iter().zip(&expected).filter(|(_, p)| **p * 20_000.0 >= 5.0);
    let chi2: f64 = terms.map(|(c, p)| (c - p * 2e4).powi(2) / (p * 2e4)).sum();
    assert!(chi2 > 150.0, "chi-square {chi2}");
}

#[test]
fn greedy_takes_the_lowest_id_of_equals() {
    let greedy = Sampling::greedy();
    assert_eq!(choose(&greedy, &[1.0, 3.0, 3.0, 2.0], 0), 1);
    assert_eq!(choose(&greedy, &[-0.0, 0.0], 0), 0);
    assert_eq!(choose(&greedy, &[f32::NEG_INFINITY, -1e30], 0), 1);
}

#[test]
fn a_tiny_temperature_is_nearly_greedy() {
    let sampling = Sampling { temperature: 1e-6, ..Sampling::unfiltered(1, 0) };
    for index in 0..100 {
        assert_eq!(choose(&sampling, &[1.0, 3.0, 2.999], index), 1);
    }
    let nucleus = Sampling { top_p: 0.0, ..Sampling::unfiltered(1, 0) };
    assert_eq!(choose(&nucleus, &[1.0, 3.0, 2.0], 9), 1, "top-p 0 keeps the best");
}

#[test]
fn top_k_equals_a_full_sort() {
    for (n, k) in [(1, 1), (10, 3), (1000, 1), (5000, 20), (5000, 700), (300, 300), (50, 99)] {
        let row = row(n, (n + k) as u64);
        let all = row.iter().enumerate().map(|(id, v)| Candidate { id: id as u32, value: *v });
        let mut expected: Vec<Candidate> = all.collect();
        expected.sort_by(best_first);
        expected.truncate(k);
        let mut best = Vec::new();
        top_k(&row, k, &mut best);
        assert_eq!(best, expected, "best {k} of {n}");
    }
}

#[test]
fn penalties_and_bias() {
    let mut sampling = Sampling::greedy();
    sampling.repetition_penalty = 2.0;
    sampling.presence_penalty = 0.25;
    sampling.frequency_penalty = 0.5;
    sampling.logit_bias = vec![(3, 1.5), (4, -9.0)];
    let mut sampler = Sampler::new(sampling, &[0, 1, 1]);
    [2, 2, 0].into_iter().for_each(|id| sampler.accept(id));
    let mut logits = vec![4.0, -4.0, 4.0, 0.0, 1.0];
    sampler.adjust(&mut logits, &Allowed { n_sampleable: 5, forbidden: &[], mask: None });
    // 0: prompt and once; 1: prompt only; 2: twice; 3 and 4: bias only.
    assert_eq!(logits, [2.0 - 0.75, -8.0, 2.0 - 1.25, 1.5, -8.0]);
}

#[test]
fn bans_mask_and_padding_rows_are_never_chosen() {
    let mut sampling = Sampling::unfiltered(3, 0);
    sampling.banned = vec![1];
    let sampler = Sampler::new(sampling, &[]);
    let mut mask = TokenSet::empty(70);
    [1, 2, 40, 65, 69].into_iter().for_each(|id| mask.insert(id));
    assert!(mask.contains(65) && !mask.contains(64) && !mask.contains(700));
    let allowed = Allowed { n_sampleable: 69, forbidden: &[2], mask: Some(&mask) };
    let mut scratch = Scratch::default();
    let row = vec![0.5; 70];
    let mut seen = std::collections::BTreeSet::new();
    for index in 0..200 {
        seen.insert(sampler.choose(&row, index, &allowed, &mut scratch).unwrap());
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), [40, 65]);
    let nothing = Allowed { n_sampleable: 2, forbidden: &[0], mask: None };
    assert_eq!(sampler.choose(&row, 0, &nothing, &mut scratch), None);
}

#[test]
fn log_probabilities_are_those_of_the_one_definition() {
    let row = row(3000, 8);
    let (logprob, top) = logprobs(&row, Some(17), (5, 1.0), &mut Scratch::default());
    assert_eq!(logprob.unwrap().to_bits(), log_prob(&row, 17).to_bits());
    assert_eq!(top.len(), 5);
    for entry in top {
        assert_eq!(entry.logprob.to_bits(), log_prob(&row, entry.id as usize).to_bits());
    }
    let (cool, top) = logprobs(&row, Some(17), (1, 0.7), &mut Scratch::default());
    assert_eq!(cool.unwrap().to_bits(), log_prob_at(&row, 17, 0.7).to_bits());
    assert_eq!(top[0].logprob.to_bits(), log_prob_at(&row, top[0].id as usize, 0.7).to_bits());
}

#[test]
fn damaged_rows_are_recognised() {
    assert!(is_finite(&[0.0, f32::NEG_INFINITY]));
    for bad in [f32::NAN, f32::INFINITY, 1e31] {
        assert!(!is_finite(&[0.0, bad, 1.0]));
    }
    assert!(!is_finite(&[f32::NEG_INFINITY; 3]));
}

#[test]
fn draws_depend_on_seed_stream_and_index_alone() {
    let row = row(500, 1);
    let sampling = Sampling::unfiltered(9, 4);
    let forward: Vec<u32> = (0..50).map(|i| choose(&sampling, &row, i)).collect();
    let backward: Vec<u32> = (0..50).rev().map(|i| choose(&sampling, &row, i)).rev().collect();
    assert_eq!(forward, backward);
    for other in [Sampling::unfiltered(9, 5), Sampling::unfiltered(10, 4)] {
        assert_ne!(forward, (0..50).map(|i| choose(&other, &row, i)).collect::<Vec<_>>());
    }
}
