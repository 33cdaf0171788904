//! Powers and roots of normal forms.

use num_bigint::BigInt;
use num_rational::Rational64;
use num_traits::{One, Signed, ToPrimitive, Zero};

use super::atom::{Atom, AtomId, E, PI, ZETA};
use super::constant::{exact_root, rational_power};
use super::poly::{Mono, Poly, bounded, exponent_from, monomial_power};
use super::zero::{self, Tri};
use super::{Context, Exponent, Fail, Form, MAX_BITS, Rat, bits};

/// Roots of a higher degree than this are refused.
const MAX_DEGREE: u64 = 1 << 20;

impl Form {
    /// The base of natural logarithms.
    pub fn euler() -> Form {
        Form::poly(Poly::atom(E))
    }

    /// The circle constant.
    pub fn pi() -> Form {
        Form::poly(Poly::atom(PI))
    }

    /// A variable.
    pub fn variable(name: &str, ctx: &mut Context) -> Form {
        let id = ctx.atoms.intern(Atom::Var(name.to_owned()));
        Form::poly(Poly::atom(id))
    }

    /// The root of unity at `turns` turns; those whose order divides 24 are written with square
    /// roots, which makes them comparable with other surds.
    pub fn unity_root(turns: Exponent, ctx: &mut Context) -> Result<Form, Fail> {
        let turns = turns - turns.floor();
        let order = *turns.denom();
        if 24 % order != 0 || 4 % order == 0 {
            let term = Poly::term(Rat::one(), vec![(ZETA, turns)], ctx)?;
            return Ok(Form::poly(term));
        }
        // turns = a/3 + b/8 with whole a and b, since 3 and 8 are coprime.
        let twentyfourths = (turns * 24).to_integer();
        let (a, b) = ((twentyfourths * 2).rem_euclid(3), (twentyfourths * 3).rem_euclid(8));
        // 24t = 8a + 3b mod 24: a = 24t * 8^-1 mod 3 = 2 * 24t, b = 24t * 3^-1 mod 8 = 3 * 24t.
        let third = {
            let sqrt3 = root(&Form::integer(3), 2, ctx)?;
            let i = Form::imaginary(ctx)?;
            let imaginary = i.mul(&sqrt3, ctx)?;
            Form::integer(-1).add(&imaginary, ctx)?.scale(&half())
        };
        let eighth = {
            let sqrt2 = root(&Form::integer(2), 2, ctx)?;
            let sum = Form::integer(1).add(&Form::imaginary(ctx)?, ctx)?;
            sum.mul(&sqrt2, ctx)?.scale(&half())
        };
        let third = third.num.pow(a as u64, ctx)?;
        let eighth = eighth.num.pow(b as u64, ctx)?;
        Ok(Form::poly(third.mul(&eighth, ctx)?))
    }

    /// The imaginary unit.
    pub fn imaginary(ctx: &mut Context) -> Result<Form, Fail> {
        let term = Poly::term(Rat::one(), vec![(ZETA, Rational64::new(1, 4))], ctx)?;
        Ok(Form::poly(term))
    }
}

fn half() -> Rat {
    Rat::new(BigInt::one(), BigInt::from(2))
}

/// `base^exponent` for any two forms.
pub fn power(base: &Form, exponent: &Form, ctx: &mut Context) -> Result<Form, Fail> {
    if let Some(value) = exponent.as_rational() {
        return rational_exponent(base, &value, ctx);
    }
    if zero::is_zero(&base.num, ctx) == Tri::Yes {
        return Err(Fail::Undefined("zero to a power that is not a number"));
    }
    if !exponent.den.is_one() {
        return opaque("pow", vec![base.clone(), exponent.clone()], ctx);
    }
    let mut result = Form::integer(1);
    for (mono, coefficient) in
        exponent.num.terms().map(|(m, c)| (m.clone(), c.clone())).collect::<Vec<_>>()
    {
        let factor = if mono.is_empty() {
            rational_exponent(base, &coefficient, ctx)?
        } else {
            monomial_exponent(base, &mono, &coefficient, ctx)?
        };
        result = result.mul(&factor, ctx)?;
    }
    Ok(result)
}

