//! Words in expressions: letters, Greek names, functions and their arguments.

use super::super::expr::{Expr, Func};
use super::super::lexer::Tok;
use super::expression::{MAX_PARTS, single};
use super::{ParseError, Parser};

/// Greek letters and other names that are one variable although they have several letters.
#[rustfmt::skip]
const LETTERS: &[&str] = &[
    "alpha", "beta", "gamma", "delta", "epsilon", "varepsilon", "zeta", "eta", "theta", "vartheta", "iota",
    "kappa", "lambda", "mu", "nu", "xi", "rho", "sigma", "tau", "phi", "varphi", "chi", "psi", "omega", "ell",
    "Gamma", "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma", "Upsilon", "Phi", "Psi", "Omega",
];

impl Parser<'_> {
    pub(super) fn word(&mut self, word: &str) -> Result<Expr, ParseError> {
        match word {
            "pi" => return Ok(Expr::Pi),
            "e" => return Ok(Expr::E),
            "i" => return Ok(Expr::I),
            "sqrt" | "cbrt" => {
                let degree = Expr::integer(if word == "sqrt" { 2 } else { 3 });
                let radicand = self.nested(|p| p.primary())?;
                return Ok(Expr::Root(Box::new(radicand), Box::new(degree)));
            }
            "inf" | "infinity" | "oo" => return Ok(Expr::Infinity),
            _ => {}
        }
        if let Some(func) = Func::from_name(word) {
            return self.function(func);
        }
        if is_symbol(word) || word.chars().count() == 1 {
            return self.letter(word);
        }
        if let Some((name, rest)) = split_function(word) {
            let func = Func::from_name(name).expect("only known names split");
            let argument = letters(rest);
            return Ok(Expr::Call(func, vec![argument]));
        }
        if word.chars().all(|c| c.is_ascii_uppercase()) {
            return self.subscripted(word.to_owned());
        }
        let is_run = word.as_bytes().windows(2).all(|w| w[1] == w[0] + 1);
        if word.len() <= 3 || is_run {
            // The last letter takes what follows: a subscript or an exponent.
            let (head, last) = word.split_at(word.len() - 1);
            let last = self.letter(last)?;
            let last = self.postfix(last)?;
            let mut factors = vec![letters(head)];
            factors.push(last);
            return Ok(Expr::Mul(factors));
        }
        self.pos -= 1;
        Err(self.unexpected("a number or a letter"))
    }

    /// One letter: an unknown function when an argument in parentheses follows f or g.
    fn letter(&mut self, name: &str) -> Result<Expr, ParseError> {
        let constant = match name {
            "e" => Some(Expr::E),
            "i" => Some(Expr::I),
            _ => None,
        };
        if let Some(constant) = constant {
            return Ok(constant);
        }
        let is_inverse = self.is_char('^')
            && self.peek_at(1) == Some(&Tok::Char('{'))
            && self.peek_at(2) == Some(&Tok::Char('-'))
            && matches!(self.peek_at(3), Some(Tok::Number { digits, .. }) if digits == "1")
            && self.peek_at(4) == Some(&Tok::Char('}'))
            && self.peek_at(5) == Some(&Tok::Char('('));
        if matches!(name, "f" | "g") && is_inverse {
            self.pos += 5;
            let args = self.call_arguments()?;
            return Ok(Expr::Call(Func::Named(format!("{name}-inverse")), args));
        }
        if matches!(name, "f" | "g") && self.is_char('(') {
            let args = self.call_arguments()?;
            return Ok(Expr::Call(Func::Named(name.to_owned()), args));
        }
        self.subscripted(name.to_owned())
    }

    /// A name with its subscript and primes.
    pub(super) fn subscripted(&mut self, mut name: String) -> Result<Expr, ParseError> {
        if self.is_char('_') {
            self.pos += 1;
            let subscript = self.nested(|p| p.primary_text())?;
            name = format!("{name}_{subscript}");
        }
        while self.eat_char('\'') {
            name.push('\'');
            if name.len() > 200 {
                return Err(ParseError::Depth);
            }
        }
        if self.is_char('(') && (name.ends_with('\'') || name.ends_with("-inverse")) {
            let args = self.call_arguments()?;
            return Ok(Expr::Call(Func::Named(name), args));
        }
        Ok(Expr::Var(name))
    }

    /// A subscript as text: it names and is not computed with.
    fn primary_text(&mut self) -> Result<String, ParseError> {
        let start = self.pos;
        let end = match self.peek() {
            Some(Tok::Char('{')) => {
                self.matching(start).ok_or_else(|| self.unexpected("a closed subscript"))?
            }
            Some(_) => start,
            None => return Err(self.unexpected("a subscript")),
        };
        self.pos = end + 1;
        let mut text = String::new();
        for token in &self.tokens[start..=end] {
            match &token.tok {
                Tok::Number { digits, .. } => text.push_str(digits),
                Tok::Word(word) | Tok::Text(word) | Tok::Name(word) => text.push_str(word),
                Tok::Char('{' | '}') => {}
                Tok::Char(c) => text.push(*c),
                Tok::Command(name) => text.push_str(name),
                _ => return Err(self.unexpected("a plain subscript")),
            }
        }
        Ok(text)
    }

    /// A known function: its exponent, its base, its argument with or without parentheses.
    fn function(&mut self, func: Func) -> Result<Expr, ParseError> {
        let mut args = Vec::new();
        if func == Func::Log && self.is_char('_') {
            self.pos += 1;
            args.push(self.nested(|p| p.primary())?);
        }
        let mut exponent = None;
        let mut func = func;
        if self.is_char('^') {
            self.pos += 1;
            let power = self.script()?;
            match inverse(&func).filter(|_| power == Expr::Neg(Box::new(Expr::integer(1)))) {
                Some(inverted) => func = inverted,
                None => exponent = Some(power),
            }
        }
        if func == Func::Log && self.is_char('_') {
            self.pos += 1;
            args.push(self.nested(|p| p.primary())?);
        }
        if self.is_char('{') {
            // A group may hold anything, such as {1 \over 2}.
            args.push(self.primary()?);
        } else if self.is_char('(') || self.is_char('[') {
            args.extend(self.call_arguments()?);
            // sin(x)^2 squares the value; sin(x)! and degrees after the parenthesis do not occur.
        } else {
            args.push(self.nested(|p| p.bare_argument())?);
        }
        let call = Expr::Call(func, args);
        Ok(match exponent {
            None => call,
            Some(power) => Expr::Pow(Box::new(call), Box::new(power)),
        })
    }

    fn call_arguments(&mut self) -> Result<Vec<Expr>, ParseError> {
        let close = match self.peek() {
            Some(Tok::Char('(')) => ')',
            _ => ']',
        };
        self.pos += 1;
        let mut args = vec![self.expression()?];
        while self.eat_char(',') {
            args.push(self.expression()?);
        }
        self.expect_char(close, "the end of the arguments")?;
        Ok(args)
    }

    /// The argument of a function without parentheses: factors up to the next function or sign.
    fn bare_argument(&mut self) -> Result<Expr, ParseError> {
        let mut factors = vec![self.signed_factor()?];
        if let Some(Tok::Word(word) | Tok::Text(word)) = self.peek()
            && matches!(word.trim(), "degrees" | "degree" | "deg")
        {
            self.pos += 1;
            return Ok(Expr::Call(Func::Degrees, factors));
        }
        loop {
            let is_function = match self.peek() {
                Some(Tok::Word(word)) => Func::from_name(word).is_some(),
                _ => false,
            };
            if is_function || self.is_char('(') || !self.starts_factor() {
                if self.is_char('/') && matches!(self.peek_at(1), Some(Tok::Number { .. })) {
                    self.pos += 1;
                    let divisor = self.factor()?;
                    factors.push(Expr::Inv(Box::new(divisor)));
                    continue;
                }
                return Ok(single(factors));
            }
            factors.push(self.factor()?);
            if factors.len() > MAX_PARTS {
                return Err(ParseError::Depth);
            }
        }
    }
}

