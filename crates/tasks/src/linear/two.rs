//! Two equations in two unknowns, solved by adding multiples so that one unknown goes.

use super::equation::{boxed_values, factor, product, written};
use crate::language::Language;
use crate::phrasing::fill;
use crate::random::Random;
use crate::task::{Problem, Style, Work};

/// `a x + b y = c` twice, with one solution in whole numbers.
pub struct Two {
    rows: [[i64; 3]; 2],
    solution: [i64; 2],
    language: Language,
}

impl Two {
    /// A random system of a level from 7.
    pub fn draw(level: u8, random: &mut Random) -> Two {
        let (coefficient, size) = match level {
            7 => (1, 20),
            8 => (4, 10),
            _ => (6, 12),
        };
        let lowest = if level < 9 { 1 } else { -size };
        let solution = [0, 1].map(|_| random.between(lowest, size));
        let sum = |a: i64, b: i64| [a, b, a * solution[0] + b * solution[1]];
        let rows = loop {
            let [a, b, c, d] = [0, 1, 2, 3].map(|_| {
                let n = random.between(1, coefficient);
                if random.chance(0.3) { -n } else { n }
            });
            // The first unknown of each row is not below zero, which reads more easily.
            if a > 0 && c > 0 && a * d != b * c {
                break [sum(a, b), sum(c, d)];
            }
        };
        Two { rows, solution, language: Language::draw(random) }
    }

    /// `x` from the rows with `y` gone, then `y` from the first row; `x` comes out wrong by `slip`,
    /// which must leave `y` whole.
    fn steps(&self, slip: i64) -> (String, [i64; 2]) {
        let [[a, b, c], [d, e, f]] = self.rows;
        let mut steps = self.rows.map(row).to_vec();
        // Multiply so that y has the same coefficient in both.
        let (upper, lower) = if b.abs() == e.abs() { (1, b * e / (b * b)) } else { (e, b) };
        let scaled = [[a, b, c].map(|n| n * upper), [d, e, f].map(|n| n * lower)];
        for (multiple, (original, scaled)) in
            [upper, lower].iter().zip(self.rows.iter().zip(scaled))
        {
            if *multiple != 1 {
                steps.push(format!("{}*({}): {}", factor(*multiple), row(*original), row(scaled)));
            }
        }
        let [[a1, _, c1], [a2, _, c2]] = scaled;
        let minus = |n: i64, m: i64| if m < 0 { format!("{n}+{}", -m) } else { format!("{n}-{m}") };
        let left = format!("{}{}", written(&[(a1, "x")]), signed_x(-a2));
        steps.push(format!("{left}={}", minus(c1, c2)));
        let (a0, c0) = (a1 - a2, c1 - c2);
        steps.push(format!("{}={c0}", written(&[(a0, "x")])));
        if a0 != 1 {
            steps.push(format!("x={c0}/{}", factor(a0)));
        }
        let x = self.solution[0] + slip;
        steps.push(format!("x={x}"));
        steps.dedup();
        let ax = a * x;
        steps.push(format!("{}{}={c}", product(a, x), signed_y(b)));
        if a != 1 {
            steps.push(format!("{ax}{}={c}", signed_y(b)));
        }
        steps.push(format!("{}={}", written(&[(b, "y")]), minus(c, ax)));
        steps.push(format!("{}={}", written(&[(b, "y")]), c - ax));
        if b != 1 {
            steps.push(format!("y={}/{}", c - ax, factor(b)));
        }
        let y = (c - ax) / b;
        steps.push(format!("y={y}"));
        steps.dedup();
        (format!("{} -> x={x}, y={y}", steps.join("; ")), [x, y])
    }

    /// Both rows with the values put in, up to the first that fails.
    fn check(&self, [x, y]: [i64; 2]) -> String {
        let words = self.language.keywords();
        let mut checks = Vec::new();
        for [a, b, c] in self.rows {
            let second = match b {
                ..0 => product(b, y),
                _ => format!("+{}", product(b, y)),
            };
            let value = a * x + b * y;
            let verdict = if value == c { words.ok } else { words.no };
            checks.push(format!("{}{second}={value}; {c} {verdict}", product(a, x)));
            if value != c {
                break;
            }
        }
        format!("{} {}", words.check, checks.join("; "))
    }

    fn slip(&self, random: &mut Random) -> String {
        // By the coefficient of y, so that y stays whole.
        let size = self.rows[0][1].abs();
        let (wrong, values) = self.steps(if random.chance(0.5) { size } else { -size });
        format!(
            "{wrong}\n{}\n{} {}",
            self.check(values),
            self.language.keywords().wait,
            self.steps(0).0
        )
    }
}

fn row([a, b, c]: [i64; 3]) -> String {
    format!("{}={c}", written(&[(a, "x"), (b, "y")]))
}

fn signed_x(a: i64) -> String {
    format!("{}{}", if a > 0 { "+" } else { "" }, written(&[(a, "x")]))
}

