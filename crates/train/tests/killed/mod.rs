//! Training in a process of its own that is killed wherever it is.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

/// Runs the test `child` of this binary on the folder `dir`, which it finds in the variable `name`,
/// until it has said `step ` so many times; then SIGKILL, which nothing can catch or put in order.
pub fn train(child: &str, (name, dir): (&str, &Path), kill_after: usize) {
    let mut process = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", child, "--nocapture"])
        .env(name, dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(process.stdout.take().unwrap()).lines().map(Result::unwrap);
    let n_steps = lines.filter(|line| line.contains("step ")).take(kill_after).count();
    if n_steps == kill_after {
        process.kill().unwrap();
        process.wait().unwrap();
    } else {
        assert!(process.wait().unwrap().success());
    }
}
