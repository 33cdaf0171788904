//! Answers that are not formulas: words, lettered options, times of day, dates, number words.

mod numbers;

use super::expr::Func;
use super::value::{Joint, MONTHS, NamedSet, Value};
pub use numbers::number_word;
use numbers::number_words;

/// Plain forms of the empty set and of the whole line.
const NO_SOLUTION: &[&str] = &[
    "no solution",
    "no solutions",
    "no real solution",
    "no real solutions",
    "empty set",
    "the empty set",
];
const ALL_REALS: &[&str] = &[
    "all real numbers",
    "all reals",
    "any real number",
    "the real numbers",
    "all real",
    "all real x",
];

const INTEGERS: &[&str] = &["all integers", "the integers", "any integer"];

/// Recognises what the expression parser is not meant to read. `source` is trimmed and unwrapped.
pub fn special(source: &str, is_text: bool) -> Option<Value> {
    if source.len() > 400 {
        return None;
    }
    let first = source.bytes().next()?;
    let is_short_number = source.len() <= 32
        && (first.is_ascii_digit() || first == b'-')
        && source.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'-' | b'.' | b'/' | b','));
    if is_short_number && !source.contains('-') {
        return None;
    }
    let flat = flatten(source);
    let lower = flat.to_lowercase();
    if NO_SOLUTION.contains(&lower.as_str()) {
        return Some(Value::Named(NamedSet::Empty));
    }
    if ALL_REALS.contains(&lower.as_str()) {
        return Some(Value::Named(NamedSet::Reals));
    }
    if INTEGERS.contains(&lower.as_str()) {
        return Some(Value::Named(NamedSet::Integers));
    }
    if let Some(left_out) = lower.strip_prefix("all real numbers except ") {
        return all_but(left_out);
    }
    clock(&lower)
        .or_else(|| date(&flat))
        .or_else(|| choice(source, &flat))
        .or_else(|| number_words(&lower))
        .or_else(|| {
            let starts_text = source.starts_with("\\text") || source.starts_with("\\mbox");
            // "x \text{ dollars}" is a formula with a unit.
            let is_mixed = !starts_text && (source.contains("\\text") || source.contains("\\$"));
            if is_mixed { None } else { words(&flat, is_text || starts_text) }
        })
}

/// The reals without the listed numbers.
fn all_but(left_out: &str) -> Option<Value> {
    let points = match super::parse::parse(left_out).ok()? {
        Value::List(parts, _) => parts,
        single => vec![single],
    };
    let is_number =
        |part: &Value| matches!(part, Value::Scalar { expr, .. } if !expr.has_variable());
    points.iter().all(is_number).then(|| {
        Value::Difference(Box::new(Value::Named(NamedSet::Reals)), Box::new(Value::Set(points)))
    })
}

/// The text without `\text` wrappers, layout commands and math delimiters.
pub fn flatten(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(place) = rest.find('\\') {
        out.push_str(&rest[..place]);
        rest = &rest[place..];
        let name_length = rest[1..].bytes().take_while(u8::is_ascii_alphabetic).count();
        let name = &rest[1..1 + name_length];
        if name_length == 0 {
            let symbol = rest[1..].chars().next();
            let is_space = matches!(symbol, Some(' ' | ',' | ';' | ':'));
            if is_space {
                out.push(' ');
            }
            if is_space || matches!(symbol, Some('!')) {
                rest = &rest[2..];
            } else {
                out.push('\\');
                rest = &rest[1..];
            }
            continue;
        }
        if matches!(
            name,
            "text"
                | "textbf"
                | "textit"
                | "mbox"
                | "mathrm"
                | "textrm"
                | "textnormal"
                | "mathbf"
                | "left"
                | "right"
                | "quad"
        ) {
            out.push_str(if name == "quad" { " " } else { "" });
            rest = &rest[1 + name_length..];
        } else {
            out.push('\\');
            rest = &rest[1..];
        }
    }
    out.push_str(rest);
    let out = out.replace(['{', '}', '$', '~'], " ").replace("**", "");
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `4:30 p.m.`, `16:30`, `9 a.m.`, `4:51:06 pm`, `noon`.
fn clock(lower: &str) -> Option<Value> {
    match lower {
        "noon" | "12 noon" => return Some(Value::Clock(12, 0, None, Some(true))),
        "midnight" | "12 midnight" => return Some(Value::Clock(12, 0, None, Some(false))),
        _ => {}
    }
    let text = lower.replace(". ", ".").replace(" :", ":").replace(": ", ":");
    let text = text.trim_end_matches('.');
    let halves: [(&str, Option<bool>); 6] = [
        ("a.m", Some(false)),
        ("am", Some(false)),
        ("p.m", Some(true)),
        ("pm", Some(true)),
        ("o'clock", None),
        ("", None),
    ];
    let (time, is_afternoon) = halves
        .iter()
        .find_map(|(suffix, half)| Some((text.strip_suffix(suffix)?.trim(), *half)))?;
    let parts: Vec<&str> = time.split(':').collect();
    let is_part = |p: &&str| (1..=2).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_digit());
    if !parts.iter().all(is_part) || parts.len() > 3 {
        return None;
    }
    let numbers: Vec<u32> = parts.iter().filter_map(|p| p.parse().ok()).collect();
    let is_stated = is_afternoon.is_some() || text.ends_with("o'clock");
    if parts.len() == 1 && !is_stated {
        return None;
    }
    if parts.len() > 1 && parts[1..].iter().any(|p| p.len() != 2) {
        return None;
    }
    let limit = if is_afternoon.is_some() { 12 } else { 24 };
    if numbers[0] > limit || numbers[1..].iter().any(|n| *n > 59) {
        return None;
    }
    Some(Value::Clock(
        numbers[0],
        numbers.get(1).copied().unwrap_or(0),
        numbers.get(2).copied(),
        is_afternoon,
    ))
}

