//! Figures of merit and their errors. Everywhere `counts` has a pair a question: samples received,
//! and those of them that are right. Questions without samples are left out by the caller, who
//! reports them.

/// A share with what is known about its error. All in 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Share {
    /// The share itself.
    pub value: f64,
    /// Standard error from the drawing of samples alone, the questions being fixed; it shrinks with
    /// more samples. `None` with fewer than two samples of every question.
    pub error_sampling: Option<f64>,
    /// Standard error from the choice of questions, the drawing included; `None` with fewer than
    /// two questions.
    pub error_questions: Option<f64>,
    /// 95 % interval for the share over questions like these.
    pub interval: (f64, f64),
}

/// The 97.5th percentile of the normal distribution.
const Z: f64 = 1.959_963_985;

/// Mean over questions of the share of right samples, which is pass@1.
pub fn pass_1(counts: &[(usize, usize)]) -> Option<Share> {
    let shares: Vec<f64> = counts.iter().map(|(n, c)| *c as f64 / *n as f64).collect();
    if shares.is_empty() {
        return None;
    }
    let n = shares.len() as f64;
    let value = shares.iter().sum::<f64>() / n;
    let error_questions = deviation(&shares).map(|deviation| deviation / n.sqrt());
    Some(Share {
        value,
        error_sampling: error_sampling(counts),
        error_questions,
        interval: interval(value, error_questions, shares.len()),
    })
}

/// sqrt(Σ p(1-p)/(k-1)) / n over questions: p(1-p)/(k-1) estimates the variance of a question's
/// mean without bias.
fn error_sampling(counts: &[(usize, usize)]) -> Option<f64> {
    if counts.iter().any(|(n, _)| *n < 2) {
        return None;
    }
    let variance = |(n, c): &(usize, usize)| {
        let p = *c as f64 / *n as f64;
        p * (1.0 - p) / (*n as f64 - 1.0)
    };
    Some(counts.iter().map(variance).sum::<f64>().sqrt() / counts.len() as f64)
}

/// Wilson's interval, with as many independent questions as give the observed error. At 0 and at 1,
/// where the observed error vanishes, it is the one for single samples.
fn interval(value: f64, error: Option<f64>, n: usize) -> (f64, f64) {
    let binomial = value * (1.0 - value);
    let effective = match error {
        Some(error) if error > 0.0 && binomial > 0.0 => (binomial / (error * error)).max(1.0),
        _ => n as f64,
    };
    let (z2, centre) = (Z * Z / effective, value + Z * Z / (2.0 * effective));
    let half = (Z * Z * (binomial / effective + z2 / (4.0 * effective))).sqrt();
    let edge = |x: f64| (x / (1.0 + z2)).clamp(0.0, 1.0);
    (edge(centre - half), edge(centre + half))
}

/// Sample standard deviation.
pub fn deviation(values: &[f64]) -> Option<f64> {
    if values.len() < 2 {
        return None;
    }
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    Some((squares / (values.len() as f64 - 1.0)).sqrt())
}

/// Unbiased pass@k of one question: 1 - C(n-c, k) / C(n, k) (Chen et al. 2021, section 2.1).
///
/// `k` is at most `n`.
#[track_caller]
pub fn pass_at(n: usize, c: usize, k: usize) -> f64 {
    assert!(c <= n && (1..=n).contains(&k), "{c} right of {n}, k {k}");
    if n - c < k {
        return 1.0;
    }
    1.0 - (n - c + 1..=n).map(|i| 1.0 - k as f64 / i as f64).product::<f64>()
}

/// Mean of [`pass_at`] over questions; `None` if a question has fewer than `k` samples.
pub fn mean_pass_at(counts: &[(usize, usize)], k: usize) -> Option<f64> {
    if counts.is_empty() || counts.iter().any(|(n, _)| *n < k) {
        return None;
    }
    Some(counts.iter().map(|(n, c)| pass_at(*n, *c, k)).sum::<f64>() / counts.len() as f64)
}

/// Majority vote of one question over classes of equal answers, given as their size and whether
/// they are right: the share of right ones among the largest classes. No class is no right answer.
pub fn consensus(classes: &[(usize, bool)]) -> f64 {
    let largest = classes.iter().map(|(size, _)| *size).max().unwrap_or(0);
    let tied: Vec<bool> = classes
        .iter()
        .filter(|(size, _)| *size == largest)
        .map(|(_, is_right)| *is_right)
        .collect();
    if tied.is_empty() {
        return 0.0;
    }
    tied.iter().filter(|is_right| **is_right).count() as f64 / tied.len() as f64
}

