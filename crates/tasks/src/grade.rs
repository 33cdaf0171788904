//! The verifier: decides whether a mathematical answer equals the gold one.
//!
//! An answer is read ([`parse`]) into a [`value::Value`], scalars are brought to an exact normal
//! form, and two answers are equal only by a structural or algebraic proof. Numerics in balls of
//! known error refute; they never accept. Where honest graders differ, a [`Policy`] says which way.
//! Work is counted, not timed, so a verdict is the same on every machine.

mod ball;
mod clean;
mod compare;
pub mod expr;
pub mod extract;
mod form;
pub mod fuel;
pub mod jsonl;
mod lexer;
pub mod parse;
pub mod policy;
mod text;
pub mod units;
pub mod value;

use compare::{Outcome, compare};
use extract::{Source, extract_answer, is_reply, is_wording};
use parse::{MAX_INPUT_BYTES, ParseError, Reading, parse_as};
use policy::Policy;
use value::Value;

/// Whether an answer equals the gold one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Proven equal under the policy.
    Equal,
    /// Proven different, or not an answer at all.
    Different,
    /// Neither could be shown within the work budget, or a text could not be read.
    Undecided,
}

/// A verdict with its reason and what was compared.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// Why, in a few words.
    pub reason: String,
    /// The gold answer in plain notation; empty when it could not be read.
    pub gold_parsed: String,
    /// The answer in plain notation; empty when it could not be read.
    pub answer_parsed: String,
}

/// One side of a judgement: the text that counts as the answer and what it was read as.
struct Side {
    text: String,
    value: Result<Value, Unreadable>,
}

enum Unreadable {
    /// There is no answer in the text.
    Missing(&'static str),
    /// There is one, but it could not be parsed.
    Unparsed(ParseError),
}

/// Judges `answer` against `gold`; both may be bare or in prose.
pub fn grade(gold: &str, answer: &str, policy: &Policy) -> Judgement {
    let (gold, answer) = (read(gold), read(answer));
    let outcome = judge(&gold, &answer, policy);
    let printed = |side: &Side| side.value.as_ref().map(Value::to_string).unwrap_or_default();
    Judgement {
        verdict: outcome.verdict,
        reason: outcome.reason.into_owned(),
        gold_parsed: printed(&gold),
        answer_parsed: printed(&answer),
    }
}

/// Compares two answers that have been read already; what clusters samples by their value.
pub fn compare_values(gold: &Value, answer: &Value, policy: &Policy) -> (Verdict, String) {
    let outcome = compare(gold, answer, policy);
    (outcome.verdict, outcome.reason.into_owned())
}

fn judge(gold: &Side, answer: &Side, policy: &Policy) -> Outcome {
    match (&gold.value, &answer.value) {
        (Ok(a), Ok(b)) => {
            let outcome = compare(a, b, policy);
            if outcome.is_equal() {
                return outcome;
            }
            // "VW" may be read as words on one side and as a name on the other.
            let has_words = matches!(a, Value::Text(_)) || matches!(b, Value::Text(_));
            if has_words && words(&gold.text) == words(&answer.text) {
                return Outcome::equal("the same words");
            }
            reread(gold, answer, policy).unwrap_or(outcome)
        }
        (Err(Unreadable::Missing(why)), _) => {
            Outcome::undecided(format!("the gold has no answer: {why}"))
        }
        (_, Err(Unreadable::Missing(why))) => Outcome::different(format!("no answer: {why}")),
        (Err(Unreadable::Unparsed(error)), _) | (_, Err(Unreadable::Unparsed(error))) => {
            let (a, b) = (squeezed(&gold.text), squeezed(&answer.text));
            if gold.value.is_err() && answer.value.is_err() && a == b && !a.is_empty() {
                return Outcome::equal("the same text, which could not be parsed");
            }
            let first = error.to_string();
            Outcome::undecided(first.lines().next().unwrap_or("not readable").to_owned())
        }
    }
}

/// `225,350` may be one number or two: when exactly one side is a list, the other is read again
/// with its commas as separators.
fn reread(gold: &Side, answer: &Side, policy: &Policy) -> Option<Outcome> {
    let is_list = |side: &Side| matches!(side.value, Ok(Value::List(..) | Value::Set(_)));
    let again = |side: &Side| {
        // 10,080 is not "10 and 80".
        let is_zero_led = |part: &str| part.trim().len() > 1 && part.trim().starts_with('0');
        let is_candidate = side.text.contains(',')
            && side.text.len() < 400
            && !side.text.split(',').any(is_zero_led);
        let value = is_candidate.then(|| parse_as(&side.text, Reading { thousands: false }));
        value.and_then(Result::ok)
    };
    let outcome = match (&gold.value, &answer.value) {
        (Ok(a), Ok(Value::Scalar { .. })) if is_list(gold) => compare(a, &again(answer)?, policy),
        (Ok(Value::Scalar { .. }), Ok(b)) if is_list(answer) => compare(&again(gold)?, b, policy),
        _ => return None,
    };
    outcome.is_equal().then_some(outcome)
}

/// Reads one side: as a bare answer if it is one, else as a reply.
fn read(source: &str) -> Side {
    let bare = |text: String, value: Result<Value, ParseError>| Side {
        value: value.map_err(|error| match error {
            ParseError::Empty => Unreadable::Missing("nothing but punctuation"),
            other => Unreadable::Unparsed(other),
        }),
        text,
    };
    if !is_reply(source) {
        let value = parse::parse(source);
        let announces = source.len() < 400 && source.to_lowercase().contains("answer");
        let is_prose = match &value {
            Ok(Value::Text(text)) => text.split_whitespace().count() > 4 || announces,
            Ok(Value::List(..) | Value::Ratio(_)) => announces,
            Ok(_) | Err(ParseError::Empty) => false,
            Err(_) => true,
        };
        if !is_prose {
            return bare(source.to_owned(), value);
        }
        let found = extract_answer(source);
        let from_prose = found.text.filter(|_| match found.source {
            Source::LastLine => false,
            Source::Formula => is_wording(source) || !source.contains('$'),
            _ => true,
        });
        return match from_prose.map(|text| (parse::parse(&text), text)) {
            Some((Ok(value), text)) => bare(text, Ok(value)),
            _ => bare(clipped(source), value),
        };
    }
    let found = extract_answer(source);
    match found.text {
        Some(text) => {
            let value = parse::parse(&text);
            bare(clipped(&text), value)
        }
        None => Side {
            text: String::new(),
            value: Err(Unreadable::Missing(match found.source {
                Source::Unfinished => "the thinking never ends",
                _ => "the reply gives none",
            })),
        },
    }
}

/// The text, unless it is too long to be an answer.
fn clipped(text: &str) -> String {
    if text.len() > MAX_INPUT_BYTES { String::new() } else { text.to_owned() }
}

/// The text as plain words.
fn words(source: &str) -> String {
    if source.len() > MAX_INPUT_BYTES {
        return String::new();
    }
    text::normalize(&text::flatten(&clean::clean(source)))
}

/// Text with single blanks, for comparing what could not be parsed.
fn squeezed(text: &str) -> String {
    if text.len() > MAX_INPUT_BYTES {
        return String::new();
    }
    text.trim().trim_matches('$').split_whitespace().collect::<Vec<_>>().join(" ")
}
