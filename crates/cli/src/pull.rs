//! `ponder pull`: a checkpoint from a hub into the cache.

use std::io::Write;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use ponder_hub::{Event, ModelName, Pulled};
use serde::Serialize;

use crate::hub;
use crate::interrupt::Interrupt;
use crate::progress::{PATIENCE, new_bar};
use crate::terminal::Terminal;

/// Flags of `ponder pull`.
#[derive(clap::Args)]
pub struct Args {
    /// The model on the hub: OWNER/NAME, or OWNER/NAME@REVISION.
    #[arg(value_name = "NAME")]
    model: String,
    /// A branch, tag or commit; `main` unless given.
    #[arg(long, value_name = "R")]
    revision: Option<String>,
    /// Files that are fetched side by side.
    #[arg(long, value_name = "N", default_value_t = 4)]
    #[arg(value_parser = clap::value_parser!(u8).range(1..=16))]
    connections: u8,
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    pulled: Pulled,
    seconds: f64,
}

/// Runs `ponder pull`.
pub fn run(args: &Args, terminal: &Terminal) -> anyhow::Result<()> {
    let name = ModelName::parse(&args.model, args.revision.as_deref())?;
    let options = hub::options(usize::from(args.connections))?;
    // Ctrl-C ends the program at once: what has arrived is kept.
    Interrupt::install(true)?;
    let watcher = Watcher::new(*terminal);
    let pulled = ponder_hub::pull(&options, &name, &|event| watcher.on(event));
    let seconds = watcher.finish();
    let report = Report { pulled: pulled?, seconds };
    if args.json {
        return crate::inspect::print(true, &report, String::new);
    }
    let mut out = std::io::stdout().lock();
    if !terminal.quiet {
        let Pulled { model, revision, commit, files, bytes, fetched_bytes, .. } = &report.pulled;
        let size = |bytes: &u64| indicatif::DecimalBytes(*bytes).to_string();
        let (bytes, fetched, commit) = (size(bytes), size(fetched_bytes), &commit[..7]);
        write!(out, "{model}: {files} files, {bytes}, {fetched} of it fetched now ")?;
        writeln!(out, "({revision}, {commit})")?;
    }
    writeln!(out, "{}", report.pulled.folder.display())?;
    Ok(())
}

/// Shows a pull on a terminal: a bar, and what went wrong on the way.
pub struct Watcher {
    terminal: Terminal,
    start: Instant,
    state: Mutex<State>,
}

struct State {
    total_bytes: u64,
    kept_bytes: u64,
    bar: Option<ProgressBar>,
}

impl Watcher {
    /// One that has seen nothing yet.
    pub fn new(terminal: Terminal) -> Watcher {
        let state = Mutex::new(State { total_bytes: 0, kept_bytes: 0, bar: None });
        Watcher { terminal, start: Instant::now(), state }
    }

    /// Called from every transfer's thread.
    pub fn on(&self, event: Event) {
        let mut state = self.state.lock().expect("nothing panics while it holds this");
        match event {
            Event::Listed { total_bytes, kept_bytes, .. } => {
                (state.total_bytes, state.kept_bytes) = (total_bytes, kept_bytes);
            }
            Event::Position { bytes } => {
                let is_due = self.terminal.shows_progress() && self.start.elapsed() > PATIENCE;
                if state.bar.is_none() && is_due {
                    let bar = new_bar(state.total_bytes, "pulling");
                    // What was here before says nothing of the speed.
                    bar.set_position(state.kept_bytes);
                    bar.reset_eta();
                    state.bar = Some(bar);
                }
                if let Some(bar) = &state.bar {
                    bar.set_position(bytes);
                }
            }
            Event::Retry { what, wait } => {
                let seconds = wait.max(Duration::from_millis(100)).as_secs_f64();
                self.note(&state, &format!("{what}; trying again in {seconds:.1} s"));
            }
            Event::Locked { file } => {
                self.note(&state, &format!("{file}: another program fetches it; waiting"));
            }
        }
    }

    fn note(&self, state: &State, text: &str) {
        match &state.bar {
            Some(bar) => bar.suspend(|| self.terminal.note(text)),
            None => self.terminal.note(text),
        }
    }

    /// Takes the bar away. Returns the seconds since the start.
    pub fn finish(self) -> f64 {
        let state = self.state.into_inner().expect("nothing panics while it holds this");
        if let Some(bar) = state.bar {
            bar.finish_and_clear();
        }
        self.start.elapsed().as_secs_f64()
    }
}
