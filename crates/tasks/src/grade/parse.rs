//! Text to [`Value`]: wrappers are taken off, special forms (times, dates, options, words) are
//! recognised, everything else goes through the lexer and a recursive-descent parser whose depth
//! is limited.

mod expression;
mod item;
mod names;
mod number;
mod quantity;
mod rounding;
mod structure;
mod whole;

use std::borrow::Cow;

use super::clean::clean;
use super::lexer::{Tok, Token, lex};
use super::text;
use super::value::Value;

/// Answers longer than this many bytes are not read.
pub const MAX_INPUT_BYTES: usize = 20_000;
/// Brackets, fractions and powers may nest this deep.
pub const MAX_DEPTH: usize = 64;

/// Why a text is not an answer that can be compared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Nothing but white space or punctuation.
    #[error("the answer is empty: no letter, digit or symbol in it")]
    Empty,
    /// Beyond [`MAX_INPUT_BYTES`].
    #[error(
        "the answer has {0} bytes, at most {MAX_INPUT_BYTES} are read\nhint: pass the final answer, not the whole reply"
    )]
    TooLong(usize),
    /// Beyond [`MAX_DEPTH`].
    #[error("brackets nest deeper than {MAX_DEPTH} levels")]
    Depth,
    /// A character without a meaning in mathematics.
    #[error("character {0:?} has no meaning here")]
    Character(char),
    /// An unknown command.
    #[error("LaTeX command `\\{0}` is not known")]
    Command(String),
    /// A token in the wrong place.
    #[error("found {found} at token {place}, expected {expected}")]
    Unexpected {
        /// What stands there.
        found: String,
        /// Its place, counted in tokens.
        place: usize,
        /// What could have stood there.
        expected: &'static str,
    },
    /// A number whose digits do not fit its base, or that is too long.
    #[error("`{0}` is not a number")]
    Number(String),
}

/// How ambiguous spellings are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reading {
    /// Whether `1,234` is one number rather than a list.
    pub thousands: bool,
}

/// Reads an answer that stands alone, without prose around it.
pub fn parse(source: &str) -> Result<Value, ParseError> {
    parse_as(source, Reading { thousands: true })
}

pub(super) fn parse_as(source: &str, reading: Reading) -> Result<Value, ParseError> {
    if source.len() > MAX_INPUT_BYTES {
        return Err(ParseError::TooLong(source.len()));
    }
    // A text that was struck out is taken back.
    if source.trim_start().starts_with("~~") && source.trim_end().ends_with("~~") {
        return Err(ParseError::Character('~'));
    }
    let cleaned = without_idle_groups(clean(source));
    let (bare, is_text) = unwrap(&cleaned);
    if !bare.chars().any(|c| c.is_alphanumeric() || "∅\\".contains(c)) {
        return if bare == "\\{\\}" || bare == "{}" {
            Ok(Value::Named(super::value::NamedSet::Empty))
        } else {
            Err(ParseError::Empty)
        };
    }
    if let Some(value) = text::special(bare, is_text) {
        return Ok(value);
    }
    let mut source = without_delimiters(bare);
    if !reading.thousands {
        source = source.replace(',', ", ").into();
    }
    let tokens = lex(&source)?;
    Parser::new(&tokens).answer()
}

