//! A user renders a conversation: byte for byte what the published template gives in Jinja2.

use serde_json::Value;

use crate::support::{TOKENIZER, arg, ponder, real_data, workspace};

#[test]
fn fixtures_render_as_jinja2_does() {
    let fixtures = workspace(TOKENIZER);
    let cases = std::fs::read_to_string(fixtures.join("conversations.jsonl")).unwrap();
    let mut n_cases = 0;
    for line in cases.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let name = case["template"].as_str().unwrap();
        // That one prints today's date.
        if name == "python_features" {
            continue;
        }
        let file = fixtures.join(format!("{name}.jinja"));
        let args = ["template", "--model", arg(&fixtures), "--template", arg(&file)];
        let text = ponder(&args, &case["input"].to_string()).ok();
        assert_eq!(text, case["text"].as_str().unwrap(), "{line}");
        n_cases += 1;
    }
    assert!(n_cases >= 30, "{n_cases}");
}

#[test]
fn a_models_own_template_is_used() {
    let Some(dir) = real_data("tokenizer") else { return };
    let input = r#"{"messages":[{"role":"system","content":"S"},{"role":"user","content":"Q1"},
        {"role":"assistant","content":"<think>r</think>\n\nA1"},{"role":"user","content":"Q2"}],
        "add_generation_prompt":true}"#;
    let text = ponder(&["template", "--model", arg(&dir)], input).ok();
    let want = "<｜begin▁of▁sentence｜>S<｜User｜>Q1<｜Assistant｜>\n\nA1<｜end▁of▁sentence｜>\
                <｜User｜>Q2<｜Assistant｜>";
    assert_eq!(text, want);
}
