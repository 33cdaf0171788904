//! `samples.jsonl`: every sampled answer with what it earned, for people to read.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::{Result, TrainError};

/// The file in the folder of a run.
pub const FILE_NAME: &str = "samples.jsonl";

/// A sampled answer; its line in `samples.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rollout {
    /// The step whose weights it was sampled from.
    pub step: u64,
    /// The number of its prompt in the step; answers to one prompt are a group.
    pub prompt: u64,
    /// The number of the answer in its group.
    pub sample: u64,
    /// The task.
    pub task: String,
    /// Its level.
    pub level: u8,
    /// The question as it was asked.
    pub question: String,
    /// What stands inside the thought.
    pub thinking: String,
    /// What follows the thought; nothing if that does not end.
    pub reply: Option<String>,
    /// Whether it ended by itself, and not at the limit.
    pub is_finished: bool,
    /// Tokens of thought and reply.
    pub n_tokens: u64,
    /// What it earned, weighed together; nothing where it could not be judged.
    pub reward: Option<f64>,
    /// The parts of the reward before their weights; null where a part does not apply.
    pub parts: Map<String, Value>,
    /// How much better than its group; nothing outside reinforcement learning.
    pub advantage: Option<f64>,
}

/// The rollouts of an open run.
pub struct RolloutFile {
    path: PathBuf,
    file: File,
}

impl RolloutFile {
    /// Opens the file in `dir` to add to it.
    pub fn open(dir: &Path) -> Result<RolloutFile> {
        let path = dir.join(FILE_NAME);
        let file = OpenOptions::new().create(true).append(true).open(&path);
        let file = file.map_err(|e| TrainError::io(&path, e))?;
        Ok(RolloutFile { path, file })
    }

    /// Cuts off the rollouts of `step` and later ones, which will be sampled again, and what a kill
    /// left half written.
    pub fn rewind(&mut self, step: u64) -> Result<()> {
        let mut kept_bytes = 0;
        let is_kept = |of_line: u64, line: &[u8]| {
            kept_bytes += line.len() as u64;
            of_line < step
        };
        let last_bytes = for_each_line(&self.path, is_kept)?;
        self.io(self.file.set_len(kept_bytes - last_bytes))
    }

    /// Adds the rollouts of a step.
    pub fn push(&mut self, rollouts: &[Rollout]) -> Result<()> {
        let line = |rollout| serde_json::to_string(rollout).expect("plain values") + "\n";
        let text: String = rollouts.iter().map(line).collect();
        let written = self.file.write_all(text.as_bytes());
        self.io(written)
    }

    fn io<T>(&self, result: std::io::Result<T>) -> Result<T> {
        result.map_err(|e| TrainError::io(&self.path, e))
    }
}

/// The steps that have rollouts, ascending, each once.
pub fn steps(dir: &Path) -> Result<Vec<u64>> {
    let mut steps = BTreeSet::new();
    for_each_line(&dir.join(FILE_NAME), |step, _| {
        steps.insert(step);
        true
    })?;
    Ok(steps.into_iter().collect())
}

/// The rollouts of some steps, in the order they were written.
pub fn of_steps(dir: &Path, wanted: &BTreeSet<u64>) -> Result<Vec<Rollout>> {
    let path = dir.join(FILE_NAME);
    let mut rollouts = Vec::new();
    let mut problem = None;
    for_each_line(&path, |step, line| {
        if wanted.contains(&step) {
            match serde_json::from_slice(line) {
                Ok(rollout) => rollouts.push(rollout),
                Err(e) => problem = Some(e),
            }
        }
        problem.is_none()
    })?;
    match problem {
        None => Ok(rollouts),
        Some(e) => Err(TrainError::Damaged {
            path,
            found: e.to_string(),
            expected: "a rollout a line".into(),
            hint: "the file was edited, or another version of the trainer wrote it",
        }),
    }
}

/// Calls `visit` with the step of each whole line and the line, its newline included, until it
/// says no. Returns the bytes of the line it said no to.
fn for_each_line(path: &Path, mut visit: impl FnMut(u64, &[u8]) -> bool) -> Result<u64> {
    /// All that is read of most lines.
    #[derive(Deserialize)]
    struct Step {
        step: u64,
    }
    if !path.exists() {
        return Ok(0);
    }
    let io = |e| TrainError::io(path, e);
    let mut file = BufReader::new(File::open(path).map_err(io)?);
    let mut line = Vec::new();
    while file.read_until(b'\n', &mut line).map_err(io)? > 0 {
        let step: Option<Step> = serde_json::from_slice(&line).ok();
        let Some(Step { step }) = step.filter(|_| line.ends_with(b"\n")) else { break };
        if !visit(step, &line) {
            return Ok(line.len() as u64);
        }
        line.clear();
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rollout(step: u64, sample: u64) -> Rollout {
        Rollout {
            step,
            prompt: 0,
            sample,
            task: "gcd".into(),
            level: 3,
            question: "gcd of 12 and 18?".into(),
            thinking: "18-12=6\n12-6=6".into(),
            reply: Some("\\boxed{6}".into()),
            is_finished: true,
            n_tokens: 20,
            reward: Some(1.1),
            parts: Map::from_iter([("accuracy".to_owned(), 1.0.into())]),
            advantage: None,
        }
    }

    #[test]
    fn a_resumed_run_has_each_rollout_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE_NAME);
        let mut file = RolloutFile::open(dir.path()).unwrap();
        file.rewind(0).unwrap();
        for step in 0..3 {
            file.push(&[rollout(step, 0), rollout(step, 1)]).unwrap();
        }
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() - 9]).unwrap();
        file.rewind(9).unwrap();
        assert_eq!(steps(dir.path()).unwrap(), [0, 1, 2]);
        assert_eq!(of_steps(dir.path(), &BTreeSet::from([2])).unwrap(), [rollout(2, 0)]);
        file.rewind(2).unwrap();
        file.push(&[rollout(2, 0), rollout(2, 1)]).unwrap();
        assert!(std::fs::read(&path).unwrap() == whole);
        file.rewind(0).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"");
        assert_eq!(of_steps(dir.path(), &BTreeSet::from([2])).unwrap(), []);
    }
}
