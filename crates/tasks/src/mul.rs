//! Products by partial products, each digit by digit, then added in columns; checked by casting out
//! nines.

use crate::answer::boxed_integer;
use crate::chain::expression::{Expression, Operand};
use crate::columns::{Slip, Written, add, digits, times_digit};
use crate::language::Language;
use crate::phrasing::{ask, fill, number};
use crate::random::Random;
use crate::task::{Class, Problem, Style, Task, Work};

/// The task `mul`: from 1×1 to 3×2 digits.
pub struct Mul;

struct Product {
    a: i64,
    b: i64,
    language: Language,
}

/// Range of the factors by level.
const RANGES: [[(i64, i64); 2]; 10] = [
    [(1, 9), (1, 9)],
    [(0, 12), (1, 12)],
    [(10, 19), (2, 9)],
    [(10, 99), (0, 9)],
    [(10, 99), (0, 9)],
    [(100, 999), (0, 9)],
    [(10, 19), (10, 99)],
    [(10, 99), (10, 99)],
    [(10, 99), (10, 99)],
    [(100, 999), (10, 99)],
];

impl Task for Mul {
    fn name(&self) -> &'static str {
        "mul"
    }

    fn class(&self) -> Class {
        Class::Compute
    }

    fn draw(&self, level: u8, random: &mut Random) -> Box<dyn Problem> {
        let [mut a, mut b] =
            RANGES[usize::from(level)].map(|(low, high)| random.between(low, high));
        if random.chance(0.3) {
            (a, b) = (b, a);
        }
        Box::new(Product { a, b, language: Language::draw(random) })
    }
}

impl Product {
    fn answer(&self) -> i64 {
        self.a * self.b
    }

    /// The partial products of the longer factor with each digit of the shorter, and their sum,
    /// with a slip in the partial product of this index.
    fn columns(&self, slip: Option<(usize, Slip)>) -> Written {
        let (long, short) = (self.a.max(self.b), self.a.min(self.b));
        let title = format!("{long}*{short}");
        if long < 10 {
            let slip = slip.map_or(0, |(_, slip)| slip.delta);
            let result = (long * short + slip).abs();
            return Written { text: format!("{title}={result}"), result };
        }
        let mut lines = Vec::new();
        let mut total: Option<i64> = None;
        for (i, digit) in digits(short).into_iter().enumerate() {
            if digit == 0 && short > 0 {
                continue;
            }
            let slip = slip.filter(|(partial, _)| *partial == i).map(|(_, slip)| slip);
            let partial = times_digit(long, digit, i as u32, slip);
            let name = format!("{long}*{}", digit * 10_i64.pow(i as u32));
            lines.push(format!("{name}: {}", partial.text));
            total = Some(match total {
                None => partial.result,
                Some(total) => {
                    let sum = add(partial.result, total, None);
                    lines.push(format!("{}+{total}: {}", partial.result, sum.text));
                    sum.result
                }
            });
        }
        let result = total.expect("a number has a digit");
        if short >= 10 {
            lines.insert(0, title);
        }
        Written { text: lines.join("\n"), result }
    }

    /// Casting out nines: the repeated digit sum of a product is that of the product of its
    /// factors' digit sums. Whether it holds, and the check in writing.
    fn check(&self, result: i64) -> (bool, String) {
        let mut steps = Vec::new();
        let roots = [self.a, self.b].map(|n| digit_root(n, &mut steps));
        let product = roots[0] * roots[1];
        steps.push(format!("{}*{}={product}", roots[0], roots[1]));
        let want = digit_root(product, &mut steps);
        let found = digit_root(result, &mut steps);
        let words = self.language.keywords();
        let verdict = if want == found { words.ok } else { words.no };
        let text = format!("{} {}; {want} {found} {verdict}", words.check, steps.join("; "));
        (want == found, text)
    }

    fn slip(&self, random: &mut Random) -> Option<String> {
        let (long, short) = (self.a.max(self.b), self.a.min(self.b));
        let partials: Vec<usize> = digits(short)
            .iter()
            .enumerate()
            .filter(|(_, digit)| **digit > 0)
            .map(|(i, _)| i)
            .collect();
        if partials.is_empty() {
            return None;
        }
        let slip = Slip::draw(digits(long).len(), random);
        let wrong = self.columns(Some((*random.pick(&partials), slip)));
        let (holds, check) = self.check(wrong.result);
        let (wait, right) = (self.language.keywords().wait, self.columns(None).text);
        (!holds).then(|| format!("{}\n{check}\n{wait} {right}", wrong.text))
    }
}

