//! The final answer of a reply: what stands in its last box, or else what the named fall-backs
//! find. Thinking is never searched, and a reply that is still thinking has no answer.

/// Where an answer was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The last balanced `\boxed` or `\fbox`, or several joined by commas, "and" or "or".
    Box,
    /// After "answer is", "Answer:", 答案是 and the like.
    Phrase,
    /// After `####`, as GSM8K writes it.
    Hashes,
    /// The last text in bold.
    Bold,
    /// The last formula between math delimiters.
    Formula,
    /// The last line, as it stands.
    LastLine,
    /// The thinking was never closed: there is no answer.
    Unfinished,
    /// Nothing was found.
    Nowhere,
}

/// A final answer and where it stood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extracted {
    /// The answer's text; `None` when there is none.
    pub text: Option<String>,
    /// Where it was found, or why not.
    pub source: Source,
}

/// Which fall-backs may be used when no box is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "five independent switches")]
pub struct Fallbacks {
    /// See [`Source::Phrase`].
    pub phrase: bool,
    /// See [`Source::Hashes`].
    pub hashes: bool,
    /// See [`Source::Bold`].
    pub bold: bool,
    /// See [`Source::Formula`].
    pub formula: bool,
    /// See [`Source::LastLine`].
    pub last_line: bool,
}

impl Fallbacks {
    /// All of them: hashes first, then in the order of the fields.
    pub const ALL: Fallbacks =
        Fallbacks { phrase: true, hashes: true, bold: true, formula: true, last_line: true };
    /// Only a box counts.
    pub const NONE: Fallbacks =
        Fallbacks { phrase: false, hashes: false, bold: false, formula: false, last_line: false };
}

/// Words that announce an answer; the last one in the text wins.
const PHRASES: &[&str] = &[
    "answer is",
    "option is",
    "choice is",
    "answer:",
    "answer：",
    "answers are",
    "answer are",
    "答案是",
    "答案为",
    "答案：",
    "答案:",
];

/// Words that take back what was said before.
const RETRACTIONS: &[&str] = &[
    "wait",
    "actually",
    "alternatively",
    "correction",
    "or maybe",
    "or possibly",
    "on second thought",
    "i mean",
    " no,",
    " no:",
    "sorry",
    "scratch that",
    "instead",
];

/// Looks for an answer in one way.
type Finder = fn(&str) -> Option<String>;

/// The final answer of a reply, with every fall-back allowed.
pub fn extract_answer(reply: &str) -> Extracted {
    extract_with(reply, &Fallbacks::ALL)
}

/// The final answer of a reply, with the named fall-backs.
pub fn extract_with(reply: &str, fallbacks: &Fallbacks) -> Extracted {
    let Some(visible) = visible(reply) else {
        return Extracted { text: None, source: Source::Unfinished };
    };
    let attempts: [(bool, Source, Finder); 6] = [
        (true, Source::Box, last_boxes),
        (fallbacks.hashes, Source::Hashes, after_hashes),
        (fallbacks.phrase, Source::Phrase, after_phrase),
        (fallbacks.bold, Source::Bold, last_bold),
        (fallbacks.formula, Source::Formula, last_formula),
        (fallbacks.last_line, Source::LastLine, last_line),
    ];
    for (is_allowed, source, find) in attempts {
        if is_allowed && let Some(text) = find(visible) {
            return Extracted { text: Some(text), source };
        }
    }
    Extracted { text: None, source: Source::Nowhere }
}

/// What follows the thinking; `None` while it is still open.
pub fn visible(reply: &str) -> Option<&str> {
    let after = reply.rfind("</think>").map_or(reply, |place| &reply[place + "</think>".len()..]);
    // R1-Zero's form: what stands in the tags is the answer.
    let tagged = after.rsplit_once("<answer>").and_then(|(_, inner)| inner.split_once("</answer>"));
    (!after.contains("<think>")).then_some(tagged.map_or(after, |(inner, _)| inner))
}

/// Whether the text holds a box or marks of thinking, so that it is a reply and no bare answer.
pub fn is_reply(text: &str) -> bool {
    ["\\boxed", "\\fbox", "<think>", "</think>", "<answer>"].iter().any(|mark| text.contains(mark))
}

struct Boxed {
    start: usize,
    end: usize,
    content: (usize, usize),
}

/// Boxes and the words between them that may form one answer, together.
const MAX_JOINED: usize = 200;

/// The contents of the last outermost box, and of those joined to it.
fn last_boxes(text: &str) -> Option<String> {
    let boxes = boxes(text);
    let mut place = boxes.len().checked_sub(1)?;
    if is_denied(text, &boxes[place]) {
        return None;
    }
    let content = |b: &Boxed| text[b.content.0..b.content.1].trim();
    let mut pieces = vec![content(&boxes[place])];
    while place > 0 && pieces.len() < MAX_JOINED {
        let between = &text[boxes[place - 1].end..boxes[place].start];
        let Some(joint) = joint(between) else { break };
        place -= 1;
        pieces.push(joint);
        pieces.push(content(&boxes[place]));
    }
    pieces.reverse();
    Some(pieces.concat())
}

