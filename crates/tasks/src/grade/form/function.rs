//! Functions of normal forms: trigonometry through exponentials, logarithms through primes,
//! whole-number functions by value where the arguments are numbers.

use num_bigint::BigInt;
use num_integer::Integer;
use num_rational::Rational64;
use num_traits::{One, Signed, Zero};

use super::super::expr::Func;
use super::atom::{Atom, UNKNOWN};
use super::numeric::Evaluation;
use super::poly::Poly;
use super::power::{opaque, power, root};
use super::zero::{self, Tri};
use super::{Context, Fail, Form, Rat, constant};

/// Applies a function to its arguments.
pub fn apply(func: &Func, args: Vec<Form>, ctx: &mut Context) -> Result<Form, Fail> {
    let arg = |place: usize| args.get(place).cloned().ok_or(Fail::Undefined("missing argument"));
    match func {
        Func::Sin | Func::Cos | Func::Tan | Func::Cot | Func::Sec | Func::Csc => {
            trigonometric(func, &arg(0)?, ctx)
        }
        Func::Cis => turn(&arg(0)?, ctx),
        Func::Sinh | Func::Cosh | Func::Tanh => hyperbolic(func, &arg(0)?, ctx),
        Func::Arcsin | Func::Arccos | Func::Arctan | Func::Arccot | Func::Arcsec | Func::Arccsc => {
            inverse_trigonometric(func, &arg(0)?, ctx)
        }
        Func::Exp => power(&Form::euler(), &arg(0)?, ctx),
        Func::Ln => ln(&arg(0)?, ctx),
        Func::Log => {
            let (base, argument) = match args.len() {
                1 => (Form::integer(10), arg(0)?),
                _ => (arg(0)?, arg(1)?),
            };
            let top = ln(&argument, ctx)?;
            top.div(&ln(&base, ctx)?, ctx)
        }
        Func::Degrees => {
            let factor = Form::pi().scale(&Rat::new(BigInt::one(), BigInt::from(180)));
            arg(0)?.mul(&factor, ctx)
        }
        Func::Abs => abs(&arg(0)?, ctx),
        Func::Floor | Func::Ceil | Func::Round => rounding(func, &arg(0)?, ctx),
        Func::Min | Func::Max => extreme(func, args, ctx),
        Func::Gcd | Func::Lcm => whole_fold(func, args, ctx),
        Func::Mod => match (arg(0)?.as_integer(), arg(1)?.as_integer()) {
            (Some(a), Some(b)) => constant::modulo(&a, &b)
                .map(|r| Form::rational(Rat::from_integer(r)))
                .ok_or(Fail::Undefined("a remainder by zero")),
            _ => opaque("mod", args, ctx),
        },
        Func::Residue => {
            let remainder = apply(&Func::Mod, args.clone(), ctx)?;
            opaque(&format!("{UNKNOWN}residue"), vec![remainder, arg(1)?], ctx)
        }
        Func::Factorial | Func::DoubleFactorial => factorial(func, arg(0)?, ctx),
        Func::Binomial => match (arg(0)?.as_u64(), arg(1)?.as_u64()) {
            (Some(n), Some(k)) => match constant::binomial(n, k, ctx)? {
                Some(value) => Ok(Form::rational(Rat::from_integer(value))),
                None => opaque("binom", args, ctx),
            },
            (None, Some(k)) if k <= MAX_SHIFT => falling_quotient(&arg(0)?, k, ctx),
            (None, None) => {
                let rest = arg(0)?.sub(&arg(1)?, ctx)?;
                let top = factorial(&Func::Factorial, arg(0)?, ctx)?;
                let top = top.div(&factorial(&Func::Factorial, arg(1)?, ctx)?, ctx)?;
                top.div(&factorial(&Func::Factorial, rest, ctx)?, ctx)
            }
            _ => opaque("binom", args, ctx),
        },
        Func::Named(name) => opaque(&format!("{UNKNOWN}{name}"), args, ctx),
    }
}

