//! The folder of a run: `manifest.json`, `questions.jsonl`, `samples.jsonl` as they come,
//! `failures.jsonl`, and `scores.jsonl`, which can be made anew from the others at any time.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::{Deserialize, Serialize};

use crate::code::Judge;
use crate::error::{EvalError, at, bad_data, usage};
use crate::log::{self, Log};
use crate::manifest::{Manifest, questions_sha256};
use crate::question::{Gold, Question};
use crate::sample::Sample;
use crate::score::{Score, score};

const MANIFEST: &str = "manifest.json";
const QUESTIONS: &str = "questions.jsonl";
const SAMPLES: &str = "samples.jsonl";
const FAILURES: &str = "failures.jsonl";
const SCORES: &str = "scores.jsonl";

/// A run that is being generated.
#[derive(Debug)]
pub struct OpenRun {
    dir: PathBuf,
    samples: Log,
    failures: Log,
    done: HashSet<(String, usize)>,
}

/// A run as it stands on disk.
#[derive(Debug)]
pub struct Run {
    /// Its folder.
    pub dir: PathBuf,
    /// What it was.
    pub manifest: Manifest,
    /// Its questions.
    pub questions: Vec<Question>,
    /// The samples of each question, in the order of their numbers.
    pub samples: Vec<Vec<Sample>>,
    /// Requests that failed and were not made good since.
    pub failures: Vec<Failure>,
}

/// A sample that could not be had.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// The question's id.
    pub question: String,
    /// The sample's number.
    pub sample: usize,
    /// Why, in the endpoint's or the engine's words.
    pub error: String,
}

/// A line of `scores.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScoreLine {
    /// The question's id.
    pub question: String,
    /// The sample's number.
    pub sample: usize,
    /// The verdict.
    #[serde(flatten)]
    pub score: Score,
}

impl OpenRun {
    /// Begins a run in `dir`, or goes on with the one that is there if its settings are the same.
    pub fn open(
        dir: &Path,
        manifest: &Manifest,
        questions: &[Question],
    ) -> Result<OpenRun, EvalError> {
        std::fs::create_dir_all(dir).map_err(at(dir))?;
        // The lock comes first: two processes that begin at once must not both write a manifest.
        let (samples, old) = Log::open::<Sample>(&dir.join(SAMPLES))?;
        let path = dir.join(MANIFEST);
        match Manifest::read(&path)? {
            Some(there) if there.settings != manifest.settings => {
                let fields = there.settings.differences(&manifest.settings).join(", ");
                let hint = "give another --out, or the settings that this run was begun with";
                return Err(bad_data(
                    &path,
                    format!("this run was begun with other {fields}"),
                    hint,
                ));
            }
            Some(_) => {}
            None => {
                log::replace(&dir.join(QUESTIONS), questions)?;
                manifest.write(&path)?;
            }
        }
        let (failures, _) = Log::open::<Failure>(&dir.join(FAILURES))?;
        let done = old.into_iter().map(|sample| (sample.question, sample.sample)).collect();
        Ok(OpenRun { dir: dir.to_owned(), samples, failures, done })
    }

    /// Its folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Samples that are there.
    pub fn n_done(&self) -> usize {
        self.done.len()
    }

    /// Whether a sample is there.
    pub fn has(&self, question: &str, sample: usize) -> bool {
        self.done.contains(&(question.to_owned(), sample))
    }

    /// Keeps a sample. One that is there already is left as it is.
    pub fn push(&mut self, sample: &Sample) -> Result<(), EvalError> {
        if self.done.insert((sample.question.clone(), sample.sample)) {
            self.samples.push(sample)?;
        }
        Ok(())
    }

    /// Notes a sample that could not be had; the next run of the same command tries it again.
    pub fn fail(&mut self, failure: &Failure) -> Result<(), EvalError> {
        self.failures.push(failure)
    }

    /// Waits until everything is on disk.
    pub fn sync(&self) -> Result<(), EvalError> {
        self.samples.sync()
    }
}

