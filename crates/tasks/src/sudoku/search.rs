//! Filling cell by cell in reading order, as a thought: `b1 row13 col2 box so 4`, and where several
//! digits are left, `so 24 try 2`. Cells are named as on a chess board, but from the top.

use super::grid::{self, Grid, SIDE, column, spelled, square};
use crate::random::Random;
use crate::task::Work;
use crate::trace::{Plan, Trace};

/// Tokens of the result and its `check`.
const END_TOKENS: usize = 80;
/// Tokens of a step.
const STEP_TOKENS: usize = 17;

/// A thought and an answer.
pub(crate) fn work(puzzle: &Grid, plan: &Plan, random: &mut Random) -> Work {
    let solution = puzzle.solutions(1).pop().expect("a puzzle is drawn with a solution");
    let (mean_tries, has_slip, known) = match plan {
        Plan::Short => return Work::boxed(solution.to_string(), solution),
        Plan::Straight { .. } => (f64::INFINITY, false, Some(solution)),
        Plan::Search { mean_tries, has_slip, .. } => (*mean_tries, *has_slip, None),
    };
    // After a dead end about two thirds of the cells are filled again.
    let n_empty = puzzle.0.iter().filter(|digit| **digit == 0).count();
    let trace = Trace::new(mean_tries, END_TOKENS + n_empty * STEP_TOKENS * 2 / 3);
    let mut search = Search { grid: *puzzle, trace, has_slip, known, random };
    search.trace.say(&puzzle.to_string());
    search.trace.line();
    if !matches!(search.descend(0), Outcome::Found) {
        let guess = completed(&search.grid);
        search.trace.give_up();
        return Work::boxed(search.trace.finish(), guess);
    }
    let (mut trace, found) = (search.trace, search.grid);
    say_result(&mut trace, &found);
    if let Plan::Straight { is_checked: true } | Plan::Search { is_checked: true, .. } = plan {
        say_check(&mut trace, &found);
    }
    Work::boxed(trace.finish(), found)
}

enum Outcome {
    Found,
    Exhausted,
    GaveUp,
}

struct Search<'a> {
    grid: Grid,
    trace: Trace,
    /// Whether the last cell is first filled wrongly.
    has_slip: bool,
    /// The solution, if the right digit is to be tried first everywhere.
    known: Option<Grid>,
    random: &'a mut Random,
}

impl Search<'_> {
    /// Fills the cells from `from` on.
    fn descend(&mut self, from: usize) -> Outcome {
        let Some(cell) = (from..grid::CELLS).find(|cell| self.grid.0[*cell] == 0) else {
            return Outcome::Found;
        };
        let mut candidates = self.grid.candidates(cell);
        let is_last = !self.grid.0[cell + 1..].contains(&0);
        if self.has_slip && is_last && candidates.len() == 1 {
            self.has_slip = false;
            self.slip(cell, candidates[0]);
        }
        self.say_seen(cell);
        match &candidates[..] {
            [] => {
                let is_over = self.trace.fails(self.random);
                return if is_over { Outcome::GaveUp } else { Outcome::Exhausted };
            }
            [only] => self.trace.say(&format!("so {only}")),
            several => {
                self.trace.say(&format!("so {}", spelled(several)));
                self.random.shuffle(&mut candidates);
            }
        }
        if let Some(known) = &self.known {
            candidates = vec![known.0[cell]];
        }
        let is_choice = candidates.len() > 1 || self.grid.candidates(cell).len() > 1;
        for (i, digit) in candidates.into_iter().enumerate() {
            if i > 0 {
                self.trace.back();
                self.trace.say(&name(cell));
            }
            if is_choice {
                self.trace.say(&format!("try {digit}"));
            }
            self.trace.line();
            self.grid.0[cell] = digit;
            match self.descend(cell + 1) {
                Outcome::Exhausted => self.grid.0[cell] = 0,
                outcome => return outcome,
            }
        }
        Outcome::Exhausted
    }

    fn say_seen(&mut self, cell: usize) {
        let seen = self.grid.seen(cell);
        let mut text = name(cell);
        for (place, digits) in ["row", "col", "box"].iter().zip(&seen) {
            text += &format!(" {place}{}", spelled(digits));
        }
        self.trace.say(&text);
    }

    /// Fills the last cell wrongly, and finds by the check that a column repeats a digit.
    fn slip(&mut self, cell: usize, right: u8) {
        let wrong = (right + self.random.below(SIDE as u64 - 1) as u8) % SIDE as u8 + 1;
        self.say_seen(cell);
        self.trace.say(&format!("so {wrong}"));
        self.trace.line();
        let mut filled = self.grid;
        filled.0[cell] = wrong;
        say_result(&mut self.trace, &filled);
        say_check(&mut self.trace, &filled);
        self.trace.line();
        self.trace.say("wait");
    }
}

/// `b1`.
fn name(cell: usize) -> String {
    format!("{}{}", ["a", "b", "c", "d"][cell % SIDE], cell / SIDE + 1)
}

/// `yes` and the grid.
fn say_result(trace: &mut Trace, grid: &Grid) {
    trace.say(&format!("yes {grid}"));
}

/// The columns and boxes, read off the grid, up to the first that repeats a digit.
fn say_check(trace: &mut Trace, grid: &Grid) {
    trace.line();
    trace.say("check");
    let columns = (0..SIDE).map(|i| ("col", i, column(i)));
    let squares = (0..SIDE).map(|i| ("box", i, square(i)));
    for (kind, i, cells) in columns.chain(squares) {
        if i == 0 {
            trace.say(kind);
        }
        let digits = grid.line(cells);
        trace.say(&spelled(&digits));
        if (1..=SIDE as u8).any(|digit| !digits.contains(&digit)) {
            return trace.say("no");
        }
    }
    trace.say("ok");
}

/// The grid with each row's missing digits in its empty cells: a guess.
fn completed(grid: &Grid) -> Grid {
    let mut full = *grid;
    for i in 0..SIDE {
        let mut missing: Vec<u8> = (1..=SIDE as u8)
            .rev()
            .filter(|digit| !full.line(grid::row(i)).contains(digit))
            .collect();
        for cell in grid::row(i) {
            if full.0[cell] == 0 {
                full.0[cell] = missing.pop().unwrap_or(1);
            }
        }
    }
    full
}
