//! What can go wrong in an evaluation.

use std::path::{Path, PathBuf};

use ponder_engine::EngineError;
use ponder_text::TextError;
use thiserror::Error;

/// Why an evaluation cannot start or go on.
#[derive(Debug, Error)]
pub enum EvalError {
    /// A file is not what a benchmark needs.
    #[error("{path}: {what}\nhint: {hint}")]
    Data {
        /// The file, with the record where one is at fault.
        path: String,
        /// What is wrong with it.
        what: String,
        /// What to do.
        hint: String,
    },
    /// Something asked for does not exist or does not fit.
    #[error("{what}\nhint: {hint}")]
    Usage {
        /// What is wrong.
        what: String,
        /// What to do.
        hint: String,
    },
    /// Reading or writing failed.
    #[error("{path}: {source}\nhint: the disk may be full, or the folder not writable")]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// The endpoint, the engine or the sandbox cannot work at all.
    #[error("{what}\nhint: {hint}")]
    Failed {
        /// What failed, in its own words.
        what: String,
        /// What to do.
        hint: String,
    },
    /// The engine stopped.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A prompt cannot be written, or a reply cannot be read.
    #[error(transparent)]
    Text(#[from] TextError),
}

impl EvalError {
    /// Whether the user's input is at fault, and not the machine.
    pub fn is_bad_input(&self) -> bool {
        match self {
            EvalError::Data { .. } | EvalError::Usage { .. } | EvalError::Text(_) => true,
            EvalError::Engine(error) => matches!(error, EngineError::Refused(_)),
            EvalError::Io { .. } | EvalError::Failed { .. } => false,
        }
    }
}

/// A file that is not what a benchmark needs.
pub fn bad_data(path: &Path, what: impl Into<String>, hint: impl Into<String>) -> EvalError {
    EvalError::Data { path: path.display().to_string(), what: what.into(), hint: hint.into() }
}

/// Something asked for that does not exist or does not fit.
pub fn usage(what: impl Into<String>, hint: impl Into<String>) -> EvalError {
    EvalError::Usage { what: what.into(), hint: hint.into() }
}

/// Turns an I/O error into one that names its file.
pub fn at(path: &Path) -> impl FnOnce(std::io::Error) -> EvalError {
    let path = path.to_owned();
    move |source| EvalError::Io { path, source }
}
