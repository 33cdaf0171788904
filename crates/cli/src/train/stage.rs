//! What the stages share: flags, the tokenizer's files, progress, and publishing.

use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use ponder_text::vocabulary::Vocabulary;
use ponder_train::checkpoint;
use ponder_train::record::{self, About};
use ponder_train::trainer::{StepReport, Trainer};

use crate::backend::BackendArgs;
use crate::terminal::Terminal;

const TOKENIZER_FILES: [&str; 2] = ["tokenizer.json", "tokenizer_config.json"];

/// Flags of every stage.
#[derive(clap::Args)]
pub struct CommonArgs {
    /// Decides initial weights, problems and samples: the same seed gives the same run.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    #[command(flatten)]
    pub backend: BackendArgs,
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
pub fn publish(trainer: &Trainer, dir: &Path, terminal: &Terminal) -> anyhow::Result<()> {
    checkpoint::publish(trainer.parameters(), dir)?;
    terminal.note(&format!("the model is in {}", dir.display()));
    Ok(())
}

/// Progress of a stage.
pub struct Watch {
    bar: ProgressBar,
    start: Option<(Instant, u64)>,
}

impl Watch {
    /// For a run of so many steps.
    pub fn new(terminal: &Terminal, steps: u64) -> Watch {
        let bar =
            if terminal.shows_progress() { ProgressBar::new(steps) } else { ProgressBar::hidden() };
        let style = ProgressStyle::with_template("step {pos}/{len} {wide_bar} {msg} {eta}");
        bar.set_style(style.expect("the template is well formed"));
        Watch { bar, start: None }
    }

    /// Shows a step; training always goes on.
    pub fn step(&mut self, report: &StepReport) -> bool {
        let (start, tokens) = *self.start.get_or_insert((Instant::now(), report.tokens));
        let rate = (report.tokens - tokens) as f64 / start.elapsed().as_secs_f64().max(1e-3);
        self.bar.set_position(report.step + 1);
        self.bar.set_message(format!("loss {:.3}, {rate:.0} tokens/s", report.loss));
        true
    }
}
