//! Multiple choice as simple-evals asks and reads it (openai/simple-evals, `common.py`,
//! `mmlu_eval.py`, `gpqa_eval.py`), which R1's report used.

use std::sync::LazyLock;

use ponder_tasks::grade::extract::{Fallbacks, extract_with};
use regex::Regex;

use crate::question::ChoiceRule;
use crate::score::{Outcome, Score};

const INSTRUCTION: &str = "Answer the following multiple choice question. The last line of your \
    response should be of the following format: 'Answer: $LETTER' (without quotes) where LETTER is \
    one of ABCD. Think step by step before answering.";

/// The user's turn for a question with four options.
pub fn prompt(question: &str, options: &[String; 4]) -> String {
    let [a, b, c, d] = options;
    format!("{INSTRUCTION}\n\n{question}\n\nA) {a}\nB) {b}\nC) {c}\nD) {d}")
}

/// Judges what follows the thinking.
pub fn score(gold: char, rule: ChoiceRule, reply: &str) -> Score {
    let by_rule = match rule {
        ChoiceRule::Mmlu => announced(&plain(reply)),
        ChoiceRule::Gpqa => after_answer(reply),
    };
    let Some((letter, how)) = by_rule
        .map(|letter| (letter, ""))
        .or_else(|| final_answer(reply).map(|letter| (letter, " (not where it was asked for)")))
    else {
        return Score::no_answer("no letter is announced");
    };
    let outcome = if letter == gold { Outcome::Right } else { Outcome::Wrong };
    let reason = match outcome {
        Outcome::Right => format!("the right option{how}"),
        _ => format!("{gold} is right{how}"),
    };
    Score { outcome, answer: Some(letter.to_string()), reason }
}

/// What MMLU's rule strips, in its order.
const STRIPPED: &[&str] = &[
    "**",
    "$\\boxed{",
    "}$",
    "\\$",
    "$\\text{",
    "$",
    "\\mathrm{",
    "\\{",
    "\\text",
    "\\(",
    "\\mathbf{",
    "{",
    "\\boxed",
];

fn plain(reply: &str) -> String {
    STRIPPED.iter().fold(reply.to_owned(), |text, mark| text.replace(mark, ""))
}

/// "Answer" in the languages of the multilingual benchmark, tried in this order.
const ANSWER_WORDS: &[&str] = &[
    r"Answer\s*:",
    r"Answer\s*:\u{200b}*",
    r"উত্তর\s*:",
    r"उत्तर\s*:",
    r"উত্তরঃ",
    r"উত্তর\s*:",
    r"Antwort\s*:",
    r"답변\s*:",
    r"정답\s*:",
    r"답\s*:",
    r"答案\s*：",
    r"答案\s*:",
    r"答\s*：",
    r"答\s*:",
    r"答复\s*：",
    r"答曰\s*：",
    r"الإجابة:",
    r"الجواب:",
    r"إجابة:",
    r"الإجابة النهائية:",
    r"الإجابة الصحيحة:",
    r"الإجابة الصحيحة هي:",
    r"الإجابة هي:",
    r"الجواب النهائي:",
    r"Respuesta\s*:",
    r"Risposta\s*:",
    r"答え\s*:",
    r"答え\s*：",
    r"回答\s*:",
    r"回答\s*：",
    r"解答\s*:",
    r"Jawaban\s*:",
    r"Réponse\s*:",
    r"Resposta\s*:",
    r"Jibu\s*:",
    r"Idahun\s*:",
    r"Ìdáhùn\s*:",
    r"Idáhùn\s*:",
    r"Àmọ̀nà\s*:",
    r"Àdáhùn\s*:",
    r"Ànúgọ\s*:",
    r"Àṣàyàn\s*:",
];

/// Letters of other scripts that stand for the four options.
const LETTERS: &[(char, char)] = &[
    ('أ', 'A'),
    ('ب', 'B'),
    ('ج', 'C'),
    ('د', 'D'),
    ('অ', 'A'),
    ('ব', 'B'),
    ('ড', 'C'),
    ('ঢ', 'D'),
    ('Ａ', 'A'),
    ('Ｂ', 'B'),
    ('Ｃ', 'C'),
    ('Ｄ', 'D'),
];

