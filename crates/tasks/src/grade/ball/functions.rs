//! Elementary functions on balls: series in fixed point with guard bits, then a radius that
//! covers both the series' error and how far the function moves over the argument's ball.

use num_bigint::BigInt;
use num_traits::{One, Zero};

use super::Ball;

/// Extra bits carried by the fixed-point series.
const GUARD: u64 = 64;
/// The series are good to `2^-(working bits - SLACK)`: thousands of roundings cost far less.
const SLACK: i64 = 24;
/// Arguments beyond `2^ARGUMENT_LIMIT` are refused: their results would not fit an exponent.
const ARGUMENT_LIMIT: i64 = 40;

impl Ball {
    /// The circle constant.
    pub fn pi(prec: u64) -> Ball {
        let bits = prec + GUARD;
        finish(pi_fixed(bits), bits, prec)
    }

    /// Natural exponential; `None` when the argument is too large or too vague.
    pub fn exp(&self, prec: u64) -> Option<Ball> {
        if self.magnitude() > ARGUMENT_LIMIT || self.radius_magnitude() > -1 {
            return None;
        }
        let bits = prec + GUARD;
        let extra = self.magnitude().max(0) as u64 + 4;
        let ln2 = ln2_fixed(bits + extra);
        let x = self.mid_fixed((bits + extra) as i64);
        let k: BigInt = (&x << 1u32) / &ln2;
        let k: BigInt = (k + 1) >> 1;
        let t: BigInt = (x - &k * ln2) >> extra;
        // Halve the argument eight times, so that the series needs few terms, and square back.
        const HALVINGS: u32 = 8;
        let mut sum = BigInt::one() << bits;
        let mut term = sum.clone();
        let t = t >> HALVINGS;
        for n in 1u32.. {
            term = ((term * &t) >> bits) / n;
            if term.is_zero() || term == -BigInt::one() {
                break;
            }
            sum += &term;
        }
        for _ in 0..HALVINGS {
            sum = (&sum * &sum) >> bits;
        }
        let k = i64::try_from(k).ok()?;
        let mid = finish(sum, bits, prec).scaled(k);
        // |e^r - 1| <= 2|r| for |r| <= 1/2.
        let magnitude = mid.magnitude() + self.radius_magnitude() + 1;
        Some(if self.radius_magnitude() < -(1 << 50) { mid } else { mid.widened(magnitude, prec) })
    }

    /// Natural logarithm, when every member is positive.
    pub fn ln(&self, prec: u64) -> Option<Ball> {
        let inverse = self.inv(prec)?;
        if self.sign() != Some(std::cmp::Ordering::Greater) {
            return None;
        }
        let bits = prec + GUARD;
        let middle = self.midpoint();
        let top = middle.magnitude();
        let y = middle.mid_fixed(bits as i64 - top);
        let one = BigInt::one() << bits;
        let z = ((&y - &one) << bits) / (&y + &one);
        let extra = 64;
        let ln2 = ln2_fixed(bits + extra) * top;
        let value = (atanh_fixed(&z, bits) << 1u32) + (ln2 >> extra);
        let mid = finish(value, bits, prec);
        let magnitude = inverse.magnitude() + self.radius_magnitude();
        Some(if self.radius_magnitude() < -(1 << 50) { mid } else { mid.widened(magnitude, prec) })
    }

    /// Sine and cosine together; `None` when the argument is too large.
    pub fn sin_cos(&self, prec: u64) -> Option<(Ball, Ball)> {
        if self.magnitude() > ARGUMENT_LIMIT {
            return None;
        }
        let bits = prec + GUARD;
        let extra = self.magnitude().max(0) as u64 + 4;
        let half_pi = pi_fixed(bits + extra) >> 1u32;
        let x = self.mid_fixed((bits + extra) as i64);
        let n: BigInt = (&x << 1u32) / &half_pi;
        let n: BigInt = (n + 1) >> 1;
        let t: BigInt = (x - &n * half_pi) >> extra;
        let (sin, cos) = sin_cos_fixed(&t, bits);
        let quadrant: BigInt = n & BigInt::from(3);
        let (sin, cos) = match i64::try_from(quadrant).unwrap_or(0) {
            0 => (sin, cos),
            1 => (cos, -sin),
            2 => (-sin, -cos),
            _ => (-cos, sin),
        };
        let widen = |ball: Ball| {
            if self.radius_magnitude() < -(1 << 50) {
                ball
            } else {
                ball.widened(self.radius_magnitude(), prec)
            }
        };
        Some((widen(finish(sin, bits, prec)), widen(finish(cos, bits, prec))))
    }

