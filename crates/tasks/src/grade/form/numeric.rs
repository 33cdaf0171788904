//! Values of normal forms as balls: constants as they are, expressions in variables at fixed
//! sample points. Used to refute and to find signs, never to accept.

use std::cmp::Ordering;
use std::collections::HashMap;

use num_bigint::BigInt;
use num_traits::{One, Signed, ToPrimitive, Zero};

use super::super::ball::{Ball, signed};
use super::atom::{Atom, AtomId, UNKNOWN};
use super::poly::{Mono, Poly};
use super::{Context, Exponent, Form, Rat};

/// A complex number; real when there is no imaginary part at all.
#[derive(Debug, Clone)]
pub struct Complex {
    pub re: Ball,
    pub im: Option<Ball>,
}

/// Number of sample points for expressions in variables.
pub const SAMPLES: usize = 5;

/// An evaluation at one precision and, for variables, one sample point.
pub struct Evaluation<'a> {
    ctx: &'a mut Context,
    prec: u64,
    sample: usize,
    powers: HashMap<(AtomId, Exponent), Option<Complex>>,
}

impl<'a> Evaluation<'a> {
    /// Prepares to evaluate with `prec` bits; `sample` counts from zero.
    pub fn new(ctx: &'a mut Context, prec: u64, sample: usize) -> Self {
        Evaluation { ctx, prec, sample, powers: HashMap::new() }
    }

    /// The value of a polynomial, if every part has one there and the budget allows.
    pub fn poly(&mut self, poly: &Poly) -> Option<Complex> {
        let mut sum = Complex::real(Ball::integer(0));
        for (mono, coefficient) in poly.terms() {
            self.ctx.fuel.spend(super::bits(coefficient) / 32 + 8).ok()?;
            let scalar = Complex::real(Ball::rational(coefficient, self.prec));
            let value = self.mono(mono)?.mul(&scalar, self.prec);
            sum = sum.add(&value, self.prec);
        }
        Some(sum)
    }

    /// The value of a quotient.
    pub fn form(&mut self, form: &Form) -> Option<Complex> {
        let num = self.poly(&form.num)?;
        if form.den.is_one() {
            return Some(num);
        }
        let den = self.poly(&form.den)?.inv(self.prec)?;
        Some(num.mul(&den, self.prec))
    }

    fn mono(&mut self, mono: &Mono) -> Option<Complex> {
        let mut product = Complex::real(Ball::integer(1));
        for &(id, exponent) in mono {
            if !self.powers.contains_key(&(id, exponent)) {
                let work = 3 * self.prec * (self.prec / 64 + 4);
                self.ctx.fuel.spend(work).ok()?;
                let value = self.power(id, exponent);
                self.powers.insert((id, exponent), value);
            }
            let factor = self.powers.get(&(id, exponent)).cloned().flatten()?;
            product = product.mul(&factor, self.prec);
        }
        Some(product)
    }

    fn power(&mut self, id: AtomId, exponent: Exponent) -> Option<Complex> {
        let prec = self.prec;
        match self.ctx.atoms.get(id).clone() {
            Atom::Zeta => {
                let turns = self.exponent(exponent);
                let angle = turns.mul(&Ball::pi(prec), prec).mul(&Ball::integer(2), prec);
                Complex::from_angle(&angle, prec)
            }
            Atom::E => Some(Complex::real(self.exponent(exponent).exp(prec)?)),
            Atom::Pow(base, mono) => {
                let scale = Complex::real(self.exponent(exponent));
                let power = self.mono(&mono)?.mul(&scale, prec);
                let log = match self.ctx.atoms.get(base) {
                    Atom::E => Complex::real(Ball::integer(1)),
                    Atom::Zeta => Complex {
                        re: Ball::integer(0),
                        im: Some(Ball::pi(prec).mul(&Ball::integer(2), prec)),
                    },
                    _ => self.power(base, Exponent::one())?.ln(prec)?,
                };
                power.mul(&log, prec).exp(prec)
            }
            atom => self.value(&atom)?.raise(exponent, prec),
        }
    }

    fn exponent(&self, exponent: Exponent) -> Ball {
        let rational = Rat::new(BigInt::from(*exponent.numer()), BigInt::from(*exponent.denom()));
        Ball::rational(&rational, self.prec)
    }

