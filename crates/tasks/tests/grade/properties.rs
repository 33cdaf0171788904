//! Laws that hold for every answer: printing is read back, equality has no favourite side and is
//! transitive under the strict policy, a step away is never equal.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use ponder_tasks::grade::jsonl::grade_line;
use ponder_tasks::grade::parse::parse;
use ponder_tasks::grade::policy::Policy;
use ponder_tasks::grade::{Verdict, grade};

use super::judge;

/// Scalar expressions in LaTeX.
fn scalar() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        (0u32..200).prop_map(|n| n.to_string()),
        (1u32..50, 1u32..50).prop_map(|(a, b)| format!("\\frac{{{a}}}{{{b}}}")),
        (0u32..100, 0u32..100).prop_map(|(a, b)| format!("{a}.{b}")),
        prop::sample::select(vec!["x", "y", "n", "\\pi", "e", "i", "\\theta", "a_1", "f(x)"])
            .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} + {b}")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} - ({b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) \\cdot ({b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("\\frac{{{a}}}{{{b}}}")),
            (inner.clone(), 0u32..4).prop_map(|(a, n)| format!("({a})^{{{n}}}")),
            inner.clone().prop_map(|a| format!("\\sqrt{{{a}}}")),
            inner.clone().prop_map(|a| format!("-({a})")),
            inner.clone().prop_map(|a| format!("|{a}|")),
            (prop::sample::select(vec!["\\sin", "\\cos", "\\ln", "\\arctan"]), inner)
                .prop_map(|(f, a)| format!("{f}({a})")),
        ]
    })
}

/// Answers of every kind.
fn answer() -> impl Strategy<Value = String> {
    let part = scalar;
    prop_oneof![
        4 => part(),
        1 => (part(), part()).prop_map(|(a, b)| format!("({a}, {b})")),
        1 => (part(), part(), part()).prop_map(|(a, b, c)| format!("{a}, {b}, {c}")),
        1 => (part(), part()).prop_map(|(a, b)| format!("\\{{{a}, {b}\\}}")),
        1 => (part(), part()).prop_map(|(a, b)| format!("y = {a} + {b}")),
        1 => part().prop_map(|a| format!("x \\le {a}")),
        1 => (1u32..99).prop_map(|n| format!("[{n}, {}) \\cup ({}, \\infty)", n + 1, n + 5)),
        1 => (part(), part())
            .prop_map(|(a, b)| format!("\\begin{{pmatrix}} {a} \\\\ {b} \\end{{pmatrix}}")),
        1 => (1u32..9999, prop::sample::select(vec!["\\text{ cm}", "^\\circ", "\\%", "\\text{ dollars}"]))
            .prop_map(|(n, unit)| format!("{n}{unit}")),
        1 => (1u32..12, 10u32..60).prop_map(|(h, m)| format!("{h}:{m} p.m.")),
        1 => prop::sample::select(vec!["\\text{even}", "(C)", "June 5", "3:4", "\\pm 2", "101_2", "k\\pi, k \\in \\mathbb{Z}"])
            .prop_map(str::to_owned),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, rng_seed: RngSeed::Fixed(20250120), ..ProptestConfig::default() })]

    #[test]
    fn printing_is_read_back(text in answer()) {
        let value = parse(&text).expect("generated answers parse");
        let printed = value.to_string();
        let again = parse(&printed);
        prop_assert!(again.is_ok(), "{text} prints as {printed}: {again:?}");
        let printed_again = again.expect("just seen").to_string();
        // One more round may simplify a sign or a bracket; then the text stands still.
        let third = parse(&printed_again).map(|value| value.to_string());
        prop_assert_eq!(third.as_deref(), Ok(printed_again.as_str()), "{}", text);
        let judgement = grade(&text, &printed, &Policy::STRICT);
        if judge(&text, &text).verdict == Verdict::Equal {
            prop_assert_eq!(judgement.verdict, Verdict::Equal, "{} and {}: {:?}", text, printed, judgement);
        } else {
            prop_assert_ne!(judgement.verdict, Verdict::Different, "{} and {}", text, printed);
        }
    }

    #[test]
    fn equality_has_no_favourite_side(a in answer(), b in answer()) {
        prop_assert_eq!(judge(&a, &b).verdict, judge(&b, &a).verdict, "{} and {}", a, b);
    }

    #[test]
    fn rewriting_keeps_the_value(a in scalar(), b in scalar(), c in scalar()) {
        let left = format!("({a}) \\cdot (({b}) + ({c}))");
        let right = format!("({c})({a}) + ({b})({a})");
        prop_assert_ne!(judge(&left, &right).verdict, Verdict::Different, "{} and {}", left, right);
    }

    #[test]
    fn a_step_away_is_not_equal(a in scalar(), step in 1u32..5) {
        let moved = format!("{a} + 10^{{-{}}}", step * 20);
        prop_assert_ne!(judge(&a, &moved).verdict, Verdict::Equal, "{} and {}", a, moved);
    }

    #[test]
    fn integers_are_equal_only_to_themselves(a in any::<i64>(), b in any::<i64>()) {
        let verdict = judge(&a.to_string(), &b.to_string()).verdict;
        prop_assert_eq!(verdict == Verdict::Equal, a == b);
    }
}

