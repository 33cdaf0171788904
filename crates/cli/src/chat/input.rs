//! Lines from the user: editing, history, texts of several lines.

use std::path::PathBuf;

use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Config, Editor, Helper};

const PROMPT: &str = "> ";
/// Begins and ends a text of several lines.
const FENCE: &str = "\"\"\"";

/// Reads what the user writes.
pub struct Input {
    editor: Editor<MultiLine, FileHistory>,
    history: Option<PathBuf>,
}

/// What came.
#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    /// A text, without the marks of its several lines.
    Text(String),
    /// The user dropped the line with Ctrl-C.
    Dropped,
    /// The user left.
    End,
}

impl Input {
    /// An editor with the history of earlier conversations.
    pub fn open() -> anyhow::Result<Input> {
        let config = Config::builder().auto_add_history(true).history_ignore_space(true).build();
        let mut editor = Editor::with_config(config)?;
        editor.set_helper(Some(MultiLine));
        let history = history_path();
        if let Some(path) = &history {
            // There is none the first time, and a damaged one is no reason not to talk.
            let _ = editor.load_history(path);
        }
        Ok(Input { editor, history })
    }

    /// Reads one text.
    pub fn read(&mut self) -> anyhow::Result<Line> {
        match self.editor.readline(PROMPT) {
            Ok(text) => Ok(Line::Text(unwrap(&text))),
            Err(ReadlineError::Interrupted) => Ok(Line::Dropped),
            Err(ReadlineError::Eof) => Ok(Line::End),
            Err(error) => Err(error.into()),
        }
    }

    /// Keeps the history for the next conversation, readable by the user alone.
    pub fn save(&mut self) {
        if let Some(path) = &self.history
            && path.parent().is_some_and(|dir| std::fs::create_dir_all(dir).is_ok())
        {
            // History is a convenience: that it cannot be kept is no failure of the chat.
            let _ = self.editor.save_history(path);
        }
    }
}

/// `$XDG_STATE_HOME/ponder/history`, else below `~/.local/state`.
fn history_path() -> Option<PathBuf> {
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|p| p.is_absolute());
    let state = absolute("XDG_STATE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state")))?;
    Some(state.join("ponder/history"))
}

/// Knows when a text goes on in the next line.
struct MultiLine;

impl Helper for MultiLine {}
impl Completer for MultiLine {
    type Candidate = String;
}
impl Hinter for MultiLine {
    type Hint = String;
}
impl Highlighter for MultiLine {}
impl Validator for MultiLine {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        Ok(match goes_on(context.input()) {
            true => ValidationResult::Incomplete,
            false => ValidationResult::Valid(None),
        })
    }
}

fn goes_on(text: &str) -> bool {
    match text.trim_start().strip_prefix(FENCE) {
        Some(rest) => !rest.trim_end().ends_with(FENCE),
        None => text.ends_with('\\'),
    }
}

/// The text without fences and continuation marks.
fn unwrap(text: &str) -> String {
    let fenced = text.trim().strip_prefix(FENCE).and_then(|rest| rest.strip_suffix(FENCE));
    match fenced {
        Some(inner) => inner.trim_matches('\n').to_owned(),
        None => text.replace("\\\n", "\n").trim().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_several_lines() {
        let cases = [
            ("one", false, "one"),
            ("one\\", true, "one\\"),
            ("one\\\ntwo", false, "one\ntwo"),
            ("\"\"\"", true, "\"\"\""),
            ("\"\"\"a\nb", true, "\"\"\"a\nb"),
            ("\"\"\"\na\n\nb\n\"\"\"", false, "a\n\nb"),
            ("", false, ""),
        ];
        for (text, is_incomplete, want) in cases {
            assert_eq!(goes_on(text), is_incomplete, "{text:?}");
            assert_eq!(unwrap(text), want, "{text:?}");
        }
    }
}