/// `e^(i x)`.
fn turn(x: &Form, ctx: &mut Context) -> Result<Form, Fail> {
    let exponent = Form::imaginary(ctx)?.mul(x, ctx)?;
    power(&Form::euler(), &exponent, ctx)
}

fn trigonometric(func: &Func, x: &Form, ctx: &mut Context) -> Result<Form, Fail> {
    if x.as_rational().is_some_and(|r| r.is_zero()) {
        return match func {
            Func::Sin | Func::Tan => Ok(Form::integer(0)),
            Func::Cos | Func::Sec => Ok(Form::integer(1)),
            _ => Err(Fail::Undefined("a pole of a trigonometric function")),
        };
    }
    let forward = turn(x, ctx)?;
    let backward = turn(&x.neg(), ctx)?;
    let half = Rat::new(BigInt::one(), BigInt::from(2));
    let minus_i = Form::imaginary(ctx)?.neg();
    let cos = forward.add(&backward, ctx)?.scale(&half);
    let sin = forward.sub(&backward, ctx)?.mul(&minus_i, ctx)?.scale(&half);
    match func {
        Func::Sin => Ok(sin),
        Func::Cos => Ok(cos),
        Func::Tan => sin.div(&cos, ctx),
        Func::Cot => cos.div(&sin, ctx),
        Func::Sec => cos.inv(ctx),
        _ => sin.inv(ctx),
    }
}

fn hyperbolic(func: &Func, x: &Form, ctx: &mut Context) -> Result<Form, Fail> {
    let forward = power(&Form::euler(), x, ctx)?;
    let backward = power(&Form::euler(), &x.neg(), ctx)?;
    let half = Rat::new(BigInt::one(), BigInt::from(2));
    let cosh = forward.add(&backward, ctx)?.scale(&half);
    let sinh = forward.sub(&backward, ctx)?.scale(&half);
    match func {
        Func::Sinh => Ok(sinh),
        Func::Cosh => Ok(cosh),
        _ => sinh.div(&cosh, ctx),
    }
}

/// Arguments at multiples of fifteen degrees give their angle; others stay as they are.
fn inverse_trigonometric(func: &Func, x: &Form, ctx: &mut Context) -> Result<Form, Fail> {
    let half_pi = Form::pi().scale(&Rat::new(BigInt::one(), BigInt::from(2)));
    match func {
        Func::Arccot => {
            let angle = inverse_trigonometric(&Func::Arctan, x, ctx)?;
            return half_pi.sub(&angle, ctx);
        }
        Func::Arcsec => return inverse_trigonometric(&Func::Arccos, &x.inv(ctx)?, ctx),
        Func::Arccsc => return inverse_trigonometric(&Func::Arcsin, &x.inv(ctx)?, ctx),
        Func::Arccos => {
            let angle = inverse_trigonometric(&Func::Arcsin, x, ctx)?;
            return half_pi.sub(&angle, ctx);
        }
        _ => {}
    }
    let is_constant = !ctx.atoms.poly_has_variable(&x.num) && !ctx.atoms.poly_has_variable(&x.den);
    if is_constant {
        let (direct, limit) = if *func == Func::Arctan { (Func::Tan, 5) } else { (Func::Sin, 6) };
        for twelfth in -limit..=limit {
            let angle = Form::pi().scale(&Rat::new(BigInt::from(twelfth), BigInt::from(12)));
            let value = trigonometric(&direct, &angle, ctx)?;
            if zero::are_equal(&value, x, ctx)? == Tri::Yes {
                return Ok(angle);
            }
        }
    }
    let name = if *func == Func::Arctan { "arctan" } else { "arcsin" };
    odd(name, x, ctx)
}

