//! Programs of a small stack machine, from a formula or from examples; graded by running them on
//! inputs the question does not show.

mod machine;
mod shape;

use crate::answer::boxed;
use crate::phrasing::{capital, fill};
use crate::random::Random;
use crate::task::{Class, Problem, Style, Task, Work};
use crate::trace::{Plan, Trace};
use machine::{parse, run};
use shape::{Shape, fitting, formula, n_inputs, stages, text};

/// The task `program`: formulas at levels 0, 1, 3 and 4, examples at the others.
pub struct Program;

struct Wanted {
    shape: Shape,
    /// Inputs that are shown with their outputs; none if the formula is shown.
    examples: Vec<Vec<i64>>,
}

/// Inputs a program is tried on, besides the examples; the second serves programs of two.
const HIDDEN: [[i64; 2]; 9] =
    [[0, 0], [1, 0], [0, 1], [-1, 5], [7, -3], [12, 12], [-20, -9], [101, 37], [1000, -999]];

/// Examples shown.
const N_EXAMPLES: usize = 3;

impl Task for Program {
    fn name(&self) -> &'static str {
        "program"
    }

    fn class(&self) -> Class {
        Class::Search
    }

    fn draw(&self, level: u8, random: &mut Random) -> Box<dyn Problem> {
        let shape = shape::draw(level, random);
        let mut wanted = Wanted { shape, examples: Vec::new() };
        let is_shown_by_examples = !matches!(level, 0 | 1 | 3 | 4);
        // Until no other shape fits.
        while is_shown_by_examples && wanted.candidates().len() != 1 {
            wanted.examples = examples(n_inputs(shape), random);
        }
        Box::new(wanted)
    }
}

/// Different inputs: of one number 1, 2, 3.
fn examples(n_inputs: usize, random: &mut Random) -> Vec<Vec<i64>> {
    let mut examples = Vec::new();
    while examples.len() < N_EXAMPLES {
        let inputs = match n_inputs {
            1 => vec![examples.len() as i64 + 1],
            _ => [0, 1].map(|_| random.between(1, 6)).to_vec(),
        };
        if !examples.contains(&inputs) {
            examples.push(inputs);
        }
    }
    examples
}

/// The output of `shape`'s program.
fn output(shape: Shape, inputs: &[i64]) -> i64 {
    let program = parse(&text(shape)).expect("shapes are programs");
    run(&program, inputs).expect("shapes leave one number of small inputs")
}

fn joined(inputs: &[i64]) -> String {
    inputs.iter().map(i64::to_string).collect::<Vec<_>>().join(" ")
}

impl Wanted {
    /// The shapes that fit every example.
    fn candidates(&self) -> Vec<Shape> {
        let Some((first, others)) = self.examples.split_first() else { return Vec::new() };
        let mut shapes = fitting(first, output(self.shape, first));
        shapes.retain(|shape| {
            others.iter().all(|inputs| output(*shape, inputs) == output(self.shape, inputs))
        });
        shapes
    }

    /// Writes `inputs->output ok` for a program, up to the first that is not as wanted; whether
    /// all are.
    fn try_out(&self, shape: Shape, trace: &mut Trace) -> bool {
        trace.say(&format!("{}:", text(shape)));
        for inputs in &self.examples {
            let found = output(shape, inputs);
            trace.say(&format!("{}->{found}", joined(inputs)));
            if found != output(self.shape, inputs) {
                return false;
            }
            trace.say("ok");
        }
        true
    }

    /// Programs that fit the first example, until one fits all, or patience ends; and the last.
    fn search(&self, mean_tries: f64, random: &mut Random) -> (String, Shape) {
        let mut trace = Trace::new(mean_tries, 0);
        let first = &self.examples[0];
        let mut shapes = fitting(first, output(self.shape, first));
        random.shuffle(&mut shapes);
        for shape in shapes {
            trace.say("try");
            if self.try_out(shape, &mut trace) {
                trace.say("yes");
                return (trace.finish(), shape);
            }
            if trace.fails(random) {
                trace.give_up();
                return (trace.finish(), shape);
            }
            trace.back();
        }
        unreachable!("the wanted shape fits its first example")
    }

