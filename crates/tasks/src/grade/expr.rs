//! Scalar expressions as written, with exact numbers and no evaluation, and their plain notation.

use std::fmt;

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Signed, Zero};

/// A scalar expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expr {
    /// A non-negative rational literal; decimals are exact.
    Num(BigRational),
    /// A non-negative number written in the stated base.
    Based(BigRational, u32),
    /// A variable or another name.
    Var(String),
    /// The circle constant.
    Pi,
    /// Euler's number.
    E,
    /// The imaginary unit.
    I,
    /// Positive infinity.
    Infinity,
    /// Opposite.
    Neg(Box<Expr>),
    /// Sum.
    Add(Vec<Expr>),
    /// Product.
    Mul(Vec<Expr>),
    /// Reciprocal: a quotient is a product with one.
    Inv(Box<Expr>),
    /// Power.
    Pow(Box<Expr>, Box<Expr>),
    /// Radicand and degree.
    Root(Box<Expr>, Box<Expr>),
    /// Function application.
    Call(Func, Vec<Expr>),
    /// Both signs of an expression; `true` for plus-or-minus, `false` for minus-or-plus.
    PlusMinus(bool, Box<Expr>),
}

/// Functions with a known meaning, and names without one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum Func {
    Sin,
    Cos,
    Tan,
    Cot,
    Sec,
    Csc,
    Arcsin,
    Arccos,
    Arctan,
    Arccot,
    Arcsec,
    Arccsc,
    Sinh,
    Cosh,
    Tanh,
    Ln,
    Log,
    Exp,
    Cis,
    Abs,
    Floor,
    Ceil,
    Round,
    Degrees,
    Min,
    Max,
    Gcd,
    Lcm,
    Mod,
    /// The class of the first argument modulo the second.
    Residue,
    Factorial,
    DoubleFactorial,
    Binomial,
    Named(String),
}

/// Names in plain notation, as printed and as read; the first spelling of a function is printed.
#[rustfmt::skip]
pub(super) const FUNCTIONS: &[(&str, Func)] = &[
    ("sin", Func::Sin), ("cos", Func::Cos), ("tan", Func::Tan), ("tg", Func::Tan),
    ("cot", Func::Cot), ("ctg", Func::Cot), ("sec", Func::Sec), ("csc", Func::Csc), ("cosec", Func::Csc),
    ("arcsin", Func::Arcsin), ("arccos", Func::Arccos), ("arctan", Func::Arctan),
    ("arccot", Func::Arccot), ("arcsec", Func::Arcsec), ("arccsc", Func::Arccsc),
    ("asin", Func::Arcsin), ("acos", Func::Arccos), ("atan", Func::Arctan), ("arctg", Func::Arctan),
    ("sinh", Func::Sinh), ("cosh", Func::Cosh), ("tanh", Func::Tanh),
    ("ln", Func::Ln), ("log", Func::Log), ("lg", Func::Log), ("exp", Func::Exp), ("cis", Func::Cis),
    ("abs", Func::Abs), ("floor", Func::Floor), ("ceil", Func::Ceil), ("round", Func::Round),
    ("min", Func::Min), ("max", Func::Max), ("gcd", Func::Gcd), ("lcm", Func::Lcm), ("mod", Func::Mod), ("residue", Func::Residue),
    ("factorial", Func::Factorial), ("doublefactorial", Func::DoubleFactorial),
    ("binom", Func::Binomial), ("binomial", Func::Binomial),
];

impl Func {
    /// The function with this plain name.
    pub(super) fn from_name(name: &str) -> Option<Func> {
        FUNCTIONS.iter().find(|(n, _)| *n == name).map(|(_, f)| f.clone())
    }

    /// The plain name.
    pub fn name(&self) -> &str {
        match self {
            Func::Named(name) => name,
            _ => FUNCTIONS.iter().find(|(_, f)| f == self).map_or("?", |(n, _)| n),
        }
    }
}

impl Expr {
    /// An integer literal, negative ones included.
    pub fn integer(value: impl Into<BigInt>) -> Expr {
        Expr::rational(BigRational::from_integer(value.into()))
    }

