//! Equations, inequalities that are not ranges, and names that may be dropped.

use std::collections::BTreeMap;

use super::super::expr::{Expr, Func};
use super::super::form::build::build;
use super::super::form::poly::{Mono, Poly};
use super::super::form::zero::{self, Tri};
use super::super::form::{Exponent, Fail, Form};
use super::super::value::{Joint, Sign, Value};
use super::{Comparer, Outcome};

impl Comparer<'_> {
    /// Chains of equal constants become one number; `x = a = b` becomes `x = a`.
    pub(super) fn simplify_relation(&mut self, sides: Vec<Expr>, signs: Vec<Sign>) -> Value {
        let is_chain = signs.iter().all(|s| matches!(s, Sign::Equal | Sign::Approx));
        if !is_chain {
            return Value::Relation(sides, signs);
        }
        let first_constant = sides.iter().position(|side| !side.has_variable());
        let exact: Vec<&Expr> = sides
            .iter()
            .enumerate()
            .filter(|(i, _)| *i == 0 || signs[i - 1] == Sign::Equal)
            .map(|(_, side)| side)
            .collect();
        let rest: Vec<Expr> =
            exact.iter().skip(first_constant.unwrap_or(1)).map(|e| (*e).clone()).collect();
        let agree = rest.windows(2).all(|pair| self.expressions(&pair[0], &pair[1]).is_equal());
        match (first_constant, rest.first()) {
            (Some(0), Some(value)) if agree => Value::scalar(value.clone()),
            (_, Some(value)) if agree && exact.len() >= 2 => {
                self.expand_signs(vec![sides[0].clone(), value.clone()])
            }
            _ => Value::Relation(sides, signs),
        }
    }

    /// `x = ±a` is a list of two equations.
    fn expand_signs(&mut self, sides: Vec<Expr>) -> Value {
        match super::signs(&sides[1], &mut self.ctx.fuel) {
            Some(values) if values.len() > 1 => {
                let relation =
                    |value| Value::Relation(vec![sides[0].clone(), value], vec![Sign::Equal]);
                Value::List(values.into_iter().map(relation).collect(), Joint::Or)
            }
            _ => Value::Relation(sides, vec![Sign::Equal]),
        }
    }

    /// A relation against a relation or a bare value.
    pub(super) fn relations(&mut self, gold: &Value, answer: &Value) -> Outcome {
        match (gold, answer) {
            (Value::Relation(a, s), Value::Relation(b, t)) => self.two_relations(a, s, b, t),
            (Value::Relation(sides, signs), other) | (other, Value::Relation(sides, signs)) => {
                match assigned(sides, signs).or_else(|| named_sum(sides, signs)) {
                    Some((_, value)) if self.policy.assignment_optional => {
                        let (value, other) = (Value::scalar(value.clone()), other.clone());
                        self.values(&value, &other)
                    }
                    _ => Outcome::different("a relation is not a value"),
                }
            }
            _ => Outcome::different("not relations"),
        }
    }

    fn two_relations(&mut self, a: &[Expr], s: &[Sign], b: &[Expr], t: &[Sign]) -> Outcome {
        if s == [Sign::Equal] && t == [Sign::Equal] {
            // y = ... and f(x) = ... name the same dependent quantity.
            if let (Some((p, x)), Some((q, y))) = (assigned(a, s), assigned(b, t))
                && matches!(p, Expr::Call(..)) != matches!(q, Expr::Call(..))
                && self.policy.assignment_optional
            {
                return self.expressions(x, y);
            }
            return self.equations(a, b);
        }
        let (a, s) = ascending(a, s);
        let (b, t) = ascending(b, t);
        if s != t {
            return Outcome::different("different relations");
        }
        if s.len() == 1 {
            return self.inequalities(&a, &b);
        }
        let mut result = Outcome::equal("the same chain of relations");
        for (x, y) in a.iter().zip(&b) {
            let outcome = self.expressions(x, y);
            if !outcome.is_equal() {
                result = outcome;
                break;
            }
        }
        result
    }

    /// `a0 = a1` and `b0 = b1` are the same equation when their differences are proportional.
    fn equations(&mut self, a: &[Expr], b: &[Expr]) -> Outcome {
        match self.proportional(a, b) {
            Ok((Tri::Yes, _)) => Outcome::equal("the same equation up to a factor"),
            Ok((Tri::No, _)) => Outcome::different("different equations"),
            Ok((Tri::Unknown, _)) => Outcome::undecided("the equations could not be compared"),
            Err(_) => Outcome::undecided("an equation is out of reach"),
        }
    }

    fn inequalities(&mut self, a: &[Expr], b: &[Expr]) -> Outcome {
        // Clearing a denominator of unknown sign could turn an inequality round.
        if self.has_denominator(a) || self.has_denominator(b) {
            let (left, right) = (self.expressions(&a[0], &b[0]), self.expressions(&a[1], &b[1]));
            return if left.is_equal() && right.is_equal() {
                Outcome::equal("the same inequality")
            } else {
                Outcome::undecided("inequalities with variable denominators")
            };
        }
        match self.proportional(a, b) {
            Ok((Tri::Yes, Some(factor))) => match zero::form_sign(&factor, &mut self.ctx) {
                Some(std::cmp::Ordering::Greater) => {
                    Outcome::equal("the same inequality up to a positive factor")
                }
                Some(_) => Outcome::different("the inequality is turned round"),
                None => Outcome::undecided("the sign of a factor is not known"),
            },
            Ok((Tri::No, _)) => Outcome::different("different inequalities"),
            _ => Outcome::undecided("the inequalities could not be compared"),
        }
    }

    /// Whether a variable divides on either side, as far as the normal form shows it.
    fn has_denominator(&mut self, sides: &[Expr]) -> bool {
        sides.iter().any(|side| match build(side, &mut self.ctx) {
            Ok(form) => {
                let divides = |(id, e): &(_, Exponent)| {
                    *e < Exponent::from_integer(0) && self.ctx.atoms.has_variable(*id)
                };
                self.ctx.atoms.poly_has_variable(&form.den)
                    || form.num.terms().any(|(mono, _)| mono.iter().any(divides))
            }
            Err(_) => true,
        })
    }

    /// Whether two differences are proportional, and the constant factor between them.
    fn proportional(&mut self, a: &[Expr], b: &[Expr]) -> Result<(Tri, Option<Form>), Fail> {
        let p = self.difference(a)?;
        let q = self.difference(b)?;
        if p.is_empty() || q.is_empty() {
            return Ok((if p.is_empty() && q.is_empty() { Tri::Yes } else { Tri::No }, None));
        }
        let (gold, answer) = (self.by_variables(&p)?, self.by_variables(&q)?);
        let Some((mono, lead_p)) = gold.into_iter().next_back() else {
            return Ok((Tri::Unknown, None));
        };
        let Some(lead_q) = answer.get(&mono) else {
            return Ok((Tri::No, None));
        };
        let left = p.mul(lead_q, &mut self.ctx)?;
        let right = q.mul(&lead_p, &mut self.ctx)?;
        let difference = left.add(&right.neg(), &mut self.ctx)?;
        let verdict = zero::is_zero(&difference, &mut self.ctx);
        let factor = Form::poly(lead_p).div(&Form::poly(lead_q.clone()), &mut self.ctx)?;
        Ok((verdict, Some(factor)))
    }

    /// `left - right` as a polynomial without denominators or negative powers.
    fn difference(&mut self, sides: &[Expr]) -> Result<Poly, Fail> {
        let left = build(&sides[0], &mut self.ctx)?;
        let right = build(&sides[1], &mut self.ctx)?;
        let num = left.sub(&right, &mut self.ctx)?.num;
        let mut lift: BTreeMap<_, Exponent> = BTreeMap::new();
        for (mono, _) in num.terms() {
            for (id, exponent) in mono {
                if *exponent < Exponent::from_integer(0) && self.ctx.atoms.has_variable(*id) {
                    let slot = lift.entry(*id).or_insert(Exponent::from_integer(0));
                    *slot = (*slot).max(-exponent);
                }
            }
        }
        let mono: Mono = lift.into_iter().collect();
        let lift = Poly::term(num_traits::One::one(), mono, &mut self.ctx)?;
        num.mul(&lift, &mut self.ctx)
    }

    /// Terms grouped by their part in variables.
    fn by_variables(&mut self, poly: &Poly) -> Result<BTreeMap<Mono, Poly>, Fail> {
        let mut groups: BTreeMap<Mono, Poly> = BTreeMap::new();
        for (mono, coefficient) in poly.terms() {
            let (variable, constant): (Mono, Mono) =
                mono.iter().partition(|(id, _)| self.ctx.atoms.has_variable(*id));
            let term = Poly::term(coefficient.clone(), constant, &mut self.ctx)?;
            let slot = groups.entry(variable).or_insert_with(Poly::zero);
            *slot = slot.add(&term, &mut self.ctx)?;
        }
        Ok(groups)
    }

    /// `name = structure` against the structure, or against the same with a name.
    pub(super) fn assignments(&mut self, gold: &Value, answer: &Value) -> Outcome {
        match (gold, answer) {
            (Value::Assignment(p, x), Value::Assignment(q, y)) => {
                let names = self.values(&p.clone(), &q.clone());
                if !names.is_equal() {
                    return names;
                }
                let (x, y) = ((**x).clone(), (**y).clone());
                self.values(&x, &y)
            }
            (Value::Assignment(name, value), other) | (other, Value::Assignment(name, value)) => {
                if let (Value::Tuple(names), Value::Tuple(values), Value::List(list, _)) =
                    (&**name, &**value, other)
                {
                    return self.named_tuple(names, values, &list.clone());
                }
                if let (Value::Relation(sides, signs), Value::Scalar { expr: name, .. }) =
                    (other, &**name)
                {
                    // x = 5 cm against x = 5.
                    return match assigned(sides, signs) {
                        Some((own, number)) if own == name => {
                            let (value, number) =
                                ((**value).clone(), Value::scalar(number.clone()));
                            self.values(&value, &number)
                        }
                        _ => Outcome::different("values of different names"),
                    };
                }
                if !self.policy.assignment_optional {
                    return Outcome::different("only one side names its value");
                }
                let (value, other) = ((**value).clone(), other.clone());
                self.values(&value, &other)
            }
            _ => Outcome::different("not assignments"),
        }
    }

    /// `(x, y) = (1, 2)` against `x = 1, y = 2`.
    fn named_tuple(&mut self, names: &[Value], values: &[Value], list: &[Value]) -> Outcome {
        let equations: Option<Vec<Value>> = names
            .iter()
            .zip(values)
            .map(|pair| match pair {
                (Value::Scalar { expr: name, .. }, Value::Scalar { expr: value, .. }) => {
                    Some(Value::Relation(vec![name.clone(), value.clone()], vec![Sign::Equal]))
                }
                _ => None,
            })
            .collect();
        match equations {
            Some(equations) if names.len() == values.len() => self.lists(&equations, list, false),
            _ => Outcome::different("a tuple with names is not a list"),
        }
    }

    /// The values of a list in which every part assigns to a name: in any order when it is the
    /// same name throughout, otherwise as written.
    pub(super) fn stripped(&self, parts: &[Value]) -> Option<Vec<Value>> {
        let mut names: Vec<&Expr> = Vec::new();
        let mut values = Vec::new();
        for part in parts {
            match part {
                Value::Relation(sides, signs) => {
                    let (name, value) = assigned(sides, signs)?;
                    names.push(name);
                    values.push(Value::scalar(value.clone()));
                }
                Value::Assignment(name, value) => {
                    let Value::Scalar { expr, .. } = &**name else { return None };
                    names.push(expr);
                    values.push((**value).clone());
                }
                // "x = 1, 2": the name stands once.
                Value::Scalar { .. } if !names.is_empty() => values.push(part.clone()),
                _ => return None,
            }
        }
        let stem = |name: &Expr| match name {
            Expr::Var(name) => name.split('_').next().map(str::to_owned),
            _ => None,
        };
        let first = stem(names.first()?);
        names.iter().all(|name| stem(name) == first || *name == names[0]).then_some(values)
    }

    /// The values of `x = 1, y = 2` in the order of their names.
    pub(super) fn values_by_name(&self, parts: &[Value]) -> Option<Vec<Value>> {
        if !self.policy.assignment_optional {
            return None;
        }
        let mut named: Vec<(String, Value)> = Vec::new();
        for part in parts {
            let Value::Relation(sides, signs) = part else { return None };
            match assigned(sides, signs)? {
                (Expr::Var(name), value) => {
                    named.push((name.clone(), Value::scalar(value.clone())))
                }
                _ => return None,
            }
        }
        named.sort_by(|a, b| a.0.cmp(&b.0));
        let is_distinct = named.windows(2).all(|pair| pair[0].0 != pair[1].0);
        is_distinct.then(|| named.into_iter().map(|(_, value)| value).collect())
    }
}

