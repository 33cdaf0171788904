//! One unknown: `ax+b=cx+d` and `a(x+b)=c`, and the puzzle "I think of a number".

use super::equation::{addend, boxed_values, product, written};
use crate::language::Language;
use crate::phrasing::{ask, capital, fill};
use crate::random::Random;
use crate::task::{Problem, Style, Work};

/// An equation with one solution, a whole number.
pub struct One {
    form: Form,
    unknown: &'static str,
    solution: i64,
    /// Whether it is told as a puzzle, which names no unknown.
    is_puzzle: bool,
    language: Language,
}

#[derive(Clone, Copy, Debug)]
enum Form {
    /// `a x + b = c x + d`.
    Sides { a: i64, b: i64, c: i64, d: i64 },
    /// `a (x + b) = d`.
    Bracket { a: i64, b: i64, d: i64 },
}

impl One {
    /// A random equation of a level up to 6.
    pub fn draw(level: u8, random: &mut Random) -> One {
        let size = [10, 10, 10, 12, 12, 20, 20][usize::from(level)];
        let lowest = if level < 3 { 1 } else { -size };
        let solution = random.between(lowest, size);
        let coefficient = |random: &mut Random| random.between(2, 9);
        let signed = |random: &mut Random| {
            let n = random.between(1, size);
            if random.chance(0.5) { n } else { -n }
        };
        let form = match level {
            0 => {
                let (a, b) =
                    if random.chance(0.6) { (1, signed(random)) } else { (coefficient(random), 0) };
                Form::Sides { a, b, c: 0, d: a * solution + b }
            }
            1 | 2 | 4 => {
                let (a, b) = (coefficient(random), signed(random));
                Form::Sides { a, b, c: 0, d: a * solution + b }
            }
            3 | 5 if random.chance(0.4) => {
                let (a, b) = (coefficient(random), signed(random));
                Form::Bracket { a, b, d: a * (solution + b) }
            }
            _ => {
                let (c, b) = (random.between(1, 8), signed(random));
                let a = if level < 6 { c + random.between(1, 6) } else { coefficient(random) };
                let a = if a == c { a + 1 } else { a };
                Form::Sides { a, b, c, d: (a - c) * solution + b }
            }
        };
        let language = Language::draw(random);
        let may_puzzle = matches!(form, Form::Bracket { .. } | Form::Sides { c: 0, .. });
        let is_puzzle = may_puzzle && language == Language::English && random.chance(0.35);
        let unknown = *random.pick(&["x", "x", "x", "x", "y", "n", "a"]);
        let unknown = if is_puzzle { "x" } else { unknown };
        One { form, unknown, solution, is_puzzle, language }
    }

    fn equation(&self) -> String {
        let x = self.unknown;
        match self.form {
            Form::Sides { a, b, c, d } => {
                format!("{}={}", written(&[(a, x), (b, "")]), written(&[(c, x), (d, "")]))
            }
            Form::Bracket { a, b, d } => format!("{a}({})={d}", written(&[(1, x), (b, "")])),
        }
    }

    /// The equations from the first to the solution, whose last division comes out wrong by `slip`.
    fn steps(&self, slip: i64) -> String {
        let mut steps = vec![self.equation()];
        let Form::Sides { a, b, c, d } = self.form else {
            return self.bracket_steps(slip);
        };
        self.collect(&mut steps, [a, b, c, d], slip);
        self.end(&steps, slip)
    }

    fn bracket_steps(&self, slip: i64) -> String {
        let Form::Bracket { a, b, d } = self.form else { return self.steps(slip) };
        let mut steps = vec![self.equation()];
        let x = self.unknown;
        let left = written(&[(1, x), (b, "")]);
        steps.push(format!("{left}={d}/{a}"));
        let quotient = d / a + slip;
        steps.push(format!("{left}={quotient}"));
        self.collect(&mut steps, [1, b, 0, quotient], 0);
        self.end(&steps, slip)
    }

    /// The steps after `ax+b=cx+d`.
    fn collect(&self, steps: &mut Vec<String>, [a, b, c, d]: [i64; 4], slip: i64) {
        let x = self.unknown;
        if c != 0 || b != 0 {
            let left = format!("{}{}", written(&[(a, x)]), written_after(-c, x));
            steps.push(format!("{left}={}", written_number(d, -b)));
            let (a, d) = (a - c, d - b);
            if c != 0 || a != 1 {
                steps.push(format!("{}={d}", written(&[(a, x)])));
            }
        }
        let (a, d) = (a - c, d - b);
        if a != 1 {
            steps.push(format!("{x}={d}/{}", super::equation::factor(a)));
        }
        steps.push(format!("{x}={}", d / a + slip));
        steps.dedup();
    }

