//! A curve as inline SVG: thin what was measured, thick its running mean. Colours come from the
//! page's style, so that they follow the reader's light or dark screen.

use std::fmt::Write;

use maud::{Markup, html};

use crate::figures;

/// Size of the drawing, and the margins that hold its numbers.
const WIDTH: f64 = 380.0;
const HEIGHT: f64 = 190.0;
const LEFT: f64 = 52.0;
const RIGHT: f64 = 8.0;
const TOP: f64 = 8.0;
const BOTTOM: f64 = 22.0;

/// A curve has no more points than a screen shows.
const MAX_POINTS: usize = 300;
/// The running mean is over this share of the points before.
const MEAN_SHARE: f64 = 0.05;
/// Lines at round numbers.
const N_TICKS: f64 = 4.0;
/// Colours that the style names `--line-0` and so on.
const N_COLOURS: usize = 8;

/// Values by step.
pub struct Line {
    /// What it is, where a chart has several.
    pub label: String,
    /// Step and value, by step; every number finite.
    pub points: Vec<(f64, f64)>,
}

/// The ranges that a chart shows.
struct Frame {
    x: (f64, f64),
    y: (f64, f64),
}

impl Frame {
    fn of(lines: &[Line]) -> Frame {
        let points = || lines.iter().flat_map(|line| &line.points);
        let range = |values: &mut dyn Iterator<Item = f64>| {
            let (low, high) =
                values.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (v.min(l), v.max(h)));
            if low < high { (low, high) } else { (low - 0.5, low + 0.5) }
        };
        let (low, high) = range(&mut points().map(|point| point.1));
        let margin = 0.04 * (high - low);
        let x = range(&mut points().map(|point| point.0));
        Frame { x, y: (low - margin, high + margin) }
    }

    fn place(&self, (x, y): (f64, f64)) -> (f64, f64) {
        let share = |(low, high): (f64, f64), value: f64| (value - low) / (high - low);
        let across = LEFT + share(self.x, x) * (WIDTH - LEFT - RIGHT);
        let down = TOP + (1.0 - share(self.y, y)) * (HEIGHT - TOP - BOTTOM);
        (across, down)
    }
}

/// A chart with a title, of one line or several with a legend.
pub fn chart(title: &str, lines: &[Line]) -> Markup {
    let frame = Frame::of(lines);
    let last = |line: &Line| line.points.last().map_or(0.0, |point| point.1);
    let colour = |i: usize| format!("var(--line-{})", i % N_COLOURS);
    let bottom = HEIGHT - BOTTOM;
    html! {
        figure {
            figcaption {
                b { (title) }
                @if let [line] = lines { " " (figures::number(last(line))) }
            }
            svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label=(title) {
                @for y in ticks(frame.y) {
                    @let (_, down) = frame.place((frame.x.0, y));
                    line class="grid" x1=(LEFT) x2=(WIDTH - RIGHT) y1=(down) y2=(down) {}
                    text class="y" x=(LEFT - 5.0) y=(down + 3.5) { (tick_label(y)) }
                }
                @for x in ticks(frame.x) {
                    @let (across, _) = frame.place((x, frame.y.0));
                    text class="x" x=(across) y=(bottom + 15.0) { (tick_label(x)) }
                }
                @for (i, line) in lines.iter().enumerate() {
                    @let points = thin(&line.points);
                    @if lines.len() == 1 {
                        polyline class="raw" stroke=(colour(i)) points=(path(&frame, &points)) {}
                    }
                    polyline class="mean" stroke=(colour(i))
                        points=(path(&frame, &running_mean(&points))) {
                        title { (line.label) " " (figures::number(last(line))) }
                    }
                }
            }
            @if lines.len() > 1 {
                ul class="legend" {
                    @for (i, line) in lines.iter().enumerate() {
                        li style=(format!("--own:{}", colour(i))) {
                            (line.label) " " (figures::number(last(line)))
                        }
                    }
                }
            }
        }
    }
}

/// Round numbers in a range, about four.
fn ticks((low, high): (f64, f64)) -> Vec<f64> {
    let rough = (high - low) / N_TICKS;
    let power = 10f64.powf(rough.log10().floor());
    let step = match rough / power {
        7.5.. => 10.0,
        3.5.. => 5.0,
        1.5.. => 2.0,
        _ => 1.0,
    } * power;
    let first = (low / step).ceil() as i64;
    let last = (high / step).floor() as i64;
    (first..=last).map(|i| i as f64 * step).collect()
}

/// Round numbers need no zeros behind the point.
fn tick_label(x: f64) -> String {
    let text = figures::number(x);
    match text.contains(['e', ',']) || !text.contains('.') {
        true => text,
        false => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
    }
}

/// At most [`MAX_POINTS`], each the mean of its neighbours.
fn thin(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let n_points = points.len().min(MAX_POINTS);
    let mean = |i: usize| {
        let part = &points[i * points.len() / n_points..(i + 1) * points.len() / n_points];
        let n = part.len() as f64;
        (part.iter().map(|p| p.0).sum::<f64>() / n, part.iter().map(|p| p.1).sum::<f64>() / n)
    };
    (0..n_points).map(mean).collect()
}

fn running_mean(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let width = ((points.len() as f64 * MEAN_SHARE) as usize).max(1);
    let mean = |i: usize| {
        let part = &points[(i + 1).saturating_sub(width)..=i];
        (points[i].0, part.iter().map(|p| p.1).sum::<f64>() / part.len() as f64)
    };
    (0..points.len()).map(mean).collect()
}

fn path(frame: &Frame, points: &[(f64, f64)]) -> String {
    let mut text = String::new();
    for point in points {
        let (across, down) = frame.place(*point);
        write!(text, "{across:.1},{down:.1} ").expect("a string takes everything");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(points: &[(f64, f64)]) -> Line {
        Line { label: "a <b>".into(), points: points.to_vec() }
    }

    #[test]
    fn ticks_are_round_and_inside() {
        assert_eq!(ticks((0.0, 2.0)), [0.0, 0.5, 1.0, 1.5, 2.0]);
        assert_eq!(ticks((-3.0, 8.0)), [-2.0, 0.0, 2.0, 4.0, 6.0, 8.0]);
        assert_eq!(ticks((100.0, 900.0)), [200.0, 400.0, 600.0, 800.0]);
    }

    #[test]
    fn curves_stay_inside_the_drawing() {
        let cases: [&[(f64, f64)]; 4] = [
            &[(0.0, 1.0)],
            &[(0.0, 1.0), (1.0, 1.0)],
            &[(0.0, -1e9), (5.0, 1e9)],
            &(0..5000).map(|i| (f64::from(i), f64::from(i % 7))).collect::<Vec<_>>(),
        ];
        for points in cases {
            let lines = [line(points)];
            let frame = Frame::of(&lines);
            for point in running_mean(&thin(points)) {
                let (across, down) = frame.place(point);
                assert!((LEFT..=WIDTH).contains(&across) && (TOP..=HEIGHT).contains(&down));
            }
            let text = chart("x", &lines).into_string();
            assert!(text.contains("<polyline") && !text.contains("NaN"), "{text}");
            assert!(text.contains("a &lt;b&gt;") && text.len() < 20_000);
        }
    }
}
