//! What a run was: everything that its samples depend on, and what it ran on.

use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::data::hex;
use crate::error::{EvalError, bad_data};
use crate::log::replace_bytes;
use crate::protocol::{Protocol, Sampling};
use crate::question::Question;

/// `manifest.json` of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// What the samples depend on. A run goes on only where this is the same.
    pub settings: Settings,
    /// The program that began the run.
    pub ponder: String,
    /// The machine's processor and how it was used, where the engine runs in process.
    pub machine: Option<String>,
    /// When the run was begun, in seconds since 1970.
    pub started_unix_s: u64,
}

/// What the samples of a run depend on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// The benchmark's name.
    pub benchmark: String,
    /// The preset that the sampling came from.
    pub protocol: Protocol,
    /// How replies were drawn.
    pub sampling: Sampling,
    /// Whether every reply was made to start with a thought.
    pub forces_thinking: bool,
    /// The most tokens of thinking, if that was limited.
    pub think_budget: Option<usize>,
    /// Number of questions.
    pub questions: usize,
    /// SHA-256 of ids, prompts and golds as they were used.
    pub questions_sha256: String,
    /// SHA-256 of the data files; `None` for Ponder's own tasks.
    pub data_sha256: Option<String>,
    /// The model.
    pub model: ModelIdentity,
}

/// Which model answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelIdentity {
    /// Its name in reports.
    pub name: String,
    /// SHA-256 over the checkpoint's files, or `None` for an endpoint, which can promise none.
    pub sha256: Option<String>,
    /// What the hash covers, or the endpoint's address.
    pub source: String,
}

/// SHA-256 of questions, in their order.
pub fn questions_sha256(questions: &[Question]) -> String {
    let mut hash = Sha256::new();
    for question in questions {
        hash.update(serde_json::to_vec(question).expect("questions are plain values"));
        hash.update(b"\n");
    }
    hex(&hash.finalize())
}

impl Settings {
    /// A short name for these settings: runs that differ in any of them differ in it.
    pub fn short_hash(&self) -> String {
        let bytes = serde_json::to_vec(self).expect("settings are plain values");
        hex(&Sha256::digest(bytes))[..8].to_owned()
    }

    /// The names of the fields that differ.
    pub fn differences(&self, other: &Settings) -> Vec<String> {
        let value = |settings| serde_json::to_value(settings).expect("settings are plain values");
        let (a, b) = (value(self), value(other));
        let fields = a.as_object().into_iter().flatten();
        fields.filter(|(name, field)| b[name.as_str()] != **field).map(|(n, _)| n.clone()).collect()
    }
}

impl Manifest {
    /// Reads `manifest.json`; `None` if there is none.
    pub fn read(path: &Path) -> Result<Option<Manifest>, EvalError> {
        match std::fs::read(path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| {
                bad_data(path, error.to_string(), "this run was made by another version of Ponder")
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(crate::error::at(path)(error)),
        }
    }

    /// Writes it in one step.
    pub fn write(&self, path: &Path) -> Result<(), EvalError> {
        let text = serde_json::to_string_pretty(self).expect("manifests are plain values");
        replace_bytes(path, (text + "\n").as_bytes())
    }
}
