//! Ids are those of Hugging Face `tokenizers`; decoding loses nothing.

mod common;

use ponder_text::{ControlTokens, StreamDecoder, Tokenizer};
use proptest::prelude::*;
use serde_json::Value;

fn ids(value: &Value) -> Vec<u32> {
    serde_json::from_value(value.clone()).unwrap()
}

#[test]
fn fixture_gives_the_ids_of_python_tokenizers() {
    let tokenizer = common::fixture();
    let mut n_cases = 0;
    for line in common::read("encodings.jsonl").lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let text = case["text"].as_str().unwrap();
        for (control, want) in
            [(ControlTokens::Parse, &case["parse"]), (ControlTokens::Plain, &case["plain"])]
        {
            let got = tokenizer.encode(text, control).unwrap();
            assert_eq!(got, ids(want), "{text:?} {control:?}");
            assert_eq!(tokenizer.decode(&got).unwrap(), text);
        }
        n_cases += 1;
    }
    assert_eq!(n_cases, 40);
}

/// Lone characters of every kind, runs, and pieces of control tokens.
fn any_text() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        any::<char>().prop_map(String::from),
        "[ \t\r\n]{1,5}",
        "[a-zA-Z0-9'!.<>|/-]{1,8}",
        "[\u{300}-\u{36f}\u{200b}-\u{200f}一-龥ぁ-ん\u{5d0}-\u{5ea}]{1,4}",
        prop::sample::select(vec![
            "<｜",
            "User",
            "｜>",
            "<think>",
            "</think>",
            "<｜User｜>",
            "<|EOT|>"
        ])
        .prop_map(str::to_owned),
        ("[ a1!\n]", 1..60usize).prop_map(|(c, n)| c.repeat(n)),
    ];
    prop::collection::vec(part, 0..20).prop_map(|parts| parts.concat())
}

fn check_round_trip(tokenizer: &Tokenizer, text: &str) {
    for control in [ControlTokens::Plain, ControlTokens::Parse] {
        let ids = tokenizer.encode(text, control).unwrap();
        assert_eq!(tokenizer.decode(&ids).unwrap(), text, "{control:?}");
        let has_control = ids.iter().any(|&id| tokenizer.is_control(id));
        assert!(control == ControlTokens::Parse || !has_control, "control token from plain text");
        let bytes: Vec<u8> =
            ids.iter().flat_map(|&id| tokenizer.token_bytes(id).unwrap()).copied().collect();
        assert_eq!(bytes, text.as_bytes());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn fixture_round_trip(text in any_text()) {
        check_round_trip(&common::fixture(), &text);
    }

    #[test]
    fn streaming_equals_decoding(ids in prop::collection::vec(0u32..507, 0..40)) {
        let tokenizer = common::fixture();
        let mut decoder = StreamDecoder::new(&tokenizer);
        let mut text = String::new();
        for &id in &ids {
            text += &decoder.push(&tokenizer, id).unwrap();
        }
        text += &decoder.flush();
        prop_assert_eq!(&text, &tokenizer.decode(&ids).unwrap());
        let bytes: Vec<u8> = ids.iter().flat_map(|&id| tokenizer.token_bytes(id).unwrap()).copied().collect();
        prop_assert_eq!(text, String::from_utf8_lossy(&bytes));
    }
}

#[test]
fn a_character_appears_when_its_last_byte_does() {
    let tokenizer = common::fixture();
    let ids = tokenizer.encode("😀", ControlTokens::Plain).unwrap();
    assert_eq!(ids.len(), 4, "the fixture knows no emoji: one token a byte");
    let mut decoder = StreamDecoder::new(&tokenizer);
    let pieces: Vec<String> = ids.iter().map(|&id| decoder.push(&tokenizer, id).unwrap()).collect();
    assert_eq!(pieces, ["", "", "", "😀"]);
    // Cut off inside a character.
    let mut decoder = StreamDecoder::new(&tokenizer);
    assert_eq!(decoder.push(&tokenizer, ids[0]).unwrap(), "");
    assert_eq!(decoder.flush(), "\u{fffd}");
    assert_eq!(decoder.flush(), "");
}

#[test]
fn megabyte_runs_are_linear_and_exact() {
    let tokenizer = common::fixture();
    for unit in [" ", "a", "1", "\n", "!", "一", "\u{301}", " \n", "\0"] {
        let text = unit.repeat(1_000_000 / unit.len()) + "x";
        let ids = tokenizer.encode(&text, ControlTokens::Plain).unwrap();
        assert_eq!(tokenizer.decode(&ids).unwrap(), text, "{unit:?}");
    }
}

#[test]
fn facts_about_the_fixture() {
    let tokenizer = common::fixture();
    assert_eq!(tokenizer.vocab_size(), 507);
    assert_eq!((tokenizer.bos_id(), tokenizer.eos_id()), (Some(0), Some(1)));
    assert_eq!((tokenizer.add_bos(), tokenizer.bos_prefix()), (true, Some(0)));
    assert_eq!(tokenizer.id_of("<think>"), Some(490));
    assert_eq!(tokenizer.id_of("nonsense"), None);
    assert!(tokenizer.is_control(490) && !tokenizer.is_special(490) && tokenizer.is_special(0));
    let error = tokenizer.decode(&[3, 507]).unwrap_err().to_string();
    assert!(error.contains("507") && error.contains("506") && error.contains("hint:"), "{error}");
    assert_eq!(tokenizer.token_bytes(u32::MAX), None);
}

#[test]
fn unpublished_vocabularies_cannot_spell_control_tokens() {
    // `ignore_merges` takes a whole piece from the vocabulary, control tokens included.
    let json = r#"{"added_tokens": [{"id": 5, "content": "<a>", "single_word": false,
        "lstrip": false, "rstrip": false, "normalized": false, "special": true}],
        "decoder": {"type": "Fuse"}, "model": {"type": "BPE", "ignore_merges": true, "merges": [],
        "vocab": {"<": 0, "a": 1, ">": 2, "b": 3, "ab": 4, "<a>": 5}}}"#;
    let tokenizer = Tokenizer::from_bytes(json.as_bytes(), None).unwrap();
    assert_eq!(tokenizer.encode("<a>", ControlTokens::Plain).unwrap(), [0, 1, 2]);
    assert_eq!(tokenizer.encode("<a>", ControlTokens::Parse).unwrap(), [5]);
    assert_eq!(tokenizer.encode("ab", ControlTokens::Plain).unwrap(), [4]);
}