    fn value(&mut self, atom: &Atom) -> Option<Complex> {
        let prec = self.prec;
        Some(match atom {
            Atom::Var(name) => Complex::real(Ball::rational(&sample(name, self.sample), prec)),
            Atom::Pi => Complex::real(Ball::pi(prec)),
            Atom::Prime(p) => Complex::real(Ball::new(signed(p), BigInt::zero(), 0)),
            Atom::LnPrime(p) => {
                Complex::real(Ball::new(signed(p), BigInt::zero(), 0).rounded(prec).ln(prec)?)
            }
            Atom::Base(poly) => self.poly(poly)?,
            Atom::Call(name, args) => return self.call(name, args),
            Atom::E | Atom::Zeta | Atom::Pow(..) => return None,
        })
    }

    fn call(&mut self, name: &str, args: &[Form]) -> Option<Complex> {
        let prec = self.prec;
        if name.starts_with(UNKNOWN) {
            // Unknown functions are as free as variables: the whole application is one name.
            let key = format!("{name}{args:?}");
            return Some(Complex::real(Ball::rational(&sample(&key, self.sample), prec)));
        }
        let first = self.form(args.first()?)?;
        let real = || if first.im.is_none() { Some(first.re.clone()) } else { None };
        Some(match name {
            "abs" => first.modulus(prec)?,
            "ln" => first.ln(prec)?,
            "arctan" => Complex::real(real()?.atan(prec)?),
            "arcsin" => Complex::real(arcsin(&real()?, prec)?),
            "arccos" => {
                let half_pi = Ball::pi(prec).mul(&Ball::rational(&half(), prec), prec);
                Complex::real(half_pi.sub(&arcsin(&real()?, prec)?, prec))
            }
            "floor" => Complex::real(Ball::new(real()?.floor()?, BigInt::zero(), 0)),
            "fact" => Complex::real(factorial(args[0].as_u64()?, prec)?),
            "pow" => {
                let exponent = self.form(args.get(1)?)?;
                first.ln(prec)?.mul(&exponent, prec).exp(prec)?
            }
            "root" => {
                let degree = args.get(1)?.as_u64()?;
                first.raise(Exponent::new(1, i64::try_from(degree).ok()?), prec)?
            }
            _ => return None,
        })
    }
}

fn half() -> Rat {
    Rat::new(BigInt::one(), BigInt::from(2))
}

fn arcsin(x: &Ball, prec: u64) -> Option<Ball> {
    // arcsin x = 2 atan(x / (1 + sqrt(1 - x^2))).
    let cosine = Ball::integer(1).sub(&x.mul(x, prec), prec).sqrt(prec)?;
    let ratio = x.mul(&cosine.add(&Ball::integer(1), prec).inv(prec)?, prec);
    Some(ratio.atan(prec)?.mul(&Ball::integer(2), prec))
}

/// Robbins's bounds: n! = sqrt(2 pi n) (n/e)^n e^r with 1/(12n + 1) < r < 1/(12n).
fn factorial(n: u64, prec: u64) -> Option<Ball> {
    if !(1 << 10..=1 << 34).contains(&n) {
        return None;
    }
    let x = Ball::integer(n as i64);
    let ln = x.ln(prec)?;
    let two_pi_n = Ball::pi(prec).mul(&Ball::integer(2), prec).mul(&x, prec);
    let half = Ball::rational(&half(), prec);
    let leading = x.mul(&ln, prec).sub(&x, prec).add(&two_pi_n.ln(prec)?.mul(&half, prec), prec);
    // Both bounds of r lie within 2^-(2 log2 n + 7) of 1/(12n + 1).
    let r = Ball::rational(&Rat::new(BigInt::one(), BigInt::from(12 * n + 1)), prec);
    let width = -(2 * (63 - n.leading_zeros() as i64) + 6);
    leading.add(&r.widened(width, prec), prec).exp(prec)
}

