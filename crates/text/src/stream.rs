//! Text from ids as they come: whole characters only.

use crate::error::TextError;
use crate::token_bytes::LeadingSpaces;
use crate::tokenizer::Tokenizer;

/// Turns ids into text piece by piece, holding back the bytes of an unfinished character.
///
/// All pieces together, [`StreamDecoder::flush`] included, are what [`Tokenizer::decode`] gives
/// for all ids together.
#[derive(Clone, Debug)]
pub struct StreamDecoder {
    /// The beginning of a character whose end has not come yet: at most 3 bytes between calls.
    pending: Vec<u8>,
    leading: LeadingSpaces,
}

impl StreamDecoder {
    /// For ids at the beginning of a text.
    pub fn new(tokenizer: &Tokenizer) -> Self {
        StreamDecoder { pending: Vec::new(), leading: tokenizer.leading_spaces() }
    }

    /// For ids that continue `prompt`: a SentencePiece-style tokenizer's leading space is dropped
    /// only where no text stands before it.
    pub fn after(tokenizer: &Tokenizer, prompt: &[u32]) -> Self {
        let mut this = Self::new(tokenizer);
        if !prompt.iter().all(|&id| tokenizer.is_control(id)) {
            this.leading.count_max = 0;
        }
        this
    }

    /// The characters that `id` completes: often all of its text, sometimes none.
    pub fn push(&mut self, tokenizer: &Tokenizer, id: u32) -> Result<String, TextError> {
        let mut text = String::new();
        self.push_onto(tokenizer, id, &mut text)?;
        Ok(text)
    }

    pub(crate) fn push_onto(
        &mut self,
        tokenizer: &Tokenizer,
        id: u32,
        text: &mut String,
    ) -> Result<(), TextError> {
        let mut bytes = tokenizer.token_bytes(id).ok_or_else(|| TextError::UnknownId {
            id,
            last: tokenizer.vocab_size().saturating_sub(1) as u32,
        })?;
        if self.leading.count_max > 0 {
            // Control tokens print their own text, and what follows is no beginning any more.
            while !tokenizer.is_control(id)
                && self.leading.count_max > 0
                && bytes.first() == Some(&b' ')
            {
                bytes = &bytes[1..];
                self.leading.count_max -= 1;
            }
            if !bytes.is_empty() || self.leading.first_token_only {
                self.leading.count_max = 0;
            }
        }
        if self.pending.is_empty()
            && let Ok(whole) = std::str::from_utf8(bytes)
        {
            text.push_str(whole);
            return Ok(());
        }
        self.pending.extend_from_slice(bytes);
        self.drain_onto(text);
        Ok(())
    }

    /// Moves all complete characters, and U+FFFD for every sequence that can be none, to `text`.
    fn drain_onto(&mut self, text: &mut String) {
        let mut done = 0;
        loop {
            match std::str::from_utf8(&self.pending[done..]) {
                Ok(rest) => {
                    text.push_str(rest);
                    done = self.pending.len();
                    break;
                }
                Err(error) => {
                    let valid = done + error.valid_up_to();
                    text.push_str(&String::from_utf8_lossy(&self.pending[done..valid]));
                    done = valid;
                    match error.error_len() {
                        Some(invalid) => {
                            text.push(char::REPLACEMENT_CHARACTER);
                            done += invalid;
                        }
                        None => break,
                    }
                }
            }
        }
        self.pending.drain(..done);
    }

    /// Ends the text: an unfinished character becomes U+FFFD.
    pub fn flush(&mut self) -> String {
        let text = String::from_utf8_lossy(&self.pending).into_owned();
        self.pending.clear();
        text
    }
}