/// The name and the value of an equation that only names its value.
pub(super) fn assigned<'a>(sides: &'a [Expr], signs: &[Sign]) -> Option<(&'a Expr, &'a Expr)> {
    let ([left, right], [Sign::Equal]) = (sides, signs) else { return None };
    let names = |name: &Expr, value: &Expr| {
        let inner = match name {
            Expr::Var(_) => Some(name),
            Expr::Call(Func::Named(_), _) => Some(name),
            // |AB| is a length; |x| = 5 would still need solving.
            Expr::Call(Func::Abs, args) => match &args[..] {
                [Expr::Var(side)] => side.chars().all(|c| c.is_ascii_uppercase()).then_some(name),
                _ => None,
            },
            // P(A), P(x), AB and the like, read as products of two letters.
            Expr::Mul(parts) => match &parts[..] {
                [Expr::Var(first), Expr::Var(_)] => {
                    let is_call = first.len() == 1 && first.chars().all(char::is_uppercase);
                    let is_free = !value.any(&|part| *part == parts[0]);
                    (!value.has_variable() || (is_call && is_free)).then_some(name)
                }
                [Expr::Var(first), Expr::Num(_)] => {
                    let is_call = first.len() == 1 && first.chars().all(char::is_uppercase);
                    (is_call && !value.has_variable()).then_some(name)
                }
                _ => None,
            },
            _ => None,
        };
        inner.is_some() && !value.any(&|part| part == name)
    };
    if names(left, right) {
        Some((left, right))
    } else if names(right, left) {
        Some((right, left))
    } else {
        None
    }
}

/// `m + n = 42`: a sum of names and its value. Names with coefficients still need solving.
fn named_sum<'a>(sides: &'a [Expr], signs: &[Sign]) -> Option<(&'a Expr, &'a Expr)> {
    let ([left @ Expr::Add(parts), right], [Sign::Equal]) = (sides, signs) else { return None };
    let is_plain = parts.iter().all(|part| matches!(part, Expr::Var(_)));
    (is_plain && !right.has_variable()).then_some((left, right))
}

/// The chain from small to large.
fn ascending(sides: &[Expr], signs: &[Sign]) -> (Vec<Expr>, Vec<Sign>) {
    let is_descending = signs.iter().any(|s| matches!(s, Sign::Greater | Sign::GreaterEqual));
    if !is_descending {
        return (sides.to_vec(), signs.to_vec());
    }
    let flip = |sign: &Sign| match sign {
        Sign::Greater => Sign::Less,
        Sign::GreaterEqual => Sign::LessEqual,
        Sign::Less => Sign::Greater,
        Sign::LessEqual => Sign::GreaterEqual,
        other => *other,
    };
    (sides.iter().rev().cloned().collect(), signs.iter().rev().map(flip).collect())
}