/// A fixed rational for a name: positive and negative, small and large, different for each name.
fn sample(name: &str, sample: usize) -> Rat {
    // FNV-1a, so that the point depends on nothing but the name.
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    for byte in name.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash = (hash ^ sample as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let fraction = (hash >> 40) as i64 % 8191 + 1;
    let (scale, offset) = match sample % SAMPLES {
        0 => (1, 0),
        1 => (3, 2),
        2 => (20, 10),
        3 => (-2, 0),
        _ => (500, 100),
    };
    let offset = if scale < 0 { -offset } else { offset };
    Rat::new(BigInt::from(fraction * scale + offset * 8192), BigInt::from(8192))
}

impl Complex {
    /// A real number.
    pub fn real(re: Ball) -> Complex {
        Complex { re, im: None }
    }

    fn from_angle(angle: &Ball, prec: u64) -> Option<Complex> {
        let (sin, cos) = angle.sin_cos(prec)?;
        Some(Complex { re: cos, im: Some(sin) })
    }

    /// Whether the number is certainly not zero.
    pub fn is_nonzero(&self) -> bool {
        let differs = |ball: &Ball| !matches!(ball.sign(), None | Some(Ordering::Equal));
        differs(&self.re) || self.im.as_ref().is_some_and(differs)
    }

    /// Whether both parts lie within `2^magnitude` of zero.
    pub fn is_below(&self, magnitude: i64) -> bool {
        self.re.is_below(magnitude) && self.im.as_ref().is_none_or(|im| im.is_below(magnitude))
    }

    fn imaginary(&self) -> Ball {
        self.im.clone().unwrap_or_else(|| Ball::integer(0))
    }

    pub fn add(&self, other: &Complex, prec: u64) -> Complex {
        let im = match (&self.im, &other.im) {
            (None, None) => None,
            _ => Some(self.imaginary().add(&other.imaginary(), prec)),
        };
        Complex { re: self.re.add(&other.re, prec), im }
    }

    pub fn mul(&self, other: &Complex, prec: u64) -> Complex {
        let re = self.re.mul(&other.re, prec);
        if self.im.is_none() && other.im.is_none() {
            return Complex::real(re);
        }
        let (a, b) = (self.imaginary(), other.imaginary());
        let im = self.re.mul(&b, prec).add(&a.mul(&other.re, prec), prec);
        Complex { re: re.sub(&a.mul(&b, prec), prec), im: Some(im) }
    }

    pub fn inv(&self, prec: u64) -> Option<Complex> {
        let Some(im) = &self.im else {
            return Some(Complex::real(self.re.inv(prec)?));
        };
        let norm = self.re.mul(&self.re, prec).add(&im.mul(im, prec), prec).inv(prec)?;
        Some(Complex { re: self.re.mul(&norm, prec), im: Some(im.neg().mul(&norm, prec)) })
    }

    fn exp(&self, prec: u64) -> Option<Complex> {
        let scale = self.re.exp(prec)?;
        let Some(im) = &self.im else {
            return Some(Complex::real(scale));
        };
        Some(Complex::from_angle(im, prec)?.mul(&Complex::real(scale), prec))
    }

    fn modulus(&self, prec: u64) -> Option<Complex> {
        let Some(im) = &self.im else {
            return Some(Complex::real(match self.re.sign()? {
                Ordering::Less => self.re.neg(),
                _ => self.re.clone(),
            }));
        };
        let norm = self.re.mul(&self.re, prec).add(&im.mul(im, prec), prec);
        Some(Complex::real(norm.sqrt(prec)?))
    }

    /// Principal logarithm; of real numbers only the positive have one here.
    fn ln(&self, prec: u64) -> Option<Complex> {
        let Some(im) = &self.im else {
            return Some(Complex::real(self.re.ln(prec)?));
        };
        let modulus = self.modulus(prec)?.re;
        // arg z = 2 atan(im / (|z| + re)).
        let ratio = im.mul(&modulus.add(&self.re, prec).inv(prec)?, prec);
        let angle = ratio.atan(prec)?.mul(&Ball::integer(2), prec);
        Some(Complex { re: modulus.ln(prec)?, im: Some(angle) })
    }

    /// A rational power: real odd roots of negative numbers are real, even ones do not exist.
    fn raise(&self, exponent: Exponent, prec: u64) -> Option<Complex> {
        if exponent.is_integer() && exponent.numer().abs() <= 64 {
            let mut result = Complex::real(Ball::integer(1));
            for _ in 0..exponent.numer().abs() {
                result = result.mul(self, prec);
            }
            return if exponent.is_negative() { result.inv(prec) } else { Some(result) };
        }
        let scale = Rat::new(BigInt::from(*exponent.numer()), BigInt::from(*exponent.denom()));
        let scale = Complex::real(Ball::rational(&scale, prec));
        if self.im.is_some() {
            return self.ln(prec)?.mul(&scale, prec).exp(prec);
        }
        if exponent == Exponent::new(1, 2) {
            return Some(Complex::real(self.re.sqrt(prec)?));
        }
        match self.re.sign()? {
            Ordering::Equal => exponent.is_positive().then(|| self.clone()),
            Ordering::Greater => self.ln(prec)?.mul(&scale, prec).exp(prec),
            Ordering::Less if exponent.denom() % 2 == 1 => {
                let magnitude = Complex::real(self.re.neg());
                let power = magnitude.ln(prec)?.mul(&scale, prec).exp(prec)?;
                let is_odd = exponent.numer().to_u64().is_none_or(|n| n % 2 == 1)
                    && exponent.numer() % 2 != 0;
                Some(if is_odd { Complex::real(power.re.neg()) } else { power })
            }
            Ordering::Less => None,
        }
    }
}
