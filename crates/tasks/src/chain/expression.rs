//! Expressions of whole numbers with `+ - * /` and brackets, worked out one operation at a time in
//! the order of precedence.

use std::fmt;

use crate::random::Random;

/// Operands with an operator between each and the next.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression {
    /// One more than operators.
    pub operands: Vec<Operand>,
    /// Of `+-*/`.
    pub operators: Vec<char>,
}

/// A number, or an expression in brackets.
#[derive(Clone, Debug, PartialEq)]
pub enum Operand {
    /// A whole number.
    Number(i64),
    /// In brackets.
    Bracket(Expression),
}

/// One operation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Operation {
    /// What stands left.
    pub left: i64,
    /// Of `+-*/`.
    pub operator: char,
    /// What stands right.
    pub right: i64,
}

/// Largest result, so that each operation can be done at once.
const MAX_RESULT: i64 = 999;

/// Largest value of one of two factors, of a divisor and of a quotient.
const MAX_SMALL: i64 = 12;

/// What random expressions are like.
pub struct Shape {
    /// Numbers in it, two or more.
    pub n_terms: usize,
    /// Largest number that is added or taken away.
    pub max: i64,
    /// Chance of a bracket where there is room for one.
    pub brackets: f64,
}

impl Operation {
    /// The result; `None` if it is no whole number or overflows.
    pub fn result(self) -> Option<i64> {
        match self.operator {
            '+' => self.left.checked_add(self.right),
            '-' => self.left.checked_sub(self.right),
            '*' => self.left.checked_mul(self.right),
            _ if self.right == 0 || self.left % self.right != 0 => None,
            _ => Some(self.left / self.right),
        }
    }

    /// Whether it can be done in the head and is written without brackets.
    fn is_easy(self) -> bool {
        let Some(result) = self.result() else { return false };
        let (small, large) = (self.left.min(self.right), self.left.max(self.right));
        let fits = result.abs() <= MAX_RESULT && self.right >= 0;
        match self.operator {
            '*' => fits && (0..=MAX_SMALL).contains(&small) && large < 100,
            '/' => fits && self.left >= 0 && self.right <= MAX_SMALL && result <= 99,
            _ => fits,
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", self.left, self.operator, self.right)
    }
}

impl Expression {
    /// A random expression whose every operation is easy, of `shape`.
    pub fn draw(shape: &Shape, random: &mut Random) -> Expression {
        loop {
            let expression = draft(shape, random);
            if expression.is_easy() {
                return expression;
            }
        }
    }

    /// The value, if this is a number alone.
    pub fn value(&self) -> Option<i64> {
        match self.operands[..] {
            [Operand::Number(n)] => Some(n),
            _ => None,
        }
    }

    /// The operation that is next in order of precedence; `None` for a number alone.
    pub fn next(&self) -> Option<Operation> {
        let (expression, index) = self.innermost()?;
        let [Operand::Number(left), Operand::Number(right)] = expression.operands[index..index + 2]
        else {
            return None;
        };
        Some(Operation { left, operator: expression.operators[index], right })
    }

    /// This expression with the next operation replaced by `result`.
    pub fn replaced(&self, result: i64) -> Expression {
        let mut reduced = self.clone();
        let bracket = reduced.operands.iter_mut().find_map(|operand| match operand {
            Operand::Bracket(inner) => Some((inner.replaced(result), operand)),
            Operand::Number(_) => None,
        });
        if let Some((inner, operand)) = bracket {
            *operand = inner.value().map_or(Operand::Bracket(inner), Operand::Number);
        } else if let Some(index) = reduced.first_operator() {
            reduced.operands.splice(index..index + 2, [Operand::Number(result)]);
            reduced.operators.remove(index);
        }
        reduced
    }

    /// The value, worked out; `None` where a division leaves a remainder.
    pub fn evaluate(&self) -> Option<i64> {
        let mut left = self.clone();
        while let Some(operation) = left.next() {
            left = left.replaced(operation.result()?);
        }
        left.value()
    }

    /// A text in which the order of terms and of factors does not show.
    pub fn canonical(&self) -> String {
        // Each term is a sign, factors and divisors.
        let mut terms: Vec<(char, Vec<String>, Vec<String>)> = Vec::new();
        let operators = ['+'].iter().chain(&self.operators);
        for (&operator, operand) in operators.zip(&self.operands) {
            let text = match operand {
                Operand::Number(n) => n.to_string(),
                Operand::Bracket(inner) => format!("({})", inner.canonical()),
            };
            match (operator, terms.last_mut()) {
                ('*', Some((_, factors, _))) => factors.push(text),
                ('/', Some((_, _, divisors))) => divisors.push(text),
                _ => terms.push((operator, vec![text], Vec::new())),
            }
        }
        let mut terms: Vec<String> = terms
            .into_iter()
            .map(|(sign, mut factors, mut divisors)| {
                factors.sort();
                divisors.sort();
                let divisors: String =
                    divisors.iter().map(|divisor| format!("/{divisor}")).collect();
                format!("{sign}{}{divisors}", factors.join("*"))
            })
            .collect();
        terms.sort();
        terms.concat()
    }

    /// The text with `blank` around operators and `times` for `*`.
    pub fn spelt(&self, blank: &str, times: &str) -> String {
        let mut text = String::new();
        for (i, operand) in self.operands.iter().enumerate() {
            if i > 0 {
                let operator = self.operators[i - 1];
                let sign = if operator == '*' { times.to_string() } else { operator.to_string() };
                text.push_str(&format!("{blank}{sign}{blank}"));
            }
            match operand {
                Operand::Number(n) => text.push_str(&n.to_string()),
                Operand::Bracket(inner) => {
                    text.push_str(&format!("({})", inner.spelt(blank, times)))
                }
            }
        }
        text
    }

