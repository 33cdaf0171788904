//! What can go wrong in training.

use std::path::{Path, PathBuf};

use ponder_model::ModelError;
use ponder_text::TextError;

/// The result of training's functions.
pub type Result<T> = std::result::Result<T, TrainError>;

/// Why training stopped.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// The model or its files.
    #[error(transparent)]
    Model(#[from] ModelError),

    /// A file of the run could not be read or written.
    #[error("{path}: {source}\nhint: is the disk full, or the run folder someone else's?")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },

    /// A file of the run does not hold what the trainer wrote.
    #[error("{path}: {found}, expected {expected}\nhint: {hint}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is there.
        found: String,
        /// What should be.
        expected: String,
        /// What to try.
        hint: &'static str,
    },

    /// Another process trains in the folder.
    #[error(
        "{dir}: another process trains here\n\
         hint: wait for it or stop it, or choose another folder"
    )]
    Busy {
        /// The folder of the run.
        dir: PathBuf,
    },

    /// A text could not be made or read.
    #[error(transparent)]
    Text(#[from] TextError),

    /// A mixture of problems that cannot be drawn from.
    #[error("mixture: {what}\nhint: give each task and level a weight, at least one above 0")]
    Mixture {
        /// What is wrong.
        what: String,
    },

    /// The loss or a gradient is no number any more.
    #[error(
        "step {step}: the {what} is {value}\n\
         hint: lower the learning rate, or go on from an earlier checkpoint with another seed"
    )]
    Diverged {
        /// The step, from 0.
        step: u64,
        /// `loss` or `gradient norm`.
        what: &'static str,
        /// Its value.
        value: f64,
    },

    /// The data source has nothing to train on.
    #[error("step {step}: no document has a token to learn from\nhint: {hint}")]
    NoData {
        /// The step, from 0.
        step: u64,
        /// What to try.
        hint: &'static str,
    },
}

impl TrainError {
    pub(crate) fn io(path: &Path, source: std::io::Error) -> TrainError {
        TrainError::Io { path: path.to_owned(), source }
    }
}
