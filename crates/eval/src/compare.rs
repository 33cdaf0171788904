//! Whether one run is better than another: by the same questions, one by one. Differences between
//! questions, which make up most of a score's error, cancel.

use std::collections::HashMap;

use ponder_tasks::random::Random;
use serde::Serialize;

use crate::error::{EvalError, usage};
use crate::run::Run;
use crate::score::Score;
use crate::statistics::deviation;

/// Resamples of the interval.
const RESAMPLES: usize = 10_000;
/// Random sign flips of the test, where not all of them can be tried.
const FLIPS: usize = 100_000;
/// Up to here all 2^n sign flips are tried.
const MAX_EXACT: usize = 16;

/// The comparison of run A with run B, in shares: positive differences are in B's favour.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The benchmark of both.
    pub benchmark: String,
    /// Name of A's model.
    pub a: String,
    /// Name of B's model.
    pub b: String,
    /// Questions that both have samples of.
    pub questions: usize,
    /// Questions that only one of them has samples of, which are left out.
    pub questions_left_out: usize,
    /// A's pass@1 over the shared questions.
    pub pass_1_a: f64,
    /// B's.
    pub pass_1_b: f64,
    /// B's minus A's.
    pub difference: f64,
    /// Standard error of the difference over questions like these; `None` for one question.
    pub error: Option<f64>,
    /// 95 % interval of the difference: paired bootstrap over questions.
    pub interval: (f64, f64),
    /// Two-sided p of the hypothesis that A and B are alike: paired sign flips.
    pub p: f64,
    /// McNemar's exact test, where both have one sample a question.
    pub mcnemar: Option<McNemar>,
    /// What differs between the settings.
    pub settings_that_differ: Vec<String>,
    /// Every shared question, the largest differences first.
    pub by_question: Vec<Pair>,
}

/// McNemar's test: only questions on which the two differ say something.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct McNemar {
    /// Questions that only A has right.
    pub only_a: usize,
    /// Questions that only B has right.
    pub only_b: usize,
    /// Two-sided exact p.
    pub p: f64,
}

/// One question in both runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pair {
    /// Its id.
    pub question: String,
    /// Samples of A, and those that are right.
    pub a: (usize, usize),
    /// Samples of B, and those that are right.
    pub b: (usize, usize),
}

impl Pair {
    /// B's share minus A's.
    pub fn difference(&self) -> f64 {
        share(self.b) - share(self.a)
    }
}

fn share((n, c): (usize, usize)) -> f64 {
    c as f64 / n as f64
}

/// Compares two scored runs of one benchmark.
pub fn compare(
    a: (&Run, &[Vec<Score>]),
    b: (&Run, &[Vec<Score>]),
) -> Result<Comparison, EvalError> {
    let (settings_a, settings_b) = (&a.0.manifest.settings, &b.0.manifest.settings);
    if settings_a.benchmark != settings_b.benchmark {
        let what = format!(
            "the runs are of different benchmarks: {} and {}",
            settings_a.benchmark, settings_b.benchmark
        );
        return Err(usage(what, "compare two runs of one benchmark"));
    }
    let (mut pairs, left_out) = pairs(a, b)?;
    if pairs.is_empty() {
        let hint = "runs with other seeds or filters may have asked other questions";
        return Err(usage("the runs have no question with samples in common", hint));
    }
    let differences: Vec<f64> = pairs.iter().map(Pair::difference).collect();
    let n = pairs.len() as f64;
    let mean = |of: fn(&Pair) -> f64| pairs.iter().map(of).sum::<f64>() / n;
    let comparison = Comparison {
        benchmark: settings_a.benchmark.clone(),
        a: settings_a.model.name.clone(),
        b: settings_b.model.name.clone(),
        questions: pairs.len(),
        questions_left_out: left_out,
        pass_1_a: mean(|pair| share(pair.a)),
        pass_1_b: mean(|pair| share(pair.b)),
        difference: mean(Pair::difference),
        error: deviation(&differences).map(|deviation| deviation / n.sqrt()),
        interval: bootstrap(&differences),
        p: sign_flips(&differences),
        mcnemar: mcnemar(&pairs),
        settings_that_differ: settings_a.differences(settings_b),
        by_question: Vec::new(),
    };
    pairs.sort_by(|x, y| y.difference().abs().total_cmp(&x.difference().abs()));
    Ok(Comparison { by_question: pairs, ..comparison })
}

