//! What a word problem is about, apart from its words: quantities that follow from each other.

use crate::chain::expression::{Expression, Operand, Operation};
use crate::language::Language;
use crate::random::Random;

/// Quantities in an order in which each depends on earlier ones only.
#[derive(Debug)]
pub struct Graph {
    /// The quantities.
    pub nodes: Vec<Node>,
    /// The one that is asked for.
    pub asked: usize,
}

/// A quantity.
#[derive(Debug)]
pub struct Node {
    /// What a thought calls it; empty if its value is enough.
    pub name: String,
    /// Where its value comes from.
    pub value: Value,
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug)]
pub enum Value {
    /// The problem states it.
    Given(i64),
    /// It follows by one operation of `+-*/`.
    Binary(Term, char, Term),
}

/// One side of an operation.
#[derive(Clone, Copy, Debug)]
pub enum Term {
    /// Another quantity.
    Node(usize),
    /// A number of the problem.
    Number(i64),
}

impl Graph {
    /// The value asked for.
    pub fn answer(&self) -> i64 {
        self.values(None)[self.asked]
    }

    /// The value of each node; that of the node `slip.0`, if any, comes out wrong by `slip.1`.
    ///
    /// # Panics
    /// If a division leaves a remainder.
    pub fn values(&self, slip: Option<(usize, i64)>) -> Vec<i64> {
        let mut values: Vec<i64> = Vec::new();
        for (i, node) in self.nodes.iter().enumerate() {
            let value = match operation(node, &values) {
                None => given(node),
                Some(operation) => operation.result().expect("word problems come out even"),
            };
            values.push(value + slip.filter(|(at, _)| *at == i).map_or(0, |(_, delta)| delta));
        }
        values
    }

    /// The calculation as one expression, whose canonical text is the problem's.
    pub fn expression(&self) -> Expression {
        self.expression_of(self.asked)
    }

    /// The steps to the answer with these values, from the node `start` on.
    pub fn steps(&self, values: &[i64], start: usize) -> String {
        let needed = self.needed();
        let steps: Vec<String> = (start..self.nodes.len())
            .filter(|i| needed[*i])
            .filter_map(|i| self.step(i, values))
            .collect();
        format!("{} -> {}", steps.join("; "), values[self.asked])
    }

    /// Each operation checked by its inverse, a product with its factors in the other order, up to
    /// the first that fails; and the index of that.
    pub fn check(&self, values: &[i64], language: Language) -> (String, Option<usize>) {
        let words = language.keywords();
        let (needed, mut checks, mut failed) = (self.needed(), Vec::new(), None);
        for (i, node) in self.nodes.iter().enumerate() {
            let Some(Operation { left, operator, right }) =
                operation(node, values).filter(|_| needed[i] && failed.is_none())
            else {
                continue;
            };
            let (back, goal) = match operator {
                '+' => (Operation { left: values[i], operator: '-', right }, left),
                '-' => (Operation { left: values[i], operator: '+', right }, left),
                '*' => (Operation { left: right, operator: '*', right: left }, values[i]),
                _ => (Operation { left: values[i], operator: '*', right }, left),
            };
            let result = back.result().expect("small numbers");
            let verdict = if result == goal { words.ok } else { words.no };
            checks.push(format!("{back}={result} {verdict}"));
            failed = (result != goal).then_some(i);
        }
        (format!("{} {}", words.check, checks.join("; ")), failed)
    }

