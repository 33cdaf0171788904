//! The shapes of programs there are: each a text with one or two numbers to find.

use crate::random::Random;

/// A shape and its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `c +`.
    Add(i64),
    /// `c -`.
    Subtract(i64),
    /// `c *`.
    Times(i64),
    /// `a * b +`.
    TimesAdd(i64, i64),
    /// `dup * b +`.
    Square(i64),
    /// `+ c *` of two inputs.
    SumTimes(i64),
    /// `* c +` of two inputs.
    ProductAdd(i64),
    /// `swap c * +` of two inputs.
    FirstTimes(i64),
    /// `- c +` of two inputs.
    DifferenceAdd(i64),
}

use Shape::{
    Add, DifferenceAdd, FirstTimes, ProductAdd, Square, Subtract, SumTimes, Times, TimesAdd,
};

/// How many numbers a program takes.
pub fn n_inputs(shape: Shape) -> usize {
    match shape {
        Add(_) | Subtract(_) | Times(_) | TimesAdd(..) | Square(_) => 1,
        SumTimes(_) | ProductAdd(_) | FirstTimes(_) | DifferenceAdd(_) => 2,
    }
}

/// The program's text.
pub fn text(shape: Shape) -> String {
    match shape {
        Add(c) => format!("{c} +"),
        Subtract(c) => format!("{c} -"),
        Times(c) => format!("{c} *"),
        TimesAdd(a, b) => format!("{a} * {b} +"),
        Square(b) => format!("dup * {b} +"),
        SumTimes(c) => format!("+ {c} *"),
        ProductAdd(c) => format!("* {c} +"),
        FirstTimes(c) => format!("swap {c} * +"),
        DifferenceAdd(c) => format!("- {c} +"),
    }
}

/// What it computes, of `x` and `y`.
pub fn formula(shape: Shape) -> String {
    match shape {
        Add(c) => format!("x+{c}"),
        Subtract(c) => format!("x-{c}"),
        Times(c) => format!("{c}*x"),
        TimesAdd(a, b) => format!("{a}*x+{b}"),
        Square(b) => format!("x*x+{b}"),
        SumTimes(c) => format!("(x+y)*{c}"),
        ProductAdd(c) => format!("x*y+{c}"),
        FirstTimes(c) => format!("{c}*x+y"),
        DifferenceAdd(c) => format!("x-y+{c}"),
    }
}

/// The program's words in groups, each with what then stands on top.
pub fn stages(shape: Shape) -> Vec<(String, String)> {
    let stages: &[(&str, &str)] = match shape {
        Add(_) | Subtract(_) | Times(_) => &[],
        TimesAdd(a, _) => return staged(shape, &[(&format!("{a} *"), &format!("{a}*x"))]),
        Square(_) => &[("dup *", "x*x")],
        SumTimes(_) => &[("+", "x+y")],
        ProductAdd(_) => &[("*", "x*y")],
        FirstTimes(c) => {
            return staged(shape, &[("swap", "x"), (&format!("{c} *"), &format!("{c}*x"))]);
        }
        DifferenceAdd(_) => &[("-", "x-y")],
    };
    staged(shape, stages)
}

/// `first`, then the rest of the program with the formula.
fn staged(shape: Shape, first: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut stages: Vec<(String, String)> =
        first.iter().map(|(words, top)| ((*words).to_string(), (*top).to_string())).collect();
    let n_said: usize = stages.iter().map(|(words, _)| words.split(' ').count()).sum();
    let text = text(shape);
    let rest: Vec<&str> = text.split(' ').skip(n_said).collect();
    stages.push((rest.join(" "), formula(shape)));
    stages
}

/// A random shape of a level, with its numbers.
pub fn draw(level: u8, random: &mut Random) -> Shape {
    let max = 9 + 3 * i64::from(level);
    let c = random.between(2, max);
    let a = random.between(2, 9);
    let simple = [Add(c), Subtract(c), Times(c.min(12))];
    let line = [TimesAdd(a, c), TimesAdd(a, c), Square(c)];
    let pair = [SumTimes(a), ProductAdd(c), FirstTimes(a), DifferenceAdd(c)];
    match level {
        0 | 2 => *random.pick(&simple),
        1 => TimesAdd(a, c),
        3 | 5 | 6 => *random.pick(&line),
        4 | 7 => *random.pick(&pair),
        _ => *random.pick(&[line[0], line[2], pair[0], pair[1], pair[2], pair[3]]),
    }
}

/// The shapes that are right for this example.
pub fn fitting(inputs: &[i64], output: i64) -> Vec<Shape> {
    let quotient = |n: i64, d: i64| (d != 0 && n % d == 0 && n / d >= 2).then(|| n / d);
    let positive = |n: i64| (n >= 1).then_some(n);
    match *inputs {
        [x] => {
            let lines = (2..=9).map(|a| positive(output - a * x).map(|b| TimesAdd(a, b)));
            let others = [
                positive(output - x).map(Add),
                positive(x - output).map(Subtract),
                quotient(output, x).map(Times),
                positive(output - x * x).map(Square),
            ];
            others.into_iter().chain(lines).flatten().collect()
        }
        [x, y] => {
            let all = [
                quotient(output, x + y).map(SumTimes),
                positive(output - x * y).map(ProductAdd),
                quotient(output - y, x).map(FirstTimes),
                positive(output - (x - y)).map(DifferenceAdd),
            ];
            all.into_iter().flatten().collect()
        }
        _ => Vec::new(),
    }
}
