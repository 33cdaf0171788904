//! Commands whose argument is words or is read in place.

use super::{Lexer, ParseError, Tok, lex};

impl Lexer {
    /// Words: separators become commas and conjunctions, the rest stays together.
    pub(super) fn text(&mut self, command: &str) {
        let content = self.argument();
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
        } else if self.is_upright_symbol(trimmed) {
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
        if matches!(inner.trim(), "i" | "j" | "k" | "e") {
            // A unit vector, not the imaginary unit.
            self.push(Tok::Name(format!("{}-vector", inner.trim())));
            return Ok(());
        }
        self.pos = start;
        self.nested()
    }
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