    fn end(&self, steps: &[String], slip: i64) -> String {
        format!("{} -> {}", steps.join("; "), self.solution + slip)
    }

    /// Both sides with `value` put in, and whether they agree.
    fn check(&self, value: i64) -> String {
        let (left, right) = match self.form {
            Form::Sides { a, b, c, d } => {
                let left = format!("{}{}", product(a, value), addend(b));
                let left = equals(&left, a * value + b);
                let right = if c == 0 {
                    d.to_string()
                } else {
                    equals(&format!("{}{}", product(c, value), addend(d)), c * value + d)
                };
                (left, right)
            }
            Form::Bracket { a, b, d } => {
                let inside = value + b;
                let left =
                    format!("{a}*({value}{})={a}*{}", addend(b), super::equation::factor(inside));
                (equals(&left, a * inside), d.to_string())
            }
        };
        let words = self.language.keywords();
        let verdict = if value == self.solution { words.ok } else { words.no };
        format!("{} {left}; {right} {verdict}", words.check)
    }

    fn slip(&self, random: &mut Random) -> String {
        let slip = *random.pick(&[-2, -1, 1, 2]);
        let (wait, right) = (self.language.keywords().wait, self.steps(0));
        format!("{}\n{}\n{wait} {right}", self.steps(slip), self.check(self.solution + slip))
    }

    /// The equation told as a puzzle, where it can be.
    fn puzzle(&self, random: &mut Random) -> Option<String> {
        let (multiply, add, result, is_added_first) = match self.form {
            Form::Sides { a, b, c: 0, d } => (a, b, d, false),
            Form::Bracket { a, b, d } => (a, b, d, true),
            Form::Sides { .. } => return None,
        };
        let times = (multiply != 1).then(|| format!("multiply it by {multiply}"));
        let plus = match add {
            0 => None,
            ..0 => Some(format!("subtract {}", -add)),
            _ => Some(format!("add {add}")),
        };
        let mut parts: Vec<String> = [times, plus].into_iter().flatten().collect();
        if is_added_first {
            parts.reverse();
        }
        let template = *random.pick(&[
            "I think of a number, {parts} and get {d}. What is the number?",
            "I think of a number. I {parts}. The result is {d}. What is the number?",
            "Think of a number, {parts}. You get {d}. What was the number?",
        ]);
        Some(fill(template, &[("parts", &parts.join(" and ")), ("d", &result.to_string())]))
    }
}

/// ` c x` after other terms, with its sign; nothing if `c` is 0.
fn written_after(c: i64, x: &str) -> String {
    let text = written(&[(c, x)]);
    match c {
        0 => String::new(),
        ..0 => text,
        _ => format!("+{text}"),
    }
}

/// `d+b` with both signs, or `d` if `b` is 0.
fn written_number(d: i64, b: i64) -> String {
    format!("{d}{}", addend(b))
}

/// `text=value`, or `text` if that is the value.
fn equals(text: &str, value: i64) -> String {
    if text == value.to_string() { text.to_string() } else { format!("{text}={value}") }
}

const TEMPLATES: &[&str] = &[
    "solve {e}",
    "solve {e} for {x}",
    "solve for {x}: {e}",
    "{e}, what is {x}?",
    "{e}",
    "find {x} if {e}",
    "what is {x} if {e}?",
    "if {e}, what is {x}?",
    "find {x}: {e}",
    "solve the equation {e}.",
    "{e}. {x} = ?",
    "what is {x} when {e}?",
];

const TEMPLATES_GERMAN: &[&str] = &[
    "was ist {x}, wenn {e}?",
    "berechne {x}: {e}",
    "wie viel ist {x}, wenn {e}?",
    "finde {x}: {e}",
];

impl Problem for One {
    fn canonical(&self) -> String {
        match self.form {
            Form::Sides { a, b, c, d } => format!("linear {a}x+{b}={c}x+{d}"),
            Form::Bracket { a, b, d } => format!("linear {a}(x+{b})={d}"),
        }
    }

    fn language(&self) -> Language {
        self.language
    }

