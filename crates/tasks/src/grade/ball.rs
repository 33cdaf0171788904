//! Real numbers known to lie in an interval: a midpoint, a radius and a shared binary exponent.
//! Every operation widens the radius by its own rounding, so a ball that excludes zero proves a
//! number is not zero. That is all the grader uses numerics for: to refute.

mod functions;

use std::cmp::Ordering;

use num_bigint::{BigInt, BigUint, Sign};
use num_rational::BigRational;
use num_traits::{One, Signed, Zero};

/// The set of reals within `rad * 2^exp` of `mid * 2^exp`; `rad` is never negative.
#[derive(Debug, Clone)]
pub struct Ball {
    mid: BigInt,
    rad: BigInt,
    exp: i64,
}

impl Ball {
    /// The ball around `mid * 2^exp` with radius `rad * 2^exp`.
    pub(super) fn new(mid: BigInt, rad: BigInt, exp: i64) -> Ball {
        Ball { mid, rad: rad.abs(), exp }
    }

    /// An integer, exactly.
    pub fn integer(value: i64) -> Ball {
        Ball { mid: BigInt::from(value), rad: BigInt::zero(), exp: 0 }
    }

    /// A rational to `prec` bits.
    pub fn rational(value: &BigRational, prec: u64) -> Ball {
        if value.is_integer() {
            return Ball::new(value.numer().clone(), BigInt::zero(), 0).rounded(prec);
        }
        // Scale so that the quotient has `prec` bits whatever the sizes of the two parts.
        let shift = prec as i64 + value.denom().bits() as i64 - value.numer().bits() as i64;
        let quotient = if shift >= 0 {
            (value.numer() << shift) / value.denom()
        } else {
            value.numer() / (value.denom() << (-shift))
        };
        Ball::new(quotient, BigInt::one(), -shift)
    }

    /// The same set or a slightly larger one, with a midpoint of at most `prec` bits.
    pub(super) fn rounded(self, prec: u64) -> Ball {
        let bits = self.mid.bits().max(self.rad.bits());
        if bits <= prec {
            return self;
        }
        let shift = bits - prec;
        Ball::new(self.mid >> shift, (self.rad >> shift) + 2, self.exp + shift as i64)
    }

    /// The midpoint as a fixed-point integer at scale `2^-scale`, off by at most one unit.
    pub(super) fn mid_fixed(&self, scale: i64) -> BigInt {
        shifted(&self.mid, self.exp + scale)
    }

    /// Position of the binary point above the top bit: `|x| < 2^magnitude` for every member.
    pub fn magnitude(&self) -> i64 {
        (self.mid.abs() + &self.rad).bits() as i64 + self.exp
    }

    /// Position of the top bit of the radius.
    pub(super) fn radius_magnitude(&self) -> i64 {
        if self.rad.is_zero() { i64::MIN / 2 } else { self.rad.bits() as i64 + self.exp }
    }

    /// The midpoint alone, as an exact ball.
    pub(super) fn midpoint(&self) -> Ball {
        Ball::new(self.mid.clone(), BigInt::zero(), self.exp)
    }

    /// Widens by `2^magnitude`.
    pub(super) fn widened(self, magnitude: i64, prec: u64) -> Ball {
        let by = Ball { mid: BigInt::zero(), rad: BigInt::one(), exp: magnitude };
        self.add(&by, prec)
    }

    /// Sum.
    pub fn add(&self, other: &Ball, prec: u64) -> Ball {
        // A common exponent that keeps `prec` bits of the larger operand; what lies below is
        // rounded into the radius instead of being carried along.
        let floor = self.magnitude().max(other.magnitude()) - prec as i64 - 8;
        let exp = self.exp.min(other.exp).max(floor.min(self.exp.max(other.exp)));
        let (a, b) = (self.at_exponent(exp), other.at_exponent(exp));
        Ball::new(a.mid + b.mid, a.rad + b.rad, exp).rounded(prec)
    }

