//! The golden vector: two samples, every loss under every aggregation, worked out apart.

use super::*;

fn samples() -> Vec<Sample> {
    let sample = |now: &[f32], old: &[f32], reference: &[f32], sampler: &[f32], advantage| Sample {
        now: now.to_vec(),
        old: old.to_vec(),
        sampler: sampler.to_vec(),
        reference: reference.to_vec(),
        advantages: vec![advantage],
    };
    vec![
        sample(
            &[-0.4, -1.2, -0.1],
            &[-0.7, -1.0, -0.1],
            &[-0.6, -1.1, -0.3],
            &[-0.65, -1.05, -0.12],
            1.0,
        ),
        sample(&[-2.0, -0.2], &[-1.6, -1.6], &[-1.9, -0.9], &[-1.7, -1.3], -1.0),
    ]
}

const AGGREGATIONS: [Aggregation; 4] = [
    Aggregation::SequenceMean,
    Aggregation::TokenMean,
    Aggregation::ConstantLength { max_tokens: 4 },
    Aggregation::SequenceSum,
];

fn objective(policy: Policy, aggregation: Aggregation) -> Objective {
    Objective { policy, aggregation, correction: Correction::None, kl: None }
}

#[track_caller]
fn close(what: &str, found: f64, want: f64) {
    assert!((found - want).abs() < 1.5e-6, "{what}: {found}, not {want}");
}

fn check(policy: Policy, correction: Correction, want: [f64; 4]) {
    for (aggregation, want) in AGGREGATIONS.into_iter().zip(want) {
        let objective = Objective { correction, ..objective(policy, aggregation) };
        let (found, _) = loss(&objective, &samples());
        close(&format!("{policy:?} {correction:?} {aggregation:?}"), found, want);
    }
}

#[test]
fn values_are_those_worked_out() {
    let none = Correction::None;
    let (low, high) = (0.2, 0.2);
    let clip = Policy::Clip { low, high };
    check(clip, none, [0.710678, 0.367294, 0.229559, 0.918235]);
    let higher = Policy::Clip { low, high: 0.28 };
    check(higher, none, [0.697345, 0.351294, 0.219559, 0.878235]);
    let dual = Policy::DualClip { low, high, limit: 3.0 };
    check(dual, none, [0.446878, 0.156254, 0.097659, 0.390635]);
    let two_sided = Policy::TwoSided { low, high, delta: 4.0 };
    check(two_sided, none, [0.696878, 0.356254, 0.222659, 0.890635]);
    let sapo = Policy::Sapo { positive: 1.0, negative: 1.05 };
    check(sapo, none, [0.282355, -0.185153, -0.115721, -0.462883]);
    let cispo = Policy::Cispo { low: 0.0, high: 5.0 };
    check(cispo, none, [-0.267517, -0.105852, -0.066157, -0.264630]);
    let cispo = Policy::Cispo { low: 0.8, high: 1.28 };
    check(cispo, none, [-0.198254, -0.052305, -0.032690, -0.130762]);
    let truncated = Correction::TokenTruncate { limit: 1.1 };
    check(clip, truncated, [0.467311, 0.172356, 0.107723, 0.430891]);
}

#[test]
fn whole_answers_are_clipped_together() {
    for (policy, want) in [
        (Policy::Gspo { low: 0.2, high: 0.2 }, 0.307413),
        (Policy::Gspo { low: 3e-4, high: 4e-4 }, 0.324161),
        (Policy::Gmpo { limit: 0.4 }, 0.307413),
    ] {
        let (found, _) = loss(&objective(policy, Aggregation::SequenceMean), &samples());
        close(&format!("{policy:?}"), found, want);
    }
    close("s", samples()[0].mean_ratio(), 1.033895);
    close("s", samples()[1].mean_ratio(), 1.648721);
}

#[test]
fn divergences_are_those_worked_out() {
    for (kl, want) in
        [(Kl::K1, 0.18), (Kl::K2, 0.059), (Kl::K3, 0.048878), (Kl::K3Unbiased, 0.169781)]
    {
        let with = |beta| {
            let policy = Policy::Reinforce;
            let objective = objective(policy, Aggregation::TokenMean);
            loss(&Objective { kl: Some((kl, beta)), ..objective }, &samples()).0
        };
        close(&format!("{kl:?}"), with(1.0) - with(0.0), want);
    }
}

