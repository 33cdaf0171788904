//! Scalars as quantities: currency signs, percent and degree signs, units, words.

use super::super::expr::{Expr, Func};
use super::super::lexer::Tok;
use super::super::text;
use super::super::units::{self, Unit};
use super::super::value::{Joint, Value};
use super::item::CONDITIONS;
use super::{ParseError, Parser, number};

impl Parser<'_> {
    /// Words that stand alone. They hold no command, so that reading them cannot recurse.
    pub(super) fn words(&self, text: &str) -> Result<Value, ParseError> {
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
    pub(super) fn scalar(&mut self) -> Result<Value, ParseError> {
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
        let mut expr = match &short {
            Some(literal) => literal.clone(),
            None => self.text_number()?,
        };
        if short.is_none()
            && let Some(based) = self.stated_base(start)?
        {
            expr = based;
        }
        if is_negative {
            expr = Expr::Neg(Box::new(expr));
        }
        let end = self.pos;
        if self.eat_char('%') {
            unit = Some(units::percent());
        } else if let Some((inner, degrees)) = take_degrees(&expr) {
            expr = inner;
            unit = Some(self.temperature().unwrap_or(degrees));
        } else if let (None, Some(Tok::Currency(name))) = (&unit, self.peek())
            && !matches!(self.peek_at(1), Some(Tok::Number { .. }))
        {
            // 18.90\$: the sign after the amount.
            self.pos += 1;
            unit = Some(currency(name));
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

    /// The letter after a degree sign that makes it a temperature.
    fn temperature(&mut self) -> Option<Unit> {
        let (Tok::Word(word) | Tok::Text(word)) = self.peek()? else { return None };
        let unit = units::temperature(word)?;
        self.pos += 1;
        Some(unit)
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
                    let sign = if self.eat_char('-') { "-" } else { "" };
                    let Some(Tok::Number { digits, .. }) = self.peek() else {
                        return Err(self.unexpected("the power of a unit"));
                    };
                    text = format!("{}^{sign}{digits}", text.trim_end());
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
