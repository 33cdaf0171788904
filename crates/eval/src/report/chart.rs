//! Charts as SVG.

use std::fmt::Write;

use super::escaped;

/// A bar with its whisker.
pub(super) struct Bar {
    pub name: String,
    /// 0 to 1.
    pub value: f64,
    /// The same.
    pub interval: Option<(f64, f64)>,
    /// What stands beside it.
    pub note: String,
    /// Whether it is of this run.
    pub is_marked: bool,
}

/// Units of the drawing: a row's height, and the places of names, bars and notes.
const ROW: usize = 24;
const NAMES: f64 = 250.0;
const BARS: f64 = 420.0;
const WIDTH: f64 = 860.0;

/// Horizontal bars from 0 to 100 %, one a row.
pub(super) fn bars(rows: &[Bar]) -> String {
    let height = rows.len() * ROW + 22;
    let x = |value: f64| NAMES + BARS * value;
    let mut svg = format!("<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\">");
    for percent in [0, 25, 50, 75, 100] {
        let at = x(f64::from(percent) / 100.0);
        let _ = write!(
            svg,
            "<line class=\"grid\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"0\" y2=\"{0}\"/>\
             <text class=\"tick\" x=\"{at:.1}\" y=\"{1}\">{percent}</text>",
            height - 18,
            height - 4
        );
    }
    for (place, row) in rows.iter().enumerate() {
        let (top, middle) = (place * ROW + 4, place * ROW + ROW / 2);
        let class = if row.is_marked { "own" } else { "other" };
        let _ = write!(
            svg,
            "<text class=\"name\" x=\"{:.1}\" y=\"{}\">{}</text>\
             <rect class=\"{class}\" x=\"{NAMES}\" y=\"{top}\" width=\"{:.1}\" height=\"{}\"/>",
            NAMES - 8.0,
            middle + 4,
            escaped(&row.name),
            BARS * row.value.clamp(0.0, 1.0),
            ROW - 8
        );
        if let Some((low, high)) = row.interval {
            let _ = write!(
                svg,
                "<line class=\"whisker\" x1=\"{:.1}\" x2=\"{:.1}\" y1=\"{middle}\" y2=\"{middle}\"/>",
                x(low),
                x(high)
            );
        }
        let end = row.interval.map_or(row.value, |(_, high)| high.max(row.value));
        let _ = write!(
            svg,
            "<text x=\"{:.1}\" y=\"{}\">{}</text>",
            x(end) + 8.0,
            middle + 4,
            escaped(&row.note)
        );
    }
    svg + "</svg>"
}

const COLUMNS: usize = 24;
const PLOT: f64 = 160.0;

/// How many values lie where, right ones below the others in each column.
pub(super) fn histogram(values: &[(usize, bool)]) -> String {
    let max = values.iter().map(|(value, _)| *value).max().unwrap_or(0).max(1);
    let step = round_up(max.div_ceil(COLUMNS));
    let mut columns = vec![[0usize; 2]; max / step + 1];
    for (value, is_right) in values {
        columns[value / step][usize::from(!is_right)] += 1;
    }
    let tallest = columns.iter().map(|[a, b]| a + b).max().unwrap_or(1).max(1) as f64;
    let width = (WIDTH - 60.0) / columns.len() as f64;
    let mut svg = format!("<svg viewBox=\"0 0 {WIDTH} {}\" role=\"img\">", PLOT + 40.0);
    let _ = write!(svg, "<text x=\"0\" y=\"14\">{tallest}</text>");
    for (place, counts) in columns.iter().enumerate() {
        let left = 40.0 + place as f64 * width;
        let mut bottom = PLOT + 10.0;
        for (class, count) in ["right", "wrong"].iter().zip(counts) {
            let height = PLOT * *count as f64 / tallest;
            bottom -= height;
            let _ = write!(
                svg,
                "<rect class=\"{class}\" x=\"{left:.1}\" y=\"{bottom:.1}\" width=\"{:.1}\" \
                 height=\"{height:.1}\"><title>{} to {}: {count} {}</title></rect>",
                width - 2.0,
                place * step,
                (place + 1) * step - 1,
                if *class == "right" { "right" } else { "not right" }
            );
        }
        if place % 4 == 0 {
            let _ = write!(
                svg,
                "<text class=\"tick\" x=\"{left:.1}\" y=\"{}\">{}</text>",
                PLOT + 28.0,
                place * step
            );
        }
    }
    svg + "</svg>"
}

/// The next of 1, 2, 5, 10, 20, 50 …
fn round_up(least: usize) -> usize {
    let mut power = 1;
    loop {
        if let Some(step) = [1, 2, 5].iter().map(|m| m * power).find(|step| *step >= least) {
            return step;
        }
        power *= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_has_its_column() {
        for max in [0, 1, 23, 24, 25, 999, 32_768] {
            let values: Vec<(usize, bool)> =
                (0..=max).step_by(7).map(|v| (v, v % 2 == 0)).collect();
            let svg = histogram(&values);
            assert!(svg.starts_with("<svg") && svg.ends_with("</svg>"), "{max}");
            assert!(svg.matches("<rect").count() <= 2 * (COLUMNS + 1), "{max}");
        }
        assert_eq!([round_up(1), round_up(3), round_up(6), round_up(1366)], [1, 5, 10, 2000]);
    }

    #[test]
    fn names_are_escaped() {
        let row = Bar {
            name: "<b>".into(),
            value: 0.5,
            interval: Some((0.4, 0.6)),
            note: "&".into(),
            is_marked: true,
        };
        let svg = bars(&[row]);
        assert!(svg.contains("&lt;b&gt;") && svg.contains("&amp;") && !svg.contains("<b>"));
    }
}
