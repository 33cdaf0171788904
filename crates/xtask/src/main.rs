//! `cargo xtask ci`: everything a change must pass, in the order that fails fastest.
#![forbid(unsafe_code)]

mod tidy;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let task = std::env::args().nth(1);
    let passed = match task.as_deref() {
        Some("ci") => tidy() && CHECKS.iter().chain(tests()).all(|step| run(step)),
        Some("tidy") => tidy(),
        _ => {
            eprintln!("usage: cargo xtask ci | tidy");
            return ExitCode::from(2);
        }
    };
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

const CHECKS: &[&[&str]] = &[
    &["fmt", "--all", "--check"],
    &["clippy", "--workspace", "--all-targets", "--quiet", "--", "--deny", "warnings"],
];

/// All tests: by nextest where it is installed, which runs those of several crates side by side but
/// leaves out those in documentation.
fn tests() -> &'static [&'static [&'static str]] {
    let nextest = Command::new("cargo").args(["nextest", "--version"]).output();
    match nextest.is_ok_and(|output| output.status.success()) {
        true => &[
            &["nextest", "run", "--workspace", "--status-level", "fail"],
            &["test", "--workspace", "--doc", "--quiet"],
        ],
        false => &[&["test", "--workspace", "--quiet"]],
    }
}

/// Runs one cargo command in the workspace's root.
fn run(arguments: &[&str]) -> bool {
    println!("cargo {}", arguments.join(" "));
    let status = Command::new("cargo").args(arguments).current_dir(root()).status();
    match status {
        Ok(status) => status.success(),
        Err(error) => {
            eprintln!("cargo: {error}");
            false
        }
    }
}

fn tidy() -> bool {
    let problems = tidy::problems(&root());
    problems.iter().for_each(|problem| eprintln!("tidy: {problem}"));
    println!("tidy: {} problems", problems.len());
    problems.is_empty()
}

fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.ancestors().nth(2).expect("crates/xtask lies two folders down").to_owned()
}
