//! Equality of parsed answers, kind by kind.

mod other;
mod region;
mod relation;
mod scalar;

use std::borrow::Cow;

use super::Verdict;
use super::expr::Expr;
use super::form::Context;
use super::fuel::Fuel;
use super::policy::{ListOrder, Policy};
use super::value::{Joint, NamedSet, Value};

/// A verdict with its reason.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    pub verdict: Verdict,
    pub reason: Cow<'static, str>,
}

/// More open signs than this in one answer are not expanded.
const MAX_SIGNS: usize = 6;

impl Outcome {
    pub fn equal(reason: impl Into<Cow<'static, str>>) -> Outcome {
        Outcome { verdict: Verdict::Equal, reason: reason.into() }
    }

    pub fn different(reason: impl Into<Cow<'static, str>>) -> Outcome {
        Outcome { verdict: Verdict::Different, reason: reason.into() }
    }

    pub fn undecided(reason: impl Into<Cow<'static, str>>) -> Outcome {
        Outcome { verdict: Verdict::Undecided, reason: reason.into() }
    }

    pub fn is_equal(&self) -> bool {
        self.verdict == Verdict::Equal
    }

    pub fn is_undecided(&self) -> bool {
        self.verdict == Verdict::Undecided
    }
}

/// Compares a gold value with an answer.
pub fn compare(gold: &Value, answer: &Value, policy: &Policy) -> Outcome {
    let mut comparer =
        Comparer { policy, ctx: Context::new(Fuel::new(policy.fuel)), list_depth: 0 };
    let gold = comparer.simplify(gold.clone());
    let answer = comparer.simplify(answer.clone());
    comparer.values(&gold, &answer)
}

/// The state of one comparison.
struct Comparer<'a> {
    policy: &'a Policy,
    ctx: Context,
    list_depth: usize,
}

