//! The bytes each token stands for, and the rule for the start of a text.

use std::collections::HashMap;
use std::ops::Range;

use serde_json::Value;

/// What a decoder strips from the beginning of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LeadingSpaces {
    /// At most this many spaces.
    pub count_max: usize,
    /// Only those of the first token.
    pub first_token_only: bool,
}

/// How tokens are spelled in the vocabulary.
#[derive(Clone, Debug)]
pub(crate) enum Spelling {
    /// Every byte of text is one printable character (GPT-2's table).
    ByteLevel,
    /// Characters as they are after `replace`; single bytes as `<0xNN>` where `byte_fallback`.
    Pieces { replace: Vec<(String, String)>, byte_fallback: bool, leading: LeadingSpaces },
}

impl Spelling {
    /// Reads the `decoder` of a tokenizer.json; the error names what is not supported.
    pub fn from_decoder(decoder: &Value) -> Result<Self, String> {
        let mut is_byte_level = false;
        let mut replace = Vec::new();
        let mut byte_fallback = false;
        let mut leading = LeadingSpaces { count_max: 0, first_token_only: false };
        let steps = match decoder["type"].as_str() {
            Some("Sequence") => decoder["decoders"].as_array().map_or(&[][..], Vec::as_slice),
            _ => std::slice::from_ref(decoder),
        };
        for step in steps {
            let kind = step["type"].as_str().unwrap_or("none");
            match kind {
                "ByteLevel" => is_byte_level = true,
                "Fuse" => {}
                "ByteFallback" => byte_fallback = true,
                "Replace" => match (step["pattern"]["String"].as_str(), step["content"].as_str()) {
                    (Some(from), Some(to)) if !from.is_empty() => {
                        replace.push((from.to_owned(), to.to_owned()));
                    }
                    _ => return Err("decoder `Replace` without a plain pattern".into()),
                },
                "Strip" if step["content"] == " " && step["stop"].as_u64().unwrap_or(0) == 0 => {
                    leading.count_max = step["start"].as_u64().unwrap_or(0) as usize;
                }
                "Metaspace" => {
                    let mark = step["replacement"].as_str().unwrap_or("▁");
                    replace.push((mark.to_owned(), " ".to_owned()));
                    if step["prepend_scheme"] != "never" && step["add_prefix_space"] != false {
                        leading = LeadingSpaces { count_max: usize::MAX, first_token_only: true };
                    }
                }
                other => return Err(format!("decoder `{other}`")),
            }
        }
        match (is_byte_level, replace.is_empty() && !byte_fallback) {
            (true, true) => Ok(Spelling::ByteLevel),
            (true, false) => Err("decoder `ByteLevel` together with others".into()),
            (false, _) => Ok(Spelling::Pieces { replace, byte_fallback, leading }),
        }
    }

    /// What is stripped where a text begins.
    pub fn leading(&self) -> LeadingSpaces {
        match self {
            Spelling::ByteLevel => LeadingSpaces { count_max: 0, first_token_only: false },
            Spelling::Pieces { leading, .. } => *leading,
        }
    }

    /// The bytes that the vocabulary entry `token` stands for.
    fn bytes(&self, token: &str, byte_of_char: &HashMap<char, u8>) -> Vec<u8> {
        match self {
            // An entry with a character outside the table stands for itself.
            Spelling::ByteLevel => token
                .chars()
                .map(|c| byte_of_char.get(&c).copied())
                .collect::<Option<Vec<u8>>>()
                .unwrap_or_else(|| token.as_bytes().to_vec()),
            Spelling::Pieces { replace, byte_fallback, .. } => {
                let mut text = token.to_owned();
                for (from, to) in replace {
                    text = text.replace(from, to);
                }
                match fallback_byte(&text) {
                    Some(byte) if *byte_fallback => vec![byte],
                    _ => text.into_bytes(),
                }
            }
        }
    }
}

/// The byte named by `<0xNN>`.
fn fallback_byte(token: &str) -> Option<u8> {
    let digits = token.strip_prefix("<0x")?.strip_suffix('>')?;
    let is_hex = digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_hexdigit());
    is_hex.then(|| u8::from_str_radix(digits, 16).ok()).flatten()
}

/// GPT-2's table: printable bytes are themselves, the others follow from U+0100 in order.
fn byte_of_char() -> HashMap<char, u8> {
    let mut next = 256;
    (0..=255u8)
        .map(|byte| match byte {
            b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF => (char::from(byte), byte),
            _ => {
                let c = char::from_u32(next).expect("U+0100..U+0144 are characters");
                next += 1;
                (c, byte)
            }
        })
        .collect()
}

/// The same table from bytes.
pub(crate) fn char_of_byte() -> [char; 256] {
    let mut chars = ['\0'; 256];
    for (char, byte) in byte_of_char() {
        chars[usize::from(byte)] = char;
    }
    chars
}

/// The bytes of all tokens, by id.
#[derive(Clone, Debug)]
pub(crate) struct TokenBytes {
    bytes: Vec<u8>,
    spans: Vec<Option<Range<usize>>>,
}

impl TokenBytes {
    /// `model` are the vocabulary's entries, `added` the added tokens, which stand for their own
    /// text and take precedence. `vocab_size` is beyond the highest id.
    pub fn new<'a>(
        spelling: &Spelling,
        vocab_size: usize,
        model: impl Iterator<Item = (&'a str, u32)>,
        added: impl Iterator<Item = (&'a str, u32)>,
    ) -> Self {
        let table = byte_of_char();
        let mut this = TokenBytes { bytes: Vec::new(), spans: vec![None; vocab_size] };
        for (token, id) in model {
            this.set(id, &spelling.bytes(token, &table));
        }
        for (token, id) in added {
            this.set(id, token.as_bytes());
        }
        this
    }

    fn set(&mut self, id: u32, bytes: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        self.spans[id as usize] = Some(start..self.bytes.len());
    }

    /// The bytes of one token; `None` for an id without a token.
    pub fn get(&self, id: u32) -> Option<&[u8]> {
        self.spans.get(id as usize)?.as_ref().map(|span| &self.bytes[span.clone()])
    }

    /// One more than the highest id.
    pub fn vocab_size(&self) -> usize {
        self.spans.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_one_character() {
        let table = byte_of_char();
        assert_eq!(table.len(), 256);
        for (c, byte) in [('Ġ', b' '), ('Ċ', b'\n'), ('a', b'a'), ('Ń', 0xAD), ('ÿ', 0xFF)] {
            assert_eq!(table[&c], byte, "{c}");
        }
    }

    #[test]
    fn fallback_names() {
        for (token, want) in
            [("<0x0A>", Some(10)), ("<0xFF>", Some(255)), ("<0x>", None), ("<0x+1>", None)]
        {
            assert_eq!(fallback_byte(token), want, "{token}");
        }
    }
}
