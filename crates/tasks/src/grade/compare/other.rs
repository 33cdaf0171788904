//! Times, dates, ratios, lettered options, families and words.

use super::super::expr::Expr;
use super::super::form::build::build;
use super::super::form::zero::{self, Tri};
use super::super::form::{Fail, Form};
use super::super::text;
use super::super::value::Value;
use super::{Comparer, Outcome};

impl Comparer<'_> {
    /// Ratios agree when they are proportional; a ratio of two is also its quotient.
    pub(super) fn ratios(&mut self, gold: &Value, answer: &Value) -> Outcome {
        match (gold, answer) {
            (Value::Ratio(a), Value::Ratio(b)) => self.two_ratios(a, b),
            (Value::Ratio(parts), other @ Value::Scalar { .. })
            | (other @ Value::Scalar { .. }, Value::Ratio(parts))
                if parts.len() == 2 =>
            {
                let quotient = Value::scalar(Expr::quotient(parts[0].clone(), parts[1].clone()));
                let other = other.clone();
                self.values(&quotient, &other)
            }
            _ => Outcome::different("a ratio is not that kind of answer"),
        }
    }

    fn two_ratios(&mut self, a: &[Expr], b: &[Expr]) -> Outcome {
        if a.len() != b.len() {
            return Outcome::different("ratios of different length");
        }
        for (x, y) in a.iter().zip(b).skip(1) {
            let left = Expr::Mul(vec![a[0].clone(), y.clone()]);
            let right = Expr::Mul(vec![b[0].clone(), x.clone()]);
            let outcome = self.expressions(&left, &right);
            if !outcome.is_equal() {
                return outcome;
            }
        }
        let is_zero = |e: &Expr| e.as_literal().is_some_and(|v| v.numer() == &0.into());
        if a.iter().all(is_zero) || b.iter().all(is_zero) {
            return Outcome::undecided("a ratio of zeros");
        }
        Outcome::equal("the same ratio")
    }

    /// Times of day, which may also be ratios.
    pub(super) fn clocks(&mut self, gold: &Value, answer: &Value) -> Outcome {
        match (gold, answer) {
            (Value::Clock(h, m, s, p), Value::Clock(g, n, t, q)) => {
                let (a, b) = ((*h, *m, s.unwrap_or(0)), (*g, *n, t.unwrap_or(0)));
                two_clocks(a, *p, b, *q)
            }
            (Value::Clock(h, m, None, None), other) | (other, Value::Clock(h, m, None, None))
                if matches!(other, Value::Ratio(_) | Value::Scalar { .. }) =>
            {
                let ratio = Value::Ratio(vec![Expr::integer(*h), Expr::integer(*m)]);
                let other = other.clone();
                self.ratios(&ratio, &other)
            }
            _ => Outcome::different("a time is not that kind of answer"),
        }
    }

    /// A lettered option against a letter, another option, or the option's own text.
    pub(super) fn choices(&mut self, gold: &Value, answer: &Value) -> Outcome {
        match (gold, answer) {
            (Value::Choice(a, x), Value::Choice(b, y)) => {
                if !a.eq_ignore_ascii_case(b) {
                    return Outcome::different("different options");
                }
                match (x, y) {
                    (Some(x), Some(y)) => {
                        let (x, y) = ((**x).clone(), (**y).clone());
                        self.values(&x, &y)
                    }
                    _ => Outcome::equal("the same option"),
                }
            }
            (Value::Choice(letter, rest), other) | (other, Value::Choice(letter, rest)) => {
                if let Value::Scalar { expr, unit: None, .. } = other
                    && let Some(own) = single_letter(expr)
                {
                    return if own.eq_ignore_ascii_case(letter) {
                        Outcome::equal("the same option")
                    } else {
                        Outcome::different("different options")
                    };
                }
                match rest {
                    Some(value) => {
                        let (value, other) = ((**value).clone(), other.clone());
                        self.values(&value, &other)
                    }
                    None => Outcome::different("an option is not that kind of answer"),
                }
            }
            _ => Outcome::different("not options"),
        }
    }

    /// Expressions for every integer: the same expression, or the same arithmetic progression.
    pub(super) fn families(&mut self, a: &Value, n: &str, b: &Value, m: &str) -> Outcome {
        let renamed = rename(b.clone(), m, n);
        let outcome = self.values(a, &renamed);
        if outcome.is_equal() {
            return outcome;
        }
        let (Value::Scalar { expr: x, .. }, Value::Scalar { expr: y, .. }) = (a, &renamed) else {
            return outcome;
        };
        match self.same_progression(x, y, n) {
            Ok(Some(true)) => Outcome::equal("the same progression"),
            Ok(Some(false)) => Outcome::different("different progressions"),
            _ => Outcome::undecided("the families could not be compared"),
        }
    }

    fn same_progression(&mut self, x: &Expr, y: &Expr, n: &str) -> Result<Option<bool>, Fail> {
        let (Some((a, d)), Some((b, e))) = (self.progression(x, n)?, self.progression(y, n)?)
        else {
            return Ok(None);
        };
        let ratio = d.div(&e, &mut self.ctx)?;
        let offset = a.sub(&b, &mut self.ctx)?.div(&d, &mut self.ctx)?;
        let one = Form::integer(1);
        let steps_agree = zero::are_equal(&ratio, &one, &mut self.ctx)? == Tri::Yes
            || zero::are_equal(&ratio, &one.neg(), &mut self.ctx)? == Tri::Yes;
        Ok(match (steps_agree, offset.as_rational()) {
            (true, Some(offset)) => Some(offset.is_integer()),
            (false, _) if ratio.as_rational().is_some() => Some(false),
            _ => None,
        })
    }

    /// Start and step, if the expression is linear in `n`.
    fn progression(&mut self, expr: &Expr, n: &str) -> Result<Option<(Form, Form)>, Fail> {
        let mut at = |value: i64| {
            let replaced = expr.clone().map(&mut |part| match part {
                Expr::Var(name) if name == n => Expr::integer(value),
                other => other,
            });
            build(&replaced, &mut self.ctx)
        };
        let (zeroth, first, second) = (at(0)?, at(1)?, at(2)?);
        let step = first.sub(&zeroth, &mut self.ctx)?;
        let next = second.sub(&first, &mut self.ctx)?;
        let is_linear = zero::are_equal(&step, &next, &mut self.ctx)? == Tri::Yes;
        let is_moving = zero::is_zero(&step.num, &mut self.ctx) == Tri::No;
        Ok((is_linear && is_moving).then_some((zeroth, step)))
    }
}

