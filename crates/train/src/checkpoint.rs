//! A trainer's state on disk: the model in the published layout, and beside it what a resumed run
//! needs to go on with the same bits. A checkpoint is a folder that appears whole, by a rename.

use std::fs;
use std::path::{Path, PathBuf};

use ponder_model::checkpoint::Checkpoint;
use ponder_model::checkpoint::write::{NewTensor, write_atomically, write_safetensors};
use ponder_model::config::Config;
use ponder_tensor::Dtype;
use serde::{Deserialize, Serialize};

use crate::adamw::Adamw;
use crate::error::{Result, TrainError};
use crate::parameters::Parameters;
use crate::publish::publish;

const STATE_FILE: &str = "trainer.json";
const TENSORS_FILE: &str = "trainer.safetensors";

/// What counts where a run stands. Random numbers are functions of these, so they have no state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Optimizer steps done.
    pub step: u64,
    /// Documents consumed.
    pub cursor: u64,
    /// Tokens consumed.
    pub tokens: u64,
    /// Bytes of `metrics.jsonl`; what a killed run wrote beyond is cut off.
    pub metrics_bytes: u64,
}

/// What [`STATE_FILE`] holds.
#[derive(Serialize, Deserialize)]
struct Stored {
    #[serde(flatten)]
    progress: Progress,
    /// Steps of the optimizer, where a step of the run takes several or none.
    #[serde(skip_serializing_if = "Option::is_none")]
    adamw_steps: Option<u64>,
}

/// Everything that a trainer carries from step to step.
pub struct State {
    /// Where the run stands.
    pub progress: Progress,
    /// The masters.
    pub parameters: Parameters,
    /// The moments.
    pub adamw: Adamw,
}

/// The same, lent to be written.
#[derive(Clone, Copy)]
pub struct Snapshot<'a> {
    /// Where the run stands.
    pub progress: Progress,
    /// The masters.
    pub parameters: &'a Parameters,
    /// The moments.
    pub adamw: &'a Adamw,
}

/// Writes a checkpoint into `parent` and returns its folder.
pub fn save(state: &Snapshot, parent: &Path) -> Result<PathBuf> {
    save_with(state, parent, &|_| Ok(()))
}

/// The same; `beside` writes what else a stage keeps into the folder before it appears.
pub fn save_with(
    state: &Snapshot,
    parent: &Path,
    beside: &dyn Fn(&Path) -> Result<()>,
) -> Result<PathBuf> {
    let target = parent.join(folder_name(state.progress.step));
    let part = parent.join(format!("{}.part", folder_name(state.progress.step)));
    // A half-written folder of a killed run is in the way.
    remove(&part)?;
    publish(state.parameters, &part)?;
    let parts = [("first", &state.adamw.first), ("second", &state.adamw.second)];
    let mut named: Vec<(String, &[usize], &[f32])> = Vec::new();
    for (i, p) in state.parameters.iter().enumerate() {
        named.push((format!("values.{}", p.name), &p.shape, &p.values));
        for (part, moments) in parts {
            named.push((format!("{part}.{}", p.name), &p.shape, &moments[i]));
        }
    }
    let tensors: Vec<NewTensor> = named
        .iter()
        .map(|(name, shape, values)| NewTensor {
            name,
            dtype: Dtype::F32,
            shape,
            bytes: bytemuck::cast_slice(values),
        })
        .collect();
    write_safetensors(&part.join(TENSORS_FILE), &tensors, &[])?;
    let adamw_steps = Some(state.adamw.steps).filter(|steps| *steps != state.progress.step);
    let stored = Stored { progress: state.progress, adamw_steps };
    let text = serde_json::to_string(&stored).expect("plain numbers");
    write_text(&part.join(STATE_FILE), &text)?;
    beside(&part)?;
    // A checkpoint of this step that is already there is the same, bit for bit.
    remove(&target)?;
    fs::rename(&part, &target).map_err(|e| TrainError::io(&target, e))?;
    sync_folder(parent)?;
    Ok(target)
}

/// Reads a checkpoint's folder.
pub fn load(dir: &Path) -> Result<State> {
    let path = dir.join(STATE_FILE);
    let text = fs::read_to_string(&path).map_err(|e| TrainError::io(&path, e))?;
    let Stored { progress, adamw_steps } =
        serde_json::from_str(&text).map_err(|e| TrainError::Damaged {
            path: path.clone(),
            found: e.to_string(),
            expected: "the state of a trainer".into(),
            hint: "go on from an earlier checkpoint",
        })?;
    let config = Config::from_dir(dir)?;
    let stored = Checkpoint::open(&dir.join(TENSORS_FILE))?;
    let read = |part: &str, name: &str, shape: &[usize]| {
        Ok(stored.expect(&format!("{part}.{name}"), shape)?.to_f32())
    };
    let parameters = Parameters::new(&config, |name, shape, _| read("values", name, shape))?;
    let moments = |part: &str| -> Result<Vec<Vec<f32>>> {
        parameters.iter().map(|p| read(part, &p.name, &p.shape)).collect()
    };
    let (first, second) = (moments("first")?, moments("second")?);
    let adamw = Adamw { steps: adamw_steps.unwrap_or(progress.step), first, second };
    Ok(State { progress, parameters, adamw })
}

/// The newest whole checkpoint in `parent`, if there is one.
pub fn latest(parent: &Path) -> Result<Option<PathBuf>> {
    Ok(steps(parent)?.last().map(|step| parent.join(folder_name(*step))))
}

/// Removes all but the newest `keep` checkpoints.
pub fn prune(parent: &Path, keep: usize) -> Result<()> {
    let steps = steps(parent)?;
    let old = &steps[..steps.len().saturating_sub(keep.max(1))];
    old.iter().try_for_each(|step| remove(&parent.join(folder_name(*step))))
}

/// Steps of the whole checkpoints, ascending.
fn steps(parent: &Path) -> Result<Vec<u64>> {
    if !parent.exists() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(parent).map_err(|e| TrainError::io(parent, e))?;
    let mut steps = Vec::new();
    for entry in entries {
        let name = entry.map_err(|e| TrainError::io(parent, e))?.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix("step-"));
        steps.extend(number.and_then(|number| number.parse::<u64>().ok()));
    }
    steps.sort_unstable();
    Ok(steps)
}

fn folder_name(step: u64) -> String {
    format!("step-{step:08}")
}

fn remove(dir: &Path) -> Result<()> {
    match fs::remove_dir_all(dir) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(TrainError::io(dir, e)),
        _ => Ok(()),
    }
}

pub(crate) fn write_text(path: &Path, text: &str) -> Result<()> {
    Ok(write_atomically(path, |file| std::io::Write::write_all(file, text.as_bytes()))?)
}

fn sync_folder(dir: &Path) -> Result<()> {
    fs::File::open(dir).and_then(|dir| dir.sync_all()).map_err(|e| TrainError::io(dir, e))
}
