//! A reply that follows and one that does not, for every kind of instruction.

use serde_json::json;

use super::*;

fn instruction(id: &str, kwargs: &Value) -> Instruction {
    Instruction { id: id.to_owned(), kwargs: kwargs.as_object().unwrap().clone() }
}

const ENGLISH: &str =
    "the quick brown fox jumps over the lazy dog and then it runs away from there";
const GERMAN: &str = "Der schnelle braune Fuchs springt über den faulen Hund und läuft davon.";
const SWAHILI: &str = "Mtoto wa shule ni mzuri na anapenda kusoma vitabu katika maktaba ya shule.";

/// An instruction, a reply that follows it, and one that does not.
type Case = (&'static str, Value, &'static str, &'static str);

fn first_cases() -> Vec<Case> {
    vec![
        (
            "change_case:capital_word_frequency",
            json!({"capital_frequency": 2, "capital_relation": "at least"}),
            "YES, it IS.",
            "Yes, it IS.",
        ),
        (
            "change_case:english_capital",
            json!({}),
            "THE QUICK BROWN FOX JUMPS OVER THE LAZY DOG AND THEN IT RUNS AWAY FROM THERE",
            ENGLISH,
        ),
        (
            "change_case:english_lowercase",
            json!({}),
            ENGLISH,
            "The quick brown fox jumps over the lazy dog",
        ),
        (
            "combination:repeat_prompt",
            json!({"prompt_to_repeat": "Say it."}),
            "say it. It.",
            "It. Say it.",
        ),
        ("combination:two_responses", json!({}), "a\n******\nb", "a ****** a"),
        (
            "detectable_content:number_placeholders",
            json!({"num_placeholders": 2}),
            "[a] and [b c]",
            "[a] and b",
        ),
        (
            "detectable_content:postscript",
            json!({"postscript_marker": "P.S."}),
            "Bye\nP.S. one more",
            "Bye",
        ),
        (
            "detectable_content:postscript",
            json!({"postscript_marker": "P.P.S"}),
            "P.P.S one",
            "P.S. one",
        ),
        ("detectable_format:constrained_response", json!({}), "My answer is no.", "No."),
        ("detectable_format:json_format", json!({}), "```json\n{\"a\": [1]}\n```", "{a: 1}"),
        (
            "detectable_format:multiple_sections",
            json!({"section_spliter": "Section", "num_sections": 2}),
            "Section 1\na\nSection 2\nb",
            "Section one Section 2",
        ),
        (
            "detectable_format:number_bullet_lists",
            json!({"num_bullets": 2}),
            "* a\n- b",
            "* a\n- b\n* c",
        ),
    ]
}

fn other_cases() -> Vec<Case> {
    vec![
        (
            "detectable_format:number_highlighted_sections",
            json!({"num_highlights": 2}),
            "*a* and **b**",
            "*a* and ** **",
        ),
        ("detectable_format:title", json!({}), "<<A title>>\ntext", "<< >> text"),
        ("keywords:existence", json!({"keywords": ["Dog", "day"]}), "a dog today", "a dog"),
        ("keywords:forbidden_words", json!({"forbidden_words": ["key"]}), "keyboard", "the Key."),
        (
            "keywords:frequency",
            json!({"keyword": "right", "frequency": 2, "relation": "at least"}),
            "Right, all right",
            "right",
        ),
        (
            "keywords:letter_frequency",
            json!({"letter": "Q", "let_frequency": 2, "let_relation": "less than"}),
            "one q",
            "Q and q",
        ),
        ("language:response_language", json!({"language": "de"}), GERMAN, ENGLISH),
        ("language:response_language", json!({"language": "sw"}), SWAHILI, ENGLISH),
        (
            "length_constraints:nth_paragraph_first_word",
            json!({"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "Then"}),
            "First.\n\n\"Then, go",
            "First.\n\nNow then",
        ),
        (
            "length_constraints:number_paragraphs",
            json!({"num_paragraphs": 2}),
            "a\n***\nb",
            "a\n\nb",
        ),
        (
            "length_constraints:number_sentences",
            json!({"num_sentences": 2, "relation": "less than"}),
            "One.",
            "One. Two.",
        ),
        (
            "length_constraints:number_words",
            json!({"num_words": 3, "relation": "at least"}),
            "one two-three",
            "one two",
        ),
        ("punctuation:no_comma", json!({}), "a b", "a, b"),
        ("startend:end_checker", json!({"end_phrase": "Peace!"}), "so, peace!\"", "Peace! Bye"),
        ("startend:quotation", json!({}), " \"all of it\" ", "\"some\" of it"),
    ]
}

#[test]
fn every_kind_tells_following_from_not() {
    let cases = [first_cases(), other_cases()].concat();
    for (id, kwargs, follows, fails) in &cases {
        let instruction = instruction(id, kwargs);
        assert_eq!(problem(&instruction), None, "{id}");
        let verdict = |reply: &str| score(std::slice::from_ref(&instruction), reply).outcome;
        assert_eq!(verdict(follows), Outcome::Right, "{id}: {follows:?}");
        assert_eq!(verdict(fails), Outcome::Wrong, "{id}: {fails:?}");
    }
    let tested: std::collections::HashSet<&str> = cases.iter().map(|case| case.0).collect();
    assert!(CHECKS.iter().all(|(id, _)| tested.contains(id)), "a check has no case");
}

#[test]
fn all_instructions_count_and_bad_ones_are_named() {
    let two = [
        instruction("punctuation:no_comma", &json!({})),
        instruction("startend:quotation", &json!({})),
    ];
    assert!(score(&two, "\"a b\"").is_right());
    let half = score(&two, "a b");
    assert_eq!(
        (half.outcome, half.reason.as_str()),
        (Outcome::Wrong, "misses 1 of 2: startend:quotation")
    );
    assert!(problem(&instruction("startend:rhyme", &json!({}))).unwrap().contains("not known"));
    let bad = instruction("keywords:frequency", &json!({"keyword": "a", "frequency": null}));
    assert!(problem(&bad).unwrap().contains("lacks an argument"));
}
