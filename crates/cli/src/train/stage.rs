//! What the stages share: flags, the tokenizer's files, progress, and publishing.

use std::fs;
use std::path::Path;

use anyhow::Context;
use ponder_text::vocabulary::Vocabulary;
use ponder_train::parameters::Parameters;
use ponder_train::publish;
use ponder_train::record::{self, About};
use serde::Serialize;

use crate::backend::BackendArgs;
use crate::dashboard::Dashboard;
use crate::exit::Interrupted;
use crate::interrupt::Interrupt;
use crate::terminal::Terminal;

const TOKENIZER_FILES: [&str; 2] = ["tokenizer.json", "tokenizer_config.json"];

/// Flags of every stage.
#[derive(Debug, clap::Args)]
pub struct CommonArgs {
    /// Decides initial weights, problems and samples: the same seed gives the same run.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    #[command(flatten)]
    pub backend: BackendArgs,
}

/// What a stage talks to.
pub struct Desk {
    /// Where it is shown.
    pub terminal: Terminal,
    /// What stops it.
    pub interrupt: Interrupt,
}

impl Desk {
    /// Takes over Ctrl-C, once in a process: the first stops the stage after the step at hand, a
    /// second the program.
    pub fn new(terminal: &Terminal) -> anyhow::Result<Desk> {
        Ok(Desk { terminal: *terminal, interrupt: Interrupt::install(true)? })
    }
}

/// Writes a learnt tokenizer as the published files.
pub fn write_tokenizer(vocabulary: &Vocabulary, dir: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(dir).with_context(|| format!("{}", dir.display()))?;
    for (name, value) in TOKENIZER_FILES.iter().zip([&vocabulary.tokenizer, &vocabulary.config]) {
        let path = dir.join(name);
        fs::write(&path, format!("{value:#}\n")).with_context(|| format!("{}", path.display()))?;
    }
    Ok(())
}

/// Gives a trained model the tokenizer of the one it started from.
pub fn copy_tokenizer(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to).with_context(|| format!("{}", to.display()))?;
    for name in TOKENIZER_FILES {
        let path = from.join(name);
        fs::copy(&path, to.join(name)).with_context(|| format!("{}", path.display()))?;
    }
    Ok(())
}

/// Notes what a run is about.
pub fn describe(dir: &Path, stage: &str, model: &str) -> anyhow::Result<()> {
    fs::create_dir_all(dir).with_context(|| format!("{}", dir.display()))?;
    Ok(record::describe(dir, &About { stage: stage.into(), model: model.into() })?)
}

/// Writes the trained model beside its tokenizer.
pub fn publish(parameters: &Parameters, dir: &Path, terminal: &Terminal) -> anyhow::Result<()> {
    publish::publish(parameters, dir)?;
    terminal.note(&format!("the model is in {}", dir.display()));
    Ok(())
}

/// A stage that goes on: shown on the screen, and stopped by Ctrl-C after the step at hand.
pub struct Watch<'a> {
    dashboard: Dashboard,
    interrupt: &'a Interrupt,
}

impl<'a> Watch<'a> {
    /// Begins to show `stage` of so many steps.
    pub fn new(desk: &'a Desk, stage: &str, steps: u64) -> Watch<'a> {
        desk.interrupt.watch();
        let dashboard = Dashboard::new(&desk.terminal, stage, steps);
        Watch { dashboard, interrupt: &desk.interrupt }
    }

    /// Shows a step. Whether training goes on.
    pub fn step(&mut self, report: &impl Serialize) -> bool {
        self.dashboard.step(report);
        !self.interrupt.is_stopped()
    }

    /// Ends the show; an error if the stage was stopped.
    pub fn finish(self) -> anyhow::Result<()> {
        self.dashboard.finish();
        if self.interrupt.unwatch() { Err(Interrupted.into()) } else { Ok(()) }
    }
}
