//! Chains of `+ - * /` with precedence and brackets: one operation a step, the rest written again.

pub mod expression;

use crate::answer::boxed_integer;
use crate::language::Language;
use crate::phrasing::{ask, fill};
use crate::random::Random;
use crate::task::{Class, Problem, Style, Task, Work};
use expression::{Expression, Shape};

/// The task `chain`: from two numbers to seven.
pub struct Chain;

struct Calculation {
    expression: Expression,
    language: Language,
}

/// Numbers and the largest of them, by level.
const SIZES: [(usize, i64); 10] =
    [(2, 10), (2, 20), (3, 12), (3, 20), (4, 20), (4, 50), (5, 50), (6, 50), (6, 99), (7, 99)];

impl Task for Chain {
    fn name(&self) -> &'static str {
        "chain"
    }

    fn class(&self) -> Class {
        Class::Compute
    }

    fn draw(&self, level: u8, random: &mut Random) -> Box<dyn Problem> {
        let (n_terms, max) = SIZES[usize::from(level)];
        let expression = Expression::draw(&Shape { n_terms, max, brackets: 0.35 }, random);
        Box::new(Calculation { expression, language: Language::draw(random) })
    }
}

/// A calculation step by step.
struct Steps {
    text: String,
    result: i64,
    /// What was left before the step with the slip.
    before_slip: Option<Expression>,
}

/// The steps of `expression`; the step `slip.0`, if any, comes out wrong by `slip.1`. `None` if a
/// division then leaves a remainder.
fn steps(expression: &Expression, slip: Option<(usize, i64)>) -> Option<Steps> {
    let (mut left, mut text, mut before_slip) = (expression.clone(), expression.to_string(), None);
    for i in 0.. {
        let Some(operation) = left.next() else { break };
        let mut result = operation.result()?;
        if let Some((_, delta)) = slip.filter(|(step, _)| *step == i) {
            before_slip = Some(left.clone());
            result = if result + delta < 0 { result - delta } else { result + delta };
        }
        left = left.replaced(result);
        text = format!("{text}; {operation}={result}");
        match left.value() {
            Some(value) => text = format!("{text} -> {value}"),
            None => text = format!("{text}: {left}"),
        }
    }
    Some(Steps { text, result: left.value()?, before_slip })
}

impl Calculation {
    fn answer(&self) -> i64 {
        self.expression.evaluate().expect("easy expressions have a value")
    }

    /// The expression and what it becomes, joined by `=`, and the verdict on `result`.
    fn check(&self, result: i64) -> String {
        let (mut left, mut text) = (self.expression.clone(), self.expression.to_string());
        while let Some(operation) = left.next() {
            left = left.replaced(operation.result().expect("easy expressions have a value"));
            text = format!("{text}={left}");
        }
        let words = self.language.keywords();
        let verdict = if left.value() == Some(result) { words.ok } else { words.no };
        format!("{} {text} {verdict}", words.check)
    }

    fn slip(&self, random: &mut Random) -> Option<String> {
        let step = random.below(n_operations(&self.expression));
        let delta = *random.pick(&[-10, -2, -1, 1, 2, 10]);
        let wrong = steps(&self.expression, Some((step as usize, delta)))?;
        if wrong.result == self.answer() {
            return None;
        }
        let again = steps(&wrong.before_slip?, None)?.text;
        let wait = self.language.keywords().wait;
        Some(format!("{}\n{}\n{wait} {again}", wrong.text, self.check(wrong.result)))
    }
}

fn n_operations(expression: &Expression) -> u64 {
    let (mut left, mut n) = (expression.clone(), 0);
    while left.next().is_some() {
        left = left.replaced(0);
        n += 1;
    }
    n
}

