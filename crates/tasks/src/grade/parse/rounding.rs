//! Whether the number after an approximate sign can be a rounding of the value before it: `2/3 ≈
//! 0.67` states one answer, `42 ≈ 43` two. Floats serve here only to refuse.

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{ToPrimitive, Zero};

use super::super::expr::{Expr, Func};
use super::super::value::Value;

/// How far apart two values without a decimal may be, as a share of the first.
const TOLERANCE: f64 = 0.01;

/// Whether `rounded` says nothing that the constant `exact` does not say. What has variables or
/// no decimal value is taken as a name.
pub(super) fn is_rounding(exact: Option<&Expr>, rounded: &Value) -> bool {
    let (Some(exact), Value::Scalar { expr, unit, .. }) = (exact, rounded) else { return false };
    if exact.has_variable() {
        return true;
    }
    let scale = match unit {
        Some(unit) if unit.is_percent() => 0.01,
        Some(unit) if unit.is_degrees() => std::f64::consts::PI / 180.0,
        _ => 1.0,
    };
    let (Some(x), Some(y)) = (approximate(exact), approximate(expr)) else { return false };
    let step = match expr.as_literal() {
        Some(value) => scale * last_place(&value),
        None => x.abs() * TOLERANCE,
    };
    // Cutting digits off is rounding too.
    (x - y * scale).abs() < step * 0.999
}

/// The size of a decimal's last place that is not zero.
fn last_place(value: &BigRational) -> f64 {
    let ten = BigRational::from_integer(BigInt::from(10));
    let mut scaled = value.clone();
    let mut step = 1.0;
    while !scaled.is_integer() && step > 1e-15 {
        scaled *= &ten;
        step /= 10.0;
    }
    while !scaled.is_zero() && (&scaled / &ten).is_integer() && step < 1e15 {
        scaled /= &ten;
        step *= 10.0;
    }
    step
}

/// The value of a constant, as far as a float can tell.
fn approximate(expr: &Expr) -> Option<f64> {
    let value = match expr {
        Expr::Num(value) | Expr::Based(value, _) => value.to_f64()?,
        Expr::Pi => std::f64::consts::PI,
        Expr::E => std::f64::consts::E,
        Expr::Neg(x) => -approximate(x)?,
        Expr::Inv(x) => 1.0 / approximate(x)?,
        Expr::Add(parts) => parts.iter().map(approximate).sum::<Option<f64>>()?,
        Expr::Mul(parts) => parts.iter().map(approximate).product::<Option<f64>>()?,
        Expr::Pow(base, exponent) => approximate(base)?.powf(approximate(exponent)?),
        Expr::Root(radicand, degree) => approximate(radicand)?.powf(1.0 / approximate(degree)?),
        Expr::Call(func, args) => call(func, args)?,
        Expr::Var(_) | Expr::I | Expr::Infinity | Expr::PlusMinus(..) => return None,
    };
    value.is_finite().then_some(value)
}

fn call(func: &Func, args: &[Expr]) -> Option<f64> {
    let x = approximate(args.last()?)?;
    Some(match func {
        Func::Sin => x.sin(),
        Func::Cos => x.cos(),
        Func::Tan => x.tan(),
        Func::Arcsin => x.asin(),
        Func::Arccos => x.acos(),
        Func::Arctan => x.atan(),
        Func::Ln => x.ln(),
        Func::Log if args.len() == 1 => x.log10(),
        Func::Log => x.ln() / approximate(&args[0])?.ln(),
        Func::Exp => x.exp(),
        Func::Abs => x.abs(),
        Func::Degrees => x.to_radians(),
        _ => return None,
    })
}