static ANNOUNCED: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let letter = r"[A-D]|[أ-د]|[অ]|[ব]|[ড]|[ঢ]|[Ａ]|[Ｂ]|[Ｃ]|[Ｄ]";
    let compile = |word: &&str| {
        Regex::new(&format!(r"(?i){word}[ \t]*({letter})")).expect("the table holds patterns")
    };
    ANSWER_WORDS.iter().map(compile).collect()
});

fn announced(text: &str) -> Option<char> {
    let found = ANNOUNCED.iter().find_map(|pattern| pattern.captures(text))?;
    let letter = found[1].chars().next()?.to_ascii_uppercase();
    let known = LETTERS.iter().find(|(other, _)| *other == letter);
    known.map_or(is_option(letter).then_some(letter), |(_, latin)| Some(*latin))
}

static AFTER_ANSWER: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?i)Answer[ \t]*:[ \t]*\$?([A-D])\$?").expect("a fixed pattern"));

fn after_answer(text: &str) -> Option<char> {
    AFTER_ANSWER.captures(text)?[1].chars().next().map(|letter| letter.to_ascii_uppercase())
}

/// A letter in a box or after another announcement: not simple-evals' rule, and marked as such.
fn final_answer(reply: &str) -> Option<char> {
    let fallbacks = Fallbacks { phrase: true, ..Fallbacks::NONE };
    let text = extract_with(reply, &fallbacks).text?;
    let text = text.replace("\\text", "").replace("\\mathrm", "").replace("\\textbf", "");
    let core = text.trim_matches(|c: char| !c.is_alphanumeric());
    let mut chars = core.chars();
    match (chars.next(), chars.next()) {
        (Some(letter), None) => Some(letter.to_ascii_uppercase()).filter(|l| is_option(*l)),
        // "C) Paris", "C. Paris"
        (Some(letter), Some(')' | '.' | ':' | '}')) => Some(letter).filter(|l| is_option(*l)),
        _ => None,
    }
}

fn is_option(letter: char) -> bool {
    ('A'..='D').contains(&letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_found_where_they_were_asked_for() {
        let cases = [
            ("Paris.\nAnswer: C", 'C'),
            ("Answer: c", 'C'),
            ("**Answer: B**", 'B'),
            ("**Answer:** D", 'D'),
            ("Answer: $\\boxed{A}$", 'A'),
            ("答案：B", 'B'),
            ("Réponse : D", 'D'),
            ("الإجابة: ب", 'B'),
            ("Answer: Ｃ", 'C'),
            ("So \\boxed{C}", 'C'),
            ("So \\boxed{\\text{C}}", 'C'),
            ("The answer is B.", 'B'),
        ];
        for (reply, want) in cases {
            let score = score(want, ChoiceRule::Mmlu, reply);
            assert_eq!(score.outcome, Outcome::Right, "{reply}: {score:?}");
        }
        for reply in ["", "C", "none of them", "Answer: E", "\\boxed{12}", "\\boxed{Cat}"] {
            let score = score('C', ChoiceRule::Mmlu, reply);
            assert_eq!(score.outcome, Outcome::NoAnswer, "{reply}: {score:?}");
        }
    }

    #[test]
    fn gpqa_takes_the_first_match_as_it_stands() {
        let cases = [("Answer: B\nAnswer: C", 'B'), ("answer :\t$D$", 'D'), ("**Answer**: A", 'A')];
        for (reply, want) in cases {
            let found = after_answer(reply).or_else(|| final_answer(reply));
            assert_eq!(found.is_some_and(|l| l == want), reply != "**Answer**: A", "{reply}");
        }
    }

    #[test]
    fn the_prompt_is_the_published_one() {
        let options = ["w", "x", "y", "z"].map(str::to_owned);
        let text = prompt("Which?", &options);
        assert!(text.starts_with("Answer the following multiple choice question. The last line "));
        assert!(text.contains("where LETTER is one of ABCD. Think step by step before answering."));
        assert!(text.ends_with("answering.\n\nWhich?\n\nA) w\nB) x\nC) y\nD) z"), "{text}");
    }
}
