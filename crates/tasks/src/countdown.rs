//! Countdown: make a target from three or four numbers, each used once, with + - * / and brackets.

mod expression;
mod search;

use std::collections::BTreeSet;

use crate::formula;
use crate::language::Language;
use crate::phrasing::ask;
use crate::random::Random;
use crate::task::{Class, Problem, Style, Task, Work};
use crate::trace::Plan;
use crate::wording::{ascending, listed, spaced};

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
        format!("countdown {} from {}", self.target, ascending(&self.numbers))
    }

    fn question(&self, random: &mut Random) -> String {
        let (target, numbers) = (self.target, &self.numbers);
        let listed = listed(numbers, random);
        let question = match random.below(12) {
            0..3 => format!("make {target} from {}", spaced(numbers)),
            3 => format!("make {target} from {listed}."),
            4 => format!("use {listed} to get {target}"),
            5 => format!("use the numbers {listed} to make {target}."),
            6 => format!("how can I make {target} from {listed}?"),
            7 => format!("can you get {target} using each of {listed} once?"),
            8 => format!("get {target} from the numbers {listed} with + - * /"),
            9 => format!("I have the numbers {listed}. how do I make {target}?"),
            10 => format!("using {listed}, make {target}."),
            _ => format!("countdown: {listed}, target {target}"),
        };
        ask(&question, Language::English, random)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formula::tests::pays_only;
    use crate::knights::permutations;

    #[test]
    fn exactly_expressions_of_the_numbers_with_the_right_value_are_paid() {
        let puzzle = Puzzle { numbers: vec![3, 7, 12], target: 33 };
        let right =
            ["7*3+12", "12+3*7", "(7*3)+12", "7 \\times 3 + 12 = 33", "33 = 12 + 7·3", "3(7)+12"];
        let wrong = [
            "33",
            "33=33",
            "7*3+12=21+12=33",
            "7*3+12=34",
            "11*3",
            "3*11",
            "7*3+6+6",
            "7*3+12+0",
            "7*3+12*1",
            "3*7+12+3-3",
            "12+7+3",
            "21+12",
            "7*3",
            "7,3,12",
            "7*3+12 7*3+12",
            "7^1*3+12",
            "7*3+12!",
            "(7*3+12",
            "7*3+12)",
            "7*03+12",
        ];
        pays_only(&puzzle, &right, &wrong);
        let fractions = Puzzle { numbers: vec![8, 3, 8, 3], target: 24 };
        let right = ["8/(3-8/3)", "\\frac{8}{3-\\frac{8}{3}}", "8 ÷ (3 − 8 ÷ 3)"];
        // The hole of puzzle24 in reasoning-gym: numbers of the right count, but not the given.
        pays_only(&fractions, &right, &["6*4*1*1", "8*3*3/3", "8*3", "8*(3-8/8)", "24*8/8*3/3"]);
    }

    #[test]
    fn order_is_no_difference_and_everything_else_is() {
        let canonical =
            |numbers: [u64; 3], target| Puzzle { numbers: numbers.to_vec(), target }.canonical();
        assert_eq!(canonical([3, 7, 12], 33), canonical([12, 3, 7], 33));
        assert_ne!(canonical([3, 7, 12], 33), canonical([3, 7, 12], 34));
        assert_ne!(canonical([3, 7, 12], 33), canonical([3, 7, 13], 33));
    }

    /// All expressions of three numbers, with their values as fractions.
    fn expressions(numbers: [u64; 3]) -> Vec<(String, (i64, i64))> {
        let mut all = Vec::new();
        for order in permutations(3) {
            let [a, b, c] = [0, 1, 2].map(|i| numbers[order[i]]);
            for first in ['+', '-', '*', '/'] {
                for second in ['+', '-', '*', '/'] {
                    let whole = |n: u64| (n as i64, 1);
                    let left = apply(second, apply(first, whole(a), whole(b)), whole(c));
                    all.push((format!("({a}{first}{b}){second}{c}"), left));
                    let right = apply(first, whole(a), apply(second, whole(b), whole(c)));
                    all.push((format!("{a}{first}({b}{second}{c})"), right));
                }
            }
        }
        all
    }

    /// A denominator of 0 stays one.
    fn apply(operator: char, (a, b): (i64, i64), (c, d): (i64, i64)) -> (i64, i64) {
        match operator {
            _ if b == 0 || d == 0 => (1, 0),
            '+' => (a * d + c * b, b * d),
            '-' => (a * d - c * b, b * d),
            '*' => (a * c, b * d),
            _ => (a * d, b * c),
        }
    }

    #[test]
    fn the_grader_agrees_with_brute_force_on_all_small_instances() {
        // Order does not matter: expressions take the numbers in all orders.
        let sorted =
            (1..=6).flat_map(|a| (a..=6).flat_map(move |b| (b..=6).map(move |c| (a, b, c))));
        for (a, b, c) in sorted {
            let all = expressions([a, b, c]);
            let reachable = reachable(&[a, b, c]);
            for target in (1..=40).step_by(3) {
                let puzzle = Puzzle { numbers: vec![a, b, c], target };
                let mut is_solvable = false;
                for (text, (over, under)) in &all {
                    let is_right = *under != 0 && *over == target as i64 * under;
                    is_solvable |= is_right;
                    let reply = format!("\\boxed{{{text}}}");
                    assert_eq!(puzzle.grade(&reply), is_right, "{text} for {target}");
                }
                // Over fractions and negative numbers a little more can be made.
                assert!(is_solvable || !reachable.contains(&target), "{a} {b} {c} {target}");
            }
        }
    }
}
