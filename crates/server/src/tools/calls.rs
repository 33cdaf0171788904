//! Reads calls off the generated ids. Only the marks' own tokens count: text that looks like one
//! decides nothing.
//!
//! R1 writes `function<sep>NAME`, a fenced block of JSON, V3.1 and later `NAME<sep>JSON`. The word
//! before the separator tells which.

use ponder_text::{StreamDecoder, TextError, Tokenizer};

use super::CallMarks;

/// What stands between a name and its arguments in R1's form.
const OPEN: &str = "\n```json\n";
/// What stands after the arguments.
const CLOSE: &str = "\n```";
/// A name longer than this is none.
const MAX_NAME_BYTES: usize = 256;

/// Something new about a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallPart {
    /// A call begins.
    Begin {
        /// Its place among the calls of the answer.
        index: usize,
        /// The function.
        name: String,
    },
    /// More of its arguments, JSON text.
    Arguments {
        /// Its place.
        index: usize,
        /// The text.
        text: String,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// No call yet: ids are text.
    Text,
    /// Among calls.
    Between,
    /// Before the separator.
    Head,
    /// After it, before the arguments.
    Name,
    /// In the arguments.
    Arguments,
    /// After all calls.
    Done,
}

/// Reads the calls of one answer.
#[derive(Clone, Debug)]
pub struct CallReader {
    marks: CallMarks,
    max_calls: usize,
    state: State,
    decoder: StreamDecoder,
    /// Text of the part at hand that is not passed on: a head, a name, the end of arguments that
    /// may be the closing fence.
    held: String,
    is_fenced: bool,
    n_calls: usize,
}

impl CallReader {
    /// For an answer that has not begun; calls beyond `max_calls` are left out.
    pub fn new(marks: CallMarks, max_calls: usize, tokenizer: &Tokenizer) -> CallReader {
        CallReader {
            marks,
            max_calls,
            state: State::Text,
            decoder: StreamDecoder::new(tokenizer),
            held: String::new(),
            is_fenced: false,
            n_calls: 0,
        }
    }

    /// Calls that have begun.
    pub fn n_calls(&self) -> usize {
        self.n_calls
    }

    /// Takes an id of the answer. Whether it belonged to the calls; if not it is text.
    pub fn push(
        &mut self,
        tokenizer: &Tokenizer,
        id: u32,
        out: &mut Vec<CallPart>,
    ) -> Result<bool, TextError> {
        let marks = self.marks;
        if id == marks.call_begin {
            self.end_arguments(out);
            self.state = if self.n_calls < self.max_calls { State::Head } else { State::Done };
        } else if id == marks.calls_begin {
            self.state = State::Between;
        } else if id == marks.calls_end {
            self.end_arguments(out);
            self.state = State::Done;
        } else if id == marks.call_end {
            self.end_arguments(out);
            if self.state != State::Text {
                self.state = State::Between;
            }
        } else if id == marks.separator && self.state == State::Head {
            let head = std::mem::take(&mut self.held);
            self.is_fenced = head.trim() == "function";
            if self.is_fenced {
                self.state = State::Name;
            } else {
                self.begin(head.trim(), out);
            }
        } else if self.state == State::Text {
            return Ok(false);
        } else {
            let text = self.decoder.push(tokenizer, id)?;
            self.add(&text, out);
        }
        Ok(true)
    }

    /// Ends the answer: what was cut off is passed on as it is.
    pub fn finish(&mut self, out: &mut Vec<CallPart>) {
        self.end_arguments(out);
        self.state = State::Done;
    }

    fn add(&mut self, text: &str, out: &mut Vec<CallPart>) {
        match self.state {
            State::Head if self.held.len() < MAX_NAME_BYTES => self.held.push_str(text),
            State::Name => {
                self.held.push_str(text);
                self.find_arguments(out);
            }
            State::Arguments => {
                self.held.push_str(text);
                self.release(out);
            }
            State::Text | State::Between | State::Head | State::Done => {}
        }
    }

    /// Looks for the end of the name.
    fn find_arguments(&mut self, out: &mut Vec<CallPart>) {
        if let Some(place) = self.held.find(OPEN) {
            let rest = self.held.split_off(place + OPEN.len());
            let name = std::mem::replace(&mut self.held, rest);
            self.begin(name[..place].trim(), out);
            self.release(out);
        } else if let Some(place) = self.held.find('{') {
            // Without the fence: the arguments begin where the object does.
            let rest = self.held.split_off(place);
            let name = std::mem::replace(&mut self.held, rest);
            self.begin(name.trim().trim_end_matches("```json").trim(), out);
            self.release(out);
        } else if self.held.len() > MAX_NAME_BYTES {
            self.held.clear();
            self.state = State::Between;
        }
    }

