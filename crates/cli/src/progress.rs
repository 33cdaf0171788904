//! A bar for what takes over a second, on a terminal only.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::terminal::Terminal;

/// What is done sooner needs no bar.
pub const PATIENCE: Duration = Duration::from_secs(1);

/// Progress of loading, in bytes.
pub struct LoadProgress {
    is_shown: bool,
    start: Instant,
    bar: Option<ProgressBar>,
    loaded_bytes: u64,
}

impl LoadProgress {
    /// Starts the clock.
    pub fn new(terminal: &Terminal) -> LoadProgress {
        let is_shown = terminal.shows_progress();
        LoadProgress { is_shown, start: Instant::now(), bar: None, loaded_bytes: 0 }
    }

    /// Notes how far it is.
    pub fn set(&mut self, loaded_bytes: u64, total_bytes: u64) {
        self.loaded_bytes = loaded_bytes;
        if self.bar.is_none() && self.is_shown && self.start.elapsed() > PATIENCE {
            self.bar = Some(new_bar(total_bytes, "loading"));
        }
        if let Some(bar) = &self.bar {
            bar.set_position(loaded_bytes);
        }
    }

    /// Takes the bar away. Returns the seconds it took, and says so if they were worth a bar.
    pub fn finish(self, what: &str, terminal: &Terminal) -> f64 {
        let seconds = self.start.elapsed().as_secs_f64();
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
            let gigabytes = self.loaded_bytes as f64 / 1e9;
            let rate = gigabytes / seconds;
            terminal.note(&format!("{what}: {gigabytes:.2} GB in {seconds:.1} s, {rate:.1} GB/s"));
        }
        seconds
    }
}

/// Progress of an evaluation, in samples, with the score so far.
pub struct SampleProgress {
    bar: Option<ProgressBar>,
    judged: usize,
    right: usize,
}

impl SampleProgress {
    /// A bar for `missing` samples beside `done` from before.
    pub fn new(terminal: &Terminal, done: usize, missing: usize) -> SampleProgress {
        let bar = terminal.shows_progress().then(|| {
            let total = Some((done + missing) as u64);
            let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr());
            let template = "{msg} {wide_bar} {pos}/{len} samples {eta}";
            bar.set_style(
                ProgressStyle::with_template(template).expect("the template is well formed"),
            );
            bar.set_position(done as u64);
            bar.reset_eta();
            bar
        });
        SampleProgress { bar, judged: 0, right: 0 }
    }

    /// Notes a sample, and whether it is right if that is known already.
    pub fn add(&mut self, is_right: Option<bool>) {
        let Some(bar) = &self.bar else { return };
        bar.inc(1);
        if let Some(is_right) = is_right {
            self.judged += 1;
            self.right += usize::from(is_right);
            let (n, share) = (self.judged as f64, self.right as f64 / self.judged as f64);
            let error = (share * (1.0 - share) / n).sqrt();
            bar.set_message(format!("{:.1} ± {:.1} % right", 100.0 * share, 100.0 * error));
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Progress of many alike things; shared between threads.
pub struct CountProgress {
    bar: Option<ProgressBar>,
}

impl CountProgress {
    /// A bar for `total` things.
    pub fn new(terminal: &Terminal, what: &'static str, total: usize) -> CountProgress {
        let bar = terminal.shows_progress().then(|| {
            let total = Some(total as u64);
            let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {eta}");
            bar.set_style(style.expect("the template is well formed"));
            bar.set_message(what);
            bar
        });
        CountProgress { bar }
    }

    /// Notes one more.
    pub fn add(&self) {
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// A bar in bytes.
pub fn new_bar(total_bytes: u64, message: &'static str) -> ProgressBar {
    const TEMPLATE: &str =
        "{msg} {wide_bar} {decimal_bytes}/{decimal_total_bytes} {decimal_bytes_per_sec} {eta}";
    let style = ProgressStyle::with_template(TEMPLATE).expect("the template is well formed");
    let bar = ProgressBar::with_draw_target(Some(total_bytes), ProgressDrawTarget::stderr());
    bar.set_style(style);
    bar.set_message(message);
    bar
}
