//! A bar for what takes over a second, on a terminal only.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::terminal::Terminal;

/// What is done sooner needs no bar.
const PATIENCE: Duration = Duration::from_secs(1);

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
            self.bar = Some(new_bar(total_bytes));
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

fn new_bar(total_bytes: u64) -> ProgressBar {
    const TEMPLATE: &str =
        "{msg} {wide_bar} {decimal_bytes}/{decimal_total_bytes} {decimal_bytes_per_sec} {eta}";
    let style = ProgressStyle::with_template(TEMPLATE).expect("the template is well formed");
    let bar = ProgressBar::with_draw_target(Some(total_bytes), ProgressDrawTarget::stderr());
    bar.set_style(style);
    bar.set_message("loading");
    bar
}
