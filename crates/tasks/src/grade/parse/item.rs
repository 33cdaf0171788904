//! Whole answers: lists of items; an item is a relation, a set expression or a scalar with its
//! unit.

use super::super::expr::{Expr, Func};
use super::super::lexer::Tok;
use super::super::text;
use super::super::units::{self, Unit};
use super::super::value::{Joint, NamedSet, Sign, Value};
use super::structure::sign_of;
use super::{ParseError, Parser, number};

/// Words that open a condition on the free integer of a family.
const CONDITIONS: &[&str] = &["where", "for", "with"];

impl Parser<'_> {
    /// The whole input as one answer.
    pub(super) fn answer(&mut self) -> Result<Value, ParseError> {
        if matches!(self.peek(), Some(Tok::Text(label)) if label.ends_with(':')) {
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

    fn conjunction(&mut self) -> Option<Joint> {
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

    fn condition_starts(&self) -> bool {
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
        loop {
            let is_set = !matches!(value, Value::Scalar { .. });
            let joins = self.is_command("cup") || self.is_command("cap");
            if joins && !may_be_set(&value) {
                return Err(self.unexpected("a set before it"));
            }
            if self.eat_command("cup") || (is_set && self.eat_union_letter()) {
                let right = self.right_set()?;
                value = match value {
                    Value::Union(mut parts) => {
                        parts.push(right);
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
            self.depth += 1;
            if self.depth > 10 * super::MAX_DEPTH {
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
    fn is_to(&self) -> bool {
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

    /// Words that stand alone. They hold no command, so that reading them cannot recurse.
    fn words(&self, text: &str) -> Result<Value, ParseError> {
        if text.contains(['\\', '{', '}', '$']) {
            return Err(self.unexpected("plain words"));
        }
        match super::parse(text) {
            Ok(value) => Ok(value),
            Err(_) if text::is_plain(text) => Ok(Value::Text(text::normalize(text))),
            Err(error) => Err(error),
        }
    }

    /// An expression with currency signs, percent or degree signs and units around it.
    fn scalar(&mut self) -> Result<Value, ParseError> {
        let start = self.pos;
        let mut unit = None;
        let is_negative = self.is_char('-') && matches!(self.peek_at(1), Some(Tok::Currency(_)));
        self.pos += usize::from(is_negative);
        if let Some(Tok::Currency(name)) = self.peek() {
            self.pos += 1;
            unit = Some(currency(name));
        } else if matches!(self.peek(), Some(Tok::Word(w) | Tok::Text(w)) if w == "USD")
            && matches!(self.peek_at(1), Some(Tok::Number { .. }))
        {
            self.pos += 1;
            unit = Some(units::dollars());
        }
        let short = self.short_unit();
        let mut expr = match short {
            Some(literal) => literal,
            None => self.text_number()?,
        };
        if is_negative {
            expr = Expr::Neg(Box::new(expr));
        }
        let end = self.pos;
        if self.eat_char('%') {
            unit = Some(units::percent());
        } else if let Some((inner, degrees)) = take_degrees(&expr) {
            expr = inner;
            unit = Some(degrees);
        }
        let (scaled, stated) = self.units(expr)?;
        expr = scaled;
        if let (Some(stated), None) = (&stated, &unit) {
            expr = self.further_units(expr, stated)?;
        }
        let unit = merge(unit, stated).ok_or_else(|| self.unexpected("one unit"))?;
        let written = &self.tokens[start..end];
        let is_decimal = written
            .iter()
            .any(|t| matches!(&t.tok, Tok::Number { digits, .. } if digits.contains('.')));
        Ok(Value::Scalar { expr, unit, is_decimal })
    }

    /// `5 m`, `3 m^2`, `10 m/s`: a literal before a spaced single letter that names a unit and
    /// ends the input.
    fn short_unit(&mut self) -> Option<Expr> {
        const LETTERS: &[&str] = &["m", "s", "g", "h", "L"];
        let Some(Tok::Number { digits, repeating }) = self.peek() else { return None };
        let token = self.tokens.get(self.pos + 1)?;
        let is_letter = matches!(&token.tok, Tok::Word(w) if LETTERS.contains(&w.as_str()));
        let is_rest_plain = self.tokens[self.pos + 1..].iter().all(|t| {
            matches!(&t.tok, Tok::Word(w) if LETTERS.contains(&w.as_str()))
                || matches!(&t.tok, Tok::Char('/' | '^' | '{' | '}'))
                || matches!(&t.tok, Tok::Number { digits, .. } if digits == "2" || digits == "3")
        });
        if !token.spaced || !is_letter || !is_rest_plain {
            return None;
        }
        let value = number::decimal(digits, repeating).ok()?;
        self.pos += 1;
        Some(Expr::Num(value))
    }

    /// `\text{A5}_{11}`, or any expression.
    fn text_number(&mut self) -> Result<Expr, ParseError> {
        if let (Some(Tok::Text(digits)), Some(Tok::Char('_'))) = (self.peek(), self.peek_at(1)) {
            self.pos += 2;
            let base = self.base_subscript()?;
            return Ok(Expr::Based(number::in_base(digits, base)?, base));
        }
        self.expression()
    }

    /// The words, powers and quotients of a unit.
    fn units(&mut self, expr: Expr) -> Result<(Expr, Option<Unit>), ParseError> {
        let start = self.pos;
        let mut text = String::new();
        loop {
            if self.is_to() {
                break;
            }
            match self.peek() {
                Some(Tok::Text(word)) => text = format!("{text} {word}"),
                Some(Tok::Word(word)) if !self.is_conjunction(word) => {
                    text = format!("{text} {word}")
                }
                Some(Tok::Char('^')) if !text.is_empty() => {
                    self.pos += 1;
                    let is_braced = self.eat_char('{');
                    let Some(Tok::Number { digits, .. }) = self.peek() else {
                        return Err(self.unexpected("the power of a unit"));
                    };
                    text = format!("{}^{digits}", text.trim_end());
                    if is_braced && self.peek_at(1) == Some(&Tok::Char('}')) {
                        self.pos += 1;
                    }
                }
                Some(Tok::Char('/'))
                    if matches!(self.peek_at(1), Some(Tok::Word(_) | Tok::Text(_))) =>
                {
                    text.push('/');
                }
                Some(Tok::Char('.')) if !text.is_empty() => {}
                Some(Tok::Command("times")) if !text.is_empty() => text.push(' '),
                _ => break,
            }
            self.pos += 1;
            if self.condition_starts() {
                break;
            }
        }
        let is_condition = text.split_whitespace().next().is_some_and(|w| CONDITIONS.contains(&w));
        if text.is_empty()
            || is_condition
            || (text.trim_start().starts_with("is") && text.contains("integer"))
        {
            self.pos = start;
            return Ok((expr, None));
        }
        match units::parse(&text) {
            Some(reading) => {
                let is_plain = reading.scale == num_traits::One::one();
                let expr =
                    if is_plain { expr } else { Expr::Mul(vec![expr, Expr::Num(reading.scale)]) };
                Ok((expr, reading.unit))
            }
            None => {
                self.pos = start;
                Err(self.unexpected("a unit"))
            }
        }
    }

    fn is_conjunction(&self, word: &str) -> bool {
        word.eq_ignore_ascii_case("and")
            || word.eq_ignore_ascii_case("or")
            || CONDITIONS.contains(&word)
            || word == "U"
    }

    /// `2 hours 30 minutes`, `5 feet 3 inches`: smaller units of the same kind are added.
    fn further_units(&mut self, first: Expr, unit: &Unit) -> Result<Expr, ParseError> {
        let mut sum = vec![first];
        let start = self.pos;
        if self.conjunction() == Some(Joint::Or) {
            self.pos = start;
        }
        while matches!(self.peek(), Some(Tok::Number { .. })) && sum.len() < 4 {
            let part = self.expression()?;
            let (part, Some(stated)) = self.units(part)? else {
                self.pos = start;
                break;
            };
            match units::relate(&stated, unit) {
                units::Relation::Convertible(factor) => {
                    sum.push(Expr::Mul(vec![part, Expr::rational(factor)]));
                }
                _ => return Err(self.unexpected("a smaller unit of the same kind")),
            }
        }
        if sum.len() == 1 {
            self.pos = start;
            return Ok(sum.remove(0));
        }
        Ok(Expr::Add(sum))
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

fn currency(name: &str) -> Unit {
    match name {
        "dollars" => units::dollars(),
        other => Unit { text: other.to_owned(), measure: None },
    }
}

/// A sign before and a word after the number must name the same unit; cents after a dollar sign
/// do not.
fn merge(first: Option<Unit>, second: Option<Unit>) -> Option<Option<Unit>> {
    match (first, second) {
        (None, unit) | (unit, None) => Some(unit),
        (Some(a), Some(b)) => match units::relate(&a, &b) {
            units::Relation::Convertible(factor) if factor == num_traits::One::one() => {
                Some(Some(a))
            }
            units::Relation::Unknown => Some(Some(a)),
            _ => None,
        },
    }
}

/// The number of degrees, if the expression is one angle or a sum of angles in degrees.
fn take_degrees(expr: &Expr) -> Option<(Expr, Unit)> {
    let inner = match expr {
        Expr::Call(Func::Degrees, args) => args.first()?.clone(),
        Expr::Neg(x) => Expr::Neg(Box::new(take_degrees(x)?.0)),
        Expr::Add(parts) => {
            let parts: Option<Vec<Expr>> = parts.iter().map(|p| Some(take_degrees(p)?.0)).collect();
            Expr::Add(parts?)
        }
        _ => return None,
    };
    Some((inner, units::degrees()))
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
