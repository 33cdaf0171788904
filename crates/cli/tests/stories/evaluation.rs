//! A user evaluates a model: the same samples whatever runs beside them, nothing lost when the run is
//! killed, scores that can be made again, and two runs compared question by question.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::support::{arg, command, ponder, thinking_model};

/// Problems of the form that MATH-500 has.
fn problems(dir: &Path, n: usize) -> PathBuf {
    let path = dir.join("math500.jsonl");
    let line = |i: usize| {
        json!({
            "problem": format!("{i}+1?"), "answer": (i + 1).to_string(), "level": i % 3,
            "subject": (["Algebra", "Geometry"][i % 2]), "unique_id": format!("q{i}"),
        })
    };
    let text: String = (0..n).map(|i| format!("{}\n", line(i))).collect();
    std::fs::write(&path, text).unwrap();
    path
}

/// The lines of a file of a run, sorted.
fn lines(run: &Path, file: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(run.join(file)).unwrap();
    let mut lines: Vec<Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    lines.sort_by_key(|l| (l["question"].as_str().unwrap().to_owned(), l["sample"].as_u64()));
    lines
}

/// A server that answers chat completions by `reply` to the request's body, as long as `work` runs.
fn with_server<R>(reply: impl Fn(&Value) -> String + Sync, work: impl FnOnce(&str) -> R) -> R {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for stream in listener.incoming() {
                if is_over.load(Ordering::SeqCst) {
                    return;
                }
                let reply = &reply;
                scope.spawn(move || answer(&stream.unwrap(), reply));
            }
        });
        let result = work(&format!("http://{address}/v1"));
        is_over.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(address));
        result
    })
}

