//! Polynomials over atoms: a map from monomials to rational coefficients, no coefficient zero.

use std::collections::BTreeMap;

use num_bigint::BigInt;
use num_integer::Integer;
use num_rational::Rational64;
use num_traits::{CheckedAdd, CheckedMul, One, Signed, ToPrimitive, Zero};

use super::atom::{Atom, AtomId};
use super::{Context, Exponent, Fail, MAX_BITS, Rat, bits, rational};

/// Atoms with their exponents, sorted by atom, no exponent zero.
pub type Mono = Vec<(AtomId, Exponent)>;

/// Work charged for one product of two terms, beside the size of its coefficients.
const TERM_COST: u64 = 30;
/// Work charged for applying the relations of the atoms to one term.
const REDUCTION_COST: u64 = 60;
/// More terms than this in one polynomial end the attempt.
const MAX_TERMS: usize = 20_000;

/// A sum of terms.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Poly {
    terms: BTreeMap<Mono, Rat>,
}

impl Poly {
    /// The empty sum.
    pub fn zero() -> Poly {
        Poly { terms: BTreeMap::new() }
    }

    /// The constant one.
    pub fn one() -> Poly {
        Poly::constant(Rat::one())
    }

    /// A rational constant.
    pub fn constant(value: Rat) -> Poly {
        let mut poly = Poly::zero();
        if !value.is_zero() {
            poly.terms.insert(Mono::new(), value);
        }
        poly
    }

    /// A single atom.
    pub fn atom(id: AtomId) -> Poly {
        Poly { terms: BTreeMap::from([(vec![(id, Exponent::one())], Rat::one())]) }
    }

    /// A reduced term: relations between atoms are applied.
    pub fn term(coefficient: Rat, mono: Mono, ctx: &mut Context) -> Result<Poly, Fail> {
        reduce(coefficient, mono, ctx)
    }

    /// Terms in the order of their monomials.
    pub fn terms(&self) -> impl Iterator<Item = (&Mono, &Rat)> {
        self.terms.iter()
    }

    /// Number of terms.
    pub fn len(&self) -> usize {
        self.terms.len()
    }

    /// Whether there are no terms, which means zero.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Whether this is the constant one.
    pub fn is_one(&self) -> bool {
        self.terms.len() == 1
            && self.terms.iter().next().is_some_and(|(m, c)| m.is_empty() && c.is_one())
    }

    /// The rational this is, if it is one.
    pub fn as_constant(&self) -> Option<Rat> {
        match self.terms.len() {
            0 => Some(Rat::zero()),
            1 => self.terms.get(&Mono::new()).cloned(),
            _ => None,
        }
    }

    /// The only term, if there is just one.
    pub fn as_single_term(&self) -> Option<(Rat, Mono)> {
        if self.terms.len() != 1 {
            return None;
        }
        self.terms.iter().next().map(|(m, c)| (c.clone(), m.clone()))
    }

    /// Adds one reduced term in place.
    fn insert(&mut self, mono: Mono, coefficient: Rat) {
        use std::collections::btree_map::Entry;
        match self.terms.entry(mono) {
            Entry::Vacant(slot) => {
                slot.insert(coefficient);
            }
            Entry::Occupied(mut slot) => {
                rational::accumulate(slot.get_mut(), &coefficient);
                if slot.get().is_zero() {
                    slot.remove();
                }
            }
        }
    }

    /// Sum.
    pub fn add(&self, other: &Poly, ctx: &mut Context) -> Result<Poly, Fail> {
        let (mut sum, less) =
            if self.len() >= other.len() { (self.clone(), other) } else { (other.clone(), self) };
        ctx.fuel.spend(10 * sum.len() as u64)?;
        for (mono, coefficient) in less.terms() {
            let work = match sum.terms.get(mono) {
                Some(known) => rational::work(known, coefficient),
                None => 0,
            };
            ctx.fuel.spend(TERM_COST + work)?;
            sum.insert(mono.clone(), coefficient.clone());
        }
        sum.restore_huge_powers(ctx)
    }

    /// Opposite.
    pub fn neg(&self) -> Poly {
        Poly { terms: self.terms.iter().map(|(m, c)| (m.clone(), -c)).collect() }
    }

    /// Multiplies every coefficient.
    pub fn scale(&self, by: &Rat) -> Poly {
        if by.is_zero() {
            return Poly::zero();
        }
        Poly {
            terms: self.terms.iter().map(|(m, c)| (m.clone(), rational::product(c, by))).collect(),
        }
    }

