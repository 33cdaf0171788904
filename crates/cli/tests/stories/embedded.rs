//! The model that is built in: the first command a newcomer types.

use serde_json::Value;

use crate::support::{arg, ponder, workspace};

#[test]
fn a_question_is_answered_with_visible_reasoning_and_no_set_up() {
    let reply = ponder(&["ask", "--json", "--temperature", "0", "12+7"], "").json();
    assert_eq!(reply["boxed"], "19", "{reply}");
    assert!(reply["reasoning"].as_str().unwrap().contains("12+7"), "{reply}");
    assert_eq!(reply["finish_reason"], "stop");
}

#[test]
fn what_lies_outside_its_world_is_answered_with_what_it_can_do() {
    for question in ["who are you?", "what is the capital of france?", "write a poem"] {
        let answer = ponder(&["ask", "--quiet", "--temperature", "0", question], "").ok();
        assert!(answer.contains("Ponder") && answer.contains("sums"), "{question}: {answer}");
    }
}

#[test]
fn an_empty_question_is_none() {
    for text in ["", " \n"] {
        ponder(&["ask", text], "").refused(&["no question was given"]);
        ponder(&["ask"], text).refused(&["no question was given"]);
    }
}

#[test]
fn commands_that_need_a_model_take_it_unless_another_is_named() {
    let scores = ponder(&["score", "--text", "1+1", "--json"], "").json();
    assert_eq!(scores["ids"].as_array().unwrap().len(), 3, "{scores}");
    let asked = r#"{"messages": [{"role": "user", "content": "hi"}]}"#;
    let rendered = ponder(&["template"], asked).ok();
    assert_eq!(rendered.trim_end(), "<｜begin▁of▁sentence｜><｜User｜>hi");
    let ids = ponder(&["tokenize", "--jsonl"], r#"{"text": "12+7"}"#).json();
    assert_eq!(ids["ids"].as_array().unwrap().len(), 4, "{ids}");
}

#[test]
fn it_is_measured_at_the_levels_that_are_named() {
    let (model, out) = (workspace("models/micro"), tempfile::tempdir().unwrap());
    let evaluate = |first: &str, last: &str| {
        let paths = ["train", "evaluate", "--model", arg(&model), "--out", arg(out.path())];
        let few = ["--tasks", "addsub=1", "--problems", "6", "--samples", "1"];
        let levels = ["--quiet", "--first-level", first, "--last-level", last];
        ponder(&[&paths[..], &few, &levels].concat(), "")
    };
    evaluate("3", "4").ok();
    let text = std::fs::read_to_string(out.path().join("evaluation.json")).unwrap();
    let scores: Value = serde_json::from_str(&text).unwrap();
    let levels: Vec<&String> = scores["scores"]["levels"].as_object().unwrap().keys().collect();
    assert_eq!(levels, ["addsub/3", "addsub/4"]);
    evaluate("5", "4").refused(&["levels 5 to 4"]);
    evaluate("0", "10").refused(&["levels 0 to 10"]);
}
