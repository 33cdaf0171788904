//! An append-only file of JSON Lines that survives the end of its writer at any byte: a last line
//! without its newline was being written and is cut off, whole lines are never touched.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{EvalError, at, bad_data};

/// A log that is open for writing, by one process at a time.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    file: File,
}

impl Log {
    /// Opens a log, or begins one. Returns what is in it.
    pub fn open<R: DeserializeOwned>(path: &Path) -> Result<(Log, Vec<R>), EvalError> {
        let mut options = OpenOptions::new();
        let mut file = options.read(true).append(true).create(true).open(path).map_err(at(path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let hint = "wait for the other `ponder eval` on this folder, or give another --out";
                return Err(bad_data(path, "another process writes it", hint));
            }
            Err(TryLockError::Error(error)) => return Err(at(path)(error)),
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(at(path))?;
        let whole = whole_lines(&bytes);
        if whole < bytes.len() {
            file.set_len(whole as u64).map_err(at(path))?;
            file.seek(SeekFrom::End(0)).map_err(at(path))?;
        }
        let records = parse(path, &bytes[..whole])?;
        Ok((Log { path: path.to_owned(), file }, records))
    }

    /// Adds a record. It is with the system when this returns: the end of this process cannot lose
    /// it. (The end of the machine can, up to [`Log::sync`].)
    pub fn push(&mut self, record: &impl Serialize) -> Result<(), EvalError> {
        let mut line = serde_json::to_vec(record).expect("records are plain values");
        line.push(b'\n');
        self.file.write_all(&line).map_err(at(&self.path))
    }

    /// Waits until everything is on disk.
    pub fn sync(&self) -> Result<(), EvalError> {
        self.file.sync_data().map_err(at(&self.path))
    }
}

/// Reads the whole lines of a log that another process may be writing; none if there is no file.
pub fn read<R: DeserializeOwned>(path: &Path) -> Result<Vec<R>, EvalError> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(at(path)(error)),
    };
    parse(path, &bytes[..whole_lines(&bytes)])
}

/// Writes a whole file of records in one step: a reader sees the old one or the new one.
pub fn replace<R: Serialize>(path: &Path, records: &[R]) -> Result<(), EvalError> {
    let mut text = Vec::new();
    for record in records {
        serde_json::to_writer(&mut text, record).expect("records are plain values");
        text.push(b'\n');
    }
    replace_bytes(path, &text)
}

/// Writes a file in one step.
pub fn replace_bytes(path: &Path, bytes: &[u8]) -> Result<(), EvalError> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let new = path.with_file_name(name);
    let write = |mut file: File| file.write_all(bytes).and_then(|()| file.sync_all());
    File::create(&new).and_then(write).map_err(at(&new))?;
    std::fs::rename(&new, path).map_err(at(path))
}

/// Bytes up to and with the last newline.
fn whole_lines(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |place| place + 1)
}

fn parse<R: DeserializeOwned>(path: &Path, bytes: &[u8]) -> Result<Vec<R>, EvalError> {
    let lines = bytes.split(|byte| *byte == b'\n').enumerate();
    let full = lines.filter(|(_, line)| !line.is_empty());
    full.map(|(index, line)| {
        serde_json::from_slice(line).map_err(|error| {
            let hint = "the file was edited or damaged: mend the line, or remove it to have its \
                        sample drawn again";
            bad_data(path, format!("line {}: {error}", index + 1), hint)
        })
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_writer_may_end_at_any_byte() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log.jsonl");
        let (mut log, old) = Log::open::<String>(&path).unwrap();
        assert!(old.is_empty());
        for text in ["one", "two\n", "drei ü"] {
            log.push(&text).unwrap();
        }
        drop(log);
        let bytes = std::fs::read(&path).unwrap();
        for end in 0..=bytes.len() {
            std::fs::write(&path, &bytes[..end]).unwrap();
            let (mut log, old) = Log::open::<String>(&path).unwrap();
            let n_whole = bytes[..end].iter().filter(|byte| **byte == b'\n').count();
            assert_eq!(old, ["one", "two\n", "drei ü"][..n_whole], "{end}");
            log.push(&"more").unwrap();
            drop(log);
            let again: Vec<String> = read(&path).unwrap();
            assert_eq!((again.len(), again[n_whole].as_str()), (n_whole + 1, "more"), "{end}");
        }
    }

    #[test]
    fn one_writer_at_a_time_and_bad_lines_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log.jsonl");
        let first = Log::open::<String>(&path).unwrap();
        let error = Log::open::<String>(&path).unwrap_err().to_string();
        assert!(error.contains("another process writes it"), "{error}");
        drop(first);
        std::fs::write(&path, "\"a\"\n7\n").unwrap();
        let error = read::<String>(&path).unwrap_err().to_string();
        assert!(error.contains("line 2"), "{error}");
        assert!(read::<String>(&dir.path().join("none")).unwrap().is_empty());
    }
}