fn answer(stream: &TcpStream, reply: &(impl Fn(&Value) -> String + Sync)) {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    if reader.read_exact(&mut body).is_err() {
        return;
    }
    let body = serde_json::from_slice(&body).unwrap();
    let message = json!({"reasoning_content": "hm", "content": reply(&body)});
    let text = json!({
        "choices": [{"message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 7, "completion_tokens_details": {"reasoning_tokens": 2}},
    })
    .to_string();
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n";
    // A client that was killed is not there any more.
    let _ = write!(&*stream, "{head}Content-Length: {}\r\n\r\n{text}", text.len());
}

fn prompt(body: &Value) -> &str {
    body["messages"][0]["content"].as_str().unwrap()
}

/// Runs one reply through HumanEval's judge; `None` where code cannot be run here, which is said.
pub fn rescored(dir: &Path, reply: &str) -> Option<Value> {
    let data = dir.join("humaneval.jsonl");
    let problem = json!({
        "task_id": "add", "prompt": "def add(a, b):\n    \"\"\"Adds.\"\"\"\n", "entry_point": "add",
        "test": "def check(f):\n    assert f(1, 2) == 3\n    assert f(0, 5) == 5\n",
    });
    std::fs::write(&data, problem.to_string()).unwrap();
    let out = tempfile::tempdir().unwrap();
    let run = with_server(
        |_| reply.to_owned(),
        |url| {
            let args =
                ["eval", "humaneval", "--data", arg(&data), "--endpoint", url, "--api-model", "m"];
            ponder(&[&args[..], &["--out", arg(out.path())]].concat(), "")
        },
    );
    if run.code == Some(1) {
        assert!(run.stderr.contains("hint: "), "{}", run.stderr);
        println!("skipped: {}", run.stderr);
        return None;
    }
    run.ok();
    Some(lines(out.path(), "scores.jsonl").remove(0))
}

#[test]
fn a_sample_does_not_depend_on_what_runs_beside_it() {
    let (model, dir) = (thinking_model(), tempfile::tempdir().unwrap());
    let data = problems(dir.path(), 5);
    let mut runs = Vec::new();
    for batch in ["1", "7"] {
        let out = dir.path().join(batch);
        let args = ["eval", "math500", "--model", arg(model.path()), "--data", arg(&data)];
        let more =
            ["-k", "3", "--max-tokens", "40", "--batch", batch, "--out", arg(&out), "--json"];
        let summary = ponder(&[&args[..], &more].concat(), "").json();
        assert_eq!(summary["coverage"]["samples"], 15, "{summary}");
        assert_eq!(summary["coverage"]["samples_least"], 3);
        assert!(summary["pass_1"]["error_sampling"].is_number(), "{summary}");
        let rates = &summary["rates"];
        let sum: f64 = ["right", "wrong", "undecided", "no_answer"]
            .iter()
            .map(|k| rates[k].as_f64().unwrap())
            .sum();
        assert!((sum - 1.0).abs() < 1e-9, "{rates}");
        runs.push(lines(&out, "samples.jsonl"));
        let page = std::fs::read_to_string(out.join("report.html")).unwrap();
        assert!(page.contains("</html>") && !page.contains("http"), "a page that needs a network");
    }
    assert_eq!(runs[0], runs[1]);
    let texts: std::collections::HashSet<String> =
        runs[0].iter().map(|l| l["reasoning"].to_string()).collect();
    assert!(texts.len() > 10, "samples of a question differ: {texts:?}");
}

#[test]
fn a_killed_run_goes_on_with_nothing_lost_or_doubled() {
    let dir = tempfile::tempdir().unwrap();
    let (data, out) = (problems(dir.path(), 40), dir.path().join("run"));
    let served = AtomicUsize::new(0);
    let reply = |body: &Value| {
        served.fetch_add(1, Ordering::SeqCst);
        let n: usize = prompt(body).split('+').next().unwrap().parse().unwrap();
        format!("so \\boxed{{{}}}", n + 1)
    };
    let summary = with_server(reply, |url| {
        let args = [
            "eval",
            "math500",
            "--data",
            arg(&data),
            "--endpoint",
            url,
            "--api-model",
            "m",
            "-k",
            "5",
            "--concurrency",
            "2",
            "--out",
            arg(&out),
            "--json",
        ];
        let samples = out.join("samples.jsonl");
        let count = || std::fs::read_to_string(&samples).map_or(0, |text| text.lines().count());
        for least in [5, 60] {
            let mut child =
                command(&args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            while count() < least && child.try_wait().unwrap().is_none() {
                std::thread::yield_now();
            }
            child.kill().unwrap();
            child.wait().unwrap();
            // The line that a kill can tear.
            let mut file = std::fs::OpenOptions::new().append(true).open(&samples).unwrap();
            file.write_all(b"{\"question\":\"q1\",\"sam").unwrap();
        }
        ponder(&args, "").json()
    });
    assert_eq!(summary["coverage"]["samples"], 200);
    assert_eq!(
        (&summary["pass_1"]["value"], &summary["coverage"]["failed"]),
        (&1.0.into(), &0.into())
    );
    let samples = lines(&out, "samples.jsonl");
    let keys: std::collections::HashSet<_> =
        samples.iter().map(|l| (l["question"].to_string(), l["sample"].to_string())).collect();
    assert_eq!((samples.len(), keys.len()), (200, 200));
    // Only what was under way was asked for again.
    assert!(served.load(Ordering::SeqCst) <= 200 + 3 * 2 + 2, "{served:?}");
}

#[test]
fn runs_are_scored_again_and_compared() {
    let dir = tempfile::tempdir().unwrap();
    let data = problems(dir.path(), 30);
    // A is right on multiples of 3; B on those, and on multiples of 2.
    let mut outs = Vec::new();
    for (name, divisors) in [("a", &[3][..]), ("b", &[2, 3][..])] {
        let out = dir.path().join(name);
        let reply = |body: &Value| {
            let n: usize = prompt(body).split('+').next().unwrap().parse().unwrap();
            let is_right = divisors.iter().any(|d| n.is_multiple_of(*d));
            format!("\\boxed{{{}}}", if is_right { n + 1 } else { 777 })
        };
        with_server(reply, |url| {
            let args =
                ["eval", "math500", "--data", arg(&data), "--endpoint", url, "--api-model", name];
            ponder(&[&args[..], &["--out", arg(&out)]].concat(), "").ok();
        });
        outs.push(out);
    }
    let first = std::fs::read(outs[0].join("scores.jsonl")).unwrap();
    std::fs::remove_file(outs[0].join("scores.jsonl")).unwrap();
    let table = ponder(&["eval", "rescore", arg(&outs[0])], "").ok();
    assert!(table.contains("pass@1      33.33 %"), "{table}");
    assert_eq!(std::fs::read(outs[0].join("scores.jsonl")).unwrap(), first);
    let found = ponder(&["eval", "compare", arg(&outs[0]), arg(&outs[1]), "--json"], "").json();
    // 30 numbers from 0: 10 multiples of 3, and 10 others of 2.
    assert_eq!((&found["mcnemar"]["only_a"], &found["mcnemar"]["only_b"]), (&0.into(), &10.into()));
    assert!((found["difference"].as_f64().unwrap() - 1.0 / 3.0).abs() < 1e-9, "{found}");
    assert!((found["p"].as_f64().unwrap() - 2.0 / 1024.0).abs() < 1e-9, "{found}");
    assert_eq!(found["by_question"].as_array().unwrap().len(), 30);
    let text = ponder(&["eval", "compare", arg(&outs[0]), arg(&outs[1])], "").ok();
    assert!(text.contains("B minus A      +33.33 points"), "{text}");
}

#[test]
fn own_tasks_need_no_data() {
    let (model, dir) = (thinking_model(), tempfile::tempdir().unwrap());
    let Some(task) = ponder_tasks::all().first() else { return };
    let out = dir.path().join("run");
    let args = ["eval", task.name(), "--model", arg(model.path()), "--per-level", "2"];
    let more = ["--max-tokens", "8", "--out", arg(&out), "--json"];
    let summary = ponder(&[&args[..], &more].concat(), "").json();
    assert!(summary["coverage"]["questions"].as_u64().unwrap() >= 10, "{summary}");
    assert!(summary["manifest"]["settings"]["data_sha256"].is_null());
}

#[test]
fn what_cannot_be_run_is_refused_with_a_reason() {
    let (model, dir) = (thinking_model(), tempfile::tempdir().unwrap());
    let data = problems(dir.path(), 2);
    let model = arg(model.path());
    ponder(&["eval"], "").refused(&["no benchmark was named"]);
    ponder(&["eval", "math501", "--model", model], "").refused(&["no benchmark `math501`"]);
    ponder(&["eval", "gpqa", "--model", model, "--data", "/nowhere"], "").refused(&["/nowhere"]);
    let wrong = ["eval", "gsm8k", "--model", model, "--data", arg(&data)];
    ponder(&wrong, "").refused(&["record 1: `answer` does not end in `#### N`"]);
    let filtered = ["eval", "math500", "--model", model, "--data", arg(&data), "--level", "9"];
    ponder(&filtered, "").refused(&["no question of `math500` is left"]);
    let out = dir.path().join("run");
    let run = ["eval", "math500", "--model", model, "--data", arg(&data), "--max-tokens", "4"];
    ponder(&[&run[..], &["--out", arg(&out)]].concat(), "").ok();
    let other = [&run[..], &["--out", arg(&out), "--seed", "5"]].concat();
    ponder(&other, "").refused(&["begun with other sampling"]);
    ponder(&["eval", "rescore", arg(dir.path())], "").refused(&["there is no manifest.json"]);
}
