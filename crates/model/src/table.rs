//! Plain text with aligned columns, for reports that people read.

/// Rows of cells; columns are as wide as their widest cell, numbers stand to the right unless
/// the table is one of mixed values.
#[derive(Default)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
    all_left: bool,
}

impl Table {
    /// A table whose columns mix numbers and words: everything stands to the left.
    pub(crate) fn left_aligned() -> Table {
        Table { all_left: true, ..Table::default() }
    }

    /// Adds a row.
    pub(crate) fn row<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = S>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }

    /// The table, each line indented by two spaces and ended by a newline.
    pub(crate) fn render(&self) -> String {
        let n_columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..n_columns).map(width).collect();
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::from("  ");
            for (cell, width) in row.iter().zip(&widths) {
                let is_number =
                    !self.all_left && cell.starts_with(|c: char| c.is_ascii_digit() || c == '-');
                line.push_str(&match is_number {
                    true => format!("{cell:>width$}  "),
                    false => format!("{cell:<width$}  "),
                });
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

/// `671,026,419,200`.
pub fn thousands(n: impl Into<i128>) -> String {
    let n = n.into();
    let digits = n.unsigned_abs().to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if n < 0 { format!("-{text}") } else { text }
}

/// `673.2 GB`.
pub(crate) fn gigabytes(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        for (n, want) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (-1234567, "-1,234,567"),
            (100_000, "100,000"),
        ] {
            assert_eq!(thousands(n), want);
        }
    }

    #[test]
    fn columns_are_aligned() {
        let mut table = Table::default();
        table.row(["name", "5", "x"]);
        table.row(["longer name", "1,000"]);
        assert_eq!(table.render(), "  name             5  x\n  longer name  1,000\n");
        table.all_left = true;
        assert_eq!(table.render(), "  name         5      x\n  longer name  1,000\n");
    }
}