    fn question(&self, random: &mut Random) -> String {
        if let Some(puzzle) = self.is_puzzle.then(|| self.puzzle(random)).flatten() {
            return puzzle;
        }
        let mut equation = self.equation();
        if random.chance(0.5) {
            for sign in ["+", "-", "="] {
                equation = equation.replace(sign, &format!(" {sign} "));
            }
            equation = equation.replace("=  - ", "= -").replace("( - ", "(-");
            equation =
                equation.strip_prefix(" - ").map_or(equation.clone(), |rest| format!("-{rest}"));
        }
        let template = *random.pick(match self.language {
            Language::English => TEMPLATES,
            Language::German => TEMPLATES_GERMAN,
        });
        let text = fill(template, &[("e", &equation), ("x", self.unknown)]);
        // A capital would change the unknown.
        match template.starts_with('{') {
            true => text,
            false if random.chance(0.9) => {
                if random.chance(0.5) {
                    capital(&text)
                } else {
                    text
                }
            }
            false => ask(&text, self.language, random),
        }
    }

    fn work(&self, style: Style, random: &mut Random) -> Work {
        let checked = || format!("{}\n{}", self.steps(0), self.check(self.solution));
        let thinking = match style {
            Style::Straight => self.steps(0),
            Style::Short => format!("{}; {}={}", self.equation(), self.unknown, self.solution),
            Style::Checked | Style::Search { .. } => checked(),
            Style::Slip => self.slip(random),
        };
        Work::boxed(thinking, self.solution)
    }

    fn grade(&self, reply: &str) -> bool {
        boxed_values(reply, &[self.unknown]) == Some(vec![self.solution])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::tests::refuses_hostile_replies;

    fn one(form: Form, solution: i64) -> One {
        One { form, unknown: "x", solution, is_puzzle: false, language: Language::English }
    }

    #[test]
    fn equations_are_solved_line_by_line() {
        let sides = |a, b, c, d, solution| one(Form::Sides { a, b, c, d }, solution);
        let cases = [
            (
                sides(3, 5, 0, 20, 5),
                "3x+5=20; 3x=20-5; 3x=15; x=15/3; x=5 -> 5",
                "check 3*5+5=20; 20 ok",
            ),
            (sides(1, -4, 0, 3, 7), "x-4=3; x=3+4; x=7 -> 7", "check 7-4=3; 3 ok"),
            (sides(4, 0, 0, 12, 3), "4x=12; x=12/4; x=3 -> 3", "check 4*3=12; 12 ok"),
            (
                sides(7, 2, 4, 14, 4),
                "7x+2=4x+14; 7x-4x=14-2; 3x=12; x=12/3; x=4 -> 4",
                "check 7*4+2=30; 4*4+14=30 ok",
            ),
            (
                sides(2, 1, 5, 7, -2),
                "2x+1=5x+7; 2x-5x=7-1; -3x=6; x=6/(-3); x=-2 -> -2",
                "check 2*(-2)+1=-3; 5*(-2)+7=-3 ok",
            ),
            (
                one(Form::Bracket { a: 3, b: 2, d: 15 }, 3),
                "3(x+2)=15; x+2=15/3; x+2=5; x=5-2; x=3 -> 3",
                "check 3*(3+2)=3*5=15; 15 ok",
            ),
        ];
        for (problem, steps, check) in cases {
            assert_eq!(problem.steps(0), steps);
            assert_eq!(problem.check(problem.solution), check);
        }
    }

    #[test]
    fn a_slip_is_found_and_mended() {
        for i in 0..700 {
            let mut random = Random::new(3, i);
            let problem = One::draw((i % 7) as u8, &mut random);
            let thinking = problem.slip(&mut random);
            let lines: Vec<&str> = thinking.lines().collect();
            let words = problem.language.keywords();
            assert!(lines[1].ends_with(words.no) && lines[2].starts_with(words.wait), "{thinking}");
            assert!(lines[2].ends_with(&format!("-> {}", problem.solution)), "{thinking}");
        }
    }

    #[test]
    fn graders_refuse_what_is_no_answer() {
        for i in 0..7 {
            let problem = One::draw(i as u8, &mut Random::new(4, i));
            refuses_hostile_replies(&problem, problem.solution);
            assert!(
                problem.grade(&format!("\\boxed{{{} = {}}}", problem.unknown, problem.solution))
            );
        }
    }
}
