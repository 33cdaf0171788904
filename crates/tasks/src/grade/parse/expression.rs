//! Scalar expressions: sums, products written with and without a sign, powers, functions.

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::ToPrimitive;

use super::super::expr::{Expr, Func};
use super::super::lexer::Tok;
use super::super::units;
use super::names::{is_symbol, split_function};
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
            Some(Tok::Char('(')) => self.peek_at(2) != Some(&Tok::Command("in")),
            Some(Tok::Char('[' | '{')) => true,
            Some(Tok::Char('|')) => self.open_bars == 0,
            Some(Tok::Name(_)) => true,
            // 2^x 3^x: a power after a power of a letter cannot be a longer number.
            Some(Tok::Number { .. }) => {
                self.peek_at(1) == Some(&Tok::Char('^'))
                    && self.pos > 0
                    && !matches!(self.tokens[self.pos - 1].tok, Tok::Number { .. })
            }
            Some(Tok::Word(word)) => !self.is_word_apart(word),
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
                "and" | "or" | "is" | "if" | "for" | "to" | "am" | "pm" | "USD" | "PM" | "AM"
            )
    }

    /// A number, perhaps followed by a proper fraction that is added: `1\frac12`, `1 1/2`.
    fn mixed_number(&mut self) -> Result<Expr, ParseError> {
        let start = self.pos;
        if let Some(Tok::Number { digits, repeating }) = self.peek()
            && repeating.is_empty()
            && digits.chars().all(|c| c.is_ascii_digit())
        {
            let whole = number::decimal(digits, "")?;
            self.pos += 1;
            if let Some(fraction) = self.proper_fraction() {
                return Ok(Expr::Num(whole + fraction));
            }
        }
        self.pos = start;
        self.factor()
    }

    fn proper_fraction(&mut self) -> Option<BigRational> {
        let start = self.pos;
        let parts = if self.eat_command("frac") {
            match self.two_arguments() {
                Ok((Expr::Num(numer), Expr::Num(denom), None))
                    if numer.is_integer() && denom.is_integer() =>
                {
                    Some((numer.to_integer(), denom.to_integer()))
                }
                _ => None,
            }
        } else if self.tokens.get(self.pos).is_some_and(|t| t.spaced) {
            // "1 1/2": both parts whole, and no exponent on either.
            let numer = self.whole_number();
            let is_quotient = self.eat_char('/');
            numer.filter(|_| is_quotient).zip(self.whole_number())
        } else {
            None
        };
        let value = parts
            .filter(|(numer, denom)| *numer < *denom && !numer.eq(&BigInt::from(0)))
            .map(|(numer, denom)| BigRational::new(numer, denom));
        let is_power = self.is_char('^') || self.is_char('_') || self.is_char('!');
        if value.is_none() || is_power {
            self.pos = start;
            return None;
        }
        value
    }

    fn whole_number(&mut self) -> Option<BigInt> {
        match self.peek() {
            Some(Tok::Number { digits, repeating })
                if repeating.is_empty() && digits.chars().all(|c| c.is_ascii_digit()) =>
            {
                self.pos += 1;
                digits.parse().ok()
            }
            _ => None,
        }
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
                if self.is_degree_sign() {
                    base = Expr::Call(Func::Degrees, vec![base]);
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
                base = Expr::Call(Func::Degrees, vec![base]);
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

    /// `\circ` or `{\circ}` after a caret, eaten.
    fn is_degree_sign(&mut self) -> bool {
        if self.eat_command("circ") || self.eat_command("degree") {
            return true;
        }
        let is_braced = self.is_char('{')
            && matches!(self.peek_at(1), Some(Tok::Command("circ" | "degree")))
            && self.peek_at(2) == Some(&Tok::Char('}'));
        self.pos += if is_braced { 3 } else { 0 };
        is_braced
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
    fn two_arguments(&mut self) -> Result<(Expr, Expr, Option<Expr>), ParseError> {
        if let Some(Tok::Number { digits, repeating }) = self.peek()
            && repeating.is_empty()
            && digits.len() >= 2
            && digits.chars().all(|c| c.is_ascii_digit())
        {
            let digit = |place: usize| Expr::integer(BigInt::from(digits.as_bytes()[place] - b'0'));
            self.pos += 1;
            let rest = match digits.len() {
                2 => None,
                _ => Some(Expr::Num(number::decimal(&digits[2..], "")?)),
            };
            return Ok((digit(0), digit(1), rest));
        }
        let numer = self.argument()?;
        if let Some(Tok::Number { digits, .. }) = self.peek()
            && digits.len() >= 2
            && !self.tokens[self.pos].spaced
            && digits.chars().all(|c| c.is_ascii_digit())
            && matches!(numer, Expr::Var(_) | Expr::Pi | Expr::E | Expr::I)
        {
            // `\frac\pi12` is pi over twelve for every writer, whatever TeX prints.
            self.pos += 1;
            return Ok((numer, Expr::Num(number::decimal(digits, "")?), None));
        }
        let denom = self.argument()?;
        Ok((numer, denom, None))
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
            Tok::Char('|') => self.absolute(&Tok::Char('|')),
            Tok::Command(name) => self.command(name),
            _ => Err(self.unexpected("a number or a letter")),
        }
    }

    /// A numeral, with its base if a subscript states one.
    fn numeral(&mut self, digits: &str, repeating: &str) -> Result<Expr, ParseError> {
        if self.is_char('_') && repeating.is_empty() {
            self.pos += 1;
            let base = self.base_subscript()?;
            return Ok(Expr::Based(number::in_base(digits, base)?, base));
        }
        Ok(Expr::Num(number::decimal(digits, repeating)?))
    }

    /// The base in `_8`, `_{8}`, `_{\text{eight}}`.
    pub(super) fn base_subscript(&mut self) -> Result<u32, ParseError> {
        let is_braced = self.eat_char('{');
        let base = match self.peek() {
            Some(Tok::Number { digits, .. }) => digits.parse().ok(),
            Some(Tok::Word(word) | Tok::Text(word)) => {
                super::super::text::number_word(word).and_then(|n| n.to_u32())
            }
            _ => None,
        };
        let Some(base) = base else {
            return Err(self.unexpected("the base of a number"));
        };
        self.pos += 1;
        if is_braced {
            self.expect_char('}', "the end of the base")?;
        }
        Ok(base)
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
                let (numer, denom, rest) = self.nested(|p| p.two_arguments())?;
                let value = Expr::quotient(numer, denom);
                Ok(match rest {
                    None => value,
                    Some(rest) => Expr::Mul(vec![value, rest]),
                })
            }
            "binom" => {
                self.pos += 1;
                let (top, bottom, rest) = self.nested(|p| p.two_arguments())?;
                match rest {
                    None => Ok(Expr::Call(Func::Binomial, vec![top, bottom])),
                    Some(_) => Err(self.unexpected("two arguments")),
                }
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
                match self.peek() {
                    Some(Tok::Word(word)) => {
                        self.pos += 1;
                        Ok(Expr::Var(format!("{name} {word}")))
                    }
                    _ => Err(self.unexpected("the name of a figure")),
                }
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