    /// A rational literal, negative ones included.
    pub fn rational(value: BigRational) -> Expr {
        if value.is_negative() { Expr::Neg(Box::new(Expr::Num(-value))) } else { Expr::Num(value) }
    }

    /// `numer / denom`.
    pub fn quotient(numer: Expr, denom: Expr) -> Expr {
        let mut factors = match numer {
            Expr::Mul(factors) => factors,
            other => vec![other],
        };
        factors.push(Expr::Inv(Box::new(denom)));
        Expr::Mul(factors)
    }

    /// The literal this is, with a sign.
    pub fn as_literal(&self) -> Option<BigRational> {
        match self {
            Expr::Num(value) | Expr::Based(value, _) => Some(value.clone()),
            Expr::Neg(inner) => inner.as_literal().map(|v| -v),
            _ => None,
        }
    }

    /// Calls `visit` on every part, outermost first.
    pub fn walk(&self, visit: &mut dyn FnMut(&Expr)) {
        visit(self);
        match self {
            Expr::Neg(x) | Expr::Inv(x) | Expr::PlusMinus(_, x) => x.walk(visit),
            Expr::Pow(a, b) | Expr::Root(a, b) => {
                a.walk(visit);
                b.walk(visit);
            }
            Expr::Add(parts) | Expr::Mul(parts) | Expr::Call(_, parts) => {
                parts.iter().for_each(|part| part.walk(visit));
            }
            _ => {}
        }
    }

    /// Whether any part satisfies `test`.
    pub fn any(&self, test: &dyn Fn(&Expr) -> bool) -> bool {
        let mut found = false;
        self.walk(&mut |part| found |= test(part));
        found
    }

    /// Whether a variable or an unknown function occurs.
    pub fn has_variable(&self) -> bool {
        self.any(&|part| matches!(part, Expr::Var(_) | Expr::Call(Func::Named(_), _)))
    }

    /// The expression with every part replaced by what `change` makes of it, innermost first.
    pub fn map(self, change: &mut dyn FnMut(Expr) -> Expr) -> Expr {
        let mut each = |parts: Vec<Expr>| parts.into_iter().map(|p| p.map(change)).collect();
        let mapped = match self {
            Expr::Add(parts) => Expr::Add(each(parts)),
            Expr::Mul(parts) => Expr::Mul(each(parts)),
            Expr::Call(func, parts) => Expr::Call(func, each(parts)),
            Expr::Neg(x) => Expr::Neg(Box::new(x.map(change))),
            Expr::Inv(x) => Expr::Inv(Box::new(x.map(change))),
            Expr::PlusMinus(sign, x) => Expr::PlusMinus(sign, Box::new(x.map(change))),
            Expr::Pow(a, b) => Expr::Pow(Box::new(a.map(change)), Box::new(b.map(change))),
            Expr::Root(a, b) => Expr::Root(Box::new(a.map(change)), Box::new(b.map(change))),
            leaf => leaf,
        };
        change(mapped)
    }

    /// The base the numbers in it are written in, ten when none is stated.
    pub fn base(&self) -> u32 {
        let mut base = 10;
        self.walk(&mut |part| {
            if let Expr::Based(_, stated) = part {
                base = *stated;
            }
        });
        base
    }

    fn precedence(&self) -> u8 {
        match self {
            Expr::Add(_) | Expr::PlusMinus(..) => 1,
            Expr::Neg(_) => 2,
            Expr::Mul(_) | Expr::Inv(_) => 3,
            Expr::Num(value) if !value.denom().is_one() => 3,
            Expr::Pow(..) | Expr::Call(Func::Degrees, _) => 4,
            _ => 5,
        }
    }

