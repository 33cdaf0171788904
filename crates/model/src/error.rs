//! What can be wrong with a model that comes from outside: each message says what, where, what was
//! found against what was expected, and what to do about it.

use std::path::{Path, PathBuf};

use crate::checkpoint::TensorProblems;

/// The result of reading a model.
pub type Result<T> = std::result::Result<T, ModelError>;

/// Why a model cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The system refused to open or read something.
    #[error("{}: {source}\nhint: {hint}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
        /// What to try.
        hint: &'static str,
    },
    /// A folder or file is not laid out like a checkpoint.
    #[error("{}: {problem}\nhint: {hint}", path.display())]
    Layout {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
        /// What to try.
        hint: &'static str,
    },
    /// A JSON file does not parse.
    #[error("{}: broken JSON: {detail}\nhint: {hint}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// The parser's reason, with line and column.
        detail: String,
        /// What to try.
        hint: &'static str,
    },
    /// A value of `config.json` is missing, absurd or not supported.
    #[error("{}: `{field}` is {found}, expected {expected}\nhint: {hint}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// The key, as the file spells it.
        field: String,
        /// What stands there.
        found: String,
        /// What may stand there.
        expected: String,
        /// What to try.
        hint: &'static str,
    },
    /// `architectures` names something this program does not run.
    #[error(
        "{}: architecture {found} is not supported; supported are {supported}\n\
         hint: Ponder runs DeepSeek-V3/R1 checkpoints and the distilled Qwen2 and Llama models",
        path.display()
    )]
    UnknownArchitecture {
        /// The file.
        path: PathBuf,
        /// The declared name.
        found: String,
        /// The names that are supported.
        supported: String,
    },
    /// A name that is neither a path nor a built-in model.
    #[error(
        "`{name}` is no built-in model; known are {known}\nhint: give a folder or one of these"
    )]
    UnknownModel {
        /// What was asked for.
        name: String,
        /// The built-in names.
        known: String,
    },
    /// A safetensors file is damaged or not one.
    #[error("{}: not a valid safetensors file: {problem}\nhint: {hint}", path.display())]
    Safetensors {
        /// The file.
        path: PathBuf,
        /// What is wrong, with found and expected values.
        problem: String,
        /// What to try.
        hint: &'static str,
    },
    /// One tensor that is needed is not there.
    #[error(
        "{}: tensor `{name}` is missing\n\
         hint: the weights and the config may come from different models; `ponder inspect` shows both",
        path.display()
    )]
    MissingTensor {
        /// The checkpoint.
        path: PathBuf,
        /// The tensor.
        name: String,
    },
    /// One tensor has another shape than the config asks for.
    #[error(
        "{}: tensor `{name}` is {found:?}, config.json asks for {expected:?}\n\
         hint: the weights and the config may come from different models; `ponder inspect` shows both",
        path.display()
    )]
    TensorShape {
        /// The file that holds it.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// Its shape.
        found: Vec<usize>,
        /// The shape that follows from the config.
        expected: Vec<usize>,
    },
    /// One tensor has a number format that its role does not allow.
    #[error(
        "{}: tensor `{name}` is stored as {found}, expected {expected}\n\
         hint: convert this checkpoint with the tool that made it",
        path.display()
    )]
    TensorDtype {
        /// The file that holds it.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// Its format.
        found: &'static str,
        /// The formats allowed.
        expected: &'static str,
    },
    /// A tensor holds a value that no computation survives.
    #[error(
        "{}: tensor `{name}` holds {found} at element {element}, expected {expected}\n\
         hint: the file is damaged or was written by a run that diverged; fetch or write it again",
        path.display()
    )]
    TensorValue {
        /// The file that holds it.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// Index of the first such element, row-major.
        element: usize,
        /// The value.
        found: f32,
        /// The values allowed.
        expected: &'static str,
    },
    /// The checkpoint's tensors are not those of its config: everything that differs, at once.
    #[error(
        "{}: the weights do not match config.json: {problems}\n\
         hint: the weights and the config may come from different models; `ponder inspect` shows both",
        path.display()
    )]
    Tensors {
        /// The checkpoint.
        path: PathBuf,
        /// Missing, misshaped, mistyped and extra tensors.
        problems: Box<TensorProblems>,
    },
}

impl ModelError {
    /// An [`ModelError::Io`] with the hint that fits the system's reason.
    pub(crate) fn io(path: &Path, source: std::io::Error) -> ModelError {
        use std::io::ErrorKind;
        let hint = match source.kind() {
            ErrorKind::NotFound => "check the spelling; `--model` takes a folder or a known name",
            ErrorKind::PermissionDenied => {
                "ask for read permission, or copy it to where you have it"
            }
            _ => "check that it is a readable file on a working disk",
        };
        ModelError::Io { path: path.to_owned(), source, hint }
    }
}