/// An odd function of `x`, with the sign of the first coefficient taken out.
fn odd(name: &str, x: &Form, ctx: &mut Context) -> Result<Form, Fail> {
    let is_flipped = x.num.terms().next().is_some_and(|(_, c)| c.is_negative());
    if is_flipped {
        Ok(opaque(name, vec![x.neg()], ctx)?.neg())
    } else {
        opaque(name, vec![x.clone()], ctx)
    }
}

/// Natural logarithm; a product of constants becomes a sum over its primes.
pub fn ln(x: &Form, ctx: &mut Context) -> Result<Form, Fail> {
    if x.num.is_empty() {
        return Err(Fail::Undefined("the logarithm of zero"));
    }
    if !x.den.is_one() {
        let num = ln(&Form::poly(x.num.clone()), ctx)?;
        let den = ln(&Form::poly(x.den.clone()), ctx)?;
        let is_positive = |p: &Poly, ctx: &mut Context| {
            !ctx.atoms.poly_has_variable(p)
                && zero::sign(p, ctx) == Some(std::cmp::Ordering::Greater)
        };
        if is_positive(&x.num, ctx) && is_positive(&x.den, ctx) {
            return num.sub(&den, ctx);
        }
        return opaque("ln", vec![x.clone()], ctx);
    }
    let Some((coefficient, mono)) = x.num.as_single_term() else {
        return opaque("ln", vec![x.clone()], ctx);
    };
    if coefficient.is_negative() {
        return opaque("ln", vec![x.clone()], ctx);
    }
    let mut sum = ln_rational(&coefficient, ctx)?;
    for (id, exponent) in mono {
        let exponent_rat =
            Rat::new(BigInt::from(*exponent.numer()), BigInt::from(*exponent.denom()));
        let term = match ctx.atoms.get(id).clone() {
            Atom::E => Form::integer(1),
            Atom::Prime(p) => ln_rational(&Rat::from_integer(BigInt::from(p)), ctx)?,
            Atom::Pi => opaque("ln", vec![Form::pi()], ctx)?,
            Atom::Pow(base, inner)
                if base == super::atom::E && !inner.iter().any(|(id, _)| id.0 == 0) =>
            {
                Form::poly(Poly::term(Rat::one(), inner, ctx)?)
            }
            _ => return opaque("ln", vec![x.clone()], ctx),
        };
        sum = sum.add(&term.scale(&exponent_rat), ctx)?;
    }
    Ok(sum)
}

fn ln_rational(value: &Rat, ctx: &mut Context) -> Result<Form, Fail> {
    let mut sum = Poly::zero();
    for (part, sign) in [(value.numer(), 1), (value.denom(), -1)] {
        for (atom, count) in constant::factor_atoms(part.magnitude(), ctx)? {
            let base = match atom {
                Atom::Prime(p) => Poly::atom(ctx.atoms.intern(Atom::LnPrime(p))),
                Atom::Base(rest) => opaque("ln", vec![Form::poly(rest)], ctx)?.num,
                _ => return Err(Fail::Undefined("a logarithm")),
            };
            let count = Rat::from_integer(BigInt::from(i64::from(count) * sign));
            sum = sum.add(&base.scale(&count), ctx)?;
        }
    }
    Ok(Form::poly(sum))
}

fn abs(x: &Form, ctx: &mut Context) -> Result<Form, Fail> {
    let is_constant = !ctx.atoms.poly_has_variable(&x.num) && !ctx.atoms.poly_has_variable(&x.den);
    if !is_constant {
        let content = x.num.content();
        let primitive = x.scale(&content.recip());
        let is_flipped = primitive.num.terms().next().is_some_and(|(_, c)| c.is_negative());
        let inside = if is_flipped { primitive.neg() } else { primitive };
        return Ok(opaque("abs", vec![inside], ctx)?.scale(&content));
    }
    if super::power::has_zeta(&x.num, ctx) || super::power::has_zeta(&x.den, ctx) {
        let norm = squared_modulus(&x.num, ctx)?.div(&squared_modulus(&x.den, ctx)?, ctx)?;
        return root(&norm, 2, ctx);
    }
    match zero::form_sign(x, ctx) {
        Some(std::cmp::Ordering::Less) => Ok(x.neg()),
        Some(_) => Ok(x.clone()),
        None => Err(Fail::Undefined("the absolute value of a number of unknown sign")),
    }
}

