//! Sums and differences of two numbers of up to ten digits, digit by digit.

use crate::answer::boxed_integer;
use crate::chain::expression::{Expression, Operand};
use crate::columns::{Slip, Written, add, digits, subtract};
use crate::language::Language;
use crate::phrasing::{ask, fill, number};
use crate::random::Random;
use crate::task::{Class, Problem, Style, Task, Work};

/// The task `addsub`: level `n` has numbers of `n + 1` digits.
pub struct AddSub;

struct Sum {
    a: i64,
    b: i64,
    operator: Operator,
    language: Language,
}

#[derive(Clone, Copy, PartialEq)]
enum Operator {
    Plus,
    Minus,
}

/// Digits above which a slip, which is written out three times, would fill the context.
const MAX_SLIP_DIGITS: usize = 7;

impl Task for AddSub {
    fn name(&self) -> &'static str {
        "addsub"
    }

    fn class(&self) -> Class {
        Class::Compute
    }

    fn draw(&self, level: u8, random: &mut Random) -> Box<dyn Problem> {
        let n_digits = u32::from(level) + 1;
        let shorter =
            if random.chance(0.3) { random.between(1, n_digits as i64) as u32 } else { n_digits };
        let (mut a, mut b) = (of_digits(n_digits, random), of_digits(shorter, random));
        let operator = *random.pick(&[Operator::Plus, Operator::Minus]);
        // Differences below zero are rarer than half of what people ask.
        let may_swap = operator == Operator::Plus || random.chance(0.4);
        if may_swap && random.chance(0.5) || operator == Operator::Minus && a < b && !may_swap {
            (a, b) = (b, a);
        }
        Box::new(Sum { a, b, operator, language: Language::draw(random) })
    }
}

/// A number of exactly this many digits; 0 counts as one digit.
fn of_digits(n_digits: u32, random: &mut Random) -> i64 {
    let low = if n_digits == 1 { 0 } else { 10_i64.pow(n_digits - 1) };
    random.between(low, 10_i64.pow(n_digits) - 1)
}

impl Sum {
    fn answer(&self) -> i64 {
        match self.operator {
            Operator::Plus => self.a + self.b,
            Operator::Minus => self.a - self.b,
        }
    }

    fn sign(&self) -> char {
        match self.operator {
            Operator::Plus => '+',
            Operator::Minus => '-',
        }
    }

    fn expression(&self) -> Expression {
        let operands = vec![Operand::Number(self.a), Operand::Number(self.b)];
        Expression { operands, operators: vec![self.sign()] }
    }

    /// The work in columns, and its result.
    fn columns(&self, slip: Option<Slip>) -> Written {
        let Sum { a, b, .. } = *self;
        let title = format!("{a}{}{b}", self.sign());
        let (title, written) = match self.operator {
            Operator::Plus => (title, add(a, b, slip)),
            Operator::Minus if a >= b => (title, subtract(a, b, slip)),
            Operator::Minus => {
                let mut written = subtract(b, a, slip);
                written.result = -written.result;
                written.text = format!("{} -> {}", written.text, written.result);
                (format!("{title}=-({b}-{a}); {b}-{a}"), written)
            }
        };
        Written { text: format!("{title}: {}", written.text), result: written.result }
    }

    /// The inverse of the sum, from its result back to a number of the question; `None` if the
    /// result is too wrong to go back from.
    fn check(&self, result: i64) -> Option<String> {
        let Sum { a, b, .. } = *self;
        let (title, back, goal) = match self.operator {
            Operator::Plus if result < b => return None,
            Operator::Plus => (format!("{result}-{b}"), subtract(result, b, None), a),
            Operator::Minus if a >= b => (format!("{result}+{b}"), add(result, b, None), a),
            Operator::Minus => (format!("{}+{a}", -result), add(-result, a, None), b),
        };
        let words = self.language.keywords();
        let verdict = if back.result == goal { words.ok } else { words.no };
        Some(format!("{} {title}: {} {verdict}", words.check, back.text))
    }

    fn slip(&self, random: &mut Random) -> Option<String> {
        let n_columns = digits(self.a.max(self.b)).len();
        if n_columns > MAX_SLIP_DIGITS {
            return None;
        }
        let wrong = self.columns(Some(Slip::draw(n_columns, random)));
        let check = self.check(wrong.result)?;
        let (wait, right) = (self.language.keywords().wait, self.columns(None).text);
        Some(format!("{}\n{check}\n{wait} {right}", wrong.text))
    }
}

const PLUS: &[&str] = &[
    "{a}+{b}",
    "{a} + {b}",
    "{a}+{b}=",
    "{a} + {b} = ?",
    "what is {a}+{b}?",
    "what is {a} + {b}?",
    "what is {a} plus {b}?",
    "{a} plus {b}",
    "how much is {a} plus {b}?",
    "how much is {a} + {b}?",
    "calculate {a} + {b}",
    "calculate {a}+{b}.",
    "add {a} and {b}",
    "add {b} to {a}.",
    "what is the sum of {a} and {b}?",
    "find the sum of {a} and {b}.",
    "what's {a} + {b}?",
    "compute {a} + {b}",
    "work out {a} plus {b}",
    "what do you get if you add {a} and {b}?",
];

