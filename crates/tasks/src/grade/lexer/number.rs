//! Numbers as they are written: thousands marks, repeating decimals, scientific notation, digits
//! beyond nine.

use super::{Lexer, Tok};

impl Lexer {
    /// Reads the number that starts here.
    pub(super) fn number(&mut self) {
        if let Some((digits, base, length)) = based_literal(&self.chars[self.pos..]) {
            self.pos += length;
            self.push(Tok::Based { digits, base });
            return;
        }
        let mut digits = self.digit_run();
        self.thousands(&mut digits);
        let has_point = self.peek(0) == Some('.')
            && (self.peek(1).is_some_and(|c| c.is_ascii_digit())
                || digits.is_empty()
                || self.period_follows(1)
                || (self.peek(1) == Some('(') && self.peek(2).is_some_and(|c| c.is_ascii_digit())));
        let mut repeating = String::new();
        if has_point {
            self.pos += 1;
            digits.push('.');
            digits.push_str(&self.digit_run());
            repeating = self.period();
            self.ellipsis(&digits, &mut repeating);
        }
        if repeating.is_empty() {
            self.exponent(&mut digits);
        }
        self.push(Tok::Number { digits, repeating });
    }

    fn digit_run(&mut self) -> String {
        let start = self.pos;
        while self.peek(0).is_some_and(|c| c.is_ascii_digit()) {
            self.pos += 1;
        }
        self.chars[start..self.pos].iter().collect()
    }

    /// Exactly three digits here, and no fourth.
    fn is_triple(&self, ahead: usize) -> bool {
        (0..3).all(|i| self.peek(ahead + i).is_some_and(|c| c.is_ascii_digit()))
            && !self.peek(ahead + 3).is_some_and(|c| c.is_ascii_digit())
    }

    /// Joins groups of three digits while the marks between them are of one kind.
    fn thousands(&mut self, digits: &mut String) {
        if digits.is_empty() || digits.len() > 3 || digits.starts_with('0') {
            return;
        }
        if self.peek(0) == Some(',') && self.is_triple(1) {
            // A bare comma is a mark only outside brackets, and only if the whole run of digits
            // and commas fits the pattern.
            let in_list = self.brackets.last().copied().unwrap_or(false);
            if !in_list && self.run_of_commas_fits() {
                while self.peek(0) == Some(',') && self.is_triple(1) {
                    self.pos += 1;
                    digits.push_str(&self.digit_run());
                }
            }
            return;
        }
        while let Some(skip) = self.mark_length() {
            self.pos += skip;
            digits.push_str(&self.digit_run());
        }
    }

    fn run_of_commas_fits(&self) -> bool {
        let before = self.chars[..self.pos].iter().rev().find(|c| !c.is_ascii_digit());
        if before == Some(&',') {
            return false;
        }
        let mut at = 0;
        while self.peek(at) == Some(',') {
            if self.peek(at + 1) == Some(' ') {
                return true;
            }
            if !self.is_triple(at + 1) {
                // A trailing comma ends the run; anything else makes it a list.
                return !self.peek(at + 1).is_some_and(|c| c.is_ascii_digit());
            }
            at += 4;
        }
        true
    }

    /// Length of an explicit thousands mark that is followed by three digits: `,\!`, `{,}`, `\,`,
    /// a space.
    fn mark_length(&self) -> Option<usize> {
        let rest: &[char] = &self.chars[self.pos.min(self.chars.len())..];
        let skip_spaces = |mut at: usize| {
            while rest.get(at) == Some(&' ') {
                at += 1;
            }
            at
        };
        let starts = |at: usize, text: &str| {
            text.chars().enumerate().all(|(i, c)| rest.get(at + i) == Some(&c))
        };
        if starts(0, "{,}") {
            let at = skip_spaces(3);
            return self.is_triple(at).then_some(at);
        }
        if starts(0, ",") {
            let at = skip_spaces(1);
            if starts(at, "\\!") {
                let at = skip_spaces(at + 2);
                return self.is_triple(at).then_some(at);
            }
            return None;
        }
        let gap = if starts(0, "\\,") || starts(0, "\\;") || starts(0, "\\ ") {
            skip_spaces(2)
        } else if starts(0, "~") || starts(0, " ") {
            1
        } else {
            return None;
        };
        let after = skip_spaces(gap + 3);
        let is_mixed = rest.get(after) == Some(&'/');
        (self.is_triple(gap) && !is_mixed).then_some(gap)
    }

    pub(super) fn period_follows(&self, ahead: usize) -> bool {
        let rest: String = self.chars[self.pos..].iter().skip(ahead).take(10).collect();
        ["\\overline", "\\bar", "\\dot"].iter().any(|c| rest.starts_with(c))
    }