fn rational_exponent(base: &Form, exponent: &Rat, ctx: &mut Context) -> Result<Form, Fail> {
    if exponent.is_zero() {
        return match zero::is_zero(&base.num, ctx) {
            Tri::No => Ok(Form::integer(1)),
            _ => Err(Fail::Undefined("zero to the power of zero")),
        };
    }
    if exponent_from(exponent).is_err() {
        return large_exponent(base, exponent, ctx);
    }
    let degree = exponent.denom().to_u64().ok_or(Fail::TooLarge)?;
    let rooted = root(base, degree, ctx)?;
    let whole = exponent.numer().abs().to_u64().ok_or(Fail::TooLarge)?;
    let raised = whole_power(&rooted, whole, ctx)?;
    if exponent.is_negative() { raised.inv(ctx) } else { Ok(raised) }
}

/// A power whose exponent is too large to work with: of a positive constant it stays a symbol
/// that still has a value.
fn large_exponent(base: &Form, exponent: &Rat, ctx: &mut Context) -> Result<Form, Fail> {
    let has_variable =
        ctx.atoms.poly_has_variable(&base.num) || ctx.atoms.poly_has_variable(&base.den);
    if has_variable || has_zeta(&base.num, ctx) || has_zeta(&base.den, ctx) {
        return Err(Fail::TooLarge);
    }
    if zero::form_sign(base, ctx) != Some(std::cmp::Ordering::Greater) {
        return Err(Fail::TooLarge);
    }
    opaque("pow", vec![base.clone(), Form::rational(exponent.clone())], ctx)
}

/// Positive integer power.
fn whole_power(base: &Form, exponent: u64, ctx: &mut Context) -> Result<Form, Fail> {
    let power_poly = |poly: &Poly, ctx: &mut Context| -> Result<Poly, Fail> {
        let Some((coefficient, mono)) = poly.as_single_term() else {
            return poly.pow(exponent, ctx);
        };
        let exponent = bounded(i64::try_from(exponent).ok().map(Exponent::from_integer))?;
        let mono = monomial_power(&mono, &exponent)?;
        let term = Poly::term(Rat::one(), mono, ctx)?;
        let size = bits(&coefficient).saturating_mul(exponent.numer().unsigned_abs());
        if coefficient.is_one() {
            return Ok(term);
        }
        if size <= MAX_BITS {
            ctx.fuel.spend(size / 16)?;
            let power = coefficient.pow(exponent.to_integer() as i32);
            return Ok(term.scale(&power));
        }
        let magnitude = rational_power(&coefficient.abs(), exponent, ctx)?;
        let is_odd = exponent.to_integer() % 2 != 0;
        let power = magnitude.mul(&term, ctx)?;
        Ok(if coefficient.is_negative() && is_odd { power.neg() } else { power })
    };
    if base.num.is_empty() {
        return Ok(base.clone());
    }
    Ok(Form { num: power_poly(&base.num, ctx)?, den: power_poly(&base.den, ctx)? })
}

