//! Countdown: make a target from three or four numbers, each used once, with + - * / and brackets.

mod expression;
mod search;

use std::collections::BTreeSet;

use crate::formula;
use crate::random::Random;
use crate::task::{Class, Problem, Style, Task, Work};
use crate::trace::Plan;
use crate::wording::{spaced, with_and, with_commas};

/// Countdown with this many numbers.
#[derive(Clone, Copy)]
pub(crate) struct Countdown {
    /// 3 or 4.
    pub(crate) count: usize,
}

/// The smallest target.
const MIN_TARGET: u64 = 10;
/// The largest number and the largest target of each level, for three numbers.
const THREE: [(u64, u64); 10] = [
    (9, 40),
    (10, 50),
    (11, 60),
    (12, 70),
    (13, 80),
    (14, 90),
    (16, 99),
    (18, 99),
    (20, 99),
    (25, 99),
];
/// The same for four.
const FOUR: [(u64, u64); 10] = [
    (6, 30),
    (7, 30),
    (8, 40),
    (9, 40),
    (10, 50),
    (11, 60),
    (12, 70),
    (14, 80),
    (17, 99),
    (20, 99),
];

impl Task for Countdown {
    fn name(&self) -> &'static str {
        if self.count == 3 { "countdown3" } else { "countdown4" }
    }

    fn class(&self) -> Class {
        Class::Search
    }

    fn draw(&self, level: u8, random: &mut Random) -> Box<dyn Problem> {
        let levels = if self.count == 3 { &THREE } else { &FOUR };
        let (max_number, max_target) = levels[usize::from(level.min(9))];
        loop {
            let numbers: Vec<u64> = (0..self.count).map(|_| 1 + random.below(max_number)).collect();
            let targets: Vec<u64> = reachable(&numbers)
                .into_iter()
                .filter(|target| (MIN_TARGET..=max_target).contains(target))
                .collect();
            if !targets.is_empty() {
                let target = *random.pick(&targets);
                return Box::new(Puzzle { numbers, target });
            }
        }
    }
}

/// What all of the numbers can make, over whole positive intermediate results.
pub(crate) fn reachable(numbers: &[u64]) -> BTreeSet<u64> {
    if let [only] = numbers {
        return BTreeSet::from([*only]);
    }
    let mut found = BTreeSet::new();
    for step in search::steps(numbers) {
        found.extend(reachable(&step.rest_of(numbers)));
    }
    found
}

/// Numbers and what to make of them.
pub(crate) struct Puzzle {
    pub(crate) numbers: Vec<u64>,
    pub(crate) target: u64,
}

impl Problem for Puzzle {
    fn canonical(&self) -> String {
        let mut numbers = self.numbers.clone();
        numbers.sort_unstable();
        format!("countdown {} from {}", self.target, spaced(&numbers))
    }

    fn question(&self, random: &mut Random) -> String {
        let (target, numbers) = (self.target, &self.numbers);
        let listed = match random.below(3) {
            0 => with_commas(numbers),
            1 => with_and(numbers),
            _ => spaced(numbers),
        };
        match random.below(8) {
            0..3 => format!("make {target} from {}", spaced(numbers)),
            3 => format!("Make {target} from {listed}."),
            4 => format!("use {listed} to get {target}"),
            5 => format!("Use the numbers {listed} to make {target}."),
            6 => format!("How can I make {target} from {listed}?"),
            _ => format!("Can you get {target} using each of {listed} once?"),
        }
    }

    fn work(&self, style: Style, random: &mut Random) -> Work {
        let plan = Plan::of(style, random);
        search::work(self, &plan, random)
    }

    fn grade(&self, reply: &str) -> bool {
        self.is_solved_by(reply).unwrap_or(false)
    }
}

impl Puzzle {
    /// The box must hold an expression of exactly these numbers whose value is the target.
    fn is_solved_by(&self, reply: &str) -> Option<bool> {
        let tokens = formula::lex(formula::boxed(reply)?)?;
        let evaluated = formula::evaluate(formula::without_value(&tokens, self.target)?)?;
        let (mut used, mut given) = (evaluated.numbers.clone(), self.numbers.clone());
        used.sort_unstable();
        given.sort_unstable();
        Some(used == given && evaluated.is(self.target))
    }
}
