//! Reading the folder of a run: what it is, how far it came, what it measured. Nothing here writes,
//! and a run may go on meanwhile: half a line at the end of a file is left out.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::{Result, TrainError};
use crate::run;

/// What says that a folder is a run.
const OPTIONS_FILE: &str = "run.toml";
/// What a stage is for, for readers; the trainer does not need it.
const ABOUT_FILE: &str = "about.toml";
/// What a recipe leaves in the folder of a stage that is done. A stage may end before its last step,
/// because its data does.
pub const DONE_FILE: &str = "done.toml";
/// Timings that the speed is a mean of: old enough to be calm, new enough to be true.
const RECENT_STEPS: usize = 20;

/// What a run is about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct About {
    /// The stage: `pretrain`, `sft`, `grpo`, ….
    pub stage: String,
    /// The model: a preset, or the folder it started from.
    pub model: String,
}

/// Whether a run goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// All its steps are done.
    Done,
    /// A process trains in it.
    Running,
    /// It was stopped, or killed, and can be resumed.
    Stopped,
}

/// A run as its folder tells it.
#[derive(Clone, Debug)]
pub struct Record {
    /// The folder.
    pub dir: PathBuf,
    /// What it is about, if that was noted.
    pub about: Option<About>,
    /// Every option it began with.
    pub options: toml::Table,
    /// Whether it goes on.
    pub state: RunState,
    /// Steps done: whole lines of the metrics.
    pub steps_done: u64,
    /// Steps in all, if the options say.
    pub steps_total: Option<u64>,
    /// The metrics, a line a step.
    pub metrics: Vec<Map<String, Value>>,
    /// Seconds of all steps together; steps that were taken again after a kill count again.
    pub seconds: f64,
    /// Seconds of a step, a mean over the last ones.
    pub seconds_per_step: Option<f64>,
    /// Tokens a second, a mean over the last steps.
    pub tokens_per_s: Option<f64>,
    /// Since the metrics were last written.
    pub age: Option<Duration>,
}

impl Record {
    /// Reads the folder of a run.
    pub fn open(dir: &Path) -> Result<Record> {
        let options: toml::Table = read_toml(&dir.join(OPTIONS_FILE))?;
        let about = dir.join(ABOUT_FILE);
        let about = if about.exists() { Some(read_toml(&about)?) } else { None };
        let path = dir.join("metrics.jsonl");
        let metrics = json_lines(&path)?;
        let timings = json_lines(&dir.join("timings.jsonl"))?;
        let steps_total = steps_total(&options);
        let steps_done = metrics.len() as u64;
        let is_done =
            dir.join(DONE_FILE).exists() || steps_total.is_some_and(|total| steps_done >= total);
        let state = match (run::is_locked(dir), is_done) {
            (true, _) => RunState::Running,
            (false, true) => RunState::Done,
            (false, false) => RunState::Stopped,
        };
        let numbers = |key: &str| -> Vec<f64> {
            timings.iter().filter_map(|line| line.get(key)?.as_f64()).collect()
        };
        let seconds = numbers("seconds");
        let written = fs::metadata(&path).and_then(|data| data.modified()).ok();
        Ok(Record {
            dir: dir.to_owned(),
            about,
            options,
            state,
            steps_done,
            steps_total,
            metrics,
            seconds: seconds.iter().sum(),
            seconds_per_step: recent_mean(&seconds),
            tokens_per_s: recent_mean(&numbers("tokens_per_s")),
            age: written.and_then(|time| SystemTime::now().duration_since(time).ok()),
        })
    }

    /// Seconds until the last step at the present speed, if both are known.
    pub fn seconds_left(&self) -> Option<f64> {
        if self.state == RunState::Done {
            return Some(0.0);
        }
        let left = self.steps_total?.saturating_sub(self.steps_done);
        Some(left as f64 * self.seconds_per_step?)
    }

    /// The values of a metric by step.
    pub fn series(&self, key: &str) -> Vec<(f64, f64)> {
        let value = |line: &Map<String, Value>| {
            let (_, x) =
                crate::tensorboard::scalars(line).into_iter().find(|(tag, _)| tag == key)?;
            Some((line.get("step")?.as_f64()?, x))
        };
        self.metrics.iter().filter_map(value).filter(|(_, x)| x.is_finite()).collect()
    }
}

/// Notes what the run in `dir` is about.
pub fn describe(dir: &Path, about: &About) -> Result<()> {
    fs::create_dir_all(dir).map_err(|e| TrainError::io(dir, e))?;
    let path = dir.join(ABOUT_FILE);
    let text = toml::to_string(about).expect("two strings");
    fs::write(&path, text).map_err(|e| TrainError::io(&path, e))
}

