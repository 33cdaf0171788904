//! A user runs a recipe from nothing to a model that answers; kills it and goes on; writes one
//! badly and is told which key.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{arg, command, ponder, workspace};

/// A recipe of two stages and some seconds.
const TINY: &str = r#"
seed = 3

[[stage]]
name = "base"
run = "pretrain"
preset = "smoke"
steps = 30
batch_tokens = 512
vocabulary_problems = 200
tasks = { addsub = 1.0 }
levels = [1.0]
set = { checkpoint_every = 4 }

[[stage]]
name = "chat"
run = "sft"
model = "base"
steps = 6
batch_tokens = 512
tasks = { addsub = 1.0 }
levels = [1.0]
"#;

fn recipe(dir: &Path, text: &str) -> String {
    let path = dir.join("tiny.toml");
    std::fs::write(&path, text).unwrap();
    arg(&path).to_owned()
}

fn lines(path: &Path) -> usize {
    std::fs::read_to_string(path).map_or(0, |text| text.lines().count())
}

#[test]
fn the_smoke_recipe_ends_in_a_model_that_answers() {
    let dir = tempfile::tempdir().unwrap();
    let file = workspace("recipes/smoke.toml");
    let out = dir.path().join("run");
    let run = ["recipe", "run", arg(&file), "--out", arg(&out), "--quiet"];
    let start = Instant::now();
    let said = ponder(&run, "").ok();
    println!("the recipe took {:.0} s", start.elapsed().as_secs_f64());

    let ask = ["ask", "--model", said.trim(), "--max-tokens", "40", "--json", "what is 3 + 4?"];
    let answer = ponder(&ask, "").json();
    assert!(answer["usage"]["completion_tokens"].as_u64().unwrap() > 0, "{answer}");

    let rows = ponder(&["runs", arg(&out), "--json"], "").json();
    for row in rows.as_array().unwrap() {
        assert_eq!(row["state"], "done", "{row}");
    }
    ponder(&["runs", "report", arg(&out)], "").ok();
    // Everything is done: nothing is trained again.
    let again = Instant::now();
    assert_eq!(ponder(&run, "").ok(), said);
    assert!(again.elapsed() < start.elapsed() / 2);
}

#[test]
fn a_killed_recipe_goes_on_and_ends_in_the_same_model() {
    let dir = tempfile::tempdir().unwrap();
    let file = recipe(dir.path(), TINY);
    let (whole, killed) = (dir.path().join("whole"), dir.path().join("killed"));
    let run = |out: &Path| ponder(&["recipe", "run", &file, "--out", arg(out), "--quiet"], "").ok();
    run(&whole);

    let mut child = command(&["recipe", "run", &file, "--out", arg(&killed), "--quiet"]);
    let mut child = child.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let metrics = killed.join("01-base/metrics.jsonl");
    let deadline = Instant::now() + Duration::from_secs(120);
    while lines(&metrics) < 6 {
        assert!(Instant::now() < deadline, "no step was taken");
        std::thread::yield_now();
    }
    // SIGKILL, wherever it is; it may have got further meanwhile.
    child.kill().unwrap();
    child.wait().unwrap();
    run(&killed);
    for file in [
        "01-base/metrics.jsonl",
        "01-base/model/model.safetensors",
        "02-chat/metrics.jsonl",
        "02-chat/model/model.safetensors",
    ] {
        let read = |out: &Path| std::fs::read(out.join(file)).unwrap();
        assert!(read(&whole) == read(&killed), "{file} differs");
    }
}

#[test]
fn a_plan_says_what_remains_and_how_long() {
    let dir = tempfile::tempdir().unwrap();
    let file = recipe(dir.path(), TINY);
    let out = dir.path().join("run");
    let plan = ["recipe", "run", &file, "--out", arg(&out), "--dry-run", "--json"];
    let plan = ponder(&plan, "").json();
    let stages = plan["stages"].as_array().unwrap();
    let of = |key: &str| -> Vec<&Value> { stages.iter().map(|stage| &stage[key]).collect() };
    assert_eq!(of("name"), ["base", "chat"]);
    assert_eq!(of("learnt_tokens"), [30 * 512, 6 * 512]);
    assert!(plan["seconds_left"].as_f64().unwrap() > 0.0, "{plan}");
    assert!(!out.exists(), "a plan leaves nothing behind");
}

#[test]
fn a_bad_recipe_is_refused_by_its_key() {
    let dir = tempfile::tempdir().unwrap();
    let refuse = |text: &str, wants: &[&str]| {
        let file = recipe(dir.path(), text);
        let out = dir.path().join("run");
        ponder(&["recipe", "run", &file, "--out", arg(&out)], "").refused(wants);
        assert!(!out.exists(), "nothing is begun");
    };
    refuse(&TINY.replace("batch_tokens", "batch_token"), &["tiny.toml", "`base`", "`batch_token`"]);
    refuse(&TINY.replace("= 30", "= \"long\""), &["`base`", "`steps`", "long"]);
    refuse(&TINY.replace("\"sft\"", "\"stf\""), &["stage 2 (`chat`)", "`run`", "stf"]);
    refuse(&TINY.replace("seed = 3", "sead = 3"), &["line 2", "sead"]);
    let missing = dir.path().join("none.toml");
    ponder(&["recipe", "run", arg(&missing)], "").refused(&["none.toml"]);
}

#[test]
fn what_was_trained_otherwise_is_not_gone_on_with() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    let short = TINY.replace("steps = 30", "steps = 2");
    let file = recipe(dir.path(), &short);
    ponder(&["recipe", "run", &file, "--out", arg(&out), "--quiet"], "").ok();
    let file = recipe(dir.path(), &short.replace("steps = 2", "steps = 3"));
    let run = ["recipe", "run", &file, "--out", arg(&out), "--quiet"];
    ponder(&run, "").refused(&["`base`", "--steps=2", "--steps=3"]);
}