    fn begin(&mut self, name: &str, out: &mut Vec<CallPart>) {
        out.push(CallPart::Begin { index: self.n_calls, name: name.to_owned() });
        self.n_calls += 1;
        self.state = State::Arguments;
    }

    /// Passes on what cannot be the beginning of the closing fence.
    fn release(&mut self, out: &mut Vec<CallPart>) {
        let is_start = |place: &usize| CLOSE.starts_with(&self.held[*place..]);
        let from = self.held.len().saturating_sub(CLOSE.len());
        let places = (from..self.held.len()).filter(|i| self.held.is_char_boundary(*i));
        let certain = places.into_iter().find(is_start).unwrap_or(self.held.len());
        let rest = self.held.split_off(certain);
        let text = std::mem::replace(&mut self.held, rest);
        self.arguments(text, out);
    }

    fn end_arguments(&mut self, out: &mut Vec<CallPart>) {
        let rest = self.decoder.flush();
        self.add(&rest, out);
        let held = std::mem::take(&mut self.held);
        if self.state == State::Arguments {
            let text = if held == CLOSE { String::new() } else { held };
            self.arguments(text, out);
        }
    }

    fn arguments(&mut self, text: String, out: &mut Vec<CallPart>) {
        if text.is_empty() {
            return;
        }
        let index = self.n_calls - 1;
        match out.last_mut() {
            Some(CallPart::Arguments { index: last, text: so_far }) if *last == index => {
                so_far.push_str(&text);
            }
            _ => out.push(CallPart::Arguments { index, text }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ponder_text::ControlTokens;
    use std::path::Path;

    fn tokenizer() -> Tokenizer {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../text/tests/fixtures");
        Tokenizer::from_dir(&dir).unwrap()
    }

    /// The text before the calls, and the calls as (name, arguments).
    fn read(text: &str, max_calls: usize) -> (String, Vec<(String, String)>) {
        let tokenizer = tokenizer();
        let marks = CallMarks::of(&tokenizer).unwrap();
        let mut reader = CallReader::new(marks, max_calls, &tokenizer);
        let (mut before, mut out) = (Vec::new(), Vec::new());
        for id in tokenizer.encode(text, ControlTokens::Parse).unwrap() {
            if !reader.push(&tokenizer, id, &mut out).unwrap() {
                before.push(id);
            }
        }
        reader.finish(&mut out);
        let mut calls: Vec<(String, String)> = Vec::new();
        for part in out {
            match part {
                CallPart::Begin { name, .. } => calls.push((name, String::new())),
                CallPart::Arguments { index, text } => calls[index].1.push_str(&text),
            }
        }
        (tokenizer.decode(&before).unwrap(), calls)
    }

    #[test]
    fn calls_are_read_in_both_forms() {
        let call = |name: &str, arguments: &str| (name.to_owned(), arguments.to_owned());
        let r1 = "Well.<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>f\n```json\n\
                  {\"a\": \"``\\n\"}\n```<｜tool▁call▁end｜>\n<｜tool▁call▁begin｜>function<｜tool▁sep｜>g\n\
                  ```json\n{}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜> after";
        let both = vec![call("f", "{\"a\": \"``\\n\"}"), call("g", "{}")];
        assert_eq!(read(r1, 9), ("Well.".to_owned(), both.clone()));
        assert_eq!(read(r1, 1), ("Well.".to_owned(), both[..1].to_vec()));
        let newer = "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>{\"a\":1}<｜tool▁call▁end｜>";
        assert_eq!(read(newer, 9), (String::new(), vec![call("f", "{\"a\":1}")]));
        let bare = "<｜tool▁call▁begin｜>function<｜tool▁sep｜>f\n{\"a\":1}";
        assert_eq!(read(bare, 9), (String::new(), vec![call("f", "{\"a\":1}")]));
        let cut =
            "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>f\n```json\n{\"a\n";
        assert_eq!(read(cut, 9), (String::new(), vec![call("f", "{\"a\n")]));
        let none = "no <call> here";
        assert_eq!(read(none, 9), (none.to_owned(), Vec::new()));
    }
}
