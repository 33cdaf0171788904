//! Scalar expressions: sums, products written with and without a sign, powers, functions.

use num_bigint::BigInt;

use super::super::expr::{Expr, Func};
use super::super::lexer::Tok;
use super::super::units;
use super::names::{is_symbol, letters, split_function};
use super::{ParseError, Parser, number};

/// More parts than this in one sum or product are refused.
pub(super) const MAX_PARTS: usize = 4_000;

impl Parser<'_> {
    /// A sum of products.
    pub(super) fn expression(&mut self) -> Result<Expr, ParseError> {
        self.nested(|p| p.sum())
    }

    fn sum(&mut self) -> Result<Expr, ParseError> {
        let mut parts = Vec::new();
        loop {
            let mut sign = None;
            let mut is_negative = false;
            let mut has_sign = false;
            loop {
                if self.eat_char('-') {
                    is_negative = !is_negative;
                } else if self.eat_command("pm") {
                    sign = Some(true);
                } else if self.eat_command("mp") {
                    sign = Some(false);
                } else if !self.eat_char('+') {
                    break;
                }
                has_sign = true;
            }
            if !has_sign && !parts.is_empty() {
                break;
            }
            let mut part = self.product()?;
            if is_negative {
                part = Expr::Neg(Box::new(part));
            }
            if let Some(plus) = sign {
                part = Expr::PlusMinus(plus, Box::new(part));
            }
            parts.push(part);
            if parts.len() > MAX_PARTS {
                return Err(ParseError::Depth);
            }
            let more = self.is_char('+')
                || self.is_char('-')
                || self.is_command("pm")
                || self.is_command("mp");
            if !more {
                break;
            }
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expr::Add(parts) })
    }

    fn product(&mut self) -> Result<Expr, ParseError> {
        let first = self.mixed_number()?;
        let mut factors = vec![first];
        loop {
            if factors.len() > MAX_PARTS {
                return Err(ParseError::Depth);
            }
            if self.eat_command("times") || self.is_plain_times() {
                let factor = self.signed_factor()?;
                factors.push(factor);
            } else if self.eat_char('/') || self.eat_command("div") {
                let factor = self.signed_factor()?;
                factors.push(Expr::Inv(Box::new(factor)));
            } else if self.is_command("bmod") {
                self.pos += 1;
                let right = self.factor()?;
                let left = single(factors);
                factors = vec![Expr::Call(Func::Mod, vec![left, right])];
            } else if self.starts_factor() {
                let factor = self.factor()?;
                factors.push(factor);
            } else {
                return Ok(single(factors));
            }
        }
    }

    /// The letter x between a number and a power of ten.
    fn is_plain_times(&mut self) -> bool {
        let is_times = matches!(self.peek(), Some(Tok::Word(w)) if w == "x" || w == "X")
            && self.pos > 0
            && matches!(self.tokens[self.pos - 1].tok, Tok::Number { .. })
            && matches!(self.peek_at(1), Some(Tok::Number { digits, .. }) if self.pos > 0 && (digits == "10" || self.tokens[self.pos].spaced));
        self.pos += usize::from(is_times);
        is_times
    }

    pub(super) fn signed_factor(&mut self) -> Result<Expr, ParseError> {
        let mut is_negative = false;
        while self.is_char('-') || self.is_char('+') {
            is_negative ^= self.is_char('-');
            self.pos += 1;
        }
        let factor = self.factor()?;
        Ok(if is_negative { Expr::Neg(Box::new(factor)) } else { factor })
    }

    /// Whether a product may go on here without a sign between the factors. A number never may:
    /// "9 10" is not ninety.
    pub(super) fn starts_factor(&self) -> bool {
        match self.peek() {
            Some(Tok::Char('(')) => {
                self.peek_at(2) != Some(&Tok::Command("in"))
                    && !self.is_base(1)
                    && !self.is_modulus(1)
            }
            Some(Tok::Char('[' | '{')) => true,
            Some(Tok::Char('|')) => self.open_bars == 0,
            Some(Tok::Name(_)) => true,
            // 2^x 3^x: a power after a power of a letter cannot be a longer number, and neither
            // can what follows a factorial.
            Some(Tok::Number { .. }) if self.pos > 0 => match self.tokens[self.pos - 1].tok {
                Tok::Number { .. } => false,
                Tok::Char('!') => true,
                _ => self.peek_at(1) == Some(&Tok::Char('^')),
            },
            Some(Tok::Word(word)) => !self.is_word_apart(word) && !self.is_temperature(word),
            Some(Tok::Command(name)) => match *name {
                "frac" | "sqrt" | "binom" | "infty" | "langle" | "lfloor" | "lceil"
                | "triangle" | "angle" => true,
                "vert" => self.open_bars == 0,
                _ => false,
            },
            _ => false,
        }
    }

    /// Whether a word after a factor names a unit or belongs to the prose, not to the product.
    fn is_word_apart(&self, word: &str) -> bool {
        if word.len() == 1 || Func::from_name(word).is_some() || is_symbol(word) {
            return false;
        }
        if split_function(word).is_some() {
            return false;
        }
        let is_upper = word.chars().all(|c| c.is_ascii_uppercase());
        if is_upper && word != "PM" && word != "AM" && word != "USD" {
            return false;
        }
        units::is_unit_word(word)
            || word.len() >= 4
            || matches!(
                word,
                "and"
                    | "or"
                    | "is"
                    | "if"
                    | "for"
                    | "to"
                    | "am"
                    | "pm"
                    | "USD"
                    | "PM"
                    | "AM"
                    | "per"
            )
    }

    /// Whether the word after a degree sign names a scale of temperature.
    fn is_temperature(&self, word: &str) -> bool {
        let last = self.tokens[..self.pos].iter().rev().find(|t| t.tok != Tok::Char('}'));
        matches!(word, "C" | "F")
            && matches!(last.map(|t| &t.tok), Some(Tok::Command("circ" | "degree")))
    }

    /// A factor with its exponent and other marks.
    pub(super) fn factor(&mut self) -> Result<Expr, ParseError> {
        self.nested(|p| {
            let base = p.primary()?;
            p.postfix(base)
        })
    }

    pub(super) fn postfix(&mut self, mut base: Expr) -> Result<Expr, ParseError> {
        let mut marks = 0;
        loop {
            marks += 1;
            if marks > 4 {
                return Err(ParseError::Depth);
            }
            if self.is_char('^') {
                self.pos += 1;
                if self.is_degree_sign(matches!(base, Expr::Num(_))) {
                    base = Expr::Call(Func::Degrees, vec![self.minutes(base)?]);
                    continue;
                }
                if self.is_prime() {
                    return Err(self.unexpected("an exponent"));
                }
                let exponent = self.script()?;
                base = Expr::Pow(Box::new(base), Box::new(exponent));
            } else if self.is_command("degree")
                || (self.is_command("circ") && self.is_at_end_of_number())
            {
                self.pos += 1;
                base = Expr::Call(Func::Degrees, vec![self.minutes(base)?]);
            } else if self.is_char('!') {
                self.pos += 1;
                let is_double = self.is_char('!') && !self.tokens[self.pos].spaced;
                self.pos += usize::from(is_double);
                let func = if is_double { Func::DoubleFactorial } else { Func::Factorial };
                base = Expr::Call(func, vec![base]);
            } else {
                return Ok(base);
            }
        }
    }

    fn is_at_end_of_number(&self) -> bool {
        !matches!(self.peek_at(1), Some(Tok::Word(_) | Tok::Char('(')))
    }

    fn is_prime(&self) -> bool {
        self.is_command("prime")
    }

    /// An exponent: a group, or one signed number, or one factor without its own exponent.
    pub(super) fn script(&mut self) -> Result<Expr, ParseError> {
        let is_negative = self.eat_char('-');
        self.eat_char('+');
        let value = self.nested(|p| {
            let value = p.primary()?;
            // a^b^c is a^(b^c).
            if p.is_char('^') { p.postfix(value) } else { Ok(value) }
        })?;
        Ok(if is_negative { Expr::Neg(Box::new(value)) } else { value })
    }

    /// One argument of a command: a group, or a single digit or symbol as TeX takes it.
    pub(super) fn argument(&mut self) -> Result<Expr, ParseError> {
        if self.is_char('-') {
            return self.signed_factor();
        }
        self.nested(|p| p.primary())
    }

    /// Both arguments of `\frac` or `\binom`.
    fn two_arguments(&mut self) -> Result<(Expr, Expr), ParseError> {
        if let Some(Tok::Number { digits, repeating }) = self.peek()
            && repeating.is_empty()
            && digits.len() >= 2
            && digits.chars().all(|c| c.is_ascii_digit())
        {
            // \frac431 prints as 4/3 beside 1, which nobody means.
            if digits.len() > 2 {
                return Err(self.unexpected("two digits or two groups"));
            }
            let digit = |place: usize| Expr::integer(BigInt::from(digits.as_bytes()[place] - b'0'));
            self.pos += 1;
            return Ok((digit(0), digit(1)));
        }
        if let Some(Tok::Word(word)) = self.peek()
            && word.len() == 2
            && !is_symbol(word)
        {
            self.pos += 1;
            return Ok((letters(&word[..1]), letters(&word[1..])));
        }
        let is_braced = self.is_char('{');
        let numer = self.argument()?;
        if let Some(Tok::Number { digits, .. }) = self.peek()
            && digits.len() >= 2
            && !self.tokens[self.pos].spaced
            && digits.chars().all(|c| c.is_ascii_digit())
            && matches!(numer, Expr::Var(_) | Expr::Pi | Expr::E | Expr::I)
        {
            // `\frac\pi12` is pi over twelve for every writer, whatever TeX prints.
            self.pos += 1;
            return Ok((numer, Expr::Num(number::decimal(digits, "")?)));
        }
        let is_cut = matches!(self.peek(), Some(Tok::Number { digits, .. }) if digits.len() > 1);
        if is_braced && is_cut {
            return Err(self.unexpected("one digit or a group"));
        }
        let denom = self.argument()?;
        Ok((numer, denom))
    }

    pub(super) fn primary(&mut self) -> Result<Expr, ParseError> {
        let Some(tok) = self.peek() else {
            return Err(self.unexpected("a number or a letter"));
        };
        match tok {
            Tok::Number { digits, repeating } => {
                self.pos += 1;
                self.numeral(digits, repeating)
            }
            Tok::Based { digits, base } => {
                self.pos += 1;
                Ok(Expr::Based(number::in_base(digits, *base)?, *base))
            }
            Tok::Word(word) => {
                self.pos += 1;
                self.word(word)
            }
            Tok::Name(name) => {
                self.pos += 1;
                self.subscripted(name.clone())
            }
            Tok::Char(open @ ('(' | '[' | '{')) => self.group(*open),
            Tok::Char('_') => self.combinations(),
            Tok::Char('|') => self.absolute(&Tok::Char('|')),
            Tok::Command(name) => self.command(name),
            _ => Err(self.unexpected("a number or a letter")),
        }
    }

    fn group(&mut self, open: char) -> Result<Expr, ParseError> {
        self.pos += 1;
        let inner = self.with_bars(0, |p| {
            let inner = p.expression()?;
            if p.eat_command("choose") {
                return Ok(Expr::Call(Func::Binomial, vec![inner, p.expression()?]));
            }
            if p.eat_command("over") {
                return Ok(Expr::quotient(inner, p.expression()?));
            }
            Ok(inner)
        })?;
        let close = match open {
            '(' => ')',
            '[' => ']',
            _ => '}',
        };
        self.expect_char(close, "a closing bracket")?;
        match inner.as_literal().filter(|v| self.is_char('_') && v.is_integer()) {
            // (101)_2: the digits were read as decimal before the base came.
            Some(value) => {
                self.pos += 1;
                let base = self.base_subscript()?;
                Ok(Expr::Based(number::in_base(&value.to_integer().to_string(), base)?, base))
            }
            None => Ok(inner),
        }
    }

    /// `_5C_2`, also with an empty group before it.
    fn combinations(&mut self) -> Result<Expr, ParseError> {
        self.pos += 1;
        let top = self.argument()?;
        if !matches!(self.peek(), Some(Tok::Word(word)) if word == "C") {
            return Err(self.unexpected("the letter C"));
        }
        self.pos += 1;
        self.expect_char('_', "the lower number")?;
        let bottom = self.argument()?;
        Ok(Expr::Call(Func::Binomial, vec![top, bottom]))
    }

    fn absolute(&mut self, close: &Tok) -> Result<Expr, ParseError> {
        self.pos += 1;
        let inner = self.with_bars(self.open_bars + 1, |p| p.expression())?;
        if self.peek() != Some(close) {
            return Err(self.unexpected("a closing bar"));
        }
        self.pos += 1;
        Ok(Expr::Call(Func::Abs, vec![inner]))
    }

    fn command(&mut self, name: &str) -> Result<Expr, ParseError> {
        match name {
            "frac" => {
                self.pos += 1;
                let (numer, denom) = self.nested(|p| p.two_arguments())?;
                Ok(Expr::quotient(numer, denom))
            }
            "binom" => {
                self.pos += 1;
                let (top, bottom) = self.nested(|p| p.two_arguments())?;
                Ok(Expr::Call(Func::Binomial, vec![top, bottom]))
            }
            "sqrt" => self.square_root(),
            "infty" => {
                self.pos += 1;
                Ok(Expr::Infinity)
            }
            "vert" => self.absolute(&Tok::Command("vert")),
            "lfloor" => self.rounded(Func::Floor, "rfloor"),
            "lceil" => self.rounded(Func::Ceil, "rceil"),
            "triangle" | "angle" => {
                self.pos += 1;
                let is_braced = self.eat_char('{');
                let Some(Tok::Word(word)) = self.peek() else {
                    return Err(self.unexpected("the name of a figure"));
                };
                self.pos += 1;
                if is_braced {
                    self.expect_char('}', "the end of the name")?;
                }
                Ok(Expr::Var(format!("{name} {word}")))
            }
            _ => Err(self.unexpected("a number or a letter")),
        }
    }

    fn rounded(&mut self, func: Func, close: &'static str) -> Result<Expr, ParseError> {
        self.pos += 1;
        let inner = self.expression()?;
        if self.eat_command(close) {
            Ok(Expr::Call(func, vec![inner]))
        } else {
            Err(self.unexpected("a closing bracket"))
        }
    }

    fn square_root(&mut self) -> Result<Expr, ParseError> {
        self.pos += 1;
        let mut degree = Expr::integer(2);
        if self.is_char('[') {
            self.pos += 1;
            degree = self.expression()?;
            self.expect_char(']', "the end of the degree")?;
        }
        let radicand = self.argument()?;
        Ok(Expr::Root(Box::new(radicand), Box::new(degree)))
    }
}

pub(super) fn single(mut factors: Vec<Expr>) -> Expr {
    if factors.len() == 1 { factors.remove(0) } else { Expr::Mul(factors) }
}
