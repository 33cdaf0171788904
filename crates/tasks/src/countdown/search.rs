//! Depth-first search for a countdown solution, nearest first with some noise, as a thought.

use std::rc::Rc;

use super::Puzzle;
use super::expression::Expression;
use crate::random::Random;
use crate::task::Work;
use crate::trace::{Plan, Trace};
use crate::wording::spaced;

/// Tokens for a step, a last step and a `check`.
const RESERVE: usize = 80;

/// Noise of the order in which steps are tried, in units of the logarithm of the distance that
/// remains. With three numbers it makes the first try right for about a third (spec: 35 %); with
/// four the search is cut to what looks best, and more noise would leave it too little.
const STEP_NOISE: f64 = 6.0;
/// See [`STEP_NOISE`].
const STEP_NOISE_OF_FOUR: f64 = 3.0;
/// The same for the last step, where the right one is easily seen.
const LAST_NOISE: f64 = 0.3;

/// An operation on two of the numbers at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// Place of the first number.
    pub(crate) left: usize,
    /// `+`, `-`, `*` or `/`.
    pub(crate) operator: char,
    /// Place of the second.
    pub(crate) right: usize,
    /// The result: whole and positive.
    pub(crate) value: u64,
}

impl Step {
    /// The numbers at hand afterwards, the result first.
    pub(crate) fn rest_of(&self, numbers: &[u64]) -> Vec<u64> {
        let mut rest = vec![self.value];
        rest.extend(self.others(numbers).copied());
        rest
    }

    fn others<'a, T>(&self, items: &'a [T]) -> impl Iterator<Item = &'a T> {
        let (left, right) = (self.left, self.right);
        items.iter().enumerate().filter(move |(i, _)| *i != left && *i != right).map(|(_, x)| x)
    }
}

/// All steps that differ in what they compute.
pub(crate) fn steps(numbers: &[u64]) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for i in 0..numbers.len() {
        for j in i + 1..numbers.len() {
            // The larger first.
            let (left, right) = if numbers[i] >= numbers[j] { (i, j) } else { (j, i) };
            let (a, b) = (numbers[left], numbers[right]);
            let mut add = |operator, value| {
                let is_known = steps.iter().any(|s| {
                    s.operator == operator && (numbers[s.left], numbers[s.right]) == (a, b)
                });
                if !is_known {
                    steps.push(Step { left, operator, right, value });
                }
            };
            add('+', a + b);
            if a > b {
                add('-', a - b);
            }
            add('*', a * b);
            if b > 1 && a % b == 0 {
                add('/', a / b);
            }
        }
    }
    steps
}

/// How near the numbers can come to the target.
fn distance(numbers: &[u64], target: u64) -> u64 {
    if let [only] = numbers {
        return only.abs_diff(target);
    }
    let distances = steps(numbers).into_iter().map(|s| distance(&s.rest_of(numbers), target));
    distances.min().unwrap_or(u64::MAX)
}

/// A thought and an answer.
pub(crate) fn work(puzzle: &Puzzle, plan: &Plan, random: &mut Random) -> Work {
    let items: Vec<_> = puzzle.numbers.iter().map(|n| Expression::number(*n)).collect();
    let (mut trace, is_checked, found) = match plan {
        Plan::Short | Plan::Straight { .. } => {
            let mut trace = Trace::new(f64::INFINITY, RESERVE);
            let solution = solve(&items, puzzle.target, 0, random, &mut Vec::new());
            let (solution, path) = solution.expect("a puzzle is drawn with a solution");
            if matches!(plan, Plan::Short) {
                trace.say(&format!("{}={}", solution.text(0), puzzle.target));
                return Work::boxed(trace.finish(), solution.text(0));
            }
            tell(&mut trace, &items, &path);
            trace.say("yes");
            (trace, matches!(plan, Plan::Straight { is_checked: true }), solution)
        }
        Plan::Search { mean_tries, is_checked, has_slip } => {
            let mut search = Search {
                target: puzzle.target,
                trace: Trace::new(*mean_tries, RESERVE),
                will_slip: *has_slip,
                nearest: None,
                random,
            };
            match search.descend(&items, 0) {
                Outcome::Found(solution) => (search.trace, *is_checked, solution),
                Outcome::Exhausted | Outcome::GaveUp => {
                    search.trace.give_up();
                    let guess = search.nearest.expect("at least one try is made");
                    return Work::boxed(search.trace.finish(), guess.text(0));
                }
            }
        }
    };
    if is_checked {
        trace.line();
        trace.say(&format!("check {} ok", found.worked_out()));
    }
    Work::boxed(trace.finish(), found.text(0))
}

/// A solution and its steps, found without writing.
fn solve(
    items: &[Rc<Expression>],
    target: u64,
    order: usize,
    random: &mut Random,
    path: &mut Vec<Step>,
) -> Option<(Rc<Expression>, Vec<Step>)> {
    let numbers: Vec<u64> = items.iter().map(|item| item.value).collect();
    if let [only] = items {
        return (only.value == target).then(|| (only.clone(), path.clone()));
    }
    let mut steps = steps(&numbers);
    random.shuffle(&mut steps);
    for step in steps {
        path.push(step);
        let found = solve(&after(&step, items, order), target, order + 1, random, path);
        if found.is_some() {
            return found;
        }
        path.pop();
    }
    None
}