/// Takes off what does not belong to the answer: math delimiters, emphasis, boxes, quotes, final
/// punctuation. Also says whether a command for words was among it.
fn unwrap(source: &str) -> (&str, bool) {
    const PAIRS: &[(&str, &str)] = &[
        ("$$", "$$"),
        ("$", "$"),
        ("\\(", "\\)"),
        ("\\[", "\\]"),
        ("**", "**"),
        ("__", "__"),
        ("*", "*"),
        ("「", "」"),
        ("`", "`"),
        ("\"", "\""),
        ("'", "'"),
    ];
    const COMMANDS: &[&str] = &[
        "\\boxed",
        "\\fbox",
        "\\text",
        "\\textbf",
        "\\textit",
        "\\textrm",
        "\\mathrm",
        "\\mathbf",
        "\\mbox",
        "\\displaystyle",
    ];
    let mut is_text = false;
    let mut s = trim(source);
    // Every round takes something off, so the loop ends.
    loop {
        let before = s;
        for (open, close) in PAIRS {
            if let Some(inner) = s.strip_prefix(open).and_then(|r| r.strip_suffix(close))
                && !unescaped(inner, open)
                && !unescaped(inner, close)
                && !inner.ends_with('\\')
            {
                s = trim(inner);
            }
        }
        for command in COMMANDS {
            if let Some(rest) = s.strip_prefix(command) {
                let rest = rest.trim_start();
                // The whole line, where a bold letter alone may be an option.
                let is_set = *command == "\\mathbf" && matches!(rest, "{R}" | "{Z}");
                if let Some(inner) = whole_group(rest).filter(|_| !is_set) {
                    s = trim(inner);
                    is_text |=
                        command.contains("text") || *command == "\\mbox" || *command == "\\mathrm";
                } else if *command == "\\displaystyle" {
                    s = rest;
                }
            }
        }
        if s == before {
            return (s, is_text);
        }
    }
}

/// Whether the mark stands in the text, not counting `\$`.
fn unescaped(text: &str, mark: &str) -> bool {
    text.match_indices(mark).any(|(at, _)| !text[..at].ends_with('\\'))
}

/// Takes the braces off signs that stand in them alone, as in `{-}5` and `3{:}1`. `{,}` stays: it
/// marks thousands.
fn without_idle_groups(mut cleaned: String) -> String {
    if cleaned.contains("{,}\\!") {
        cleaned = cleaned.replace("{,}\\!", ",\\!");
    }
    for (group, sign) in [("{-}", "-"), ("{+}", "+"), ("{=}", "="), ("{:}", ":"), ("{.}", ".")] {
        if cleaned.contains(group) && !cleaned.contains(&format!("^{group}")) {
            cleaned = cleaned.replace(group, sign);
        }
    }
    cleaned
}

/// The contents, if the text is exactly one balanced group in braces.
fn whole_group(source: &str) -> Option<&str> {
    let inner = source.strip_prefix('{')?.strip_suffix('}')?;
    let mut depth = 0i64;
    let mut is_escaped = false;
    for c in inner.chars() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth < 0 {
            return None;
        }
    }
    (depth == 0 && !is_escaped).then_some(inner)
}

/// Drops `$` where it delimits formulas; where it stands before amounts it stays.
fn without_delimiters(source: &str) -> Cow<'_, str> {
    let plain = source.replace("\\$", "\u{1}");
    let count = plain.matches('$').count();
    let last = plain.rfind('$');
    let is_currency = last.is_some_and(|at| {
        plain[at + 1..].trim_start().starts_with(|c: char| c.is_ascii_digit() || c == '.')
    });
    if count == 0 || count % 2 == 1 || is_currency {
        return source.into();
    }
    plain.replace('$', " ").replace('\u{1}', "\\$").into()
}

fn trim(source: &str) -> &str {
    let mut s = source.trim();
    loop {
        let before = s;
        s = s.trim_start_matches(['~', ' ', ',', ';']);
        for space in ["\\,", "\\;", "\\ ", "\\!", "\\quad", "\\displaystyle"] {
            s = s.strip_prefix(space).unwrap_or(s);
        }
        let is_abbreviation = s.ends_with(".m.") || s.ends_with(".M.") || s.ends_with("...");
        if !is_abbreviation && !s.ends_with("\\,") && !s.ends_with("\\;") {
            s = s.trim_end_matches(['.', ',', ';', ':', ' ', '~', '\n']);
        } else if !is_abbreviation {
            s = &s[..s.len() - 2];
        }
        s = s.strip_suffix("\\\\").unwrap_or(s);
        // A backslash before the blank that was cut.
        if s.ends_with('\\') && !s.ends_with("\\\\") {
            s = &s[..s.len() - 1];
        }
        s = s.trim();
        if s == before {
            return s;
        }
    }
}

