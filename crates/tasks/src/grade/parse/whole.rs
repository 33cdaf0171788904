//! Whole numbers and what may stand beside them: proper fractions, degrees with minutes, bases,
//! moduli.

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::ToPrimitive;

use super::super::expr::{Expr, Func};
use super::super::lexer::Tok;
use super::{ParseError, Parser, number};

impl Parser<'_> {
    /// A number, perhaps followed by a proper fraction that is added: `1\frac12`, `1 1/2`.
    pub(super) fn mixed_number(&mut self) -> Result<Expr, ParseError> {
        let start = self.pos;
        if let Some(Tok::Number { digits, repeating }) = self.peek()
            && repeating.is_empty()
            && digits.chars().all(|c| c.is_ascii_digit())
        {
            let whole = number::decimal(digits, "")?;
            self.pos += 1;
            if let Some(fraction) = self.proper_fraction()? {
                let value = Expr::Num(whole + fraction);
                return if self.is_char('^') { self.postfix(value) } else { Ok(value) };
            }
        }
        self.pos = start;
        self.factor()
    }

    fn proper_fraction(&mut self) -> Result<Option<BigRational>, ParseError> {
        let start = self.pos;
        let is_written_out = self.is_command("frac") || self.is_char('{');
        let parts = if is_written_out {
            self.primary().ok().and_then(|fraction| whole_parts(&fraction))
        } else if self.tokens.get(self.pos).is_some_and(|t| t.spaced) {
            // "1 1/2": both parts whole, and no exponent on either.
            let numer = self.whole_number();
            let is_quotient = self.eat_char('/');
            numer.filter(|_| is_quotient).zip(self.whole_number())
        } else {
            None
        };
        let is_improper = parts.as_ref().is_some_and(|(numer, denom)| numer >= denom);
        let value = parts
            .filter(|(numer, denom)| *numer < *denom && !numer.eq(&BigInt::from(0)))
            .map(|(numer, denom)| BigRational::new(numer, denom));
        let is_power =
            (self.is_char('^') && !self.is_degree_next()) || self.is_char('_') || self.is_char('!');
        if value.is_none() || is_power {
            self.pos = start;
            // 1\frac{11}{10}: a sum to some, a product to others.
            return if is_improper && is_written_out && !is_power {
                Err(self.unexpected("a proper fraction after a whole number"))
            } else {
                Ok(None)
            };
        }
        Ok(value)
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

    /// Whether a caret and a degree sign stand here.
    fn is_degree_next(&self) -> bool {
        let place = if self.peek_at(1) == Some(&Tok::Char('{')) { 2 } else { 1 };
        matches!(self.peek_at(place), Some(Tok::Command("circ" | "degree")))
    }

    /// `\circ` or `{\circ}` after a caret, eaten; after a number a raised letter o is one too.
    pub(super) fn is_degree_sign(&mut self, is_number: bool) -> bool {
        let is_braced = self.is_char('{') && self.peek_at(2) == Some(&Tok::Char('}'));
        let sign = match self.peek_at(usize::from(is_braced)) {
            Some(Tok::Command(name)) => matches!(*name, "circ" | "degree"),
            Some(Tok::Word(word) | Tok::Text(word)) => is_number && word == "o",
            _ => false,
        };
        self.pos += if !sign { 0 } else { 1 + 2 * usize::from(is_braced) };
        sign
    }

    /// The minutes and seconds of arc after whole degrees: `22^\circ 30'`.
    pub(super) fn minutes(&mut self, degrees: Expr) -> Result<Expr, ParseError> {
        let Expr::Num(whole) = &degrees else { return Ok(degrees) };
        let mut sum = whole.clone();
        let mut size = BigInt::from(60);
        for marks in 1..=2 {
            let start = self.pos;
            let value = self.whole_number();
            let Some(value) = value.filter(|_| whole.is_integer() && self.eat_primes(marks)) else {
                self.pos = start;
                break;
            };
            sum += BigRational::new(value, size.clone());
            size *= 60;
        }
        Ok(Expr::Num(sum))
    }

    /// Exactly `n` primes, as apostrophes or as an exponent.
    fn eat_primes(&mut self, n: usize) -> bool {
        let start = self.pos;
        let is_raised = self.eat_char('^');
        let is_braced = is_raised && self.eat_char('{');
        let mut found = 0;
        while self.eat_char('\'') || (is_raised && self.eat_command("prime")) {
            found += 1;
        }
        let is_closed = !is_braced || self.eat_char('}');
        if found != n || !is_closed {
            self.pos = start;
        }
        found == n && is_closed
    }

    /// A numeral, with its base if a subscript states one.
    pub(super) fn numeral(&mut self, digits: &str, repeating: &str) -> Result<Expr, ParseError> {
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
        let is_bracketed = is_braced && self.eat_char('(');
        if is_braced && matches!(self.peek(), Some(Tok::Word(w) | Tok::Text(w)) if w == "base") {
            self.pos += 1;
        }
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
        if is_bracketed {
            self.expect_char(')', "the end of the base")?;
        }
        if is_braced {
            self.expect_char('}', "the end of the base")?;
        }
        Ok(base)
    }

    /// Whether `base 6` or `(base 6)` stands `ahead`.
    pub(super) fn is_base(&self, ahead: usize) -> bool {
        matches!(self.peek_at(ahead), Some(Tok::Word(w) | Tok::Text(w)) if w == "base")
            && matches!(self.peek_at(ahead + 1), Some(Tok::Number { .. }))
    }

    /// The base written out after the digits that started at `start`, if there is one.
    pub(super) fn stated_base(&mut self, start: usize) -> Result<Option<Expr>, ParseError> {
        let before = self.pos;
        let is_bracketed = self.eat_char('(');
        let base: Option<u32> = match (self.peek(), self.peek_at(1)) {
            (Some(Tok::Text(text)), _) => {
                let text = text.trim_matches(['(', ')', ' ']);
                let digits = text.strip_prefix("in ").unwrap_or(text).strip_prefix("base ");
                self.pos += usize::from(digits.is_some_and(|d| d.trim().parse::<u32>().is_ok()));
                digits.and_then(|d| d.trim().parse().ok())
            }
            _ => None,
        };
        let base = match (base, self.peek_at(1)) {
            (None, Some(Tok::Number { digits, .. })) if self.is_base(0) => {
                self.pos += 2;
                digits.parse().ok()
            }
            (base, _) => base,
        };
        let is_closed = !is_bracketed || self.eat_char(')');
        match (&self.tokens[start].tok, base) {
            (Tok::Number { digits, repeating }, Some(base))
                if is_closed && repeating.is_empty() && before == start + 1 =>
            {
                Ok(Some(Expr::Based(number::in_base(digits, base)?, base)))
            }
            _ => {
                self.pos = before;
                Ok(None)
            }
        }
    }

    /// Whether `mod 7` or `\bmod 7` stands `ahead`.
    pub(super) fn is_modulus(&self, ahead: usize) -> bool {
        match self.peek_at(ahead) {
            Some(Tok::Command(name)) => *name == "bmod",
            Some(Tok::Word(word) | Tok::Text(word)) => word == "mod",
            _ => false,
        }
    }

    /// `\pmod 7` or `(\bmod 7)` after a value: its residue class.
    pub(super) fn residue(&mut self, value: Expr) -> Result<Expr, ParseError> {
        let modulus = if self.eat_command("pmod") {
            self.argument()?
        } else if self.is_char('(') && self.is_modulus(1) {
            self.pos += 2;
            let modulus = self.expression()?;
            self.expect_char(')', "the end of the modulus")?;
            modulus
        } else {
            return Ok(value);
        };
        Ok(Expr::Call(Func::Residue, vec![value, modulus]))
    }
}

/// Numerator and denominator of a quotient of two whole numbers.
fn whole_parts(fraction: &Expr) -> Option<(BigInt, BigInt)> {
    let Expr::Mul(parts) = fraction else { return None };
    let [Expr::Num(numer), Expr::Inv(denom)] = &parts[..] else { return None };
    let Expr::Num(denom) = &**denom else { return None };
    (numer.is_integer() && denom.is_integer()).then(|| (numer.to_integer(), denom.to_integer()))
}
