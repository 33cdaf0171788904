//! Numbers from base ten to another and back, by repeated division and by Horner's rule.

use crate::answer::boxed;
use crate::language::Language;
use crate::phrasing::{ask, fill};
use crate::random::Random;
use crate::task::{Class, Problem, Style, Task, Work};

/// The task `base`: bases 2 to 9, numbers up to 15 at level 0, up to 999 at the last.
pub struct Radix;

struct Conversion {
    n: i64,
    base: i64,
    /// Into the base, or out of it.
    is_into: bool,
    language: Language,
}

/// Largest number by level.
const MAX: [i64; 10] = [15, 31, 63, 99, 127, 199, 255, 499, 511, 999];

impl Task for Radix {
    fn name(&self) -> &'static str {
        "base"
    }

    fn class(&self) -> Class {
        Class::Compute
    }

    fn draw(&self, level: u8, random: &mut Random) -> Box<dyn Problem> {
        let base = if random.chance(0.4) { 2 } else { random.between(3, 9) };
        let n = random.between(2, MAX[usize::from(level)]);
        Box::new(Conversion {
            n,
            base,
            is_into: random.chance(0.5),
            language: Language::draw(random),
        })
    }
}

/// The digits of `n` in `base`, from the left.
fn in_base(mut n: i64, base: i64) -> Vec<i64> {
    let mut digits = vec![n % base];
    while n >= base {
        n /= base;
        digits.push(n % base);
    }
    digits.reverse();
    digits
}

fn text(digits: &[i64]) -> String {
    digits.iter().map(i64::to_string).collect()
}

/// `45=2*22+1; 22=2*11+0; …` with the remainder of the step `slip`, if any, off by one, and the
/// digits.
fn divide(n: i64, base: i64, slip: Option<usize>) -> (Vec<String>, Vec<i64>) {
    let (mut rest, mut steps, mut digits) = (n, Vec::new(), Vec::new());
    while rest > 0 {
        let mut digit = rest % base;
        if slip == Some(steps.len()) {
            digit = if digit + 1 < base { digit + 1 } else { digit - 1 };
        }
        steps.push(format!("{rest}={base}*{}+{digit}", rest / base));
        digits.push(digit);
        rest /= base;
    }
    digits.reverse();
    (steps, digits)
}

/// `1; 1*2+0=2; 2*2+1=5; …` with the step `slip`, if any, off by one, and the value.
fn horner(digits: &[i64], base: i64, slip: Option<usize>) -> (Vec<String>, i64) {
    let mut value = digits[0];
    let mut steps = vec![value.to_string()];
    for digit in &digits[1..] {
        let mut next = value * base + digit;
        if slip == Some(steps.len()) {
            next += 1;
        }
        steps.push(format!("{value}*{base}+{digit}={next}"));
        value = next;
    }
    (steps, value)
}

impl Conversion {
    fn answer(&self) -> String {
        if self.is_into { text(&in_base(self.n, self.base)) } else { self.n.to_string() }
    }

    fn title(&self) -> String {
        let Conversion { n, base, .. } = *self;
        match self.is_into {
            true => format!("{n} in base {base}"),
            false => format!("{} from base {base}", text(&in_base(n, base))),
        }
    }

    /// The steps, and the check of what they lead to by the way back.
    fn steps(&self, slip: Option<usize>) -> (String, String) {
        let Conversion { n, base, .. } = *self;
        let words = self.language.keywords();
        let verdict = if slip.is_some() { words.no } else { words.ok };
        let (steps, result, back) = if self.is_into {
            let (steps, digits) = divide(n, base, slip);
            let (back, value) = horner(&digits, base, None);
            (steps, text(&digits), format!("{} -> {value}", back.join("; ")))
        } else {
            let (steps, value) = horner(&in_base(n, base), base, slip);
            let (back, digits) = divide(value, base, None);
            (steps, value.to_string(), format!("{} -> {}", back.join("; "), text(&digits)))
        };
        let steps = format!("{}: {} -> {result}", self.title(), steps.join("; "));
        (steps, format!("{} {back} {verdict}", words.check))
    }

    fn slip(&self, random: &mut Random) -> Option<String> {
        let n_digits = in_base(self.n, self.base).len() as u64;
        // Horner's first step takes a digit as it is.
        let first = u64::from(!self.is_into);
        let step = (n_digits > first).then(|| first + random.below(n_digits - first))?;
        let ((wrong, check), (right, _)) = (self.steps(Some(step as usize)), self.steps(None));
        Some(format!("{wrong}\n{check}\n{} {right}", self.language.keywords().wait))
    }
}

