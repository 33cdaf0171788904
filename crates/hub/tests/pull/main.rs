//! Pulls from a hub on loopback, whole and broken.

mod access;
mod broken;
mod complete;
mod hostile;
mod hub;

use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use ponder_hub::{Cache, Endpoint, Event, ModelName, Options, Patience, Pulled, pull};

use hub::Repository;

/// A model of two shards, with what others put beside it.
fn model() -> Repository {
    let noise = |seed: u32, len: u32| {
        let byte = |i: u32| (i.wrapping_mul(2_654_435_761).wrapping_add(seed) >> 13) as u8;
        (0..len).map(byte).collect::<Vec<u8>>()
    };
    Repository::new(
        "someone/Tiny-R1",
        &[
            (".gitattributes", b"*.safetensors filter=lfs".to_vec()),
            ("README.md", b"hello".to_vec()),
            ("config.json", b"{}".to_vec()),
            ("tokenizer.json", noise(3, 70_000)),
            ("model-00001-of-00002.safetensors", noise(1, 300_000)),
            ("model-00002-of-00002.safetensors", noise(2, 100_000)),
            ("model.safetensors.index.json", b"{\"weight_map\":{}}".to_vec()),
            ("pytorch_model.bin", noise(4, 50_000)),
        ],
    )
}

const SHARD: &str = "model-00001-of-00002.safetensors";

fn options(url: &str, cache: &Path) -> Options {
    Options {
        endpoint: Endpoint::parse(url).unwrap(),
        token: None,
        proxy: None,
        cache: Cache { root: cache.to_owned() },
        n_connections: 3,
        patience: Patience {
            n_tries: 4,
            first_wait: Duration::from_millis(2),
            longest_wait: Duration::from_secs(2),
            silence: Duration::from_secs(20),
        },
    }
}

fn name() -> ModelName {
    ModelName::parse("someone/Tiny-R1", None).unwrap()
}

/// Pulls; returns what was said meanwhile, too.
fn run(options: &Options) -> (ponder_hub::Result<Pulled>, Vec<Event>) {
    let events = Mutex::new(Vec::new());
    let result = pull(options, &name(), &|event| events.lock().unwrap().push(event));
    (result, events.into_inner().unwrap())
}

/// The error of a pull that must fail, with all of `wants` in it and a hint.
#[track_caller]
fn refused(options: &Options, wants: &[&str]) -> ponder_hub::HubError {
    let error = run(options).0.unwrap_err();
    let text = error.to_string();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines.len() == 2 && lines[1].starts_with("hint: "), "{text}");
    for want in wants {
        assert!(text.contains(want), "{want:?} is not in:\n{text}");
    }
    error
}

/// The files of a snapshot are those of the repository, byte for byte.
#[track_caller]
fn assert_complete(pulled: &Pulled, repository: &Repository) {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&pulled.folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let want = repository.files.iter().find(|(file, _)| *file == name).unwrap();
        assert!(std::fs::read(entry.path()).unwrap() == want.1, "{name} is another");
        names.push(name);
    }
    assert_eq!(names.len(), 5, "{names:?}");
}

/// Nothing half made lies in the cache.
#[track_caller]
fn assert_no_remains(cache: &Path) {
    let blobs = cache.join("models--someone--Tiny-R1/blobs");
    for entry in std::fs::read_dir(blobs).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(!name.ends_with(".incomplete"), "{name}");
    }
}
