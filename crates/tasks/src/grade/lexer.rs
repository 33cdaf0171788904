//! LaTeX and plain text to tokens. Layout commands vanish, spellings of one thing become one
//! token, and digits with thousands marks become one number.

use super::parse::ParseError;

mod commands;
mod number;
mod words;

use commands::{
    COMMANDS, DROPPED, FONT_SWITCHES, STYLED, TEXT, TRANSPARENT, WORDS, is_layout, sign,
};

/// One token, and whether white space stood before it.
#[derive(Debug, Clone, PartialEq)]
pub struct Token {
    pub tok: Tok,
    pub spaced: bool,
}

/// Kinds of tokens.
#[derive(Debug, Clone, PartialEq)]
pub enum Tok {
    /// Digits, with at most one point, and the repeating digits of a periodic decimal.
    Number {
        digits: String,
        repeating: String,
    },
    /// Digits and letters in a base above ten.
    Based {
        digits: String,
        base: u32,
    },
    /// A run of letters.
    Word(String),
    /// A name that is one variable however it is spelled, such as a letter in bold.
    Name(String),
    /// A command without its backslash.
    Command(&'static str),
    /// Contents of `\text{...}` and its kind.
    Text(String),
    /// An operator, bracket or mark.
    Char(char),
    /// `\{` and `\}`.
    SetOpen,
    SetClose,
    /// Start and end of a matrix-like environment.
    Begin(String),
    End(String),
    /// `\\` and `&` inside one.
    RowBreak,
    Ampersand,
    /// A currency sign, with its name.
    Currency(&'static str),
}

impl Tok {
    /// What stands there, for messages.
    pub fn shown(&self) -> String {
        let short = |text: &str| text.chars().take(40).collect::<String>();
        match self {
            Tok::Number { digits, .. } => format!("the number {}", short(digits)),
            Tok::Based { digits, base } => format!("the number {}_{base}", short(digits)),
            Tok::Word(word) | Tok::Name(word) => format!("`{}`", short(word)),
            Tok::Command(name) => format!("`\\{name}`"),
            Tok::Text(words) => format!("the words \"{}\"", short(words)),
            Tok::Char(c) => format!("`{c}`"),
            Tok::SetOpen => "`\\{`".into(),
            Tok::SetClose => "`\\}`".into(),
            Tok::Begin(name) => format!("`\\begin{{{}}}`", short(name)),
            Tok::End(name) => format!("`\\end{{{}}}`", short(name)),
            Tok::RowBreak => "`\\\\`".into(),
            Tok::Ampersand => "`&`".into(),
            Tok::Currency(name) => format!("the sign for {name}"),
        }
    }
}

/// Splits cleaned source into tokens.
pub fn lex(source: &str) -> Result<Vec<Token>, ParseError> {
    let mut lexer = Lexer {
        chars: source.chars().collect(),
        pos: 0,
        tokens: Vec::new(),
        spaced: false,
        brackets: Vec::new(),
        is_unclosed: false,
        is_aligned: false,
    };
    lexer.run()?;
    Ok(lexer.tokens)
}

struct Lexer {
    chars: Vec<char>,
    pos: usize,
    tokens: Vec<Token>,
    spaced: bool,
    /// Open brackets; `true` where a comma separates parts.
    brackets: Vec<bool>,
    /// Whether an argument's brace was never closed.
    is_unclosed: bool,
    /// Inside lines of equations, where `&` only says where they are aligned.
    is_aligned: bool,
}

impl Lexer {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.pos + ahead).copied()
    }

    fn push(&mut self, tok: Tok) {
        self.tokens.push(Token { tok, spaced: self.spaced });
        self.spaced = false;
    }