/// The product of a word's letters.
pub(super) fn letters(word: &str) -> Expr {
    let letter = |c: char| match c {
        'e' => Expr::E,
        'i' => Expr::I,
        _ => Expr::Var(c.to_string()),
    };
    single(word.chars().map(letter).collect())
}

pub(super) fn is_symbol(word: &str) -> bool {
    LETTERS.contains(&word) || matches!(word, "pi" | "sqrt" | "cbrt" | "inf" | "infinity" | "oo")
}

/// `sinx` as a function and the letters of its argument.
pub(super) fn split_function(word: &str) -> Option<(&str, &str)> {
    const NAMES: &[&str] = &["sin", "cos", "tan", "cot", "sec", "csc", "log", "ln"];
    let name = NAMES.iter().find(|name| word.starts_with(**name))?;
    let rest = &word[name.len()..];
    let is_argument = (1..=2).contains(&rest.len()) && Func::from_name(word).is_none();
    // "since", "cost", "second" are words.
    let is_word = matches!(word, "cost" | "tang" | "logo" | "since" | "seco");
    (is_argument && !is_word).then_some((name, rest))
}

fn inverse(func: &Func) -> Option<Func> {
    Some(match func {
        Func::Sin => Func::Arcsin,
        Func::Cos => Func::Arccos,
        Func::Tan => Func::Arctan,
        Func::Cot => Func::Arccot,
        Func::Sec => Func::Arcsec,
        Func::Csc => Func::Arccsc,
        _ => return None,
    })
}