#[test]
fn slopes_are_those_worked_out() {
    let (low, high) = (0.2, 0.2);
    let clip = Policy::Clip { low, high };
    let dual = Policy::DualClip { low, high, limit: 3.0 };
    let sapo = Policy::Sapo { positive: 1.0, negative: 1.05 };
    let gspo = Policy::Gspo { low, high };
    let narrow = Policy::Gspo { low: 3e-4, high: 4e-4 };
    use Aggregation::{SequenceMean, TokenMean};
    for (policy, aggregation, want) in [
        (clip, TokenMean, [0.0, -0.163746, -0.2, 0.0, 0.811040]),
        (clip, SequenceMean, [0.0, -0.136455, -0.166667, 0.0, 1.013800]),
        (dual, TokenMean, [0.0, -0.163746, -0.2, 0.0, 0.0]),
        (sapo, SequenceMean, [-0.218230, -0.135340, -0.166667, 0.162658, 0.151489]),
        (gspo, SequenceMean, [-0.172316, -0.172316, -0.172316, 0.412180, 0.412180]),
        (narrow, SequenceMean, [0.0, 0.0, 0.0, 0.412180, 0.412180]),
    ] {
        let (_, slopes) = loss(&objective(policy, aggregation), &samples());
        for (i, (found, want)) in slopes.concat().into_iter().zip(want).enumerate() {
            close(&format!("{policy:?} token {i}"), found as f64, want);
        }
    }
}

/// The slopes that are taken as they are, against differences of the values.
#[test]
fn slopes_are_the_slopes_of_the_values() {
    let mut policies = vec![
        Policy::Reinforce,
        Policy::Clip { low: 0.2, high: 0.28 },
        Policy::Sapo { positive: 1.0, negative: 1.05 },
        Policy::Gspo { low: 0.2, high: 0.2 },
        Policy::Gmpo { limit: 0.35 },
    ];
    policies.push(Policy::TwoSided { low: 0.2, high: 0.2, delta: 4.0 });
    for policy in policies {
        for kl in [None, Some((Kl::K3, 0.3)), Some((Kl::K2, 0.3))] {
            let objective = Objective { kl, ..objective(policy, Aggregation::SequenceMean) };
            let (_, slopes) = loss(&objective, &samples());
            for (s, slopes) in slopes.iter().enumerate() {
                for (i, slope) in slopes.iter().enumerate() {
                    let moved = |step: f32| {
                        let mut samples = samples();
                        samples[s].now[i] += step;
                        (loss(&objective, &samples).0, samples[s].now[i] as f64)
                    };
                    let ((up, right), (down, left)) = (moved(1e-3), moved(-1e-3));
                    let want = (up - down) / (right - left);
                    let what = format!("{policy:?} {kl:?} sample {s} token {i}");
                    assert!((*slope as f64 - want).abs() < 1e-4, "{what}: {slope}, not {want}");
                }
            }
        }
    }
}

#[test]
fn gaps_are_measured_and_corrected() {
    let found = mismatch(&samples());
    close("k3", found.k3, 0.009738);
    close("mean exp", found.mean_exp, 1.115555);
    close("mean weight", found.mean_weight, 0.973738);
    let truncated = Correction::SequenceTruncate { limit: 5.0 };
    for (sample, want) in samples().iter().zip([1.020201, 0.818731]) {
        close("sequence weight", corrections(&truncated, sample)[0], want);
    }
    let reject = Correction::GeometricReject { limits: [0.95, 1.05] };
    for (sample, want) in samples().iter().zip([1.0, 0.0]) {
        close("geometric", corrections(&reject, sample)[0], want);
    }
    let mask = Correction::TokenMask { limits: [0.9, 1.0] };
    let kept = corrections(&mask, &samples()[0]);
    assert_eq!(kept.iter().map(|w| *w > 0.0).collect::<Vec<_>>(), [true, false, false]);
}

#[test]
fn on_policy_every_loss_is_reinforce() {
    let on_policy = |sample: Sample| Sample { old: sample.now.clone(), ..sample };
    let samples: Vec<Sample> = samples().into_iter().map(on_policy).collect();
    let slopes = |policy| loss(&objective(policy, Aggregation::SequenceMean), &samples).1;
    let want = slopes(Policy::Reinforce);
    for policy in [
        Policy::Clip { low: 0.2, high: 0.28 },
        Policy::Cispo { low: 0.0, high: 5.0 },
        Policy::Sapo { positive: 1.0, negative: 1.05 },
        Policy::Gspo { low: 0.2, high: 0.2 },
        Policy::Gmpo { limit: 0.4 },
    ] {
        for (found, want) in slopes(policy).concat().into_iter().zip(want.concat()) {
            close(&format!("{policy:?}"), found as f64, want as f64);
        }
    }
}

#[test]
fn samples_without_tokens_count_nowhere() {
    let objective = objective(Policy::Reinforce, Aggregation::SequenceMean);
    let mut samples = samples();
    let (before, _) = loss(&objective, &samples);
    samples.push(Sample { advantages: vec![3.0], ..Sample::default() });
    let (after, slopes) = loss(&objective, &samples);
    assert_eq!(before, after);
    assert!(slopes[2].is_empty());
}
