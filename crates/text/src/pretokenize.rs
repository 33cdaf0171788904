//! Cutting text into the pieces that are tokenized one by one.
//!
//! The library runs every pattern on a backtracking engine and, when that gives up (a million
//! spaces are enough), goes on silently with different pieces. Here the patterns of the known
//! tokenizers run on a linear-time engine, and where another pattern fails, it is an error.
//!
//! It also records where every piece came from, which takes two hundred times the memory of the
//! text. Where the steps only cut, as those of all known models do, pieces are handed out one by one
//! instead.

use regex_automata::meta;
use serde_json::Value;
use tokenizers::pattern::Pattern;
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::split::SplitPattern;
use tokenizers::{
    Offsets, PreTokenizedString, PreTokenizer as _, Result as LibraryResult, SplitDelimiterBehavior,
};

use crate::token_bytes::char_of_byte;

/// The end of the GPT family's patterns: whitespace, but its last character only where nothing
/// follows.
const TRAILING_SPACES: &str = r"|\s+(?!\S)|\s+";

/// The library's own pattern for `ByteLevel` with `use_regex` (GPT-2).
const BYTE_LEVEL: &str =
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

/// Everything the pre-tokenizer of a tokenizer.json asks for, flattened into steps.
pub(crate) struct PreTokenizer {
    steps: Vec<Step>,
}

enum Step {
    Split {
        cutter: Cutter,
        behavior: SplitDelimiterBehavior,
    },
    PrefixSpace,
    /// The last step of byte-level tokenizers: every byte as one printable character.
    Bytes {
        library: PreTokenizerWrapper,
        chars: Box<[char; 256]>,
    },
    Library(PreTokenizerWrapper),
}

impl PreTokenizer {
    /// Reads the `pre_tokenizer` of a tokenizer.json.
    pub fn from_json(value: Value) -> Result<Self, String> {
        let mut this = PreTokenizer { steps: Vec::new() };
        if !value.is_null() {
            let wrapper =
                serde_json::from_value(value).map_err(|e| format!("pre_tokenizer: {e}"))?;
            this.add(wrapper)?;
        }
        Ok(this)
    }

    fn add(&mut self, wrapper: PreTokenizerWrapper) -> Result<(), String> {
        match wrapper {
            PreTokenizerWrapper::Sequence(sequence) => {
                for inner in sequence {
                    self.add(inner)?;
                }
            }
            PreTokenizerWrapper::Split(split) => {
                let cutter = match &split.pattern {
                    SplitPattern::String(text) => Cutter::new(&fancy_regex::escape(text))?,
                    SplitPattern::Regex(pattern) => Cutter::new(pattern)?,
                };
                let cutter = Cutter { is_inverted: split.invert, ..cutter };
                self.steps.push(Step::Split { cutter, behavior: split.behavior });
            }
            PreTokenizerWrapper::ByteLevel(byte_level) => {
                if byte_level.add_prefix_space {
                    self.steps.push(Step::PrefixSpace);
                }
                if byte_level.use_regex {
                    let cutter = Cutter::new(BYTE_LEVEL)?;
                    let behavior = SplitDelimiterBehavior::Isolated;
                    self.steps.push(Step::Split { cutter, behavior });
                }
                let bytes_only = ByteLevel::new(false, byte_level.trim_offsets, false);
                let (library, chars) = (bytes_only.into(), Box::new(char_of_byte()));
                self.steps.push(Step::Bytes { library, chars });
            }
            other => self.steps.push(Step::Library(other)),
        }
        Ok(())
    }

    /// Cuts all parts of `text` that are not tokens yet.
    pub fn apply(&self, text: &mut PreTokenizedString) -> LibraryResult<()> {
        for step in &self.steps {
            match step {
                Step::Split { cutter, behavior } => {
                    text.split(|_, part| part.split(cutter, *behavior))?;
                }
                Step::PrefixSpace => text.split(|_, mut part| {
                    if !part.get().starts_with(' ') {
                        part.prepend(" ");
                    }
                    Ok([part])
                })?,
                Step::Bytes { library: wrapper, .. } | Step::Library(wrapper) => {
                    wrapper.pre_tokenize(text)?;
                }
            }
        }
        Ok(())
    }

