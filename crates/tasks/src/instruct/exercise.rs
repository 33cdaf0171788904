//! The instructions there are, each with its answer.

use crate::language::Language;

/// A kind of instruction about some words `{w}`, or about a number `{n}`; `{m}` is `n + 3`.
#[derive(Debug)]
pub struct Exercise {
    /// Tells it apart.
    pub name: &'static str,
    /// The language of its wording.
    pub language: Language,
    /// What it is about.
    pub about: About,
    /// Ways to say it.
    pub templates: &'static [&'static str],
    /// A thought about it.
    pub thinking: &'static str,
    /// What is to be written.
    pub answer: fn(&[&str], usize) -> String,
}

/// What an instruction is about.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum About {
    /// Two words or more.
    Words,
    /// One word.
    Word,
    /// One word and a number.
    WordAndNumber,
    /// A number.
    Number,
}

/// Each is as likely as the others of its language.
pub const EXERCISES: &[Exercise] = &[
    Exercise {
        name: "copy",
        language: Language::English,
        about: About::Words,
        templates: &[
            "repeat after me: {w}",
            "copy: {w}",
            "write: {w}",
            "say: {w}",
            "copy the words {w}",
        ],
        thinking: "copy the words",
        answer: |words, _| words.join(" "),
    },
    Exercise {
        name: "upper",
        language: Language::English,
        about: About::Words,
        templates: &[
            "write in upper case: {w}",
            "upper case: {w}",
            "make this upper case: {w}",
            "write {w} in capital letters",
            "write in capitals: {w}",
        ],
        thinking: "in upper case",
        answer: |words, _| words.join(" ").to_uppercase(),
    },
    Exercise {
        name: "reverse",
        language: Language::English,
        about: About::Words,
        templates: &[
            "reverse the words: {w}",
            "say these words in reverse order: {w}",
            "write the words backwards: {w}",
            "reverse the order of the words: {w}",
        ],
        thinking: "the words from the last to the first",
        answer: |words, _| words.iter().rev().copied().collect::<Vec<_>>().join(" "),
    },
    Exercise {
        name: "repeat",
        language: Language::English,
        about: About::WordAndNumber,
        templates: &[
            "say {w} {n} times",
            "write {w} {n} times.",
            "repeat {w} {n} times",
            "{w}, {n} times",
        ],
        thinking: "one word, so many times",
        answer: |words, number| vec![words[0]; number].join(" "),
    },
    Exercise {
        name: "spell",
        language: Language::English,
        about: About::Word,
        templates: &[
            "spell {w}",
            "how do you spell {w}?",
            "spell the word {w}",
            "write the letters of {w}",
        ],
        thinking: "letter by letter",
        answer: |words, _| words[0].chars().map(String::from).collect::<Vec<_>>().join(" "),
    },
    Exercise {
        name: "count",
        language: Language::English,
        about: About::Number,
        templates: &[
            "count to {n}",
            "count from 1 to {n}.",
            "can you count to {n}?",
            "list the numbers up to {n}",
        ],
        thinking: "count up",
        answer: |_, number| numbers(1, number),
    },
    Exercise {
        name: "from to",
        language: Language::English,
        about: About::Number,
        templates: &[
            "count from {n} to {m}",
            "list the numbers from {n} to {m}.",
            "write {n} to {m}",
        ],
        thinking: "count up",
        answer: |_, number| numbers(number, number + 3),
    },
    Exercise {
        name: "first",
        language: Language::English,
        about: About::Words,
        templates: &[
            "what is the first word: {w}",
            "say only the first word: {w}",
            "first word of: {w}",
        ],
        thinking: "the first word",
        answer: |words, _| words[0].to_string(),
    },
    Exercise {
        name: "last",
        language: Language::English,
        about: About::Words,
        templates: &[
            "what is the last word: {w}",
            "say only the last word: {w}",
            "last word of: {w}",
        ],
        thinking: "the last word",
        answer: |words, _| words.last().copied().unwrap_or_default().to_string(),
    },
    Exercise {
        name: "how many",
        language: Language::English,
        about: About::Words,
        templates: &[
            "how many words are here: {w}",
            "count the words: {w}",
            "number of words in: {w}",
        ],
        thinking: "count the words",
        answer: |words, _| words.len().to_string(),
    },
    Exercise {
        name: "sort",
        language: Language::English,
        about: About::Words,
        templates: &[
            "sort the words: {w}",
            "put in alphabetical order: {w}",
            "sort from a to z: {w}",
        ],
        thinking: "from a to z",
        answer: |words, _| {
            let mut words = words.to_vec();
            words.sort_unstable();
            words.join(" ")
        },
    },
    Exercise {
        name: "yes no",
        language: Language::English,
        about: About::Number,
        templates: &[
            "answer in one word: is {n} larger than {m}?",
            "answer yes or no: is {n} more than {m}?",
            "yes or no: is {n} bigger than {m}?",
        ],
        thinking: "compare the numbers",
        answer: |_, _| "no".to_string(),
    },
    Exercise {
        name: "no yes",
        language: Language::English,
        about: About::Number,
        templates: &[
            "answer in one word: is {m} larger than {n}?",
            "answer yes or no: is {m} more than {n}?",
            "yes or no: is {m} bigger than {n}?",
        ],
        thinking: "compare the numbers",
        answer: |_, _| "yes".to_string(),
    },
    Exercise {
        name: "wiederhole",
        language: Language::German,
        about: About::Words,
        templates: &["wiederhole: {w}", "schreibe: {w}", "sag: {w}"],
        thinking: "die Wörter noch einmal",
        answer: |words, _| words.join(" "),
    },
    Exercise {
        name: "groß",
        language: Language::German,
        about: About::Words,
        templates: &["schreibe groß: {w}", "in großbuchstaben: {w}"],
        thinking: "in Großbuchstaben",
        answer: |words, _| words.join(" ").to_uppercase(),
    },
    Exercise {
        name: "zähle",
        language: Language::German,
        about: About::Number,
        templates: &["zähle bis {n}", "zähle von 1 bis {n}."],
        thinking: "hochzählen",
        answer: |_, number| numbers(1, number),
    },
];

fn numbers(first: usize, last: usize) -> String {
    (first..=last).map(|n| n.to_string()).collect::<Vec<_>>().join(" ")
}
