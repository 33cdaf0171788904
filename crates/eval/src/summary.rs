//! What a run says: scores with their errors, and everything that is not an answer by its name.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::consensus::vote;
use crate::manifest::Manifest;
use crate::question::Question;
use crate::run::Run;
use crate::sample::Sample;
use crate::score::{Outcome, Score};
use crate::statistics::{Share, Spread, mean_pass_at, pass_1, spread};

/// `summary.json` of a run, and what `ponder eval --json` prints.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// What was run.
    pub manifest: Manifest,
    /// How much of it is there.
    pub coverage: Coverage,
    /// Why the first of the failed samples could not be had.
    #[serde(default)]
    pub first_failure: Option<String>,
    /// pass@1 over the questions that have a sample; `None` if none has.
    pub pass_1: Option<Share>,
    /// Unbiased pass@k for k of 2, 4, 8 … up to the samples that every question has.
    pub pass_k: BTreeMap<usize, f64>,
    /// Majority vote over answers that are verified to be equal, where answers can be compared.
    pub consensus: Option<Consensus>,
    /// Shares of samples by what became of them.
    pub rates: Rates,
    /// Tokens of thinking, where they are known.
    pub thinking_tokens: Option<Spread>,
    /// Tokens of answers, where they are known.
    pub answer_tokens: Option<Spread>,
    /// By subject, in alphabetical order; empty if there are none.
    pub subjects: Vec<Group>,
    /// By level.
    pub levels: Vec<Group>,
}

/// How many questions and samples a run has of those it should have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// Questions of the benchmark, as it was asked.
    pub questions: usize,
    /// Those that have at least one sample.
    pub questions_answered: usize,
    /// Samples that should be there.
    pub samples_wanted: usize,
    /// Samples that are.
    pub samples: usize,
    /// The fewest samples of a question.
    pub samples_least: usize,
    /// Samples that could not be had; the rest of what is missing was not tried yet.
    pub failed: usize,
}

/// cons@k.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Consensus {
    /// The most samples that voted on a question.
    pub k: usize,
    /// Mean over questions.
    pub value: f64,
}

/// Shares of the samples received, 0 to 1. The first four add up to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Rates {
    /// Right.
    pub right: f64,
    /// Shown to be wrong.
    pub wrong: f64,
    /// Neither accepted nor refuted by the judge.
    pub undecided: f64,
    /// Without an answer that could be found.
    pub no_answer: f64,
    /// Ended by the limit of tokens, whatever the verdict.
    pub cut: f64,
    /// Without a thought, whatever the verdict.
    pub empty_thinking: f64,
}

/// Some of the questions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// Subject or level.
    pub name: String,
    /// Its questions that have a sample.
    pub questions: usize,
    /// Their pass@1.
    pub pass_1: Share,
}

/// Summarises a run from its scores, which are in the order of its samples.
pub fn summarise(run: &Run, scores: &[Vec<Score>]) -> Summary {
    let counts = counts(scores);
    let answered: Vec<(usize, usize)> = counts.iter().copied().filter(|(n, _)| *n > 0).collect();
    let samples: Vec<&Sample> = run.samples.iter().flatten().collect();
    let least = counts.iter().map(|(n, _)| *n).min().unwrap_or(0);
    let powers = (1..usize::BITS).map(|i| 1usize << i).take_while(|k| *k <= least);
    Summary {
        manifest: run.manifest.clone(),
        coverage: Coverage {
            questions: run.questions.len(),
            questions_answered: answered.len(),
            samples_wanted: run.questions.len() * run.manifest.settings.sampling.samples,
            samples: samples.len(),
            samples_least: least,
            failed: distinct_failures(run),
        },
        first_failure: run.failures.first().map(|failure| failure.error.clone()),
        pass_1: pass_1(&answered),
        pass_k: powers.filter_map(|k| Some((k, mean_pass_at(&counts, k)?))).collect(),
        consensus: vote(&run.questions, scores),
        rates: rates(&samples, scores),
        thinking_tokens: spread(samples.iter().filter_map(|sample| sample.reasoning_tokens)),
        answer_tokens: spread(samples.iter().filter_map(|sample| sample.answer_tokens())),
        subjects: groups(&run.questions, &counts, |question| question.subject.as_deref()),
        levels: groups(&run.questions, &counts, |question| question.level.as_deref()),
    }
}

/// Samples received and right, a pair a question.
pub fn counts(scores: &[Vec<Score>]) -> Vec<(usize, usize)> {
    let right = |scores: &[Score]| scores.iter().filter(|score| score.is_right()).count();
    scores.iter().map(|scores| (scores.len(), right(scores))).collect()
}

fn distinct_failures(run: &Run) -> usize {
    let mut failed: Vec<(&str, usize)> =
        run.failures.iter().map(|failure| (failure.question.as_str(), failure.sample)).collect();
    failed.sort_unstable();
    failed.dedup();
    failed.len()
}

fn rates(samples: &[&Sample], scores: &[Vec<Score>]) -> Rates {
    let n = samples.len().max(1) as f64;
    let outcome = |outcome| {
        scores.iter().flatten().filter(|score| score.outcome == outcome).count() as f64 / n
    };
    let share = |is: fn(&Sample) -> bool| samples.iter().filter(|s| is(s)).count() as f64 / n;
    Rates {
        right: outcome(Outcome::Right),
        wrong: outcome(Outcome::Wrong),
        undecided: outcome(Outcome::Undecided),
        no_answer: outcome(Outcome::NoAnswer),
        cut: share(|sample| sample.is_cut()),
        empty_thinking: share(|sample| sample.has_empty_thinking()),
    }
}

fn groups(
    questions: &[Question],
    counts: &[(usize, usize)],
    name: impl Fn(&Question) -> Option<&str>,
) -> Vec<Group> {
    let mut groups: BTreeMap<&str, Vec<(usize, usize)>> = BTreeMap::new();
    for (question, count) in questions.iter().zip(counts).filter(|(_, (n, _))| *n > 0) {
        if let Some(name) = name(question) {
            groups.entry(name).or_default().push(*count);
        }
    }
    let group = |(name, counts): (&str, Vec<(usize, usize)>)| {
        let pass_1 = pass_1(&counts)?;
        Some(Group { name: name.to_owned(), questions: counts.len(), pass_1 })
    };
    groups.into_iter().filter_map(group).collect()
}