/// The state of one parse.
pub(super) struct Parser<'a> {
    tokens: &'a [Token],
    pos: usize,
    depth: usize,
    /// How many `|...|` are open, where a bar closes and does not multiply.
    open_bars: usize,
}

impl<'a> Parser<'a> {
    fn new(tokens: &'a [Token]) -> Self {
        Parser { tokens, pos: 0, depth: 0, open_bars: 0 }
    }

    fn peek(&self) -> Option<&'a Tok> {
        self.tokens.get(self.pos).map(|t| &t.tok)
    }

    fn peek_at(&self, ahead: usize) -> Option<&'a Tok> {
        self.tokens.get(self.pos + ahead).map(|t| &t.tok)
    }

    fn is_char(&self, c: char) -> bool {
        self.peek() == Some(&Tok::Char(c))
    }

    fn is_command(&self, name: &str) -> bool {
        matches!(self.peek(), Some(Tok::Command(n)) if *n == name)
    }

    fn eat_char(&mut self, c: char) -> bool {
        let found = self.is_char(c);
        self.pos += usize::from(found);
        found
    }

    fn eat_command(&mut self, name: &str) -> bool {
        let found = self.is_command(name);
        self.pos += usize::from(found);
        found
    }

    fn expect_char(&mut self, c: char, expected: &'static str) -> Result<(), ParseError> {
        if self.eat_char(c) { Ok(()) } else { Err(self.unexpected(expected)) }
    }

    fn unexpected(&self, expected: &'static str) -> ParseError {
        let found = match self.peek() {
            None => "the end".to_owned(),
            Some(tok) => tok.shown(),
        };
        ParseError::Unexpected { found, place: self.pos + 1, expected }
    }

    /// Runs `inner` one level deeper.
    fn nested<T>(
        &mut self,
        inner: impl FnOnce(&mut Self) -> Result<T, ParseError>,
    ) -> Result<T, ParseError> {
        if self.depth >= MAX_DEPTH {
            return Err(ParseError::Depth);
        }
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }

    /// Runs `inner` with another number of open bars, whatever it returns.
    fn with_bars<T>(
        &mut self,
        open_bars: usize,
        inner: impl FnOnce(&mut Self) -> Result<T, ParseError>,
    ) -> Result<T, ParseError> {
        let before = std::mem::replace(&mut self.open_bars, open_bars);
        let result = inner(self);
        self.open_bars = before;
        result
    }

    /// Index of the token that closes the bracket at `open`, any kind of bracket closing any.
    fn matching(&self, open: usize) -> Option<usize> {
        let mut depth = 0usize;
        for (place, token) in self.tokens.iter().enumerate().skip(open) {
            match &token.tok {
                Tok::Char('(' | '[' | '{') | Tok::SetOpen | Tok::Begin(_) => depth += 1,
                Tok::Char(')' | ']' | '}') | Tok::SetClose | Tok::End(_) => {
                    depth -= 1;
                    if depth == 0 {
                        return Some(place);
                    }
                }
                _ => {}
            }
        }
        None
    }

    /// Whether a comma or semicolon stands between two places, outside inner brackets.
    fn has_separator(&self, from: usize, to: usize) -> bool {
        let mut depth = 0i64;
        self.tokens[from..to].iter().any(|token| {
            match &token.tok {
                Tok::Char('(' | '[' | '{') | Tok::SetOpen | Tok::Begin(_) => depth += 1,
                Tok::Char(')' | ']' | '}') | Tok::SetClose | Tok::End(_) => depth -= 1,
                Tok::Char(',' | ';') => return depth == 0,
                _ => {}
            }
            false
        })
    }
}