    /// Writes `self`, in parentheses when it binds less tightly than `min`.
    fn write(&self, f: &mut fmt::Formatter<'_>, min: u8) -> fmt::Result {
        if self.precedence() < min {
            f.write_str("(")?;
            self.write(f, 0)?;
            return f.write_str(")");
        }
        match self {
            Expr::Num(value) if value.denom().is_one() => write!(f, "{}", value.numer()),
            Expr::Num(value) => write!(f, "{}/{}", value.numer(), value.denom()),
            Expr::Based(value, base) => write!(f, "{}_{{{base}}}", digits(value, *base)),
            Expr::Var(name) if is_plain_name(name) => f.write_str(name),
            Expr::Var(name) => write!(f, "\\operatorname{{{name}}}"),
            Expr::Pi => f.write_str("pi"),
            Expr::E => f.write_str("e"),
            Expr::I => f.write_str("i"),
            Expr::Infinity => f.write_str("\\infty"),
            Expr::Neg(x) => {
                f.write_str("-")?;
                x.write(f, 3)
            }
            Expr::PlusMinus(plus, x) => {
                f.write_str(if *plus { "\\pm " } else { "\\mp " })?;
                x.write(f, 3)
            }
            Expr::Add(parts) => write_sum(f, parts),
            Expr::Mul(parts) => write_product(f, parts),
            Expr::Inv(x) => {
                f.write_str("1/")?;
                x.write(f, 4)
            }
            Expr::Pow(base, exponent) => {
                base.write(f, 5)?;
                f.write_str("^")?;
                exponent.write(f, 5)
            }
            Expr::Root(radicand, degree) if degree.as_literal() == Some(two()) => {
                write!(f, "sqrt({radicand})")
            }
            Expr::Root(radicand, degree) => write!(f, "\\sqrt[{degree}]{{{radicand}}}"),
            Expr::Call(Func::Degrees, args) if args.len() == 1 => {
                args[0].write(f, 5)?;
                f.write_str("^\\circ")
            }
            Expr::Call(func, args) => {
                match func {
                    Func::Named(name) if name.chars().count() > 1 => {
                        write!(f, "\\operatorname{{{name}}}")?;
                    }
                    _ => f.write_str(func.name())?,
                }
                f.write_str("(")?;
                for (place, arg) in args.iter().enumerate() {
                    f.write_str(if place > 0 { ", " } else { "" })?;
                    arg.write(f, 0)?;
                }
                f.write_str(")")
            }
        }
    }
}

/// The digits of a number whose expansion in `base` ends.
fn digits(value: &BigRational, base: u32) -> String {
    const MAX_FRACTION: usize = 4096;
    let mut text = value.to_integer().to_str_radix(base).to_uppercase();
    let mut rest = value.fract();
    if !rest.is_zero() {
        text.push('.');
    }
    for _ in 0..MAX_FRACTION {
        if rest.is_zero() {
            break;
        }
        rest *= BigRational::from_integer(BigInt::from(base));
        text.push_str(&rest.to_integer().to_str_radix(base).to_uppercase());
        rest = rest.fract();
    }
    text
}

fn two() -> BigRational {
    BigRational::from_integer(BigInt::from(2))
}

/// A name that the parser reads as one variable without help.
fn is_plain_name(name: &str) -> bool {
    let mut chars = name.chars();
    let is_letter = chars.next().is_some_and(|c| c.is_ascii_alphabetic() && !"ei".contains(c));
    is_letter && chars.next().is_none()
}

fn write_sum(f: &mut fmt::Formatter<'_>, parts: &[Expr]) -> fmt::Result {
    for (place, part) in parts.iter().enumerate() {
        match part {
            Expr::Neg(x) if place > 0 => {
                f.write_str(" - ")?;
                x.write(f, 3)?;
            }
            Expr::PlusMinus(plus, x) if place > 0 => {
                f.write_str(if *plus { " \\pm " } else { " \\mp " })?;
                x.write(f, 3)?;
            }
            _ => {
                f.write_str(if place > 0 { " + " } else { "" })?;
                part.write(f, 2)?;
            }
        }
    }
    Ok(())
}

fn write_product(f: &mut fmt::Formatter<'_>, parts: &[Expr]) -> fmt::Result {
    for (place, part) in parts.iter().enumerate() {
        match part {
            Expr::Inv(x) if place > 0 => {
                f.write_str("/")?;
                x.write(f, 4)?;
            }
            _ => {
                f.write_str(if place > 0 { "*" } else { "" })?;
                part.write(f, if place > 0 { 4 } else { 3 })?;
            }
        }
    }
    Ok(())
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, 0)
    }
}
