//! Whatever a user writes stays plain text, and what the template writes stays control.

mod common;

use ponder_text::{ChatInput, ChatTemplate, ControlTokens, Tokenizer, encode_chat};
use proptest::prelude::*;
use serde_json::{Value, json};

const TEMPLATES: [&str; 2] = ["r1", "distill"];

fn controls(tokenizer: &Tokenizer, ids: &[u32]) -> Vec<u32> {
    ids.iter().copied().filter(|&id| tokenizer.is_control(id)).collect()
}

/// Every string of a message that a client can fill.
fn conversation(texts: &[String; 7]) -> ChatInput {
    let [system, user, thought, answer, name, arguments, output] = texts;
    let messages = json!([
        {"role": "system", "content": system},
        {"role": "user", "content": user},
        {"role": "assistant", "content": format!("<think>{thought}</think>{answer}")},
        {"role": "user", "content": user},
        {"role": "assistant", "content": null, "tool_calls": [
            {"type": "function", "function": {"name": name, "arguments": arguments}}]},
        {"role": "tool", "content": output},
        {"role": "assistant", "content": answer},
        {"role": "user", "content": user},
    ]);
    ChatInput { messages, add_generation_prompt: true, ..ChatInput::default() }
}

fn benign() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z <>/|｜▁{}'\"\n]{0,20}", ".{0,12}", "( |\n|<|>|think|User){0,6}"].prop_filter(
        "spells a control token",
        |text: &String| {
            let spells = |t: &str| ["<think>", "</think>", "<|EOT|>"].iter().any(|c| t.contains(c));
            !spells(text) && !text.contains("<｜")
        },
    )
}

fn hostile() -> impl Strategy<Value = String> {
    let pieces = vec![
        "<｜User｜>",
        "<｜Assistant｜>",
        "<think>",
        "</think>",
        "<｜end▁of▁sentence｜>",
        "<｜tool▁sep｜>",
        "<｜tool▁calls▁begin｜>",
        "<｜Us",
        "er｜>",
        "<",
        ">",
        "｜",
        "<thi",
        "nk>",
        "<｜end▁of",
        "▁sentence｜>",
        "\u{F0000}",
        "\u{F0001}",
        "\u{F0002}",
        "\u{F0003}",
        "\u{F0004}",
        "\u{10FFFD}",
        "text",
        "\n",
        " ",
        "",
        "<|EOT|>",
    ];
    prop::collection::vec(prop::sample::select(pieces), 0..10).prop_map(|parts| parts.concat())
}

fn seven(text: impl Strategy<Value = String>) -> impl Strategy<Value = [String; 7]> {
    prop::collection::vec(text, 7).prop_map(|texts| texts.try_into().unwrap())
}

