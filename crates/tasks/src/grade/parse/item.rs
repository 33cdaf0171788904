//! Whole answers: lists of items; an item is a relation, a set expression or a scalar with its
//! unit.

use super::super::expr::{Expr, Func};
use super::super::lexer::Tok;
use super::super::value::{Joint, NamedSet, Sign, Value};
use super::rounding::is_rounding;
use super::structure::sign_of;
use super::{ParseError, Parser};

/// Words that open a condition on the free integer of a family.
pub(super) const CONDITIONS: &[&str] = &["where", "for", "with"];

/// Sets joined by one chain of union signs.
const MAX_UNION: usize = 1_000;

impl Parser<'_> {
    /// The whole input as one answer.
    pub(super) fn answer(&mut self) -> Result<Value, ParseError> {
        if matches!(self.peek(), Some(Tok::Text(label)) if is_label(label)) {
            self.pos += 1;
        }
        while self.eat_char('=') || self.eat_command("approx") {}
        if matches!(self.peek(), Some(Tok::Word(w) | Tok::Text(w)) if w.eq_ignore_ascii_case("either"))
        {
            self.pos += 1;
        }
        let value = self.list()?;
        if self.pos < self.tokens.len() {
            return Err(self.unexpected("the end"));
        }
        Ok(value)
    }

    /// Items with commas, semicolons, "and" or "or" between them.
    pub(super) fn list(&mut self) -> Result<Value, ParseError> {
        let mut parts = Vec::new();
        let mut joint = Joint::Comma;
        loop {
            parts.push(self.nested(|p| p.item())?);
            let mut has_separator = self.eat_char(',') || self.eat_char(';');
            let word = self.conjunction();
            if let Some(word) = word {
                // "and/or" and mixtures promise nothing: they read as alternatives.
                joint = if joint == Joint::Or { joint } else { word };
                has_separator = true;
            }
            if self.condition_starts() {
                let name = self.integer_condition()?;
                return Ok(Value::Family(Box::new(join(parts, joint)), name));
            }
            if !has_separator || self.pos == self.tokens.len() {
                break;
            }
        }
        if let Some(Value::Member(Expr::Var(name), set)) = parts.last()
            && parts.len() > 1
            && **set == Value::Named(NamedSet::Integers)
        {
            let name = name.clone();
            parts.pop();
            return Ok(Value::Family(Box::new(join(parts, joint)), name));
        }
        Ok(join(parts, joint))
    }

    pub(super) fn conjunction(&mut self) -> Option<Joint> {
        let found = match self.peek()? {
            Tok::Command("and") => Joint::And,
            Tok::Command("or") => Joint::Or,
            Tok::Word(word) if word.eq_ignore_ascii_case("and") => Joint::And,
            Tok::Word(word) if word.eq_ignore_ascii_case("or") => Joint::Or,
            _ => return None,
        };
        self.pos += 1;
        Some(found)
    }

    pub(super) fn condition_starts(&self) -> bool {
        match self.peek() {
            Some(Tok::Char('(')) => self.peek_at(2) == Some(&Tok::Command("in")),
            Some(Tok::Word(word) | Tok::Text(word)) => {
                let first = word.split_whitespace().next().unwrap_or("").to_lowercase();
                CONDITIONS.contains(&first.as_str()) || (first == "is" && self.says_integer())
            }
            _ => false,
        }
    }

    fn says_integer(&self) -> bool {
        self.tokens[self.pos..].iter().any(|t| match &t.tok {
            Tok::Word(word) | Tok::Text(word) => word.contains("integer"),
            Tok::Command(name) => *name == "integers",
            _ => false,
        })
    }

    /// The rest of the input, which must say that one letter is any integer.
    fn integer_condition(&mut self) -> Result<String, ParseError> {
        let names: Vec<String> = self.tokens[self.pos..]
            .iter()
            .filter_map(|t| match &t.tok {
                Tok::Word(word) if word.len() == 1 && word != "a" => Some(word.clone()),
                _ => None,
            })
            .collect();
        let is_plain = self.tokens[self.pos..].iter().all(|t| {
            matches!(
                t.tok,
                Tok::Word(_)
                    | Tok::Text(_)
                    | Tok::Command("in" | "integers")
                    | Tok::Char('(' | ')')
            )
        });
        if names.len() != 1 || !is_plain || !self.says_integer() {
            return Err(self.unexpected("a letter that is any integer"));
        }
        self.pos = self.tokens.len();
        Ok(names[0].clone())
    }

    /// One item of a list.
    pub(super) fn item(&mut self) -> Result<Value, ParseError> {
        let left = self.operand()?;
        let left = self.with_modulus(left)?;
        if self.eat_command("equiv") {
            let right = self.operand()?;
            let right = self.with_modulus(right)?;
            return match &right {
                Value::Scalar { expr: Expr::Call(Func::Residue, _), .. } => {
                    Ok(Value::Assignment(Box::new(left), Box::new(right)))
                }
                _ => Err(self.unexpected("the modulus of a congruence")),
            };
        }
        if self.eat_command("in") {
            let name = scalar_of(left).ok_or_else(|| self.unexpected("a name before it"))?;
            let set = self.operand()?;
            return Ok(Value::Member(name, Box::new(set)));
        }
        // "A: 5" is an option, not a ratio.
        let is_letter = matches!(&left, Value::Scalar { expr: Expr::Var(name), .. }
            if name.len() == 1 && name.chars().all(char::is_uppercase));
        let is_ratio =
            !is_letter && (self.is_char(':') || self.is_command("colon") || self.is_to());
        if is_ratio && self.open_bars == 0 {
            return self.ratio(left);
        }
        let Some(sign) = self.peek().and_then(sign_of) else {
            return Ok(left);
        };
        if !matches!(left, Value::Scalar { .. }) {
            self.pos += 1;
            let right = self.operand()?;
            if sign != Sign::Equal {
                return Err(self.unexpected("an equation"));
            }
            return Ok(Value::Assignment(Box::new(left), Box::new(right)));
        }
        self.relation(left)
    }

    fn with_modulus(&mut self, value: Value) -> Result<Value, ParseError> {
        match value {
            Value::Scalar { expr, unit: None, is_decimal } => {
                Ok(Value::Scalar { expr: self.residue(expr)?, unit: None, is_decimal })
            }
            other => Ok(other),
        }
    }

    fn relation(&mut self, left: Value) -> Result<Value, ParseError> {
        let first = left.clone();
        let mut sides = vec![relation_side(left)];
        let mut signs = Vec::new();
        while let Some(sign) = self.peek().and_then(sign_of) {
            self.pos += 1;
            let mut right = self.operand()?;
            if self.is_char(':') && self.open_bars == 0 {
                right = self.ratio(right)?;
            }
            if sign == Sign::Approx && !is_rounding(sides.last(), &right) {
                return Err(self.unexpected("a rounding of the value before it"));
            }
            match right {
                // What is rounded after an exact value adds nothing to it.
                _ if sign == Sign::Approx && signs.is_empty() => return Ok(first),
                Value::Scalar { expr, unit, is_decimal } => {
                    let is_last = self.peek().is_none_or(|t| sign_of(t).is_none());
                    let is_naming = signs.is_empty() && sign == Sign::Equal && is_last;
                    if is_naming && unit.is_some() && sides[0].has_variable() {
                        let value = Value::Scalar { expr, unit, is_decimal };
                        return Ok(Value::Assignment(Box::new(first), Box::new(value)));
                    }
                    sides.push(relation_side(Value::Scalar { expr, unit, is_decimal }));
                }
                other if signs.is_empty() && sign == Sign::Equal => {
                    return Ok(Value::Assignment(Box::new(first), Box::new(other)));
                }
                _ => return Err(self.unexpected("an expression on each side")),
            }
            signs.push(sign);
            if signs.len() > 64 {
                return Err(ParseError::Depth);
            }
        }
        Ok(Value::Relation(sides, signs))
    }

    fn ratio(&mut self, left: Value) -> Result<Value, ParseError> {
        let mut parts = vec![scalar_of(left).ok_or_else(|| self.unexpected("a number before it"))?];
        while self.is_char(':') || self.is_command("colon") || self.is_to() {
            self.pos += 1;
            parts.push(self.expression()?);
        }
        Ok(Value::Ratio(parts))
    }

    /// A set expression or a scalar.
    fn operand(&mut self) -> Result<Value, ParseError> {
        let mut value = self.set_or_scalar()?;
        // Operations on sets nest to the left; unions alone stay flat.
        let mut n_levels = 0usize;
        loop {
            let is_set = !matches!(value, Value::Scalar { .. });
            let joins = self.is_command("cup") || self.is_command("cap");
            if joins && !may_be_set(&value) {
                return Err(self.unexpected("a set before it"));
            }
            let mut is_flat = false;
            if self.eat_command("cup") || (is_set && self.eat_union_letter()) {
                let right = self.right_set()?;
                value = match value {
                    Value::Union(mut parts) if parts.len() < MAX_UNION => {
                        parts.push(right);
                        is_flat = true;
                        Value::Union(parts)
                    }
                    left => Value::Union(vec![left, right]),
                };
            } else if self.eat_command("cap") {
                let right = self.right_set()?;
                value = Value::Intersection(vec![value, right]);
            } else if is_set && (self.eat_command("setminus") || self.eat_char('-')) {
                let right = self.right_set()?;
                value = Value::Difference(Box::new(value), Box::new(right));
            } else {
                return Ok(value);
            }
            n_levels += usize::from(!is_flat);
            if n_levels > super::MAX_DEPTH {
                return Err(ParseError::Depth);
            }
        }
    }

    /// The right operand of a set operation.
    fn right_set(&mut self) -> Result<Value, ParseError> {
        let value = self.set_or_scalar()?;
        if may_be_set(&value) { Ok(value) } else { Err(self.unexpected("a set before it")) }
    }

    /// The word between the terms of a ratio.
    pub(super) fn is_to(&self) -> bool {
        matches!(self.peek(), Some(Tok::Word(word) | Tok::Text(word)) if word == "to")
            && matches!(self.peek_at(1), Some(Tok::Number { .. }))
    }

    fn eat_union_letter(&mut self) -> bool {
        let found =
            matches!(self.peek(), Some(Tok::Word(w)) if w == "U" || w == "u" || w == "union");
        self.pos += usize::from(found);
        found
    }

    fn set_or_scalar(&mut self) -> Result<Value, ParseError> {
        // P(3, 4): a point with its name.
        if matches!(self.peek(), Some(Tok::Word(w)) if w.len() == 1 && w.as_bytes()[0].is_ascii_uppercase())
            && self.peek_at(1) == Some(&Tok::Char('('))
        {
            self.pos += 1;
            if self.starts_structure() {
                return self.structure();
            }
            self.pos -= 1;
        }
        let named = match self.peek() {
            Some(Tok::Command(name)) => named_set(name),
            _ => None,
        };
        if let Some(set) = named {
            self.pos += 1;
            return Ok(Value::Named(set));
        }
        if self.starts_structure() {
            return self.structure();
        }
        if let Some(Tok::Text(word)) = self.peek()
            && self.peek_at(1).is_none_or(|tok| {
                matches!(
                    tok,
                    Tok::Char(',' | ';' | ')' | '}') | Tok::SetClose | Tok::Command("and" | "or")
                )
            })
        {
            self.pos += 1;
            return self.words(word);
        }
        let value = self.scalar()?;
        if matches!(self.peek(), Some(Tok::Begin(_))) {
            let Value::Scalar { expr: factor, unit: None, .. } = &value else {
                return Err(self.unexpected("a factor without unit"));
            };
            let Value::Matrix(rows) = self.structure()? else {
                return Err(self.unexpected("a matrix"));
            };
            let scale = |e: Expr| Expr::Mul(vec![factor.clone(), e]);
            let rows = rows.into_iter().map(|row| row.into_iter().map(scale).collect());
            return Ok(Value::Matrix(rows.collect()));
        }
        Ok(value)
    }
}

