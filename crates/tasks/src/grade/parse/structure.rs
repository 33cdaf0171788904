//! Brackets that hold parts: tuples, intervals, sets, matrices.

use super::super::expr::Expr;
use super::super::lexer::Tok;
use super::super::value::{Joint, NamedSet, Sign, Value};
use super::{ParseError, Parser};

/// Largest determinant that is expanded.
const MAX_DETERMINANT: usize = 5;

impl Parser<'_> {
    /// Whether the bracket here holds parts rather than one expression.
    pub(super) fn starts_structure(&self) -> bool {
        match self.peek() {
            Some(Tok::SetOpen | Tok::Begin(_)) => true,
            Some(Tok::Command("langle")) => true,
            Some(Tok::Char('(' | '[')) if matches!(self.peek_at(1), Some(Tok::Begin(_))) => true,
            Some(Tok::Char('(' | '[' | '{' | ']')) => {
                let open = self.pos;
                match self.closing(open) {
                    Some(close) => self.has_separator(open + 1, close),
                    None => false,
                }
            }
            _ => false,
        }
    }

    fn closing(&self, open: usize) -> Option<usize> {
        if self.tokens[open].tok != Tok::Char(']') {
            return self.matching(open);
        }
        // ]a, b[ and ]a, b]: an open end written with the bracket turned round.
        let rest = self.tokens.iter().enumerate().skip(open + 1);
        rest.into_iter()
            .find(|(_, t)| matches!(t.tok, Tok::Char('[' | ']')))
            .map(|(place, _)| place)
    }

    /// A structure in brackets; the caller has checked that one starts here.
    pub(super) fn structure(&mut self) -> Result<Value, ParseError> {
        self.nested(|p| match p.peek() {
            Some(Tok::Begin(name)) => p.environment(name),
            Some(Tok::SetOpen) => p.set(&Tok::SetClose),
            Some(Tok::Char('{')) => p.set(&Tok::Char('}')),
            Some(Tok::Command("langle")) => {
                p.pos += 1;
                let parts = p.parts()?;
                if p.eat_command("rangle") {
                    Ok(Value::Tuple(parts))
                } else {
                    Err(p.unexpected("`\\rangle`"))
                }
            }
            _ => p.brackets(),
        })
    }

    /// Items between commas or semicolons.
    fn parts(&mut self) -> Result<Vec<Value>, ParseError> {
        let mut parts = vec![self.item()?];
        while self.eat_char(',') || self.eat_char(';') {
            parts.push(self.item()?);
        }
        Ok(parts)
    }

    fn brackets(&mut self) -> Result<Value, ParseError> {
        let open = match self.peek() {
            Some(Tok::Char(c)) => *c,
            _ => return Err(self.unexpected("a bracket")),
        };
        self.pos += 1;
        let mut parts = self.parts()?;
        let close = match self.peek() {
            Some(Tok::Char(c @ (')' | ']' | '['))) => *c,
            _ => return Err(self.unexpected("a closing bracket")),
        };
        self.pos += 1;
        let low_closed = open == '[';
        let high_closed = close == ']';
        if let [Value::Scalar { expr: low, .. }, Value::Scalar { expr: high, .. }] = &parts[..] {
            let is_infinite = |e: &Expr| e.any(&|part| *part == Expr::Infinity);
            let is_interval = low_closed
                || high_closed
                || open == ']'
                || close == '['
                || is_infinite(low)
                || is_infinite(high);
            if is_interval {
                let (low, high) = (low.clone(), high.clone());
                return Ok(Value::Interval { low, high, low_closed, high_closed });
            }
        }
        if parts.iter().all(|p| row(p).is_some()) && open == '[' && close == ']' {
            let rows: Vec<Vec<Expr>> = parts.iter().filter_map(row).collect();
            if rows.iter().all(|r| r.len() == rows[0].len()) {
                return Ok(Value::Matrix(rows));
            }
        }
        if (open == '(') != (close == ')') {
            return Err(self.unexpected("an interval with two ends"));
        }
        if parts.len() == 1 {
            return Ok(parts.remove(0));
        }
        Ok(Value::Tuple(parts))
    }

    fn set(&mut self, close: &Tok) -> Result<Value, ParseError> {
        self.pos += 1;
        if self.peek() == Some(close) {
            self.pos += 1;
            return Ok(Value::Named(NamedSet::Empty));
        }
        let first = self.with_bars(1, |p| p.item())?;
        let is_builder = self.is_command("mid")
            || self.is_char('|')
            || self.is_char(':')
            || self.is_command("colon")
            || self.is_command("vert");
        let value = if is_builder {
            self.pos += 1;
            let condition = self.list()?;
            Value::Builder(Box::new(first), Box::new(condition))
        } else {
            let mut parts = vec![first];
            while self.eat_char(',') || self.eat_char(';') || self.eat_command("and") {
                if !self.is_command("ldots") {
                    parts.push(self.item()?);
                } else {
                    return Err(self.unexpected("the elements written out"));
                }
            }
            Value::Set(parts)
        };
        if self.peek() != Some(close) {
            return Err(self.unexpected("the end of the set"));
        }
        self.pos += 1;
        Ok(value)
    }

    fn environment(&mut self, name: &str) -> Result<Value, ParseError> {
        self.pos += 1;
        match name {
            "matrix" | "pmatrix" | "bmatrix" | "Bmatrix" | "smallmatrix" | "array" => {
                let rows = self.rows()?;
                Ok(Value::Matrix(rows))
            }
            "vmatrix" => {
                let rows = self.rows()?;
                let is_square = rows.iter().all(|row| row.len() == rows.len());
                if !is_square || rows.len() > MAX_DETERMINANT {
                    return Err(self.unexpected("a small square determinant"));
                }
                Ok(Value::scalar(determinant(&rows)))
            }
            "cases" | "aligned" | "align" | "split" | "gathered" | "equation" => self.system(),
            _ => Err(ParseError::Command(format!("begin{{{name}}}"))),
        }
    }

    fn rows(&mut self) -> Result<Vec<Vec<Expr>>, ParseError> {
        let mut rows = vec![Vec::new()];
        loop {
            if matches!(self.peek(), Some(Tok::End(_))) {
                self.pos += 1;
                break;
            }
            let entry = self.expression()?;
            if let Some(row) = rows.last_mut() {
                row.push(entry);
            }
            match self.peek() {
                Some(Tok::Ampersand) => self.pos += 1,
                Some(Tok::RowBreak) => {
                    self.pos += 1;
                    rows.push(Vec::new());
                }
                Some(Tok::End(_)) => {}
                _ => return Err(self.unexpected("`&`, `\\\\` or the end of the matrix")),
            }
        }
        // A row break after the last row opens no new one.
        if rows.last().is_some_and(Vec::is_empty) {
            rows.pop();
        }
        let width = rows.first().map_or(0, Vec::len);
        if width == 0 || rows.iter().any(|row| row.len() != width) {
            return Err(self.unexpected("rows of equal length"));
        }
        Ok(rows)
    }

    /// Equations one below the other.
    fn system(&mut self) -> Result<Value, ParseError> {
        let mut parts = Vec::new();
        loop {
            while matches!(self.peek(), Some(Tok::RowBreak | Tok::Char(','))) {
                self.pos += 1;
            }
            if matches!(self.peek(), Some(Tok::End(_))) {
                self.pos += 1;
                return Ok(Value::List(parts, Joint::And));
            }
            parts.push(self.item()?);
        }
    }
}

