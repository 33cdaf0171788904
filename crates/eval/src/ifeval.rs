//! IFEval's instructions (Zhou et al. 2023, arXiv 2311.07911), checked by rules of our own after the
//! published descriptions: a reply counts when it follows all of its prompt's instructions, which
//! is the prompt-level strict figure that R1 reports.
//!
//! Two checks rest on libraries that differ from the published ones: sentences are split by rules
//! instead of NLTK's model, and languages are told apart by `whatlang` instead of `langdetect`.

mod form;
mod language;
mod length;
mod words;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::score::{Outcome, Score};

/// One instruction with its arguments, as the data has them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Instruction {
    /// Such as `keywords:existence`.
    pub id: String,
    /// Its arguments; those that it does not use are null or missing.
    pub kwargs: Map<String, Value>,
}

/// Whether a reply follows an instruction; `None` if an argument is missing.
type Check = fn(&str, &Instruction) -> Option<bool>;

/// Every kind of instruction.
const CHECKS: &[(&str, Check)] = &[
    ("change_case:capital_word_frequency", words::capital_words),
    ("change_case:english_capital", words::all_capital),
    ("change_case:english_lowercase", words::all_lowercase),
    ("combination:repeat_prompt", form::repeats_prompt),
    ("combination:two_responses", form::two_responses),
    ("detectable_content:number_placeholders", form::placeholders),
    ("detectable_content:postscript", form::postscript),
    ("detectable_format:constrained_response", form::constrained),
    ("detectable_format:json_format", form::json),
    ("detectable_format:multiple_sections", form::sections),
    ("detectable_format:number_bullet_lists", form::bullets),
    ("detectable_format:number_highlighted_sections", form::highlights),
    ("detectable_format:title", form::title),
    ("keywords:existence", words::existence),
    ("keywords:forbidden_words", words::forbidden),
    ("keywords:frequency", words::frequency),
    ("keywords:letter_frequency", words::letter_frequency),
    ("language:response_language", language::is_in),
    ("length_constraints:nth_paragraph_first_word", length::first_word),
    ("length_constraints:number_paragraphs", length::paragraphs),
    ("length_constraints:number_sentences", length::sentences),
    ("length_constraints:number_words", length::words),
    ("punctuation:no_comma", form::no_comma),
    ("startend:end_checker", form::ends_with),
    ("startend:quotation", form::quoted),
];

/// Why an instruction cannot be checked, if it cannot: what a reader of the data has to know.
pub fn problem(instruction: &Instruction) -> Option<String> {
    match CHECKS.iter().find(|(id, _)| *id == instruction.id) {
        None => Some(format!("instruction `{}` is not known", instruction.id)),
        Some((_, check)) if check("some text", instruction).is_none() => {
            Some(format!("instruction `{}` lacks an argument", instruction.id))
        }
        Some(_) => None,
    }
}

/// Judges what follows the thinking.
pub fn score(instructions: &[Instruction], reply: &str) -> Score {
    let follows = |instruction: &&Instruction| {
        let check = CHECKS.iter().find(|(id, _)| *id == instruction.id);
        check.and_then(|(_, check)| check(reply, instruction)) == Some(true)
    };
    let missed: Vec<&str> = instructions
        .iter()
        .filter(|instruction| !follows(instruction))
        .map(|instruction| instruction.id.as_str())
        .collect();
    let n = instructions.len();
    let (outcome, reason) = match missed.is_empty() {
        true => (Outcome::Right, format!("follows all {n} instructions")),
        false => (Outcome::Wrong, format!("misses {} of {n}: {}", missed.len(), missed.join(", "))),
    };
    Score { outcome, answer: None, reason }
}

impl Instruction {
    fn text(&self, name: &str) -> Option<&str> {
        self.kwargs.get(name)?.as_str()
    }

    fn texts(&self, name: &str) -> Option<Vec<&str>> {
        self.kwargs.get(name)?.as_array()?.iter().map(Value::as_str).collect()
    }

    /// A count. The data has whole numbers, some copies have them as floats.
    fn count(&self, name: &str) -> Option<usize> {
        let value = self.kwargs.get(name)?;
        value.as_u64().or_else(|| value.as_f64().map(|x| x as u64)).map(|n| n as usize)
    }

    /// Whether a number found stands in the relation `name` to the number wanted.
    fn holds(&self, name: &str, found: usize, wanted: usize) -> Option<bool> {
        match self.text(name)? {
            "less than" => Some(found < wanted),
            "at least" => Some(found >= wanted),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
