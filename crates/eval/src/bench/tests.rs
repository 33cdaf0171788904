//! Small files in the published forms, and the published files where they are present.

use super::*;
use crate::question::Gold;

fn load(name: &str, file: &str, text: &str) -> Result<Vec<Question>, EvalError> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(file);
    std::fs::write(&path, text).unwrap();
    find(name).unwrap().load(&path).map(|loaded| loaded.questions)
}

fn gold(question: &Question) -> String {
    question.gold.shown().unwrap_or_default()
}

#[test]
fn published_forms_are_read() {
    let aime = load("aime2024", "a.jsonl", r#"{"ID":"2024-I-1","Problem":"p","Answer":"033"}"#);
    let [question] = &aime.unwrap()[..] else { panic!() };
    assert_eq!((question.id.as_str(), gold(question).as_str()), ("2024-I-1", "33"));
    assert_eq!(
        question.prompt,
        "p\nPlease reason step by step, and put your final answer within \\boxed{}."
    );

    let gsm8k = load("gsm8k", "g.jsonl", r#"{"question":"q","answer":"so\n#### 1,234"}"#).unwrap();
    assert_eq!(gold(&gsm8k[0]), "1234");

    let text = "\"Which, \n of\",w,x,y,z,C\nNext?,1,2,3,4,A\n";
    let mmlu = load("mmlu", "college_physics_test.csv", text).unwrap();
    assert_eq!((mmlu[0].id.as_str(), gold(&mmlu[1]).as_str()), ("college_physics/0001", "A"));
    assert_eq!(mmlu[0].level.as_deref(), Some("STEM"));
    assert!(mmlu[0].prompt.contains("Which, \n of\n\nA) w\n"), "{}", mmlu[0].prompt);
    let text = "Question,A,B,C,D,Answer,Subject\nq,1,2,3,4,D,virology\n";
    let mmlu = load("mmlu", "mmlu.csv", text).unwrap();
    assert_eq!((mmlu.len(), gold(&mmlu[0]).as_str()), (1, "D"));
    let text = r#"{"question":"q","choices":["1","2","3","4"],"answer":1,"subject":"anatomy"}"#;
    assert_eq!(gold(&load("mmlu", "m.jsonl", text).unwrap()[0]), "B");

    let text = "Question,Correct Answer,Incorrect Answer 1,Incorrect Answer 2,Incorrect Answer 3\n\
                q1,right,x,y,z\nq2,right,x,y,z\nq3,right,x,y,z\nq4,right,x,y,z\n";
    let gpqa = load("gpqa", "gpqa_diamond.csv", text).unwrap();
    for question in &gpqa {
        let option = format!("{}) right", gold(question));
        assert!(question.prompt.contains(&option), "{}", question.prompt);
    }
    let again = load("gpqa", "gpqa_diamond.csv", text).unwrap();
    assert_eq!(gpqa, again);
    assert!(gpqa.iter().any(|question| gold(question) != gold(&gpqa[0])));
}

#[test]
fn what_is_wrong_with_a_file_is_said() {
    let cases = [
        ("aime2024", "a.jsonl", r#"{"problem":"p","answer":"1000"}"#, "0 to 999"),
        ("aime2024", "a.jsonl", r#"{"problem":"p","answer":"x"}"#, "record 1"),
        ("gsm8k", "a.jsonl", r#"{"question":"p","answer":"7"}"#, "#### N"),
        ("mmlu", "a.jsonl", r#"{"question":"p","choices":["1"],"answer":0}"#, "four options"),
        ("math500", "a.jsonl", "", "no records"),
        (
            "math500",
            "a.jsonl",
            "{\"unique_id\":\"1\",\"problem\":\"p\",\"answer\":\"1\"}\n{\"unique_id\":\"1\",\"problem\":\"p\",\"answer\":\"1\"}",
            "two records",
        ),
    ];
    for (name, file, text, want) in cases {
        let error = load(name, file, text).unwrap_err();
        let message = error.to_string();
        assert!(message.contains(want) && message.contains("\nhint: "), "{name}: {message}");
        assert!(error.is_bad_input());
    }
    let missing = find("gpqa").unwrap().load(Path::new("/nowhere")).unwrap_err().to_string();
    assert!(missing.contains("--data PATH"), "{missing}");
}

/// The folder of published data, if it is there.
fn real_data() -> Option<PathBuf> {
    let folder = std::env::var_os("PONDER_TEST_DATA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let is_there = folder.is_dir();
    if !is_there {
        println!("skipped: {} is not there", folder.display());
    }
    is_there.then_some(folder)
}

#[test]
fn published_files_have_their_questions() {
    let Some(folder) = real_data() else { return };
    let counts =
        [("math500", 500), ("aime2024", 30), ("aime2025", 30), ("gsm8k", 1319), ("mmlu", 14042)];
    for (name, count) in counts {
        let loaded = find(name).unwrap().load(&folder).unwrap();
        assert_eq!(loaded.questions.len(), count, "{name}");
    }
    let math500 = find("math500").unwrap().load(&folder).unwrap();
    assert_eq!(
        math500.data_sha256,
        "35dc41080a3680858b27fa7e0533d2d547825316fc5dafe5d316f4ccc5a06132"
    );
    let mmlu = find("mmlu").unwrap().load(&folder).unwrap();
    assert_eq!(
        mmlu.data_sha256,
        "fa58faff5210aee66e8791f191a56016fa3d33be6b7f484a1463ae5984b834e0"
    );
}

/// Every gold answer of the mathematics, in a box as a model would write it, is judged right.
#[test]
fn golds_are_right() {
    let Some(folder) = real_data() else { return };
    for name in ["math500", "aime2024", "aime2025", "gsm8k"] {
        for question in find(name).unwrap().load(&folder).unwrap().questions {
            let Gold::Maths { answer } = &question.gold else { panic!() };
            let reply = format!("So the answer is $\\boxed{{{answer}}}$.");
            let score = crate::maths::score(answer, &reply);
            assert!(score.is_right(), "{}: {answer}: {score:?}", question.id);
        }
    }
}

#[test]
fn instructions_are_read_and_unknown_ones_named() {
    let text =
        r#"{"key":1,"prompt":"p","instruction_id_list":["punctuation:no_comma"],"kwargs":[{}]}"#;
    let questions = load("ifeval", "i.jsonl", text).unwrap();
    assert!(
        matches!(&questions[0].gold, Gold::Instructions { instructions } if instructions.len() == 1)
    );
    let bad = text.replace("no_comma", "no_dots");
    assert!(load("ifeval", "i.jsonl", &bad).unwrap_err().to_string().contains("no_dots"));
}

#[test]
fn code_problems_of_both_kinds_are_read() {
    // The private cases are base64 of zlib of a pickled text, as published.
    let private =
        "eJxrYJlqxQABPWbR1UqZeQWlJUpWCkomCqZKOgpK+aUlUAFLELcktbikpLIgFSRQXJKSmadUGztFDwBWZBMN";
    let record = |metadata: &str, private: &str, input: &str| {
        serde_json::json!({
            "question_id": "x1", "question_content": "Add.", "starter_code": "", "difficulty": "easy",
            "platform": "atcoder", "metadata": metadata, "private_test_cases": private,
            "public_test_cases": format!("[{{\"input\":\"{input}\",\"output\":\"3\",\"testtype\":\"t\"}}]"),
        })
        .to_string()
    };
    let streams = load("livecodebench", "l.jsonl", &record("{}", private, "1 2")).unwrap();
    let Gold::Program(crate::code::Tests::Streams { cases }) = &streams[0].gold else { panic!() };
    let want = [("1 2", "3"), ("4 5", "9")].map(|(i, o)| (i.to_owned(), o.to_owned()));
    assert_eq!(cases[..], want);
    assert!(streams[0].prompt.ends_with("output the results to stdout."));
    let calls =
        load("livecodebench", "l.jsonl", &record(r#"{"func_name":"add"}"#, "[]", "1\\n2")).unwrap();
    let Gold::Program(crate::code::Tests::Calls { function, cases }) = &calls[0].gold else {
        panic!()
    };
    assert_eq!((function.as_str(), cases[0].0.len()), ("add", 2));
    let error = load("livecodebench", "l.jsonl", &record("{}", "%%", "1")).unwrap_err();
    assert!(error.to_string().contains("neither JSON nor base64"), "{error}");
}