    /// Product.
    pub fn mul(&self, other: &Poly, ctx: &mut Context) -> Result<Poly, Fail> {
        if self.is_one() {
            return Ok(other.clone());
        }
        if other.is_one() {
            return Ok(self.clone());
        }
        let mut product = Poly::zero();
        for (mono_a, a) in self.terms() {
            for (mono_b, b) in other.terms() {
                // The product and its addition to the sum.
                ctx.fuel.spend(TERM_COST + 2 * rational::work(a, b))?;
                let mono = multiply_monomials(mono_a, mono_b)?;
                if needs_no_reduction(&mono, ctx) {
                    product.insert(mono, rational::product(a, b));
                } else {
                    for (mono, c) in reduce(rational::product(a, b), mono, ctx)?.terms {
                        product.insert(mono, c);
                    }
                }
            }
            if product.len() > MAX_TERMS {
                return Err(Fail::TooLarge);
            }
        }
        Ok(product)
    }

    /// Non-negative integer power by squaring.
    pub fn pow(&self, mut exponent: u64, ctx: &mut Context) -> Result<Poly, Fail> {
        let mut result = Poly::one();
        let mut square = self.clone();
        while exponent > 0 {
            if exponent & 1 == 1 {
                result = result.mul(&square, ctx)?;
            }
            exponent >>= 1;
            if exponent > 0 {
                square = square.mul(&square, ctx)?;
            }
            if result.bits() > MAX_BITS || square.bits() > MAX_BITS {
                return Err(Fail::TooLarge);
            }
        }
        Ok(result)
    }

    /// Bits of the largest coefficient.
    pub fn bits(&self) -> u64 {
        self.terms.values().map(bits).max().unwrap_or(0)
    }

    /// The positive rational that leaves coprime integer coefficients when divided out.
    pub fn content(&self) -> Rat {
        let mut numer = BigInt::zero();
        let mut denom = BigInt::one();
        for coefficient in self.terms.values() {
            numer = numer.gcd(coefficient.numer());
            denom = denom.lcm(coefficient.denom());
        }
        if numer.is_zero() { Rat::one() } else { Rat::new(numer, denom) }
    }

    /// Adding may give a coefficient that holds factors of a prime kept to a huge power; they
    /// move into the exponent, so that `2 * 2^n` and `2^(n + 1)` stay the same term.
    fn restore_huge_powers(self, ctx: &mut Context) -> Result<Poly, Fail> {
        let is_huge = |(_, e): &(AtomId, Exponent)| e.to_integer().abs() > 1;
        let suspicious =
            self.terms.keys().any(|m| m.iter().any(|t| is_huge(t) && is_prime(t.0, ctx)));
        if !suspicious {
            return Ok(self);
        }
        let mut result = Poly::zero();
        let mut is_changed = false;
        for (mono, coefficient) in self.terms {
            let before = mono.clone();
            for (mono, c) in reduce(coefficient, mono, ctx)?.terms {
                is_changed |= mono != before;
                result.insert(mono, c);
            }
        }
        if is_changed { result.restore_huge_powers(ctx) } else { Ok(result) }
    }
}

/// An exponent whose parts are small enough that no later step on it can overflow.
pub fn bounded(exponent: Option<Exponent>) -> Result<Exponent, Fail> {
    const LIMIT: i64 = 1 << 30;
    match exponent {
        Some(e) if e.numer().abs() <= LIMIT && *e.denom() <= LIMIT => Ok(e),
        _ => Err(Fail::TooLarge),
    }
}

/// A rational as an exponent, if it is small enough.
pub fn exponent_from(value: &Rat) -> Result<Exponent, Fail> {
    match (value.numer().to_i64(), value.denom().to_i64()) {
        (Some(numer), Some(denom)) => bounded(Some(Exponent::new_raw(numer, denom))),
        _ => Err(Fail::TooLarge),
    }
}

fn is_prime(id: AtomId, ctx: &Context) -> bool {
    matches!(ctx.atoms.get(id), Atom::Prime(_))
}

/// Product of two monomials, before relations are applied.
pub fn multiply_monomials(a: &Mono, b: &Mono) -> Result<Mono, Fail> {
    let mut product = Mono::with_capacity(a.len() + b.len());
    let (mut i, mut j) = (0, 0);
    while i < a.len() && j < b.len() {
        match a[i].0.cmp(&b[j].0) {
            std::cmp::Ordering::Less => {
                product.push(a[i]);
                i += 1;
            }
            std::cmp::Ordering::Greater => {
                product.push(b[j]);
                j += 1;
            }
            std::cmp::Ordering::Equal => {
                let exponent = bounded(a[i].1.checked_add(&b[j].1))?;
                if !exponent.is_zero() {
                    product.push((a[i].0, exponent));
                }
                i += 1;
                j += 1;
            }
        }
    }
    product.extend_from_slice(&a[i..]);
    product.extend_from_slice(&b[j..]);
    Ok(product)
}