const TEMPLATES: &[&str] = &[
    "{e}",
    "{e}=",
    "{e} = ?",
    "{e}?",
    "what is {e}?",
    "what is {e}?",
    "calculate {e}",
    "calculate {e}.",
    "compute {e}",
    "work out {e}",
    "evaluate {e}.",
    "how much is {e}?",
    "solve {e}",
    "what's {e}?",
    "find the value of {e}.",
    "what is the value of {e}?",
];

const TEMPLATES_GERMAN: &[&str] = &[
    "was ist {e}?",
    "wie viel ist {e}?",
    "berechne {e}",
    "berechne {e}.",
    "was ergibt {e}?",
    "was kommt bei {e} heraus?",
];

impl Problem for Calculation {
    fn canonical(&self) -> String {
        self.expression.canonical()
    }

    fn language(&self) -> Language {
        self.language
    }

    fn question(&self, random: &mut Random) -> String {
        let blank = if random.chance(0.5) { " " } else { "" };
        let times = *random.pick(&["*", "*", "*", "×", "x"]);
        let mut text = self.expression.spelt(blank, times);
        let templates = match self.language {
            Language::English => TEMPLATES,
            Language::German => TEMPLATES_GERMAN,
        };
        if !self.expression.has_bracket() && random.chance(0.15) {
            let names: [(&str, &str); 4] = match self.language {
                Language::English => {
                    [("+", " plus "), ("-", " minus "), ("*", " times "), ("/", " divided by ")]
                }
                Language::German => {
                    [("+", " plus "), ("-", " minus "), ("*", " mal "), ("/", " geteilt durch ")]
                }
            };
            text = names
                .iter()
                .fold(self.expression.to_string(), |text, (sign, name)| text.replace(sign, name));
        }
        let template = *random.pick(templates);
        ask(&fill(template, &[("e", &text)]), self.language, random)
    }

    fn work(&self, style: Style, random: &mut Random) -> Work {
        let straight = steps(&self.expression, None).expect("easy expressions have a value");
        let result = straight.result;
        let thinking = style.computed(
            straight.text,
            || format!("{}={result}", self.expression),
            || self.check(result),
            || self.slip(random),
        );
        Work::boxed(thinking, result)
    }

    fn grade(&self, reply: &str) -> bool {
        boxed_integer(reply) == Some(self.answer())
    }
}

#[cfg(test)]
mod tests {
    use super::expression::Operand::{Bracket, Number};
    use super::*;
    use crate::answer::tests::refuses_hostile_replies;

    fn calculation() -> Calculation {
        let inner = Expression { operands: vec![Number(7), Number(4)], operators: vec!['-'] };
        let operands = vec![Number(2), Number(3), Bracket(inner)];
        let expression = Expression { operands, operators: vec!['+', '*'] };
        Calculation { expression, language: Language::English }
    }

    #[test]
    fn each_step_is_one_operation_and_the_rest() {
        let work = calculation().work(Style::Checked, &mut Random::new(0, 0));
        assert_eq!(
            work.thinking,
            "2+3*(7-4); 7-4=3: 2+3*3; 3*3=9: 2+9; 2+9=11 -> 11\n\
             check 2+3*(7-4)=2+3*3=2+9=11 ok"
        );
    }

    #[test]
    fn a_slip_is_mended_from_where_it_happened() {
        let wrong = steps(&calculation().expression, Some((1, 1))).unwrap();
        assert_eq!(wrong.text, "2+3*(7-4); 7-4=3: 2+3*3; 3*3=10: 2+10; 2+10=12 -> 12");
        let again = steps(&wrong.before_slip.unwrap(), None).unwrap();
        assert_eq!(again.text, "2+3*3; 3*3=9: 2+9; 2+9=11 -> 11");
        let thinking = calculation().slip(&mut Random::new(0, 0)).unwrap();
        assert!(thinking.contains(" no\nwait "), "{thinking}");
    }

    #[test]
    fn graders_refuse_what_is_no_answer() {
        refuses_hostile_replies(&calculation(), 11);
    }
}
