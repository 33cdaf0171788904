//! Numbers, spans of time and small curves as people read them in a terminal.

use ponder_model::thousands;

/// The eight heights of a column.
const COLUMNS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// A number with about four digits: `0.0123`, `1.234`, `12.3`, `1,234`, `1.2e-5`.
pub fn number(x: f64) -> String {
    let size = x.abs();
    match size {
        _ if x == 0.0 => "0".to_owned(),
        _ if !(1e-4..1e9).contains(&size) => format!("{x:.2e}"),
        _ if size >= 1000.0 => thousands(x.round() as i64),
        _ if size >= 100.0 => format!("{x:.0}"),
        _ if size >= 10.0 => format!("{x:.1}"),
        _ if size >= 0.1 => format!("{x:.3}"),
        _ => format!("{x:.5}"),
    }
}

/// A span of time in its two largest units.
pub fn span(seconds: f64) -> String {
    let whole = seconds.max(0.0).round() as u64;
    let (minutes, hours, days) = (whole / 60, whole / 3600, whole / 86400);
    match whole {
        0..60 => format!("{whole} s"),
        60..3600 => format!("{minutes} min {:02} s", whole % 60),
        3600..86400 => format!("{hours} h {:02} min", minutes % 60),
        _ => format!("{days} d {:02} h", hours % 24),
    }
}

/// A curve of at most `width` columns; each is the mean of its part of the values.
pub fn sparkline(values: &[f64], width: usize) -> String {
    let values: Vec<f64> = values.iter().copied().filter(|x| x.is_finite()).collect();
    let n_columns = values.len().min(width);
    let mean = |column: usize| {
        let part = column * values.len() / n_columns..(column + 1) * values.len() / n_columns;
        let n = part.len();
        values[part].iter().sum::<f64>() / n as f64
    };
    let means: Vec<f64> = (0..n_columns).map(mean).collect();
    let lowest = means.iter().copied().fold(f64::INFINITY, f64::min);
    let highest = means.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let range = if highest > lowest { highest - lowest } else { 1.0 };
    let height = |x: &f64| COLUMNS[((x - lowest) / range * 7.0).round() as usize];
    means.iter().map(height).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let cases = [
            (0.0, "0"),
            (1.23456, "1.235"),
            (-12.34, "-12.3"),
            (123.4, "123"),
            (12345.6, "12,346"),
            (0.0123456, "0.01235"),
            (0.00001234, "1.23e-5"),
            (-1234567.0, "-1,234,567"),
        ];
        for (x, text) in cases {
            assert_eq!(number(x), text, "{x}");
        }
        assert_eq!(
            (thousands(0), thousands(999), thousands(-1000)),
            ("0".into(), "999".into(), "-1,000".into())
        );
    }

    #[test]
    fn spans_have_two_units() {
        let cases =
            [(0.2, "0 s"), (59.6, "1 min 00 s"), (3725.0, "1 h 02 min"), (180_000.0, "2 d 02 h")];
        for (seconds, text) in cases {
            assert_eq!(span(seconds), text);
        }
    }

    #[test]
    fn a_curve_fits_its_width() {
        assert_eq!(sparkline(&[0.0, 7.0], 10), "▁█");
        assert_eq!(sparkline(&[1.0; 3], 10), "▁▁▁");
        assert_eq!(sparkline(&[], 10), "");
        assert_eq!(sparkline(&[f64::NAN, 1.0, 0.0], 10), "█▁");
        let ramp: Vec<f64> = (0..1000).map(f64::from).collect();
        assert_eq!(sparkline(&ramp, 8), "▁▂▃▄▅▆▇█");
    }
}
