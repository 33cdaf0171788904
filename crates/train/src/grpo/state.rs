//! What a run carries from step to step, in memory and on disk.

use std::fs;
use std::path::Path;

use ponder_tensor::Dtype;
use serde::{Deserialize, Serialize};

use super::options::GrpoOptions;
use super::update::Learner;
use crate::adamw::Adamw;
use crate::checkpoint::{self, Progress, Snapshot, State};
use crate::curriculum::Curriculum;
use crate::error::{Result, TrainError};
use crate::parameters::{Parameters, Weights};
use crate::publish::publish;
use crate::run::Run;

const STATE_FILE: &str = "grpo.json";
const REFERENCE_FOLDER: &str = "reference";

/// A model in reinforcement learning.
pub struct Grpo {
    pub(super) options: GrpoOptions,
    pub(super) learner: Learner,
    pub(super) curriculum: Curriculum,
    /// The model that the loss pulls to, if it does.
    pub(super) reference: Option<(Parameters, Weights)>,
    pub(super) progress: Progress,
}

/// What a checkpoint holds beside the trainer's state.
#[derive(Serialize, Deserialize)]
struct Beside {
    curriculum: Curriculum,
}

impl Grpo {
    /// Starts from these weights.
    pub fn new(parameters: Parameters, options: GrpoOptions) -> Result<Grpo> {
        let adamw = Adamw::new(&parameters);
        let curriculum = Curriculum::new(&options.tasks);
        let reference = options.reference.map(|_| parameters.clone());
        let state = State { progress: Progress::default(), parameters, adamw };
        Grpo::assemble(state, reference, Beside { curriculum }, options)
    }

    fn assemble(
        state: State,
        reference: Option<Parameters>,
        beside: Beside,
        options: GrpoOptions,
    ) -> Result<Grpo> {
        let State { progress, parameters, adamw } = state;
        let reference = reference.map(packed).transpose()?;
        let Beside { curriculum } = beside;
        let learner = Learner::resume(parameters, adamw)?;
        Ok(Grpo { options, learner, curriculum, reference, progress })
    }

    /// Goes on from the newest checkpoint of `run`, or starts from `base`.
    pub(super) fn open(
        base: impl FnOnce() -> Result<Parameters>,
        options: GrpoOptions,
        run: &Run,
    ) -> Result<Grpo> {
        let Some(dir) = checkpoint::latest(&run.checkpoints())? else {
            return Grpo::new(base()?, options);
        };
        let path = dir.join(STATE_FILE);
        let text = fs::read_to_string(&path).map_err(|e| TrainError::io(&path, e))?;
        let beside: Beside = serde_json::from_str(&text).map_err(|e| TrainError::Damaged {
            path,
            found: e.to_string(),
            expected: "the curriculum of a run".into(),
            hint: "go on from an earlier checkpoint",
        })?;
        let load = |_| Parameters::load(&dir.join(REFERENCE_FOLDER));
        let reference = options.reference.map(load).transpose()?;
        Grpo::assemble(checkpoint::load(&dir)?, reference, beside, options)
    }

    /// Writes a checkpoint into `run`.
    pub(super) fn save(&self, run: &Run) -> Result<()> {
        let Learner { parameters, adamw, .. } = &self.learner;
        let state = Snapshot { progress: self.progress, parameters, adamw };
        let beside = Beside { curriculum: self.curriculum.clone() };
        checkpoint::save_with(&state, &run.checkpoints(), &|dir: &Path| {
            let text = serde_json::to_string(&beside).expect("plain values");
            checkpoint::write_text(&dir.join(STATE_FILE), &text)?;
            match &self.reference {
                // BF16 is all that a reference ever runs in, so nothing is lost.
                Some((parameters, _)) => publish(parameters, &dir.join(REFERENCE_FOLDER)),
                None => Ok(()),
            }
        })?;
        checkpoint::prune(&run.checkpoints(), self.options.keep_checkpoints)
    }

    /// Makes the present model the reference, where it is time.
    pub(super) fn refresh_reference(&mut self) -> Result<()> {
        let every = self.options.reference.map_or(0, |reference| reference.refresh_every);
        if every > 0 && self.progress.step > 0 && self.progress.step.is_multiple_of(every) {
            self.reference = Some(packed(self.learner.parameters.clone())?);
        }
        Ok(())
    }

    /// Where the run stands.
    pub fn progress(&self) -> Progress {
        self.progress
    }

    /// The options of the run.
    pub fn options(&self) -> &GrpoOptions {
        &self.options
    }

    /// The weights as they are.
    pub fn parameters(&self) -> &Parameters {
        &self.learner.parameters
    }

    /// The model as it is.
    pub fn weights(&self) -> &Weights {
        &self.learner.weights
    }

    /// The optimizer's moments.
    pub fn adamw(&self) -> &Adamw {
        &self.learner.adamw
    }
}

fn packed(parameters: Parameters) -> Result<(Parameters, Weights)> {
    let weights = parameters.pack(Dtype::Bf16)?;
    Ok((parameters, weights))
}