    /// Whether [`PreTokenizer::each_piece`] can be used: all steps cut and keep everything, but for
    /// the last, which may turn bytes into characters.
    pub fn only_cuts(&self) -> bool {
        let cuts = |step: &Step| {
            matches!(step, Step::Split { behavior: SplitDelimiterBehavior::Isolated, .. })
        };
        match self.steps.split_last() {
            Some((Step::Bytes { .. }, before)) => before.iter().all(cuts),
            _ => self.steps.iter().all(cuts),
        }
    }

    /// Calls `found` with the pieces of `text` from left to right: those that
    /// [`PreTokenizer::apply`] makes of it, where [`PreTokenizer::only_cuts`].
    pub fn each_piece(
        &self,
        text: &str,
        found: &mut dyn FnMut(&str) -> LibraryResult<()>,
    ) -> LibraryResult<()> {
        cut(&self.steps, text, found)
    }
}

fn cut(
    steps: &[Step],
    text: &str,
    found: &mut dyn FnMut(&str) -> LibraryResult<()>,
) -> LibraryResult<()> {
    let (cutter, rest) = match steps {
        [Step::Split { cutter, .. }, rest @ ..] => (cutter, rest),
        [Step::Bytes { chars, .. }] => {
            return found(&text.bytes().map(|byte| chars[usize::from(byte)]).collect::<String>());
        }
        _ => return found(text),
    };
    let (mut covered, mut result) = (0, Ok(()));
    cutter.each_match(text, |(start, end)| {
        for piece in [&text[covered..start], &text[start..end]] {
            if !piece.is_empty() && result.is_ok() {
                result = cut(rest, piece, found);
            }
        }
        covered = end;
    })?;
    result?;
    match &text[covered..] {
        "" => Ok(()),
        last => cut(rest, last, found),
    }
}

/// One pattern, on the engine that suits it.
struct Cutter {
    engine: Engine,
    is_inverted: bool,
}

enum Engine {
    /// Linear time. With `has_spaces_rule` the second pattern is a run of whitespace, which gives
    /// back its last character where something else follows and something is left:
    /// exactly what `\s+(?!\S)|\s+` matches.
    Linear {
        regex: Box<meta::Regex>,
        has_spaces_rule: bool,
    },
    Backtracking(Box<fancy_regex::Regex>),
}

impl Cutter {
    fn new(pattern: &str) -> Result<Self, String> {
        let linear = match pattern.strip_suffix(TRAILING_SPACES) {
            // A parenthesis that closes after the suffix would change what it means.
            Some(head) => meta::Regex::new_many(&[head, r"\s+"]).map(|regex| (regex, true)),
            None => meta::Regex::new(pattern).map(|regex| (regex, false)),
        };
        let engine = match linear {
            Ok((regex, has_spaces_rule)) => {
                Engine::Linear { regex: Box::new(regex), has_spaces_rule }
            }
            Err(_) => Engine::Backtracking(Box::new(
                fancy_regex::Regex::new(pattern)
                    .map_err(|e| format!("pre_tokenizer pattern `{pattern}`: {e}"))?,
            )),
        };
        Ok(Cutter { engine, is_inverted: false })
    }

    /// Calls `found` with every match from left to right.
    fn each_match(&self, text: &str, mut found: impl FnMut(Offsets)) -> LibraryResult<()> {
        match &self.engine {
            Engine::Backtracking(regex) => {
                for found_match in regex.find_iter(text) {
                    let found_match = found_match?;
                    found((found_match.start(), found_match.end()));
                }
            }
            Engine::Linear { regex, has_spaces_rule: false } => {
                regex.find_iter(text).for_each(|m| found((m.start(), m.end())));
            }
            Engine::Linear { regex, has_spaces_rule: true } => {
                let mut input = regex_automata::Input::new(text);
                while let Some(m) = regex.search(&input) {
                    let mut end = m.end();
                    if m.pattern().as_usize() == 1 && end < text.len() {
                        let last = text[m.range()].chars().next_back().map_or(0, char::len_utf8);
                        if end - last > m.start() {
                            end -= last;
                        }
                    }
                    found((m.start(), end));
                    // No alternative of these patterns is empty; step on in any case.
                    let next = if end > m.start() { end } else { next_char(text, end) };
                    if next > text.len() {
                        break;
                    }
                    input.set_start(next);
                }
            }
        }
        Ok(())
    }
}

