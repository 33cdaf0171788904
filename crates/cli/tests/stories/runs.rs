//! A user looks at what was trained: a list of runs, and a page that needs nothing but itself.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::{arg, ponder};

/// A recipe's run with a stage that is done and one that was stopped.
fn recipe_run(root: &Path) {
    write_run(
        &root.join("night/01-pretrain"),
        "pretrain",
        (4, 4),
        |step| json!({"step": step, "tokens": 100 * (step + 1), "loss": 4.0 - step as f64}),
    );
    let grpo = root.join("night/02-grpo");
    write_run(
        &grpo,
        "grpo",
        (3, 10),
        |step| json!({"step": step, "tokens": 50 * (step + 1), "reward": 0.25, "loss": 0.0}),
    );
    let rollout = |sample: u64, reward: f64| {
        json!({
            "step": 1, "prompt": 0, "sample": sample, "task": "gcd", "level": 2,
            "question": "gcd of 12 and 18?", "thinking": "18-12=6 <b>", "reply": "\\boxed{6}",
            "is_finished": true, "n_tokens": 12, "reward": reward,
            "parts": {"accuracy": reward, "language": null}, "advantage": reward - 0.5,
        })
    };
    let lines = format!("{}\n{}\n", rollout(0, 1.0), rollout(1, 0.0));
    std::fs::write(grpo.join("samples.jsonl"), lines).unwrap();
}

fn write_run(dir: &Path, stage: &str, (done, total): (u64, u64), line: impl Fn(u64) -> Value) {
    std::fs::create_dir_all(dir).unwrap();
    let write = |name: &str, text: String| std::fs::write(dir.join(name), text).unwrap();
    write("run.toml", format!("seed = 7\n[schedule]\ntotal_steps = {total}\n"));
    write("about.toml", format!("stage = \"{stage}\"\nmodel = \"nano\"\n"));
    write("metrics.jsonl", (0..done).map(|step| format!("{}\n", line(step))).collect());
    let timing = |step| format!("{}\n", json!({"step": step, "seconds": 2, "tokens_per_s": 50.0}));
    write("timings.jsonl", (0..done).map(timing).collect());
}

#[test]
fn runs_are_listed_with_how_far_they_are() {
    let dir = tempfile::tempdir().unwrap();
    recipe_run(dir.path());
    let rows = ponder(&["runs", arg(dir.path()), "--json"], "").json();
    let of = |i: usize, key: &str| rows[i][key].clone();
    assert_eq!((of(0, "stage"), of(1, "stage")), ("pretrain".into(), "grpo".into()));
    assert_eq!((of(0, "state"), of(1, "state")), ("done".into(), "stopped".into()));
    assert_eq!((of(1, "steps_done"), of(1, "steps_total")), (3.into(), 10.into()));
    assert_eq!((of(0, "seconds_left"), of(1, "seconds_left")), (Value::Null, 14.0.into()));
    assert_eq!(rows[0]["last"]["loss"], 1.0);

    let text = ponder(&["runs", arg(dir.path())], "").ok();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    for word in ["02-grpo", "nano", "3/10", "reward 0.250", "50", "14 s", "stopped"] {
        assert!(lines[2].contains(word), "{word:?} is not in {:?}", lines[2]);
    }
}

#[test]
fn a_report_needs_nothing_but_itself() {
    let dir = tempfile::tempdir().unwrap();
    recipe_run(dir.path());
    let run = dir.path().join("night");
    let said = ponder(&["runs", "report", arg(&run)], "").ok();
    let path = run.join("report.html");
    assert_eq!(said.trim(), arg(&path));
    let page = std::fs::read_to_string(&path).unwrap();
    for text in ["pretrain", "grpo", "<svg", "gcd of 12 and 18?", "18-12=6 &lt;b&gt;", "seed = 7"] {
        assert!(page.contains(text), "{text:?} is not in the page");
    }
    for outside in ["http:", "https:", "src=", "@import", "url("] {
        assert!(!page.contains(outside), "the page reaches outside by {outside:?}");
    }
}

#[test]
fn what_is_no_run_is_said() {
    let dir = tempfile::tempdir().unwrap();
    ponder(&["runs", arg(dir.path())], "").refused(&["no run in it"]);
    ponder(&["runs", "report", arg(&dir.path().join("x"))], "").refused(&["x: no such folder"]);
    write_run(dir.path(), "sft", (0, 3), |_| Value::Null);
    ponder(&["runs", "report", arg(dir.path())], "").refused(&["no step has been measured"]);
    std::fs::write(dir.path().join("run.toml"), "seed = ").unwrap();
    ponder(&["runs", arg(dir.path())], "").refused(&["run.toml"]);
}
