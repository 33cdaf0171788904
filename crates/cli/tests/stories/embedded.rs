//! The model that is built in: the first command a newcomer types.

use crate::support::ponder;

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
fn commands_that_need_a_model_take_it_unless_another_is_named() {
    let scores = ponder(&["score", "--text", "1+1", "--json"], "").json();
    assert_eq!(scores["ids"].as_array().unwrap().len(), 3, "{scores}");
    let asked = r#"{"messages": [{"role": "user", "content": "hi"}]}"#;
    let rendered = ponder(&["template"], asked).ok();
    assert_eq!(rendered.trim_end(), "<｜begin▁of▁sentence｜><｜User｜>hi");
    let ids = ponder(&["tokenize", "--jsonl"], r#"{"text": "12+7"}"#).json();
    assert_eq!(ids["ids"].as_array().unwrap().len(), 4, "{ids}");
}
