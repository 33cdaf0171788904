//! Finds mathematics in Markdown before the Markdown parser sees it: `\(…\)`, `\[…\]`, `$…$`,
//! `$$…$$` and bare environments. Each formula becomes one character of a private plane, so that
//! bars in a table, underscores and backslashes inside it mean nothing to Markdown.

use std::sync::LazyLock;

use math_core::{LatexToMathML, MathCoreConfig, MathDisplay};

/// Bytes of a formula; longer ones are left as text.
const MAX_LATEX: usize = 4096;
/// Groups within groups; deeper ones are left as text.
const MAX_DEPTH: usize = 32;
/// The marks of formulas: plane 15 is for private use.
const FIRST_MARK: u32 = 0xf_0000;
const MAX_FORMULAS: usize = 0xfff0;

/// Environments that stand without dollars.
const ENVIRONMENTS: [&str; 10] = [
    "equation",
    "equation*",
    "align",
    "align*",
    "gather",
    "gather*",
    "multline",
    "multline*",
    "aligned",
    "cases",
];

/// A formula of a text.
pub struct Formula<'t> {
    /// With its delimiters, as it was written.
    pub source: &'t str,
    /// Without them; `None` while its end has not arrived.
    latex: Option<&'t str>,
    is_display: bool,
}

/// A text whose formulas have been taken out.
pub struct Extracted<'t> {
    /// The text with a mark for each formula.
    pub text: String,
    /// The formulas in order, each with the place of its mark in `text`.
    pub formulas: Vec<(usize, Formula<'t>)>,
}

/// Whether a character stands for a formula.
pub fn is_mark(c: char) -> bool {
    (FIRST_MARK..=0xf_fffd).contains(&u32::from(c))
}

/// Takes the formulas out of a text without marks. Where more text is to come (`is_open`), display
/// mathematics that has no end yet reaches to the end of the text.
pub fn extract(text: &str, is_open: bool) -> Extracted<'_> {
    let mut out = Extracted { text: String::with_capacity(text.len()), formulas: Vec::new() };
    let (mut at, mut is_line_start) = (0, true);
    // No dollar before this place closes anything: without it, many dollars would take long.
    let mut unclosed_to = 0;
    while at < text.len() {
        let rest = &text[at..];
        let n_code = if is_line_start { fenced(rest) } else { 0 };
        let n_code = if n_code == 0 { code_span(rest) } else { n_code };
        if n_code > 0 {
            out.text.push_str(&rest[..n_code]);
            at += n_code;
            is_line_start = rest[..n_code].ends_with('\n');
            continue;
        }
        let found = if out.formulas.len() < MAX_FORMULAS {
            formula(rest, is_open).or_else(|| dollars(rest, at, &mut unclosed_to))
        } else {
            None
        };
        if let Some(formula) = found {
            at += formula.source.len();
            is_line_start = false;
            let place = out.text.len();
            out.text.push(mark(out.formulas.len()));
            out.formulas.push((place, formula));
            continue;
        }
        // An escaped character is never a delimiter.
        let n_chars = if rest.starts_with('\\') { 2 } else { 1 };
        let n_bytes: usize = rest.chars().take(n_chars).map(char::len_utf8).sum();
        out.text.push_str(&rest[..n_bytes]);
        at += n_bytes;
        is_line_start = rest[..n_bytes].ends_with('\n');
    }
    out
}

fn mark(index: usize) -> char {
    char::from_u32(FIRST_MARK + index as u32).expect("within the plane")
}

impl Extracted<'_> {
    /// The formula of a mark.
    pub fn formula(&self, c: char) -> Option<&Formula<'_>> {
        let index = u32::from(c).checked_sub(FIRST_MARK)? as usize;
        self.formulas.get(index).map(|(_, formula)| formula)
    }

    /// `text`, which is a part of ours, as it was before.
    pub fn restore(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        for c in text.chars() {
            match self.formula(c) {
                Some(formula) => out.push_str(formula.source),
                None => out.push(c),
            }
        }
        out
    }

    /// Where a place of `text` was before.
    pub fn source_offset(&self, place: usize) -> usize {
        let before = self.formulas.iter().take_while(|(at, _)| *at < place);
        before.fold(place, |offset, (_, formula)| {
            offset + formula.source.len() - '\u{f0000}'.len_utf8()
        })
    }
}

/// Bytes of a fenced code block that begins with this line, or 0.
fn fenced(rest: &str) -> usize {
    let mut lines = rest.split_inclusive('\n');
    let fence = |line: &str| {
        let line = line.trim_start_matches([' ', '\t', '>']);
        let first = line.chars().next().filter(|c| matches!(c, '`' | '~'))?;
        let n = line.chars().take_while(|c| *c == first).count();
        (n >= 3).then(|| (first, n, line[n..].trim().to_owned()))
    };
    let Some(first) = lines.next() else { return 0 };
    // Backticks after the opening ones make it a code span.
    let Some((mark, n, _)) = fence(first).filter(|(c, _, info)| *c == '~' || !info.contains('`'))
    else {
        return 0;
    };
    let mut end = first.len();
    for line in lines {
        end += line.len();
        let closes =
            |(c, count, info): (char, usize, String)| c == mark && count >= n && info.is_empty();
        if fence(line).is_some_and(closes) {
            break;
        }
    }
    end
}

