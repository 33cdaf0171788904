//! Log-probabilities of a row of logits: `logit - log(sum(exp(logits)))`.
//!
//! One definition serves scoring, sampling and training, so all see the same bits: on every machine,
//! because sums have a fixed order and the exponential function is our own.

/// Partial sums: what the widest vectors hold.
const LANES: usize = 8;

/// The logarithm of the sum of exponentials of a row, in f64.
pub fn log_sum_exp(logits: &[f32]) -> f64 {
    let max = largest(logits);
    max + sum_exp(logits, max, 1.0).ln()
}

/// The natural-log probability of one entry.
pub fn log_prob(logits: &[f32], index: usize) -> f32 {
    (logits[index] as f64 - log_sum_exp(logits)) as f32
}

/// The same under `logits / temperature`; at temperature 1 the same bits as [`log_prob`].
pub fn log_prob_at(logits: &[f32], index: usize, temperature: f32) -> f32 {
    if temperature == 1.0 {
        return log_prob(logits, index);
    }
    let inverse = 1.0 / temperature as f64;
    let max = largest(logits);
    ((logits[index] as f64 - max) * inverse - sum_exp(logits, max, inverse).ln()) as f32
}

fn largest(logits: &[f32]) -> f64 {
    logits.iter().copied().fold(f32::NEG_INFINITY, f32::max) as f64
}

/// `Σ exp((logit - max) · inverse)`, as wide as this machine allows; the bits are the same anyway.
fn sum_exp(logits: &[f32], max: f64, inverse: f64) -> f64 {
    #[cfg(target_arch = "x86_64")]
    {
        if std::arch::is_x86_feature_detected!("avx512f") {
            // SAFETY: the instructions are there.
            return unsafe { sum_exp_avx512(logits, max, inverse) };
        }
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: the instructions are there.
            return unsafe { sum_exp_avx2(logits, max, inverse) };
        }
    }
    sum_exp_in_lanes(logits, max, inverse)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn sum_exp_avx512(logits: &[f32], max: f64, inverse: f64) -> f64 {
    sum_exp_in_lanes(logits, max, inverse)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn sum_exp_avx2(logits: &[f32], max: f64, inverse: f64) -> f64 {
    sum_exp_in_lanes(logits, max, inverse)
}

#[inline(always)]
fn sum_exp_in_lanes(logits: &[f32], max: f64, inverse: f64) -> f64 {
    let mut sums = [0.0; LANES];
    let (chunks, rest) = logits.as_chunks::<LANES>();
    for chunk in chunks {
        let exp = exp(chunk.map(|logit| (logit as f64 - max) * inverse));
        for (sum, exp) in sums.iter_mut().zip(exp) {
            *sum += exp;
        }
    }
    for (sum, logit) in sums.iter_mut().zip(rest) {
        *sum += exp([(*logit as f64 - max) * inverse])[0];
    }
    sums.iter().sum()
}

/// `e^x` for `x <= 0`, within 1e-14 of its value; 0 below -700, NaN for NaN.
///
/// Cody–Waite reduction to |r| ≤ ln 2 / 2, then the Taylor polynomial of degree 11.
#[inline(always)]
fn exp<const N: usize>(x: [f64; N]) -> [f64; N] {
    // ln 2 in two parts, the first of which has bits to spare for an exact product.
    const LN2_HIGH: f64 = 0.693_147_180_369_123_8;
    const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    /// Adding and subtracting 1.5 · 2^52 rounds to the nearest whole number.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    const TAYLOR: [f64; 12] = {
        let mut terms = [1.0; 12];
        let mut i = 1;
        while i < 12 {
            terms[i] = terms[i - 1] / i as f64;
            i += 1;
        }
        terms
    };
    x.map(|x| {
        let clamped = if x < -700.0 { -700.0 } else { x };
        let shifted = clamped * std::f64::consts::LOG2_E + ROUND;
        let n = shifted - ROUND;
        let r = clamped - n * LN2_HIGH - n * LN2_LOW;
        let value = TAYLOR.iter().rev().fold(0.0, |sum, term| sum * r + term);
        // The last bits of the rounded sum are the exponent.
        let two_to_n = f64::from_bits((shifted.to_bits() << 52).wrapping_add(1023 << 52));
        if x < -700.0 { 0.0 } else { value * two_to_n }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_agrees_with_the_library() {
        for i in 0..400_000 {
            let x = -700.0 * f64::from(i) / 400_000.0;
            let error = (exp([x])[0] / x.exp() - 1.0).abs();
            assert!(error < 1e-14, "exp({x}) = {:e}, off by {error:e}", exp([x])[0]);
        }
        assert_eq!(exp([0.0, f64::NEG_INFINITY, -701.0]), [1.0, 0.0, 0.0]);
        assert!(exp([f64::NAN])[0].is_nan());
    }

    #[test]
    fn probabilities_add_up_whatever_the_width() {
        for n in [1, 7, 8, 9, 511, 4096] {
            let logits: Vec<f32> = (0..n).map(|i| ((i * 37 % 101) as f32 - 50.0) / 3.0).collect();
            for temperature in [1.0, 0.6] {
                let total: f64 =
                    (0..n).map(|i| f64::from(log_prob_at(&logits, i, temperature)).exp()).sum();
                assert!((total - 1.0).abs() < 1e-5, "{n} at {temperature}: {total}");
            }
            let (max, plain) = (largest(&logits), sum_exp_in_lanes(&logits, largest(&logits), 1.0));
            assert_eq!(sum_exp(&logits, max, 1.0).to_bits(), plain.to_bits(), "{n}");
        }
    }

    #[test]
    fn damage_is_not_hidden() {
        assert!(log_prob(&[0.0, f32::NAN, 1.0], 0).is_nan());
        assert_eq!(log_prob(&[f32::NEG_INFINITY, 0.0], 1), 0.0);
    }
}
