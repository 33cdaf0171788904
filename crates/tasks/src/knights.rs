//! Knights and knaves: knights always tell the truth, knaves always lie, and from what each says
//! it follows who is what.

mod claim;
mod search;

use crate::formula;
use crate::random::Random;
use crate::task::{Class, Problem, Style, Task, Work};
use crate::trace::Plan;
use crate::wording::with_and;
use claim::{Claim, Statement, all_kinds, is_consistent};

/// Knights and knaves.
pub(crate) struct Knights;

/// People of each level, and how many kinds of claims there are.
const LEVELS: [(usize, u64); 10] =
    [(2, 5), (2, 7), (3, 3), (3, 4), (3, 5), (3, 7), (4, 3), (4, 4), (4, 5), (4, 7)];

/// Letters, or short names.
const NAMES: [&str; 12] =
    ["Ann", "Bob", "Tom", "Kim", "Sam", "Max", "Eva", "Ben", "Lee", "Joe", "Mia", "Dan"];

impl Task for Knights {
    fn name(&self) -> &'static str {
        "knights"
    }

    fn class(&self) -> Class {
        Class::Search
    }

    fn draw(&self, level: u8, random: &mut Random) -> Box<dyn Problem> {
        let (n_people, n_kinds) = LEVELS[usize::from(level.min(9))];
        let statements = loop {
            let statements: Vec<Statement> = (0..n_people)
                .map(|speaker| Statement {
                    speaker,
                    claim: Claim::random(speaker, n_people, n_kinds, random),
                })
                .collect();
            let n_ways = all_kinds(n_people).filter(|kinds| is_consistent(&statements, kinds));
            if n_ways.count() == 1 {
                break statements;
            }
        };
        let mut names: Vec<&'static str> = if random.chance(0.4) {
            vec!["A", "B", "C", "D"]
        } else {
            let mut names = NAMES.to_vec();
            random.shuffle(&mut names);
            names
        };
        names.truncate(n_people);
        Box::new(Island { names, statements })
    }
}

/// People and what each says.
struct Island {
    names: Vec<&'static str>,
    /// One of each, in the order of the names.
    statements: Vec<Statement>,
}

impl Problem for Island {
    fn canonical(&self) -> String {
        let forms = permutations(self.names.len()).into_iter().map(|places| {
            let mut texts: Vec<String> =
                self.statements.iter().map(|statement| statement.renamed(&places)).collect();
            texts.sort_unstable();
            texts.join("; ")
        });
        format!("knights {}", forms.min().unwrap_or_default())
    }

    fn question(&self, random: &mut Random) -> String {
        let said: Vec<String> = self
            .statements
            .iter()
            .map(|s| format!("{} says {}.", self.names[s.speaker], s.claim.sentence(&self.names)))
            .collect();
        let said = said.join(" ");
        let names = with_and(&self.names);
        match random.below(5) {
            0 | 1 => format!("knights and knaves: {said} who is what?"),
            2 => format!("Knights tell the truth and knaves lie. {said} Who is a knight?"),
            3 => format!("{said} Each is a knight or a knave. Who is what?"),
            _ => format!("{names} are knights or knaves. {said} Who is what?"),
        }
    }

    fn work(&self, style: Style, random: &mut Random) -> Work {
        let plan = Plan::of(style, random);
        search::work(&self.names, &self.statements, &plan, random)
    }

    fn grade(&self, reply: &str) -> bool {
        self.is_solved_by(reply).unwrap_or(false)
    }
}

impl Island {
    /// The box must say once of everyone what they are, such that all statements fit.
    fn is_solved_by(&self, reply: &str) -> Option<bool> {
        let text = formula::boxed(reply)?;
        let mut kinds: Vec<Option<bool>> = vec![None; self.names.len()];
        let mut pending = Vec::new();
        for word in text.split(|c: char| c.is_ascii() && !c.is_ascii_alphanumeric()) {
            if let Some(person) = self.names.iter().position(|name| *name == word) {
                pending.push(person);
                continue;
            }
            let is_knight = match word.to_ascii_lowercase().as_str() {
                "knight" | "knights" => true,
                "knave" | "knaves" => false,
                "" | "is" | "are" | "a" | "and" | "both" | "text" => continue,
                _ => return None,
            };
            if pending.is_empty() {
                return None;
            }
            for person in pending.drain(..) {
                if kinds[person].replace(is_knight).is_some() {
                    return None;
                }
            }
        }
        let kinds: Vec<bool> = kinds.into_iter().collect::<Option<_>>()?;
        Some(pending.is_empty() && is_consistent(&self.statements, &kinds))
    }
}

