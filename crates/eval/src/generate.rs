//! Filling a run: which samples are missing, and something that writes them.

use std::ops::ControlFlow;

use crate::error::EvalError;
use crate::protocol::{Sampling, sample_seed};
use crate::question::Question;
use crate::run::{Failure, OpenRun};
use crate::sample::{Reply, Sample};

/// A sample to be drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Job<'q> {
    /// The question's id.
    pub question: &'q str,
    /// The user's turn.
    pub prompt: &'q str,
    /// The sample's number.
    pub sample: usize,
    /// Its seed.
    pub seed: u64,
}

/// Takes each reply, or the reason why there is none, as it comes; may break off.
pub type Sink<'a> =
    dyn FnMut(&Job<'_>, Result<Reply, String>) -> Result<ControlFlow<()>, EvalError> + 'a;

/// Whatever writes replies: Ponder's engine, or an endpoint.
pub trait Generator {
    /// Draws every job and gives each to `sink` exactly once, in any order, unless it breaks off.
    fn generate(&mut self, jobs: &[Job<'_>], sink: &mut Sink<'_>) -> Result<(), EvalError>;
}

/// How a generation went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Generated {
    /// Samples that were drawn now.
    pub drawn: usize,
    /// Requests that failed.
    pub failed: usize,
    /// Whether it was broken off.
    pub is_stopped: bool,
}

/// The samples that a run lacks: the first of every question, then the second, and so on, so that
/// a run that is stopped early has seen every question.
pub fn missing<'q>(run: &OpenRun, questions: &'q [Question], sampling: &Sampling) -> Vec<Job<'q>> {
    let mut jobs = Vec::new();
    for sample in 0..sampling.samples {
        for question in questions.iter().filter(|question| !run.has(&question.id, sample)) {
            jobs.push(Job {
                question: &question.id,
                prompt: &question.prompt,
                sample,
                seed: sample_seed(sampling.seed, &question.id, sample),
            });
        }
    }
    jobs
}

/// Draws what is missing and keeps each sample as it comes. `seen` sees each one and says whether
/// to go on.
pub fn fill(
    run: &mut OpenRun,
    jobs: &[Job<'_>],
    generator: &mut dyn Generator,
    seen: &mut dyn FnMut(Result<&Sample, &Failure>) -> ControlFlow<()>,
) -> Result<Generated, EvalError> {
    let mut counts = Generated::default();
    generator.generate(jobs, &mut |job, reply| {
        let (question, sample) = (job.question.to_owned(), job.sample);
        let flow = match reply {
            Ok(reply) => {
                let sample = Sample { question, sample, seed: job.seed, reply };
                run.push(&sample)?;
                counts.drawn += 1;
                seen(Ok(&sample))
            }
            Err(error) => {
                let failure = Failure { question, sample, error };
                run.fail(&failure)?;
                counts.failed += 1;
                seen(Err(&failure))
            }
        };
        counts.is_stopped |= flow.is_break();
        Ok(flow)
    })?;
    run.sync()?;
    Ok(counts)
}