/// `base^(coefficient * mono)` where `mono` is not one.
fn monomial_exponent(
    base: &Form,
    mono: &Mono,
    coefficient: &Rat,
    ctx: &mut Context,
) -> Result<Form, Fail> {
    let Ok(exponent) = exponent_from(coefficient) else {
        let exponent = Form::poly(Poly::term(coefficient.clone(), mono.clone(), ctx)?);
        return opaque("pow", vec![base.clone(), exponent], ctx);
    };
    let Some((scalar, parts)) = base.num.as_single_term().filter(|_| base.den.is_one()) else {
        if !base.den.is_one() {
            let num = Form::poly(base.num.clone());
            let den = Form::poly(base.den.clone());
            let num = monomial_exponent(&num, mono, coefficient, ctx)?;
            let den = monomial_exponent(&den, mono, coefficient, ctx)?;
            return num.div(&den, ctx);
        }
        let id = ctx.atoms.intern(Atom::Base(base.num.clone()));
        return power_atom(id, Exponent::one(), mono, exponent, ctx);
    };
    let mut result = Form::integer(1);
    let magnitude = rational_factors(&scalar.abs(), ctx)?;
    let sign = scalar.is_negative().then(|| (ZETA, Rational64::new(1, 2)));
    for (id, own) in magnitude.into_iter().chain(sign).chain(parts) {
        let factor = power_atom(id, own, mono, exponent, ctx)?;
        result = result.mul(&factor, ctx)?;
    }
    Ok(result)
}

fn rational_factors(value: &Rat, ctx: &mut Context) -> Result<Mono, Fail> {
    let mut mono = Mono::new();
    for (part, sign) in [(value.numer(), 1), (value.denom(), -1)] {
        for (atom, count) in super::constant::factor_atoms(part.magnitude(), ctx)? {
            let id = ctx.atoms.intern(atom);
            mono.push((id, Exponent::from_integer(i64::from(count) * sign)));
        }
    }
    Ok(mono)
}

/// `(atom^own)^(exponent * mono)` as one atom raised to a rational, with the identities of the
/// exponential applied: `e^(i pi r)` is a root of unity and `e^(r ln p)` is `p^r`.
fn power_atom(
    id: AtomId,
    own: Exponent,
    mono: &Mono,
    exponent: Exponent,
    ctx: &mut Context,
) -> Result<Form, Fail> {
    let exponent = bounded(num_traits::CheckedMul::checked_mul(&own, &exponent))?;
    let mut mono = mono.clone();
    let mut id = id;
    if id == E {
        let is_half_turn = mono.len() == 2
            && mono[0] == (ZETA, Rational64::new(1, 4))
            && mono[1] == (PI, Exponent::one());
        if is_half_turn {
            return Form::unity_root(exponent / 2, ctx);
        }
        let log = mono
            .iter()
            .position(|(id, e)| e.is_one() && matches!(ctx.atoms.get(*id), Atom::LnPrime(_)));
        if let Some(place) = log
            && let Atom::LnPrime(p) = ctx.atoms.get(mono[place].0)
        {
            let p = p.clone();
            mono.remove(place);
            if mono.is_empty() {
                let value = Rat::from_integer(BigInt::from(p));
                return Ok(Form::poly(rational_power(&value, exponent, ctx)?));
            }
            id = ctx.atoms.intern(Atom::Prime(p));
        }
    }
    if let Atom::Pow(base, inner) = ctx.atoms.get(id) {
        let (base, inner) = (*base, inner.clone());
        mono = super::poly::multiply_monomials(&inner, &mono)?;
        id = base;
        if mono.is_empty() {
            return Ok(Form::poly(Poly::term(Rat::one(), vec![(id, exponent)], ctx)?));
        }
    }
    let atom = ctx.atoms.intern(Atom::Pow(id, mono));
    Ok(Form::poly(Poly::term(Rat::one(), vec![(atom, exponent)], ctx)?))
}

/// The `n`-th root: real for odd `n`, principal for even `n`.
pub fn root(base: &Form, n: u64, ctx: &mut Context) -> Result<Form, Fail> {
    if n == 0 || n > MAX_DEGREE {
        return Err(Fail::Undefined("a root of this degree"));
    }
    if n == 1 || base.num.is_empty() {
        return Ok(base.clone());
    }
    if base.den.is_one() {
        return root_poly(&base.num, n, ctx);
    }
    let is_constant = !ctx.atoms.poly_has_variable(&base.den);
    let sign = if is_constant { zero::sign(&base.den, ctx) } else { None };
    let (num, den) = match sign {
        Some(std::cmp::Ordering::Less) => (base.num.neg(), base.den.neg()),
        Some(_) => (base.num.clone(), base.den.clone()),
        // The root of c/d with a positive c is real only where d is positive.
        None if base.num.as_constant().is_some_and(|c| c.is_positive()) => {
            (base.num.clone(), base.den.clone())
        }
        None => return opaque("root", vec![base.clone(), Form::integer(n as i64)], ctx),
    };
    let lifted = num.mul(&den.pow(n - 1, ctx)?, ctx)?;
    let rooted = root_poly(&lifted, n, ctx)?;
    Form::poly(rooted.num).div(&Form { num: den, den: rooted.den }, ctx)
}