    fn run(&mut self) -> Result<(), ParseError> {
        while let Some(c) = self.peek(0) {
            match c {
                ' ' | '~' => {
                    self.spaced = true;
                    self.pos += 1;
                }
                '\\' => self.command()?,
                '0'..='9' => self.number(),
                '.' if self.starts_fraction() => self.number(),
                'a'..='z' | 'A'..='Z' => self.word(),
                '$' if self.peek(1).is_some_and(|c| c.is_ascii_digit() || c == '.') => {
                    self.pos += 1;
                    self.push(Tok::Currency("dollars"));
                }
                '$' => self.pos += 1,
                '€' => self.single(Tok::Currency("euros")),
                '£' => self.single(Tok::Currency("pounds sterling")),
                '¥' => self.single(Tok::Currency("yen")),
                '¢' => self.single(Tok::Text("cents".into())),
                '&' if self.is_aligned => self.pos += 1,
                '&' => self.single(Tok::Ampersand),
                '{' if self.skip_empty_group() => self.spaced = true,
                '{' | '}' | '(' | ')' | '[' | ']' => self.bracket(c),
                '+' if self.starts_with("+/-") => {
                    self.pos += 2;
                    self.single(Tok::Command("pm"));
                }
                '<' | '>' | '=' | '!' | '*' => self.operator(c),
                '+' | '-' | '/' | '^' | '_' | '|' | ',' | ';' | ':' | '%' | '\'' | '.' => {
                    self.single(Tok::Char(c));
                }
                _ => return Err(ParseError::Character(c)),
            }
        }
        if self.is_unclosed {
            let found = "the end".to_owned();
            return Err(ParseError::Unexpected {
                found,
                place: self.tokens.len() + 1,
                expected: "a closing brace",
            });
        }
        Ok(())
    }

    fn single(&mut self, tok: Tok) {
        self.pos += 1;
        self.push(tok);
    }

    fn follows_digit(&self) -> bool {
        !self.spaced && self.pos > 0 && self.chars[self.pos - 1].is_ascii_digit()
    }

    /// Whether a number starts with the point here.
    fn starts_fraction(&self) -> bool {
        (self.peek(1).is_some_and(|c| c.is_ascii_digit()) || self.period_follows(1))
            && !self.follows_digit()
    }

    /// Skips `{}` where it only ends a command or carries a script, as in `\pi{}` and `{}_5C_2`;
    /// as an argument it is a mistake and stays.
    fn skip_empty_group(&mut self) -> bool {
        let inner = self.chars[self.pos + 1..].iter().take_while(|c| **c == ' ').count();
        let is_idle = match self.tokens.last().map(|t| &t.tok) {
            None | Some(Tok::Word(_) | Tok::Text(_)) => true,
            Some(Tok::Command(name)) => matches!(*name, "circ" | "degree" | "infty" | "emptyset"),
            _ => false,
        };
        let is_empty = is_idle && self.peek(inner + 1) == Some('}');
        self.pos += if is_empty { inner + 2 } else { 0 };
        is_empty
    }

    fn bracket(&mut self, c: char) {
        match c {
            '(' | '[' => self.brackets.push(true),
            // A brace after a command, a script or another group is TeX's and holds one thing.
            '{' => {
                let is_group = matches!(
                    self.tokens.last().map(|t| &t.tok),
                    Some(Tok::Command(_) | Tok::Char('^' | '_' | '}' | ']'))
                );
                self.brackets.push(!is_group);
            }
            _ => {
                self.brackets.pop();
            }
        }
        self.single(Tok::Char(c));
    }

    fn operator(&mut self, c: char) {
        let next = self.peek(1);
        let (tok, length) = match (c, next) {
            ('<', Some('=')) => (Tok::Command("le"), 2),
            ('>', Some('=')) => (Tok::Command("ge"), 2),
            ('=', Some('<')) => (Tok::Command("le"), 2),
            ('=', Some('>')) => (Tok::Command("to"), 2),
            ('!', Some('=')) => (Tok::Command("ne"), 2),
            ('=', Some('=')) => (Tok::Char('='), 2),
            ('*', Some('*')) => (Tok::Char('^'), 2),
            ('<', _) => (Tok::Command("lt"), 1),
            ('>', _) => (Tok::Command("gt"), 1),
            ('*', _) => (Tok::Command("times"), 1),
            _ => (Tok::Char(c), 1),
        };
        self.pos += length;
        self.push(tok);
    }

