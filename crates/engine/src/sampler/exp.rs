//! The exponential function for weights: fast over whole rows, because the compiler turns it into
//! lanes. Log-probabilities do not use it.

/// `e^x` for `x <= 0`, within a few units of the last place; 0 below -87.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    // Adding and subtracting this rounds to a whole number.
    const ROUND: f32 = 12_582_912.0;
    // ln 2 in two parts, the first of which has bits to spare for an exact product.
    const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
    // 1/2! to 1/7!: the remainder is at most ln 2 / 2, where the next term is below 2^-26.
    const TAYLOR: [f32; 6] = [0.5, 1.0 / 6.0, 1.0 / 24.0, 1.0 / 120.0, 1.0 / 720.0, 1.0 / 5040.0];

    let clamped = if x > -87.0 { x } else { -87.0 };
    let n = clamped * std::f32::consts::LOG2_E + ROUND - ROUND;
    let r = clamped - n * LN_2[0] - n * LN_2[1];
    let tail = TAYLOR.iter().rev().fold(0.0, |sum, term| sum * r + term);
    let power_of_two = f32::from_bits(((n as i32 + 127) << 23) as u32);
    let value = (tail * r * r + r + 1.0) * power_of_two;
    if x > -87.0 { value } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::exp;

    #[test]
    fn agrees_with_the_library() {
        for i in 0..200_000 {
            let x = -86.9 * i as f32 / 200_000.0;
            let exact = f64::from(x).exp();
            let error = (f64::from(exp(x)) / exact - 1.0).abs();
            assert!(error < 4e-7, "exp({x}) = {} for {exact}", exp(x));
        }
        assert_eq!(exp(0.0), 1.0);
        for x in [f32::NEG_INFINITY, -1e30, -87.0] {
            assert_eq!(exp(x), 0.0, "exp({x})");
        }
    }
}