fn root_poly(poly: &Poly, n: u64, ctx: &mut Context) -> Result<Form, Fail> {
    if let Some((coefficient, mono)) = poly.as_single_term() {
        return root_term(coefficient, mono, n, ctx);
    }
    let content = poly.content();
    let primitive = poly.scale(&content.recip());
    let outside = root_rational(&content, n, ctx)?;
    if !ctx.atoms.poly_has_variable(&primitive) && !has_zeta(&primitive, ctx) {
        match zero::sign(&primitive, ctx) {
            Some(std::cmp::Ordering::Greater) => {}
            Some(std::cmp::Ordering::Less) => {
                let inside = base_root(primitive.neg(), n, ctx)?;
                let signed = inside.mul(&negative_root(n, ctx)?, ctx)?;
                return outside.mul(&signed, ctx);
            }
            Some(std::cmp::Ordering::Equal) => return Ok(Form::integer(0)),
            None => return Err(Fail::Undefined("a root of a number of unknown sign")),
        }
    }
    outside.mul(&base_root(primitive, n, ctx)?, ctx)
}

fn base_root(poly: Poly, n: u64, ctx: &mut Context) -> Result<Form, Fail> {
    let id = ctx.atoms.intern(Atom::Base(poly));
    let term = Poly::term(Rat::one(), vec![(id, Rational64::new(1, n as i64))], ctx)?;
    Ok(Form::poly(term))
}

/// The chosen `n`-th root of minus one.
fn negative_root(n: u64, ctx: &mut Context) -> Result<Form, Fail> {
    if n % 2 == 1 {
        return Ok(Form::integer(-1));
    }
    Form::unity_root(Rational64::new(1, 2 * n as i64), ctx)
}

fn root_rational(value: &Rat, n: u64, ctx: &mut Context) -> Result<Form, Fail> {
    let magnitude = value.abs();
    let rooted = match exact_root(&magnitude, n as u32, ctx)? {
        Some(root) => Form::rational(root),
        None => Form::poly(rational_power(&magnitude, Rational64::new(1, n as i64), ctx)?),
    };
    if value.is_negative() { rooted.mul(&negative_root(n, ctx)?, ctx) } else { Ok(rooted) }
}

fn root_term(coefficient: Rat, mono: Mono, n: u64, ctx: &mut Context) -> Result<Form, Fail> {
    // Atoms with a positive value can leave the root one by one; the rest stays inside together.
    let mut outside = Mono::new();
    let mut inside = Mono::new();
    let mut turns = Exponent::zero();
    for (id, exponent) in mono {
        match ctx.atoms.get(id) {
            Atom::Pi | Atom::E | Atom::Prime(_) | Atom::LnPrime(_) => outside.push((id, exponent)),
            Atom::Base(base) if is_positive_base(base, ctx) => outside.push((id, exponent)),
            Atom::Zeta => turns = exponent,
            _ => inside.push((id, exponent)),
        }
    }
    let degree = Rational64::new(1, n as i64);
    let outside = Poly::term(Rat::one(), monomial_power(&outside, &degree)?, ctx)?;
    let mut result = root_rational(&coefficient.abs(), n, ctx)?.mul(&Form::poly(outside), ctx)?;
    if inside.is_empty() {
        if turns.is_zero() && coefficient.is_negative() {
            return result.mul(&negative_root(n, ctx)?, ctx);
        }
        if !turns.is_zero() {
            // Principal branch: the argument lies in (-1/2, 1/2] turns before it is divided.
            let turns =
                if coefficient.is_negative() { turns - Rational64::new(1, 2) } else { turns };
            result = result.mul(&Form::unity_root(turns * degree, ctx)?, ctx)?;
        }
        return Ok(result);
    }
    if !turns.is_zero() || (coefficient.is_negative() && n.is_multiple_of(2)) {
        let sign = if coefficient.is_negative() { -Rat::one() } else { Rat::one() };
        let mut mono = vec![(ZETA, turns)];
        mono.retain(|(_, e)| !e.is_zero());
        mono.extend(inside);
        let term = Poly::term(sign, mono, ctx)?;
        return result.mul(&base_root(term, n, ctx)?, ctx);
    }
    if coefficient.is_negative() {
        result = result.neg();
    }
    let variables = root_variables(inside, n, ctx)?;
    result.mul(&variables, ctx)
}

