//! Remainders of chains, reduced as they go: `(38+47*5) mod 7`.

use crate::answer::boxed_integer;
use crate::language::Language;
use crate::phrasing::{ask, fill};
use crate::random::Random;
use crate::task::{Class, Problem, Style, Task, Work};

/// The task `mod`: from one number to four, each reduced on its own.
pub struct Modular;

struct Remainder {
    numbers: Vec<i64>,
    /// Of `+-*`, between the numbers; each is done with all before it, from the left.
    operators: Vec<char>,
    modulus: i64,
    language: Language,
}

/// Numbers, the largest of them and the largest modulus, by level.
const SIZES: [(usize, i64, i64); 10] = [
    (1, 50, 9),
    (1, 99, 12),
    (1, 999, 9),
    (2, 50, 9),
    (2, 99, 12),
    (3, 50, 9),
    (3, 99, 12),
    (4, 99, 12),
    (4, 99, 12),
    (3, 999, 12),
];

impl Task for Modular {
    fn name(&self) -> &'static str {
        "mod"
    }

    fn class(&self) -> Class {
        Class::Compute
    }

    fn draw(&self, level: u8, random: &mut Random) -> Box<dyn Problem> {
        let (n_numbers, max, max_modulus) = SIZES[usize::from(level)];
        let lowest = if level == 2 { 100 } else { 2 };
        let numbers = (0..n_numbers).map(|_| random.between(lowest, max)).collect();
        let operators = (1..n_numbers).map(|_| *random.pick(&['+', '-', '*'])).collect();
        let modulus = random.between(3, max_modulus);
        Box::new(Remainder { numbers, operators, modulus, language: Language::draw(random) })
    }
}

/// The steps of a remainder and what they lead to.
struct Reduction {
    steps: Vec<String>,
    result: i64,
}

impl Remainder {
    fn answer(&self) -> i64 {
        self.reduce(None).result
    }

    /// `47 mod 7: 7*6=42 5`: the largest multiple and the remainder; a long number digit by digit.
    fn reduce_number(&self, n: i64, steps: &mut Vec<String>) -> i64 {
        let m = self.modulus;
        if n < m {
            return n;
        }
        let once = |n: i64| format!("{m}*{}={} {}", n / m, n / m * m, n % m);
        if n < 10 * m {
            steps.push(format!("{n} mod {m}: {}", once(n)));
            return n % m;
        }
        let (mut rest, mut parts) = (0, Vec::new());
        for digit in n.to_string().bytes().map(|byte| i64::from(byte - b'0')) {
            rest = rest * 10 + digit;
            if rest >= m {
                parts.push(format!("{rest} {}", once(rest)));
                rest %= m;
            }
        }
        steps.push(format!("{n} mod {m}: {}", parts.join(", ")));
        rest
    }

    /// The remainder of the first number, then of it and each next, the step `slip.0` of the
    /// operations wrong by `slip.1`.
    fn reduce(&self, slip: Option<(usize, i64)>) -> Reduction {
        let (m, mut steps) = (self.modulus, Vec::new());
        let mut result = self.reduce_number(self.numbers[0], &mut steps);
        for (i, (operator, number)) in self.operators.iter().zip(&self.numbers[1..]).enumerate() {
            let number = self.reduce_number(*number, &mut steps);
            let (left, mut text) = (result, format!("{result}{operator}{number}"));
            let mut value = match operator {
                '+' => left + number,
                '*' => left * number,
                _ if left >= number => left - number,
                _ => {
                    // One modulus more keeps the difference above zero.
                    text = format!("{left}+{m}-{number}");
                    left + m - number
                }
            };
            if let Some((_, delta)) = slip.filter(|(step, _)| *step == i) {
                value += delta;
            }
            steps.push(format!("{text}={value}"));
            result = self.reduce_number(value, &mut steps);
        }
        Reduction { steps, result }
    }

    /// The chain, each operation in brackets before the next that would bind tighter.
    fn expression(&self) -> String {
        let mut text = self.numbers[0].to_string();
        let mut is_sum = false;
        for (operator, number) in self.operators.iter().zip(&self.numbers[1..]) {
            if *operator == '*' && is_sum {
                text = format!("({text})");
            }
            is_sum = *operator != '*';
            text = format!("{text}{operator}{number}");
        }
        text
    }

    fn title(&self) -> String {
        match self.operators[..] {
            [] => format!("{} mod {}", self.numbers[0], self.modulus),
            _ => format!("({}) mod {}", self.expression(), self.modulus),
        }
    }

    fn written(&self, reduction: &Reduction) -> String {
        let mut parts = vec![self.title()];
        parts.extend(reduction.steps.iter().cloned());
        // A number alone repeats its title.
        if self.operators.is_empty() && parts.len() > 1 {
            parts.remove(0);
        }
        format!("{} -> {}", parts.join("; "), reduction.result)
    }

    /// The reduction again, in short.
    fn check(&self, result: i64) -> String {
        let words = self.language.keywords();
        let again = self.reduce(None);
        let steps: Vec<&str> = again
            .steps
            .iter()
            .map(|step| step.split_once(": ").map_or(step.as_str(), |(_, rest)| rest))
            .collect();
        let verdict = if again.result == result { words.ok } else { words.no };
        let steps = if steps.is_empty() { self.title() } else { steps.join("; ") };
        format!("{} {steps} -> {} {verdict}", words.check, again.result)
    }

