//! Subset sum: which of a few numbers add up to a target.

use crate::formula;
use crate::language::Language;
use crate::phrasing::ask;
use crate::random::Random;
use crate::task::{Class, Problem, Style, Task, Work};
use crate::trace::{Plan, Trace};
use crate::wording::{ascending, listed, spaced};

/// Tokens for a chain and a `check`.
const RESERVE: usize = 110;

/// Subset sum.
pub(crate) struct Subset;

/// How many numbers, and the largest, of each level.
const LEVELS: [(usize, u64); 10] =
    [(4, 12), (4, 20), (5, 20), (5, 30), (5, 40), (6, 30), (6, 50), (7, 40), (7, 60), (7, 90)];

impl Task for Subset {
    fn name(&self) -> &'static str {
        "subset"
    }

    fn class(&self) -> Class {
        Class::Search
    }

    fn draw(&self, level: u8, random: &mut Random) -> Box<dyn Problem> {
        let (count, max) = LEVELS[usize::from(level.min(9))];
        let numbers: Vec<u64> = (0..count).map(|_| 1 + random.below(max)).collect();
        // At least two and not all.
        let size = 2 + random.below(count as u64 - 2) as usize;
        let mut chosen = numbers.clone();
        random.shuffle(&mut chosen);
        let target = chosen[..size].iter().sum();
        Box::new(Choice { numbers, target })
    }
}

/// Numbers, some of which add up to the target.
struct Choice {
    numbers: Vec<u64>,
    target: u64,
}

impl Problem for Choice {
    fn canonical(&self) -> String {
        format!("subset {} of {}", self.target, ascending(&self.numbers))
    }

    fn question(&self, random: &mut Random) -> String {
        let (target, numbers) = (self.target, &self.numbers);
        let listed = listed(numbers, random);
        let question = match random.below(9) {
            0..3 => format!("find numbers from {} that add to {target}", spaced(numbers)),
            3 => format!("find numbers from {listed} that add up to {target}."),
            4 => format!("which of {listed} add up to {target}?"),
            5 => format!("pick some of {listed} so that the sum is {target}."),
            6 => format!("which of {listed} sum to {target}?"),
            7 => format!("which of the numbers {listed} add to {target}?"),
            _ => format!("choose from {listed} to get the sum {target}"),
        };
        ask(&question, Language::English, random)
    }

    fn work(&self, style: Style, random: &mut Random) -> Work {
        let mut trace;
        let is_checked;
        let chosen;
        match Plan::of(style, random) {
            Plan::Short => {
                let answer = sum(&self.solution(random));
                return Work::boxed(format!("{answer}={}", self.target), answer);
            }
            Plan::Straight { is_checked: checks } => {
                (trace, is_checked) = (Trace::new(f64::INFINITY, RESERVE), checks);
                chosen = self.solution(random);
                say_numbers(&mut trace, &self.numbers);
                let mut rest = self.target;
                for number in &chosen {
                    trace.say(&format!("{rest}-{number}={}", rest - number));
                    rest -= number;
                }
                trace.say("yes");
            }
            Plan::Search { mean_tries, is_checked: checks, has_slip } => {
                is_checked = checks;
                let mut search = Search {
                    numbers: &self.numbers,
                    trace: Trace::new(mean_tries, RESERVE),
                    will_slip: has_slip,
                    nearest: None,
                    random,
                };
                say_numbers(&mut search.trace, &self.numbers);
                let outcome = search.descend(self.target, 0, &mut Vec::new());
                trace = search.trace;
                match outcome {
                    Outcome::Found(found) => chosen = found,
                    Outcome::Exhausted | Outcome::GaveUp => {
                        let (_, guess) = search.nearest.expect("at least one try is made");
                        trace.give_up();
                        return Work::boxed(trace.finish(), sum(&guess));
                    }
                }
            }
        }
        if is_checked {
            trace.line();
            trace.say(&format!("check {} ok", added(&chosen)));
        }
        Work::boxed(trace.finish(), sum(&chosen))
    }

    fn grade(&self, reply: &str) -> bool {
        self.is_solved_by(reply).unwrap_or(false)
    }
}

impl Choice {
    /// The box must hold numbers of the list, none more often than it is there, of this sum.
    fn is_solved_by(&self, reply: &str) -> Option<bool> {
        let tokens = formula::lex(formula::boxed(reply)?)?;
        let chosen = formula::list(formula::without_value(&tokens, self.target)?, '+')?;
        let mut left = self.numbers.clone();
        for number in &chosen {
            left.swap_remove(left.iter().position(|other| other == number)?);
        }
        Some(chosen.iter().sum::<u64>() == self.target)
    }

    /// A random one of the solutions, in the order of the numbers.
    fn solution(&self, random: &mut Random) -> Vec<u64> {
        let subsets = (1u32..1 << self.numbers.len()).map(|mask| {
            let chosen = self.numbers.iter().enumerate().filter(|(i, _)| mask >> i & 1 == 1);
            chosen.map(|(_, number)| *number).collect::<Vec<u64>>()
        });
        let solutions: Vec<Vec<u64>> =
            subsets.filter(|chosen| chosen.iter().sum::<u64>() == self.target).collect();
        random.pick(&solutions).clone()
    }
}

/// The numbers in the order in which they are tried.
fn say_numbers(trace: &mut Trace, numbers: &[u64]) {
    trace.say(&spaced(numbers));
    trace.line();
}

