//! Parsed answers: scalars with units, and the structures built of them. `Display` gives text
//! that parses back to an equal value.

use std::fmt;

use super::expr::Expr;
use super::units::Unit;

/// How the parts of a list were joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joint {
    /// Commas or semicolons only.
    Comma,
    /// "and" before the last part.
    And,
    /// "or" before the last part.
    Or,
}

/// A relation sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum Sign {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Approx,
}

/// A well-known set of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum NamedSet {
    Reals,
    Integers,
    Naturals,
    Rationals,
    Complexes,
    Empty,
}

/// A parsed answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A number or an expression, perhaps with a unit.
    Scalar {
        /// The expression.
        expr: Expr,
        /// What it counts or measures.
        unit: Option<Unit>,
        /// Whether it was written with a decimal point.
        is_decimal: bool,
    },
    /// Parts without brackets.
    List(Vec<Value>, Joint),
    /// Ordered parts in brackets.
    Tuple(Vec<Value>),
    /// Unordered parts in braces.
    Set(Vec<Value>),
    /// An interval.
    Interval {
        /// Lower end.
        low: Expr,
        /// Upper end.
        high: Expr,
        /// Whether the lower end belongs to it.
        low_closed: bool,
        /// Whether the upper end belongs to it.
        high_closed: bool,
    },
    /// Union of sets.
    Union(Vec<Value>),
    /// Intersection of sets.
    Intersection(Vec<Value>),
    /// The first set without the second.
    Difference(Box<Value>, Box<Value>),
    /// A set of numbers with a name.
    Named(NamedSet),
    /// `x \in S`.
    Member(Expr, Box<Value>),
    /// The elements of the first that satisfy the second.
    Builder(Box<Value>, Box<Value>),
    /// A chain of expressions with the relations between them.
    Relation(Vec<Expr>, Vec<Sign>),
    /// An equation whose right side is a structure.
    Assignment(Box<Value>, Box<Value>),
    /// Rows of entries.
    Matrix(Vec<Vec<Expr>>),
    /// `a : b : c`.
    Ratio(Vec<Expr>),
    /// A time of day or a duration written with colons: hours, minutes, seconds, and whether it
    /// is after noon when stated.
    Clock(u32, u32, Option<u32>, Option<bool>),
    /// Month, day, year.
    Date(Option<u32>, u32, u32),
    /// A lettered option, with the text that follows it.
    Choice(char, Option<Box<Value>>),
    /// Expressions for every whole number: the expression and its free integer.
    Family(Box<Value>, String),
    /// Words.
    Text(String),
}

impl Value {
    /// A bare expression.
    pub fn scalar(expr: Expr) -> Value {
        Value::Scalar { expr, unit: None, is_decimal: false }
    }
}

impl Sign {
    fn symbol(self) -> &'static str {
        match self {
            Sign::Equal => "=",
            Sign::NotEqual => "\\ne",
            Sign::Less => "<",
            Sign::LessEqual => "\\le",
            Sign::Greater => ">",
            Sign::GreaterEqual => "\\ge",
            Sign::Approx => "\\approx",
        }
    }
}

impl NamedSet {
    fn symbol(self) -> &'static str {
        match self {
            NamedSet::Reals => "\\mathbb{R}",
            NamedSet::Integers => "\\mathbb{Z}",
            NamedSet::Naturals => "\\mathbb{N}",
            NamedSet::Rationals => "\\mathbb{Q}",
            NamedSet::Complexes => "\\mathbb{C}",
            NamedSet::Empty => "\\emptyset",
        }
    }
}

