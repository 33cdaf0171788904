//! Factoring: which two primes multiply to a number.

use crate::formula;
use crate::language::Language;
use crate::phrasing::ask;
use crate::random::Random;
use crate::task::{Class, Problem, Style, Task, Work};
use crate::trace::{Plan, Trace};

/// Tokens for a division and a `check`.
const RESERVE: usize = 70;

/// Factoring of a product of two primes.
pub(crate) struct Factor;

/// The largest number of each level.
const MAX: [u64; 10] = [200, 300, 400, 500, 700, 1000, 1300, 1700, 2300, 3000];

impl Task for Factor {
    fn name(&self) -> &'static str {
        "factor"
    }

    fn class(&self) -> Class {
        Class::Search
    }

    fn draw(&self, level: u8, random: &mut Random) -> Box<dyn Problem> {
        let max = MAX[usize::from(level.min(9))];
        // The smaller prime first and evenly, so that not most numbers are even.
        let small: Vec<u64> = primes(max).take_while(|p| p * p <= max).collect();
        let p = *random.pick(&small);
        let large: Vec<u64> = primes(max / p).filter(|q| *q >= p).collect();
        Box::new(Product { p, q: *random.pick(&large) })
    }
}

/// The primes up to `max`.
fn primes(max: u64) -> impl Iterator<Item = u64> {
    (2..=max).filter(|n| (2..).take_while(|d| d * d <= *n).all(|d| n % d != 0))
}

/// A product of two primes, the smaller first.
struct Product {
    p: u64,
    q: u64,
}

impl Problem for Product {
    fn canonical(&self) -> String {
        format!("factor {}", self.p * self.q)
    }

    fn question(&self, random: &mut Random) -> String {
        let n = self.p * self.q;
        let question = match random.below(9) {
            0..3 => format!("factor {n}"),
            3 => format!("factor {n} into primes."),
            4 => format!("what two primes multiply to {n}?"),
            5 => format!("which two primes have the product {n}?"),
            6 => format!("find two primes whose product is {n}."),
            7 => format!("what are the prime factors of {n}?"),
            _ => format!("write {n} as a product of primes."),
        };
        ask(&question, Language::English, random)
    }

    fn work(&self, style: Style, random: &mut Random) -> Work {
        let (p, q) = (self.p, self.q);
        let mut trace;
        let is_checked;
        match Plan::of(style, random) {
            Plan::Short => return Work::boxed(format!("{p}*{q}={}", p * q), format!("{p}*{q}")),
            Plan::Straight { is_checked: checks } => {
                (trace, is_checked) = (Trace::new(f64::INFINITY, RESERVE), checks);
                self.divide(&mut trace, p);
            }
            Plan::Search { mean_tries, is_checked: checks, has_slip } => {
                (trace, is_checked) = (Trace::new(mean_tries, RESERVE), checks);
                if let Some(tried) = self.search(&mut trace, has_slip, random) {
                    trace.give_up();
                    let guess = format!("{tried}*{}", (p * q / tried).max(2));
                    return Work::boxed(trace.finish(), guess);
                }
            }
        }
        trace.say(&format!("yes {p}*{q}"));
        if is_checked {
            trace.line();
            trace.say(&format!("check {} ok", multiplied(p, q)));
        }
        Work::boxed(trace.finish(), format!("{p}*{q}"))
    }

    fn grade(&self, reply: &str) -> bool {
        self.is_solved_by(reply).unwrap_or(false)
    }
}

impl Product {
    /// The box must hold the two primes in either order.
    fn is_solved_by(&self, reply: &str) -> Option<bool> {
        let tokens = formula::lex(formula::boxed(reply)?)?;
        let tokens = formula::without_value(&tokens, self.p * self.q)?;
        let mut factors = formula::list(tokens, '*')?;
        factors.sort_unstable();
        Some(factors == [self.p, self.q])
    }

    /// Tries the primes in turn up to the smaller factor, which is left without `yes`; or gives
    /// up, and returns the last prime tried.
    fn search(&self, trace: &mut Trace, has_slip: bool, random: &mut Random) -> Option<u64> {
        // A slip needs a division that fails with steps in it; without one it falls on the last.
        let slips: Vec<u64> = primes(self.p - 1).filter(|d| *d > 5).collect();
        let slip = (has_slip && !slips.is_empty()).then(|| *random.pick(&slips));
        for d in primes(self.p - 1) {
            if slip == Some(d) {
                self.slip(trace, d);
            }
            self.divide(trace, d);
            if trace.fails(random) {
                return Some(d);
            }
            trace.line();
        }
        if has_slip && slip.is_none() {
            trace.say(&format!("{} no", self.p));
            trace.line();
            trace.say("wait");
        }
        self.divide(trace, self.p);
        None
    }