/// The entries, if the value is a list of numbers in square brackets or a bracketed pair.
fn row(value: &Value) -> Option<Vec<Expr>> {
    match value {
        Value::Interval { low, high, low_closed: true, high_closed: true } => {
            Some(vec![low.clone(), high.clone()])
        }
        Value::Tuple(parts) => parts
            .iter()
            .map(|part| match part {
                Value::Scalar { expr, .. } => Some(expr.clone()),
                _ => None,
            })
            .collect(),
        _ => None,
    }
}

/// Expansion along the first row.
fn determinant(rows: &[Vec<Expr>]) -> Expr {
    if rows.len() == 1 {
        return rows[0][0].clone();
    }
    let terms = (0..rows.len()).map(|column| {
        let minor: Vec<Vec<Expr>> = rows[1..]
            .iter()
            .map(|row| {
                row.iter()
                    .enumerate()
                    .filter(|(c, _)| *c != column)
                    .map(|(_, e)| e.clone())
                    .collect()
            })
            .collect();
        let term = Expr::Mul(vec![rows[0][column].clone(), determinant(&minor)]);
        if column % 2 == 1 { Expr::Neg(Box::new(term)) } else { term }
    });
    Expr::Add(terms.collect())
}

/// The relation a token stands for.
pub(super) fn sign_of(tok: &Tok) -> Option<Sign> {
    Some(match tok {
        Tok::Char('=') => Sign::Equal,
        Tok::Command("ne") => Sign::NotEqual,
        Tok::Command("lt") => Sign::Less,
        Tok::Command("le") => Sign::LessEqual,
        Tok::Command("gt") => Sign::Greater,
        Tok::Command("ge") => Sign::GreaterEqual,
        Tok::Command("approx") => Sign::Approx,
        _ => return None,
    })
}