    fn at_exponent(&self, exp: i64) -> Ball {
        let shift = self.exp - exp;
        if shift >= 0 {
            Ball::new(&self.mid << shift, &self.rad << shift, exp)
        } else {
            Ball::new(shifted(&self.mid, shift), shifted(&self.rad, shift) + 2, exp)
        }
    }

    /// Difference.
    pub fn sub(&self, other: &Ball, prec: u64) -> Ball {
        self.add(&other.neg(), prec)
    }

    /// Opposite.
    pub fn neg(&self) -> Ball {
        Ball { mid: -&self.mid, rad: self.rad.clone(), exp: self.exp }
    }

    /// Product.
    pub fn mul(&self, other: &Ball, prec: u64) -> Ball {
        let rad =
            self.mid.abs() * &other.rad + other.mid.abs() * &self.rad + (&self.rad * &other.rad);
        Ball::new(&self.mid * &other.mid, rad, self.exp + other.exp).rounded(prec)
    }

    /// Reciprocal, unless zero is a member.
    pub fn inv(&self, prec: u64) -> Option<Ball> {
        let low = self.mid.abs() - &self.rad;
        if !low.is_positive() {
            return None;
        }
        let high = self.mid.abs() + &self.rad;
        let scale = prec + high.bits();
        let one = BigInt::one() << scale;
        let (inv_low, inv_high) = (&one / &high, &one / &low + 1);
        let mid: BigInt = (&inv_low + &inv_high) >> 1u32;
        let rad = ((inv_high - inv_low) >> 1u32) + 1;
        let mid = if self.mid.is_negative() { -mid } else { mid };
        Some(Ball::new(mid, rad, -self.exp - scale as i64).rounded(prec))
    }

    /// Square root, unless a member is negative.
    pub fn sqrt(&self, prec: u64) -> Option<Ball> {
        let low = &self.mid - &self.rad;
        if low.is_negative() {
            return None;
        }
        let high = &self.mid + &self.rad;
        let bits = high.bits() as i64;
        let mut scale = (2 * prec as i64 - bits).max(0);
        if (self.exp - scale) % 2 != 0 {
            scale += 1;
        }
        let root = |x: BigInt| BigInt::from((x << scale).magnitude().sqrt());
        let (root_low, root_high) = (root(low), root(high) + 1);
        let mid: BigInt = (&root_low + &root_high) >> 1u32;
        let rad = ((root_high - root_low) >> 1u32) + 1;
        Some(Ball::new(mid, rad, (self.exp - scale) / 2).rounded(prec))
    }

    /// The sign of every member, when they agree.
    pub fn sign(&self) -> Option<Ordering> {
        if self.mid.is_zero() && self.rad.is_zero() {
            Some(Ordering::Equal)
        } else if self.mid > self.rad {
            Some(Ordering::Greater)
        } else if -&self.mid > self.rad {
            Some(Ordering::Less)
        } else {
            None
        }
    }

    /// Whether every member is within `2^magnitude` of zero.
    pub fn is_below(&self, magnitude: i64) -> bool {
        self.magnitude() <= magnitude
    }

    /// The greatest integer not above any member, when all members share it.
    pub fn floor(&self) -> Option<BigInt> {
        if self.exp > 0 && self.magnitude() > 4096 {
            return None;
        }
        let floor = |x: BigInt| shifted(&x, self.exp);
        let (low, high) = (floor(&self.mid - &self.rad), floor(&self.mid + &self.rad));
        (low == high).then_some(low)
    }
}

/// `x * 2^shift` rounded towards minus infinity.
pub(super) fn shifted(x: &BigInt, shift: i64) -> BigInt {
    if shift >= 0 {
        return x << shift;
    }
    let drop = shift.unsigned_abs();
    if drop > x.bits() + 1 {
        return if x.sign() == Sign::Minus { -BigInt::one() } else { BigInt::zero() };
    }
    x >> drop
}

/// The positive integer as a signed one.
pub(super) fn signed(x: &BigUint) -> BigInt {
    BigInt::from_biguint(Sign::Plus, x.clone())
}
