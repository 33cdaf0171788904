//! A user pulls a model from a hub and runs it by its name; the connection breaks and the process
//! is killed, and the next pull goes on.

use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::hub::{COMMIT, Hub, Reply, Repository};
use crate::support::{Run, arg, command, thinking_model};

const NAME: &str = "someone/Tiny-R1";
const WEIGHTS: &str = "model.safetensors";

/// A hub's copy of a checkpoint, and what others put beside it.
fn published(dir: &Path) -> Repository {
    let mut files = vec![("README.md".to_owned(), b"# Tiny".to_vec())];
    for entry in std::fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        files.push((name, std::fs::read(entry.path()).unwrap()));
    }
    Repository { model: NAME.into(), files, cdn: None }
}

fn environment(command: &mut std::process::Command, hub: &str, cache: &TempDir) {
    command.env("HF_ENDPOINT", hub).env("HF_HUB_CACHE", cache.path()).stdin(Stdio::null());
}

fn run(args: &[&str], hub: &str, cache: &TempDir) -> Run {
    let mut command = command(args);
    environment(&mut command, hub, cache);
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Run { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

#[test]
fn a_pulled_model_runs_by_its_name() {
    let (model, cache) = (thinking_model(), tempfile::tempdir().unwrap());
    let repository = published(model.path());
    let hub = Hub::start(move |request| repository.answer(request));
    let run = |args: &[&str]| run(args, &hub.url, &cache);

    run(&["score", "--model", NAME, "--ids", "0,5,7"]).refused(&[NAME, "no such model was pulled"]);
    let pulled = run(&["pull", NAME, "--json"]).json();
    let expected = cache.path().join("models--someone--Tiny-R1/snapshots").join(COMMIT);
    assert_eq!(pulled["folder"], arg(&expected));
    assert_eq!((&pulled["model"], &pulled["commit"]), (&NAME.into(), &COMMIT.into()));
    assert_eq!(pulled["fetched_bytes"], pulled["bytes"]);
    assert!(hub.starts_of("README.md").is_empty());

    let n_requests = hub.requests().len();
    let score = |model: &str| run(&["score", "--model", model, "--ids", "0,5,7", "--json"]).json();
    assert_eq!(score(NAME), score(arg(model.path())));
    assert_eq!(score(&format!("{NAME}@{COMMIT}")), score(NAME));
    let report = run(&["inspect", NAME, "--json"]).json();
    assert_eq!(report["model"], NAME);
    assert!(run(&["plan", NAME, "--json"]).ok().contains("bytes"));
    let answer = run(&["ask", "--model", NAME, "--max-tokens", "4", "--json", "hello"]).json();
    assert!(answer["usage"]["completion_tokens"].as_u64().unwrap() <= 4);
    assert_eq!(hub.requests().len(), n_requests, "a pulled model needs no hub");

    let again = run(&["pull", NAME]).ok();
    let lines: Vec<&str> = again.lines().collect();
    assert!(lines[0].contains("0 B of it fetched now (main, 0123456)"), "{again}");
    assert_eq!(lines[1..], [arg(&expected)]);
    assert_eq!(run(&["pull", NAME, "--quiet"]).ok(), format!("{}\n", expected.display()));
}

#[test]
fn a_benchmark_is_pulled_when_it_is_not_here() {
    let (cache, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let row = |i: usize| {
        let (problem, id) = (format!("{i}+1?"), format!("q{i}"));
        serde_json::json!({"problem": problem, "answer": (i + 1).to_string(), "unique_id": id})
    };
    let rows: String = (0..3).map(|i| format!("{}\n", row(i))).collect();
    let files = [("test.jsonl", rows.into_bytes())];
    let repository = Repository::new("HuggingFaceH4/MATH-500", &files);
    let hub = Hub::start(move |request| repository.answer_as_data(request));
    let run = |more: &[&str]| {
        let args = ["eval", "math500", "--max-tokens", "8", "--json", "--out"];
        let mut command = command(&args);
        command.arg(place.path().join("run")).args(more).current_dir(place.path());
        environment(&mut command, &hub.url, &cache);
        let output = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Run { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    };
    let without = run(&[]);
    assert!(without.stderr.contains("`--pull` fetches it from HuggingFaceH4/MATH-500"));
    without.refused(&["data: no such file or folder"]);
    assert_eq!(run(&["--pull"]).json()["coverage"]["questions"], 3);
    let n_requests = hub.requests().len();
    assert_eq!(run(&[]).json()["coverage"]["questions"], 3);
    assert_eq!(hub.requests().len(), n_requests, "what was pulled needs no hub");
}

#[test]
fn a_killed_pull_goes_on() {
    let (model, cache) = (thinking_model(), tempfile::tempdir().unwrap());
    let repository = published(model.path());
    let (_, weights) = repository.files.iter().find(|(name, _)| name == WEIGHTS).unwrap();
    let half = weights.len() / 2;
    let n_asked = AtomicUsize::new(0);
    let hub = Hub::start(move |request| {
        let right = repository.answer(request);
        match request.is_get_of(WEIGHTS) && n_asked.fetch_add(1, Ordering::SeqCst) == 0 {
            true => Reply { silence: Duration::from_secs(30), ..right.cut_after(half) },
            false => right,
        }
    });
    let mut child = command(&["pull", NAME]);
    environment(&mut child, &hub.url, &cache);
    let mut child = child.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let blobs = cache.path().join("models--someone--Tiny-R1/blobs");
    let has_half = || {
        let entries = std::fs::read_dir(&blobs).into_iter().flatten().flatten();
        entries
            .filter(|entry| entry.path().extension().is_some_and(|e| e == "incomplete"))
            .any(|entry| entry.metadata().is_ok_and(|found| found.len() == half as u64))
    };
    let start = Instant::now();
    while !has_half() {
        assert!(start.elapsed() < Duration::from_secs(60), "nothing arrives");
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    run(&["score", "--model", NAME, "--ids", "0"], &hub.url, &cache).refused(&["was pulled"]);

    let pulled: Value = run(&["pull", NAME, "--json"], &hub.url, &cache).json();
    assert_eq!(hub.starts_of(WEIGHTS), [0, half]);
    assert!(pulled["fetched_bytes"].as_u64() < pulled["bytes"].as_u64());
    run(&["score", "--model", NAME, "--ids", "0"], &hub.url, &cache).ok();
}

#[test]
fn what_cannot_be_pulled() {
    let cache = tempfile::tempdir().unwrap();
    let hub = Hub::start(|request| match request.path.contains("gated") {
        true => Reply::new(401, "{}").header("X-Error-Code", "GatedRepo"),
        false => Reply::new(404, "{}").header("X-Error-Code", "RepoNotFound"),
    });
    let pull = |name: &str| run(&["pull", name], &hub.url, &cache);
    pull("someone/gated").refused(&["someone/gated: is gated"]);
    pull("someone/absent").refused(&["there is no such model on http://127.0.0.1"]);
    pull("../../etc").refused(&["is no model's name on a hub"]);
    pull("deepseek-r1").refused(&["is no model's name on a hub"]);
    pull("a/b@..").refused(&["its revision is no name"]);
    run(&["pull", "a/b", "--revision", "x y"], &hub.url, &cache)
        .refused(&["its revision is no name"]);
    run(&["pull", "a/b"], "ftp://hub", &cache).refused(&["ftp://hub"]);

    // Not the user's fault: exit code 1.
    let busy = Hub::start(|_| Reply::new(503, "").header("Retry-After", "86400"));
    let failed = run(&["pull", "a/b"], &busy.url, &cache);
    assert_eq!((failed.code, failed.stderr.lines().count()), (Some(1), 2), "{failed:?}");
    assert!(failed.stderr.contains("asks to wait 86400 s"), "{failed:?}");
}
