//! Reinforcement learning with verifiable rewards (GRPO; DeepSeekMath, arXiv 2402.03300, and
//! DeepSeek-R1, arXiv 2501.12948).
//!
//! A step: the engine samples a group of answers to each prompt with the weights just packed; the
//! problems grade them; an answer's advantage is what it earned beyond its group; the loss turns
//! advantages into gradients on the same forward pass that sampled; the optimizer makes new
//! weights. Sampler and trainer agree on every log-probability to the bit, or the run stops.

mod groups;
mod options;
mod report;
mod state;
mod update;

use std::path::Path;
use std::time::Instant;

use ponder_kernels::Gradients;
use serde_json::json;

pub use groups::{Answer, Group};
pub use options::{Control, GrpoOptions, LongerAnswers, Reference, options};
pub use report::{BEHAVIOURS, GrpoReport};
pub use state::Grpo;
pub use update::{Learner, Lessons};

use crate::error::Result;
use crate::parameters::Parameters;
use crate::prompt::Source;
use crate::rollouts::RolloutFile;
use crate::run::Run;
use groups::Sampling;
use update::{Found, Update};

/// Trains `base` in the folder `dir`, from its newest checkpoint if it has one, until the schedule
/// ends or `proceed` says no.
pub fn run(
    ops: &dyn Gradients,
    base: impl FnOnce() -> Result<Parameters>,
    source: &Source,
    options: GrpoOptions,
    dir: &Path,
    proceed: &mut dyn FnMut(&GrpoReport) -> bool,
) -> Result<Grpo> {
    options.check()?;
    let mut run = Run::open(dir, &options)?;
    let mut samples = RolloutFile::open(dir)?;
    let mut grpo = Grpo::open(base, options, &run)?;
    run.rewind(grpo.progress().metrics_bytes)?;
    samples.rewind(grpo.progress().step)?;
    while grpo.progress().step < grpo.options().schedule.total_steps {
        let (report, seconds) = grpo.step(ops, source, &mut samples)?;
        run.metrics(&report)?;
        run.timings(&seconds)?;
        grpo.progress.metrics_bytes = run.metrics_bytes();
        let goes_on = proceed(&report);
        let step = grpo.progress().step;
        let is_last = step == grpo.options().schedule.total_steps;
        if is_last || !goes_on || step.is_multiple_of(grpo.options().checkpoint_every) {
            run.sync()?;
            grpo.save(&run)?;
        }
        if !goes_on {
            break;
        }
    }
    Ok(grpo)
}

impl Grpo {
    /// One step; writes some of its answers to `samples`. Returns what it reports, and its times.
    pub fn step(
        &mut self,
        ops: &dyn Gradients,
        source: &Source,
        samples: &mut RolloutFile,
    ) -> Result<(GrpoReport, serde_json::Value)> {
        let (start, step) = (Instant::now(), self.progress.step);
        self.refresh_reference()?;

        // Roll out and grade.
        let sampling = Sampling {
            ops,
            model: &self.learner.weights.model,
            source,
            options: &self.options,
            step,
        };
        let groups = sampling.groups(&self.curriculum)?;
        let rollout_s = start.elapsed().as_secs_f64();
        let useful: Vec<&Group> = groups.iter().filter(|g| sampling.is_useful(g)).collect();

        // Learn.
        let lessons = self.lessons(&useful);
        let learnt: usize = lessons.sequences.iter().map(|s| s.token_ids.len()).sum();
        let rate = self.options.schedule.rate(step);
        let reference = self.reference.as_ref().map(|(_, weights)| weights);
        let (options, found) = (&self.options, Found::default());
        let mut update = Update { ops, options, reference, rate, step, found };
        update.run(&mut self.learner, lessons)?;
        update.check_agreement()?;
        let found = update.found;

        // Say what happened, and move on.
        let n_sampled: usize = groups.iter().flat_map(|g| &g.answers).map(Answer::n_tokens).sum();
        for (i, group) in groups.iter().enumerate().take(self.options.kept_groups) {
            samples.push(&group.rollouts(step, i))?;
        }
        let groups_used = useful.len() as u64;
        self.note_rates(&groups);
        self.progress.step += 1;
        self.progress.cursor += groups.len() as u64;
        self.progress.tokens += n_sampled as u64;
        let (tokens, levels) = (self.progress.tokens, self.curriculum.levels());
        let report = GrpoReport::of_groups(&groups).with(&found);
        let report = GrpoReport { step, tokens, levels, groups_used, rate, ..report };
        let seconds = start.elapsed().as_secs_f64();
        let times = json!({
            "step": step,
            "seconds": seconds,
            "tokens_per_s": n_sampled as f64 / seconds,
            "rollout_s": rollout_s,
            "update_s": seconds - rollout_s,
            "rollout_tokens_per_s": n_sampled as f64 / rollout_s,
            "update_tokens_per_s": learnt as f64 / (seconds - rollout_s),
        });
        Ok((report, times))
    }

    /// What the groups' answers are for the loss. Those of which no token counts are left out.
    fn lessons(&self, groups: &[&Group]) -> Lessons {
        let mut lessons = Lessons::default();
        for group in groups {
            let prompt = &group.prompt.token_ids;
            for answer in &group.answers {
                let completion = &answer.completion;
                if self.options.mask_truncated && completion.is_truncated {
                    continue;
                }
                lessons.push(prompt, completion, answer.advantage as f32);
            }
        }
        lessons
    }

    /// Tells the curriculum how the groups did.
    fn note_rates(&mut self, groups: &[Group]) {
        for group in groups {
            let task = self.options.tasks.iter().find(|share| share.task == group.prompt.task);
            let Some(share) = task else { continue };
            let rate = group.n_correct() as f64 / group.answers.len() as f64;
            self.curriculum.note(share, group.prompt.level, rate, &self.options.curriculum);
        }
    }
}