/// Questions with samples in both runs, in A's order, and how many only one run has samples of.
fn pairs(
    a: (&Run, &[Vec<Score>]),
    b: (&Run, &[Vec<Score>]),
) -> Result<(Vec<Pair>, usize), EvalError> {
    let counts = |scores: &[Score]| (scores.len(), scores.iter().filter(|s| s.is_right()).count());
    let full = |(run, scores): (&Run, &[Vec<Score>])| {
        let all = run.questions.iter().cloned().zip(scores.iter().map(|s| counts(s)));
        all.filter(|(_, (n, _))| *n > 0).collect::<Vec<_>>()
    };
    let (of_a, of_b) = (full(a), full(b));
    let by_id: HashMap<&str, _> =
        of_b.iter().map(|(question, counts)| (question.id.as_str(), (question, *counts))).collect();
    let mut pairs = Vec::new();
    for (question, counts) in &of_a {
        let Some((other, other_counts)) = by_id.get(question.id.as_str()) else { continue };
        if other.gold != question.gold {
            let what = format!("question `{}` has different gold answers", question.id);
            return Err(usage(what, "the runs were made from different data"));
        }
        pairs.push(Pair { question: question.id.clone(), a: *counts, b: *other_counts });
    }
    let left_out = of_a.len() + of_b.len() - 2 * pairs.len();
    Ok((pairs, left_out))
}

/// Percentiles 2.5 and 97.5 of the mean over resampled questions.
fn bootstrap(differences: &[f64]) -> (f64, f64) {
    let n = differences.len();
    let mut random = Random::named(0, "bootstrap");
    let mut means: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            (0..n).map(|_| differences[random.below(n as u64) as usize]).sum::<f64>() / n as f64
        })
        .collect();
    means.sort_by(f64::total_cmp);
    let at = |share: f64| means[((RESAMPLES - 1) as f64 * share).round() as usize];
    (at(0.025), at(0.975))
}

/// If A and B are alike, each difference could as well have the other sign: the share of sign
/// patterns whose mean is at least as far from 0.
fn sign_flips(differences: &[f64]) -> f64 {
    let moved: Vec<f64> = differences.iter().copied().filter(|d| *d != 0.0).collect();
    let observed = moved.iter().sum::<f64>().abs() - 1e-9;
    let sum = |is_flipped: &mut dyn FnMut(usize) -> bool| {
        let signed = moved.iter().enumerate().map(|(i, d)| if is_flipped(i) { -d } else { *d });
        signed.sum::<f64>().abs()
    };
    if moved.len() <= MAX_EXACT {
        let n_patterns = 1usize << moved.len();
        let extreme =
            (0..n_patterns).filter(|pattern| sum(&mut |i| pattern >> i & 1 == 1) >= observed);
        return extreme.count() as f64 / n_patterns as f64;
    }
    let mut random = Random::named(0, "sign flips");
    let extreme = (0..FLIPS).filter(|_| sum(&mut |_| random.bits() & 1 == 1) >= observed).count();
    // The pattern that was observed is one of those possible (Phipson and Smyth 2010).
    (extreme + 1) as f64 / (FLIPS + 1) as f64
}

fn mcnemar(pairs: &[Pair]) -> Option<McNemar> {
    if pairs.iter().any(|pair| pair.a.0 != 1 || pair.b.0 != 1) {
        return None;
    }
    let count = |a, b| pairs.iter().filter(|pair| pair.a.1 == a && pair.b.1 == b).count();
    let (only_a, only_b) = (count(1, 0), count(0, 1));
    Some(McNemar { only_a, only_b, p: two_sided_binomial(only_a.min(only_b), only_a + only_b) })
}

/// Twice the chance of at most `k` heads in `n` fair tosses, at most 1.
fn two_sided_binomial(k: usize, n: usize) -> f64 {
    // In logarithms: 2^-n vanishes for a few thousand questions.
    let mut log_term = -(n as f64) * std::f64::consts::LN_2;
    let mut sum = log_term.exp();
    for i in 1..=k {
        log_term += ((n - i + 1) as f64 / i as f64).ln();
        sum += log_term.exp();
    }
    (2.0 * sum).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_agree_with_tables_and_with_each_other() {
        // 1 against 9: 2 * (1 + 10) / 1024.
        assert!((two_sided_binomial(1, 10) - 22.0 / 1024.0).abs() < 1e-12);
        assert_eq!((two_sided_binomial(0, 0), two_sided_binomial(5, 10)), (1.0, 1.0));
        assert!(two_sided_binomial(4000, 10_000) < 1e-50);
        let mut differences = vec![0.0; 30];
        differences.extend([1.0; 9]);
        differences.push(-1.0);
        assert!((sign_flips(&differences) - 22.0 / 1024.0).abs() < 1e-12);
        // Random flips come near the exact value: 8 against 20.
        let mut differences = vec![1.0; 20];
        differences.extend([-1.0; 8]);
        let exact = two_sided_binomial(8, 28);
        assert!((sign_flips(&differences) - exact).abs() < 0.003, "{exact}");
        assert_eq!(sign_flips(&[0.0, 0.0]), 1.0);
    }

    #[test]
    fn the_interval_is_about_two_errors_wide() {
        let differences: Vec<f64> = (0..400).map(|i| [-1.0, 0.0, 0.0, 1.0, 1.0][i % 5]).collect();
        let (low, high) = bootstrap(&differences);
        let error = deviation(&differences).unwrap() / 20.0;
        assert!((low - (0.2 - 1.96 * error)).abs() < 0.01, "{low} {error}");
        assert!((high - (0.2 + 1.96 * error)).abs() < 0.01, "{high} {error}");
    }
}
