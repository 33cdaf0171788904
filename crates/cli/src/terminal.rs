//! What the output goes to: a terminal with or without colour, or a file or pipe.

use std::io::IsTerminal;

/// How to write to standard output and standard error.
#[derive(Clone, Copy, Debug)]
pub struct Terminal {
    /// Whether standard output is a terminal.
    pub stdout: bool,
    /// Whether standard error is one.
    pub stderr: bool,
    /// Whether standard input is one.
    pub stdin: bool,
    /// Whether dim and bold may be used there.
    pub colour: bool,
    /// Whether only the result is wanted.
    pub quiet: bool,
}

impl Terminal {
    /// Looks at the streams and at `NO_COLOR` (any value but the empty one) and `TERM`.
    pub fn detect(quiet: bool) -> Terminal {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let is_dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        Terminal {
            stdout: std::io::stdout().is_terminal(),
            stderr: std::io::stderr().is_terminal(),
            stdin: std::io::stdin().is_terminal(),
            colour: !no_color && !is_dumb,
            quiet,
        }
    }

    /// Whether progress may be drawn on standard error.
    pub fn shows_progress(&self) -> bool {
        self.stderr && !self.quiet
    }

    /// `text` in dim letters. Every piece ends its own style, so an interruption leaves none.
    pub fn dim(&self, text: &str) -> String {
        match self.colour && !text.is_empty() {
            true => format!("\x1b[2m{text}\x1b[22m"),
            false => text.to_owned(),
        }
    }

    /// A remark on standard error, for people only.
    pub fn note(&self, text: &str) {
        if self.shows_progress() {
            eprintln!("{}", self.dim(text));
        }
    }

    /// An error on standard error: what and where, then what to do.
    pub fn error(&self, what: &str, hint: &str) {
        let label = match self.colour && self.stderr {
            true => "\x1b[1;31merror:\x1b[0m",
            false => "error:",
        };
        eprintln!("{label} {what}\nhint: {hint}");
    }
}