/// `June 20`, `20 June`, `June 20th, 2020`, `2020-06-20`.
fn date(flat: &str) -> Option<Value> {
    let iso: Vec<&str> = flat.split('-').collect();
    if let [year, month, day] = iso[..]
        && year.len() == 4
        && month.len() == 2
        && day.len() == 2
    {
        let (month, day) = (month.parse().ok()?, day.parse().ok()?);
        return valid_date(Some(year.parse().ok()?), month, day);
    }
    let text = flat.replace([',', '.'], " ");
    let words: Vec<&str> = text.split_whitespace().filter(|w| *w != "of" && *w != "the").collect();
    if !(2..=3).contains(&words.len()) {
        return None;
    }
    let place = words.iter().position(|word| month_number(word).is_some())?;
    let month = month_number(words[place])?;
    let mut numbers = words.iter().enumerate().filter(|(i, _)| *i != place).map(|(_, w)| *w);
    let day = numbers.next()?;
    let day = ["st", "nd", "rd", "th"].iter().find_map(|s| day.strip_suffix(s)).unwrap_or(day);
    let year = match numbers.next() {
        Some(year) if year.len() == 4 => Some(year.parse().ok()?),
        Some(_) => return None,
        None => None,
    };
    valid_date(year, month, day.parse().ok()?)
}

/// The month a word names, in full or by three letters.
pub fn month_number(word: &str) -> Option<u32> {
    let lower = word.to_lowercase();
    let place = MONTHS.iter().position(|month| {
        let month = month.to_lowercase();
        lower == month
            || (lower.len() == 3 && month.starts_with(&lower))
            || lower == "sept" && month == "september"
    })?;
    Some(place as u32 + 1)
}

fn valid_date(year: Option<u32>, month: u32, day: u32) -> Option<Value> {
    ((1..=12).contains(&month) && (1..=31).contains(&day)).then_some(Value::Date(year, month, day))
}

/// `(C)`, `C)`, `C.`, `Option C`, `(C) 12`: a letter that is marked as an option.
fn choice(source: &str, flat: &str) -> Option<Value> {
    let mut text = flat;
    let mut is_marked = false;
    for word in ["option", "choice", "answer"] {
        if text.len() > word.len()
            && text.is_char_boundary(word.len())
            && text[..word.len()].eq_ignore_ascii_case(word)
        {
            text = text[word.len()..].trim_start_matches([' ', ':']);
            is_marked = true;
        }
    }
    if text.len() > 200 {
        return None;
    }
    let is_open = text.starts_with('(') || text.starts_with('[');
    let body = text.trim_start_matches(['(', '[']).trim_start();
    let letter = body.chars().next().filter(char::is_ascii_alphabetic)?;
    let rest = body[1..].trim_start();
    if rest.is_empty() && is_marked && letter.is_ascii_uppercase() {
        return Some(Value::Choice(letter, None));
    }
    let closers: &[char] = if is_open { &[')', ']'] } else { &[')', ']', '.', ':'] };
    if !rest.starts_with(closers) {
        return None;
    }
    let (after, is_spaced) = after_option(source, letter, closers)?;
    if after.is_empty() {
        return Some(Value::Choice(letter, None));
    }
    // "(A) or (B)" and "A) 5 or B) 6" offer two options.
    let lower = flatten(after).to_lowercase();
    let is_hedged = format!(" {lower}").contains(" or") || format!(" {lower}").contains(" and");
    // "(x)(x+1)", "(x)^2" and "f: ..." are formulas, "A) 5" and "(A) -5" are options.
    let is_signed = is_spaced && after.starts_with('-') && !after.starts_with("- ");
    let is_formula = !is_marked
        && !is_signed
        && (after
            .starts_with(['^', '(', '+', '-', '*', '/', '=', '_', ',', '!', '<', '>', '|', ':'])
            || (after.starts_with('\\') && is_open && !is_spaced));
    if !letter.is_ascii_uppercase() || is_hedged || is_formula {
        return None;
    }
    let words = flatten(after);
    let value = match super::parse::parse(after) {
        Ok(value) => value,
        Err(_) if is_plain(&words) => Value::Text(normalize(&words)),
        Err(_) => return None,
    };
    Some(Value::Choice(letter, Some(Box::new(value))))
}

