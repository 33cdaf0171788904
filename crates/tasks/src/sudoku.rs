//! Sudoku of four by four: every row, column and two by two box holds 1, 2, 3 and 4.

mod grid;
mod search;

use crate::formula;
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
        match random.below(6) {
            0..3 => format!("solve sudoku{gap}{shown}"),
            3 => format!("Solve this 4x4 sudoku:{gap}{shown}"),
            4 => format!("Fill in the sudoku with 1 to 4:{gap}{shown}"),
            _ => format!("Can you solve this sudoku?{gap}{shown}"),
        }
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
