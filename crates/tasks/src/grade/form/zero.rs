//! Is a normal form zero? Yes and no are proofs; numerics alone never say yes.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use num_rational::Rational64;
use num_traits::{One, Signed};

use super::atom::{Atom, UNKNOWN};
use super::numeric::{Evaluation, SAMPLES};
use super::poly::{Mono, Poly};
use super::{Context, Form, separation};

/// An answer that may be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tri {
    Yes,
    No,
    Unknown,
}

/// Precisions tried in turn on constants, in bits.
const PRECISIONS: [u64; 2] = [128, 512];
/// The longest evaluation that a separation bound may ask for.
const MAX_SEPARATION_BITS: u64 = 12_000;

/// Whether the polynomial is zero, wherever it is defined.
pub fn is_zero(poly: &Poly, ctx: &mut Context) -> Tri {
    if poly.is_empty() {
        return Tri::Yes;
    }
    if is_independent(poly, ctx) {
        return Tri::No;
    }
    if poly.len() == 1 && is_nonzero_term(poly, ctx) {
        return Tri::No;
    }
    if let Some(rest) = without_common(poly, ctx) {
        return is_zero(&rest, ctx);
    }
    if !ctx.atoms.poly_has_variable(poly) {
        return constant_is_zero(poly, ctx);
    }
    match grouped_is_zero(poly, ctx) {
        Tri::Unknown => sampled_is_zero(poly, ctx),
        known => known,
    }
}

/// Whether two forms are the same function, or the same number.
pub fn are_equal(a: &Form, b: &Form, ctx: &mut Context) -> Result<Tri, super::Fail> {
    if a == b {
        return Ok(Tri::Yes);
    }
    let left = a.num.mul(&b.den, ctx)?;
    let right = b.num.mul(&a.den, ctx)?;
    let difference = left.add(&right.neg(), ctx)?;
    Ok(is_zero(&difference, ctx))
}

/// The sign of a real constant, if it can be found.
pub fn sign(poly: &Poly, ctx: &mut Context) -> Option<Ordering> {
    if poly.is_empty() {
        return Some(Ordering::Equal);
    }
    if let Some(value) = poly.as_constant() {
        return Some(if value.is_negative() { Ordering::Less } else { Ordering::Greater });
    }
    for prec in PRECISIONS {
        let value = Evaluation::new(ctx, prec, 0).poly(poly)?;
        if value.im.is_some() {
            return None;
        }
        match value.re.sign() {
            Some(Ordering::Equal) | None => {}
            known => return known,
        }
    }
    (constant_is_zero(poly, ctx) == Tri::Yes).then_some(Ordering::Equal)
}

/// The sign of a real constant quotient.
pub fn form_sign(form: &Form, ctx: &mut Context) -> Option<Ordering> {
    let num = sign(&form.num, ctx)?;
    Some(match sign(&form.den, ctx)? {
        Ordering::Less => num.reverse(),
        _ => num,
    })
}

/// Whether a sum without cancelling terms is proof of not being zero. Products of fractional
/// powers of primes are linearly independent over the rationals (Besicovitch, 1940), also beside
/// `i`; pi is transcendental over the numbers they generate; variables are free.
fn is_independent(poly: &Poly, ctx: &Context) -> bool {
    poly.terms().all(|(mono, _)| {
        mono.iter().all(|(id, exponent)| match ctx.atoms.get(*id) {
            Atom::Var(_) | Atom::Pi => true,
            Atom::Zeta => *exponent == Rational64::new(1, 4),
            Atom::Prime(_) => *exponent < Rational64::one() && exponent.is_positive(),
            Atom::Call(name, _) => name.starts_with(UNKNOWN),
            _ => false,
        })
    })
}

fn constant_is_zero(poly: &Poly, ctx: &mut Context) -> Tri {
    let refuted = |prec: u64, ctx: &mut Context| {
        Evaluation::new(ctx, prec, 0).poly(poly).is_some_and(|value| value.is_nonzero())
    };
    if refuted(PRECISIONS[0], ctx) {
        return Tri::No;
    }
    if let Some(groups) = by_transcendentals(poly, ctx)
        && groups.iter().all(|group| is_zero(group, ctx) == Tri::Yes)
    {
        return Tri::Yes;
    }
    let Some(bound) = separation::bits(poly, ctx) else {
        return if refuted(PRECISIONS[1], ctx) { Tri::No } else { Tri::Unknown };
    };
    if bound > MAX_SEPARATION_BITS {
        return if refuted(PRECISIONS[1], ctx) { Tri::No } else { Tri::Unknown };
    }
    let prec = bound + poly.bits() + 128;
    match Evaluation::new(ctx, prec, 0).poly(poly) {
        Some(value) if value.is_nonzero() => Tri::No,
        Some(value) if value.is_below(-(bound as i64)) => Tri::Yes,
        _ => Tri::Unknown,
    }
}