/// All orders of the numbers below `n`.
pub(crate) fn permutations(n: usize) -> Vec<Vec<usize>> {
    let mut all = vec![Vec::new()];
    for next in 0..n {
        all = all
            .iter()
            .flat_map(|order: &Vec<usize>| {
                (0..=order.len()).map(move |place| {
                    let mut longer = order.clone();
                    longer.insert(place, next);
                    longer
                })
            })
            .collect();
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formula::tests::pays_only;

    fn island(names: [&'static str; 3]) -> Island {
        let statements = [Claim::Is(1, false), Claim::Same(0, 1), Claim::Is(1, true)];
        let statements = statements.into_iter().enumerate();
        let statements = statements.map(|(speaker, claim)| Statement { speaker, claim }).collect();
        Island { names: names.to_vec(), statements }
    }

    #[test]
    fn exactly_the_kinds_that_fit_all_statements_are_paid() {
        let right = [
            "A knight, B knave, C knave",
            "B knave; C knave; A knight",
            "A is a knight, B and C are knaves",
            "A: Knight, B: Knave, C: Knave",
            "A = \\text{knight}, B = \\text{knave}, C = \\text{knave}",
        ];
        let wrong = [
            "A knight, B knave",
            "A knight",
            "A",
            "knight",
            "A knight, B knave, C knight",
            "A knave, B knight, C knight",
            "A knight, B knave, C knave, A knave",
            "A knight, A knight, B knave, C knave",
            "A knight knave, B knave, C knave",
            "A knight, B knave, C",
            "knight A, knave B, knave C",
            "A B C knight knave knave",
            "A knight, B knave, C not knight",
            "a knight, b knave, c knave",
            "А knight, B knave, C knave",
        ];
        pays_only(&island(["A", "B", "C"]), &right, &wrong);
        pays_only(&island(["Ann", "Bob", "Tom"]), &["Ann knight, Bob knave, Tom knave"], &right);
    }

    #[test]
    fn names_and_their_order_are_no_difference() {
        let one = island(["A", "B", "C"]);
        assert_eq!(one.canonical(), island(["Tom", "Ann", "Max"]).canonical());
        // The first and the last of the people change places.
        let turned = [Claim::Is(1, true), Claim::Same(1, 2), Claim::Is(1, false)];
        let statements = turned.into_iter().enumerate();
        let statements: Vec<Statement> =
            statements.map(|(speaker, claim)| Statement { speaker, claim }).collect();
        let two = Island { names: vec!["A", "B", "C"], statements };
        assert_eq!(one.canonical(), two.canonical());
        let mut other = island(["A", "B", "C"]);
        other.statements[2].claim = Claim::Is(1, false);
        assert_ne!(one.canonical(), other.canonical());
    }

    #[test]
    fn every_problem_has_one_solution_which_alone_is_paid() {
        let mut random = Random::new(2, 2);
        for level in (0..10).cycle().take(200) {
            let problem = Knights.draw(level, &mut random);
            let solution = problem.work(Style::Straight, &mut random).reply;
            assert!(problem.grade(&solution), "{solution}");
            // Turning any set of people over makes it wrong.
            let inner = solution.strip_prefix("\\boxed{").and_then(|s| s.strip_suffix('}'));
            let parts: Vec<&str> = inner.expect("a box").split(", ").collect();
            for mask in 1u32..1 << parts.len() {
                let turned: Vec<String> = parts
                    .iter()
                    .enumerate()
                    .map(|(i, part)| {
                        let (name, kind) = part.split_once(' ').expect("a name and a kind");
                        let is_knight = (kind == "knight") != (mask >> i & 1 == 1);
                        format!("{name} {}", claim::word(is_knight))
                    })
                    .collect();
                assert!(!problem.grade(&format!("\\boxed{{{}}}", turned.join(", "))));
            }
        }
    }
}
