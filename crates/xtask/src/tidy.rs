//! What rustfmt and clippy do not check: lengths of files and functions, where `unsafe` and `asm!`
//! stand, which crate uses which, silenced tests, dead links, commands that documents show.

mod documents;
mod functions;

use std::fs;
use std::path::{Path, PathBuf};

/// A file longer than this is two things.
const MAX_FILE_LINES: usize = 800;

/// Which crates a crate may use; a new arrow is a decision.
const ARROWS: &[(&str, &[&str])] = &[
    ("tensor", &[]),
    ("kernels", &["tensor"]),
    ("text", &[]),
    ("tasks", &["text"]),
    ("model", &["kernels", "tensor"]),
    ("engine", &["model", "kernels", "tensor"]),
    ("train", &["engine", "model", "kernels", "tensor", "text", "tasks"]),
    ("server", &["engine", "text"]),
    ("eval", &["engine", "text", "tasks"]),
    ("hub", &[]),
    (
        "cli",
        &[
            "hub", "server", "train", "eval", "engine", "model", "kernels", "tensor", "text",
            "tasks",
        ],
    ),
    ("xtask", &[]),
];

/// Everything that is wrong, in the order of the files.
pub fn problems(root: &Path) -> Vec<String> {
    let mut files = Vec::new();
    collect(root, &mut files);
    files.sort();
    let main_source = fs::read_to_string(root.join("crates/cli/src/main.rs")).unwrap_or_default();
    let commands = documents::commands(&main_source);
    let mut problems = Vec::new();
    for path in &files {
        let name = path.strip_prefix(root).unwrap_or(path).display().to_string();
        let Ok(text) = fs::read_to_string(path) else { continue };
        let found = match path.extension().and_then(|extension| extension.to_str()) {
            Some("rs") => check_source(&name, &text),
            Some("md") => documents::problems(path, &text, &commands),
            Some("toml") => check_arrows(&name, &text),
            _ => Vec::new(),
        };
        problems.extend(found.into_iter().map(|problem| format!("{name}: {problem}")));
    }
    problems
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let is_skipped = name == "target" || name == "fixtures" || name == ".git";
        if entry.path().is_dir() && !is_skipped {
            collect(&entry.path(), files);
        } else if entry.path().is_file() {
            files.push(entry.path());
        }
    }
}

fn check_source(name: &str, text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let lines = text.lines().count();
    if lines > MAX_FILE_LINES {
        problems.push(format!("{lines} lines; at most {MAX_FILE_LINES}"));
    }
    problems.extend(functions::problems(name, text));
    if name.starts_with("crates/xtask/") {
        return problems;
    }
    let may_be_unsafe = ["crates/tensor/", "crates/kernels/"].iter().any(|c| name.starts_with(c));
    let may_hold_asm = name.starts_with("crates/kernels/src/cpu/amx")
        || name.starts_with("crates/kernels/tests/amx");
    for (i, line) in text.lines().enumerate() {
        let code = line.split("//").next().unwrap_or_default();
        let mut forbid = |what: &str| problems.push(format!("line {}: {what}", i + 1));
        if code.contains("unsafe ") && !code.contains("forbid") && !may_be_unsafe {
            forbid("`unsafe` stands only in tensor and kernels");
        }
        if code.contains("asm!(") && !may_hold_asm {
            forbid("`asm!` stands only in the AMX kernels");
        }
        if code.trim_start().starts_with("#[ignore") {
            forbid("a test that is ignored proves nothing");
        }
        if line.contains("TODO") && !line.contains("TODO(#") {
            forbid("a TODO carries the number of its issue: `TODO(#12)`");
        }
        let is_silenced =
            ["#[allow(", "#![allow("].iter().any(|a| code.trim_start().starts_with(a));
        if is_silenced && !line.contains("reason") {
            forbid("`#[expect(lint, reason = …)]` says why");
        }
        if code.contains("todo!(") || code.contains("unimplemented!(") || line.contains("FIXME") {
            forbid("unfinished");
        }
    }
    problems
}

/// A crate uses only what lies further along.
fn check_arrows(name: &str, text: &str) -> Vec<String> {
    let own = name.strip_prefix("crates/").and_then(|name| name.strip_suffix("/Cargo.toml"));
    let Some(own) = own else { return Vec::new() };
    let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == own) else {
        return vec![format!("crate `{own}` is not on the map in xtask's tidy.rs")];
    };
    let uses = text.lines().filter_map(|line| line.strip_prefix("ponder-"));
    uses.filter_map(|line| line.split(['.', ' ', '=']).next())
        .filter(|used| !allowed.contains(used))
        .map(|used| format!("may not use ponder-{used}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_checked() {
        let cases = [
            ("crates/cli/src/a.rs", "unsafe { x() }", 1),
            ("crates/kernels/src/a.rs", "unsafe { x() }", 0),
            ("crates/kernels/src/cpu/avx2.rs", "asm!(\"nop\")", 1),
            ("crates/kernels/src/cpu/amx.rs", "asm!(\"nop\")", 0),
            ("crates/text/src/a.rs", "#[ignore]", 1),
            ("crates/text/src/a.rs", "// TODO: more", 1),
            ("crates/text/src/a.rs", "// TODO(#7): more", 0),
            ("crates/text/src/a.rs", "#[allow(dead_code)]", 1),
            ("crates/text/src/a.rs", "#![forbid(unsafe_code)]", 0),
        ];
        for (name, text, n_problems) in cases {
            let found = check_source(name, text);
            assert_eq!(found.len(), n_problems, "{name}: {text}: {found:?}");
        }
        let long = "x\n".repeat(MAX_FILE_LINES + 1);
        assert_eq!(check_source("crates/text/src/a.rs", &long).len(), 1);
    }

    #[test]
    fn arrows_are_checked() {
        let check =
            |name: &str, line: &str| check_arrows(&format!("crates/{name}/Cargo.toml"), line);
        assert!(check("engine", "ponder-model.workspace = true").is_empty());
        assert_eq!(check("tensor", "ponder-model.workspace = true").len(), 1);
        assert_eq!(check("text", "ponder-engine = { path = \"x\" }").len(), 1);
        assert_eq!(check("new", "").len(), 1);
    }
}