    /// Repeating digits: `\overline{3}`, `\bar3`, `(3)`.
    fn period(&mut self) -> String {
        let start = self.pos;
        if self.peek(0) == Some('(') {
            let digits: String =
                self.chars[self.pos + 1..].iter().take_while(|c| c.is_ascii_digit()).collect();
            if !digits.is_empty() && self.peek(digits.len() + 1) == Some(')') {
                self.pos += digits.len() + 2;
                return digits;
            }
            return String::new();
        }
        if self.starts_with("\\dot") && !self.starts_with("\\dots") {
            return self.dotted_period();
        }
        if self.period_follows(0) {
            self.pos += 1;
            while self.peek(0).is_some_and(|c| c.is_ascii_alphabetic()) {
                self.pos += 1;
            }
            let digits = self.argument();
            if !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit()) {
                return digits;
            }
            self.pos = start;
        }
        String::new()
    }

    pub(super) fn starts_with(&self, text: &str) -> bool {
        text.chars().enumerate().all(|(i, c)| self.peek(i) == Some(c))
    }

    /// Dots over the first and the last digit of the period: `\dot{1}42\dot{7}`.
    fn dotted_period(&mut self) -> String {
        let start = self.pos;
        let mut digits = String::new();
        for is_last in [false, true] {
            if self.starts_with("\\dot") && !self.starts_with("\\dots") {
                self.pos += 4;
                digits.push_str(&self.argument());
                if !is_last {
                    let inner = self.digit_run();
                    if !inner.is_empty() && !self.starts_with("\\dot") {
                        self.pos = start;
                        return String::new();
                    }
                    digits.push_str(&inner);
                }
            }
        }
        if digits.is_empty() || digits.chars().any(|c| !c.is_ascii_digit()) {
            self.pos = start;
            return String::new();
        }
        digits
    }

    /// `0.333...`: digits that have shown their period three times before an ellipsis.
    fn ellipsis(&mut self, digits: &str, repeating: &mut String) {
        let rest: String = self.chars[self.pos..].iter().take(8).collect();
        let rest = rest.trim_start();
        let is_dots = rest.starts_with("...")
            || rest.starts_with("\\ldots")
            || rest.starts_with("\\dots")
            || rest.starts_with("\\cdots");
        if !is_dots || !repeating.is_empty() {
            return;
        }
        let Some(point) = digits.find('.') else { return };
        let fraction = digits[point + 1..].to_owned();
        for length in 1..=fraction.len() / 3 {
            let (head, block) = fraction.split_at(fraction.len() - length);
            if head.ends_with(&block.repeat(2)) {
                *repeating = block.to_owned();
                self.spaced = false;
                while self.peek(0) == Some(' ') {
                    self.pos += 1;
                }
                self.pos += if self.peek(0) == Some('.') { 3 } else { 1 };
                while self.chars[self.pos - 1] != '.'
                    && self.peek(0).is_some_and(|c| c.is_ascii_alphabetic())
                {
                    self.pos += 1;
                }
                return;
            }
            if length > 64 {
                return;
            }
        }
    }

    /// `e-3` or `E5` directly after the digits.
    fn exponent(&mut self, digits: &mut String) {
        if !matches!(self.peek(0), Some('e' | 'E')) {
            return;
        }
        let sign = usize::from(matches!(self.peek(1), Some('+' | '-')));
        let length =
            self.chars[self.pos..].iter().skip(1 + sign).take_while(|c| c.is_ascii_digit()).count();
        let after = self.peek(1 + sign + length);
        if length == 0 || length > 6 || after.is_some_and(|c| c.is_ascii_alphabetic() || c == '.') {
            return;
        }
        digits.extend(&self.chars[self.pos..self.pos + 1 + sign + length]);
        self.pos += 1 + sign + length;
    }
}

/// Digits and capital letters followed by a subscript above ten: `152A_{11}`, `FF_{16}`.
pub(super) fn based_literal(chars: &[char]) -> Option<(String, u32, usize)> {
    let digits: String = chars
        .iter()
        .take(64)
        .take_while(|c| c.is_ascii_digit() || c.is_ascii_uppercase())
        .collect();
    if !digits.contains(|c: char| c.is_ascii_uppercase()) || chars.get(digits.len()) != Some(&'_') {
        return None;
    }
    let mut at = digits.len() + 1;
    let is_braced = chars.get(at) == Some(&'{');
    at += usize::from(is_braced);
    let subscript: String = chars[at..].iter().take(3).take_while(|c| c.is_ascii_digit()).collect();
    at += subscript.len();
    let base: u32 = subscript.parse().ok()?;
    let is_closed = !is_braced || chars.get(at) == Some(&'}');
    at += usize::from(is_braced);
    let fits = (11..=36).contains(&base) && digits.chars().all(|c| c.is_digit(base));
    (is_closed && fits).then_some((digits, base, at))
}