/// `9+5+4`.
fn sum(numbers: &[u64]) -> String {
    numbers.iter().map(u64::to_string).collect::<Vec<_>>().join("+")
}

/// `9+5+4=14+4=18`.
fn added(numbers: &[u64]) -> String {
    let mut text = sum(numbers);
    let (mut total, mut rest) = (numbers[0], &numbers[1..]);
    while let [next, after @ ..] = rest {
        total += next;
        rest = after;
        text += &format!("={total}");
        if !rest.is_empty() {
            text += &format!("+{}", sum(rest));
        }
    }
    text
}

enum Outcome {
    Found(Vec<u64>),
    Exhausted,
    GaveUp,
}

struct Search<'a> {
    /// In the order in which they are tried.
    numbers: &'a [u64],
    trace: Trace,
    will_slip: bool,
    /// What was missing in the try that came nearest, and its numbers.
    nearest: Option<(u64, Vec<u64>)>,
    random: &'a mut Random,
}

impl Search<'_> {
    /// Takes in turn each number from place `from` on that is not more than `rest`, and goes on.
    fn descend(&mut self, rest: u64, from: usize, chosen: &mut Vec<u64>) -> Outcome {
        let mut tried = Vec::new();
        for place in from..self.numbers.len() {
            let number = self.numbers[place];
            if number > rest || tried.contains(&number) {
                continue;
            }
            if !tried.is_empty() {
                self.trace.back();
            }
            tried.push(number);
            chosen.push(number);
            let outcome = self.take(rest, number, place, chosen);
            chosen.pop();
            if !matches!(outcome, Outcome::Exhausted) {
                return outcome;
            }
        }
        if tried.is_empty() {
            if self.nearest.as_ref().is_none_or(|(missing, _)| rest < *missing) {
                self.nearest = Some((rest, chosen.clone()));
            }
            if self.trace.fails(self.random) {
                return Outcome::GaveUp;
            }
        }
        Outcome::Exhausted
    }

    /// Writes that a number is taken, and goes on with what is then missing.
    fn take(&mut self, rest: u64, number: u64, place: usize, chosen: &mut Vec<u64>) -> Outcome {
        let missing = rest - number;
        let is_last = !self.numbers[place + 1..].iter().any(|next| *next <= missing);
        if self.will_slip && chosen.len() > 1 && (missing == 0 || is_last) {
            self.will_slip = false;
            self.slip(rest, number, chosen);
        }
        self.trace.say(&format!("{rest}-{number}={missing}"));
        if missing == 0 {
            self.trace.say("yes");
            return Outcome::Found(chosen.clone());
        }
        self.descend(missing, place + 1, chosen)
    }

    /// Gets the last difference wrong and notices, by a check or a second look.
    fn slip(&mut self, rest: u64, number: u64, chosen: &[u64]) {
        if rest == number {
            self.trace.say(&format!("{rest}-{number}=1 no"));
        } else {
            self.trace.say(&format!("{rest}-{number}=0 yes"));
            self.trace.line();
            self.trace.say(&format!("check {} no", added(chosen)));
        }
        self.trace.line();
        self.trace.say("wait");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formula::tests::pays_only;

    #[test]
    fn exactly_numbers_of_the_list_with_the_right_sum_are_paid() {
        let problem = Choice { numbers: vec![2, 5, 9, 11, 5], target: 16 };
        let right = ["5+11", "11, 5", "5 and 11", "9+5+2", "2 5 9", "5+11=16", "16=11+5"];
        let wrong = [
            "16",
            "8+8",
            "5+5+5+1",
            "2+2+2+5+5",
            "9+7",
            "11+5+0",
            "5*11",
            "5+11=17",
            "11+5+2-2",
            "2+5+9+11+5",
            "-5+21",
        ];
        pays_only(&problem, &right, &wrong);
        assert!(!Choice { numbers: vec![5, 11, 8], target: 16 }.grade("\\boxed{8+8}"));
    }

    #[test]
    fn order_is_no_difference_and_repetition_is() {
        let canonical =
            |numbers: &[u64]| Choice { numbers: numbers.to_vec(), target: 9 }.canonical();
        assert_eq!(canonical(&[4, 5, 6]), canonical(&[6, 4, 5]));
        assert_ne!(canonical(&[4, 5, 6]), canonical(&[4, 5, 5, 6]));
    }

    #[test]
    fn the_grader_and_the_search_agree_with_brute_force() {
        for numbers in [vec![1, 2, 3, 4], vec![3, 3, 5, 8, 2], vec![6, 1, 6, 7, 9, 2]] {
            let subsets: Vec<Vec<u64>> = (1u32..1 << numbers.len())
                .map(|mask| {
                    let is_in = |i: &usize| mask >> i & 1 == 1;
                    (0..numbers.len()).filter(is_in).map(|i| numbers[i]).collect()
                })
                .collect();
            for target in 1..=numbers.iter().sum::<u64>() {
                let problem = Choice { numbers: numbers.clone(), target };
                let mut is_solvable = false;
                for chosen in &subsets {
                    let is_right = chosen.iter().sum::<u64>() == target;
                    is_solvable |= is_right;
                    assert_eq!(problem.grade(&format!("\\boxed{{{}}}", sum(chosen))), is_right);
                }
                if numbers.iter().all(|number| *number > target) {
                    continue;
                }
                let style = Style::Search { mean_tries: f64::INFINITY };
                let work = problem.work(style, &mut Random::new(1, target));
                assert_eq!(problem.grade(&work.reply), is_solvable, "{target} of {numbers:?}");
            }
        }
    }
}
