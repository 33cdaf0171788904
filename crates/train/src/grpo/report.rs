//! What a step reports: its line in `metrics.jsonl`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::groups::{Answer, Group};
use super::update::Found;
use crate::loads;

/// Ways of thinking whose rates are reported, each with the words that show it.
pub const BEHAVIOURS: [(&str, &[&str]); 4] = [
    ("back", &["back"]),
    ("check", &["check", "probe"]),
    ("giveup", &["giveup"]),
    ("wait", &["wait", "halt"]),
];

/// What a step reports.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct GrpoReport {
    /// The step, from 0.
    pub step: u64,
    /// Tokens sampled so far.
    pub tokens: u64,
    /// Mean of the weighted rewards, before any control.
    pub reward: f64,
    /// Share of right answers.
    pub accuracy: f64,
    /// The same for each task of the step.
    pub accuracy_by_task: BTreeMap<&'static str, f64>,
    /// Present level of each task.
    pub levels: BTreeMap<String, u8>,
    /// Share of answers that keep the form.
    pub format: f64,
    /// Mean share of the telling words that are of the question's language.
    pub language: f64,
    /// Mean tokens of an answer.
    pub length: f64,
    /// Mean tokens of a right answer.
    pub length_correct: f64,
    /// Share of answers that the limit cut off.
    pub truncated: f64,
    /// Groups that were sampled.
    pub groups: u64,
    /// Groups that the step learnt from.
    pub groups_used: u64,
    /// Share of the sampled groups whose rewards are all equal.
    pub zero_variance: f64,
    /// Mean entropy of the sampler's distributions in nats, estimated by the surprise of what was
    /// drawn from them.
    pub entropy: f64,
    /// Shares of answers with each of [`BEHAVIOURS`].
    pub behaviours: BTreeMap<&'static str, f64>,
    /// The loss; it says little, because advantages sum to nothing.
    pub loss: f64,
    /// Share of tokens whose gradient the clip took because their ratio was too low.
    pub clip_low: f64,
    /// The same because it was too high.
    pub clip_high: f64,
    /// Mean k3 to the reference; 0 without one.
    pub kl: f64,
    /// Largest load of any expert over the mean of its layer.
    pub max_load: f64,
    /// Log-probabilities of sampler and trainer that were compared.
    pub logprobs_compared: u64,
    /// Those of which any bit differed: 0.
    pub logprob_mismatch: u64,
    /// Norm of the gradients before clipping; the largest of the mini-batches.
    pub grad_norm: f64,
    /// Learning rate.
    pub rate: f64,
}

impl GrpoReport {
    /// What the groups of a step say of it.
    pub(super) fn of_groups(groups: &[Group]) -> GrpoReport {
        let answers: Vec<&Answer> = groups.iter().flat_map(|group| &group.answers).collect();
        let correct: Vec<&Answer> =
            answers.iter().copied().filter(|answer| answer.rewards.is_correct()).collect();
        let mut by_task: BTreeMap<&'static str, Vec<f64>> = BTreeMap::new();
        for group in groups {
            let rate = group.n_correct() as f64 / group.answers.len() as f64;
            by_task.entry(group.prompt.task).or_default().push(rate);
        }
        let n_tokens = |answer: &&Answer| answer.n_tokens() as f64;
        let surprises = answers.iter().flat_map(|a| &a.completion.log_probs).map(|lp| -*lp as f64);
        let behaviour = |(name, words): (&'static str, &[&str])| {
            (name, mean(answers.iter().map(|answer| has_word(answer, words) as u8 as f64)))
        };
        GrpoReport {
            reward: mean(answers.iter().map(|answer| answer.earned)),
            accuracy: correct.len() as f64 / answers.len().max(1) as f64,
            accuracy_by_task: by_task.into_iter().map(|(k, v)| (k, mean(v.into_iter()))).collect(),
            format: mean(answers.iter().map(|answer| answer.rewards.format)),
            language: mean(answers.iter().map(|answer| answer.rewards.language)),
            length: mean(answers.iter().map(n_tokens)),
            length_correct: mean(correct.iter().map(n_tokens)),
            truncated: mean(answers.iter().map(|a| a.completion.is_truncated as u8 as f64)),
            groups: groups.len() as u64,
            zero_variance: mean(groups.iter().map(|group| group.is_flat() as u8 as f64)),
            entropy: mean(surprises),
            behaviours: BEHAVIOURS.into_iter().map(behaviour).collect(),
            ..GrpoReport::default()
        }
    }

    /// Adds what the update found.
    pub(super) fn with(self, found: &Found) -> GrpoReport {
        let [clip_low, clip_high] = found.clip_shares();
        GrpoReport {
            loss: found.loss,
            clip_low,
            clip_high,
            kl: found.kl(),
            max_load: loads::largest(&found.loads),
            logprobs_compared: found.compared,
            logprob_mismatch: found.mismatched,
            grad_norm: found.grad_norm,
            ..self
        }
    }
}

/// The mean; 0 of nothing.
fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, n) = values.fold((0.0, 0u64), |(sum, n), value| (sum + value, n + 1));
    sum / n.max(1) as f64
}

fn has_word(answer: &Answer, words: &[&str]) -> bool {
    let mut found = answer.reply.thinking.split(|c: char| !c.is_alphanumeric());
    found.any(|found| words.contains(&found))
}