/// The folders of runs in `dir`, itself included, in the order of their names; `max_depth` folders
/// down, for a recipe's run holds its stages'.
pub fn find(dir: &Path, max_depth: usize) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    if dir.join(OPTIONS_FILE).is_file() {
        found.push(dir.to_owned());
    }
    if max_depth == 0 {
        return Ok(found);
    }
    let entries = fs::read_dir(dir).map_err(|e| TrainError::io(dir, e))?;
    let mut folders = Vec::new();
    for entry in entries {
        let path = entry.map_err(|e| TrainError::io(dir, e))?.path();
        // A link may lead back up.
        if path.is_dir() && !path.is_symlink() && !path.ends_with("checkpoints") {
            folders.push(path);
        }
    }
    folders.sort();
    for folder in folders {
        found.extend(find(&folder, max_depth - 1)?);
    }
    Ok(found)
}

/// The objects of a file of JSON Lines, one a line; none if there is no file. A line that is not
/// whole ends it.
pub fn json_lines(path: &Path) -> Result<Vec<Map<String, Value>>> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let file = File::open(path).map_err(|e| TrainError::io(path, e))?;
    let mut lines = Vec::new();
    for (i, line) in BufReader::new(file).split(b'\n').enumerate() {
        let line = line.map_err(|e| TrainError::io(path, e))?;
        match serde_json::from_slice(&line) {
            Ok(line) => lines.push(line),
            Err(e) if e.is_eof() => break,
            Err(e) => {
                return Err(TrainError::Damaged {
                    path: path.to_owned(),
                    found: format!("line {}: {e}", i + 1),
                    expected: "a JSON object a line".into(),
                    hint: "resuming the run cuts off what a kill left; else remove the line",
                });
            }
        }
    }
    Ok(lines)
}

/// Stages count their steps in `schedule.total_steps`, wherever their options hold the schedule.
fn steps_total(options: &toml::Table) -> Option<u64> {
    if let Some(total) = options.get("total_steps") {
        return total.as_integer()?.try_into().ok();
    }
    options.values().filter_map(toml::Value::as_table).find_map(steps_total)
}

fn recent_mean(values: &[f64]) -> Option<f64> {
    let recent = &values[values.len().saturating_sub(RECENT_STEPS)..];
    (!recent.is_empty()).then(|| recent.iter().sum::<f64>() / recent.len() as f64)
}

fn read_toml<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T> {
    let text = fs::read_to_string(path).map_err(|e| TrainError::io(path, e))?;
    toml::from_str(&text).map_err(|e| TrainError::Damaged {
        path: path.to_owned(),
        found: e.message().to_owned(),
        expected: "what the trainer wrote".into(),
        hint: "this is no folder of a run, or it was edited",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(dir: &Path, name: &str, text: &str) {
        fs::create_dir_all(dir).unwrap();
        fs::write(dir.join(name), text).unwrap();
    }

    #[test]
    fn a_run_is_read_while_it_is_written() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("night/02-sft");
        write(&dir, "run.toml", "seed = 1\n[schedule]\ntotal_steps = 5\npeak = 0.1\n");
        write(
            &dir,
            "metrics.jsonl",
            "{\"step\":0,\"loss\":2.0}\n{\"step\":1,\"loss\":1.5}\n{\"step\":2,\"lo",
        );
        write(
            &dir,
            "timings.jsonl",
            "{\"step\":0,\"seconds\":3,\"tokens_per_s\":100}\n{\"step\":1,\"seconds\":1,\"tokens_per_s\":300}\n",
        );
        let about = About { stage: "sft".into(), model: "nano".into() };
        describe(&dir, &about).unwrap();

        assert_eq!(find(root.path(), 2).unwrap(), std::slice::from_ref(&dir));
        assert_eq!(find(root.path(), 1).unwrap(), Vec::<PathBuf>::new());
        let record = Record::open(&dir).unwrap();
        assert_eq!(record.about, Some(about));
        assert_eq!(
            (record.state, record.steps_done, record.steps_total),
            (RunState::Stopped, 2, Some(5))
        );
        assert_eq!(record.series("loss"), [(0.0, 2.0), (1.0, 1.5)]);
        assert_eq!(
            (record.seconds, record.tokens_per_s, record.seconds_left()),
            (4.0, Some(200.0), Some(6.0))
        );

        write(&dir, "metrics.jsonl", "{\"step\":0}\nnonsense\n{\"step\":1}\n");
        let error = Record::open(&dir).unwrap_err().to_string();
        assert!(error.contains("metrics.jsonl: line 2"), "{error}");
        write(&dir, "metrics.jsonl", "{\"step\":0}\n{}\n{}\n{}\n{}\n");
        assert_eq!(Record::open(&dir).unwrap().state, RunState::Done);
        write(&dir, "metrics.jsonl", "{\"step\":0}\n");
        assert_eq!(Record::open(&dir).unwrap().state, RunState::Stopped);
        write(&dir, DONE_FILE, "");
        assert_eq!(Record::open(&dir).unwrap().state, RunState::Done);
    }

    #[test]
    fn a_folder_of_something_else_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let error = Record::open(dir.path()).unwrap_err().to_string();
        assert!(error.contains("run.toml"), "{error}");
        write(dir.path(), "run.toml", "= 3");
        let error = Record::open(dir.path()).unwrap_err().to_string();
        assert!(error.contains("run.toml") && error.contains("hint: "), "{error}");
    }
}