const MINUS: &[&str] = &[
    "{a}-{b}",
    "{a} - {b}",
    "{a}-{b}=",
    "{a} - {b} = ?",
    "what is {a}-{b}?",
    "what is {a} - {b}?",
    "what is {a} minus {b}?",
    "{a} minus {b}",
    "how much is {a} minus {b}?",
    "how much is {a} - {b}?",
    "calculate {a} - {b}",
    "calculate {a}-{b}.",
    "subtract {b} from {a}",
    "take {b} away from {a}.",
    "what is the difference {a} minus {b}?",
    "what's {a} - {b}?",
    "compute {a} - {b}",
    "work out {a} minus {b}",
    "what is left if you take {b} from {a}?",
];

const PLUS_GERMAN: &[&str] = &[
    "was ist {a}+{b}?",
    "was ist {a} plus {b}?",
    "wie viel ist {a} + {b}?",
    "berechne {a} + {b}",
    "wie viel ist {a} plus {b}?",
    "addiere {a} und {b}.",
    "was ist die summe von {a} und {b}?",
];

const MINUS_GERMAN: &[&str] = &[
    "was ist {a}-{b}?",
    "was ist {a} minus {b}?",
    "wie viel ist {a} - {b}?",
    "berechne {a} - {b}",
    "wie viel ist {a} minus {b}?",
    "ziehe {b} von {a} ab.",
];

impl Problem for Sum {
    /// As the same calculation in a chain has it, so that both are in one split.
    fn canonical(&self) -> String {
        self.expression().canonical()
    }

    fn language(&self) -> Language {
        self.language
    }

    fn question(&self, random: &mut Random) -> String {
        let templates = match (self.operator, self.language) {
            (Operator::Plus, Language::English) => PLUS,
            (Operator::Minus, Language::English) => MINUS,
            (Operator::Plus, Language::German) => PLUS_GERMAN,
            (Operator::Minus, Language::German) => MINUS_GERMAN,
        };
        let template = *random.pick(templates);
        // Nobody writes `twelve+7`.
        let in_words = !template.contains(['+', '-']) && random.chance(0.25);
        let (a, b) =
            (number(self.a, in_words, self.language), number(self.b, in_words, self.language));
        ask(&fill(template, &[("a", &a), ("b", &b)]), self.language, random)
    }

    fn work(&self, style: Style, random: &mut Random) -> Work {
        let written = self.columns(None);
        let thinking = style.computed(
            written.text,
            || format!("{}{}{}={}", self.a, self.sign(), self.b, self.answer()),
            || self.check(written.result).expect("a right sum is not below its terms"),
            || self.slip(random),
        );
        Work::boxed(thinking, self.answer())
    }

    fn grade(&self, reply: &str) -> bool {
        boxed_integer(reply) == Some(self.answer())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::tests::refuses_hostile_replies;

    fn sum(a: i64, operator: Operator, b: i64) -> Sum {
        Sum { a, b, operator, language: Language::English }
    }

    #[test]
    fn work_is_written_from_the_right() {
        let mut random = Random::new(0, 0);
        let work = sum(4827, Operator::Plus, 396).work(Style::Checked, &mut random);
        assert_eq!(
            work.thinking,
            "4827+396: 7+6=13 w3 c1; 2+9+1=12 w2 c1; 8+3+1=12 w2 c1; 4+1=5 w5 -> 5223\n\
             check 5223-396: 13-6=7 w7 b1; 12-9-1=2 w2 b1; 12-3-1=8 w8 b1; 5-1=4 w4 -> 4827 ok"
        );
        assert_eq!(work.reply, "\\boxed{5223}");
        let work = sum(5, Operator::Minus, 8).work(Style::Straight, &mut random);
        assert_eq!(work.thinking, "5-8=-(8-5); 8-5: 8-5=3 w3 -> 3 -> -3");
    }

    #[test]
    fn a_slip_is_found_and_mended() {
        for i in 0..1000 {
            let mut random = Random::new(5, i);
            let (a, b) = (random.between(0, 99_999), random.between(0, 99_999));
            let operator = *random.pick(&[Operator::Plus, Operator::Minus]);
            let Some(thinking) = sum(a, operator, b).slip(&mut random) else { continue };
            let lines: Vec<&str> = thinking.lines().collect();
            assert!(lines[1].starts_with("check ") && lines[1].ends_with(" no"), "{thinking}");
            assert!(lines[2].starts_with("wait "), "{thinking}");
        }
    }

    #[test]
    fn order_matters_only_where_it_does() {
        let canonical = |a, operator, b| sum(a, operator, b).canonical();
        assert_eq!(canonical(3, Operator::Plus, 9), canonical(9, Operator::Plus, 3));
        assert_ne!(canonical(3, Operator::Minus, 9), canonical(9, Operator::Minus, 3));
        assert_ne!(canonical(9, Operator::Minus, 3), canonical(9, Operator::Plus, 3));
    }

    #[test]
    fn graders_refuse_what_is_no_answer() {
        for problem in
            [sum(4, Operator::Plus, 3), sum(3, Operator::Minus, 90), sum(1, Operator::Minus, 1)]
        {
            refuses_hostile_replies(&problem, problem.answer());
        }
    }
}