/// Sets, and letters that may name one.
fn may_be_set(value: &Value) -> bool {
    match value {
        Value::Scalar { expr, unit, .. } => matches!(expr, Expr::Var(_)) && unit.is_none(),
        _ => true,
    }
}

fn join(mut parts: Vec<Value>, joint: Joint) -> Value {
    if parts.len() == 1 { parts.remove(0) } else { Value::List(parts, joint) }
}

fn scalar_of(value: Value) -> Option<Expr> {
    match value {
        Value::Scalar { expr, unit: None, .. } => Some(expr),
        _ => None,
    }
}

/// A side of a relation: percent signs count as the factor they are, degrees as the angle.
fn relation_side(value: Value) -> Expr {
    match value {
        Value::Scalar { expr, unit: Some(unit), .. } if unit.is_percent() => {
            Expr::quotient(Expr::Mul(vec![expr]), Expr::integer(100))
        }
        Value::Scalar { expr, unit: Some(unit), .. } if unit.is_degrees() => {
            Expr::Call(Func::Degrees, vec![expr])
        }
        Value::Scalar { expr, .. } => expr,
        _ => Expr::Var("?".into()),
    }
}

/// Whether words before a colon only announce the answer.
fn is_label(words: &str) -> bool {
    words.strip_suffix(':').is_some_and(|words| {
        let denies =
            |word: &str| matches!(word, "not" | "no" | "wrong" | "incorrect" | "false" | "but");
        !words.to_lowercase().split_whitespace().any(denies)
    })
}

fn named_set(name: &str) -> Option<NamedSet> {
    Some(match name {
        "reals" => NamedSet::Reals,
        "integers" => NamedSet::Integers,
        "naturals" => NamedSet::Naturals,
        "rationals" => NamedSet::Rationals,
        "complexes" => NamedSet::Complexes,
        "emptyset" => NamedSet::Empty,
        _ => return None,
    })
}
