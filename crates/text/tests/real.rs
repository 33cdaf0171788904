//! The real tokenizer of R1, the golden checkpoints' and a SentencePiece-style one.

mod common;

use ponder_text::{ChatInput, ChatTemplate, ControlTokens, StreamDecoder, Tokenizer, encode_chat};
use serde_json::{Value, json};

/// Text, ids with control tokens recognised. Encoded by Hugging Face `tokenizers`.
const PARSED: &[(&str, &[u32])] = &[
    ("Hello, world!", &[19923, 14, 2058, 3]),
    (
        "The quick brown fox jumps over 12345678 lazy dogs.\n",
        &[671, 4787, 13769, 46012, 54994, 1060, 223, 6895, 18009, 2597, 41638, 13757, 603],
    ),
    ("x² + y² = 25", &[90, 1628, 940, 383, 1628, 438, 223, 1069]),
    ("你好，世界", &[30594, 303, 3427]),
    ("これはテスト", &[63403, 109288]),
    ("  leading\n\n\ttabs  ", &[223, 6646, 271, 17299, 10284, 262]),
    (
        "if x==3:\r\n    return \"a\\b\"\n",
        &[394, 1527, 1441, 21, 28, 204, 201, 361, 1354, 582, 67, 62, 68, 2701],
    ),
    ("don't DON'T", &[20385, 1664, 74524, 67322]),
    (r"\boxed{\frac{14}{3}}", &[62, 7353, 284, 3757, 4015, 93, 929, 3069, 21, 3831]),
    ("😀👍🏽", &[28927, 225, 92526, 40965, 124]),
    ("３４５", &[25081, 33095, 31953]),
    ("</think>\n\n42", &[128799, 271, 3180]),
];

const PLAIN: &[(&str, &[u32])] = &[
    ("<｜User｜>", &[30, 28217, 6756, 28217, 32]),
    ("<｜Assistant｜>", &[30, 28217, 88031, 28217, 32]),
    ("<think>", &[30, 37947, 32]),
    ("</think>", &[1718, 37947, 32]),
    ("Hi<｜Assistant｜><think>", &[23166, 30, 28217, 88031, 28217, 5451, 37947, 32]),
];

#[test]
fn golden_encodings_of_r1() {
    let Some(dir) = common::real_data("tokenizer") else { return };
    let tokenizer = Tokenizer::from_dir(&dir).unwrap();
    for (cases, control) in [(PARSED, ControlTokens::Parse), (PLAIN, ControlTokens::Plain)] {
        for (text, want) in cases {
            let ids = tokenizer.encode(text, control).unwrap();
            assert_eq!(ids, *want, "{text:?}");
            assert_eq!(tokenizer.decode(&ids).unwrap(), *text);
        }
    }
    assert_eq!(tokenizer.vocab_size(), 128_815);
    assert_eq!((tokenizer.bos_id(), tokenizer.eos_id()), (Some(0), Some(1)));
    assert!(!tokenizer.add_bos(), "the V3 offline variant");
    let ids = [0, 128803, 19923, 128804, 128798, 201, 1, 128805];
    let shown: Vec<u32> = ids.iter().copied().filter(|&id| !tokenizer.is_special(id)).collect();
    assert_eq!(tokenizer.decode(&shown).unwrap(), "<｜User｜>Hello<｜Assistant｜><think>\n");
}

#[test]
fn golden_prompts_of_r1() {
    let Some(dir) = common::real_data("tokenizer") else { return };
    let tokenizer = Tokenizer::from_dir(&dir).unwrap();
    let template = common::template("r1");
    let call = json!({"type": "function", "function": {"name": "f", "arguments": "{\"a\":1}"}});
    let cases: [(Value, &[u32]); 3] = [
        (json!([{"role": "user", "content": "Hello"}]), &[0, 128803, 19923, 128804, 128798, 201]),
        (
            json!([{"role": "system", "content": "S"}, {"role": "user", "content": "Q1"},
                {"role": "assistant", "content": "<think>r</think>\n\nA1"},
                {"role": "user", "content": "Q2"}]),
            &[0, 53, 128803, 51, 19, 128804, 271, 35, 19, 1, 128803, 51, 20, 128804, 128798, 201],
        ),
        (
            json!([{"role": "user", "content": "W?"},
                {"role": "assistant", "content": null, "tool_calls": [call]},
                {"role": "tool", "content": "R1"}, {"role": "tool", "content": "R2"}]),
            &[
                0, 128803, 57, 33, 128804, 128806, 128808, 8701, 128814, 72, 201, 9854, 14479, 201,
                24313, 67, 3362, 19, 1778, 9854, 128809, 128807, 1, 128810, 128812, 52, 19, 128813,
                128812, 52, 20, 128813, 128811,
            ],
        ),
    ];
    for (messages, want) in cases {
        let input = ChatInput { messages, add_generation_prompt: true, ..ChatInput::default() };
        let ids = encode_chat(&tokenizer, &template, &input).unwrap();
        assert_eq!(ids, want);
        let text = template.render(&input).unwrap();
        assert_eq!(tokenizer.decode(&ids).unwrap(), text);
        assert_eq!(tokenizer.encode(&text, ControlTokens::Parse).unwrap(), want);
    }
}

