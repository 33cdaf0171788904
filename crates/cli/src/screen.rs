//! Shows a text as it is written: thinking dim, the answer plain, a blank line between them.

use std::io::{Result, Write};

use crate::terminal::Terminal;
use ponder_text::Part;

/// Where the streamed parts go. The answer always goes to standard output; thinking joins it on a
/// terminal, and otherwise goes to standard error if that is one: a file gets the answer alone.
pub struct Screen<'w> {
    out: Box<dyn Write + 'w>,
    err: Box<dyn Write + 'w>,
    terminal: Terminal,
    /// Raw text is shown to the letter; other text without empty lines around its parts.
    is_raw: bool,
    last: Option<Part>,
    /// White space that is shown only if something follows it.
    pending: String,
    ends_with_newline: bool,
}

impl<'w> Screen<'w> {
    /// A screen on the process's own streams.
    pub fn new(terminal: &Terminal, is_raw: bool) -> Screen<'static> {
        Screen::on(Box::new(std::io::stdout()), Box::new(std::io::stderr()), terminal, is_raw)
    }

    fn on(
        out: Box<dyn Write + 'w>,
        err: Box<dyn Write + 'w>,
        terminal: &Terminal,
        is_raw: bool,
    ) -> Screen<'w> {
        Screen {
            out,
            err,
            terminal: *terminal,
            is_raw,
            last: None,
            pending: String::new(),
            ends_with_newline: true,
        }
    }

    /// Shows more of a part.
    pub fn show(&mut self, part: Part, text: &str) -> Result<()> {
        if part == Part::Thinking && (self.terminal.quiet || !self.shows_thinking()) {
            return Ok(());
        }
        if self.is_raw {
            return self.put(part, text);
        }
        let is_new = self.last != Some(part);
        if is_new {
            self.pending.clear();
        }
        self.pending.push_str(text);
        if is_new {
            let start = self.pending.len() - self.pending.trim_start_matches(['\n', '\r']).len();
            self.pending.drain(..start);
        }
        let end = self.pending.trim_end().len();
        if end == 0 {
            return Ok(());
        }
        if is_new {
            self.begin(part)?;
        }
        let rest = self.pending.split_off(end);
        let text = std::mem::replace(&mut self.pending, rest);
        self.put(part, &text)
    }

    /// Ends the last line.
    pub fn finish(&mut self) -> Result<()> {
        if !self.ends_with_newline {
            let out = self.stream(self.last.unwrap_or(Part::Answer));
            writeln!(out)?;
            out.flush()?;
        }
        self.ends_with_newline = true;
        Ok(())
    }

    fn shows_thinking(&self) -> bool {
        self.terminal.stdout || self.terminal.stderr
    }

    fn stream(&mut self, part: Part) -> &mut (dyn Write + 'w) {
        match part {
            Part::Thinking if !self.terminal.stdout => &mut self.err,
            _ => &mut self.out,
        }
    }

    /// Sets a part apart from the one before; where nothing can be dim, with a heading.
    fn begin(&mut self, part: Part) -> Result<()> {
        let is_second = self.last.is_some();
        if let Some(last) = self.last {
            let gap = if self.terminal.stdout { "\n\n" } else { "\n" };
            self.stream(last).write_all(gap.as_bytes())?;
        }
        self.last = Some(part);
        let heading = match part {
            _ if self.terminal.colour => return Ok(()),
            Part::Thinking => "[thinking]\n",
            Part::Answer if is_second && self.terminal.stdout => "[answer]\n",
            Part::Answer => return Ok(()),
        };
        self.stream(part).write_all(heading.as_bytes())
    }

    fn put(&mut self, part: Part, text: &str) -> Result<()> {
        let is_shown = self.terminal.stdout || part == Part::Thinking;
        let text = if is_shown { printable(text) } else { text.to_owned() };
        let text = if part == Part::Thinking { self.terminal.dim(&text) } else { text };
        self.last = Some(part);
        self.ends_with_newline = text.ends_with('\n');
        let out = self.stream(part);
        out.write_all(text.as_bytes())?;
        out.flush()
    }
}

/// What a model writes must not steer the terminal: control characters become U+FFFD.
fn printable(text: &str) -> String {
    let is_harmless = |c: char| !c.is_control() || c == '\n' || c == '\t';
    text.chars().map(|c| if is_harmless(c) { c } else { char::REPLACEMENT_CHARACTER }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIECES: [(Part, &str); 6] = [
        (Part::Thinking, "\nLet me"),
        (Part::Thinking, " see.\n"),
        (Part::Thinking, "\n"),
        (Part::Answer, "\n\n"),
        (Part::Answer, "It is "),
        (Part::Answer, "42.\n\n"),
    ];

    /// What standard output and standard error get.
    fn shown(stdout: bool, stderr: bool, colour: bool, quiet: bool) -> (String, String) {
        let terminal = Terminal { stdout, stderr, stdin: true, colour, quiet };
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut screen = Screen::on(Box::new(&mut out), Box::new(&mut err), &terminal, false);
        for (part, text) in PIECES {
            screen.show(part, text).unwrap();
        }
        screen.finish().unwrap();
        drop(screen);
        (String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
    }

    #[test]
    fn thinking_stands_apart_from_the_answer() {
        let dim = "\x1b[2mLet me\x1b[22m\x1b[2m see.\x1b[22m";
        let cases = [
            ((true, true, true, false), format!("{dim}\n\nIt is 42.\n"), String::new()),
            (
                (true, true, false, false),
                "[thinking]\nLet me see.\n\n[answer]\nIt is 42.\n".into(),
                String::new(),
            ),
            ((true, true, true, true), "It is 42.\n".into(), String::new()),
            ((false, true, true, false), "It is 42.\n".into(), format!("{dim}\n")),
            ((false, false, true, false), "It is 42.\n".into(), String::new()),
        ];
        for ((stdout, stderr, colour, quiet), out, err) in cases {
            let name = format!("stdout {stdout}, stderr {stderr}, colour {colour}, quiet {quiet}");
            assert_eq!(shown(stdout, stderr, colour, quiet), (out, err), "{name}");
        }
    }

    #[test]
    fn a_terminal_is_not_steered_by_the_model() {
        let show = |stdout| {
            let terminal =
                Terminal { stdout, stderr: true, stdin: true, colour: true, quiet: false };
            let mut out = Vec::new();
            let mut screen = Screen::on(Box::new(&mut out), Box::new(Vec::new()), &terminal, true);
            screen.show(Part::Answer, "a\x1b[2Jb\tc\r\u{9b}1m").unwrap();
            screen.finish().unwrap();
            drop(screen);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(show(true), "a\u{fffd}[2Jb\tc\u{fffd}\u{fffd}1m\n");
        assert_eq!(show(false), "a\x1b[2Jb\tc\r\u{9b}1m\n", "a file gets every byte");
    }
}
