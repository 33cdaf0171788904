//! Log-probabilities of a row of logits: `logit - log(sum(exp(logits)))`.
//!
//! One definition serves scoring, sampling and training, so all see the same bits: on every machine,
//! because sums have a fixed order and the exponential function is our own.

/// Partial sums: two of the widest vectors, so that one is not waited for.
const LANES: usize = 16;

/// The logarithm of the sum of exponentials of a row, in f64.
pub fn log_sum_exp(logits: &[f32]) -> f64 {
    let (max, sum) = max_and_sum(logits, 1.0);
    max + sum.ln()
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
    let (max, sum) = max_and_sum(logits, inverse);
    ((logits[index] as f64 - max) * inverse - sum.ln()) as f32
}

/// The largest logit and `Σ exp((logit - max) · inverse)`, as wide as this machine allows; the bits
/// are the same anyway.
fn max_and_sum(logits: &[f32], inverse: f64) -> (f64, f64) {
    #[cfg(target_arch = "x86_64")]
    {
        if std::arch::is_x86_feature_detected!("avx512f") {
            // SAFETY: the instructions are there.
            return unsafe { max_and_sum_avx512(logits, inverse) };
        }
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: the instructions are there.
            return unsafe { max_and_sum_avx2(logits, inverse) };
        }
    }
    max_and_sum_in_lanes(logits, inverse)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn max_and_sum_avx512(logits: &[f32], inverse: f64) -> (f64, f64) {
    max_and_sum_in_lanes(logits, inverse)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn max_and_sum_avx2(logits: &[f32], inverse: f64) -> (f64, f64) {
    max_and_sum_in_lanes(logits, inverse)
}

#[inline(always)]
fn max_and_sum_in_lanes(logits: &[f32], inverse: f64) -> (f64, f64) {
    let (chunks, rest) = logits.as_chunks::<LANES>();
    let mut largest = [f32::NEG_INFINITY; LANES];
    for chunk in chunks {
        for i in 0..LANES {
            largest[i] = if chunk[i] > largest[i] { chunk[i] } else { largest[i] };
        }
    }
    let max = largest.iter().chain(rest).copied().fold(f32::NEG_INFINITY, f32::max) as f64;
    let mut sums = [0.0; LANES];
    for chunk in chunks {
        let mut x = [0.0; LANES];
        for i in 0..LANES {
            x[i] = (chunk[i] as f64 - max) * inverse;
        }
        let exp = exp(x);
        for i in 0..LANES {
            sums[i] += exp[i];
        }
    }
    for (sum, logit) in sums.iter_mut().zip(rest) {
        *sum += exp([(*logit as f64 - max) * inverse])[0];
    }
    (max, sums.iter().sum())
}

/// `e^x` for `x <= 0`, within 1e-11 of its value; 0 below -700, NaN for NaN.
///
/// Cody–Waite reduction to |r| ≤ ln 2 / 2, then the Taylor polynomial of degree 9. Loop after loop
/// over all lanes: that is what the compiler turns into vectors.
#[inline(always)]
fn exp<const N: usize>(x: [f64; N]) -> [f64; N] {
    // ln 2 in two parts, the first of which has bits to spare for an exact product.
    const LN2_HIGH: f64 = 0.693_147_180_369_123_8;
    const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    /// Adding and subtracting 1.5 · 2^52 rounds to the nearest whole number.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    const TAYLOR: [f64; 10] = {
        let mut terms = [1.0; 10];
        let mut i = 1;
        while i < terms.len() {
            terms[i] = terms[i - 1] / i as f64;
            i += 1;
        }
        terms
    };
    let (mut r, mut two_to_n, mut value) = ([0.0; N], [0.0; N], [0.0; N]);
    for i in 0..N {
        let clamped = if x[i] < -700.0 { -700.0 } else { x[i] };
        let shifted = clamped * std::f64::consts::LOG2_E + ROUND;
        let n = shifted - ROUND;
        r[i] = clamped - n * LN2_HIGH - n * LN2_LOW;
        // The last bits of the rounded sum are the exponent.
        two_to_n[i] = f64::from_bits((shifted.to_bits() << 52).wrapping_add(1023 << 52));
    }
    for term in TAYLOR.iter().rev() {
        for i in 0..N {
            value[i] = value[i] * r[i] + term;
        }
    }
    for i in 0..N {
        value[i] = if x[i] < -700.0 { 0.0 } else { value[i] * two_to_n[i] };
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_agrees_with_the_library() {
        for i in 0..400_000 {
            let x = -700.0 * f64::from(i) / 400_000.0;
            let error = (exp([x])[0] / x.exp() - 1.0).abs();
            assert!(error < 1e-11, "exp({x}) = {:e}, off by {error:e}", exp([x])[0]);
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
            assert_eq!(max_and_sum(&logits, 0.7), max_and_sum_in_lanes(&logits, 0.7), "{n}");
        }
    }

    #[test]
    fn damage_is_not_hidden() {
        assert!(log_prob(&[0.0, f32::NAN, 1.0], 0).is_nan());
        assert_eq!(log_prob(&[f32::NEG_INFINITY, 0.0], 1), 0.0);
    }
}