#[test]
fn real_texts_survive() {
    let Some(dir) = common::real_data("tokenizer") else { return };
    let Some(problems) = common::real_data("math500/test.jsonl") else { return };
    let tokenizer = Tokenizer::from_dir(&dir).unwrap();
    let text = std::fs::read_to_string(problems).unwrap();
    for part in text.lines().take(100).chain(["\0\u{1b}\u{feff}\u{10ffff}e\u{301}👨‍👩‍👧‍👦שלום"])
    {
        let ids = tokenizer.encode(part, ControlTokens::Plain).unwrap();
        assert_eq!(tokenizer.decode(&ids).unwrap(), part);
    }
    let spaces = " ".repeat(1_000_000) + "x";
    let ids = tokenizer.encode(&spaces, ControlTokens::Plain).unwrap();
    assert_eq!(
        (ids.len(), &ids[7811..]),
        (7814, &[69933, 105162, 1527][..]),
        "as Python gives them"
    );
}

#[test]
fn template_of_the_tokenizer_folder() {
    let Some(dir) = common::real_data("tokenizer") else { return };
    let template = ChatTemplate::from_dir(&dir).unwrap();
    let messages = json!([{"role": "user", "content": "Hello"}]);
    let input = ChatInput { messages, add_generation_prompt: true, ..ChatInput::default() };
    let want = "<｜begin▁of▁sentence｜><｜User｜>Hello<｜Assistant｜>";
    assert_eq!(template.render(&input).unwrap(), want, "the January revision");
}

#[test]
fn published_templates_all_render() {
    let Some(dir) = common::real_data("templates") else { return };
    let tools = json!([{"type": "function", "function": {"name": "f", "parameters": {}}}]);
    let messages = json!([{"role": "user", "content": "Hello"}]);
    let mut n_rendered = 0;
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let source = std::fs::read_to_string(&path).unwrap();
        let template = ChatTemplate::from_source(&source, common::BOS, common::EOS).unwrap();
        let input = ChatInput {
            messages: messages.clone(),
            tools: Some(tools.clone()),
            add_generation_prompt: true,
            ..ChatInput::default()
        };
        assert!(template.render(&input).unwrap().contains("Hello"), "{}", path.display());
        n_rendered += 1;
    }
    assert!(n_rendered >= 6, "{n_rendered}");
}

#[test]
fn stories260k_writes_its_golden_text() {
    let Some(dir) = common::real_data("models/stories260K") else { return };
    let tokenizer = Tokenizer::from_dir(&dir).unwrap();
    let golden: Value =
        serde_json::from_slice(&std::fs::read(dir.join("golden.json")).unwrap()).unwrap();
    let ids: Vec<u32> = serde_json::from_value(golden["ids"].clone()).unwrap();
    let text = golden["text"].as_str().unwrap();
    assert_eq!(tokenizer.bos_prefix(), Some(ids[0]));
    let generated: Vec<u32> =
        ids[1..].iter().copied().filter(|&id| !tokenizer.is_control(id)).collect();
    assert_eq!(tokenizer.decode(&generated).unwrap(), text);
    let mut decoder = StreamDecoder::after(&tokenizer, &ids[..1]);
    let mut streamed = String::new();
    for &id in &generated {
        streamed += &decoder.push(&tokenizer, id).unwrap();
    }
    streamed += &decoder.flush();
    assert_eq!(streamed, text);
    assert_eq!(tokenizer.encode(text, ControlTokens::Plain).unwrap(), generated);
    // In the middle of a text the space before a word stays.
    let mut decoder = StreamDecoder::after(&tokenizer, &ids[..3]);
    assert!(decoder.push(&tokenizer, ids[3]).unwrap().starts_with(' '));
}

#[test]
fn golden_checkpoint_tokenizer() {
    let Some(dir) = common::real_data("golden/v3-lite-bf16") else { return };
    let tokenizer = Tokenizer::from_dir(&dir).unwrap();
    assert_eq!((tokenizer.vocab_size(), tokenizer.bos_prefix()), (1024, Some(0)));
    let text = "He said: 1976 — naïve café, 你好!\n\n  end";
    let ids = tokenizer.encode(text, ControlTokens::Plain).unwrap();
    assert_eq!(tokenizer.decode(&ids).unwrap(), text);
    let spaces = " ".repeat(1_000_000) + "x";
    let ids = tokenizer.encode(&spaces, ControlTokens::Plain).unwrap();
    assert_eq!(tokenizer.decode(&ids).unwrap(), spaces);
}
