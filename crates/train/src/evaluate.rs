//! How much of each task a model can do, on problems that nothing was learnt from: a look at a
//! checkpoint during training. Whole benchmarks are elsewhere.

use std::collections::{BTreeMap, HashSet};

use ponder_kernels::Ops;
use ponder_model::Model;
use serde::{Deserialize, Serialize};

use crate::curriculum::TaskShare;
use crate::error::{Result, TrainError};
use crate::prompt::{Prompt, Source};
use crate::random::Random;
use crate::reply::Reply;
use crate::rollout::{Completion, RolloutOptions, rollout};

/// How a checkpoint is looked at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EvaluateOptions {
    /// Decides problems and samples.
    pub seed: u64,
    /// Problems of each task, spread evenly over its levels.
    pub problems: usize,
    /// Answers to each.
    pub samples: usize,
    /// 0 for the best token each time.
    pub temperature: f32,
    /// Share of the probability that tokens are drawn from.
    pub top_p: f32,
    /// The longest answer.
    pub max_tokens: usize,
    /// Answers that are decoded together.
    pub streams: usize,
}

/// What a model did on one task, or on several together.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Score {
    /// Problems.
    pub problems: usize,
    /// Answers to each.
    pub samples: usize,
    /// Share of right answers.
    pub pass_at_1: f64,
    /// 95 % of such measurements cover the true share: Wilson's interval, for as many independent
    /// answers as the spread between problems is worth.
    pub interval: [f64; 2],
    /// Share of problems with any right answer.
    pub pass_at_samples: f64,
    /// Share of answers that keep the form.
    pub format: f64,
    /// Share of answers that the limit cut off.
    pub truncated: f64,
    /// Mean tokens of an answer.
    pub length: f64,
}

/// The scores of a checkpoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Evaluation {
    /// By task.
    pub tasks: BTreeMap<&'static str, Score>,
    /// By task and level, as `task/level`.
    pub levels: BTreeMap<String, Score>,
    /// All problems together.
    pub all: Score,
}

/// Draws of a problem not seen before, until a level counts as exhausted.
const MAX_DRAWS: usize = 50;

/// Asks the model `options.problems` different problems of every task, of its levels.
pub fn evaluate(
    ops: &dyn Ops,
    model: &Model,
    source: &Source,
    tasks: &[TaskShare],
    options: &EvaluateOptions,
) -> Result<Evaluation> {
    let prompts = prompts(source, tasks, options)?;
    let token_ids: Vec<&[u32]> = prompts.iter().map(|prompt| &prompt.token_ids[..]).collect();
    let rollouts = RolloutOptions {
        samples: options.samples,
        max_tokens: options.max_tokens,
        temperature: options.temperature,
        top_p: options.top_p,
        streams: options.streams,
        n_sampleable: source.marks.n_sampleable,
        end: source.marks.end,
        key: options.seed,
        first_prompt: 0,
    };
    let completions = rollout(ops, model, &token_ids, &rollouts)?;
    let results: Vec<Outcome> = prompts
        .iter()
        .zip(completions)
        .map(|(prompt, completions)| Outcome::of(source, prompt, &completions))
        .collect();
    let mut by_task: BTreeMap<&'static str, Vec<&Outcome>> = BTreeMap::new();
    let mut by_level: BTreeMap<String, Vec<&Outcome>> = BTreeMap::new();
    for (prompt, result) in prompts.iter().zip(&results) {
        by_task.entry(prompt.task).or_default().push(result);
        by_level.entry(format!("{}/{}", prompt.task, prompt.level)).or_default().push(result);
    }
    Ok(Evaluation {
        tasks: by_task.into_iter().map(|(task, results)| (task, score(&results))).collect(),
        levels: by_level.into_iter().map(|(level, results)| (level, score(&results))).collect(),
        all: score(&results.iter().collect::<Vec<_>>()),
    })
}

/// Different problems, level after level; a level that has fewer gives what it has.
fn prompts(source: &Source, tasks: &[TaskShare], options: &EvaluateOptions) -> Result<Vec<Prompt>> {
    let mut prompts = Vec::new();
    for share in tasks {
        let [least, greatest] = share.levels;
        let n_levels = (greatest - least) as usize + 1;
        for (i, level) in (least..=greatest).enumerate() {
            let n = (options.problems * (i + 1)) / n_levels - (options.problems * i) / n_levels;
            let mut seen = HashSet::new();
            let mut random = Random::named(options.seed, &format!("{}/{level}", share.task));
            for _ in 0..n {
                let mut draws =
                    (0..MAX_DRAWS).map(|_| (source.draw)(&share.task, level, &mut random));
                let fresh = draws.find_map(|prompt| {
                    prompt.filter(|prompt| seen.insert(prompt.problem.canonical()))
                });
                prompts.extend(fresh);
            }
        }
    }
    if prompts.is_empty() {
        let hint = "a task of the mix is unknown or has no problem at these levels: check `tasks`";
        return Err(TrainError::NoData { step: 0, hint });
    }
    Ok(prompts)
}

