//! Arithmetic on plain integers that the normal form needs: factors, exact roots, factorials.

use num_bigint::{BigInt, BigUint};
use num_integer::Integer;
use num_rational::Rational64;
use num_traits::{One, ToPrimitive, Zero};

use super::atom::Atom;
use super::poly::{Mono, Poly};
use super::{Context, Exponent, Fail, MAX_BITS, Rat};

/// Divisors tried on integers of any length.
const SHORT_TRIAL: u64 = 2_000;
/// Longer factorials stay symbolic.
const MAX_FACTORIAL_BITS: u64 = 8_192;
/// Divisors tried on what fits a machine word: leaves below the square are prime.
const LONG_TRIAL: u64 = 1 << 16;

/// The atom for a factor and its multiplicity.
type Factor = (Atom, u32);

/// Splits a positive integer into primes and at most one large rest. Only a proven prime becomes
/// a `Prime` atom, because the proof that monomials are independent rests on it.
pub fn factor_atoms(value: &BigUint, ctx: &mut Context) -> Result<Vec<Factor>, Fail> {
    let mut factors = Vec::new();
    let mut rest = value.clone();
    let mut divisor = 2u64;
    while divisor <= SHORT_TRIAL && rest.bits() > 63 {
        ctx.fuel.spend(rest.bits() / 64 + 1)?;
        let mut count = 0;
        while (&rest % divisor).is_zero() {
            ctx.fuel.spend(rest.bits() / 64 + 1)?;
            rest /= divisor;
            count += 1;
        }
        push_factor(&mut factors, BigUint::from(divisor), count);
        divisor += if divisor == 2 { 1 } else { 2 };
    }
    let Some(mut small) = rest.to_u64().filter(|r| r.leading_zeros() > 0) else {
        factors.push((Atom::Base(Poly::constant(Rat::from_integer(rest.into()))), 1));
        return Ok(factors);
    };
    while divisor <= LONG_TRIAL && divisor * divisor <= small {
        let mut count = 0;
        while small % divisor == 0 {
            small /= divisor;
            count += 1;
        }
        push_factor(&mut factors, BigUint::from(divisor), count);
        divisor += if divisor == 2 { 1 } else { 2 };
    }
    ctx.fuel.spend(divisor / 2)?;
    if small > 1 {
        let is_prime = divisor.saturating_mul(divisor) > small || is_prime_word(small);
        if is_prime {
            push_factor(&mut factors, BigUint::from(small), 1);
        } else {
            let rest = Rat::from_integer(BigInt::from(small));
            factors.push((Atom::Base(Poly::constant(rest)), 1));
        }
    }
    Ok(factors)
}

fn push_factor(factors: &mut Vec<Factor>, prime: BigUint, count: u32) {
    if count == 0 {
        return;
    }
    factors.push((Atom::Prime(prime), count));
}

/// Miller and Rabin's test with the first twelve primes as witnesses, which is exact below 2^64
/// (Sorenson and Webster, 2015).
fn is_prime_word(n: u64) -> bool {
    const WITNESSES: [u64; 12] = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37];
    if n < 2 {
        return false;
    }
    let multiply = |a: u64, b: u64| ((a as u128 * b as u128) % n as u128) as u64;
    let power = |mut base: u64, mut exponent: u64| {
        let mut result = 1;
        while exponent > 0 {
            if exponent & 1 == 1 {
                result = multiply(result, base);
            }
            base = multiply(base, base);
            exponent >>= 1;
        }
        result
    };
    let twos = (n - 1).trailing_zeros();
    let odd = (n - 1) >> twos;
    WITNESSES.iter().all(|&witness| {
        if n == witness {
            return true;
        }
        let mut x = power(witness % n, odd);
        if x == 0 || x == 1 || x == n - 1 {
            return x != 0;
        }
        for _ in 1..twos {
            x = multiply(x, x);
            if x == n - 1 {
                return true;
            }
        }
        false
    })
}

