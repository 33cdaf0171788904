//! Expressions and quantities.

use std::cmp::Ordering;

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Signed};

use super::super::expr::{Expr, Func};
use super::super::form::build::{build, literal};
use super::super::form::numeric::Evaluation;
use super::super::form::zero::{self, Tri};
use super::super::form::{Fail, Form, NO_QUOTIENT};
use super::super::policy::{Bases, Degrees, Percent, Precision, Units};
use super::super::units::{self, Unit};
use super::super::value::Value;
use super::{Comparer, Outcome};

impl Comparer<'_> {
    /// Two scalars with their units.
    pub(super) fn scalars(&mut self, gold: &Value, answer: &Value) -> Outcome {
        let (
            Value::Scalar { expr: x, unit: u, is_decimal: gold_decimal },
            Value::Scalar { expr: y, unit: v, is_decimal: answer_decimal },
        ) = (gold, answer)
        else {
            return Outcome::different("not two numbers");
        };
        if self.policy.bases == Bases::SameBase && x.base() != y.base() {
            return Outcome::different("the numbers are written in different bases");
        }
        let outcome = match (u, v) {
            (None, None) => self.expressions(x, y),
            (Some(unit), None) => self.with_unit(x, unit, y),
            (None, Some(unit)) => self.with_unit(y, unit, x),
            (Some(a), Some(b)) => self.two_units(x, a, y, b),
        };
        let has_decimal = *gold_decimal || *answer_decimal;
        match self.policy.precision {
            Precision::Relative(digits) if has_decimal && !outcome.is_equal() => {
                self.within(x, y, digits).unwrap_or(outcome)
            }
            _ => outcome,
        }
    }

    /// A number with a unit beside one without.
    fn with_unit(&mut self, x: &Expr, unit: &Unit, y: &Expr) -> Outcome {
        if unit.is_percent() {
            let exact = self.expressions(&Expr::quotient(x.clone(), Expr::integer(100)), y);
            // Up to one a bare number reads as a proportion: 0.5 is no spelling of 0.5%.
            let is_proportion = literal(y).is_some_and(|value| value.abs() <= BigRational::one());
            if exact.is_equal() || is_proportion || self.policy.percent == Percent::Exact {
                return exact;
            }
            return self.expressions(x, y);
        }
        if unit.is_degrees() {
            return match self.policy.degrees {
                Degrees::Exact => self.expressions(&Expr::Call(Func::Degrees, vec![x.clone()]), y),
                Degrees::SignOptional => self.expressions(x, y),
            };
        }
        if unit.is_radians() {
            return self.expressions(x, y);
        }
        // "5 m" may have been meant as a product.
        if y.has_variable() && unit.text.len() <= 2 {
            let product = Expr::Mul(vec![x.clone(), Expr::Var(unit.text.clone())]);
            return self.expressions(&product, y);
        }
        match self.policy.units {
            Units::Required => Outcome::different("only one side states a unit"),
            Units::Optional => self.expressions(x, y),
        }
    }

    fn two_units(&mut self, x: &Expr, a: &Unit, y: &Expr, b: &Unit) -> Outcome {
        if a.is_degrees() && b.is_radians() {
            return self.expressions(&Expr::Call(Func::Degrees, vec![x.clone()]), y);
        }
        if a.is_radians() && b.is_degrees() {
            return self.expressions(x, &Expr::Call(Func::Degrees, vec![y.clone()]));
        }
        if a.is_percent() != b.is_percent() {
            return Outcome::different("a percentage is not a quantity with a unit");
        }
        match units::relate(a, b) {
            units::Relation::Convertible(factor) => {
                let scaled = Expr::Mul(vec![x.clone(), Expr::Num(factor)]);
                let is_same = scaled_is_plain(&scaled);
                self.expressions(if is_same { x } else { &scaled }, y)
            }
            units::Relation::Incompatible => {
                Outcome::different(format!("{} is not {}", a.text, b.text))
            }
            units::Relation::Unknown => {
                let outcome = self.expressions(x, y);
                if outcome.is_equal() {
                    return Outcome::undecided(format!(
                        "the numbers agree, but \"{}\" and \"{}\" may not be the same",
                        a.text, b.text
                    ));
                }
                outcome
            }
        }
    }

    /// Two expressions as numbers or as functions of their variables.
    pub(super) fn expressions(&mut self, x: &Expr, y: &Expr) -> Outcome {
        if let (Some(a), Some(b)) = (literal(x), literal(y)) {
            return if a == b {
                Outcome::equal("the same rational number")
            } else {
                Outcome::different("different rational numbers")
            };
        }
        if let Some(outcome) = infinite(x, y) {
            return outcome;
        }
        match self.forms(x, y) {
            Ok((a, b)) => match zero::are_equal(&a, &b, &mut self.ctx) {
                Ok(Tri::Yes) => Outcome::equal(proof(&a)),
                Ok(Tri::No) => Outcome::different("the values differ"),
                Ok(Tri::Unknown) => Outcome::undecided(
                    "the values agree as far as they were computed, without a proof",
                ),
                Err(fail) => unresolved(fail, x, y),
            },
            Err(fail) => {
                let has_value = |e: &Expr, comparer: &mut Self| {
                    build(e, &mut comparer.ctx) != Err(Fail::Undefined(NO_QUOTIENT))
                };
                if has_value(x, self) != has_value(y, self) {
                    return Outcome::different("one side divides by zero");
                }
                unresolved(fail, x, y)
            }
        }
    }

    fn forms(&mut self, x: &Expr, y: &Expr) -> Result<(Form, Form), Fail> {
        Ok((build(x, &mut self.ctx)?, build(y, &mut self.ctx)?))
    }

    /// Equality within a relative error, where the policy allows it.
    fn within(&mut self, x: &Expr, y: &Expr, digits: u32) -> Option<Outcome> {
        let (a, b) = self.forms(x, y).ok()?;
        let difference = a.sub(&b, &mut self.ctx).ok()?;
        let scale = BigRational::new(BigInt::from(1), BigInt::from(10).pow(digits.min(30)));
        let tolerance = a.scale(&scale);
        let mut value = |form: &Form| Evaluation::new(&mut self.ctx, 256, 0).form(form);
        let (difference, tolerance) = (value(&difference)?, value(&tolerance)?);
        if difference.im.is_some() || tolerance.im.is_some() {
            return None;
        }
        let absolute = |ball: super::super::ball::Ball| match ball.sign() {
            Some(Ordering::Less) => ball.neg(),
            _ => ball,
        };
        let slack = absolute(tolerance.re).sub(&absolute(difference.re), 256);
        (slack.sign() == Some(Ordering::Greater))
            .then(|| Outcome::equal("equal within the allowed rounding"))
    }
}

