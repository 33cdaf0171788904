//! Greatest common divisors by Euclid's algorithm.

use crate::answer::boxed_integer;
use crate::language::Language;
use crate::phrasing::{ask, fill};
use crate::random::Random;
use crate::task::{Class, Problem, Style, Task, Work};

/// The task `gcd`: numbers up to 20 at level 0, up to 999 at the last.
pub struct Gcd;

struct Pair {
    a: i64,
    b: i64,
    language: Language,
}

/// Largest number by level.
const MAX: [i64; 10] = [20, 30, 50, 70, 99, 150, 200, 300, 600, 999];

impl Task for Gcd {
    fn name(&self) -> &'static str {
        "gcd"
    }

    fn class(&self) -> Class {
        Class::Compute
    }

    fn draw(&self, level: u8, random: &mut Random) -> Box<dyn Problem> {
        let max = MAX[usize::from(level)];
        // Random pairs seldom share much, so that 1 would answer most.
        let shared = if random.chance(0.8) { random.between(2, max / 5) } else { 1 };
        let [a, b] = [0, 1].map(|_| shared * random.between(1, max / shared));
        Box::new(Pair { a, b, language: Language::draw(random) })
    }
}

impl Pair {
    /// `48=18*2+12; 18=12*1+6; 12=6*2+0 -> 6`, with the remainder of the step `slip.0` wrong by
    /// `slip.1`; and the result.
    fn steps(&self, slip: Option<(usize, i64)>) -> (String, i64) {
        let (mut a, mut b) = (self.a.max(self.b), self.a.min(self.b));
        let mut steps = Vec::new();
        while b > 0 {
            let mut rest = a % b;
            if let Some((_, delta)) = slip.filter(|(step, _)| *step == steps.len()) {
                rest = if rest + delta < b { rest + delta } else { (rest - delta).max(0) };
            }
            steps.push(format!("{a}={b}*{}+{rest}", a / b));
            (a, b) = (b, rest);
        }
        (format!("{} -> {a}", steps.join("; ")), a)
    }

    fn answer(&self) -> i64 {
        self.steps(None).1
    }

    /// Both numbers as multiples of the result, up to the first that is none, and the multiples
    /// without a common divisor.
    fn check(&self, result: i64) -> String {
        let words = self.language.keywords();
        let mut checks = Vec::new();
        for n in [self.a, self.b] {
            if n % result != 0 {
                let (near, rest) = (n / result, n % result);
                checks.push(format!("{n}={result}*{near}+{rest} {}", words.no));
                return format!("{} {}", words.check, checks.join("; "));
            }
            checks.push(format!("{n}={result}*{} {}", n / result, words.ok));
        }
        let (left, right) = (self.a / result, self.b / result);
        let rest = Pair { a: left, b: right, language: self.language }.steps(None);
        let verdict = if rest.1 == 1 { words.ok } else { words.no };
        format!("{} {}; {} {verdict}", words.check, checks.join("; "), rest.0)
    }

    fn slip(&self, random: &mut Random) -> Option<String> {
        let (right, answer) = self.steps(None);
        let n_steps = right.split("; ").count() as u64;
        let slip = (random.below(n_steps) as usize, *random.pick(&[1, 2]));
        let (wrong, result) = self.steps(Some(slip));
        if result == answer {
            return None;
        }
        let wait = self.language.keywords().wait;
        Some(format!("{wrong}\n{}\n{wait} {right}", self.check(result)))
    }
}

const TEMPLATES: &[&str] = &[
    "gcd({a},{b})",
    "gcd({a}, {b})",
    "gcd of {a} and {b}",
    "what is the gcd of {a} and {b}?",
    "find the greatest common divisor of {a} and {b}.",
    "greatest common divisor of {a} and {b}",
    "what is the greatest common divisor of {a} and {b}?",
    "calculate gcd({a},{b})",
    "what is the largest number that divides {a} and {b}?",
];

const TEMPLATES_GERMAN: &[&str] =
    &["was ist der ggt von {a} und {b}?", "berechne ggt({a},{b})", "ggt von {a} und {b}"];

impl Problem for Pair {
    fn canonical(&self) -> String {
        format!("gcd {} {}", self.a.min(self.b), self.a.max(self.b))
    }

    fn language(&self) -> Language {
        self.language
    }

    fn question(&self, random: &mut Random) -> String {
        let template = *random.pick(match self.language {
            Language::English => TEMPLATES,
            Language::German => TEMPLATES_GERMAN,
        });
        let (a, b) = (self.a.to_string(), self.b.to_string());
        ask(&fill(template, &[("a", &a), ("b", &b)]), self.language, random)
    }

    fn work(&self, style: Style, random: &mut Random) -> Work {
        let (straight, answer) = self.steps(None);
        let thinking = style.computed(
            straight,
            || format!("gcd({},{})={answer}", self.a, self.b),
            || self.check(answer),
            || self.slip(random),
        );
        Work::boxed(thinking, answer)
    }

    fn grade(&self, reply: &str) -> bool {
        boxed_integer(reply) == Some(self.answer())
    }
}

#[cfg(test)]
mod tests {
    use num_integer::Integer;

    use super::*;
    use crate::answer::tests::refuses_hostile_replies;

    fn pair(a: i64, b: i64) -> Pair {
        Pair { a, b, language: Language::English }
    }

    #[test]
    fn euclid_is_written_down_and_checked() {
        let thinking = pair(18, 48).work(Style::Checked, &mut Random::new(0, 0)).thinking;
        assert_eq!(
            thinking,
            "48=18*2+12; 18=12*1+6; 12=6*2+0 -> 6\n\
             check 18=6*3 ok; 48=6*8 ok; 8=3*2+2; 3=2*1+1; 2=1*2+0 -> 1 ok"
        );
        assert_eq!(pair(18, 48).check(4), "check 18=4*4+2 no");
        assert_eq!(
            pair(18, 48).check(3),
            "check 18=3*6 ok; 48=3*16 ok; 16=6*2+4; 6=4*1+2; 4=2*2+0 -> 2 no"
        );
    }

    #[test]
    fn results_are_right_and_slips_are_found() {
        for i in 0..5000 {
            let mut random = Random::new(2, i);
            let problem = pair(random.between(1, 999), random.between(1, 999));
            assert_eq!(problem.answer(), problem.a.gcd(&problem.b));
            if let Some(thinking) = problem.slip(&mut random) {
                assert!(thinking.contains(" no\nwait "), "{thinking}");
            }
        }
    }

    #[test]
    fn graders_refuse_what_is_no_answer() {
        refuses_hostile_replies(&pair(18, 48), 6);
        refuses_hostile_replies(&pair(7, 9), 1);
    }
}
