//! Instructions about words and letters.

use regex::{Regex, RegexBuilder};

use super::{Instruction, language};

/// A keyword as a pattern without regard to case. The data's keywords are patterns; one that is no
/// valid pattern means itself.
fn pattern(keyword: &str, around: &str) -> Regex {
    let build = |text: &str| {
        RegexBuilder::new(&format!("{around}{text}{around}")).case_insensitive(true).build()
    };
    build(keyword)
        .or_else(|_| build(&regex::escape(keyword)))
        .expect("an escaped text is a pattern")
}

/// All keywords occur.
pub(super) fn existence(reply: &str, instruction: &Instruction) -> Option<bool> {
    let keywords = instruction.texts("keywords")?;
    Some(keywords.iter().all(|keyword| pattern(keyword, "").is_match(reply)))
}

/// No forbidden word occurs as a word.
pub(super) fn forbidden(reply: &str, instruction: &Instruction) -> Option<bool> {
    let words = instruction.texts("forbidden_words")?;
    Some(!words.iter().any(|word| pattern(word, r"\b").is_match(reply)))
}

/// A keyword occurs often or seldom enough.
pub(super) fn frequency(reply: &str, instruction: &Instruction) -> Option<bool> {
    let found = pattern(instruction.text("keyword")?, "").find_iter(reply).count();
    instruction.holds("relation", found, instruction.count("frequency")?)
}

/// The same for a letter of either case.
pub(super) fn letter_frequency(reply: &str, instruction: &Instruction) -> Option<bool> {
    let letter = instruction.text("letter")?.to_lowercase();
    let found = reply.to_lowercase().matches(letter.as_str()).count();
    instruction.holds("let_relation", found, instruction.count("let_frequency")?)
}

/// Often or seldom enough a word is all in capitals.
pub(super) fn capital_words(reply: &str, instruction: &Instruction) -> Option<bool> {
    let found = reply.split_whitespace().flat_map(tokens).filter(|word| is_upper(word)).count();
    instruction.holds("capital_relation", found, instruction.count("capital_frequency")?)
}

/// The words of a text without blanks, as the Penn treebank cuts them: punctuation apart, and
/// `n't`, `'s` and the like as words of their own.
fn tokens(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let is_joined = |c: char| c.is_alphanumeric() || "'’-._/&".contains(c);
    for part in text.split(|c: char| !is_joined(c)) {
        let word = part.trim_matches(|c: char| !c.is_alphanumeric());
        let lower = word.to_lowercase();
        let cut = if lower.len() == word.len() && lower.ends_with("n't") {
            word.len() - 3
        } else {
            word.rfind(['\'', '’']).unwrap_or(word.len())
        };
        let (stem, rest) = word.split_at(cut);
        found.extend([stem, rest].iter().filter(|word| !word.is_empty()));
    }
    found
}

/// Everything is in capitals, and in English.
pub(super) fn all_capital(reply: &str, _: &Instruction) -> Option<bool> {
    Some(is_upper(reply) && language::is_english(reply))
}

/// Everything is in small letters, and in English.
pub(super) fn all_lowercase(reply: &str, _: &Instruction) -> Option<bool> {
    let has_small = reply.chars().any(char::is_lowercase);
    Some(has_small && !reply.chars().any(char::is_uppercase) && language::is_english(reply))
}

fn is_upper(text: &str) -> bool {
    text.chars().any(char::is_uppercase) && !text.chars().any(char::is_lowercase)
}