    /// Inverse tangent.
    pub fn atan(&self, prec: u64) -> Option<Ball> {
        // atan x = 2 atan(x / (1 + sqrt(1 + x^2))); three halvings leave |x| below 0.2.
        let wide = prec + GUARD;
        let mut x = self.clone();
        for _ in 0..3 {
            let hypotenuse = x.mul(&x, wide).add(&Ball::integer(1), wide).sqrt(wide)?;
            let inverse = hypotenuse.add(&Ball::integer(1), wide).inv(wide)?;
            x = x.mul(&inverse, wide);
        }
        let fixed = x.mid_fixed(wide as i64);
        let square = (&fixed * &fixed) >> wide;
        let mut power = fixed.clone();
        let mut sum = fixed;
        for n in 1i64.. {
            power = -((power * &square) >> wide);
            let term: BigInt = &power / (2 * n + 1);
            if term.is_zero() {
                break;
            }
            sum += term;
        }
        let series = finish(sum, wide, wide);
        let series = if x.radius_magnitude() < -(1 << 50) {
            series
        } else {
            series.widened(x.radius_magnitude(), wide)
        };
        Some(series.scaled(3).rounded(prec))
    }

    /// Multiplies by `2^k`, exactly.
    fn scaled(self, k: i64) -> Ball {
        self.mul(&Ball::new(BigInt::one(), BigInt::zero(), k), u64::MAX / 4)
    }
}

/// A fixed-point result with its error bound, rounded to `prec` bits.
fn finish(value: BigInt, bits: u64, prec: u64) -> Ball {
    Ball::new(value, BigInt::one() << SLACK, -(bits as i64)).rounded(prec)
}

fn atanh_fixed(z: &BigInt, bits: u64) -> BigInt {
    let square = (z * z) >> bits;
    let mut power = z.clone();
    let mut sum = z.clone();
    for n in 1i64.. {
        power = (power * &square) >> bits;
        let term: BigInt = &power / (2 * n + 1);
        if term.is_zero() {
            break;
        }
        sum += term;
    }
    sum
}

fn ln2_fixed(bits: u64) -> BigInt {
    let wide = bits + 16;
    let third = (BigInt::one() << wide) / 3;
    (atanh_fixed(&third, wide) << 1u32) >> 16
}

/// Machin's formula: pi = 16 atan(1/5) - 4 atan(1/239).
fn pi_fixed(bits: u64) -> BigInt {
    let wide = bits + 16;
    let inverse_atan = |n: i64| {
        let mut power = (BigInt::one() << wide) / n;
        let mut sum = power.clone();
        for k in 1i64.. {
            power = -(power / (n * n));
            let term: BigInt = &power / (2 * k + 1);
            if term.is_zero() {
                break;
            }
            sum += term;
        }
        sum
    };
    (inverse_atan(5) * 16 - inverse_atan(239) * 4) >> 16
}

fn sin_cos_fixed(t: &BigInt, bits: u64) -> (BigInt, BigInt) {
    let mut term = BigInt::one() << bits;
    let (mut sin, mut cos) = (BigInt::zero(), term.clone());
    for n in 1u32.. {
        term = ((term * t) >> bits) / n;
        // A right shift rounds towards minus infinity, so a dying term can stick at minus one.
        if term.is_zero() || term == -BigInt::one() {
            break;
        }
        let negative = n % 4 >= 2;
        let target = if n % 2 == 1 { &mut sin } else { &mut cos };
        if negative { *target -= &term } else { *target += &term }
    }
    (sin, cos)
}