/// Sizes of something counted, such as tokens.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Spread {
    /// Arithmetic mean.
    pub mean: f64,
    /// Half are at most this.
    pub median: usize,
    /// Nine tenths are at most this.
    pub percentile_90: usize,
    /// The largest.
    pub max: usize,
}

/// The spread of counts, in any order; `None` if there are none.
pub fn spread(counts: impl Iterator<Item = usize>) -> Option<Spread> {
    let mut counts: Vec<usize> = counts.collect();
    counts.sort_unstable();
    let max = *counts.last()?;
    let at = |share: f64| counts[((counts.len() as f64 * share).ceil() as usize).max(1) - 1];
    let mean = counts.iter().sum::<usize>() as f64 / counts.len() as f64;
    Some(Spread { mean, median: at(0.5), percentile_90: at(0.9), max })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-6
    }

    #[test]
    fn pass_at_k_is_unbiased() {
        assert!(near(pass_at(10, 3, 5), 0.916_666_667), "{}", pass_at(10, 3, 5));
        assert!(near(pass_at(10, 3, 1), 0.3) && near(pass_at(1, 1, 1), 1.0));
        assert!(near(pass_at(4, 0, 4), 0.0) && near(pass_at(4, 1, 4), 1.0));
        // The mean over all outcomes of Binomial(n, p) is 1 - (1-p)^k.
        let (n, p, k) = (9, 0.23f64, 4);
        let mut mean = 0.0;
        for c in 0..=n {
            let ways = (0..c).fold(1.0, |ways, i| ways * (n - i) as f64 / (i + 1) as f64);
            mean += ways * p.powi(c as i32) * (1.0 - p).powi((n - c) as i32) * pass_at(n, c, k);
        }
        assert!(near(mean, 1.0 - (1.0 - p).powi(k as i32)), "{mean}");
        assert_eq!(mean_pass_at(&[(4, 1), (2, 1)], 4), None);
    }

    #[test]
    fn both_errors_are_the_textbook_ones() {
        // 30 questions, half of them always right, half never: nothing from sampling.
        let counts: Vec<(usize, usize)> = (0..30).map(|i| (4, (i % 2) * 4)).collect();
        let share = pass_1(&counts).unwrap();
        assert_eq!((share.value, share.error_sampling), (0.5, Some(0.0)));
        assert!(near(share.error_questions.unwrap(), (0.25f64 / 29.0).sqrt()), "{share:?}");
        // All questions alike: nothing from the choice of questions.
        let share = pass_1(&[(4, 2); 30]).unwrap();
        assert_eq!(share.error_questions, Some(0.0));
        assert!(near(share.error_sampling.unwrap(), (0.25f64 / 3.0 / 30.0).sqrt()), "{share:?}");
        assert_eq!(pass_1(&[(1, 1)]).unwrap().error_sampling, None);
        assert_eq!(pass_1(&[]), None);
    }

    #[test]
    fn intervals_are_honest_at_the_ends() {
        // Wilson for 0 of 10 and for 10 of 10: 0.2775 on either side.
        let none = pass_1(&[(1, 0); 10]).unwrap().interval;
        let all = pass_1(&[(1, 1); 10]).unwrap().interval;
        assert!(near(none.0, 0.0) && (none.1 - 0.2775).abs() < 1e-3, "{none:?}");
        assert!(near(all.1, 1.0) && (all.0 - 0.7225).abs() < 1e-3, "{all:?}");
        // 50 of 100: 0.404 to 0.596.
        let counts: Vec<(usize, usize)> = (0..100).map(|i| (1, i % 2)).collect();
        let half = pass_1(&counts).unwrap().interval;
        assert!((half.0 - 0.404).abs() < 2e-3 && (half.1 - 0.596).abs() < 2e-3, "{half:?}");
    }

    #[test]
    fn the_largest_class_decides_and_ties_are_split() {
        let cases: &[(&[(usize, bool)], f64)] = &[
            (&[(3, true), (2, false)], 1.0),
            (&[(3, false), (2, true)], 0.0),
            (&[(2, true), (2, false)], 0.5),
            (&[(1, true), (1, false), (1, false)], 1.0 / 3.0),
            (&[], 0.0),
        ];
        for (classes, want) in cases {
            assert!(near(consensus(classes), *want), "{classes:?}");
        }
    }

    #[test]
    fn spreads_are_of_the_counts() {
        let spread_of = |counts: &[usize]| spread(counts.iter().copied());
        let ten = spread_of(&[10, 1, 2, 3, 4, 5, 6, 7, 8, 9]).unwrap();
        assert_eq!((ten.mean, ten.median, ten.percentile_90, ten.max), (5.5, 5, 9, 10));
        assert_eq!(spread_of(&[7]).unwrap().median, 7);
        assert_eq!(spread_of(&[]), None);
    }
}