    fn word(&mut self) {
        if let Some((digits, base, length)) = number::based_literal(&self.chars[self.pos..]) {
            self.pos += length;
            self.push(Tok::Based { digits, base });
            return;
        }
        let start = self.pos;
        while self.peek(0).is_some_and(|c| c.is_ascii_alphabetic()) {
            self.pos += 1;
        }
        let word: String = self.chars[start..self.pos].iter().collect();
        // Signs in words, at the start or between numbers: "negative 5", "3 minus 5".
        let sign = match word.as_str() {
            "minus" => Some('-'),
            "negative" if self.peek(1).is_some_and(|c| c.is_ascii_digit() || c == '\\') => {
                Some('-')
            }
            "plus" => Some('+'),
            _ => None,
        };
        if let Some(sign) = sign {
            self.push(Tok::Char(sign));
            return;
        }
        // "xsqrt(5)", "pisin(x)": letters run into the function that follows them.
        if self.peek(0) == Some('(') && super::expr::Func::from_name(&word).is_none() {
            const ENDINGS: &[&str] = &["sqrt", "sin", "cos", "tan", "log", "ln"];
            let split = ENDINGS.iter().find_map(|name| Some((word.strip_suffix(name)?, *name)));
            if let Some((letters, name)) = split
                && (1..=3).contains(&letters.len())
                && word != "arcsin"
                && !letters.starts_with("arc")
            {
                self.push(Tok::Word(letters.to_owned()));
                self.push(Tok::Word(name.to_owned()));
                return;
            }
        }
        self.push(Tok::Word(word));
    }

    fn command(&mut self) -> Result<(), ParseError> {
        let start = self.pos + 1;
        let mut end = start;
        while self.chars.get(end).is_some_and(|c| c.is_ascii_alphabetic()) {
            end += 1;
        }
        if end == start {
            return self.symbol_command();
        }
        let name: String = self.chars[start..end].iter().collect();
        self.pos = end;
        if let Some((_, tok)) = COMMANDS.iter().find(|(n, _)| *n == name) {
            if *tok == "frac" && self.quotient_of_units() {
                return Ok(());
            }
            if *tok == "cr" {
                self.push(Tok::RowBreak);
                return Ok(());
            }
            let mut chars = tok.chars();
            match (chars.next(), chars.next()) {
                (Some(c @ ('[' | ']' | '(' | ')')), None) => {
                    self.pos -= 1;
                    self.bracket(c);
                }
                _ => self.push(Tok::Command(tok)),
            }
            return Ok(());
        }
        if WORDS.contains(&name.as_str()) {
            self.push(Tok::Word(name));
            return Ok(());
        }
        match name.as_str() {
            "lbrace" => self.set_bracket(true),
            "rbrace" => self.set_bracket(false),
            "mathbb" | "mathbf" | "Bbb" if self.number_set().is_some() => {
                let set = self.number_set().expect("just seen");
                self.argument();
                self.push(Tok::Command(set));
            }
            "begin" | "end" => self.environment(&name),
            "left" | "right" | "middle" => {
                self.skip_spaces();
                if self.peek(0) == Some('.') {
                    self.pos += 1;
                }
            }
            "quad" | "qquad" | "enspace" | "thinspace" | "space" => self.spaced = true,
            _ if sign(&name).is_some() => self.push(sign(&name).expect("just seen")),
            "not" => return self.negated(),
            "textcolor" => {
                self.argument();
                return self.nested();
            }
            "bar" | "overline" if self.conjugate() => {}
            "bar" | "dot" => return self.nested(),
            _ if FONT_SWITCHES.contains(&name.as_str()) => self.switched(),
            _ if TEXT.contains(&name.as_str()) => self.text(&name),
            _ if DROPPED.contains(&name.as_str()) => {
                self.argument();
            }
            _ if TRANSPARENT.contains(&name.as_str()) => return self.nested(),
            _ if STYLED.contains(&name.as_str()) => return self.styled(),
            _ if is_layout(&name) => {}
            _ => return Err(ParseError::Command(name)),
        }
        Ok(())
    }

