//! A user grades answers: one verdict a line, and a bad line is named.

use serde_json::Value;

use crate::support::ponder;

#[test]
fn one_verdict_a_line() {
    let lines = r#"{"gold":"1/2","answer":"so it is \\boxed{0.5}."}
{"gold":"3","answer":"4"}
"#;
    let output = ponder(&["grade", "--jsonl"], lines).ok();
    let verdicts: Vec<Value> = output.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(verdicts.len(), 2);
    assert_eq!(
        (&verdicts[0]["verdict"], &verdicts[1]["verdict"]),
        (&"equal".into(), &"different".into())
    );
    for key in ["reason", "gold_parsed", "answer_parsed"] {
        assert!(verdicts[0][key].is_string(), "{key}");
    }
}

#[test]
fn a_bad_line_is_named_and_the_verdicts_before_it_stand() {
    let run = ponder(&["grade", "--jsonl"], "{\"gold\":\"1\",\"answer\":\"1\"}\n{\"gold\":1}\n");
    assert_eq!((run.code, run.stdout.lines().count()), (Some(2), 1));
    assert!(run.stderr.contains("line 2: field `answer` is missing"), "{}", run.stderr);
    ponder(&["grade"], "").refused(&["nothing to grade"]);
}