impl Comparer<'_> {
    /// Expands open signs and chains of equal constants, and flattens lists.
    fn simplify(&mut self, value: Value) -> Value {
        match value {
            Value::Scalar { expr, unit, is_decimal } => {
                let scalar = |expr| Value::Scalar { expr, unit: unit.clone(), is_decimal };
                match signs(&expr, &mut self.ctx.fuel) {
                    Some(mut all) if all.len() > 1 => {
                        Value::List(all.drain(..).map(scalar).collect(), Joint::And)
                    }
                    _ => scalar(expr),
                }
            }
            Value::List(parts, joint) => {
                let parts = self.flattened(parts);
                if parts.len() == 1 {
                    return parts.into_iter().next().unwrap_or(Value::Named(NamedSet::Empty));
                }
                // "x + 11, or 11 + x" offers one value twice.
                if joint == Joint::Or && self.distinct(&parts).len() == 1 {
                    return parts.into_iter().next().unwrap_or(Value::Named(NamedSet::Empty));
                }
                Value::List(parts, joint)
            }
            Value::Set(parts) => Value::Set(self.flattened(parts)),
            Value::Relation(sides, signs) => self.simplify_relation(sides, signs),
            Value::Assignment(name, value) => {
                let value = self.simplify(*value);
                Value::Assignment(name, Box::new(value))
            }
            other => other,
        }
    }

    fn flattened(&mut self, parts: Vec<Value>) -> Vec<Value> {
        let mut flat = Vec::with_capacity(parts.len());
        for part in parts {
            match self.simplify(part) {
                Value::List(inner, _) => flat.extend(inner),
                other => flat.push(other),
            }
        }
        flat
    }

    /// The comparison proper; both sides are simplified.
    fn values(&mut self, gold: &Value, answer: &Value) -> Outcome {
        if self.ctx.fuel.spend(64).is_err() {
            return Outcome::undecided("the work budget is spent");
        }
        use Value::*;
        match (gold, answer) {
            (Scalar { .. }, Scalar { .. }) => self.scalars(gold, answer),
            (Assignment(..), _) | (_, Assignment(..)) => self.assignments(gold, answer),
            (Family(a, n), Family(b, m)) => self.families(a, n, b, m),
            (Choice(..), _) | (_, Choice(..)) => self.choices(gold, answer),
            (Clock(..), _) | (_, Clock(..)) => self.clocks(gold, answer),
            (Ratio(_), _) | (_, Ratio(_)) => self.ratios(gold, answer),
            (Date(..), Date(..)) => other::dates(gold, answer),
            (Text(a), Text(b)) if a == b => Outcome::equal("the same words"),
            (Text(a), Text(b)) => Outcome::different(format!("\"{a}\" is not \"{b}\"")),
            (Text(text), other) | (other, Text(text)) => other::text_and_value(text, other),
            _ => self.structures(gold, answer),
        }
    }

    fn structures(&mut self, gold: &Value, answer: &Value) -> Outcome {
        use Value::*;
        if let Some(outcome) = self.regions(gold, answer) {
            return outcome;
        }
        match (gold, answer) {
            (Relation(..), _) | (_, Relation(..)) if !is_list(gold) && !is_list(answer) => {
                self.relations(gold, answer)
            }
            (Set(a), Set(b)) => self.as_sets(a, b),
            (Set(a), List(b, _)) | (List(a, _), Set(b)) => self.lists_of_values(a, b, true),
            (List(a, Joint::Or), List(b, joint)) | (List(b, joint), List(a, Joint::Or))
                if *joint != Joint::Or && a.iter().chain(b).all(is_option) =>
            {
                Outcome::different("one of several is not all of them")
            }
            (List(a, _), List(b, _)) => self.lists_of_values(a, b, false),
            (Union(a), List(b, Joint::Or)) | (List(b, Joint::Or), Union(a)) => {
                let (a, b) = (Union(a.clone()), Union(b.clone()));
                self.regions(&a, &b).unwrap_or_else(|| Outcome::different("different ranges"))
            }
            (Member(_, set), list @ List(..)) | (list @ List(..), Member(_, set))
                if self.policy.assignment_optional && matches!(**set, Set(_)) =>
            {
                let (set, list) = ((**set).clone(), list.clone());
                self.values(&set, &list)
            }
            (Set(parts), single @ Scalar { .. }) | (single @ Scalar { .. }, Set(parts))
                if parts.len() == 1 =>
            {
                let single = single.clone();
                self.values(&parts[0].clone(), &single)
            }
            (Tuple(a), Tuple(b)) => self.in_order(a, b, "the tuples"),
            (Tuple(a), List(b, _)) | (List(b, _), Tuple(a)) => self.tuple_and_list(a, b),
            (Matrix(a), Matrix(b)) => self.matrices(a, b),
            (Matrix(rows), Tuple(parts)) | (Tuple(parts), Matrix(rows)) => {
                self.vector_and_tuple(rows, parts)
            }
            (List(parts, _), _) | (_, List(parts, _)) => {
                Outcome::different(format!("one side offers {} answers", parts.len()))
            }
            (Member(x, a), Member(y, b)) => {
                let names = self.expressions(x, y);
                if names.is_equal() { self.values(&a.clone(), &b.clone()) } else { names }
            }
            (Member(_, set), other) | (other, Member(_, set))
                if self.policy.assignment_optional =>
            {
                let (set, other) = ((**set).clone(), other.clone());
                self.values(&set, &other)
            }
            (Named(a), Named(b)) if a == b => Outcome::equal("the same set"),
            _ if gold == answer => Outcome::equal("identical as written"),
            _ => Outcome::different(format!("{} is not {}", kind(gold), kind(answer))),
        }
    }

    fn as_sets(&mut self, gold: &[Value], answer: &[Value]) -> Outcome {
        let outcome = self.lists(gold, answer, true);
        if outcome.is_equal() { Outcome::equal("the same elements") } else { outcome }
    }

    /// Lists of scalars, of assignments to one name, or of anything else.
    fn lists_of_values(&mut self, gold: &[Value], answer: &[Value], is_set: bool) -> Outcome {
        let (gold, answer) = match (self.stripped(gold), self.stripped(answer)) {
            (Some(gold), None) if self.policy.assignment_optional => (gold, answer.to_vec()),
            (None, Some(answer)) if self.policy.assignment_optional => (gold.to_vec(), answer),
            _ => (gold.to_vec(), answer.to_vec()),
        };
        if !is_set && self.policy.list_order == ListOrder::AsWritten {
            return self.in_order(&gold, &answer, "the lists");
        }
        self.lists(&gold, &answer, is_set)
    }

    /// Pairs off the parts of two lists in any order; as sets, repeated parts count once.
    fn lists(&mut self, gold: &[Value], answer: &[Value], is_set: bool) -> Outcome {
        self.list_depth += 1;
        if self.list_depth > 16 {
            return Outcome::undecided("lists nest too deep");
        }
        let mut undecided = None;
        let gold = if is_set { self.distinct(gold) } else { gold.to_vec() };
        let answer = if is_set { self.distinct(answer) } else { answer.to_vec() };
        if gold.len() != answer.len() {
            self.list_depth -= 1;
            return Outcome::different(format!("{} values against {}", gold.len(), answer.len()));
        }
        let mut is_used = vec![false; answer.len()];
        'parts: for part in &gold {
            let mut maybe = None;
            for (place, candidate) in answer.iter().enumerate() {
                if is_used[place] {
                    continue;
                }
                let outcome = self.values(part, candidate);
                if outcome.is_equal() {
                    is_used[place] = true;
                    continue 'parts;
                }
                if outcome.is_undecided() {
                    maybe = Some(outcome);
                }
            }
            match maybe {
                Some(outcome) => undecided = Some(outcome),
                None => {
                    self.list_depth -= 1;
                    return Outcome::different(format!("nothing in the answer matches {part}"));
                }
            }
        }
        if undecided.is_some() {
            // Seen from the other side a part may match nothing; then the answer is settled.
            for candidate in &answer {
                if gold
                    .iter()
                    .all(|part| self.values(part, candidate).verdict == Verdict::Different)
                {
                    undecided = Some(Outcome::different(format!(
                        "nothing in the gold matches {candidate}"
                    )));
                    break;
                }
            }
        }
        self.list_depth -= 1;
        undecided.unwrap_or_else(|| Outcome::equal("the same values in some order"))
    }

    fn distinct(&mut self, parts: &[Value]) -> Vec<Value> {
        let mut kept: Vec<Value> = Vec::new();
        for part in parts {
            if !kept.iter().any(|other| self.values(other, part).is_equal()) {
                kept.push(part.clone());
            }
        }
        kept
    }

    fn in_order(&mut self, gold: &[Value], answer: &[Value], what: &'static str) -> Outcome {
        if gold.len() != answer.len() {
            return Outcome::different(format!(
                "{what} have {} and {} parts",
                gold.len(),
                answer.len()
            ));
        }
        self.list_depth += 1;
        if self.list_depth > 16 {
            return Outcome::undecided("tuples nest too deep");
        }
        let mut result = Outcome::equal(format!("{what} agree in every place"));
        for (place, (a, b)) in gold.iter().zip(answer).enumerate() {
            let (a, b) = (self.simplify(a.clone()), self.simplify(b.clone()));
            let outcome = self.values(&a, &b);
            if outcome.verdict == Verdict::Different {
                result = Outcome::different(format!("place {}: {}", place + 1, outcome.reason));
                break;
            }
            if outcome.is_undecided() {
                result = outcome;
            }
        }
        self.list_depth -= 1;
        result
    }

    fn tuple_and_list(&mut self, tuple: &[Value], list: &[Value]) -> Outcome {
        if let Some(values) = self.values_by_name(list) {
            return self.in_order(tuple, &values, "the values");
        }
        if self.policy.list_as_tuple {
            return self.in_order(tuple, list, "the values");
        }
        Outcome::different("an ordered tuple is not a list")
    }

    fn matrices(&mut self, gold: &[Vec<Expr>], answer: &[Vec<Expr>]) -> Outcome {
        if gold.len() != answer.len() || gold[0].len() != answer[0].len() {
            return Outcome::different("the matrices have different shapes");
        }
        let mut result = Outcome::equal("the matrices agree in every entry");
        for (row, (a, b)) in gold.iter().zip(answer).enumerate() {
            for (column, (a, b)) in a.iter().zip(b).enumerate() {
                let outcome = self.expressions(a, b);
                match outcome.verdict {
                    Verdict::Equal => {}
                    Verdict::Different => {
                        return Outcome::different(format!(
                            "row {}, column {}: {}",
                            row + 1,
                            column + 1,
                            outcome.reason
                        ));
                    }
                    Verdict::Undecided => result = outcome,
                }
            }
        }
        result
    }

    fn vector_and_tuple(&mut self, rows: &[Vec<Expr>], parts: &[Value]) -> Outcome {
        let is_column = rows.iter().all(|row| row.len() == 1);
        if !is_column || !self.policy.vector_as_tuple {
            return Outcome::different("a matrix is not a tuple");
        }
        let entries: Vec<Value> = rows.iter().map(|row| Value::scalar(row[0].clone())).collect();
        self.in_order(&entries, parts, "the vectors")
    }
}