/// The items at hand after a step, its result first.
fn after(step: &Step, items: &[Rc<Expression>], order: usize) -> Vec<Rc<Expression>> {
    let mut rest = vec![Expression::of_step(step, items, order)];
    rest.extend(step.others(items).cloned());
    rest
}

/// Writes the steps of a path as a search does.
fn tell(trace: &mut Trace, items: &[Rc<Expression>], path: &[Step]) {
    let mut items = items.to_vec();
    for (order, step) in path.iter().enumerate() {
        say_step(trace, &items, step);
        items = after(step, &items, order);
    }
}

/// `12+7=19`; with four numbers `try 12+7=19 left 19 3 8` on its own line.
fn say_step(trace: &mut Trace, items: &[Rc<Expression>], step: &Step) {
    let (a, b) = (items[step.left].value, items[step.right].value);
    let step_text = format!("{a}{}{b}={}", step.operator, step.value);
    if items.len() < 4 {
        return trace.say(&step_text);
    }
    let numbers: Vec<u64> = items.iter().map(|item| item.value).collect();
    trace.say(&format!("try {step_text} left {}", spaced(&step.rest_of(&numbers))));
    trace.line();
}

enum Outcome {
    Found(Rc<Expression>),
    Exhausted,
    GaveUp,
}

struct Search<'a> {
    target: u64,
    trace: Trace,
    will_slip: bool,
    /// The expression tried whose value is nearest to the target.
    nearest: Option<Rc<Expression>>,
    random: &'a mut Random,
}

impl Search<'_> {
    /// Tries the steps of these items, the `order`th of the whole.
    fn descend(&mut self, items: &[Rc<Expression>], order: usize) -> Outcome {
        if items.len() == 2 {
            return self.finish(items, order);
        }
        // Four numbers are too many to search whole: only what looks best is followed.
        let width = match (items.len(), order) {
            (4, _) => 4,
            (3, 1) => 3,
            _ => usize::MAX,
        };
        let is_of_four = items.len() + order == 4;
        let noise = if is_of_four { STEP_NOISE_OF_FOUR } else { STEP_NOISE };
        let mut is_first = true;
        for step in self.ordered(items, noise).into_iter().take(width) {
            if !is_first {
                self.trace.back();
            }
            is_first = false;
            say_step(&mut self.trace, items, &step);
            match self.descend(&after(&step, items, order), order + 1) {
                Outcome::Exhausted => {}
                outcome => return outcome,
            }
        }
        Outcome::Exhausted
    }

    /// Tries the last steps.
    fn finish(&mut self, items: &[Rc<Expression>], order: usize) -> Outcome {
        let width = if order == 1 { 3 } else { 2 };
        for step in self.ordered(items, LAST_NOISE).into_iter().take(width) {
            let found = Expression::of_step(&step, items, order);
            if self.will_slip {
                self.will_slip = false;
                self.slip(items, &step, &found);
            }
            say_step(&mut self.trace, items, &step);
            let distance = found.value.abs_diff(self.target);
            if distance == 0 {
                self.trace.say("yes");
                return Outcome::Found(found);
            }
            if self.nearest.as_ref().is_none_or(|n| distance < n.value.abs_diff(self.target)) {
                self.nearest = Some(found);
            }
            if self.trace.fails(self.random) {
                return Outcome::GaveUp;
            }
        }
        Outcome::Exhausted
    }

    /// Gets a step wrong and notices: a miss taken for a hit is found by a check, a hit taken for
    /// a miss by a second look.
    fn slip(&mut self, items: &[Rc<Expression>], step: &Step, found: &Expression) {
        let (a, b) = (items[step.left].value, items[step.right].value);
        let operator = step.operator;
        if found.value == self.target {
            let off = [1, 2, 10][self.random.below(3) as usize];
            self.trace.say(&format!("{a}{operator}{b}={} no", self.target + off));
        } else {
            self.trace.say(&format!("{a}{operator}{b}={} yes", self.target));
            self.trace.line();
            self.trace.say(&format!("check {} no", found.worked_out()));
        }
        self.trace.line();
        self.trace.say("wait");
    }

    /// The steps, those that seem to lead nearest to the target first.
    fn ordered(&mut self, items: &[Rc<Expression>], noise: f64) -> Vec<Step> {
        let numbers: Vec<u64> = items.iter().map(|item| item.value).collect();
        let mut scored: Vec<(f64, Step)> = Vec::new();
        for step in steps(&numbers) {
            let remains = distance(&step.rest_of(&numbers), self.target);
            let score = (1.0 + remains as f64).ln() + noise * self.random.normal();
            scored.push((score, step));
        }
        scored.sort_by(|a, b| a.0.total_cmp(&b.0));
        scored.into_iter().map(|(_, step)| step).collect()
    }
}