/// The control tokens of a conversation without any spelled out: what the template itself wrote.
fn expected_controls(tokenizer: &Tokenizer, template: &ChatTemplate) -> Vec<u32> {
    let plain = conversation(&std::array::from_fn(|_| "x".to_owned()));
    let text = template.render(&plain).unwrap();
    controls(tokenizer, &tokenizer.encode(&text, ControlTokens::Parse).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn users_never_produce_control_tokens(texts in seven(hostile())) {
        let tokenizer = common::fixture();
        for name in TEMPLATES {
            let template = common::template(name);
            let ids = encode_chat(&tokenizer, &template, &conversation(&texts)).unwrap();
            prop_assert_eq!(controls(&tokenizer, &ids), expected_controls(&tokenizer, &template));
        }
    }

    #[test]
    fn the_text_is_the_rendered_text(texts in seven(hostile())) {
        let tokenizer = common::fixture();
        for name in TEMPLATES {
            let template = common::template(name);
            let input = conversation(&texts);
            let ids = encode_chat(&tokenizer, &template, &input).unwrap();
            prop_assert_eq!(tokenizer.decode(&ids).unwrap(), template.render(&input).unwrap());
        }
    }

    #[test]
    fn benign_text_encodes_as_rendered(texts in seven(benign())) {
        let tokenizer = common::fixture();
        for name in TEMPLATES {
            let template = common::template(name);
            let input = conversation(&texts);
            let ids = encode_chat(&tokenizer, &template, &input).unwrap();
            let text = template.render(&input).unwrap();
            prop_assert_eq!(ids, tokenizer.encode(&text, ControlTokens::Parse).unwrap());
        }
    }
}

fn encode(source: &str, messages: Value) -> (Vec<u32>, String) {
    let tokenizer = common::fixture();
    let template = ChatTemplate::from_source(source, common::BOS, common::EOS).unwrap();
    let tools = json!([{"<think>": "</think>"}]);
    let input = ChatInput { messages, tools: Some(tools), ..ChatInput::default() };
    let ids = encode_chat(&tokenizer, &template, &input).unwrap();
    (controls(&tokenizer, &ids), tokenizer.decode(&ids).unwrap())
}

#[test]
fn templates_that_cut_join_and_transform() {
    let think = common::fixture().id_of("<think>").unwrap();
    // Template, the user's text, control ids, decoded text.
    let cases: [(&str, &str, &[u32], &str); 11] = [
        // Joined with what the template writes, before and behind.
        ("{{ messages[0].content }}hink>", "<t", &[], "<think>"),
        ("<think{{ messages[0].content }}", ">", &[], "<think>"),
        ("{{ messages[0].content }}{{ messages[1].content }}", "<th", &[], "<think>"),
        // Formed by a filter or a method.
        ("{{ messages[0].content | lower }}", "<THINK>", &[], "<think>"),
        ("{{ messages[0].content.replace('\n', '') }}", "<th\nink>", &[], "<think>"),
        ("{{ messages[0].content | trim }}<think>", " <think> ", &[think], "<think><think>"),
        // Cut at a control token: the template still sees it.
        (
            "{{ messages[0].content.split('</think>')[-1] }}<think>",
            "r</think>a",
            &[think],
            "a<think>",
        ),
        (
            "{{ messages[0].content.split('</think>')[0] }}<think>",
            "r</think>a",
            &[think],
            "r<think>",
        ),
        // A word that the template looks for is no control token, but has to be seen.
        (
            "{% if '<tool>' in messages[0].content %}T{% endif %}<think>",
            "a<tool>b<think>",
            &[think],
            "T<think>",
        ),
        // Literals side by side must not open a gap.
        ("{% set a = ['x<th', 'ink>'] %}{{ messages[0].content }}", "x<think>", &[], "x<think>"),
        // Keys and values of tools.
        ("{{ tools | tojson }}<think>", "", &[think], "[{\"<think>\": \"</think>\"}]<think>"),
    ];
    for (source, user, want_ids, want_text) in cases {
        let messages =
            json!([{"role": "user", "content": user}, {"role": "user", "content": "ink>"}]);
        let (ids, text) = encode(source, messages);
        assert_eq!((ids.as_slice(), text.as_str()), (want_ids, want_text), "{source} {user:?}");
    }
}

#[test]
fn normalizers_cannot_be_used_to_spell_control_tokens() {
    // NFKC turns the fullwidth signs into ASCII before this token is looked for.
    let json = r#"{"added_tokens": [{"id": 4, "content": "<a>", "single_word": false,
        "lstrip": false, "rstrip": false, "normalized": true, "special": false}],
        "normalizer": {"type": "NFKC"}, "decoder": {"type": "Fuse"},
        "model": {"type": "BPE", "merges": [], "vocab": {"<": 0, "a": 1, ">": 2, "b": 3}}}"#;
    let tokenizer = Tokenizer::from_bytes(json.as_bytes(), None).unwrap();
    let template = ChatTemplate::from_source("<a>{{ messages[0].content }}", "", "").unwrap();
    for text in ["＜a＞", "<a>", "﹤a>"] {
        assert_eq!(tokenizer.encode(text, ControlTokens::Parse).unwrap(), [4], "{text}");
        let messages = json!([{"content": text}]);
        let input = ChatInput { messages, ..ChatInput::default() };
        assert_eq!(encode_chat(&tokenizer, &template, &input).unwrap(), [4, 0, 1, 2], "{text}");
    }
}

#[test]
fn no_private_character_left_is_an_error() {
    let every: String = ('\u{F0000}'..='\u{10FFFD}').collect();
    let messages = json!([{"role": "user", "content": every}]);
    let input = ChatInput { messages, ..ChatInput::default() };
    let error = encode_chat(&common::fixture(), &common::template("r1"), &input).unwrap_err();
    assert!(error.to_string().contains("private characters"), "{error}");
}
