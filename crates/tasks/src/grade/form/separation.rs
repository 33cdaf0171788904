//! How far from zero an algebraic number must lie when it is not zero.
//!
//! A non-zero algebraic integer of degree at most `D` whose conjugates are all below `U` is at
//! least `U^-(D-1)`, because the product of its conjugates is a non-zero integer. (The bound of
//! Burnikel, Fleischer, Mehlhorn and Schirra, 2001, without its refinements.)

use std::collections::BTreeMap;

use num_integer::Integer;
use num_rational::Rational64;
use num_traits::ToPrimitive;

use super::Context;
use super::atom::{Atom, AtomId};
use super::constant::{lcm_capped, totient};
use super::poly::Poly;

/// Degrees beyond this would ask for too many digits.
const MAX_DEGREE: u64 = 1 << 12;

/// `b` such that the constant is zero or at least `2^-b` in absolute value; `None` when a part is
/// not known to be algebraic, or the bound would be useless.
pub fn bits(poly: &Poly, ctx: &Context) -> Option<u64> {
    let mut orders: BTreeMap<AtomId, u64> = BTreeMap::new();
    collect(poly, ctx, &mut orders, 0)?;
    let mut degree = 1u64;
    for (id, order) in &orders {
        let factor = match ctx.atoms.get(*id) {
            Atom::Zeta => totient(*order),
            _ => *order,
        };
        degree = degree.checked_mul(factor).filter(|d| *d <= MAX_DEGREE)?;
    }
    let mut denominator = num_bigint::BigInt::from(1);
    for (_, coefficient) in poly.terms() {
        denominator = denominator.lcm(coefficient.denom());
    }
    let scale = denominator.bits() as f64;
    let size = log2_bound(poly, ctx)? + scale;
    let bits = (degree - 1) as f64 * size.max(1.0) + scale + 4.0;
    bits.ceil().to_u64()
}

/// The least common denominator of each atom's exponents, atoms inside roots included.
fn collect(
    poly: &Poly,
    ctx: &Context,
    orders: &mut BTreeMap<AtomId, u64>,
    depth: u32,
) -> Option<()> {
    if depth > 16 {
        return None;
    }
    for (mono, _) in poly.terms() {
        for (id, exponent) in mono {
            if exponent.numer() < &0 {
                return None;
            }
            match ctx.atoms.get(*id) {
                Atom::Zeta | Atom::Prime(_) => {}
                Atom::Base(inner) => {
                    if inner.terms().any(|(_, c)| !c.is_integer()) {
                        return None;
                    }
                    collect(inner, ctx, orders, depth + 1)?;
                }
                _ => return None,
            }
            let order = orders.entry(*id).or_insert(1);
            *order = lcm_capped(*order, *exponent.denom() as u64);
        }
    }
    Some(())
}

/// Upper bound of the logarithm of every conjugate's absolute value, coefficients as they are.
fn log2_bound(poly: &Poly, ctx: &Context) -> Option<f64> {
    let mut largest = 0f64;
    for (mono, coefficient) in poly.terms() {
        let mut size = coefficient.numer().bits() as f64;
        for (id, exponent) in mono {
            let base = match ctx.atoms.get(*id) {
                Atom::Zeta => 0.0,
                Atom::Prime(p) => p.bits() as f64,
                Atom::Base(inner) => log2_bound(inner, ctx)?,
                _ => return None,
            };
            size += base * as_f64(exponent);
        }
        largest = largest.max(size);
    }
    Some(largest + (poly.len() as f64).log2() + 0.01)
}

fn as_f64(exponent: &Rational64) -> f64 {
    *exponent.numer() as f64 / *exponent.denom() as f64 + 1e-9
}
