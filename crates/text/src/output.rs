//! Generated ids as text: thinking and answer apart, stop strings cut off.

use crate::error::TextError;
use crate::reasoning::{Piece, ReasoningSplitter, ReasoningState};
use crate::stop_text::StopText;
use crate::stream::StreamDecoder;
use crate::tokenizer::Tokenizer;

/// Which of the two a text belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Between `<think>` and `</think>`.
    Thinking,
    /// All else.
    Answer,
}

/// Turns the ids of one generation into text. Keeps only what is not certain yet.
#[derive(Clone, Debug)]
pub struct OutputText {
    /// `None` for raw text, which is all answer.
    splitter: Option<ReasoningSplitter>,
    decoder: StreamDecoder,
    part: Part,
    stops: StopText,
    /// Which stop string has ended the answer.
    stopped_by: Option<usize>,
}

impl OutputText {
    /// For ids that follow `prompt`.
    pub fn new(
        tokenizer: &Tokenizer,
        prompt: &[u32],
        is_raw: bool,
        stops: &[String],
    ) -> OutputText {
        let splitter = (!is_raw).then(|| ReasoningSplitter::new(tokenizer, prompt));
        let starts_thinking =
            splitter.as_ref().is_some_and(|s| s.state() == ReasoningState::Thinking);
        OutputText {
            splitter,
            decoder: StreamDecoder::after(tokenizer, prompt),
            part: if starts_thinking { Part::Thinking } else { Part::Answer },
            stops: StopText::new(stops),
            stopped_by: None,
        }
    }

    /// Takes the next id; `new_text` gets what it adds to which part. Special tokens add nothing.
    pub fn push(
        &mut self,
        tokenizer: &Tokenizer,
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
        if tokenizer.is_special(id) {
            return Ok(());
        }
        let text = self.decoder.push(tokenizer, id)?;
        self.add(&text, new_text);
        Ok(())
    }

    /// Ends the text: what was held back is passed on.
    pub fn finish(&mut self, new_text: &mut impl FnMut(Part, &str)) {
        let rest = self.decoder.flush();
        self.add(&rest, new_text);
        let held = self.stops.finish();
        if self.stopped_by.is_none() && !held.is_empty() {
            new_text(Part::Answer, &held);
        }
    }

    fn add(&mut self, text: &str, new_text: &mut impl FnMut(Part, &str)) {
        if text.is_empty() || self.stopped_by.is_some() {
            return;
        }
        if self.part == Part::Thinking {
            return new_text(Part::Thinking, text);
        }
        let (certain, stopped_by) = self.stops.push(text);
        self.stopped_by = stopped_by;
        if !certain.is_empty() {
            new_text(Part::Answer, &certain);
        }
    }

    /// Which of the stop strings has ended the answer, if one has.
    pub fn stopped_by(&self) -> Option<usize> {
        self.stopped_by
    }

    /// Whether the thinking is open: what comes belongs to it.
    pub fn is_thinking(&self) -> bool {
        self.splitter.as_ref().is_some_and(|s| s.state() == ReasoningState::Thinking)
    }

    /// Tokens of thinking so far, marks not counted.
    pub fn reasoning_tokens(&self) -> usize {
        self.splitter.as_ref().map_or(0, ReasoningSplitter::reasoning_tokens)
    }
}