/// A lettered option or a word, of which "or" names one and "and" all.
fn is_option(value: &Value) -> bool {
    match value {
        Value::Choice(..) | Value::Text(_) => true,
        Value::Scalar { expr: Expr::Var(name), unit: None, .. } => {
            name.len() == 1 && name.as_bytes()[0].is_ascii_uppercase()
        }
        _ => false,
    }
}

fn is_list(value: &Value) -> bool {
    matches!(value, Value::List(..) | Value::Set(_))
}

/// Every choice of the open signs: with both kinds of sign they move together, otherwise each is
/// free.
fn signs(expr: &Expr, fuel: &mut Fuel) -> Option<Vec<Expr>> {
    let (mut n_signs, mut has_minus, mut n_parts) = (0, false, 0u64);
    expr.walk(&mut |part| {
        n_parts += 1;
        if let Expr::PlusMinus(plus, _) = part {
            n_signs += 1;
            has_minus |= !plus;
        }
    });
    if n_signs == 0 || n_signs > MAX_SIGNS {
        return None;
    }
    let n_choices = if has_minus { 2 } else { 1usize << n_signs };
    fuel.spend(n_parts * n_choices as u64 * 20).ok()?;
    let pick = |choice: usize| {
        let mut place = 0;
        expr.clone().map(&mut |part| match part {
            Expr::PlusMinus(plus, inner) => {
                let bit = if has_minus { choice & 1 } else { (choice >> place) & 1 };
                place += 1;
                let is_negative = (bit == 1) == plus;
                if is_negative { Expr::Neg(inner) } else { *inner }
            }
            other => other,
        })
    };
    Some((0..n_choices).map(pick).collect())
}

/// What a value is, for reasons.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Scalar { .. } => "an expression",
        Value::List(..) => "a list",
        Value::Tuple(_) => "a tuple",
        Value::Set(_) | Value::Builder(..) | Value::Named(_) => "a set",
        Value::Interval { .. }
        | Value::Union(_)
        | Value::Intersection(_)
        | Value::Difference(..) => "a range of numbers",
        Value::Member(..) => "a membership",
        Value::Relation(..) | Value::Assignment(..) => "a relation",
        Value::Matrix(_) => "a matrix",
        Value::Ratio(_) => "a ratio",
        Value::Clock(..) => "a time",
        Value::Date(..) => "a date",
        Value::Choice(..) => "an option",
        Value::Family(..) => "a family",
        Value::Text(_) => "text",
    }
}
