//! The exact normal form of a scalar: a quotient of polynomials with rational coefficients and
//! rational exponents over *atoms* (variables, primes, pi, roots of unity, roots of sums, ...).
//!
//! Relations between atoms (a prime's integer powers, powers of a root of unity, a root raised to
//! its degree) are applied as terms are made, so that equal expressions over independent atoms
//! come out identical and a difference of zero has no terms.

pub(super) mod atom;
pub(super) mod build;
pub(super) mod constant;
pub(super) mod function;
pub(super) mod numeric;
pub(super) mod poly;
pub(super) mod power;
pub(super) mod rational;
pub(super) mod separation;
pub(super) mod zero;

use num_bigint::BigInt;
use num_rational::{BigRational, Rational64};

use super::fuel::{Exhausted, Fuel};
use atom::Atoms;
use poly::Poly;

/// Exact coefficients.
pub(super) type Rat = BigRational;
/// Exponents of atoms.
pub(super) type Exponent = Rational64;

/// Integers longer than this stay symbolic, as powers of primes or as factorials.
pub(super) const MAX_BITS: u64 = 1 << 16;

/// What is wrong with a quotient whose divisor is proven to be zero.
pub(super) const NO_QUOTIENT: &str = "division by zero";

/// A quotient of polynomials. The denominator is never zero, and is one when it can be.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Form {
    pub num: Poly,
    pub den: Poly,
}

/// Why an expression has no normal form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fail {
    /// The work budget is spent.
    Fuel,
    /// The expression has no value, or none that can be shown to exist.
    Undefined(&'static str),
    /// An exponent or a number is beyond the stated limits.
    TooLarge,
}

impl From<Exhausted> for Fail {
    fn from(_: Exhausted) -> Self {
        Fail::Fuel
    }
}

/// What one judgement shares: the atoms named so far and the work budget.
pub(super) struct Context {
    pub atoms: Atoms,
    pub fuel: Fuel,
}

impl Context {
    pub fn new(fuel: Fuel) -> Self {
        Context { atoms: Atoms::new(), fuel }
    }
}

impl Form {
    pub fn poly(num: Poly) -> Form {
        Form { num, den: Poly::one() }
    }

    pub fn rational(value: Rat) -> Form {
        Form::poly(Poly::constant(value))
    }

    pub fn integer(value: i64) -> Form {
        Form::rational(Rat::from_integer(BigInt::from(value)))
    }

    /// The rational number this is, if it is one.
    pub fn as_rational(&self) -> Option<Rat> {
        if self.den.is_one() { self.num.as_constant() } else { None }
    }

    /// The integer this is, if it is one.
    pub fn as_integer(&self) -> Option<BigInt> {
        self.as_rational().filter(|r| r.is_integer()).map(|r| r.to_integer())
    }

    /// The non-negative integer this is, if it fits.
    pub fn as_u64(&self) -> Option<u64> {
        self.as_integer().and_then(|n| u64::try_from(n).ok())
    }

    pub fn add(&self, other: &Form, ctx: &mut Context) -> Result<Form, Fail> {
        if self.den == other.den {
            return Ok(Form { num: self.num.add(&other.num, ctx)?, den: self.den.clone() });
        }
        let left = self.num.mul(&other.den, ctx)?;
        let right = other.num.mul(&self.den, ctx)?;
        Ok(Form { num: left.add(&right, ctx)?, den: self.den.mul(&other.den, ctx)? })
    }

    pub fn sub(&self, other: &Form, ctx: &mut Context) -> Result<Form, Fail> {
        self.add(&other.neg(), ctx)
    }

    pub fn neg(&self) -> Form {
        Form { num: self.num.neg(), den: self.den.clone() }
    }

    pub fn mul(&self, other: &Form, ctx: &mut Context) -> Result<Form, Fail> {
        if self.den == other.num {
            return Ok(Form { num: self.num.clone(), den: other.den.clone() });
        }
        if other.den == self.num {
            return Ok(Form { num: other.num.clone(), den: self.den.clone() });
        }
        let num = self.num.mul(&other.num, ctx)?;
        let den = self.den.mul(&other.den, ctx)?;
        Ok(Form { num, den })
    }

    /// Multiplies by a rational.
    pub fn scale(&self, by: &Rat) -> Form {
        Form { num: self.num.scale(by), den: self.den.clone() }
    }

    /// Reciprocal; refuses a denominator that is zero or cannot be told from it.
    pub fn inv(&self, ctx: &mut Context) -> Result<Form, Fail> {
        match zero::is_zero(&self.num, ctx) {
            zero::Tri::Yes => return Err(Fail::Undefined(NO_QUOTIENT)),
            zero::Tri::Unknown => {
                return Err(Fail::Undefined("the divisor cannot be told from zero"));
            }
            zero::Tri::No => {}
        }
        if let Some((coefficient, mono)) = self.num.as_single_term() {
            let inverse = coefficient.recip();
            let (num, den) = poly::invert_monomial(&mono, ctx)?;
            let num = self.den.mul(&num, ctx)?.scale(&inverse);
            return Ok(Form { num, den });
        }
        Ok(Form { num: self.den.clone(), den: self.num.clone() })
    }

    pub fn div(&self, other: &Form, ctx: &mut Context) -> Result<Form, Fail> {
        let inverse = other.inv(ctx)?;
        self.mul(&inverse, ctx)
    }
}

/// Bits of the larger part of a rational.
pub(super) fn bits(value: &Rat) -> u64 {
    value.numer().bits().max(value.denom().bits())
}
