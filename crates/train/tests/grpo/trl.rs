//! Losses against TRL's, recorded by `bench/fixtures/make_grpo_losses.py`.

use ponder_train::loss::{Aggregation, Correction, Kl, Objective, Policy, Sample, loss};
use serde_json::Value;

fn rows(value: &Value) -> Vec<Vec<f32>> {
    let row =
        |row: &Value| row.as_array().unwrap().iter().map(|x| x.as_f64().unwrap() as f32).collect();
    value.as_array().unwrap().iter().map(row).collect()
}

fn samples(answers: &Value) -> Vec<Sample> {
    let [now, old, reference] = ["now", "old", "reference"].map(|name| rows(&answers[name]));
    let advantages = answers["advantages"].as_array().unwrap();
    let sample = |i: usize| Sample {
        now: now[i].clone(),
        old: old[i].clone(),
        sampler: old[i].clone(),
        reference: reference[i].clone(),
        advantages: vec![advantages[i].as_f64().unwrap() as f32],
    };
    (0..now.len()).map(sample).collect()
}

/// Our name of each of the fixture's variants.
fn objective(name: &str, max_tokens: usize) -> Objective {
    let clip = Policy::Clip { low: 0.2, high: 0.28 };
    let (policy, aggregation, kl) = match name {
        "token_mean" => (clip, Aggregation::TokenMean, None),
        "sequence_mean" => (clip, Aggregation::SequenceMean, None),
        "constant_length" => (clip, Aggregation::ConstantLength { max_tokens }, None),
        "same_clip" => (Policy::Clip { low: 0.2, high: 0.2 }, Aggregation::TokenMean, None),
        "two_sided" => {
            (Policy::TwoSided { low: 0.2, high: 0.28, delta: 2.0 }, Aggregation::TokenMean, None)
        }
        "cispo" => (Policy::Cispo { low: 0.0, high: 1.5 }, Aggregation::TokenMean, None),
        "sapo" => (Policy::Sapo { positive: 1.0, negative: 1.05 }, Aggregation::SequenceMean, None),
        "gspo" => (Policy::Gspo { low: 0.1, high: 0.15 }, Aggregation::SequenceMean, None),
        "kl" => (clip, Aggregation::TokenMean, Some((Kl::K3, 0.05))),
        "kl_unbiased" => (clip, Aggregation::TokenMean, Some((Kl::K3Unbiased, 0.05))),
        _ => panic!("no variant of ours is {name}"),
    };
    Objective { policy, aggregation, correction: Correction::None, kl }
}

#[test]
fn losses_and_gradients_are_trl_s() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/grpo/trl-1.16.0.json");
    let fixture: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let samples = samples(&fixture["answers"]);
    let max_tokens = fixture["max_length"].as_u64().unwrap() as usize;
    let variants = fixture["variants"].as_object().unwrap();
    assert_eq!(variants.len(), 10);
    for (name, want) in variants {
        let (found, slopes) = loss(&objective(name, max_tokens), &samples);
        let wanted = want["loss"].as_f64().unwrap();
        assert!((found - wanted).abs() < 1e-6, "{name}: {found}, TRL has {wanted}");
        let gradients = rows(&want["gradients"]);
        for (i, (found, wanted)) in slopes.iter().zip(&gradients).enumerate() {
            for (token, (found, wanted)) in found.iter().zip(wanted).enumerate() {
                let is_close = (found - wanted).abs() < 1e-6;
                assert!(is_close, "{name}, answer {i}, token {token}: {found}, TRL has {wanted}");
            }
        }
    }
    // Both clips must have been at work, or the comparison says little.
    let share = |key: &str| variants["same_clip"][key].as_f64().unwrap();
    assert!(share("clip_low") > 0.0 && share("clip_high") > 0.0);
}
