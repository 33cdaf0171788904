//! Which weights answered: a hash over a checkpoint's files.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::data::hex;
use crate::error::{EvalError, at};

/// Up to here every byte is hashed: some seconds. Beyond, of each weights file only its length and
/// its beginning, which holds the names, types and places of all tensors.
const WHOLE_BYTES: u64 = 4 << 30;
/// The beginning of a weights file of a large checkpoint.
const HEAD_BYTES: u64 = 16 << 20;

/// What a hash over everything covers.
const WHOLE: &str = "every byte of the checkpoint";

/// The files beside the weights that decide what a model writes.
const SMALL_FILES: &[&str] = &[
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "chat_template.jinja",
];

/// SHA-256 over a checkpoint's files in the order of their names, and what it covers.
pub fn model_sha256(dir: &Path) -> Result<(String, String), EvalError> {
    let entries = dir.read_dir().map_err(at(dir))?.flatten().map(|entry| entry.path());
    let is_weights = |path: &PathBuf| path.extension().is_some_and(|e| e == "safetensors");
    let mut weights: Vec<PathBuf> = entries.filter(is_weights).collect();
    weights.sort();
    let mut total = 0;
    for path in &weights {
        total += path.metadata().map_err(at(path))?.len();
    }
    let is_whole = total <= WHOLE_BYTES;
    let mut hash = Sha256::new();
    let small = SMALL_FILES.iter().map(|name| dir.join(name)).filter(|path| path.exists());
    for path in small {
        add(&mut hash, &path, u64::MAX)?;
    }
    for path in &weights {
        add(&mut hash, path, if is_whole { u64::MAX } else { HEAD_BYTES })?;
    }
    let covers = match is_whole {
        true => WHOLE.to_owned(),
        false => {
            "config, tokenizer, and of each weights file its length and first 16 MiB".to_owned()
        }
    };
    Ok((hex(&hash.finalize()), covers))
}

/// The same for files in memory, in the same order: a built-in model has the hash of its folder.
pub fn files_sha256(files: &[(&str, &[u8])]) -> (String, String) {
    let mut hash = Sha256::new();
    for (name, bytes) in files {
        hash.update(name.as_bytes());
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    }
    (hex(&hash.finalize()), WHOLE.to_owned())
}

fn add(hash: &mut Sha256, path: &Path, most: u64) -> Result<(), EvalError> {
    let file = File::open(path).map_err(at(path))?;
    let length = file.metadata().map_err(at(path))?.len();
    // Name and length keep files apart whose bytes run on.
    hash.update(path.file_name().unwrap_or_default().as_encoded_bytes());
    hash.update(length.to_le_bytes());
    let mut reader = file.take(most);
    let mut buffer = vec![0; 1 << 20];
    loop {
        match reader.read(&mut buffer).map_err(at(path))? {
            0 => return Ok(()),
            n => hash.update(&buffer[..n]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_counts_and_others_do_not() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
        let hash = || model_sha256(dir.path()).unwrap().0;
        write("config.json", "{}");
        write("model.safetensors", "weights");
        let first = hash();
        write("README.md", "hello");
        assert_eq!(hash(), first);
        write("model.safetensors", "weightz");
        assert_ne!(hash(), first);
        write("model.safetensors", "weights");
        write("tokenizer.json", "");
        assert_ne!(hash(), first);
        let files: [(&str, &[u8]); 3] =
            [("config.json", b"{}"), ("tokenizer.json", b""), ("model.safetensors", b"weights")];
        assert_eq!(hash(), files_sha256(&files).0);
    }
}
