//! How people ask: templates with gaps, small politeness, upper case or not, numbers in digits or
//! in words.

use crate::language::Language;
use crate::random::Random;

/// `template` with each `{name}` of `gaps` filled.
pub fn fill(template: &str, gaps: &[(&str, &str)]) -> String {
    gaps.iter().fold(template.to_string(), |text, (name, value)| {
        text.replace(&format!("{{{name}}}"), value)
    })
}

/// `question` as one of many would type it: with or without a capital, now and then politely.
pub fn ask(question: &str, language: Language, random: &mut Random) -> String {
    let before: &[&str] = match language {
        Language::English => &["please ", "hi, ", "can you tell me: ", "hello! ", "help me: "],
        Language::German => &["bitte ", "hallo, ", "kannst du mir sagen: ", "hilf mir: "],
    };
    let mut text = question.to_string();
    if random.chance(0.06) {
        text = format!("{}{text}", random.pick(before));
    }
    if random.chance(0.5) { capital(&text) } else { text }
}

/// `text` with its first letter in upper case.
pub fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// `n` in digits, or in words if asked for and it has a short name.
pub fn number(n: i64, in_words: bool, language: Language) -> String {
    let words = if in_words { language.number(n) } else { None };
    words.unwrap_or_else(|| n.to_string())
}