    fn symbol_command(&mut self) -> Result<(), ParseError> {
        let Some(c) = self.peek(1) else {
            return Err(ParseError::Command(String::new()));
        };
        self.pos += 2;
        match c {
            '{' => self.set_bracket(true),
            '}' => self.set_bracket(false),
            '\\' => {
                self.skip_row_space();
                self.push(Tok::RowBreak);
            }
            '%' => self.push(Tok::Char('%')),
            '$' => self.push(Tok::Currency("dollars")),
            '|' => self.push(Tok::Command("norm")),
            '&' => self.push(Tok::Command("and")),
            '!' | '/' | '(' | ')' | '[' | ']' => {}
            ' ' | ',' | ';' | ':' | '>' => self.spaced = true,
            '_' => self.push(Tok::Char('_')),
            _ => return Err(ParseError::Command(c.to_string())),
        }
        Ok(())
    }

    /// The optional extra space after a row break: `[2pt]`.
    fn skip_row_space(&mut self) {
        let rest: String = self.chars[self.pos..].iter().take(12).collect();
        let length = rest.strip_prefix('[').and_then(|r| r.find(']')).map(|end| &rest[1..=end]);
        let is_length = length.is_some_and(|length| {
            let unit = length.trim_start_matches(|c: char| c.is_ascii_digit() || "-. ".contains(c));
            matches!(unit, "pt" | "em" | "ex" | "mm" | "cm")
        });
        if let Some(length) = length.filter(|_| is_length) {
            self.pos += length.len() + 2;
        }
    }

    fn set_bracket(&mut self, is_open: bool) {
        if is_open {
            self.brackets.push(true);
            self.push(Tok::SetOpen);
        } else {
            self.brackets.pop();
            self.push(Tok::SetClose);
        }
    }

    fn skip_spaces(&mut self) {
        while self.peek(0) == Some(' ') {
            self.pos += 1;
        }
    }

    /// The argument that follows: a balanced group without its braces, or one character.
    fn argument(&mut self) -> String {
        self.skip_spaces();
        if self.peek(0) != Some('{') {
            let c = self.peek(0);
            self.pos += usize::from(c.is_some());
            return c.map(String::from).unwrap_or_default();
        }
        let start = self.pos + 1;
        let mut depth = 0usize;
        while let Some(c) = self.peek(0) {
            self.pos += 1;
            match c {
                '\\' => self.pos = (self.pos + 1).min(self.chars.len()),
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return self.chars[start..self.pos - 1].iter().collect();
            }
        }
        self.is_unclosed = true;
        String::new()
    }

    fn number_set(&self) -> Option<&'static str> {
        let rest: String = self.chars[self.pos..].iter().filter(|c| **c != ' ').take(3).collect();
        let letter = rest.trim_start_matches('{').chars().next()?;
        let is_plain = !rest.starts_with('{') || rest.ends_with('}');
        match letter {
            'R' if is_plain => Some("reals"),
            'Z' if is_plain => Some("integers"),
            'N' if is_plain => Some("naturals"),
            'Q' if is_plain => Some("rationals"),
            'C' if is_plain => Some("complexes"),
            _ => None,
        }
    }

    /// `\not=`, `\not\in`, `\not<`: the relation turned round.
    fn negated(&mut self) -> Result<(), ParseError> {
        self.skip_spaces();
        let tok = [("=", "ne"), ("\\in", "notin"), ("<", "ge"), (">", "le")];
        let found = tok.iter().find(|(sign, _)| self.starts_with(sign));
        let Some((sign, negation)) = found else {
            return Err(ParseError::Command("not".into()));
        };
        self.pos += sign.len();
        if self.peek(0).is_some_and(|c| c.is_ascii_alphabetic()) {
            return Err(ParseError::Command("not".into()));
        }
        self.push(Tok::Command(negation));
        Ok(())
    }

    fn environment(&mut self, which: &str) {
        let name = self.argument();
        let name = name.trim().trim_end_matches('*').to_owned();
        self.is_aligned = which == "begin" && matches!(&*name, "align" | "aligned" | "split");
        if which == "begin" {
            self.brackets.push(false);
            if name == "array" {
                self.argument();
            }
            self.push(Tok::Begin(name));
        } else {
            self.brackets.pop();
            self.push(Tok::End(name));
        }
    }
}