    /// Whether it contains a bracket.
    pub fn has_bracket(&self) -> bool {
        self.operands.iter().any(|operand| matches!(operand, Operand::Bracket(_)))
    }

    fn is_easy(&self) -> bool {
        let mut left = self.clone();
        while let Some(operation) = left.next() {
            // A number below zero may only stand at the very left, where it needs no brackets.
            let Some(result) = operation.result().filter(|_| operation.is_easy()) else {
                return false;
            };
            let is_leading = !left.has_bracket() && left.first_operator() == Some(0);
            if result < 0 && (!is_leading || operation.operator == '*') {
                return false;
            }
            left = left.replaced(result);
        }
        true
    }

    /// The expression, this or a bracket, in which the next operation is, and its operator's index.
    fn innermost(&self) -> Option<(&Expression, usize)> {
        let bracket = self.operands.iter().find_map(|operand| match operand {
            Operand::Bracket(inner) => Some(inner),
            Operand::Number(_) => None,
        });
        match bracket {
            Some(inner) => inner.innermost(),
            None => self.first_operator().map(|index| (self, index)),
        }
    }

    /// The index of the first `*` or `/`, else of the first operator.
    fn first_operator(&self) -> Option<usize> {
        let strong = self.operators.iter().position(|operator| matches!(operator, '*' | '/'));
        strong.or(if self.operators.is_empty() { None } else { Some(0) })
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.spelt("", "*"))
    }
}

/// An expression of `shape` whose operations may not be easy.
fn draft(shape: &Shape, random: &mut Random) -> Expression {
    let (mut operands, mut operators) = (Vec::new(), Vec::new());
    let mut missing = shape.n_terms;
    while missing > 0 {
        if !operands.is_empty() {
            operators.push(*random.pick(&['+', '+', '+', '-', '-', '-', '*', '*', '/']));
        }
        let room = missing.min(3);
        if shape.n_terms > 2 && room >= 2 && random.chance(shape.brackets) {
            let n_terms = random.between(2, room as i64) as usize;
            let inner = Shape { n_terms, brackets: 0.0, ..*shape };
            operands.push(Operand::Bracket(draft(&inner, random)));
            missing -= n_terms;
        } else {
            let number = number(shape, operators.last(), operands.last_mut(), random);
            operands.push(Operand::Number(number));
            missing -= 1;
        }
    }
    if let [Operand::Bracket(inner)] = &operands[..] {
        return inner.clone();
    }
    Expression { operands, operators }
}

/// A number to follow `operator`: small after `*`; a divisor also makes what it divides a multiple.
fn number(
    shape: &Shape,
    operator: Option<&char>,
    before: Option<&mut Operand>,
    random: &mut Random,
) -> i64 {
    match (operator, before) {
        (Some('*'), _) => random.between(2, MAX_SMALL.min(shape.max)),
        (Some('/'), Some(Operand::Number(dividend))) => {
            let divisor = random.between(2, MAX_SMALL.min(shape.max));
            *dividend = divisor * random.between(1, MAX_SMALL);
            divisor
        }
        (Some('/'), _) => random.between(2, MAX_SMALL.min(shape.max)),
        _ => random.between(1, shape.max),
    }
}

#[cfg(test)]
mod tests {
    use super::Operand::{Bracket, Number};
    use super::*;

    fn flat(operands: &[i64], operators: &str) -> Expression {
        let operands = operands.iter().map(|n| Number(*n)).collect();
        Expression { operands, operators: operators.chars().collect() }
    }

    #[test]
    fn precedence_holds() {
        let cases = [
            (flat(&[2, 3, 4], "+*"), 14),
            (flat(&[2, 3, 4], "--"), -5),
            (flat(&[24, 4, 3], "/*"), 18),
            (flat(&[7], ""), 7),
        ];
        for (expression, value) in cases {
            assert_eq!(expression.evaluate(), Some(value), "{expression}");
        }
        assert_eq!(flat(&[7, 2], "/").evaluate(), None);
        assert_eq!(flat(&[7, 0], "/").evaluate(), None);
        let inner = flat(&[7, 4], "-");
        let bracket =
            Expression { operands: vec![Number(2), Bracket(inner)], operators: vec!['*'] };
        assert_eq!((bracket.to_string(), bracket.evaluate()), ("2*(7-4)".to_string(), Some(6)));
    }

    #[test]
    fn canonical_hides_order_and_nothing_else() {
        let same = |a: Expression, b: Expression| a.canonical() == b.canonical();
        assert!(same(flat(&[2, 3, 4], "+*"), flat(&[4, 3, 2], "*+")));
        assert!(same(flat(&[9, 2, 3], "-+"), flat(&[3, 9, 2], "+-")));
        assert!(!same(flat(&[9, 2], "-"), flat(&[2, 9], "-")));
        assert!(!same(flat(&[2, 3, 4], "+*"), flat(&[2, 3, 4], "*+")));
        assert!(!same(flat(&[24, 4, 3], "/*"), flat(&[24, 4, 3], "//")));
    }

    #[test]
    fn random_expressions_are_easy_and_as_long_as_asked() {
        let mut random = Random::new(2, 0);
        for n_terms in 2..=7 {
            let shape = Shape { n_terms, max: 50, brackets: 0.4 };
            for _ in 0..300 {
                let expression = Expression::draw(&shape, &mut random);
                assert!(expression.evaluate().is_some_and(|value| value.abs() <= 999));
                let text = expression.to_string();
                assert_eq!(text.matches(['+', '-', '*', '/']).count() + 1, n_terms, "{text}");
            }
        }
    }
}