    /// Whether `d` divides: by the last digit, the sum of digits, or long division, of which each
    /// part is the largest multiple with one digit but zeros: `13: 1517-1300=217-130=87-78=9`.
    fn divide(&self, trace: &mut Trace, d: u64) {
        let n = self.p * self.q;
        match d {
            2 | 5 => trace.say(&format!("{d}: {}", n % 10)),
            3 => {
                let digits: Vec<u64> =
                    n.to_string().bytes().map(|digit| u64::from(digit - b'0')).collect();
                let sum: u64 = digits.iter().sum();
                trace.say(&format!("3: {}={sum}", joined(&digits)));
            }
            _ => return trace.say(&format!("{d}: {}", long_division(n, d))),
        }
        // The other factor is read off the parts.
        if d == self.p {
            trace.say(&long_division(n, d));
        }
    }

    /// Takes a remainder for 0, and finds by multiplying that it is not.
    fn slip(&self, trace: &mut Trace, d: u64) {
        let n = self.p * self.q;
        let division = long_division(n, d);
        let until = division.rfind('=').map_or(division.len(), |at| at + 1);
        trace.say(&format!("{d}: {}0 yes {d}*{}", &division[..until], n / d));
        trace.line();
        trace.say(&format!("check {} no", multiplied(d, n / d)));
        trace.line();
        trace.say("wait");
    }
}

/// `1517-1300=217-130=87-78=9` for 1517 by 13.
fn long_division(n: u64, d: u64) -> String {
    let mut text = n.to_string();
    let mut rest = n;
    while rest >= d {
        let mut unit = d;
        while unit * 10 <= rest {
            unit *= 10;
        }
        let part = rest / unit * unit;
        rest -= part;
        text += &format!("-{part}={rest}");
    }
    text
}

/// `37*41=1480+37=1517`: by the digits of the second.
fn multiplied(a: u64, b: u64) -> String {
    let mut parts = Vec::new();
    let mut unit = 1;
    while unit <= b {
        parts.push(a * (b / unit % 10) * unit);
        unit *= 10;
    }
    let parts: Vec<u64> = parts.into_iter().rev().filter(|part| *part > 0).collect();
    let product = a * b;
    match &parts[..] {
        [_] => format!("{a}*{b}={product}"),
        _ => format!("{a}*{b}={}={product}", joined(&parts)),
    }
}

/// `1300+130+78`.
fn joined(terms: &[u64]) -> String {
    terms.iter().map(u64::to_string).collect::<Vec<_>>().join("+")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formula::tests::pays_only;

    #[test]
    fn exactly_the_two_primes_are_paid() {
        let right = [
            "7*13",
            "13*7",
            "7 x 13",
            "7, 13",
            "13 and 7",
            "7 \\times 13",
            "7·13",
            "7*13=91",
            "91 = 7 \\cdot 13",
        ];
        let wrong = [
            "91",
            "1*91",
            "91*1",
            "7",
            "13",
            "7*7",
            "7*13*1",
            "1, 7, 13",
            "7+13",
            "7/13",
            "91=91",
            "7*13=90",
            "91=7*13=91",
            "713",
            "-7*-13",
            "7.0*13",
        ];
        pays_only(&Product { p: 7, q: 13 }, &right, &wrong);
        pays_only(
            &Product { p: 7, q: 7 },
            &["7*7", "7, 7", "49=7*7"],
            &["7", "7^2", "49", "7*7*1"],
        );
    }

    #[test]
    fn the_grader_agrees_with_brute_force_on_all_small_products() {
        let is_prime = |n: u64| n > 1 && (2..n).all(|d| !n.is_multiple_of(d));
        for p in primes(30) {
            for q in primes(60).filter(|q| *q >= p) {
                let problem = Product { p, q };
                for a in 1..=p * q {
                    let b = p * q / a;
                    let is_right = a * b == p * q && is_prime(a) && is_prime(b);
                    assert_eq!(problem.grade(&format!("\\boxed{{{a}*{b}}}")), is_right, "{a}*{b}");
                }
            }
        }
    }

    #[test]
    fn divisions_and_products_are_written_by_digits() {
        assert_eq!(long_division(1517, 13), "1517-1300=217-130=87-78=9");
        assert_eq!(long_division(1517, 37), "1517-1480=37-37=0");
        assert_eq!(long_division(7, 11), "7");
        assert_eq!(multiplied(37, 41), "37*41=1480+37=1517");
        assert_eq!(multiplied(7, 101), "7*101=700+7=707");
        assert_eq!(multiplied(7, 7), "7*7=49");
    }
}
