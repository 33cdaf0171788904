//! Exit codes, and errors as two lines: what and where, then a hint.

use std::io::ErrorKind;
use std::process::ExitCode;

use ponder_engine::EngineError;
use ponder_eval::EvalError;
use ponder_hub::HubError;
use ponder_model::ModelError;
use ponder_server::ServerError;
use ponder_server::load::LoadError;
use ponder_text::TextError;
use ponder_train::TrainError;

use crate::terminal::Terminal;

const FAILED: u8 = 1;
const BAD_INPUT: u8 = 2;
/// As shells report a program that a SIGINT ended.
pub const INTERRUPTED: u8 = 130;

/// Wrong usage or bad input that the command line itself notices.
#[derive(Debug, thiserror::Error)]
#[error("{what}\nhint: {hint}")]
pub struct Usage {
    /// What is wrong, and where.
    pub what: String,
    /// What to do.
    pub hint: String,
}

/// The user pressed Ctrl-C.
#[derive(Debug, thiserror::Error)]
#[error("interrupted")]
pub struct Interrupted;

/// An error of the user's making.
pub fn usage(what: impl Into<String>, hint: impl Into<String>) -> anyhow::Error {
    Usage { what: what.into(), hint: hint.into() }.into()
}

/// Reports an error and gives the exit code that fits it.
pub fn from_error(error: &anyhow::Error, terminal: &Terminal) -> ExitCode {
    if error.is::<Interrupted>() {
        return ExitCode::from(INTERRUPTED);
    }
    // Whoever read our output has seen enough of it.
    let is_broken_pipe = |cause: &(dyn std::error::Error + 'static)| {
        cause.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == ErrorKind::BrokenPipe)
    };
    if error.chain().any(is_broken_pipe) {
        return ExitCode::SUCCESS;
    }
    let text = error.to_string();
    let (what, hint) = text.split_once("\nhint: ").unwrap_or((
        &text,
        "this is not about the input; `ponder doctor` shows what the machine has",
    ));
    terminal.error(what, hint);
    ExitCode::from(if is_bad_input(error) { BAD_INPUT } else { FAILED })
}

fn is_bad_input(error: &anyhow::Error) -> bool {
    if let Some(error) = error.downcast_ref::<EngineError>() {
        return matches!(error, EngineError::Refused(_) | EngineError::Option { .. });
    }
    if let Some(error) = error.downcast_ref::<TrainError>() {
        return !matches!(error, TrainError::Io { .. } | TrainError::Diverged { .. });
    }
    if let Some(error) = error.downcast_ref::<HubError>() {
        return error.is_bad_input();
    }
    if let Some(error) = error.downcast_ref::<ServerError>() {
        return matches!(error, ServerError::Listen { .. } | ServerError::Tls { .. });
    }
    if let Some(error) = error.downcast_ref::<EvalError>() {
        return error.is_bad_input();
    }
    if let Some(error) = error.downcast_ref::<LoadError>() {
        return !matches!(error, LoadError::System(_));
    }
    error.is::<Usage>() || error.is::<ModelError>() || error.is::<TextError>()
}

/// Prints help where it was asked for, else the parser's complaint in our form.
pub fn from_clap(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        // Help or version; that nobody reads it is no failure.
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    let is_help = error.kind() == clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
    if is_help {
        let _ = error.print();
        return ExitCode::from(BAD_INPUT);
    }
    let text = error.to_string();
    let mut paragraphs = text.split("\n\n");
    let what = paragraphs.next().unwrap_or_default().trim_start_matches("error: ");
    let tip = paragraphs.find_map(|part| part.trim().strip_prefix("tip: "));
    let hint = tip.unwrap_or("`ponder --help` and `ponder COMMAND --help` list what there is");
    let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    Terminal::detect(false).error(&one_line(what), &one_line(hint));
    ExitCode::from(BAD_INPUT)
}
