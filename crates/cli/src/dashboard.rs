//! A run while it goes on: a bar, curves and the time left on a terminal; elsewhere a plain line
//! now and then.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use ponder_model::thousands;
use serde::Serialize;
use serde_json::Value;

use crate::figures;
use crate::terminal::Terminal;

/// What is shown of a step, if the stage measures it, in this order.
const SHOWN: [&str; 8] =
    ["reward", "accuracy", "length", "entropy", "loss", "mtp_loss", "max_load", "grad_norm"];

/// Columns of a curve.
const CURVE_WIDTH: usize = 40;

/// Between two plain lines.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Share of the old speed in the new: about the last ten steps count.
const SPEED_MEMORY: f64 = 0.9;

/// A run on the screen.
pub struct Dashboard {
    terminal: Terminal,
    stage: String,
    total_steps: u64,
    bar: Option<ProgressBar>,
    /// Of each metric that is shown, every value so far.
    curves: Vec<(&'static str, Vec<f64>)>,
    last: Instant,
    last_line: Option<Instant>,
    steps_done: u64,
    steps_said: u64,
    last_tokens: Option<f64>,
    /// Seconds of a step and tokens of one, smoothed.
    pace: Option<(f64, f64)>,
}

impl Dashboard {
    /// Begins to show `stage` of `total_steps`.
    pub fn new(terminal: &Terminal, stage: &str, total_steps: u64) -> Dashboard {
        let bar = terminal.shows_progress().then(|| new_bar(stage, total_steps));
        Dashboard {
            terminal: *terminal,
            stage: stage.to_owned(),
            total_steps,
            bar,
            curves: Vec::new(),
            last: Instant::now(),
            last_line: None,
            steps_done: 0,
            steps_said: 0,
            last_tokens: None,
            pace: None,
        }
    }

    /// Shows a step: its line of metrics, with `step` counted from 0 and `tokens` so far.
    pub fn step(&mut self, metrics: &impl Serialize) {
        if self.terminal.quiet {
            return;
        }
        let Ok(Value::Object(line)) = serde_json::to_value(metrics) else { return };
        let number = |key: &str| line.get(key).and_then(Value::as_f64);
        self.measure_pace(number("tokens"));
        for key in SHOWN {
            let Some(x) = number(key) else { continue };
            match self.curves.iter_mut().find(|(name, _)| *name == key) {
                Some((_, values)) => values.push(x),
                None => self.curves.push((key, vec![x])),
            }
        }
        self.steps_done = number("step").map_or(0, |step| step as u64 + 1);
        let is_due = self.last_line.is_none_or(|last| last.elapsed() >= LINE_EVERY);
        match &self.bar {
            Some(bar) => {
                bar.set_message(self.picture());
                bar.set_position(self.steps_done);
            }
            None if is_due || self.steps_done == self.total_steps => self.say(),
            None => {}
        }
    }

    /// Leaves the last picture on the screen, or says where it ended.
    pub fn finish(mut self) {
        match &self.bar {
            Some(bar) => bar.abandon(),
            None if self.steps_done > self.steps_said => self.say(),
            None => {}
        }
    }

    fn measure_pace(&mut self, tokens: Option<f64>) {
        let now = Instant::now();
        let seconds = now.duration_since(self.last).as_secs_f64();
        self.last = now;
        let Some(tokens) = tokens else { return };
        // Where a resumed run stands is known only after its first step.
        let Some(before) = self.last_tokens.replace(tokens) else { return };
        let step = (seconds, tokens - before);
        let mix = |old: f64, new: f64| SPEED_MEMORY * old + (1.0 - SPEED_MEMORY) * new;
        self.pace = Some(match self.pace {
            None => step,
            Some(old) => (mix(old.0, step.0), mix(old.1, step.1)),
        });
    }

    /// Speed and time left.
    fn outlook(&self) -> String {
        let Some((seconds, tokens)) = self.pace else { return "measuring speed".to_owned() };
        let left = self.total_steps.saturating_sub(self.steps_done) as f64 * seconds;
        let speed = thousands((tokens / seconds).round() as i64);
        format!("{speed} tokens/s, {} left", figures::span(left))
    }

    fn picture(&self) -> String {
        let mut lines = Vec::new();
        for (name, values) in &self.curves {
            let now = figures::number(values.last().copied().unwrap_or_default());
            let curve = figures::sparkline(values, CURVE_WIDTH);
            let name = self.terminal.dim(&format!("{name:>10}"));
            lines.push(format!("{name} {now:>9}  {curve}"));
        }
        lines.push(self.terminal.dim(&format!("{:>10} {}", "", self.outlook())));
        lines.join("\n")
    }

    /// A plain line.
    fn say(&mut self) {
        (self.last_line, self.steps_said) = (Some(Instant::now()), self.steps_done);
        let values = self.curves.iter().map(|(name, values)| {
            format!("{name} {}", figures::number(values.last().copied().unwrap_or_default()))
        });
        let values = values.collect::<Vec<_>>().join("  ");
        let (stage, done, total) = (&self.stage, self.steps_done, self.total_steps);
        eprintln!("{stage} {done}/{total}  {values}  {}", self.outlook());
    }
}

fn new_bar(stage: &str, total_steps: u64) -> ProgressBar {
    let style =
        ProgressStyle::with_template("{prefix:>10} {pos}/{len} {wide_bar} {percent}%\n{msg}");
    let bar = ProgressBar::with_draw_target(Some(total_steps), ProgressDrawTarget::stderr());
    bar.set_style(style.expect("the template is well formed"));
    bar.set_prefix(stage.to_owned());
    bar
}
