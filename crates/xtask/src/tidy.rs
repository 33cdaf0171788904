//! What rustfmt and clippy do not check: lengths of files, where `unsafe` and `asm!` stand, which
//! crate uses which, silenced tests, dead links.

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
    ("cli", &["engine", "model", "kernels", "tensor", "text", "tasks"]),
    ("xtask", &[]),
];

/// Everything that is wrong, in the order of the files.
pub fn problems(root: &Path) -> Vec<String> {
    let mut files = Vec::new();
    collect(root, &mut files);
    files.sort();
    let mut problems = Vec::new();
    for path in &files {
        let name = path.strip_prefix(root).unwrap_or(path).display().to_string();
        let Ok(text) = fs::read_to_string(path) else { continue };
        let found = match path.extension().and_then(|extension| extension.to_str()) {
            Some("rs") => check_source(&name, &text),
            Some("md") => check_links(path, &text),
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
        if code.contains("todo!(") || code.contains("unimplemented!(") || line.contains("FIXME") {
            forbid("unfinished");
        }
    }
    problems
}

/// Relative links must lead somewhere.
fn check_links(path: &Path, text: &str) -> Vec<String> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    targets
        .map(|(target, _)| target.split('#').next().unwrap_or_default())
        .filter(|target| !target.is_empty() && !target.contains("://"))
        .filter(|target| !folder.join(target).exists())
        .map(|target| format!("dead link to {target}"))
        .collect()
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
