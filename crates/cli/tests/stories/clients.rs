//! A user points the programs they have at the server: the official clients of OpenAI and
//! Anthropic, and lm-evaluation-harness, all unchanged.

use std::path::Path;
use std::process::{Command, Output};

use crate::server::Server;
use crate::support::{arg, edit_json, thinking_model, workspace};

fn run(program: &Path, args: &[&str]) -> Option<Output> {
    Command::new(program).args(args).output().ok()
}

/// A Python with the clients, made once and kept among the build's files; `None`, with a word, where
/// none can be made.
fn python() -> Option<std::path::PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("clients");
    let (python, done) = (folder.join("bin/python"), folder.join("installed"));
    let requirements = workspace("crates/server/tests/clients/requirements.txt");
    let wanted = std::fs::read_to_string(&requirements).unwrap();
    if std::fs::read_to_string(&done).is_ok_and(|installed| installed == wanted) {
        return Some(python);
    }
    let skip = |why: &str| println!("skipped: {why}");
    let Some(made) = run(Path::new("python3"), &["-m", "venv", arg(&folder)]) else {
        skip("there is no python3");
        return None;
    };
    if !made.status.success() {
        skip("python3 makes no virtual environments");
        return None;
    }
    let install = ["-m", "pip", "install", "--quiet", "-r", arg(&requirements)];
    let installed = run(&python, &install)?;
    if !installed.status.success() {
        skip(&format!("pip: {}", String::from_utf8_lossy(&installed.stderr)));
        return None;
    }
    std::fs::write(done, wanted).unwrap();
    Some(python)
}

#[test]
fn official_clients_run_unchanged() {
    let Some(python) = python() else { return };
    let model = thinking_model();
    edit_json(&model.path().join("config.json"), |config| {
        config["max_position_embeddings"] = 4096.into();
    });
    let server = Server::start(arg(model.path()), &["--name", "tiny"]);
    let script = workspace("crates/server/tests/clients/check.py");
    let url = format!("http://{}", server.address);
    let output = run(&python, &[arg(&script), &url, "tiny"]).unwrap();
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
    assert!(out.contains("check_lm_eval passed"), "{out}");
}