impl Run {
    /// Reads a run, finished or not.
    pub fn read(dir: &Path) -> Result<Run, EvalError> {
        let Some(manifest) = Manifest::read(&dir.join(MANIFEST))? else {
            let what = format!("{}: there is no {MANIFEST}", dir.display());
            return Err(usage(what, "give the folder of a run, as `ponder eval` printed it"));
        };
        let questions: Vec<Question> = log::read(&dir.join(QUESTIONS))?;
        if questions_sha256(&questions) != manifest.settings.questions_sha256 {
            let hint = "the questions were edited after the run: generate again";
            return Err(bad_data(&dir.join(QUESTIONS), "does not fit the manifest's hash", hint));
        }
        let places: HashMap<&str, usize> =
            questions.iter().enumerate().map(|(place, q)| (q.id.as_str(), place)).collect();
        let mut samples: Vec<Vec<Sample>> = questions.iter().map(|_| Vec::new()).collect();
        let mut seen = HashSet::new();
        for sample in log::read::<Sample>(&dir.join(SAMPLES))? {
            let Some(place) = places.get(sample.question.as_str()) else {
                let what = format!("has a sample of `{}`, which is no question", sample.question);
                return Err(bad_data(&dir.join(SAMPLES), what, "remove that line"));
            };
            if seen.insert((*place, sample.sample)) {
                samples[*place].push(sample);
            }
        }
        samples.iter_mut().for_each(|list| list.sort_by_key(|sample| sample.sample));
        let mut failures: Vec<Failure> = log::read(&dir.join(FAILURES))?;
        failures.retain(|f| {
            places.get(f.question.as_str()).is_some_and(|place| !seen.contains(&(*place, f.sample)))
        });
        Ok(Run { dir: dir.to_owned(), manifest, questions, samples, failures })
    }

    /// Whether a program has to be run to judge this run.
    pub fn needs_judge(&self) -> bool {
        self.questions.iter().any(|question| matches!(question.gold, Gold::Program(_)))
    }

    /// Judges every sample on `threads` threads and writes `scores.jsonl`. Returns the scores, in
    /// the order of [`Run::samples`]. `judged` is told of each one.
    pub fn score(
        &self,
        judge: Option<&Judge>,
        threads: usize,
        judged: &(dyn Fn() + Sync),
    ) -> Result<Vec<Vec<Score>>, EvalError> {
        let places: Vec<(usize, usize)> = self
            .samples
            .iter()
            .enumerate()
            .flat_map(|(question, samples)| {
                (0..samples.len()).map(move |sample| (question, sample))
            })
            .collect();
        let next = AtomicUsize::new(0);
        let work = || -> Result<Vec<(usize, Score)>, EvalError> {
            let mut done = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let Some((question, sample)) = places.get(number) else { return Ok(done) };
                let sample = &self.samples[*question][*sample];
                done.push((number, score(&self.questions[*question], sample, judge)?));
                judged();
            }
        };
        let parts: Result<Vec<_>, EvalError> = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(work)).collect();
            workers.into_iter().map(|worker| worker.join().expect("judges do not panic")).collect()
        });
        let mut all: Vec<(usize, Score)> = parts?.into_iter().flatten().collect();
        all.sort_by_key(|(number, _)| *number);
        let mut scores: Vec<Vec<Score>> = self.samples.iter().map(|_| Vec::new()).collect();
        for (number, score) in all {
            scores[places[number].0].push(score);
        }
        self.write_scores(&scores)?;
        Ok(scores)
    }

    fn write_scores(&self, scores: &[Vec<Score>]) -> Result<(), EvalError> {
        let pairs = self.samples.iter().flatten().zip(scores.iter().flatten());
        let lines: Vec<ScoreLine> = pairs
            .map(|(sample, score)| ScoreLine {
                question: sample.question.clone(),
                sample: sample.sample,
                score: score.clone(),
            })
            .collect();
        log::replace(&self.dir.join(SCORES), &lines)
    }
}
