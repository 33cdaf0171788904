//! Thinking from answer on ids, and JSON Lines in and out.

mod common;

use ponder_text::{
    ControlTokens, Piece, ReasoningSplitter, ReasoningState, TextError, Tokenizer, tokenize_lines,
};

fn split(prompt: &str, output: &str) -> (String, String, usize) {
    let tokenizer = common::fixture();
    let encode = |text| tokenizer.encode(text, ControlTokens::Parse).unwrap();
    let mut splitter = ReasoningSplitter::new(&tokenizer, &encode(prompt));
    let (mut reasoning, mut answer) = (Vec::new(), Vec::new());
    for id in encode(output) {
        match splitter.push(id) {
            Piece::Reasoning(id) => reasoning.push(id),
            Piece::Answer(id) => answer.push(id),
            Piece::Marker(id) => assert!(tokenizer.is_control(id)),
        }
    }
    assert_eq!(splitter.reasoning_tokens(), reasoning.len());
    let n = reasoning.len();
    (tokenizer.decode(&reasoning).unwrap(), tokenizer.decode(&answer).unwrap(), n)
}

#[test]
fn the_prompts_tail_decides() {
    // Prompt, output, reasoning, answer.
    let cases = [
        ("<｜User｜>q<｜Assistant｜><think>\n", "r</think>\n\na", "r", "\n\na"),
        ("<｜User｜>q<｜Assistant｜>", "<think>\nr</think>a", "\nr", "a"),
        ("<｜User｜>q<｜Assistant｜>", "\n<think>r</think>a", "r", "\na"),
        ("<｜User｜>q<｜Assistant｜>", "plain answer", "", "plain answer"),
        ("<｜User｜>q<｜Assistant｜><think></think>", "a", "", "a"),
        ("<｜User｜>q<｜Assistant｜><think>\nso far", " r", " r", ""),
        // An earlier turn's marks say nothing about this one.
        (
            "<think>r</think>a<｜end▁of▁sentence｜><｜User｜>q<｜Assistant｜>",
            "<think>r</think>a",
            "r",
            "a",
        ),
        // Only the first end counts; later marks are part of neither.
        ("<｜Assistant｜><think>", "r</think>a<think>b</think>c", "r", "abc"),
        ("", "<think></think>", "", ""),
    ];
    for (prompt, output, reasoning, answer) in cases {
        let (got_reasoning, got_answer, _) = split(prompt, output);
        assert_eq!(
            (got_reasoning.as_str(), got_answer.as_str()),
            (reasoning, answer),
            "{prompt} | {output}"
        );
    }
}

#[test]
fn spelled_out_marks_decide_nothing() {
    let tokenizer = common::fixture();
    let prompt = tokenizer.encode("<think>", ControlTokens::Parse).unwrap();
    let mut splitter = ReasoningSplitter::new(&tokenizer, &prompt);
    for id in tokenizer.encode("a </think> b", ControlTokens::Plain).unwrap() {
        assert_eq!(splitter.push(id), Piece::Reasoning(id));
    }
    assert_eq!(splitter.state(), ReasoningState::Thinking);
    let close = splitter.close_id().unwrap();
    assert_eq!(splitter.push(close), Piece::Marker(close));
    assert_eq!(splitter.state(), ReasoningState::Answering);
}

#[test]
fn a_model_without_thinking_tokens_only_answers() {
    let json = r#"{"decoder": {"type": "ByteLevel"},
        "model": {"type": "BPE", "merges": [], "vocab": {"a": 0, "<think>": 1}}}"#;
    let tokenizer = Tokenizer::from_bytes(json.as_bytes(), None).unwrap();
    let mut splitter = ReasoningSplitter::new(&tokenizer, &[1]);
    assert_eq!(splitter.state(), ReasoningState::Answering);
    assert_eq!((splitter.push(1), splitter.close_id()), (Piece::Answer(1), None));
}

fn lines(input: &[u8], control: ControlTokens) -> (Result<(), TextError>, String) {
    let mut output = Vec::new();
    let result = tokenize_lines(&common::fixture(), input, &mut output, control);
    (result, String::from_utf8(output).unwrap())
}

#[test]
fn json_lines() {
    let input = "{\"text\": \"<think>\"}\n\n{\"ids\": [490, 3]}\n{\"text\":\"\"}";
    let (result, output) = lines(input.as_bytes(), ControlTokens::Plain);
    result.unwrap();
    let plain = common::fixture().encode("<think>", ControlTokens::Plain).unwrap();
    let plain = serde_json::to_string(&plain).unwrap();
    let want = format!(
        "{{\"ids\":{plain},\"text\":\"<think>\"}}\n{{\"ids\":[490,3],\"text\":\"<think>!\"}}\n{{\"ids\":[],\"text\":\"\"}}\n"
    );
    assert_eq!(output, want);
    let (_, output) = lines(br#"{"text": "<think>"}"#, ControlTokens::Parse);
    assert_eq!(output, "{\"ids\":[490],\"text\":\"<think>\"}\n");
}

#[test]
fn json_lines_errors_name_the_line() {
    let cases: [(&[u8], &str); 10] = [
        (b"{", "EOF"),
        (b"[]", "neither"),
        (br#"{"text": "a", "ids": []}"#, "both"),
        (br#"{"text": 1}"#, "not a string"),
        (br#"{"text": "\ud800"}"#, "hex escape"),
        (br#"{"ids": 1}"#, "not a list"),
        (br#"{"ids": [-1]}"#, "no token id"),
        (br#"{"ids": [4294967296]}"#, "no token id"),
        (br#"{"ids": [507]}"#, "507"),
        (b"\xff", "UTF-8"),
    ];
    for (line, want) in cases {
        let input = [br#"{"text": "a"}"#, b"\n".as_slice(), line].concat();
        let (result, output) = lines(&input, ControlTokens::Plain);
        let error = result.unwrap_err().to_string();
        assert!(error.starts_with("line 2: ") && error.contains("hint:"), "{error}");
        assert!(error.contains(want), "{want}: {error}");
        assert_eq!(output.lines().count(), 1, "what came before is answered");
    }
}