/// Whether text is made of nothing but words, numbers and the marks between them.
pub fn is_plain(text: &str) -> bool {
    text.chars().all(|c| c.is_alphanumeric() || " ,.'-".contains(c))
        && !matches!(normalize(text).as_str(), "" | "and" | "or")
}

/// What follows an option's letter and its closing mark in the source, and whether blanks stand
/// between.
fn after_option<'a>(source: &'a str, letter: char, closers: &[char]) -> Option<(&'a str, bool)> {
    let tail = source.match_indices(letter).find_map(|(at, _)| {
        let rest = source[at + 1..].trim_start_matches(['}', ' ']);
        rest.strip_prefix(closers)
    })?;
    let mut after = tail;
    loop {
        let before = after;
        after = after.trim_start_matches(['}', ' ', '.', ':', ')', '~', '*', '$']);
        for blank in ["\\ ", "\\,", "\\;", "\\quad", "\\qquad"] {
            after = after.strip_prefix(blank).unwrap_or(after);
        }
        if after == before {
            break;
        }
    }
    Some((after.trim_end_matches(['*', '$', ' ']), after.len() < tail.len()))
}

/// Plain words, or a comma list of them.
fn words(flat: &str, is_text: bool) -> Option<Value> {
    let is_wordy = flat.chars().all(|c| c.is_alphabetic() || " ,.'-;:\"!?&".contains(c));
    if !is_wordy || flat.contains(" - ") {
        return None;
    }
    // Letters with signs between them are a formula.
    let is_formula =
        flat.contains(['!', '-']) && flat.split(|c: char| !c.is_alphabetic()).all(|w| w.len() <= 2);
    let parts: Vec<&str> = flat
        .split([',', ';'])
        .flat_map(|part| part.split(" and "))
        .map(|part| part.trim().trim_start_matches("and ").trim())
        .filter(|part| !matches!(normalize(part).as_str(), "" | "and" | "or"))
        .collect();
    let is_word = |word: &str| is_dictionary_word(word, is_text);
    let has_word = |part: &&str| part.split_whitespace().any(is_word);
    if is_formula || !parts.iter().any(has_word) {
        return None;
    }
    if parts.len() > 1 && parts.iter().all(|part| part.split_whitespace().count() <= 3) {
        let texts = parts.iter().map(|part| Value::Text(normalize(part))).collect();
        return Some(Value::List(texts, Joint::Comma));
    }
    let text = normalize(flat);
    number_words(&text).or(Some(Value::Text(text)))
}

/// Whether a run of letters is meant as a word and not as variables, a function or a unit.
fn is_dictionary_word(word: &str, is_text: bool) -> bool {
    let word = word.trim_matches(|c: char| !c.is_alphabetic());
    let lower = word.to_lowercase();
    if Func::from_name(&lower).is_some()
        || matches!(
            lower.as_str(),
            "pi" | "theta" | "alpha" | "beta" | "gamma" | "sqrt" | "infinity" | "and" | "or"
        )
    {
        return false;
    }
    if !word.is_ascii() {
        return word.chars().count() > 1;
    }
    let is_upper = word.len() > 1 && word.bytes().all(|b| b.is_ascii_uppercase());
    let is_run = word.as_bytes().windows(2).all(|w| w[1] == w[0] + 1);
    match word.len() {
        0 | 1 => false,
        2 | 3 if !is_text => {
            matches!(
                lower.as_str(),
                "yes"
                    | "no"
                    | "odd"
                    | "red"
                    | "dne"
                    | "may"
                    | "jan"
                    | "mon"
                    | "the"
                    | "is"
                    | "sun"
                    | "it"
                    | "one"
                    | "man"
                    | "boy"
                    | "cat"
                    | "dog"
                    | "not"
            )
        }
        _ => is_text || !(is_upper || is_run),
    }
}

/// Words for comparison: lower case, single spaces, no leading article, no final punctuation.
pub fn normalize(text: &str) -> String {
    const MARKS: &[char] = &['.', ',', ';', ':', '!', '?', ' ', '\''];
    let lower = text.to_lowercase().replace(['"', '{', '}', '$'], "");
    let mut words: Vec<&str> = lower.trim_matches(MARKS).split_whitespace().collect();
    while words.len() > 1 && matches!(words[0], "a" | "an" | "the") {
        words.remove(0);
    }
    words.join(" ").trim_matches(MARKS).to_owned()
}