/// `re^2 + im^2` of a sum whose only complex atom is `i`.
fn squared_modulus(poly: &Poly, ctx: &mut Context) -> Result<Form, Fail> {
    let (mut re, mut im) = (Poly::zero(), Poly::zero());
    for (mono, coefficient) in poly.terms() {
        let (unity, real): (Vec<_>, Vec<_>) =
            mono.iter().partition(|(id, _)| matches!(ctx.atoms.get(*id), Atom::Zeta));
        let term = Poly::term(coefficient.clone(), real, ctx)?;
        match unity.first() {
            None => re = re.add(&term, ctx)?,
            Some((_, e)) if *e == Rational64::new(1, 4) => im = im.add(&term, ctx)?,
            Some(_) => return Err(Fail::Undefined("the absolute value of a complex number")),
        }
    }
    if super::power::has_zeta(&re, ctx) || super::power::has_zeta(&im, ctx) {
        return Err(Fail::Undefined("the absolute value of a complex number"));
    }
    let re = re.mul(&re, ctx)?;
    let im = im.mul(&im, ctx)?;
    Ok(Form::poly(re.add(&im, ctx)?))
}

fn rounding(func: &Func, x: &Form, ctx: &mut Context) -> Result<Form, Fail> {
    let half = Rat::new(BigInt::one(), BigInt::from(2));
    let shifted = match func {
        Func::Floor => x.clone(),
        Func::Ceil => x.neg(),
        _ => x.add(&Form::rational(half), ctx)?,
    };
    let floor = if let Some(value) = shifted.as_rational() {
        Form::rational(Rat::from_integer(value.floor().to_integer()))
    } else {
        let is_constant = !ctx.atoms.poly_has_variable(&shifted.num)
            && !ctx.atoms.poly_has_variable(&shifted.den);
        let value = if is_constant { Evaluation::new(ctx, 256, 0).form(&shifted) } else { None };
        match value.filter(|v| v.im.is_none()).and_then(|v| v.re.floor()) {
            Some(value) => Form::rational(Rat::from_integer(value)),
            None => opaque("floor", vec![shifted], ctx)?,
        }
    };
    Ok(if *func == Func::Ceil { floor.neg() } else { floor })
}

fn extreme(func: &Func, args: Vec<Form>, ctx: &mut Context) -> Result<Form, Fail> {
    let values: Option<Vec<Rat>> = args.iter().map(Form::as_rational).collect();
    let best = values.and_then(|values| {
        let values = values.into_iter();
        if *func == Func::Min { values.min() } else { values.max() }
    });
    match best {
        Some(value) => Ok(Form::rational(value)),
        None => opaque(func.name(), args, ctx),
    }
}

fn whole_fold(func: &Func, args: Vec<Form>, ctx: &mut Context) -> Result<Form, Fail> {
    let values: Option<Vec<BigInt>> = args.iter().map(Form::as_integer).collect();
    let Some(values) = values.filter(|v| !v.is_empty()) else {
        return opaque(func.name(), args, ctx);
    };
    let work: u64 = values.iter().map(|v| (v.bits() / 64 + 1) * (v.bits() / 8 + 8)).sum();
    ctx.fuel.spend(work)?;
    let fold = |a: BigInt, b: BigInt| if *func == Func::Gcd { a.gcd(&b) } else { a.lcm(&b) };
    let result = values.into_iter().reduce(fold).unwrap_or_else(BigInt::zero);
    if result.bits() > super::MAX_BITS {
        return Err(Fail::TooLarge);
    }
    Ok(Form::rational(Rat::from_integer(result)))
}