/// "It is not \boxed{5}", "\boxed{5} is wrong".
fn is_denied(text: &str, last: &Boxed) -> bool {
    let before = text[..last.start].trim_end_matches(['$', '\\', '(', '[', '*', ' ']);
    let after = text[last.end..].trim_start_matches(['$', '\\', ')', ']', '*', ' ']);
    let ends = [" not", "n't", " never"].iter().any(|word| before.ends_with(word));
    let starts = ["is not", "isn't", "is wrong", "is incorrect", "is false"];
    ends || starts.iter().any(|words| after.starts_with(words))
}

/// What two boxes are joined by, if nothing else stands between them.
fn joint(between: &str) -> Option<&'static str> {
    if between.len() > 60 || between.trim().is_empty() {
        return None;
    }
    let plain = between.replace(['$', '{', '}', '*', '~'], " ").replace("\\text", " ");
    let plain = plain.replace("\\quad", " ").replace("\\(", " ").replace("\\)", " ");
    let words: Vec<&str> = plain.split_whitespace().collect();
    match words[..] {
        [","] | [";"] => Some(", "),
        ["and"] | [",", "and"] => Some(" \\text{ and } "),
        ["or"] | [",", "or"] => Some(" \\text{ or } "),
        _ => None,
    }
}

/// All outermost balanced boxes that are not empty, in one pass over the text.
fn boxes(text: &str) -> Vec<Boxed> {
    let bytes = text.as_bytes();
    let mut found: Vec<Boxed> = Vec::new();
    // Open braces, each with the start of the box command it belongs to.
    let mut open: Vec<(usize, Option<usize>)> = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => {
                let command = ["\\boxed", "\\fbox"].iter().find(|c| text[at..].starts_with(**c));
                let Some(command) = command else {
                    at += 2;
                    continue;
                };
                let start = at;
                at += command.len();
                let brace = at + bytes[at..].iter().take_while(|b| b.is_ascii_whitespace()).count();
                if bytes.get(brace) == Some(&b'{') {
                    open.push((brace + 1, Some(start)));
                    at = brace + 1;
                } else if !bytes.get(at).is_some_and(u8::is_ascii_alphabetic) {
                    let length = bytes[brace..].iter().take_while(|b| is_bare(**b)).count();
                    push_box(&mut found, text, start, (brace, brace + length), brace + length);
                    at = brace + length;
                }
                continue;
            }
            b'{' => open.push((at + 1, None)),
            b'}' => {
                if let Some((content, Some(start))) = open.pop() {
                    push_box(&mut found, text, start, (content, at), at + 1);
                }
            }
            _ => {}
        }
        at += 1;
    }
    found
}

/// What may stand in a box without braces.
fn is_bare(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'/')
}

fn push_box(found: &mut Vec<Boxed>, text: &str, start: usize, content: (usize, usize), end: usize) {
    while found.last().is_some_and(|inner| inner.start > start) {
        found.pop();
    }
    if !text[content.0..content.1].trim().is_empty() {
        found.push(Boxed { start, end, content });
    }
}

/// The rest of the sentence after the last announcing phrase, unless it is taken back later.
fn after_phrase(text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let announced = PHRASES.iter().filter_map(|p| Some(lower.rfind(p)? + p.len())).max();
    let rest = match announced {
        Some(end) => &text[end..],
        None => after_statement(text)?,
    };
    let rest = rest.trim_start_matches([':', '：', ' ', '\n', '\r', '\t']);
    let rest = rest.strip_prefix("**").unwrap_or(rest).trim_start_matches([':', ' ', '\n']);
    let line = first_line(rest);
    let sentence = &line[..sentence_end(line)];
    let tail = rest[sentence.len()..].to_ascii_lowercase();
    if RETRACTIONS.iter().any(|word| tail.contains(word)) {
        return None;
    }
    let sentence = sentence.trim().trim_matches('*').trim();
    (!sentence.is_empty()).then(|| sentence.to_owned())
}

/// What a single sentence states: "The value of x is 5.", "There are 24 students."
fn after_statement(text: &str) -> Option<&str> {
    const OPENINGS: &[&str] = &["it is", "there are", "there is"];
    const SUBJECTS: &[&str] = &[
        "value",
        "total",
        "sum",
        "product",
        "difference",
        "result",
        "solution",
        "area",
        "perimeter",
        "volume",
        "length",
        "distance",
        "probability",
        "number",
        "remainder",
        "ratio",
        "average",
        "cost",
        "price",
        "age",
        "speed",
        "measure",
        "maximum",
        "minimum",
    ];
    let text = text.trim();
    let lower = text.to_ascii_lowercase();
    let mut start = 0;
    for word in ["so ", "so, ", "thus ", "thus, ", "hence ", "hence, ", "therefore ", "therefore, "]
    {
        if lower.starts_with(word) {
            start = word.len();
        }
    }
    let claim = &lower[start..];
    if let Some(opening) = OPENINGS.iter().find(|opening| claim.starts_with(**opening)) {
        return Some(&text[start + opening.len()..]);
    }
    let subject = claim.strip_prefix("the ")?;
    let verb = subject.find(" is ")?;
    let mut words = subject[..verb].split(' ');
    let is_plain = words.next().is_some_and(|word| SUBJECTS.contains(&word))
        && words.next().is_none_or(|word| word == "of");
    is_plain.then(|| &text[start + "the ".len() + verb + " is ".len()..])
}

