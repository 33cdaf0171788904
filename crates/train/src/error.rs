//! What can go wrong in training.

use std::path::{Path, PathBuf};

use ponder_engine::EngineError;
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

    /// The engine that samples.
    #[error(transparent)]
    Engine(#[from] EngineError),

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

    /// Sampler and trainer do not agree to the bit.
    #[error(
        "step {step}: {tokens} of {of} log-probabilities of the sampler differ from the trainer's, \
         by up to {largest:e}\n\
         hint: this is a defect of a kernel, or weights changed during a rollout; report it with \
         the output of `ponder doctor`"
    )]
    Mismatch {
        /// The step, from 0.
        step: u64,
        /// Tokens whose bits differ.
        tokens: u64,
        /// Tokens compared.
        of: u64,
        /// The largest difference.
        largest: f64,
    },

    /// An option that cannot be.
    #[error("option `{name}` is {found}, expected {expected}\nhint: change this option")]
    Option {
        /// The option.
        name: &'static str,
        /// Its value.
        found: String,
        /// What it can be.
        expected: &'static str,
    },

    /// The tokenizer lacks what answers are taken apart by.
    #[error(
        "the tokenizer has no token {name}\n\
         hint: reinforcement learning needs R1's control tokens; make the vocabulary with them"
    )]
    NoMark {
        /// The token.
        name: &'static str,
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