const INTO: &[&str] = &[
    "convert {n} to base {b}",
    "write {n} in base {b}.",
    "what is {n} in base {b}?",
    "{n} in base {b}",
    "{n} to base {b}",
    "convert {n} from base 10 to base {b}.",
    "express {n} in base {b}",
];

const OUT_OF: &[&str] = &[
    "convert {n} from base {b} to base 10",
    "what is {n} from base {b} in base 10?",
    "{n} from base {b}",
    "convert {n} from base {b} to decimal.",
    "{n} in base {b} to decimal",
    "which number is {n} in base {b}?",
];

const INTO_GERMAN: &[&str] = &["was ist {n} zur basis {b}?", "schreibe {n} zur basis {b}."];

const OUT_OF_GERMAN: &[&str] =
    &["welche zahl ist {n} zur basis {b}?", "was ist {n} von basis {b} zur basis 10?"];

impl Problem for Conversion {
    fn canonical(&self) -> String {
        format!("base {} {} {}", self.n, self.base, if self.is_into { "into" } else { "out" })
    }

    fn language(&self) -> Language {
        self.language
    }

    fn question(&self, random: &mut Random) -> String {
        let template = *random.pick(match (self.is_into, self.language) {
            (true, Language::English) => INTO,
            (false, Language::English) => OUT_OF,
            (true, Language::German) => INTO_GERMAN,
            (false, Language::German) => OUT_OF_GERMAN,
        });
        let n = if self.is_into { self.n.to_string() } else { text(&in_base(self.n, self.base)) };
        let binary = match (self.base, self.is_into, self.language) {
            (2, true, Language::English) => {
                ["convert {n} to binary", "{n} in binary", "what is {n} in binary?"]
            }
            (2, false, Language::English) => [
                "convert binary {n} to decimal",
                "what is binary {n} in decimal?",
                "binary {n} to decimal",
            ],
            _ => [template; 3],
        };
        let template = if random.chance(0.4) { *random.pick(&binary) } else { template };
        let gaps = [("n", n.as_str()), ("b", &self.base.to_string())];
        ask(&fill(template, &gaps), self.language, random)
    }

    fn work(&self, style: Style, random: &mut Random) -> Work {
        let (straight, check) = self.steps(None);
        let thinking = style.computed(
            straight,
            || format!("{} -> {}", self.title(), self.answer()),
            || check.clone(),
            || self.slip(random),
        );
        Work::boxed(thinking, self.answer())
    }

    /// The digits exactly, and nothing else.
    fn grade(&self, reply: &str) -> bool {
        boxed(reply).is_some_and(|answer| answer == self.answer())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::tests::refuses_hostile_replies;

    fn conversion(n: i64, base: i64, is_into: bool) -> Conversion {
        Conversion { n, base, is_into, language: Language::English }
    }

    #[test]
    fn both_ways_are_written_down_and_check_each_other() {
        let (steps, check) = conversion(10, 2, true).steps(None);
        assert_eq!(steps, "10 in base 2: 10=2*5+0; 5=2*2+1; 2=2*1+0; 1=2*0+1 -> 1010");
        assert_eq!(check, "check 1; 1*2+0=2; 2*2+1=5; 5*2+0=10 -> 10 ok");
        let (steps, check) = conversion(10, 3, false).steps(None);
        assert_eq!(steps, "101 from base 3: 1; 1*3+0=3; 3*3+1=10 -> 10");
        assert_eq!(check, "check 10=3*3+1; 3=3*1+0; 1=3*0+1 -> 101 ok");
    }

    #[test]
    fn ways_out_and_back_agree_and_slips_do_not() {
        for n in 1..1000 {
            for base in 2..10 {
                let digits = in_base(n, base);
                assert_eq!(divide(n, base, None).1, digits);
                assert_eq!(horner(&digits, base, None).1, n);
                assert_ne!(divide(n, base, Some(0)).1, digits);
                assert!(digits.len() == 1 || horner(&digits, base, Some(1)).1 != n);
            }
        }
    }

    #[test]
    fn graders_refuse_what_is_no_answer() {
        refuses_hostile_replies(&conversion(21, 4, true), 111);
        refuses_hostile_replies(&conversion(21, 4, false), 21);
        assert!(!conversion(5, 2, true).grade("\\boxed{0101}"));
        assert!(!conversion(5, 2, true).grade("\\boxed{5}"));
    }
}