    /// The program group by group, what it computes beside it.
    fn derive(shape: Shape) -> String {
        let stages: Vec<String> =
            stages(shape).iter().map(|(words, top)| format!("{words}: {top}")).collect();
        format!("{} -> {}", stages.join("; "), text(shape))
    }

    /// The program run on one input, beside the formula.
    fn check(&self, shape: Shape) -> String {
        let inputs = &[2, 3][..n_inputs(shape)];
        let (found, wanted) = (output(shape, inputs), output(self.shape, inputs));
        let formula = formula(self.shape).replace('x', "2").replace('y', "3");
        let verdict = if found == wanted { "ok" } else { "no" };
        format!("check {}->{found}; {formula}={wanted} {verdict}", joined(inputs))
    }

    /// A program whose number is off by one.
    fn slipped(&self) -> Shape {
        match self.shape {
            Shape::Add(c) => Shape::Add(c + 1),
            Shape::Subtract(c) => Shape::Subtract(c + 1),
            Shape::Times(c) => Shape::Times(c + 1),
            Shape::TimesAdd(a, b) => Shape::TimesAdd(a, b + 1),
            Shape::Square(b) => Shape::Square(b + 1),
            Shape::SumTimes(c) => Shape::SumTimes(c + 1),
            Shape::ProductAdd(c) => Shape::ProductAdd(c + 1),
            Shape::FirstTimes(c) => Shape::FirstTimes(c + 1),
            Shape::DifferenceAdd(c) => Shape::DifferenceAdd(c + 1),
        }
    }

    fn work_of_formula(&self, plan: Plan) -> String {
        let straight = Wanted::derive(self.shape);
        match plan {
            Plan::Short => text(self.shape),
            Plan::Straight { is_checked: false } => straight,
            Plan::Search { has_slip: true, .. } => {
                let wrong = self.slipped();
                format!("{}\n{}\nwait {straight}", Wanted::derive(wrong), self.check(wrong))
            }
            Plan::Straight { .. } | Plan::Search { .. } => {
                format!("{straight}\n{}", self.check(self.shape))
            }
        }
    }
}

const OF_FORMULA: &[&str] = &[
    "write a stack program for {f}",
    "stack program: {f}",
    "stack program for {f}",
    "write a stack program that computes {f}.",
    "which stack program computes {f}?",
    "program a stack machine to compute {f}.",
];

const OF_EXAMPLES: &[&str] = &[
    "find a stack program: {f}",
    "stack program with {f}",
    "write a stack program with {f}.",
    "which stack program gives {f}?",
    "find a stack program that gives {f}.",
];

impl Problem for Wanted {
    fn canonical(&self) -> String {
        format!("program {}", text(self.shape))
    }

    fn question(&self, random: &mut Random) -> String {
        let (templates, wanted) = if self.examples.is_empty() {
            (OF_FORMULA, formula(self.shape))
        } else {
            let arrow = *random.pick(&["->", " -> "]);
            let shown: Vec<String> = self
                .examples
                .iter()
                .map(|inputs| format!("{}{arrow}{}", joined(inputs), output(self.shape, inputs)))
                .collect();
            (OF_EXAMPLES, shown.join(", "))
        };
        let text = fill(random.pick::<&str>(templates), &[("f", &wanted)]);
        if random.chance(0.5) { capital(&text) } else { text }
    }