fn scaled_is_plain(scaled: &Expr) -> bool {
    matches!(scaled, Expr::Mul(parts) if parts.last() == Some(&Expr::integer(1)))
}

fn proof(form: &Form) -> &'static str {
    if form.as_rational().is_some() {
        "the same rational number"
    } else {
        "the same value, by algebra"
    }
}

/// What is left when a side has no normal form.
fn unresolved(fail: Fail, x: &Expr, y: &Expr) -> Outcome {
    if x == y && !matches!(fail, Fail::Undefined(_)) {
        return Outcome::equal("identical as written");
    }
    match fail {
        Fail::Fuel => Outcome::undecided("the work budget is spent"),
        Fail::TooLarge => Outcome::undecided("the numbers are too large to compare"),
        Fail::Undefined(what) => Outcome::undecided(format!("one side is not a number: {what}")),
    }
}

/// Infinities compare by sign and with nothing finite.
fn infinite(x: &Expr, y: &Expr) -> Option<Outcome> {
    let sign = |e: &Expr| match e {
        Expr::Infinity => Some(true),
        Expr::Neg(inner) if **inner == Expr::Infinity => Some(false),
        _ => None,
    };
    match (sign(x), sign(y)) {
        (None, None) => None,
        (a, b) if a == b => Some(Outcome::equal("the same infinity")),
        _ => Some(Outcome::different("infinity on one side only")),
    }
}
