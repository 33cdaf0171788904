//! Answers that `ponder train reject` kept, as something to learn from.

use std::path::Path;

use ponder_train::data::TextFormat;
use ponder_train::dialogues;
use ponder_train::sft::Dialogue;
use toml::Table;

use crate::exit::usage;

/// The dialogues in a folder that `ponder train reject` wrote, in a model's format.
pub fn read(dir: &Path, format: &TextFormat) -> anyhow::Result<Vec<Dialogue>> {
    let path = dir.join(dialogues::FILE_NAME);
    let kept = dialogues::read(&path)?;
    if kept.is_empty() {
        return Err(usage(
            format!("{}: no dialogue in it", path.display()),
            "--answers takes the folder that `ponder train reject --out` named",
        ));
    }
    let dialogues = kept.iter().map(|dialogue| dialogue.dialogue(format));
    Ok(dialogues.collect::<Result<_, _>>()?)
}

/// What a run's options say of them.
pub fn record(dir: &Path, n_epochs: u64) -> Table {
    let mut table = Table::new();
    table.insert("answers".to_owned(), dir.display().to_string().into());
    table.insert("epochs".to_owned(), (n_epochs as i64).into());
    table
}