    fn slip(&self, random: &mut Random) -> Option<String> {
        let n_operations = self.operators.len() as u64;
        let step = (n_operations > 0).then(|| random.below(n_operations) as usize)?;
        let wrong = self.reduce(Some((step, *random.pick(&[1, 2, 10]))));
        if wrong.result == self.answer() {
            return None;
        }
        let (wait, right) = (self.language.keywords().wait, self.written(&self.reduce(None)));
        Some(format!("{}\n{}\n{wait} {right}", self.written(&wrong), self.check(wrong.result)))
    }
}

const TEMPLATES: &[&str] = &[
    "{e} mod {m}",
    "what is {e} mod {m}?",
    "{e} modulo {m}",
    "calculate {e} mod {m}",
    "what is the remainder of {e} divided by {m}?",
    "compute {e} mod {m}.",
    "{e} mod {m} = ?",
    "find the remainder when {e} is divided by {m}.",
    "remainder of {e} divided by {m}",
];

const TEMPLATES_GERMAN: &[&str] = &[
    "was ist {e} mod {m}?",
    "berechne {e} mod {m}",
    "was ist der rest von {e} geteilt durch {m}?",
];

impl Problem for Remainder {
    fn canonical(&self) -> String {
        let mut numbers: Vec<String> = self.numbers.iter().map(i64::to_string).collect();
        let first = self.operators.first();
        // The order of one kind of operation does not matter, but for taking away.
        if first
            .is_some_and(|first| *first != '-' && self.operators.iter().all(|next| next == first))
        {
            numbers.sort();
        }
        let operators: String = self.operators.iter().collect();
        format!("mod {} {operators} {}", numbers.join(" "), self.modulus)
    }

    fn language(&self) -> Language {
        self.language
    }

    fn question(&self, random: &mut Random) -> String {
        let mut expression = self.expression();
        if !self.operators.is_empty() {
            expression = format!("({expression})");
        }
        if random.chance(0.3) {
            for sign in ["+", "-", "*"] {
                expression = expression.replace(sign, &format!(" {sign} "));
            }
        }
        let template = *random.pick(match self.language {
            Language::English => TEMPLATES,
            Language::German => TEMPLATES_GERMAN,
        });
        let gaps = [("e", expression.as_str()), ("m", &self.modulus.to_string())];
        ask(&fill(template, &gaps), self.language, random)
    }

    fn work(&self, style: Style, random: &mut Random) -> Work {
        let right = self.reduce(None);
        let thinking = style.computed(
            self.written(&right),
            || format!("{}={}", self.title(), right.result),
            || self.check(right.result),
            || self.slip(random),
        );
        Work::boxed(thinking, right.result)
    }

    fn grade(&self, reply: &str) -> bool {
        boxed_integer(reply) == Some(self.answer())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::tests::refuses_hostile_replies;

    fn remainder(numbers: &[i64], operators: &str, modulus: i64) -> Remainder {
        let operators = operators.chars().collect();
        Remainder { numbers: numbers.to_vec(), operators, modulus, language: Language::English }
    }

    #[test]
    fn numbers_are_reduced_before_and_after_each_operation() {
        let cases = [
            (remainder(&[17], "", 5), "17 mod 5: 5*3=15 2 -> 2"),
            (remainder(&[3], "", 5), "3 mod 5 -> 3"),
            (remainder(&[347], "", 6), "347 mod 6: 34 6*5=30 4, 47 6*7=42 5 -> 5"),
            (
                remainder(&[12, 7, 30], "*-", 9),
                "(12*7-30) mod 9; 12 mod 9: 9*1=9 3; 3*7=21; 21 mod 9: 9*2=18 3; 30 mod 9: 9*3=27 3; \
                 3-3=0 -> 0",
            ),
        ];
        for (problem, text) in cases {
            assert_eq!(problem.written(&problem.reduce(None)), text);
        }
        assert_eq!(remainder(&[2, 3, 4], "+*", 7).expression(), "(2+3)*4");
    }

    #[test]
    fn remainders_are_those_of_the_whole_value() {
        for i in 0..5000 {
            let mut random = Random::new(1, i);
            let numbers: Vec<i64> = (0..1 + i % 5).map(|_| random.between(2, 999)).collect();
            let operators: String =
                numbers[1..].iter().map(|_| *random.pick(&['+', '-', '*'])).collect();
            let problem = remainder(&numbers, &operators, random.between(2, 12));
            let mut value = i128::from(numbers[0]);
            for (operator, number) in operators.chars().zip(&numbers[1..]) {
                let number = i128::from(*number);
                value = match operator {
                    '+' => value + number,
                    '-' => value - number,
                    _ => value * number,
                };
            }
            let want = value.rem_euclid(i128::from(problem.modulus));
            assert_eq!(i128::from(problem.answer()), want, "{}", problem.title());
        }
    }

    #[test]
    fn graders_refuse_what_is_no_answer() {
        for problem in [remainder(&[17], "", 5), remainder(&[12, 7, 31], "*-", 9)] {
            refuses_hostile_replies(&problem, problem.answer());
        }
    }
}