/// Spellings of a few values that meet pairwise in many ways.
const CORPUS: &[&str] = &[
    "1/2",
    "0.5",
    "\\frac12",
    "\\frac{2}{4}",
    "50\\%",
    "\\sqrt{\\frac14}",
    "\\sin 30^\\circ",
    "2^{-1}",
    "0.4999",
    "1",
    "1.0",
    "\\frac{3}{3}",
    "|{-1}|",
    "-e^{i\\pi}",
    "\\sqrt{2}",
    "2^{1/2}",
    "\\frac{2}{\\sqrt2}",
    "1.4142",
    "\\sqrt[4]{4}",
    "\\{1, 2\\}",
    "2, 1",
    "1 \\text{ and } 2",
    "\\{2, 1, 1\\}",
    "(1, 2)",
    "[1, 2]",
    "(2, 1)",
    "\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}",
    "1 : 2",
    "2 : 4",
    "x = 1",
    "x - 1 = 0",
    "2x = 2",
    "x",
    "y",
    "x + 0",
    "\\frac{x^2}{x}",
    "x > 1",
    "1 < x",
    "(1, \\infty)",
    "\\{x \\mid x > 1\\}",
    "[1, 2] \\cup [2, 3]",
    "[1, 3]",
    "x^2 - 1",
    "(x-1)(x+1)",
    "90^\\circ",
    "\\frac{\\pi}{2}",
    "1.5 \\text{ hours}",
    "90 \\text{ minutes}",
    "90",
    "101_2",
    "5",
    "\\text{even}",
    "even",
    "(C)",
    "C",
    "\\pm 1",
    "1, -1",
    "\\emptyset",
    "\\{\\}",
    "1{,}000",
    "1000",
    "10^3",
    "\\text{1000}",
    "\\frac{1}{1-\\sqrt2}",
    "-1-\\sqrt2",
    "\\ln 8",
    "3 \\ln 2",
    "\\log_2 8",
    "3",
];

#[test]
fn strict_equality_is_transitive_and_symmetric() {
    let n = CORPUS.len();
    let equal =
        |a: usize, b: usize| grade(CORPUS[a], CORPUS[b], &Policy::STRICT).verdict == Verdict::Equal;
    let table: Vec<Vec<bool>> = (0..n).map(|a| (0..n).map(|b| equal(a, b)).collect()).collect();
    for a in 0..n {
        assert!(table[a][a], "{} is not itself", CORPUS[a]);
        for b in 0..n {
            assert_eq!(table[a][b], table[b][a], "{} and {}", CORPUS[a], CORPUS[b]);
            for c in 0..n {
                let broken = table[a][b] && table[b][c] && !table[a][c];
                assert!(!broken, "{} = {} = {}", CORPUS[a], CORPUS[b], CORPUS[c]);
            }
        }
    }
}

#[test]
fn one_line_in_one_line_out() {
    let output =
        grade_line(r#"{"gold": "1/2", "answer": "so it is \\boxed{0.5}"}"#, &Policy::STANDARD)
            .expect("a pair");
    let value: serde_json::Value = serde_json::from_str(&output).expect("JSON");
    assert_eq!(value["verdict"], "equal");
    assert_eq!(value["gold_parsed"], "1/2");
    assert_eq!(value["answer_parsed"], "1/2");
    assert!(!value["reason"].as_str().expect("a reason").is_empty());
    assert!(
        grade_line(r#"{"gold": 7, "answer": "7"}"#, &Policy::STANDARD)
            .expect("a number")
            .contains("equal")
    );
    for line in
        ["", "{}", "[1]", r#"{"gold": "1"}"#, r#"{"gold": null, "answer": "1"}"#, "not json"]
    {
        assert!(grade_line(line, &Policy::STANDARD).is_err(), "{line}");
    }
}