/// The place after the character at `at`; beyond the end when there is none.
fn next_char(text: &str, at: usize) -> usize {
    at + text[at..].chars().next().map_or(1, char::len_utf8)
}

impl Pattern for &Cutter {
    fn find_matches(&self, inside: &str) -> LibraryResult<Vec<(Offsets, bool)>> {
        if inside.is_empty() {
            return Ok(vec![((0, 0), false)]);
        }
        let mut pieces = Vec::new();
        let mut covered = 0;
        self.each_match(inside, |(start, end)| {
            if covered < start {
                pieces.push(((covered, start), self.is_inverted));
            }
            pieces.push(((start, end), !self.is_inverted));
            covered = end;
        })?;
        if covered < inside.len() {
            pieces.push(((covered, inside.len()), self.is_inverted));
        }
        Ok(pieces)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokenizers::{OffsetReferential, OffsetType};

    use super::*;

    const R1: &str = "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|\
                      [^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\r\n]*|\
                      \\s*[\r\n]+|\\s+(?!\\S)|\\s+";
    const QWEN2: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    fn linear_equals_backtracking(pattern: &str, text: &str) {
        let linear = Cutter::new(pattern).unwrap();
        assert!(matches!(linear.engine, Engine::Linear { has_spaces_rule: true, .. }));
        let slow = fancy_regex::Regex::new(pattern).unwrap();
        let slow = Cutter { engine: Engine::Backtracking(Box::new(slow)), is_inverted: false };
        assert_eq!((&linear).find_matches(text).unwrap(), (&slow).find_matches(text).unwrap());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]
        #[test]
        fn engines_agree(text in "[ \t\r\n\u{a0}\u{3000}a1!'tsé一\u{301}]{0,24}", any in ".{0,12}") {
            for pattern in [R1, QWEN2, BYTE_LEVEL] {
                linear_equals_backtracking(pattern, &text);
                linear_equals_backtracking(pattern, &any);
            }
        }
    }

    #[test]
    fn pieces_one_by_one_are_the_librarys() {
        let split = |pattern: &str| {
            let pattern = serde_json::json!({ "Regex": pattern });
            serde_json::json!({
                "type": "Split", "pattern": pattern, "behavior": "Isolated", "invert": false
            })
        };
        let bytes = serde_json::json!({
            "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false
        });
        let steps = [split(r"\p{N}{1,3}"), split("[一-龥]+"), split(R1), bytes];
        let sequence = serde_json::json!({ "type": "Sequence", "pretokenizers": steps });
        let cutter = PreTokenizer::from_json(sequence).unwrap();
        assert!(cutter.only_cuts());
        for text in ["", "a", "Hé 12345一二3 \n\n x!\r\n", "  \t", "1一", "\0😀\u{301}é́"] {
            let mut whole = PreTokenizedString::from(text);
            cutter.apply(&mut whole).unwrap();
            let splits = whole.get_splits(OffsetReferential::Normalized, OffsetType::None);
            let wanted: Vec<&str> = splits.iter().map(|(piece, ..)| *piece).collect();
            let mut pieces = Vec::new();
            cutter
                .each_piece(text, &mut |piece| {
                    pieces.push(piece.to_owned());
                    Ok(())
                })
                .unwrap();
            assert_eq!(pieces, wanted, "{text:?}");
        }
        let prefixed = serde_json::json!({
            "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true
        });
        assert!(!PreTokenizer::from_json(prefixed).unwrap().only_cuts());
    }

    #[test]
    fn a_million_spaces_before_a_letter() {
        let text = " ".repeat(1_000_000) + "x";
        let cutter = Cutter::new(R1).unwrap();
        assert_eq!(
            (&cutter).find_matches(&text).unwrap(),
            [((0, 999_999), true), ((999_999, 1_000_001), true)]
        );
    }

    #[test]
    fn a_pattern_that_gives_up_is_an_error() {
        // Backreferences need the backtracking engine, and this one doubles with every letter.
        let cutter = Cutter::new(r"(a|aa)+\1b").unwrap();
        assert!((&cutter).find_matches(&"a".repeat(200)).is_err());
    }
}