/// The algebraic coefficients of the powers of pi and e, if there are any: where all vanish, the
/// sum does.
fn by_transcendentals(poly: &Poly, ctx: &mut Context) -> Option<Vec<Poly>> {
    let mut groups: BTreeMap<Mono, Poly> = BTreeMap::new();
    for (mono, coefficient) in poly.terms() {
        let (power, rest): (Mono, Mono) =
            mono.iter().partition(|(id, _)| matches!(ctx.atoms.get(*id), Atom::Pi | Atom::E));
        let term = Poly::term(coefficient.clone(), rest, ctx).ok()?;
        let slot = groups.entry(power).or_insert_with(Poly::zero);
        *slot = slot.add(&term, ctx).ok()?;
    }
    let is_split = groups.keys().any(|power| !power.is_empty());
    is_split.then(|| groups.into_values().collect())
}

/// A product of powers is zero only where a factor is, and these are not, or not everywhere.
fn is_nonzero_term(poly: &Poly, ctx: &Context) -> bool {
    poly.terms().all(|(mono, _)| {
        mono.iter().all(|(id, _)| match ctx.atoms.get(*id) {
            Atom::Pi | Atom::E | Atom::Zeta | Atom::Prime(_) | Atom::LnPrime(_) => true,
            Atom::Var(_) | Atom::Pow(..) => true,
            Atom::Call(name, _) => name == "fact" || name == "fact2" || name.starts_with(UNKNOWN),
            Atom::Base(_) => false,
        })
    })
}

/// The sum without the powers that all its terms share, where those are not zero.
fn without_common(poly: &Poly, ctx: &mut Context) -> Option<Poly> {
    let mut terms = poly.terms();
    let (first, _) = terms.next()?;
    let mut common: Mono = first.clone();
    for (mono, _) in terms {
        common.retain(|power| mono.contains(power));
    }
    common.retain(|(id, _)| match ctx.atoms.get(*id) {
        Atom::Call(name, _) => name == "fact" || name == "fact2",
        _ => false,
    });
    if common.is_empty() {
        return None;
    }
    let mut rest = Poly::zero();
    for (mono, coefficient) in poly.terms() {
        let mono = mono.iter().filter(|power| !common.contains(power)).copied().collect();
        let term = Poly::term(coefficient.clone(), mono, ctx).ok()?;
        rest = rest.add(&term, ctx).ok()?;
    }
    Some(rest)
}

/// Splits every term into its variable and its constant part. All coefficients zero means zero;
/// one that is not means not zero, if the variable parts are free.
fn grouped_is_zero(poly: &Poly, ctx: &mut Context) -> Tri {
    let mut groups: BTreeMap<Mono, Poly> = BTreeMap::new();
    for (mono, coefficient) in poly.terms() {
        let (variable, constant): (Mono, Mono) =
            mono.iter().partition(|(id, _)| ctx.atoms.has_variable(*id));
        let Ok(term) = Poly::term(coefficient.clone(), constant, ctx) else {
            return Tri::Unknown;
        };
        let slot = groups.entry(variable).or_insert_with(Poly::zero);
        match slot.add(&term, ctx) {
            Ok(sum) => *slot = sum,
            Err(_) => return Tri::Unknown,
        }
    }
    let is_free = groups.keys().all(|mono| {
        mono.iter().all(|(id, _)| match ctx.atoms.get(*id) {
            Atom::Var(_) => true,
            Atom::Call(name, _) => name.starts_with(UNKNOWN),
            _ => false,
        })
    });
    let mut all_zero = true;
    for group in groups.values() {
        match is_zero(group, ctx) {
            Tri::Yes => {}
            Tri::No if is_free => return Tri::No,
            _ => all_zero = false,
        }
    }
    if all_zero { Tri::Yes } else { Tri::Unknown }
}

fn sampled_is_zero(poly: &Poly, ctx: &mut Context) -> Tri {
    for sample in 0..SAMPLES {
        let value = Evaluation::new(ctx, PRECISIONS[0], sample).poly(poly);
        if value.is_some_and(|value| value.is_nonzero()) {
            return Tri::No;
        }
    }
    Tri::Unknown
}
