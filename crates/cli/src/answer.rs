//! Generated ids as text: thinking and answer apart, stop strings cut off.

use ponder_text::{Piece, ReasoningSplitter, ReasoningState, StreamDecoder, TextError, Tokenizer};

use crate::stop_text::StopText;

/// Which of the two a text belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Between `<think>` and `</think>`.
    Thinking,
    /// All else.
    Answer,
}

/// Collects what one generation writes.
pub struct Answer<'t> {
    tokenizer: &'t Tokenizer,
    /// `None` for raw text, which is all answer.
    splitter: Option<ReasoningSplitter>,
    decoder: StreamDecoder,
    part: Part,
    stops: StopText,
    is_stopped: bool,
    reasoning: String,
    answer: String,
}

impl<'t> Answer<'t> {
    /// For ids that follow `prompt`.
    pub fn new(
        tokenizer: &'t Tokenizer,
        prompt: &[u32],
        is_raw: bool,
        stops: &[String],
    ) -> Answer<'t> {
        let splitter = (!is_raw).then(|| ReasoningSplitter::new(tokenizer, prompt));
        let starts_thinking =
            splitter.as_ref().is_some_and(|s| s.state() == ReasoningState::Thinking);
        Answer {
            tokenizer,
            splitter,
            decoder: StreamDecoder::after(tokenizer, prompt),
            part: if starts_thinking { Part::Thinking } else { Part::Answer },
            stops: StopText::new(stops),
            is_stopped: false,
            reasoning: String::new(),
            answer: String::new(),
        }
    }

    /// Takes the next id; `new_text` gets what it adds to which part. Special tokens add nothing.
    pub fn push(
        &mut self,
        id: u32,
        new_text: &mut impl FnMut(Part, &str),
    ) -> Result<(), TextError> {
        let piece = match &mut self.splitter {
            Some(splitter) => splitter.push(id),
            None => Piece::Answer(id),
        };
        let part = match piece {
            Piece::Reasoning(_) => Part::Thinking,
            Piece::Answer(_) => Part::Answer,
            Piece::Marker(_) => return Ok(()),
        };
        if part != self.part {
            let rest = self.decoder.flush();
            self.add(&rest, new_text);
            self.part = part;
        }
        if self.tokenizer.is_special(id) {
            return Ok(());
        }
        let text = self.decoder.push(self.tokenizer, id)?;
        self.add(&text, new_text);
        Ok(())
    }

    /// Ends the text: what was held back is passed on.
    pub fn finish(&mut self, new_text: &mut impl FnMut(Part, &str)) {
        let rest = self.decoder.flush();
        self.add(&rest, new_text);
        let held = self.stops.finish();
        if !self.is_stopped && !held.is_empty() {
            self.answer.push_str(&held);
            new_text(Part::Answer, &held);
        }
    }

    fn add(&mut self, text: &str, new_text: &mut impl FnMut(Part, &str)) {
        if text.is_empty() || self.is_stopped {
            return;
        }
        if self.part == Part::Thinking {
            self.reasoning.push_str(text);
            return new_text(Part::Thinking, text);
        }
        let (certain, is_stopped) = self.stops.push(text);
        self.is_stopped = is_stopped;
        if !certain.is_empty() {
            self.answer.push_str(&certain);
            new_text(Part::Answer, &certain);
        }
    }

    /// Whether a stop string has ended the answer.
    pub fn is_stopped(&self) -> bool {
        self.is_stopped
    }

    /// The thinking so far, as written.
    pub fn reasoning(&self) -> &str {
        &self.reasoning
    }

    /// The answer so far, as written.
    pub fn text(&self) -> &str {
        &self.answer
    }

    /// Tokens of thinking so far, marks not counted.
    pub fn reasoning_tokens(&self) -> usize {
        self.splitter.as_ref().map_or(0, ReasoningSplitter::reasoning_tokens)
    }
}
