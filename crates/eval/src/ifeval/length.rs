//! Instructions about lengths, in words, sentences and paragraphs.

use std::sync::LazyLock;

use regex::Regex;

use super::Instruction;

static WORD: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\w+").expect("a fixed pattern"));

/// Few or many enough words.
pub(super) fn words(reply: &str, instruction: &Instruction) -> Option<bool> {
    let found = WORD.find_iter(reply).count();
    instruction.holds("relation", found, instruction.count("num_words")?)
}

/// Few or many enough sentences.
pub(super) fn sentences(reply: &str, instruction: &Instruction) -> Option<bool> {
    let found = count_sentences(reply);
    instruction.holds("relation", found, instruction.count("num_sentences")?)
}

/// Exactly as many paragraphs as wanted, with three asterisks between them.
pub(super) fn paragraphs(reply: &str, instruction: &Instruction) -> Option<bool> {
    let wanted = instruction.count("num_paragraphs")?;
    let parts: Vec<&str> = reply.split("***").collect();
    let last = parts.len() - 1;
    let is_empty = |part: &str| part.trim().is_empty();
    if parts.iter().enumerate().any(|(i, part)| is_empty(part) && i != 0 && i != last) {
        return Some(false);
    }
    Some(parts.iter().filter(|part| !is_empty(part)).count() == wanted)
}

/// As many paragraphs as wanted, with blank lines between them, and a word that one begins with.
pub(super) fn first_word(reply: &str, instruction: &Instruction) -> Option<bool> {
    let wanted = instruction.count("num_paragraphs")?;
    let nth = instruction.count("nth_paragraph")?;
    let word = instruction.text("first_word")?.to_lowercase();
    let parts: Vec<&str> = reply.split("\n\n").collect();
    let found = parts.iter().filter(|part| !part.trim().is_empty()).count();
    let Some(paragraph) = nth.checked_sub(1).and_then(|place| parts.get(place)) else {
        return Some(false);
    };
    let first = paragraph.split_whitespace().next().unwrap_or_default();
    let first = first.trim_start_matches(['\'', '"']).to_lowercase();
    let first = first.split(['.', ',', '?', '!', '\'', '"']).next().unwrap_or_default();
    Some(found == wanted && !first.is_empty() && first == word)
}

/// Shortened words whose point ends no sentence.
const ABBREVIATIONS: &[&str] = &[
    "mr", "mrs", "ms", "dr", "prof", "st", "vs", "etc", "e.g", "i.e", "inc", "ltd", "jr", "sr",
    "no", "fig", "approx", "dept", "est", "min", "max", "u.s", "a.m", "p.m",
];

/// Sentences: runs of text up to `.`, `!` or `?`, with quotes and brackets after it, before a blank;
/// not after shortened words and single letters, nor where a small letter goes on.
fn count_sentences(text: &str) -> usize {
    let chars: Vec<char> = text.chars().collect();
    let mut found = 0;
    let (mut start, mut place) = (0, 0);
    while place < chars.len() {
        if !matches!(chars[place], '.' | '!' | '?' | '…' | '。' | '！' | '？') {
            place += 1;
            continue;
        }
        let mut end = place;
        while end < chars.len() && ".!?…。！？\"'”’)]*_".contains(chars[end]) {
            end += 1;
        }
        let is_wide = matches!(chars[place], '。' | '！' | '？');
        let is_at_blank = end == chars.len() || chars[end].is_whitespace() || is_wide;
        let next = chars[end..].iter().find(|c| !c.is_whitespace());
        let goes_on = chars[place] == '.'
            && (is_shortened(&chars[start..place]) || next.is_some_and(|c| c.is_lowercase()));
        if is_at_blank && !goes_on {
            found += usize::from(has_word(&chars[start..end]));
            start = end;
        }
        place = end;
    }
    found + usize::from(has_word(&chars[start..]))
}

fn has_word(chars: &[char]) -> bool {
    chars.iter().any(|c| c.is_alphanumeric())
}

/// Whether the last word before a point is one that a point follows anyway.
fn is_shortened(before: &[char]) -> bool {
    let begin = before.iter().rposition(|c| c.is_whitespace() || *c == '(').map_or(0, |at| at + 1);
    let word: String = before[begin..].iter().collect::<String>().to_lowercase();
    let is_initial =
        word.chars().count() == 1 && word != "i" && word.chars().all(char::is_alphabetic);
    is_initial || ABBREVIATIONS.contains(&word.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_end_where_a_reader_ends_them() {
        let cases = [
            ("", 0),
            ("One", 1),
            ("One. Two! Three?", 3),
            ("Mr. Smith met Dr. J. Doe at 3.5 km. They spoke.", 2),
            ("He said \"Go!\" Then he left.", 2),
            ("Wait... what? Yes.", 2),
            ("It costs e.g. five dollars. Fine", 2),
            ("So do I. You too.", 2),
            ("一。二。", 2),
        ];
        for (text, want) in cases {
            assert_eq!(count_sentences(text), want, "{text}");
        }
    }
}
