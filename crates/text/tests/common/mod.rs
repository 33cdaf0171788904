//! What the integration tests share: the fixture, and the real data where it is present.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::path::PathBuf;

use ponder_text::{ChatTemplate, Tokenizer};

pub const BOS: &str = "<｜begin▁of▁sentence｜>";
pub const EOS: &str = "<｜end▁of▁sentence｜>";

pub fn fixture_path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

pub fn read(name: &str) -> String {
    std::fs::read_to_string(fixture_path(name)).unwrap()
}

pub fn fixture() -> Tokenizer {
    Tokenizer::from_dir(&fixture_path("")).unwrap()
}

pub fn template(name: &str) -> ChatTemplate {
    ChatTemplate::from_source(&read(&format!("{name}.jinja")), BOS, EOS).unwrap()
}

/// A path in the folder of real data; prints that the test skips when it is not there.
pub fn real_data(path: &str) -> Option<PathBuf> {
    let root = std::env::var_os("PONDER_TEST_DATA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let full = root.join(path);
    if full.exists() {
        return Some(full);
    }
    println!("skipped: {} is not present (PONDER_TEST_DATA names the folder)", full.display());
    None
}
