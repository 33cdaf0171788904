//! The folder of a run: `run.toml` with all options, `metrics.jsonl` with one line a step,
//! `timings.jsonl` and TensorBoard events beside it, and checkpoints. One process at a time trains in
//! a folder: it holds the lock on `run.lock`.
//!
//! Metrics hold nothing that depends on the clock, so that a run resumed after a kill ends with the
//! same file, byte for byte; what does depend on it goes to the timings.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::{Result, TrainError};
use crate::tensorboard::EventFile;

/// The file that is locked while a run goes on; the system lets go of it when the process ends,
/// however it ends.
const LOCK_FILE: &str = "run.lock";

/// An open run.
pub struct Run {
    dir: PathBuf,
    metrics: File,
    metrics_bytes: u64,
    timings: File,
    events: EventFile,
    _lock: File,
}

impl Run {
    /// Makes the folder, or opens it again if its `run.toml` says the same.
    pub fn open<O>(dir: &Path, options: &O) -> Result<Run>
    where
        O: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug,
    {
        fs::create_dir_all(dir).map_err(|e| TrainError::io(dir, e))?;
        let lock = lock(dir)?;
        let path = dir.join("run.toml");
        if path.exists() {
            check(&path, options)?;
        } else {
            let text = toml::to_string(options).expect("options are plain values");
            fs::write(&path, text).map_err(|e| TrainError::io(&path, e))?;
        }
        let open = |name: &str| {
            let path = dir.join(name);
            let file = OpenOptions::new().create(true).append(true).open(&path);
            file.map_err(|e| TrainError::io(&path, e))
        };
        let (metrics, timings) = (open("metrics.jsonl")?, open("timings.jsonl")?);
        let events = EventFile::open(dir, &whole_lines(dir)?)?;
        let dir = dir.to_owned();
        let mut run = Run { dir, metrics, metrics_bytes: 0, timings, events, _lock: lock };
        run.metrics_bytes = run.io(run.metrics.metadata())?.len();
        Ok(run)
    }

    /// Where checkpoints go.
    pub fn checkpoints(&self) -> PathBuf {
        self.dir.join("checkpoints")
    }

    /// Bytes of the metrics so far.
    pub fn metrics_bytes(&self) -> u64 {
        self.metrics_bytes
    }

    /// Cuts off the metrics of steps that will be taken again.
    pub fn rewind(&mut self, metrics_bytes: u64) -> Result<()> {
        self.io(self.metrics.set_len(metrics_bytes))?;
        let end = self.metrics.seek(SeekFrom::End(0));
        self.metrics_bytes = self.io(end)?;
        self.events = EventFile::open(&self.dir, &whole_lines(&self.dir)?)?;
        Ok(())
    }

    /// Adds a line of metrics.
    pub fn metrics(&mut self, line: &impl Serialize) -> Result<()> {
        let text = format!("{}\n", serde_json::to_string(line).expect("metrics are plain values"));
        let written = self.metrics.write_all(text.as_bytes());
        self.io(written)?;
        self.metrics_bytes += text.len() as u64;
        // What was written, read again: the events say what the metrics say.
        if let Ok(Value::Object(line)) = serde_json::from_str(&text) {
            self.events.push(&line)?;
        }
        Ok(())
    }

    /// Adds a line of timings.
    pub fn timings(&mut self, line: &impl Serialize) -> Result<()> {
        let text = format!("{}\n", serde_json::to_string(line).expect("timings are plain values"));
        let written = self.timings.write_all(text.as_bytes());
        self.io(written)
    }

    /// Waits until the metrics are on disk: a checkpoint says how many bytes they have.
    pub fn sync(&mut self) -> Result<()> {
        self.io(self.metrics.sync_all())
    }

    fn io<T>(&self, result: std::io::Result<T>) -> Result<T> {
        result.map_err(|e| TrainError::io(&self.dir, e))
    }
}

/// Whether a process trains in `dir` now.
pub fn is_locked(dir: &Path) -> bool {
    let file = File::open(dir.join(LOCK_FILE));
    file.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

fn lock(dir: &Path) -> Result<File> {
    let path = dir.join(LOCK_FILE);
    let file = OpenOptions::new().create(true).append(true).open(&path);
    let file = file.map_err(|e| TrainError::io(&path, e))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(TrainError::Busy { dir: dir.to_owned() }),
        Err(TryLockError::Error(e)) => Err(TrainError::io(&path, e)),
    }
}

/// The metrics up to the last line that ends; a kill may have left half a line.
fn whole_lines(dir: &Path) -> Result<String> {
    let path = dir.join("metrics.jsonl");
    let mut text = fs::read_to_string(&path).map_err(|e| TrainError::io(&path, e))?;
    text.truncate(text.rfind('\n').map_or(0, |end| end + 1));
    Ok(text)
}

fn check<O>(path: &Path, options: &O) -> Result<()>
where
    O: DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let text = fs::read_to_string(path).map_err(|e| TrainError::io(path, e))?;
    let found = toml::from_str::<O>(&text);
    if found.as_ref().is_ok_and(|found| found == options) {
        return Ok(());
    }
    Err(TrainError::Damaged {
        path: path.to_owned(),
        found: found.map_or_else(|e| e.to_string(), |found| format!("{found:?}")),
        expected: format!("{options:?}"),
        hint: "a run goes on with the options it began with; for others choose another folder",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_one_process_s_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let options = std::collections::BTreeMap::from([("seed".to_owned(), 1)]);
        let mut run = Run::open(dir.path(), &options).unwrap();
        assert!(is_locked(dir.path()));
        let error = Run::open(dir.path(), &options).err().unwrap().to_string();
        assert!(error.contains("another process"), "{error}");
        run.metrics(&serde_json::json!({"step": 0, "loss": 1.0})).unwrap();
        drop(run);
        assert!(!is_locked(dir.path()));
        let run = Run::open(dir.path(), &options).unwrap();
        assert_eq!(run.metrics_bytes(), 22);
    }
}