/// A factorial too long to write out, as a multiple of a near one that has been met before.
fn large_factorial(n: u64, ctx: &mut Context) -> Result<Form, Fail> {
    const NEAR: u64 = 1000;
    let known = ctx.atoms.iter().find_map(|atom| match atom {
        Atom::Call(name, args) if name == "fact" => {
            args[0].as_u64().filter(|m| m.abs_diff(n) <= NEAR)
        }
        _ => None,
    });
    let base = known.unwrap_or(n);
    let whole = Form::rational(Rat::from_integer(BigInt::from(base)));
    let factorial = opaque("fact", vec![whole], ctx)?;
    ctx.fuel.spend(base.abs_diff(n) * 16)?;
    let product = |low: u64, high: u64| {
        Rat::from_integer(BigInt::from(constant::range_product(low + 1, high)))
    };
    Ok(if base <= n {
        factorial.scale(&product(base, n))
    } else {
        factorial.scale(&product(n, base).recip())
    })
}

/// The longest product written out for a shifted factorial such as `(n + 2)!`.
const MAX_SHIFT: u64 = 8;

/// `x (x - 1) ... (x - k + 1) / k!`, the binomial coefficient of any `x`.
fn falling_quotient(x: &Form, k: u64, ctx: &mut Context) -> Result<Form, Fail> {
    let mut product = Form::integer(1);
    for place in 0..k {
        let factor = x.sub(&Form::rational(Rat::from_integer(BigInt::from(place))), ctx)?;
        product = product.mul(&factor, ctx)?;
    }
    let below = Rat::from_integer(BigInt::from(constant::range_product(1, k)));
    Ok(product.scale(&below.recip()))
}

/// `(y + c)!` with a small whole `c` as `y!` times what lies between them.
fn shifted_factorial(x: Form, ctx: &mut Context) -> Result<Form, Fail> {
    let constant = x.num.terms().find(|(mono, _)| mono.is_empty()).map(|(_, c)| c.clone());
    let shift = constant.filter(|c| x.den.is_one() && c.is_integer()).map(|c| c.to_integer());
    let small = shift.and_then(|c| i64::try_from(c).ok());
    let Some(shift) = small.filter(|c| *c != 0 && c.unsigned_abs() <= MAX_SHIFT) else {
        return opaque("fact", vec![x], ctx);
    };
    let start = x.sub(&Form::integer(shift), ctx)?;
    let mut value = opaque("fact", vec![start.clone()], ctx)?;
    for place in 1..=shift.abs() {
        let step = if shift > 0 { place } else { 1 - place };
        let factor = start.add(&Form::integer(step), ctx)?;
        value = if shift > 0 { value.mul(&factor, ctx)? } else { value.div(&factor, ctx)? };
    }
    Ok(value)
}

fn factorial(func: &Func, x: Form, ctx: &mut Context) -> Result<Form, Fail> {
    if let Some(value) = x.as_rational()
        && (!value.is_integer() || value.is_negative())
    {
        return Err(Fail::Undefined("the factorial of what is not a natural number"));
    }
    if *func == Func::DoubleFactorial {
        return match x.as_u64().filter(|n| *n <= 3000) {
            Some(n) => {
                ctx.fuel.spend(n * 8 + 1)?;
                let product: BigInt = (1..=n).rev().step_by(2).map(BigInt::from).product();
                Ok(Form::rational(Rat::from_integer(product)))
            }
            None => opaque("fact2", vec![x], ctx),
        };
    }
    let value = match x.as_u64() {
        Some(n) => constant::factorial(n, ctx)?,
        None => None,
    };
    match (value, x.as_u64()) {
        (Some(value), _) => Ok(Form::rational(Rat::from_integer(value))),
        (None, Some(n)) => large_factorial(n, ctx),
        (None, None) => shifted_factorial(x, ctx),
    }
}
