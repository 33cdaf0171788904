//! A user talks: turns follow each other, commands work, Ctrl-C stops the answer and not the
//! program, and the end of input leaves it.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::support::{arg, command, llama_config, ponder, thinking_model, write_checkpoint};

/// Makes the model write this token for ever: `b`, in the fixture tokenizer.
const ALWAYS_B: [&str; 2] = ["--logit-bias", "68=10000"];

struct Talk {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Talk {
    fn start(args: &[&str]) -> Talk {
        let mut command = command(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdin = child.stdin.take().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Talk { child, stdin, stdout }
    }

    fn say(&mut self, text: &str) {
        self.stdin.write_all(text.as_bytes()).unwrap();
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line
    }

    fn interrupt(&self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    }

    /// Ends the input. The exit code, and what was still on standard output and error.
    fn end(mut self) -> (Option<i32>, String, String) {
        drop(self.stdin);
        let (mut out, mut err) = (String::new(), String::new());
        self.stdout.read_to_string(&mut out).unwrap();
        self.child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        (self.child.wait().unwrap().code(), out, err)
    }
}

#[test]
fn turns_follow_each_other_until_the_input_ends() {
    let dir = thinking_model();
    let flags = ["--think-budget", "2", "--max-tokens", "8", "--temperature", "0"];
    let args = [&["chat", "--model", arg(dir.path())][..], &flags, &ALWAYS_B].concat();
    let mut talk = Talk::start(&args);
    talk.say("first\n");
    assert_eq!(talk.line(), "bbbbb\n");
    talk.say("second\\\nin two lines\n");
    assert_eq!(talk.line(), "bbbbb\n");
    talk.say("/help\n");
    assert!(talk.line().starts_with("/reset "));
    let (code, _, stderr) = talk.end();
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
}

#[test]
fn a_conversation_that_fills_the_context_goes_on_after_a_reset() {
    let dir = thinking_model();
    let flags = ["--think-budget", "0", "--max-tokens", "2", "--temperature", "0"];
    let args = [&["chat", "--model", arg(dir.path())][..], &flags, &ALWAYS_B].concat();
    let mut talk = Talk::start(&args);
    // Digits are tokens of three at most: over 200 tokens a turn, and the context has 512.
    let long = "123 ".repeat(60) + "\n";
    for _ in 0..2 {
        talk.say(&long);
        assert_eq!(talk.line(), "b\n");
    }
    for text in [&long, &long, "/reset\n", "short\n"] {
        talk.say(text);
    }
    assert_eq!(talk.line(), "b\n");
    talk.say("/nothing\n");
    let (code, rest, stderr) = talk.end();
    assert_eq!((code, rest.as_str()), (Some(0), ""));
    let wants = ["maximum context length is 512", "hint: /reset", "there is no /nothing"];
    for want in wants {
        assert!(stderr.contains(want), "{want} is not in\n{stderr}");
    }
}

/// A model that writes for a long time if nobody stops it.
fn endless_model() -> tempfile::TempDir {
    let dir = thinking_model();
    let mut config = llama_config(32, 2, 507);
    config["max_position_embeddings"] = 1_000_000.into();
    write_checkpoint(dir.path(), &config);
    dir
}

#[test]
fn ctrl_c_stops_the_answer_and_not_the_chat() {
    let dir = endless_model();
    let flags = ["--think-budget", "0", "--max-tokens", "900000", "--context", "1000000"];
    let args = [&["chat", "--model", arg(dir.path())][..], &flags, &ALWAYS_B].concat();
    let mut talk = Talk::start(&args);
    for _ in 0..2 {
        talk.say("go on\n");
        let mut first = [0];
        talk.stdout.read_exact(&mut first).unwrap();
        assert_eq!(first, *b"b");
        talk.interrupt();
        let line = talk.line();
        assert!(line.trim_end().bytes().all(|byte| byte == b'b'), "{line}");
    }
    assert_eq!(talk.end().0, Some(0));
}

#[test]
fn ctrl_c_ends_ask_with_130_and_what_was_written_stands() {
    let dir = endless_model();
    let flags = ["--raw", "go", "--max-tokens", "900000"];
    let args = [&["ask", "--model", arg(dir.path())][..], &flags, &ALWAYS_B].concat();
    let mut talk = Talk::start(&args);
    let mut first = [0; 3];
    talk.stdout.read_exact(&mut first).unwrap();
    talk.interrupt();
    let (code, rest, stderr) = talk.end();
    assert_eq!((code, &first, stderr.as_str()), (Some(130), b"bbb", ""));
    assert!(rest.ends_with('\n') && rest.trim_end().bytes().all(|byte| byte == b'b'), "{rest}");
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    let dir = endless_model();
    let flags = ["--raw", "go", "--max-tokens", "900000"];
    let args = [&["ask", "--model", arg(dir.path())][..], &flags, &ALWAYS_B].concat();
    let mut talk = Talk::start(&args);
    let mut first = [0; 3];
    talk.stdout.read_exact(&mut first).unwrap();
    drop(talk.stdout);
    let mut stderr = String::new();
    talk.child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!((talk.child.wait().unwrap().code(), stderr.as_str()), (Some(0), ""));
}

#[test]
fn a_context_beyond_the_model_is_refused() {
    let dir = thinking_model();
    let args = ["chat", "--model", arg(dir.path()), "--context", "513"];
    ponder(&args, "").refused(&["`--context 513`: the model accepts 512 tokens"]);
}
