//! A user tokenizes any text: the ids are those of the published tokenizer, the way back loses
//! nothing, and control tokens come only from those who ask for them.

use serde_json::{Value, json};

use crate::support::{TOKENIZER, arg, ponder, real_data, workspace};

fn tokenize(dir: &std::path::Path, lines: &[Value], flags: &[&str]) -> Vec<Value> {
    let stdin: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let args = ["tokenize", "--model", arg(dir), "--jsonl"];
    let output = ponder(&[&args[..], flags].concat(), &stdin).ok();
    output.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn the_fixture_gives_the_ids_of_the_published_library() {
    let dir = workspace(TOKENIZER);
    let golden = std::fs::read_to_string(dir.join("encodings.jsonl")).unwrap();
    let cases: Vec<Value> = golden.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert!(cases.len() > 20);
    let texts: Vec<Value> = cases.iter().map(|case| json!({"text": case["text"]})).collect();
    for (key, flags) in [("plain", &[][..]), ("parse", &["--parse-special"])] {
        let answers = tokenize(&dir, &texts, flags);
        let ids: Vec<Value> = answers.iter().map(|answer| json!({"ids": answer["ids"]})).collect();
        for (case, answer) in cases.iter().zip(&answers) {
            assert_eq!(answer["ids"], case[key], "{key} of {}", case["text"]);
            assert_eq!(answer["text"], case["text"], "{key}");
        }
        assert_eq!(tokenize(&dir, &ids, &[]), answers);
    }
}

#[test]
fn the_real_tokenizer_gives_its_known_ids() {
    let Some(dir) = real_data("tokenizer") else { return };
    let cases = [
        ("Hello", json!([19923]), "plain"),
        ("<think>", json!([30, 37947, 32]), "plain"),
        ("<think>", json!([128798]), "parse"),
        ("</think>", json!([1718, 37947, 32]), "plain"),
        (
            "Hi<｜Assistant｜><think>",
            json!([23166, 30, 28217, 88031, 28217, 5451, 37947, 32]),
            "plain",
        ),
        ("</think>\n\n42", json!([128799, 271, 3180]), "parse"),
    ];
    for (text, ids, mode) in cases {
        let flags: &[&str] = if mode == "parse" { &["--parse-special"] } else { &[] };
        let answer = tokenize(&dir, &[json!({"text": text})], flags);
        assert_eq!(answer[0]["ids"], ids, "{text} {mode}");
    }
    let texts = [
        "Grüße, 世界! नमस्ते мир 🦀👩‍👩‍👧",
        "fn main() {\n\tlet x = 0x1F;\r\n}\n",
        "\u{0}\u{7f}\u{feff}e\u{301}",
    ];
    for text in texts {
        assert_eq!(tokenize(&dir, &[json!({"text": text})], &[])[0]["text"], text);
    }
}

#[test]
fn one_text_is_shown_for_people_and_for_programs() {
    let dir = workspace(TOKENIZER);
    let args = ["tokenize", "--model", arg(&dir), "Hello, world!"];
    let table = ponder(&args, "").ok();
    assert!(table.starts_with("      42  \"H\"\n") && table.lines().count() == 10, "{table}");
    let report = ponder(&[&args[..], &["--json"]].concat(), "").json();
    assert_eq!(report["ids"], json!([42, 71, 78, 78, 81, 14, 316, 78, 70, 3]));
    let back = ["tokenize", "--model", arg(&dir), "--ids", "42,71,78,78,81"];
    assert_eq!(ponder(&back, "").ok(), "Hello\n");
}
