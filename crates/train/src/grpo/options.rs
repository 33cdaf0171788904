//! The options of a reinforcement learning run.

use serde::{Deserialize, Serialize};

use crate::adamw::AdamwOptions;
use crate::advantage::Advantage;
use crate::curriculum::{CurriculumOptions, TaskShare};
use crate::error::{Result, TrainError};
use crate::loss::{Aggregation, Correction, Kl, Objective, Policy};
use crate::reward::RewardWeights;
use crate::schedule::{Decay, Schedule};

/// The options of a run; every field is written out, because a run depends on each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GrpoOptions {
    /// Decides prompts and answers.
    pub seed: u64,
    /// Groups that a step learns from.
    pub prompts_per_step: usize,
    /// Answers to each prompt.
    pub group_size: usize,
    /// The longest answer, its end included.
    pub max_tokens: usize,
    /// From which step on another limit holds, if any: R1-Zero's was raised midway.
    pub longer: Option<LongerAnswers>,
    /// What logits are divided by, for the sampler and the trainer alike.
    pub temperature: f32,
    /// Further rounds of prompts that replace groups of which all or none are right (DAPO's
    /// dynamic sampling); after them the step learns from what there is. 0 keeps every group.
    pub refill_rounds: usize,
    /// Whether answers that the limit cut off are left out of the loss; their rewards count in
    /// their groups either way.
    pub mask_truncated: bool,
    /// What rewards are compared with.
    pub advantage: Advantage,
    /// The policy term.
    pub policy: Policy,
    /// How tokens and answers are weighed.
    pub aggregation: Aggregation,
    /// The pull towards a reference model, if any.
    pub reference: Option<Reference>,
    /// Optimizer steps that a step's answers are cut into. Beyond the first the weights have
    /// moved, and experts are chosen as they were when the answers were sampled.
    pub mini_batches: usize,
    /// How much each part of a reward counts.
    pub rewards: RewardWeights,
    /// What is done to rewards before they are learnt from.
    pub control: Control,
    /// The tasks.
    pub tasks: Vec<TaskShare>,
    /// When their levels change.
    pub curriculum: CurriculumOptions,
    /// Answers that are decoded together.
    pub streams: usize,
    /// Tokens that pass the model at once in the update. Does not change what is learnt beyond
    /// rounding.
    pub micro_batch_tokens: usize,
    /// Groups of each step that `samples.jsonl` keeps.
    pub kept_groups: usize,
    /// Steps between checkpoints.
    pub checkpoint_every: u64,
    /// Checkpoints that are kept.
    pub keep_checkpoints: usize,
    /// The learning rate.
    pub schedule: Schedule,
    /// The optimizer.
    pub adamw: AdamwOptions,
}

/// A limit that holds later in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LongerAnswers {
    /// The first step of it.
    pub from_step: u64,
    /// The limit.
    pub max_tokens: usize,
}

/// The pull towards a reference model.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reference {
    /// The estimate of the divergence.
    pub kl: Kl,
    /// Its factor β.
    pub beta: f64,
    /// Steps after which the present model becomes the reference; 0 for never.
    pub refresh_every: u64,
}

/// Runs that must not improve, to show that those which do improve for the right reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Control {
    /// A true run.
    #[default]
    None,
    /// Rewards change places within their group.
    Shuffle,
    /// All rewards are equal.
    Constant,
    /// Rewards change their sign.
    Flip,
}

impl GrpoOptions {
    /// The limit of a step.
    pub fn max_tokens_at(&self, step: u64) -> usize {
        match self.longer {
            Some(longer) if step >= longer.from_step => longer.max_tokens,
            _ => self.max_tokens,
        }
    }

    /// Refuses what cannot be run.
    pub(super) fn check(&self) -> Result<()> {
        let at_least_one = [
            ("prompts_per_step", self.prompts_per_step),
            ("group_size", self.group_size),
            ("max_tokens", self.max_tokens),
            ("mini_batches", self.mini_batches),
            ("streams", self.streams),
            ("tasks", self.tasks.len()),
        ];
        for (name, found) in at_least_one {
            if found == 0 {
                let (found, expected) = ("0".to_owned(), "at least 1");
                return Err(TrainError::Option { name, found, expected });
            }
        }
        if self.temperature.is_nan() || self.temperature < 0.01 {
            let (found, expected) = (self.temperature.to_string(), "at least 0.01");
            return Err(TrainError::Option { name: "temperature", found, expected });
        }
        let is_bad = |task: &&TaskShare| {
            let [least, greatest] = task.levels;
            !(task.share > 0.0 && (least..=greatest).contains(&task.first_level))
        };
        if let Some(task) = self.tasks.iter().find(is_bad) {
            let expected = "a share above 0 and a first level within its levels";
            return Err(TrainError::Option { name: "tasks", found: format!("{task:?}"), expected });
        }
        Ok(())
    }

    pub(super) fn objective(&self) -> Objective {
        Objective {
            policy: self.policy,
            aggregation: self.aggregation,
            correction: Correction::None,
            kl: self.reference.map(|reference| (reference.kl, reference.beta)),
        }
    }
}

/// What suits the presets `nano` and `micro`: 64 prompts of 8 answers, clip-higher, the mean over
/// tokens, advantages by group, no reference, and a curriculum at the edge of what is learnt.
pub fn options(seed: u64, peak: f64, total_steps: u64, tasks: Vec<TaskShare>) -> GrpoOptions {
    GrpoOptions {
        seed,
        prompts_per_step: 64,
        group_size: 8,
        max_tokens: 256,
        longer: Some(LongerAnswers { from_step: total_steps / 2, max_tokens: 512 }),
        temperature: 1.0,
        refill_rounds: 3,
        mask_truncated: false,
        advantage: Advantage::Normalised,
        policy: Policy::Clip { low: 0.2, high: 0.28 },
        aggregation: Aggregation::TokenMean,
        reference: None,
        mini_batches: 1,
        rewards: RewardWeights::R1,
        control: Control::None,
        tasks,
        curriculum: CurriculumOptions::EDGE,
        streams: 64,
        micro_batch_tokens: 4096,
        kept_groups: 2,
        checkpoint_every: 20,
        keep_checkpoints: 2,
        schedule: Schedule {
            peak,
            warmup_steps: 10,
            total_steps,
            final_share: 0.0,
            decay: Decay::Linear,
        },
        adamw: AdamwOptions { weight_decay: 0.0, ..AdamwOptions::DEEPSEEK_V3 },
    }
}