/// The digit sum, repeated until one digit is left; each sum is a step.
fn digit_root(mut n: i64, steps: &mut Vec<String>) -> i64 {
    while n >= 10 {
        let mut terms = digits(n);
        terms.reverse();
        let sum = terms.iter().sum();
        let terms: Vec<String> = terms.iter().map(i64::to_string).collect();
        steps.push(format!("{n}: {}={sum}", terms.join("+")));
        n = sum;
    }
    n
}

const TEMPLATES: &[&str] = &[
    "{a}*{b}",
    "{a} * {b}",
    "{a}*{b}=",
    "{a} x {b}",
    "{a}x{b}",
    "{a} × {b}",
    "what is {a}*{b}?",
    "what is {a} * {b}?",
    "what is {a} x {b}?",
    "what is {a} × {b}?",
    "what is {a} times {b}?",
    "{a} times {b}",
    "how much is {a} times {b}?",
    "calculate {a} * {b}",
    "calculate {a} × {b}.",
    "multiply {a} by {b}",
    "multiply {a} and {b}.",
    "what is the product of {a} and {b}?",
    "find the product of {a} and {b}.",
    "what's {a} * {b}?",
    "compute {a} * {b}",
    "work out {a} times {b}",
];

const TEMPLATES_GERMAN: &[&str] = &[
    "was ist {a}*{b}?",
    "was ist {a} mal {b}?",
    "wie viel ist {a} mal {b}?",
    "berechne {a} * {b}",
    "multipliziere {a} mit {b}.",
    "was ist das produkt von {a} und {b}?",
];

impl Problem for Product {
    /// As the same calculation in a chain has it, so that both are in one split.
    fn canonical(&self) -> String {
        let operands = vec![Operand::Number(self.a), Operand::Number(self.b)];
        Expression { operands, operators: vec!['*'] }.canonical()
    }

    fn language(&self) -> Language {
        self.language
    }

    fn question(&self, random: &mut Random) -> String {
        let template = *random.pick(match self.language {
            Language::English => TEMPLATES,
            Language::German => TEMPLATES_GERMAN,
        });
        let in_words = !template.contains(['*', '×'])
            && !template.contains("x{b}")
            && !template.contains(" x ")
            && random.chance(0.25);
        let (a, b) =
            (number(self.a, in_words, self.language), number(self.b, in_words, self.language));
        ask(&fill(template, &[("a", &a), ("b", &b)]), self.language, random)
    }

    fn work(&self, style: Style, random: &mut Random) -> Work {
        let written = self.columns(None);
        let thinking = style.computed(
            written.text,
            || format!("{}*{}={}", self.a, self.b, self.answer()),
            || self.check(written.result).1,
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

    fn product(a: i64, b: i64) -> Product {
        Product { a, b, language: Language::English }
    }

    #[test]
    fn partial_products_are_added() {
        let work = product(47, 36).work(Style::Checked, &mut Random::new(0, 0));
        assert_eq!(
            work.thinking,
            "47*36\n\
             47*6: 7*6=42 w2 c4; 4*6+4=28 w8 c2; 2=2 w2 -> 282\n\
             47*30: 7*3=21 w1 c2; 4*3+2=14 w4 c1; 1=1 w1 -> 1410\n\
             1410+282: 0+2=2 w2; 1+8=9 w9; 4+2=6 w6; 1=1 w1 -> 1692\n\
             check 47: 4+7=11; 11: 1+1=2; 36: 3+6=9; 2*9=18; 18: 1+8=9; 1692: 1+6+9+2=18; 18: 1+8=9; 9 9 ok"
        );
        assert_eq!(work.reply, "\\boxed{1692}");
    }

    #[test]
    fn results_are_right_and_slips_are_found() {
        let mut random = Random::new(1, 0);
        let mut n_slips = 0;
        for _ in 0..5000 {
            let a = random.between(0, 999);
            let problem = product(a, random.between(0, 99));
            assert_eq!(problem.columns(None).result, problem.answer());
            assert!(problem.check(problem.answer()).0);
            if let Some(thinking) = problem.slip(&mut random) {
                n_slips += 1;
                assert!(thinking.contains(" no\nwait "), "{thinking}");
            }
        }
        assert!(n_slips > 4000, "{n_slips}");
    }

    #[test]
    fn graders_refuse_what_is_no_answer() {
        for problem in [product(0, 5), product(7, 8), product(347, 26)] {
            refuses_hostile_replies(&problem, problem.answer());
        }
    }
}
