//! Instructions about the form of a reply.

use std::sync::LazyLock;

use regex::Regex;

use super::Instruction;

fn fixed(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a fixed pattern")
}

/// No comma anywhere.
pub(super) fn no_comma(reply: &str, _: &Instruction) -> Option<bool> {
    Some(!reply.contains(','))
}

/// The whole reply stands in double quotes.
pub(super) fn quoted(reply: &str, _: &Instruction) -> Option<bool> {
    let reply = reply.trim();
    Some(reply.len() > 1 && reply.starts_with('"') && reply.ends_with('"'))
}

/// The reply ends with a phrase.
pub(super) fn ends_with(reply: &str, instruction: &Instruction) -> Option<bool> {
    let phrase = instruction.text("end_phrase")?.trim().to_lowercase();
    Some(reply.trim().trim_matches('"').to_lowercase().ends_with(&phrase))
}

/// The reply begins with the request.
pub(super) fn repeats_prompt(reply: &str, instruction: &Instruction) -> Option<bool> {
    let prompt = instruction.text("prompt_to_repeat")?.trim().to_lowercase();
    Some(reply.trim().to_lowercase().starts_with(&prompt))
}

/// Two different replies with six asterisks between them.
pub(super) fn two_responses(reply: &str, _: &Instruction) -> Option<bool> {
    let parts: Vec<&str> = reply.split("******").map(str::trim).collect();
    let inner = parts.get(1..parts.len().saturating_sub(1)).unwrap_or_default();
    if inner.iter().any(|part| part.is_empty()) {
        return Some(false);
    }
    let full: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    Some(full.len() == 2 && full[0] != full[1])
}

static PLACEHOLDER: LazyLock<Regex> = LazyLock::new(|| fixed(r"\[.*?\]"));

/// Enough place-holders in square brackets.
pub(super) fn placeholders(reply: &str, instruction: &Instruction) -> Option<bool> {
    let wanted = instruction.count("num_placeholders")?;
    Some(PLACEHOLDER.find_iter(reply).count() >= wanted)
}

/// A postscript with its mark.
pub(super) fn postscript(reply: &str, instruction: &Instruction) -> Option<bool> {
    let marker = instruction.text("postscript_marker")?;
    let pattern = match marker {
        "P.P.S" => r"(?m)\s*p\.\s?p\.\s?s.*$".to_owned(),
        "P.S." => r"(?m)\s*p\.\s?s\..*$".to_owned(),
        other => format!(r"(?m)\s*{}.*$", regex::escape(&other.to_lowercase())),
    };
    Some(fixed(&pattern).is_match(&reply.to_lowercase()))
}

/// One of the three answers that were allowed.
pub(super) fn constrained(reply: &str, _: &Instruction) -> Option<bool> {
    let allowed = ["My answer is yes.", "My answer is no.", "My answer is maybe."];
    Some(allowed.iter().any(|answer| reply.contains(answer)))
}

/// The whole reply is JSON, in a fence or not.
pub(super) fn json(reply: &str, _: &Instruction) -> Option<bool> {
    let mut text = reply.trim();
    for fence in ["```json", "```Json", "```JSON", "```"] {
        text = text.strip_prefix(fence).unwrap_or(text);
    }
    text = text.strip_suffix("```").unwrap_or(text).trim();
    Some(serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok())
}

/// Enough sections that are announced by a word and a number.
pub(super) fn sections(reply: &str, instruction: &Instruction) -> Option<bool> {
    let word = regex::escape(instruction.text("section_spliter")?);
    let wanted = instruction.count("num_sections")?;
    let found = fixed(&format!(r"\s?{word}\s?\d+\s?")).find_iter(reply).count();
    Some(found >= wanted)
}

static BULLETS: LazyLock<[Regex; 2]> =
    LazyLock::new(|| [fixed(r"(?m)^\s*\*[^\*].*$"), fixed(r"(?m)^\s*-.*$")]);

/// As many bullets as wanted, no more.
pub(super) fn bullets(reply: &str, instruction: &Instruction) -> Option<bool> {
    let wanted = instruction.count("num_bullets")?;
    let found: usize = BULLETS.iter().map(|pattern| pattern.find_iter(reply).count()).sum();
    Some(found == wanted)
}

static HIGHLIGHTS: LazyLock<[Regex; 2]> =
    LazyLock::new(|| [fixed(r"\*[^\n\*]*\*"), fixed(r"\*\*[^\n\*]*\*\*")]);

/// Enough highlighted passages, which are not empty.
pub(super) fn highlights(reply: &str, instruction: &Instruction) -> Option<bool> {
    let wanted = instruction.count("num_highlights")?;
    let found: usize = HIGHLIGHTS
        .iter()
        .map(|pattern| {
            let is_full =
                |found: &regex::Match<'_>| !found.as_str().trim_matches('*').trim().is_empty();
            pattern.find_iter(reply).filter(is_full).count()
        })
        .sum();
    Some(found >= wanted)
}

static TITLE: LazyLock<Regex> = LazyLock::new(|| fixed(r"<<[^\n]+>>"));

/// A title in double angular brackets.
pub(super) fn title(reply: &str, _: &Instruction) -> Option<bool> {
    let is_full = |found: regex::Match<'_>| {
        !found.as_str().trim_start_matches('<').trim_end_matches('>').trim().is_empty()
    };
    Some(TITLE.find_iter(reply).any(is_full))
}
