//! The published answers: every one parses, equals itself in other spellings, prints to text that
//! reads the same, and differs from the others.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::judge;
use super::respell::SPELLINGS;
use ponder_tasks::grade::parse::parse;
use ponder_tasks::grade::policy::Policy;
use ponder_tasks::grade::{Verdict, grade};

/// The distinct answers of a file of problems; nothing when the data is not there.
fn answers(file: &str) -> Vec<String> {
    let folder = std::env::var_os("PONDER_TEST_DATA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let Ok(text) = std::fs::read_to_string(folder.join(file)) else {
        println!("skipped: {file} is not in {}", folder.display());
        return Vec::new();
    };
    let mut answers: Vec<String> = text
        .lines()
        .map(|line| {
            let value: serde_json::Value = serde_json::from_str(line).expect("JSON Lines");
            let answer = value["answer"].as_str().expect("an answer").to_owned();
            answer.rsplit("#### ").next().unwrap_or_default().to_owned()
        })
        .collect();
    answers.sort();
    answers.dedup();
    // Two problems of the training split have no answer at all.
    answers.retain(|answer| !answer.trim().is_empty());
    answers
}

/// Checks parsing, printing and spellings; returns how many spelled pairs were tried and refused.
fn respelled(golds: &[String]) -> (usize, Vec<String>) {
    let (mut tried, mut refused) = (0, Vec::new());
    let mut failures = Vec::new();
    for gold in golds {
        match parse(gold) {
            Err(error) => failures.push(format!("{gold:?} does not parse: {error}")),
            Ok(value) => {
                let printed = value.to_string();
                let judgement = grade(gold, &printed, &Policy::STANDARD);
                if judgement.verdict != Verdict::Equal {
                    failures.push(format!("{gold:?} prints as {printed:?}: {judgement:?}"));
                }
            }
        }
        if judge(gold, gold).verdict != Verdict::Equal {
            failures.push(format!("{gold:?} is not itself"));
        }
        for (name, respell) in SPELLINGS {
            let Some(answer) = respell(gold) else { continue };
            tried += 1;
            let judgement = judge(gold, &answer);
            if judgement.verdict != Verdict::Equal {
                refused.push(format!("{name}: {gold:?} as {answer:?}: {judgement:?}"));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    (tried, refused)
}

#[track_caller]
fn check_file(file: &str, share: f64) {
    let golds = answers(file);
    let (tried, refused) = respelled(&golds);
    println!("{file}: {} answers, {tried} spellings, {} refused", golds.len(), refused.len());
    for line in refused.iter().take(400) {
        println!("  {line}");
    }
    let limit = (tried as f64 * (1.0 - share)) as usize;
    assert!(refused.len() <= limit, "{} of {tried} spellings refused", refused.len());
}

#[test]
fn math500_in_every_spelling() {
    check_file("math500/test.jsonl", 1.0);
}

#[test]
fn math_in_every_spelling() {
    check_file("math/train.jsonl", 0.999);
    check_file("math/test_minus_math500.jsonl", 0.999);
}

#[test]
fn gsm8k_and_aime_in_every_spelling() {
    check_file("gsm8k/test.jsonl", 1.0);
    check_file("aime/aime2024.jsonl", 1.0);
    check_file("aime/aime2025.jsonl", 1.0);
    check_file("aime/aime1983_2023.jsonl", 1.0);
}

/// Groups answers that are equal; members of one group must print to values that agree, and no
/// two groups may meet. Equality must not depend on which side is the gold.
#[test]
fn math500_answers_differ_from_each_other() {
    let golds = answers("math500/test.jsonl");
    let mut groups: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
    let mut undecided = Vec::new();
    for (i, a) in golds.iter().enumerate() {
        for b in &golds[i + 1..] {
            let (there, back) = (judge(a, b), judge(b, a));
            assert_eq!(there.verdict, back.verdict, "{a:?} and {b:?} depend on the side");
            match there.verdict {
                Verdict::Equal => groups.entry(i).or_insert_with(|| vec![a]).push(b),
                Verdict::Different => {}
                Verdict::Undecided => undecided.push(format!("{a:?} and {b:?}: {}", there.reason)),
            }
        }
    }
    for group in groups.values() {
        println!("equal: {group:?}");
    }
    assert!(undecided.is_empty(), "{}", undecided.join("\n"));
}