/// Two dates; a year that only one side states may be left out by neither.
pub(super) fn dates(gold: &Value, answer: &Value) -> Outcome {
    if gold == answer {
        Outcome::equal("the same date")
    } else if let (Value::Date(None, m, d), Value::Date(Some(_), n, e))
    | (Value::Date(Some(_), n, e), Value::Date(None, m, d)) = (gold, answer)
        && (m, d) == (n, e)
    {
        Outcome::undecided("only one date has a year")
    } else {
        Outcome::different("different dates")
    }
}

/// Words against something else: equal only if the other is the same letters.
pub(super) fn text_and_value(words: &str, value: &Value) -> Outcome {
    let other = text::normalize(&value.to_string());
    if other == *words {
        Outcome::equal("the same words")
    } else {
        Outcome::different("words against a value")
    }
}

fn two_clocks(a: (u32, u32, u32), p: Option<bool>, b: (u32, u32, u32), q: Option<bool>) -> Outcome {
    // On a twelve-hour clock noon and midnight are written 12.
    let absolute = |(h, m, s): (u32, u32, u32), half: Option<bool>| match half {
        Some(is_afternoon) => (h % 12 + if is_afternoon { 12 } else { 0 }, m, s),
        None => (h, m, s),
    };
    let (x, y) = (absolute(a, p), absolute(b, q));
    if p == q || x.0 > 12 && y.0 > 12 {
        if x == y {
            return Outcome::equal("the same time");
        }
        let is_ratio = p.is_none() && a.2 == 0 && b.2 == 0 && a.0 * b.1 == b.0 * a.1;
        return if is_ratio {
            Outcome::undecided("equal as ratios, different as times")
        } else {
            Outcome::different("different times")
        };
    }
    if (a.0 % 12, a.1, a.2) == (b.0 % 12, b.1, b.2) && (p.is_none() || q.is_none()) {
        return Outcome::undecided("only one time says which half of the day");
    }
    Outcome::different("different times")
}

fn single_letter(expr: &Expr) -> Option<char> {
    match expr {
        Expr::Var(name) if name.len() == 1 => name.chars().next(),
        Expr::E => Some('e'),
        Expr::I => Some('i'),
        _ => None,
    }
}

/// Renames a variable throughout a value.
fn rename(value: Value, from: &str, to: &str) -> Value {
    let mut change = |part: Expr| match part {
        Expr::Var(name) if name == from => Expr::Var(to.to_owned()),
        other => other,
    };
    match value {
        Value::Scalar { expr, unit, is_decimal } => {
            Value::Scalar { expr: expr.map(&mut change), unit, is_decimal }
        }
        Value::List(parts, joint) => {
            Value::List(parts.into_iter().map(|part| rename(part, from, to)).collect(), joint)
        }
        Value::Set(parts) => {
            Value::Set(parts.into_iter().map(|part| rename(part, from, to)).collect())
        }
        Value::Relation(sides, signs) => {
            Value::Relation(sides.into_iter().map(|side| side.map(&mut change)).collect(), signs)
        }
        other => other,
    }
}