/// The first line, or as many as a formula that opens it spans.
fn first_line(text: &str) -> &str {
    let formula = [("$$", "$$"), ("$", "$"), ("\\(", "\\)"), ("\\[", "\\]")].iter().find_map(
        |(open, close)| {
            let inner = text.strip_prefix(open)?;
            Some(open.len() + inner.find(close).filter(|at| *at < 2000)? + close.len())
        },
    );
    let start = formula.unwrap_or(0);
    let end = text[start..].find('\n').map_or(text.len(), |at| start + at);
    &text[..end]
}

/// Where a sentence ends: a full stop before a space or the end, outside math delimiters.
fn sentence_end(line: &str) -> usize {
    let bytes = line.as_bytes();
    let mut is_math = false;
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'$' if at == 0 || bytes[at - 1] != b'\\' => is_math = !is_math,
            b'.' if !is_math && bytes.get(at + 1).is_none_or(|b| *b == b' ') => {
                let before = bytes[at.saturating_sub(2)..at].to_ascii_lowercase();
                let is_abbreviation =
                    [".m", " a", " p", ".."].iter().any(|end| end.as_bytes() == before);
                if !is_abbreviation {
                    return at;
                }
            }
            _ => {}
        }
    }
    line.len()
}

fn after_hashes(text: &str) -> Option<String> {
    let place = text.rfind("####")?;
    // A heading of the fourth level starts the same way, but the text goes on below it.
    let line = text[place + 4..].trim();
    let is_answer = !line.is_empty() && !line.contains('\n') && line.len() <= 400;
    is_answer.then(|| line.to_owned())
}

fn last_bold(text: &str) -> Option<String> {
    let end = text.rfind("**")?;
    let start = text[..end].rfind("**")?;
    let inner = text[start + 2..end].trim();
    let is_short =
        !inner.is_empty() && inner.len() <= 400 && !inner.contains('\n') && !inner.ends_with(':');
    (is_short && is_claim(text, start, end + 2)).then(|| inner.to_owned())
}

/// Whether the line around a place states it, rather than denying it or offering a choice.
fn is_claim(text: &str, start: usize, end: usize) -> bool {
    const DOUBTS: &[&str] = &[
        "not",
        "n't",
        "wrong",
        "incorrect",
        "neither",
        "never",
        "cannot",
        "either",
        "or",
        "maybe",
        "between",
        "unless",
        "instead",
        "rather",
        "than",
        "except",
        "unlike",
        "unlikely",
        "possibly",
        "perhaps",
        "if",
    ];
    let from = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let to = text[end..].find('\n').map_or(text.len(), |at| end + at);
    let around = format!("{} {}", &text[from..start], &text[end..to]).to_lowercase();
    let is_word = |w: &&str| !w.is_empty();
    let mut words = around.split(|c: char| !(c.is_alphabetic() || c == '\'')).filter(is_word);
    !words.any(|word| DOUBTS.contains(&word) || word.ends_with("n't"))
}

/// The last formula between `$`, `$$`, `\(` or `\[`.
fn last_formula(text: &str) -> Option<String> {
    let mut best: Option<(usize, String)> = None;
    for (open, close) in [("\\(", "\\)"), ("\\[", "\\]"), ("$$", "$$"), ("$", "$")] {
        let Some(end) = last_unescaped(text, close) else { continue };
        let Some(start) = last_unescaped(&text[..end], open) else { continue };
        let inner = text[start + open.len()..end].trim();
        if inner.is_empty() || inner.len() > 2000 || (open == "$" && inner.contains('\n')) {
            continue;
        }
        if !is_claim(text, start, end + close.len()) {
            return None;
        }
        if best.as_ref().is_none_or(|(at, _)| *at < end) {
            best = Some((end, inner.to_owned()));
        }
    }
    best.map(|(_, inner)| inner)
}

/// The last place of a mark that no backslash stands before.
fn last_unescaped(text: &str, mark: &str) -> Option<usize> {
    text.rmatch_indices(mark).map(|(at, _)| at).find(|at| !text[..*at].ends_with('\\'))
}

/// Whether there are words around the formulas of a text, and no numbers.
pub fn is_wording(text: &str) -> bool {
    let mut is_outside = true;
    let mut outside = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        if is_outside || rest[..at].ends_with('\\') {
            outside.push_str(&rest[..at]);
        }
        is_outside ^= !rest[..at].ends_with('\\');
        rest = &rest[at + 1..];
    }
    outside.push_str(rest);
    let has_word = outside.split(|c: char| !c.is_alphabetic()).any(|word| word.chars().count() > 1);
    has_word && !outside.contains(|c: char| c.is_numeric())
}

fn last_line(text: &str) -> Option<String> {
    let line = text.lines().rev().map(str::trim).find(|line| !line.is_empty())?;
    (line.len() <= 400).then(|| line.to_owned())
}
