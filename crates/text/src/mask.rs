//! Keeping what a user wrote from becoming a control token.
//!
//! Before a template runs, every string of the conversation is rewritten with private characters
//! that occur nowhere in it:
//!
//! - a control token spelled out is put between `open` and `close` but stays readable, because
//!   templates look for `</think>` in earlier answers;
//! - everywhere else the outermost punctuation of control tokens (`<` and `>`) is replaced by
//!   stand-ins, so that no joining, cutting or replacing by the template can complete
//!   a token with the user's characters;
//! - words that the template itself looks for (its string literals) stay readable where that is
//!   harmless.
//!
//! After rendering, what still stands between `open` and `close` gets its stand-in too, control
//! tokens are recognised in the result, and only then do the stand-ins turn back.

use std::collections::{BTreeMap, HashMap, HashSet};

use aho_corasick::{AhoCorasick, MatchKind};
use serde_json::Value;

use crate::error::TextError;

/// The spellings of a tokenizer's control tokens.
pub(crate) struct ControlText {
    spellings: HashSet<String>,
    finder: AhoCorasick,
    /// Characters to hide: the first and the last punctuation of every control token, and what
    /// the normalizer turns into it. Each with the character it comes out as.
    edges: BTreeMap<char, char>,
}

impl ControlText {
    /// Added tokens that are nothing but letters, digits or spaces are vocabulary, not control.
    /// `normalize` gives what a character becomes before control tokens are looked for.
    pub fn new<'a>(
        added: impl Iterator<Item = &'a str>,
        normalize: Option<impl Fn(char) -> String>,
    ) -> Result<Self, TextError> {
        /// Beyond lie ideographs and private characters, which no normalizer makes punctuation.
        const LAST_ALIAS: char = '\u{2FFFF}';
        let is_mark = |c: char| !c.is_alphanumeric() && !c.is_whitespace();
        let spellings: HashSet<String> =
            added.filter(|token| token.contains(is_mark)).map(str::to_owned).collect();
        let mut edges = BTreeMap::new();
        for token in &spellings {
            let mut marks = token.chars().filter(|&c| is_mark(c)).map(|c| (c, c));
            edges.extend(marks.next());
            edges.extend(marks.next_back());
        }
        if let Some(normalize) = normalize {
            let aliases: Vec<_> = ('\u{80}'..=LAST_ALIAS)
                .filter_map(|c| {
                    let normal = normalize(c);
                    let mut chars = normal.chars();
                    let first = chars.next().filter(|n| *n != c && edges.contains_key(n))?;
                    chars.next().is_none().then_some((c, first))
                })
                .collect();
            edges.extend(aliases);
        }
        let finder = finder(spellings.iter().map(String::as_str))?;
        Ok(ControlText { spellings, finder, edges })
    }
}

fn finder<'a>(words: impl Iterator<Item = &'a str>) -> Result<AhoCorasick, TextError> {
    AhoCorasick::builder()
        .match_kind(MatchKind::LeftmostLongest)
        .build(words)
        .map_err(|e| TextError::bad_file("control tokens", e))
}

/// The rewriting for one conversation and one template.
pub(crate) struct Mask<'a> {
    control: &'a ControlText,
    /// Control tokens and the template's words together.
    words: AhoCorasick,
    open: char,
    close: char,
    hidden: HashMap<char, char>,
    shown: HashMap<char, char>,
}

impl<'a> Mask<'a> {
    /// `texts` are all strings that will meet in the rendered text; `literals` those of the
    /// template.
    pub fn new<'t>(
        control: &'a ControlText,
        texts: impl Iterator<Item = &'t str>,
        literals: &[String],
    ) -> Result<Self, TextError> {
        /// Planes 15 and 16 are private use: no normalizer changes their characters.
        const PRIVATE: std::ops::RangeInclusive<char> = '\u{F0000}'..='\u{10FFFD}';
        let taken: HashSet<char> =
            texts.flat_map(str::chars).filter(|c| PRIVATE.contains(c)).collect();
        let mut free = PRIVATE.filter(|c| !taken.contains(c));
        let mut next = || {
            free.next().ok_or_else(|| TextError::BadInput {
                reason: "the messages use up all private characters of Unicode".into(),
                hint: "remove characters from U+F0000 on".into(),
            })
        };
        let (open, close) = (next()?, next()?);
        let mut hidden = HashMap::new();
        let mut shown = HashMap::new();
        for (&edge, &comes_out) in &control.edges {
            let stand_in = next()?;
            hidden.insert(edge, stand_in);
            shown.insert(stand_in, comes_out);
        }
        // A single character is no word: leaving every `<` readable would protect nothing.
        let looked_for = literals.iter().filter(|word| {
            word.chars().nth(1).is_some()
                && word.contains(|c| control.edges.contains_key(&c))
                && !control.finder.is_match(word.as_str())
        });
        let spellings = control.spellings.iter().map(String::as_str);
        let words = finder(spellings.chain(looked_for.map(String::as_str)))?;
        Ok(Mask { control, words, open, close, hidden, shown })
    }

    /// Rewrites every string and key in `value`.
    pub fn mask_value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.mask(text)),
            Value::Array(items) => items.iter().map(|item| self.mask_value(item)).collect(),
            Value::Object(fields) => {
                fields.iter().map(|(k, v)| (self.mask(k), self.mask_value(v))).collect()
            }
            other => other.clone(),
        }
    }

    fn mask(&self, text: &str) -> String {
        let masked = self.mask_around(text, &self.words);
        // Words of the template side by side could still spell a token: then they are no words.
        if self.has_bare_token(&masked) {
            self.mask_around(text, &self.control.finder)
        } else {
            masked
        }
    }

    fn mask_around(&self, text: &str, words: &AhoCorasick) -> String {
        let mut masked = String::with_capacity(text.len());
        let mut done = 0;
        for found in words.find_iter(text) {
            self.hide_onto(&text[done..found.start()], &mut masked);
            let word = &text[found.range()];
            if self.control.spellings.contains(word) {
                masked.push(self.open);
                masked.push_str(word);
                masked.push(self.close);
            } else {
                masked.push_str(word);
            }
            done = found.end();
        }
        self.hide_onto(&text[done..], &mut masked);
        masked
    }

    fn hide_onto(&self, text: &str, masked: &mut String) {
        masked.extend(text.chars().map(|c| self.hidden.get(&c).copied().unwrap_or(c)));
    }

    fn has_bare_token(&self, masked: &str) -> bool {
        self.control.finder.find_iter(masked).any(|found| {
            !masked[..found.start()].ends_with(self.open)
                || !masked[found.end()..].starts_with(self.close)
        })
    }

    /// Prepares rendered text for encoding: users' tokens hidden, marks removed.
    pub fn seal(&self, rendered: &str) -> String {
        let mut sealed = String::with_capacity(rendered.len());
        let mut is_open = false;
        for part in rendered.split_inclusive([self.open, self.close]) {
            let is_closed = part.ends_with(self.close);
            let text = part.strip_suffix([self.open, self.close]).unwrap_or(part);
            if is_open && is_closed && self.control.spellings.contains(text) {
                self.hide_onto(text, &mut sealed);
            } else {
                sealed.push_str(text);
            }
            is_open = part.ends_with(self.open);
        }
        sealed
    }

    /// The character that `c` stands for.
    pub fn restore(&self, c: char) -> char {
        self.shown.get(&c).copied().unwrap_or(c)
    }
}
