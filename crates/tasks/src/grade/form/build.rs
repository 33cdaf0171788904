//! From an expression as written to its normal form.

use num_bigint::BigInt;

use super::super::expr::Expr;
use super::power::{power, root};
use super::{Context, Fail, Form, Rat, function};

/// Work charged for one part of an expression.
const NODE_COST: u64 = 40;

/// The normal form of an expression.
pub fn build(expr: &Expr, ctx: &mut Context) -> Result<Form, Fail> {
    ctx.fuel.spend(NODE_COST)?;
    match expr {
        Expr::Num(value) | Expr::Based(value, _) => {
            ctx.fuel.spend(super::bits(value) / 64)?;
            if super::bits(value) > super::MAX_BITS {
                return Err(Fail::TooLarge);
            }
            Ok(Form::rational(value.clone()))
        }
        Expr::Var(name) => Ok(Form::variable(name, ctx)),
        Expr::Pi => Ok(Form::pi()),
        Expr::E => Ok(Form::euler()),
        Expr::I => Form::imaginary(ctx),
        Expr::Infinity => Err(Fail::Undefined("arithmetic with infinity")),
        Expr::Neg(x) => Ok(build(x, ctx)?.neg()),
        Expr::Add(parts) => {
            let mut sum = Form::integer(0);
            for part in parts {
                sum = sum.add(&build(part, ctx)?, ctx)?;
            }
            Ok(sum)
        }
        Expr::Mul(parts) => {
            let mut product = Form::integer(1);
            for part in parts {
                product = product.mul(&build(part, ctx)?, ctx)?;
            }
            Ok(product)
        }
        Expr::Inv(x) => build(x, ctx)?.inv(ctx),
        Expr::Pow(base, exponent) => {
            let base = build(base, ctx)?;
            let exponent = build(exponent, ctx)?;
            power(&base, &exponent, ctx)
        }
        Expr::Root(radicand, degree) => {
            let radicand = build(radicand, ctx)?;
            let degree = build(degree, ctx)?;
            match degree.as_u64() {
                Some(n) => root(&radicand, n, ctx),
                None => {
                    let inverse = degree.inv(ctx)?;
                    power(&radicand, &inverse, ctx)
                }
            }
        }
        Expr::Call(func, args) => {
            let args = args.iter().map(|arg| build(arg, ctx)).collect::<Result<Vec<_>, _>>()?;
            function::apply(func, args, ctx)
        }
        Expr::PlusMinus(..) => Err(Fail::Undefined("a sign left open")),
    }
}

/// The rational value of a literal, the fast path of most comparisons.
pub fn literal(expr: &Expr) -> Option<Rat> {
    match expr {
        Expr::Num(value) | Expr::Based(value, _) => Some(value.clone()),
        Expr::Neg(x) => literal(x).map(|value| -value),
        Expr::Mul(parts) if parts.len() == 2 => match (&parts[0], &parts[1]) {
            (numer, Expr::Inv(denom)) => {
                let (numer, denom) = (literal(numer)?, literal(denom)?);
                let is_zero = denom.numer() == &BigInt::from(0);
                (!is_zero).then(|| numer / denom)
            }
            _ => None,
        },
        _ => None,
    }
}
