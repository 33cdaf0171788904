//! Sudoku of four by four: every row, column and two by two box holds 1, 2, 3 and 4.

mod grid;
mod search;

use crate::formula;
use crate::language::Language;
use crate::phrasing::ask;
use crate::random::Random;
use crate::task::{Class, Problem, Style, Task, Work};
use crate::trace::Plan;
use grid::{CELLS, Grid, SIDE};

/// Sudoku.
pub(crate) struct Sudoku;

/// Empty cells of each level.
const EMPTY: [usize; 10] = [4, 5, 6, 7, 7, 8, 8, 9, 10, 11];

impl Task for Sudoku {
    fn name(&self) -> &'static str {
        "sudoku"
    }

    fn class(&self) -> Class {
        Class::Search
    }

    fn draw(&self, level: u8, random: &mut Random) -> Box<dyn Problem> {
        let n_empty = EMPTY[usize::from(level.min(9))];
        loop {
            if let Some(grid) = emptied(grid::random_full(random), n_empty, random) {
                return Box::new(Puzzle { grid });
            }
        }
    }
}

/// The grid with so many cells emptied that can still be filled in one way only, if going through
/// the cells in random order finds them.
fn emptied(mut grid: Grid, n_empty: usize, random: &mut Random) -> Option<Grid> {
    let mut cells: Vec<usize> = (0..CELLS).collect();
    random.shuffle(&mut cells);
    let mut n_left = n_empty;
    for cell in cells {
        if n_left == 0 {
            break;
        }
        let digit = std::mem::take(&mut grid.0[cell]);
        if grid.solutions(2).len() == 1 {
            n_left -= 1;
        } else {
            grid.0[cell] = digit;
        }
    }
    (n_left == 0).then_some(grid)
}

/// A grid to fill.
struct Puzzle {
    grid: Grid,
}

impl Problem for Puzzle {
    fn canonical(&self) -> String {
        format!("sudoku {}", self.grid)
    }

    fn question(&self, random: &mut Random) -> String {
        let is_in_lines = random.chance(0.4);
        let shown = self.grid.to_string().replace('0', "_");
        let shown = if is_in_lines { shown.replace(' ', "\n") } else { shown };
        let gap = if is_in_lines { "\n" } else { " " };
        let question = match random.below(7) {
            0..3 => format!("solve sudoku{gap}{shown}"),
            3 => format!("solve this 4x4 sudoku:{gap}{shown}"),
            4 => format!("fill in the sudoku with 1 to 4:{gap}{shown}"),
            5 => format!("sudoku:{gap}{shown}"),
            _ => format!("can you solve this sudoku?{gap}{shown}"),
        };
        ask(&question, Language::English, random)
    }

    fn work(&self, style: Style, random: &mut Random) -> Work {
        let plan = Plan::of(style, random);
        search::work(&self.grid, &plan, random)
    }

    fn grade(&self, reply: &str) -> bool {
        self.is_solved_by(reply).unwrap_or(false)
    }
}

impl Puzzle {
    /// The box must hold 16 digits, in any grouping, that keep what is given and the rules.
    fn is_solved_by(&self, reply: &str) -> Option<bool> {
        let text = formula::boxed(reply)?.replace("\\\\", " ");
        let is_gap = |c: &char| c.is_whitespace() || matches!(c, ',' | ';' | '|' | '/' | '&');
        let mut digits = Vec::with_capacity(CELLS);
        for c in text.chars().filter(|c| !is_gap(c)) {
            digits.push(c.to_digit(10).filter(|digit| (1..=SIDE as u32).contains(digit))? as u8);
        }
        let answer = Grid(digits.try_into().ok()?);
        let keeps =
            self.grid.0.iter().zip(&answer.0).all(|(given, digit)| [0, *digit].contains(given));
        Some(keeps && answer.is_valid())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formula::tests::pays_only;

    #[test]
    fn exactly_a_full_grid_that_keeps_what_is_given_is_paid() {
        let grid = Grid([1, 0, 3, 0, 4, 3, 0, 0, 0, 0, 2, 0, 2, 0, 0, 3]);
        let [solution] = grid.solutions(2)[..] else { panic!("one solution") };
        assert_eq!(solution.to_string(), "1234 4312 3421 2143");
        let right = [
            "1234 4312 3421 2143",
            "1234431234212143",
            "1 2 3 4\n4 3 1 2\n3 4 2 1\n2 1 4 3",
            "1234, 4312, 3421, 2143",
            "1234 \\\\ 4312 \\\\ 3421 \\\\ 2143",
            "1 2 3 4 | 4312/3421/2143",
        ];
        let wrong = [
            "1234 4312 3421 214",
            "1234 4312 3421 21433",
            "1030 4300 0020 2003",
            "1234",
            "2143 4312 3421 1234",
            "1234 3412 2143 4321",
            "1234 4312 3421 2144",
            "1111 2222 3333 4444",
            "1234 4312 3421 214x",
            "1234 4312 3421 214３",
            "5234 4312 3421 2143",
        ];
        pays_only(&Puzzle { grid }, &right, &wrong);
    }

    #[test]
    fn of_all_full_grids_exactly_those_that_keep_the_givens_are_paid() {
        let full = Grid([0; CELLS]).solutions(usize::MAX);
        let mut random = Random::new(1, 1);
        for n_empty in EMPTY {
            let grid = emptied(full[17], n_empty, &mut random);
            let problem = Puzzle { grid: grid.unwrap_or(full[3]) };
            let is_kept = |grid: &Grid| {
                problem
                    .grid
                    .0
                    .iter()
                    .zip(&grid.0)
                    .all(|(given, digit)| *given == 0 || given == digit)
            };
            let n_right = full.iter().filter(|grid| {
                let is_right = problem.grade(&format!("\\boxed{{{grid}}}"));
                assert_eq!(is_right, is_kept(grid));
                is_right
            });
            assert_eq!(n_right.count(), 1);
        }
    }
}