/// Raises every exponent of a monomial, before relations are applied.
pub fn monomial_power(mono: &Mono, exponent: &Exponent) -> Result<Mono, Fail> {
    if exponent.is_zero() {
        return Ok(Mono::new());
    }
    mono.iter().map(|(id, e)| Ok((*id, bounded(e.checked_mul(exponent))?))).collect()
}

/// The reciprocal of a monomial as numerator and denominator: a root of a sum is rationalised, so
/// that only its positive fractional powers occur.
pub fn invert_monomial(mono: &Mono, ctx: &mut Context) -> Result<(Poly, Poly), Fail> {
    let mut inverted = Mono::new();
    let mut den = Poly::one();
    for (id, exponent) in mono {
        if let Atom::Base(base) = ctx.atoms.get(*id) {
            let base = base.clone();
            inverted.push((*id, Exponent::one() - exponent));
            den = den.mul(&base, ctx)?;
        } else {
            inverted.push((*id, -exponent));
        }
    }
    Ok((reduce(Rat::one(), inverted, ctx)?, den))
}

fn needs_no_reduction(mono: &Mono, ctx: &Context) -> bool {
    mono.iter().all(|(id, exponent)| match ctx.atoms.get(*id) {
        Atom::Zeta => *exponent < Rational64::new(1, 2) && !exponent.is_negative(),
        Atom::Prime(_) | Atom::Base(_) => *exponent < Exponent::one() && !exponent.is_negative(),
        _ => true,
    })
}

/// Applies the relations of the atoms to one term.
fn reduce(mut coefficient: Rat, mono: Mono, ctx: &mut Context) -> Result<Poly, Fail> {
    if coefficient.is_zero() {
        return Ok(Poly::zero());
    }
    ctx.fuel.spend(REDUCTION_COST + 10 * mono.len() as u64)?;
    let mut reduced = Mono::with_capacity(mono.len());
    let mut expansions: Vec<(Poly, u64)> = Vec::new();
    for (id, exponent) in mono {
        let rest = match ctx.atoms.get(id) {
            Atom::Zeta => reduce_zeta(exponent, &mut coefficient),
            Atom::Prime(p) => {
                let p = BigInt::from(p.clone());
                reduce_prime(&p, exponent, &mut coefficient, ctx)?
            }
            Atom::Base(base) => {
                let whole = exponent.floor();
                if whole.is_positive() {
                    let power = whole.to_integer().to_u64().ok_or(Fail::TooLarge)?;
                    expansions.push((base.clone(), power));
                }
                if whole.is_positive() { exponent - whole } else { exponent }
            }
            _ => exponent,
        };
        if !rest.is_zero() {
            reduced.push((id, rest));
        }
    }
    let mut result = Poly { terms: BTreeMap::from([(reduced, coefficient)]) };
    for (base, power) in expansions {
        let factor = base.pow(power, ctx)?;
        result = result.mul(&factor, ctx)?;
    }
    Ok(result)
}

fn reduce_zeta(exponent: Exponent, coefficient: &mut Rat) -> Exponent {
    let turn = exponent - exponent.floor();
    let half = Rational64::new(1, 2);
    if turn >= half {
        *coefficient = -coefficient.clone();
        turn - half
    } else {
        turn
    }
}

/// Moves the integer part of a prime's exponent into the coefficient, unless the number would be
/// too long; then the other way round, so that the form stays unique.
fn reduce_prime(
    p: &BigInt,
    exponent: Exponent,
    coefficient: &mut Rat,
    ctx: &mut Context,
) -> Result<Exponent, Fail> {
    let whole = exponent.floor().to_integer();
    if whole == 0 {
        return Ok(exponent);
    }
    let size = whole.unsigned_abs().saturating_mul(p.bits());
    if size <= MAX_BITS {
        ctx.fuel.spend(size / 16 + 1)?;
        let power = Rat::from_integer(p.pow(whole.unsigned_abs() as u32));
        if whole > 0 {
            *coefficient *= power
        } else {
            *coefficient /= power
        }
        return Ok(exponent - Exponent::from_integer(whole));
    }
    let (mut numer, mut denom) = coefficient.clone().into();
    let mut moved = 0i64;
    while (&numer % p).is_zero() {
        ctx.fuel.spend(numer.bits() / 8 + 8)?;
        numer /= p;
        moved += 1;
    }
    while (&denom % p).is_zero() {
        ctx.fuel.spend(denom.bits() / 8 + 8)?;
        denom /= p;
        moved -= 1;
    }
    *coefficient = Rat::new(numer, denom);
    let moved = bounded(exponent.checked_add(&Exponent::from_integer(moved)))?;
    if moved.floor().to_integer().unsigned_abs().saturating_mul(p.bits()) <= MAX_BITS {
        return reduce_prime(p, moved, coefficient, ctx);
    }
    Ok(moved)
}