fn is_positive_base(base: &Poly, ctx: &Context) -> bool {
    !ctx.atoms.poly_has_variable(base) && !has_zeta(base, ctx)
}

/// The root of a product of real variables. An odd power under an even root shows that the
/// variable is not negative; an even power leaves its absolute value.
fn root_variables(mono: Mono, n: u64, ctx: &mut Context) -> Result<Form, Fail> {
    let degree = Rational64::new(1, n as i64);
    if n % 2 == 1 {
        return Ok(Form::poly(Poly::term(Rat::one(), monomial_power(&mono, &degree)?, ctx)?));
    }
    let is_odd = |e: &Exponent| !e.is_integer() || e.numer() % 2 != 0;
    let odd: Vec<_> = mono.iter().filter(|(_, e)| is_odd(e)).copied().collect();
    if n != 2 || odd.len() > 1 {
        if mono.len() == 1 && odd.len() == 1 {
            let term = Poly::term(Rat::one(), monomial_power(&mono, &degree)?, ctx)?;
            return Ok(Form::poly(term));
        }
        let term = Poly::term(Rat::one(), mono, ctx)?;
        return base_root(term, n, ctx);
    }
    let mut result = Form::integer(1);
    for (id, exponent) in mono {
        let halved = exponent / 2;
        let factor = if is_odd(&exponent) || !is_odd(&halved) {
            Form::poly(Poly::term(Rat::one(), vec![(id, halved)], ctx)?)
        } else {
            let absolute =
                ctx.atoms.intern(Atom::Call("abs".into(), vec![Form::poly(Poly::atom(id))]));
            Form::poly(Poly::term(Rat::one(), vec![(absolute, halved)], ctx)?)
        };
        result = result.mul(&factor, ctx)?;
    }
    Ok(result)
}

/// Whether any part of the polynomial is complex.
pub fn has_zeta(poly: &Poly, ctx: &Context) -> bool {
    poly.terms().any(|(mono, _)| mono.iter().any(|(id, _)| atom_has_zeta(*id, ctx)))
}

fn atom_has_zeta(id: AtomId, ctx: &Context) -> bool {
    match ctx.atoms.get(id) {
        Atom::Zeta => true,
        Atom::Base(poly) => has_zeta(poly, ctx),
        Atom::Pow(base, mono) => {
            atom_has_zeta(*base, ctx) || mono.iter().any(|(id, _)| atom_has_zeta(*id, ctx))
        }
        Atom::Call(_, args) => args.iter().any(|f| has_zeta(&f.num, ctx) || has_zeta(&f.den, ctx)),
        _ => false,
    }
}

/// A function kept as it is.
pub fn opaque(name: &str, args: Vec<Form>, ctx: &mut Context) -> Result<Form, Fail> {
    let id = ctx.atoms.intern(Atom::Call(name.to_owned(), args));
    Ok(Form::poly(Poly::atom(id)))
}