    fn work(&self, style: Style, random: &mut Random) -> Work {
        let plan = Plan::of(style, random);
        if self.examples.is_empty() {
            return Work::boxed(self.work_of_formula(plan), text(self.shape));
        }
        let (thinking, found) = match plan {
            Plan::Short => (text(self.shape), self.shape),
            Plan::Straight { .. } => {
                let mut trace = Trace::new(f64::INFINITY, 0);
                trace.say("try");
                self.try_out(self.shape, &mut trace);
                trace.say("yes");
                (trace.finish(), self.shape)
            }
            Plan::Search { mean_tries, .. } => self.search(mean_tries, random),
        };
        Work::boxed(thinking, text(found))
    }

    /// Any program that computes the same of all inputs tried.
    fn grade(&self, reply: &str) -> bool {
        let Some(program) = boxed(reply).and_then(parse) else { return false };
        let n_inputs = n_inputs(self.shape);
        let hidden = HIDDEN.iter().map(|inputs| &inputs[..n_inputs]);
        let mut inputs = hidden.chain(self.examples.iter().map(Vec::as_slice));
        inputs.all(|inputs| run(&program, inputs) == Some(output(self.shape, inputs)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(shape: Shape) -> Wanted {
        Wanted { shape, examples: Vec::new() }
    }

    #[test]
    fn formulas_become_programs() {
        let problem = wanted(Shape::TimesAdd(3, 1));
        let thinking = problem.work(Style::Checked, &mut Random::new(0, 0)).thinking;
        assert_eq!(thinking, "3 *: 3*x; 1 +: 3*x+1 -> 3 * 1 +\ncheck 2->7; 3*2+1=7 ok");
        assert_eq!(
            Wanted::derive(Shape::FirstTimes(4)),
            "swap: x; 4 *: 4*x; +: 4*x+y -> swap 4 * +"
        );
        assert_eq!(Wanted::derive(Shape::Add(4)), "4 +: x+4 -> 4 +");
    }

    #[test]
    fn examples_are_searched() {
        let mut random = Random::new(1, 0);
        let problem =
            Wanted { examples: vec![vec![1], vec![2], vec![3]], ..wanted(Shape::TimesAdd(3, 1)) };
        let (thinking, found) = problem.search(f64::INFINITY, &mut random);
        assert_eq!(found, Shape::TimesAdd(3, 1), "{thinking}");
        assert!(thinking.ends_with("try 3 * 1 +: 1->4 ok 2->7 ok 3->10 ok yes"), "{thinking}");
        let (_, found) = problem.search(1.0, &mut Random::new(2, 0));
        assert_ne!(found, Shape::TimesAdd(3, 1));
    }

    #[test]
    fn other_programs_for_the_same_are_right() {
        let problem = wanted(Shape::TimesAdd(3, 1));
        for program in ["3 * 1 +", "1 swap 3 * +", "dup dup + + 1 +", " 3  *\n1 + "] {
            assert!(problem.grade(&format!("\\boxed{{{program}}}")), "{program}");
        }
    }

    #[test]
    fn graders_refuse_what_is_no_such_program() {
        let problem = wanted(Shape::TimesAdd(3, 1));
        let refused = [
            "",
            "3 * 1 +",
            "\\boxed{}",
            "\\boxed{3*1+}",
            "\\boxed{3*x+1}",
            "\\boxed{7}",
            "\\boxed{3 * 1 + dup}",
            "\\boxed{3 * 1 + 0}",
            "\\boxed{4 *}",
            "\\boxed{3 *}",
            "\\boxed{3 * 1 +} \\boxed{3 *}",
            "\\boxed{drop 7}",
            "\\boxed{+ + +}",
            "\\boxed{3 * 1 ＋}",
            "\\boxed{9223372036854775807 *}",
        ];
        for reply in refused {
            assert!(!problem.grade(reply), "{reply}");
        }
        assert!(!problem.grade(&format!("\\boxed{{{}}}", "dup ".repeat(1_000_000))));
        // Right on inputs that are easily guessed is not enough.
        assert!(!wanted(Shape::Square(2)).grade("\\boxed{3 * 0 +}"));
    }
}