/// `value^(numer/denom)` of a positive rational as a reduced term.
pub fn rational_power(value: &Rat, exponent: Exponent, ctx: &mut Context) -> Result<Poly, Fail> {
    let mut mono = Mono::new();
    for (part, sign) in [(value.numer(), 1), (value.denom(), -1)] {
        for (atom, count) in factor_atoms(part.magnitude(), ctx)? {
            let id = ctx.atoms.intern(atom);
            let count = Exponent::from_integer(i64::from(count) * sign);
            let exponent =
                super::poly::bounded(num_traits::CheckedMul::checked_mul(&count, &exponent))?;
            mono.push((id, exponent));
        }
    }
    mono.sort();
    // A large rest in the denominator would be a negative power of a sum: rationalise it away.
    let mut coefficient = Rat::one();
    for (id, exponent) in &mut mono {
        if let Atom::Base(base) = ctx.atoms.get(*id) {
            let whole = exponent.floor().to_integer();
            let base = base.as_constant().unwrap_or_else(Rat::one);
            if whole != 0 {
                if whole.unsigned_abs().saturating_mul(super::bits(&base)) > MAX_BITS {
                    return Err(Fail::TooLarge);
                }
                coefficient *= base.pow(whole as i32);
                *exponent -= Rational64::from_integer(whole);
            }
        }
    }
    mono.retain(|(_, e)| !e.is_zero());
    Poly::term(coefficient, mono, ctx)
}

/// The exact `n`-th root of a non-negative rational, if it has one.
pub fn exact_root(value: &Rat, n: u32, ctx: &mut Context) -> Result<Option<Rat>, Fail> {
    let limbs = super::bits(value) / 64 + 1;
    ctx.fuel.spend(limbs * limbs * 8 + 16)?;
    let root = |x: &BigInt| {
        let root = x.nth_root(n);
        (root.pow(n) == *x).then_some(root)
    };
    if n > 64 && !value.numer().is_one() && super::bits(value) < u64::from(n) {
        return Ok(None);
    }
    Ok(match (root(value.numer()), root(value.denom())) {
        (Some(numer), Some(denom)) => Some(Rat::new(numer, denom)),
        _ => None,
    })
}

/// `n!`, when short enough to be written out.
pub fn factorial(n: u64, ctx: &mut Context) -> Result<Option<BigInt>, Fail> {
    // log2(n!) < n log2(n). Beyond this, quotients of factorials are cheaper as multiples of one.
    let size = n.saturating_mul(64 - n.leading_zeros() as u64);
    if size > MAX_FACTORIAL_BITS {
        return Ok(None);
    }
    ctx.fuel.spend(n * (size / 256 + 1) / 2 + 1)?;
    Ok(Some(BigInt::from(range_product(1, n))))
}

/// The product of `low..=high` by halves, so that the factors stay of equal length.
pub fn range_product(low: u64, high: u64) -> BigUint {
    if low > high {
        return BigUint::one();
    }
    if high - low < 8 {
        return (low..=high).map(BigUint::from).product();
    }
    let middle = low + (high - low) / 2;
    range_product(low, middle) * range_product(middle + 1, high)
}

/// The binomial coefficient, when short enough to be written out.
pub fn binomial(n: u64, k: u64, ctx: &mut Context) -> Result<Option<BigInt>, Fail> {
    if k > n {
        return Ok(Some(BigInt::zero()));
    }
    let k = k.min(n - k);
    let size = k.saturating_mul(64 - n.leading_zeros() as u64);
    if size > MAX_BITS {
        return Ok(None);
    }
    ctx.fuel.spend(k * (size / 64 + 1) + 1)?;
    let top = range_product(n - k + 1, n);
    Ok(Some(BigInt::from(top / range_product(1, k))))
}

/// Euler's totient of a small number.
pub fn totient(n: u64) -> u64 {
    let (mut rest, mut result, mut p) = (n, n, 2);
    while p * p <= rest {
        if rest % p == 0 {
            while rest % p == 0 {
                rest /= p;
            }
            result -= result / p;
        }
        p += 1;
    }
    if rest > 1 {
        result -= result / rest;
    }
    result
}

/// Least common multiple, capped so that it cannot overflow.
pub fn lcm_capped(a: u64, b: u64) -> u64 {
    (a / a.gcd(&b).max(1)).saturating_mul(b).min(1 << 32)
}

/// The residue of floor division, with the divisor's sign.
pub fn modulo(a: &BigInt, b: &BigInt) -> Option<BigInt> {
    (!b.is_zero()).then(|| a.mod_floor(b))
}
