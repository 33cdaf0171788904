//! Commands whose argument is words or is read in place.

use super::commands::TEXT;
use super::{Lexer, ParseError, Tok, lex};

impl Lexer {
    /// Words: separators become commas and conjunctions, the rest stays together.
    pub(super) fn text(&mut self, command: &str) {
        let content = self.argument();
        self.words(command, &content);
    }

    fn words(&mut self, command: &str, content: &str) {
        if let Some(tok) = mark(content.trim()) {
            self.push(tok);
            return;
        }
        let content = content.replace("\\ ", " ").replace("\\,", " ").replace(['~', '$'], " ");
        let trimmed = content.trim();
        if trimmed.is_empty() {
            self.spaced = true;
            return;
        }
        let starts_comma = trimmed.starts_with([',', ';']);
        let word = trimmed.trim_start_matches([',', ';', ' ']).to_lowercase();
        if word.is_empty() {
            self.push(Tok::Char(','));
        } else if word == "and" || word == "or" || word == "&" {
            if starts_comma {
                self.push(Tok::Char(','));
            }
            self.push(Tok::Command(if word == "or" { "or" } else { "and" }));
        } else if command == "operatorname"
            || (command == "mathrm" && is_symbolic(trimmed) && !self.is_unit_here(trimmed))
        {
            self.push(symbol(command, trimmed));
        } else if self.is_upright_symbol(trimmed) || is_function_word(trimmed) {
            self.push(Tok::Word(trimmed.to_owned()));
        } else {
            self.push(Tok::Text(trimmed.to_owned()));
        }
    }

    /// Whether words in a formula are really a letter or pi, as in `5\text{x}`.
    fn is_upright_symbol(&self, word: &str) -> bool {
        const UNIT_LETTERS: &str = "mshgLlNJWVAKCF";
        let is_letter = word.len() == 1 && word.chars().all(|c| c.is_ascii_alphabetic());
        let follows_value = matches!(
            self.tokens.last().map(|t| &t.tok),
            Some(Tok::Number { .. } | Tok::Char('}' | ')') | Tok::Command("circ" | "degree"))
        );
        word == "pi" || (is_letter && !(follows_value && UNIT_LETTERS.contains(word)))
    }

    /// Whether upright letters after a number are its unit and not a function or a variable.
    fn is_unit_here(&self, word: &str) -> bool {
        let follows_number = matches!(
            self.tokens.last().map(|t| &t.tok),
            Some(Tok::Number { .. } | Tok::Char('}' | ')'))
        );
        follows_number && super::super::units::is_unit_word(word)
    }

    /// `{\rm cm}`: the words up to the end of the group.
    pub(super) fn switched(&mut self) {
        let rest = &self.chars[self.pos..];
        let length = rest.iter().take_while(|c| c.is_ascii_alphabetic() || **c == ' ').count();
        let is_group = self.tokens.last().is_some_and(|t| t.tok == Tok::Char('{'));
        if !is_group || rest.get(length) != Some(&'}') {
            return;
        }
        let content: String = rest[..length].iter().collect();
        self.tokens.pop();
        self.brackets.pop();
        self.pos += length + 1;
        self.words("mathrm", &content);
    }

    /// `\frac{\text{m}}{\text{s}}` after a number: the unit `m/s`.
    pub(super) fn quotient_of_units(&mut self) -> bool {
        let start = self.pos;
        let follows_number = matches!(
            self.tokens.last().map(|t| &t.tok),
            Some(Tok::Number { .. } | Tok::Char('}' | ')'))
        );
        let unit = |argument: String| {
            let inner = argument.trim();
            let word = TEXT.iter().find_map(|command| {
                inner.strip_prefix('\\')?.strip_prefix(command)?.strip_prefix('{')
            })?;
            let (word, power) = word.split_once('}')?;
            let is_unit = word.trim().split(' ').all(super::super::units::is_unit_word);
            let is_power = matches!(power, "" | "^2" | "^3" | "^{2}" | "^{3}");
            (is_unit && is_power)
                .then(|| format!("{}{}", word.trim(), power.replace(['{', '}'], "")))
        };
        let is_braced = follows_number && self.peek(0) == Some('{');
        let top = if is_braced { unit(self.argument()) } else { None };
        let bottom =
            if top.is_some() && self.peek(0) == Some('{') { unit(self.argument()) } else { None };
        match (top, bottom) {
            (Some(top), Some(bottom)) => {
                self.push(Tok::Text(format!("{top}/{bottom}")));
                true
            }
            _ => {
                self.pos = start;
                false
            }
        }
    }

    /// A bar over one letter: the conjugate, which is another name.
    pub(super) fn conjugate(&mut self) -> bool {
        let start = self.pos;
        let inner = self.argument();
        let name = inner.trim();
        let is_letter = name.len() == 1 && name.bytes().all(|b| b.is_ascii_alphabetic());
        if is_letter {
            self.push(Tok::Name(format!("{name}-bar")));
        } else {
            self.pos = start;
        }
        is_letter
    }

    /// Lexes an argument in place.
    pub(super) fn nested(&mut self) -> Result<(), ParseError> {
        let inner = self.argument();
        // Boxes may nest as deep as the input is long; each level is stripped here, not recursed.
        let inner = inner.trim();
        if inner.contains('\\') {
            let depth = inner.matches('{').count();
            if depth > super::super::parse::MAX_DEPTH {
                return Err(ParseError::Depth);
            }
        }
        self.push(Tok::Char('{'));
        self.tokens.extend(lex(inner)?);
        self.push(Tok::Char('}'));
        Ok(())
    }

    pub(super) fn styled(&mut self) -> Result<(), ParseError> {
        let start = self.pos;
        let inner = self.argument();
        let letter = match inner.trim() {
            "\\imath" => "i",
            "\\jmath" => "j",
            letter => letter,
        };
        if matches!(letter, "i" | "j" | "k" | "e") {
            // A unit vector, not the imaginary unit.
            self.push(Tok::Name(format!("{letter}-vector")));
            return Ok(());
        }
        self.pos = start;
        self.nested()
    }
}

/// Signs and plain numbers that were set as text.
fn mark(text: &str) -> Option<Tok> {
    Some(match text {
        "\\%" | "%" => Tok::Char('%'),
        "\\$" => Tok::Currency("dollars"),
        "¢" | "\\cent" => Tok::Text("cents".into()),
        "^\\circ" => Tok::Command("degree"),
        _ if text.bytes().all(|b| b.is_ascii_digit()) => {
            Tok::Number { digits: text.to_owned(), repeating: String::new() }
        }
        _ => return None,
    })
}

/// Functions whose names are no words and no units either.
fn is_function_word(text: &str) -> bool {
    matches!(text, "cis" | "sin" | "cos" | "tan" | "cot" | "log" | "ln")
}

/// Names that `\operatorname` and `\mathrm` give to one variable or function.
fn is_symbolic(text: &str) -> bool {
    let known = super::super::expr::Func::from_name(text).is_some() || text == "e" || text == "i";
    known || (text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_'))
}

fn symbol(command: &str, text: &str) -> Tok {
    if super::super::expr::Func::from_name(text).is_some() || text.chars().count() == 1 {
        Tok::Word(text.to_owned())
    } else if command == "operatorname" {
        Tok::Name(text.to_owned())
    } else {
        Tok::Text(text.to_owned())
    }
}