/// What became of one problem: sums over its answers.
#[derive(Default)]
struct Outcome {
    answers: f64,
    correct: f64,
    well_formed: f64,
    truncated: f64,
    tokens: f64,
}

impl Outcome {
    fn of(source: &Source, prompt: &Prompt, completions: &[Completion]) -> Outcome {
        let mut result = Outcome::default();
        for completion in completions {
            let reply = Reply::of(&source.marks, &prompt.token_ids, completion);
            let is_correct = reply.gradable().is_some_and(|text| prompt.problem.grade(text));
            result.answers += 1.0;
            result.correct += is_correct as u8 as f64;
            result.well_formed += reply.is_well_formed(prompt.is_boxed) as u8 as f64;
            result.truncated += completion.is_truncated as u8 as f64;
            result.tokens += completion.token_ids.len() as f64;
        }
        result
    }
}

fn score(results: &[&Outcome]) -> Score {
    let sum = |of: fn(&Outcome) -> f64| results.iter().map(|result| of(result)).sum::<f64>();
    let answers = sum(|r| r.answers);
    let rates: Vec<f64> = results.iter().map(|r| r.correct / r.answers).collect();
    let pass_at_1 = sum(|r| r.correct) / answers;
    let n = results.len();
    Score {
        problems: n,
        samples: (answers / n as f64).round() as usize,
        pass_at_1,
        interval: interval(&rates),
        pass_at_samples: sum(|r| (r.correct > 0.0) as u8 as f64) / n as f64,
        format: sum(|r| r.well_formed) / answers,
        truncated: sum(|r| r.truncated) / answers,
        length: sum(|r| r.tokens) / answers,
    }
}

/// Wilson's 95 % interval of the mean of `rates`, each the share of right answers to a problem:
/// problems are independent, answers to one problem are not, so the number of answers that counts
/// is the one whose variance the rates show.
fn interval(rates: &[f64]) -> [f64; 2] {
    const Z: f64 = 1.959964;
    let n = rates.len() as f64;
    let mean = rates.iter().sum::<f64>() / n;
    let squares = rates.iter().map(|rate| (rate - mean).powi(2)).sum::<f64>();
    let variance_of_mean = squares / (n * (n - 1.0).max(1.0));
    let of_answer = mean * (1.0 - mean);
    // Without any spread there is no more to go by than the number of problems.
    let effective = if squares > 0.0 { of_answer / variance_of_mean } else { n };
    let center = mean + Z * Z / (2.0 * effective);
    let half = Z * (of_answer / effective + (Z / (2.0 * effective)).powi(2)).sqrt();
    let scale = 1.0 + Z * Z / effective;
    [((center - half) / scale).max(0.0), ((center + half) / scale).min(1.0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_wilson_s_for_single_answers() {
        let rates: Vec<f64> = (0..100).map(|i| (i < 30) as u8 as f64).collect();
        let [low, high] = interval(&rates);
        // Wilson for 30 of 100 gives 0.2189 to 0.3958; the sample's variance has n − 1.
        assert!((low - 0.2189).abs() < 1e-3 && (high - 0.3958).abs() < 1e-3, "{low} {high}");
        let [low, high] = interval(&[1.0; 50]);
        assert!((low - 0.9286).abs() < 1e-3 && high > 0.999_999, "{low} {high}");
        let [low, high] = interval(&[0.0; 50]);
        assert!(low < 1e-6 && (high - 0.0714).abs() < 1e-3, "{low} {high}");
    }

    #[test]
    fn several_answers_narrow_the_interval_by_what_they_are_worth() {
        let width = |rates: &[f64]| interval(rates)[1] - interval(rates)[0];
        let single: Vec<f64> = (0..100).map(|i| (i < 50) as u8 as f64).collect();
        let certain = vec![0.5; 99].into_iter().chain([0.49]).collect::<Vec<_>>();
        assert!(width(&certain) < 0.1 * width(&single));
    }
}