fn signed_y(b: i64) -> String {
    format!("{}{}", if b > 0 { "+" } else { "" }, written(&[(b, "y")]))
}

const TEMPLATES: &[&str] = &[
    "solve {e}; {f}",
    "solve {e} and {f}",
    "solve for x and y: {e}, {f}",
    "find x and y: {e}, {f}",
    "{e} and {f}. What are x and y?",
    "if {e} and {f}, what are x and y?",
    "{e}, {f}",
    "find x and y if {e} and {f}.",
];

const TEMPLATES_GERMAN: &[&str] = &[
    "was sind x und y, wenn {e} und {f}?",
    "berechne x und y: {e}, {f}",
    "finde x und y: {e}, {f}",
];

impl Problem for Two {
    fn canonical(&self) -> String {
        let mut rows = self.rows.map(row);
        rows.sort();
        format!("linear {}", rows.join(" "))
    }

    fn language(&self) -> Language {
        self.language
    }

    fn question(&self, random: &mut Random) -> String {
        let [first, second] = self.rows.map(row);
        let template = *random.pick(match self.language {
            Language::English => TEMPLATES,
            Language::German => TEMPLATES_GERMAN,
        });
        fill(template, &[("e", &first), ("f", &second)])
    }

    fn work(&self, style: Style, random: &mut Random) -> Work {
        let [x, y] = self.solution;
        let straight = self.steps(0).0;
        let checked = || format!("{straight}\n{}", self.check(self.solution));
        let thinking = match style {
            Style::Straight => straight.clone(),
            Style::Short => format!("{}; {}; x={x}, y={y}", row(self.rows[0]), row(self.rows[1])),
            Style::Checked | Style::Search { .. } => checked(),
            Style::Slip => self.slip(random),
        };
        Work::boxed(thinking, format!("x={x}, y={y}"))
    }

    fn grade(&self, reply: &str) -> bool {
        boxed_values(reply, &["x", "y"]).as_deref() == Some(&self.solution)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two(rows: [[i64; 3]; 2], solution: [i64; 2]) -> Two {
        Two { rows, solution, language: Language::English }
    }

    #[test]
    fn one_unknown_goes_then_the_other_follows() {
        let (steps, _) = two([[1, 1, 10], [1, -1, 4]], [7, 3]).steps(0);
        assert_eq!(
            steps,
            "x+y=10; x-y=4; (-1)*(x-y=4): -x+y=-4; x+x=10+4; 2x=14; x=14/2; x=7; 7+y=10; y=10-7; \
             y=3 -> x=7, y=3"
        );
        let (steps, _) = two([[2, 3, 13], [4, 5, 23]], [2, 3]).steps(0);
        assert_eq!(
            steps,
            "2x+3y=13; 4x+5y=23; 5*(2x+3y=13): 10x+15y=65; 3*(4x+5y=23): 12x+15y=69; 10x-12x=65-69; \
             -2x=-4; x=-4/(-2); x=2; 2*2+3y=13; 4+3y=13; 3y=13-4; 3y=9; y=9/3; y=3 -> x=2, y=3"
        );
        assert_eq!(
            two([[2, 3, 13], [4, 5, 23]], [2, 3]).check([2, 3]),
            "check 2*2+3*3=13; 13 ok; 4*2+5*3=23; 23 ok"
        );
    }

    #[test]
    fn slips_are_found_and_mended() {
        for i in 0..600 {
            let mut random = Random::new(6, i);
            let problem = Two::draw(7 + (i % 3) as u8, &mut random);
            assert_eq!(problem.steps(0).1, problem.solution);
            let thinking = problem.slip(&mut random);
            let lines: Vec<&str> = thinking.lines().collect();
            let words = problem.language.keywords();
            assert!(lines[1].ends_with(words.no) && lines[2].starts_with(words.wait), "{thinking}");
        }
    }

    #[test]
    fn graders_refuse_what_is_no_answer() {
        let problem = two([[2, 3, 13], [4, 5, 23]], [2, 3]);
        assert!(problem.grade("\\boxed{x=2, y=3}") && problem.grade("so \\boxed{y = 3, x = 2}"));
        let refused = [
            "",
            "x=2, y=3",
            "\\boxed{2}",
            "\\boxed{2, 3}",
            "\\boxed{x=3, y=2}",
            "\\boxed{x=2}",
            "\\boxed{x=2, y=3} \\boxed{x=2}",
            "\\boxed{x=02, y=3}",
            "\\boxed{x=2, y=6/2}",
            "\\boxed{x=2, y=3, z=1}",
            "\\boxed{X=2, Y=3}",
            "\\boxed{x=2, y=３}",
        ];
        for reply in refused {
            assert!(!problem.grade(reply), "{reply}");
        }
        assert!(!problem.grade(&format!("\\boxed{{{}}}", "x=2, y=3, ".repeat(100_000))));
    }
}
