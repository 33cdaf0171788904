//! The grid, its rules, and all its solutions.

use std::fmt;

use crate::random::Random;

/// Cells in a row.
pub(crate) const SIDE: usize = 4;
/// All cells.
pub(crate) const CELLS: usize = SIDE * SIDE;

/// Digits row by row, 0 where empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grid(pub(crate) [u8; CELLS]);

impl fmt::Display for Grid {
    /// `1030 0200 0040 3000`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows: Vec<String> = (0..SIDE).map(|i| spelled(&self.line(row(i)))).collect();
        f.write_str(&rows.join(" "))
    }
}

/// The cells of a row.
pub(crate) fn row(i: usize) -> [usize; SIDE] {
    std::array::from_fn(|k| i * SIDE + k)
}

/// The cells of a column.
pub(crate) fn column(i: usize) -> [usize; SIDE] {
    std::array::from_fn(|k| k * SIDE + i)
}

/// The cells of a box.
pub(crate) fn square(i: usize) -> [usize; SIDE] {
    std::array::from_fn(|k| (i / 2 * 2 + k / 2) * SIDE + i % 2 * 2 + k % 2)
}

/// Digits without blanks.
pub(crate) fn spelled(digits: &[u8]) -> String {
    digits.iter().map(|digit| char::from(b'0' + digit)).collect()
}

impl Grid {
    /// The digits in these cells, 0 where empty.
    pub(crate) fn line(&self, cells: [usize; SIDE]) -> [u8; SIDE] {
        cells.map(|cell| self.0[cell])
    }

    /// What the row and the column of a cell hold, and the one cell of its box that is in neither;
    /// empty cells are left out.
    pub(crate) fn seen(&self, cell: usize) -> [Vec<u8>; 3] {
        let (i, j) = (cell / SIDE, cell % SIDE);
        let held = |cells: &[usize]| {
            cells.iter().map(|cell| self.0[*cell]).filter(|digit| *digit != 0).collect()
        };
        // The other place of a pair has the last bit flipped.
        [held(&row(i)), held(&column(j)), held(&[(i ^ 1) * SIDE + (j ^ 1)])]
    }

    /// What may stand in an empty cell, in ascending order.
    pub(crate) fn candidates(&self, cell: usize) -> Vec<u8> {
        let seen = self.seen(cell).concat();
        (1..=SIDE as u8).filter(|digit| !seen.contains(digit)).collect()
    }

    /// Whether every row, column and box holds each digit once.
    pub(crate) fn is_valid(&self) -> bool {
        let lines = (0..SIDE).flat_map(|i| [row(i), column(i), square(i)]);
        lines.into_iter().all(|cells| {
            let mut digits = self.line(cells);
            digits.sort_unstable();
            digits == [1, 2, 3, 4]
        })
    }

    /// Up to `limit` ways to fill the empty cells.
    pub(crate) fn solutions(&self, limit: usize) -> Vec<Grid> {
        let mut found = Vec::new();
        self.fill(limit, &mut found);
        found
    }

    fn fill(&self, limit: usize, found: &mut Vec<Grid>) {
        let Some(cell) = self.0.iter().position(|digit| *digit == 0) else {
            found.extend(self.is_valid().then_some(*self));
            return;
        };
        for digit in self.candidates(cell) {
            if found.len() < limit {
                let mut next = *self;
                next.0[cell] = digit;
                next.fill(limit, found);
            }
        }
    }
}

/// One of the 288 full grids.
pub(crate) fn random_full(random: &mut Random) -> Grid {
    let mut digits = [1, 2, 3, 4];
    random.shuffle(&mut digits);
    let mut grid = Grid([0; CELLS]);
    grid.0[..SIDE].copy_from_slice(&digits);
    *random.pick(&grid.solutions(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_288_full_grids() {
        let all = Grid([0; CELLS]).solutions(usize::MAX);
        assert_eq!(all.len(), 288);
        assert!(all.iter().all(Grid::is_valid));
    }

    #[test]
    fn a_cell_sees_its_row_its_column_and_its_box() {
        let grid = Grid([1, 0, 3, 0, 0, 2, 0, 0, 0, 0, 4, 0, 3, 0, 0, 0]);
        assert_eq!(grid.to_string(), "1030 0200 0040 3000");
        assert_eq!(grid.seen(1), [vec![1, 3], vec![2], vec![]]);
        assert_eq!(grid.seen(4), [vec![2], vec![1, 3], vec![]]);
        assert_eq!(grid.seen(8), [vec![4], vec![1, 3], vec![]]);
        assert_eq!(grid.seen(15), [vec![3], vec![], vec![4]]);
        assert_eq!(grid.candidates(1), [4]);
        assert_eq!(grid.candidates(15), [1, 2]);
    }
}