    /// Steps with a slip, the check that finds it, and the steps again from there; `None` if there
    /// is no operation to slip in.
    pub fn slip(&self, language: Language, random: &mut Random) -> Option<String> {
        let needed = self.needed();
        let may_slip = |i: &usize| {
            // A quotient of a wrong number would not come out even.
            needed[*i]
                && matches!(self.nodes[*i].value, Value::Binary(_, operator, _) if operator != '/')
        };
        let places: Vec<usize> = (0..self.nodes.len()).filter(may_slip).collect();
        let is_even = !self.nodes.iter().any(|node| matches!(node.value, Value::Binary(_, '/', _)));
        if places.is_empty() || !is_even {
            return None;
        }
        let wrong = self.values(Some((*random.pick(&places), *random.pick(&[1, 2, 10]))));
        let (check, failed) = self.check(&wrong, language);
        let again = self.steps(&self.values(None), failed?);
        let wait = language.keywords().wait;
        Some(format!("{}\n{check}\n{wait} {again}", self.steps(&wrong, 0)))
    }

    /// Which nodes the answer depends on.
    fn needed(&self) -> Vec<bool> {
        let mut needed = vec![false; self.nodes.len()];
        needed[self.asked] = true;
        for i in (0..self.nodes.len()).rev() {
            if let (true, Value::Binary(left, _, right)) = (needed[i], self.nodes[i].value) {
                for term in [left, right] {
                    if let Term::Node(j) = term {
                        needed[j] = true;
                    }
                }
            }
        }
        needed
    }

    /// `ben=2*anna=2*3=6`, or `3+5=8` where names are empty; nothing for what is given and has no
    /// name.
    fn step(&self, i: usize, values: &[i64]) -> Option<String> {
        let Node { name, value } = &self.nodes[i];
        let Value::Binary(left, operator, right) = *value else {
            return (!name.is_empty()).then(|| format!("{name}={}", values[i]));
        };
        let numbers = operation(&self.nodes[i], values)?.to_string();
        let [left, right] = [left, right].map(|term| match term {
            Term::Node(j) if self.nodes[j].name.is_empty() => values[j].to_string(),
            Term::Node(j) => self.nodes[j].name.clone(),
            Term::Number(n) => n.to_string(),
        });
        let formula = format!("{left}{operator}{right}");
        let mut parts: Vec<&str> = vec![name, &formula, &numbers];
        parts.dedup();
        parts.retain(|part| !part.is_empty());
        Some(format!("{}={}", parts.join("="), values[i]))
    }

    fn expression_of(&self, i: usize) -> Expression {
        let number = |n| Expression { operands: vec![Operand::Number(n)], operators: Vec::new() };
        let (left, operator, right) = match self.nodes[i].value {
            Value::Given(n) => return number(n),
            Value::Binary(left, operator, right) => (left, operator, right),
        };
        let [left, right] = [left, right].map(|term| match term {
            Term::Node(j) => self.expression_of(j),
            Term::Number(n) => number(n),
        });
        // Brackets only where the order of precedence needs them.
        let is_product = |side: &Expression| side.operators.iter().all(|sign| "*/".contains(*sign));
        let (left_is_open, right_is_open) = match operator {
            '+' => (true, true),
            '-' => (true, is_product(&right)),
            '*' => (is_product(&left), is_product(&right) && !right.operators.contains(&'/')),
            _ => (is_product(&left), right.operators.is_empty()),
        };
        let mut whole = if left_is_open { left } else { bracket(left) };
        let right = if right_is_open { right } else { bracket(right) };
        whole.operators.push(operator);
        whole.operators.extend(right.operators);
        whole.operands.extend(right.operands);
        whole
    }
}

fn bracket(inner: Expression) -> Expression {
    Expression { operands: vec![Operand::Bracket(inner)], operators: Vec::new() }
}

/// The operation of `node` in numbers; `None` if it is given.
fn operation(node: &Node, values: &[i64]) -> Option<Operation> {
    let Value::Binary(left, operator, right) = node.value else { return None };
    let [left, right] = [left, right].map(|term| match term {
        Term::Node(j) => values[j],
        Term::Number(n) => n,
    });
    Some(Operation { left, operator, right })
}

fn given(node: &Node) -> i64 {
    match node.value {
        Value::Given(n) => n,
        Value::Binary(..) => 0,
    }
}