/// Bytes of a code span that begins here, or of backticks that begin none.
fn code_span(rest: &str) -> usize {
    let run = |text: &str| text.bytes().take_while(|b| *b == b'`').count();
    let n = run(rest);
    if n == 0 {
        return 0;
    }
    let mut at = n;
    while let Some(next) = rest[at..].find('`') {
        let found = run(&rest[at + next..]);
        at += next + found;
        if found == n {
            return at;
        }
    }
    n
}

/// The formula that begins here.
fn formula(rest: &str, is_open: bool) -> Option<Formula<'_>> {
    if let Some(inner) = rest.strip_prefix("\\(") {
        return closed(rest, inner, "\\)", false).filter(|f| !f.source.contains("\n\n"));
    }
    for (open, close) in [("\\[", "\\]"), ("$$", "$$")] {
        if let Some(inner) = rest.strip_prefix(open) {
            return closed(rest, inner, close, true).or_else(|| unclosed(rest, is_open));
        }
    }
    let inner = rest.strip_prefix("\\begin{")?;
    let is_here =
        |name: &&&str| inner.strip_prefix(**name).is_some_and(|rest| rest.starts_with('}'));
    let close = format!("\\end{{{}}}", ENVIRONMENTS.iter().find(is_here)?);
    let Some(end) = find(rest, &close) else { return unclosed(rest, is_open) };
    let source = &rest[..end + close.len()];
    Some(Formula { source, latex: Some(source), is_display: true })
}

/// The place of a delimiter, if it is near enough.
fn find(text: &str, delimiter: &str) -> Option<usize> {
    let near = text.floor_char_boundary(MAX_LATEX);
    text[..near].find(delimiter)
}

fn closed<'t>(rest: &'t str, inner: &'t str, close: &str, is_display: bool) -> Option<Formula<'t>> {
    let end = find(inner, close)?;
    let n_open = rest.len() - inner.len();
    let latex = inner[..end].trim();
    let source = &rest[..n_open + end + close.len()];
    (!latex.is_empty()).then_some(Formula { source, latex: Some(latex), is_display })
}

fn unclosed(rest: &str, is_open: bool) -> Option<Formula<'_>> {
    let is_waiting = is_open && rest.len() < MAX_LATEX;
    is_waiting.then_some(Formula { source: rest, latex: None, is_display: true })
}

/// `$…$` without spaces inside the dollars, and not before a digit: prices are none. `rest` begins
/// at `at` of the whole text; where nothing closes is noted in `unclosed_to`.
fn dollars<'t>(rest: &'t str, at: usize, unclosed_to: &mut usize) -> Option<Formula<'t>> {
    let inner = rest.strip_prefix('$')?;
    if inner.starts_with(['$', ' ', '\t', '\n']) {
        return None;
    }
    let near = inner.floor_char_boundary(MAX_LATEX);
    let paragraph = find(inner, "\n\n").unwrap_or(near);
    let bytes = inner.as_bytes();
    let closes = |place: &usize| {
        let (before, after) = (bytes[place - 1], bytes.get(place + 1));
        bytes[*place] == b'$'
            && before != b'\\'
            && !before.is_ascii_whitespace()
            && !after.is_some_and(u8::is_ascii_digit)
    };
    let first = unclosed_to.saturating_sub(at + 1).max(1);
    let Some(end) = (first..paragraph).find(closes) else {
        *unclosed_to = (*unclosed_to).max(at + 1 + paragraph);
        return None;
    };
    Some(Formula { source: &rest[..end + 2], latex: Some(&inner[..end]), is_display: false })
}

static CONVERTER: LazyLock<LatexToMathML> = LazyLock::new(|| {
    let config = MathCoreConfig { ignore_unknown_commands: true, ..MathCoreConfig::default() };
    LatexToMathML::new(config).expect("there are no macros that could be wrong")
});

impl Formula<'_> {
    /// As MathML, or as its source where it cannot be converted. Not sanitised.
    pub fn html(&self) -> String {
        let display = if self.is_display { MathDisplay::Block } else { MathDisplay::Inline };
        let latex = self.latex.filter(|latex| depth(latex) <= MAX_DEPTH);
        let converted =
            latex.and_then(|latex| CONVERTER.convert_with_local_state(latex, display).ok());
        match converted {
            Some(result) => result.mathml,
            None => {
                let class = if self.is_display { "math-block" } else { "math-source" };
                format!("<code class=\"{class}\">{}</code>", super::escape(self.source))
            }
        }
    }
}

/// How deep groups are nested.
fn depth(latex: &str) -> usize {
    let (mut depth, mut deepest) = (0usize, 0);
    let mut rest = latex;
    while let Some(c) = rest.chars().next() {
        depth = match c {
            '{' => depth + 1,
            '}' => depth.saturating_sub(1),
            '\\' if is_command(rest, "left") || is_command(rest, "begin") => depth + 1,
            '\\' if is_command(rest, "right") || is_command(rest, "end") => depth.saturating_sub(1),
            _ => depth,
        };
        deepest = deepest.max(depth);
        rest = &rest[c.len_utf8()..];
        // `\{` and `\\` open nothing.
        if c == '\\' && rest.starts_with(['{', '}', '\\']) {
            rest = &rest[1..];
        }
    }
    deepest
}

/// Whether a text begins with this command and not with a longer one, such as `\leftarrow`.
fn is_command(text: &str, name: &str) -> bool {
    let rest = text[1..].strip_prefix(name);
    rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphabetic()))
}