/// Month names, January first.
pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Scalar { expr, unit, .. } => {
                if unit.as_ref().is_some_and(|u| u.is_percent() || u.is_degrees()) {
                    write!(f, "({expr})")?;
                } else {
                    write!(f, "{expr}")?;
                }
                match unit {
                    None => Ok(()),
                    Some(unit) if unit.is_percent() => f.write_str("\\%"),
                    Some(unit) if unit.is_degrees() => f.write_str("^\\circ"),
                    Some(unit) => write!(f, " \\text{{ {}}}", unit.text),
                }
            }
            Value::List(parts, joint) => write_parts(f, parts, *joint),
            Value::Tuple(parts) => wrapped(f, "(", parts, ")"),
            Value::Set(parts) => wrapped(f, "\\{", parts, "\\}"),
            Value::Interval { low, high, low_closed, high_closed } => {
                let (open, close) =
                    (if *low_closed { '[' } else { '(' }, if *high_closed { ']' } else { ')' });
                write!(f, "{open}{low}, {high}{close}")
            }
            Value::Union(parts) => joined(f, parts, " \\cup "),
            Value::Intersection(parts) => joined(f, parts, " \\cap "),
            Value::Difference(a, b) => write!(f, "{a} \\setminus {b}"),
            Value::Named(set) => f.write_str(set.symbol()),
            Value::Member(x, set) => write!(f, "{x} \\in {set}"),
            Value::Builder(element, condition) => write!(f, "\\{{{element} \\mid {condition}\\}}"),
            Value::Relation(sides, signs) => {
                for (place, side) in sides.iter().enumerate() {
                    if place > 0 {
                        write!(f, " {} ", signs[place - 1].symbol())?;
                    }
                    write!(f, "{side}")?;
                }
                Ok(())
            }
            Value::Assignment(name, value) => write!(f, "{name} = {value}"),
            Value::Matrix(rows) => write_matrix(f, rows),
            Value::Ratio(parts) => joined(f, parts, " : "),
            Value::Clock(hour, minute, second, is_afternoon) => {
                write!(f, "{hour}:{minute:02}")?;
                if let Some(second) = second {
                    write!(f, ":{second:02}")?;
                }
                f.write_str(match is_afternoon {
                    None => "",
                    Some(false) => " a.m.",
                    Some(true) => " p.m.",
                })
            }
            Value::Date(year, month, day) => {
                write!(f, "{} {day}", MONTHS[(*month as usize + 11) % 12])?;
                year.map_or(Ok(()), |year| write!(f, ", {year}"))
            }
            Value::Choice(letter, None) => write!(f, "({letter})"),
            Value::Choice(letter, Some(rest)) => write!(f, "Option {letter}: {rest}"),
            Value::Family(value, name) => write!(f, "{value}, {name} \\in \\mathbb{{Z}}"),
            Value::Text(text) => write!(f, "\\text{{{text}}}"),
        }
    }
}

fn joined<T: fmt::Display>(f: &mut fmt::Formatter<'_>, parts: &[T], with: &str) -> fmt::Result {
    for (place, part) in parts.iter().enumerate() {
        write!(f, "{}{part}", if place > 0 { with } else { "" })?;
    }
    Ok(())
}

fn wrapped(f: &mut fmt::Formatter<'_>, open: &str, parts: &[Value], close: &str) -> fmt::Result {
    f.write_str(open)?;
    joined(f, parts, ", ")?;
    f.write_str(close)
}

fn write_parts(f: &mut fmt::Formatter<'_>, parts: &[Value], joint: Joint) -> fmt::Result {
    for (place, part) in parts.iter().enumerate() {
        let is_last = place + 1 == parts.len();
        f.write_str(match joint {
            _ if place == 0 => "",
            Joint::And if is_last => " \\text{ and } ",
            Joint::Or if is_last => " \\text{ or } ",
            _ => ", ",
        })?;
        write!(f, "{part}")?;
    }
    Ok(())
}

fn write_matrix(f: &mut fmt::Formatter<'_>, rows: &[Vec<Expr>]) -> fmt::Result {
    f.write_str("\\begin{pmatrix}")?;
    for (place, row) in rows.iter().enumerate() {
        f.write_str(if place > 0 { " \\\\ " } else { " " })?;
        joined(f, row, " & ")?;
    }
    f.write_str(" \\end{pmatrix}")
}
