//! The benchmarks, one file each, and the table of them.

mod aime;
mod gpqa;
mod gsm8k;
mod humaneval;
mod ifeval;
mod livecodebench;
mod math500;
mod mbpp;
mod mmlu;

use std::path::{Path, PathBuf};

use crate::data::{self, Row, Table};
use crate::error::{EvalError, bad_data, usage};
use crate::question::Question;

/// A published benchmark.
#[derive(Debug)]
pub struct Benchmark {
    /// The name on the command line.
    pub name: &'static str,
    /// The name in reports.
    pub title: &'static str,
    /// Where its data lies below a folder of benchmarks: a file, or a folder of files.
    pub place: &'static str,
    /// The fields of its records, for messages.
    pub fields: &'static str,
    /// Samples a question in DeepSeek's evaluation of R1 (R1's paper, second version, appendix).
    pub r1_samples: usize,
    /// Where a hub has the data in one file.
    pub hub: Option<HubFile>,
    /// Column names of CSV files that have no header row.
    pub columns: Option<&'static [&'static str]>,
    /// Makes questions of the rows.
    pub questions: fn(&Table) -> Result<Vec<Question>, EvalError>,
    /// Published scores.
    pub marks: &'static [Mark],
}

/// A file of a data set on the hub.
#[derive(Clone, Copy, Debug)]
pub struct HubFile {
    /// OWNER/NAME.
    pub repository: &'static str,
    /// Its path there.
    pub file: &'static str,
}

/// A published score in percent.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    /// Whose.
    pub model: &'static str,
    /// pass@1.
    pub pass_1: f64,
    /// Majority vote over 64 samples.
    pub cons_64: Option<f64>,
}

/// Questions with the hash of the data they came from.
#[derive(Debug)]
pub struct Loaded {
    /// The questions in the order of the data.
    pub questions: Vec<Question>,
    /// SHA-256 of the files.
    pub data_sha256: String,
}

/// Every benchmark, in the order of `ponder eval list`.
pub fn all() -> &'static [&'static Benchmark] {
    &[
        &math500::BENCHMARK,
        &aime::AIME_2024,
        &aime::AIME_2025,
        &gsm8k::BENCHMARK,
        &mmlu::BENCHMARK,
        &gpqa::BENCHMARK,
        &ifeval::BENCHMARK,
        &humaneval::BENCHMARK,
        &mbpp::BENCHMARK,
        &livecodebench::BENCHMARK,
    ]
}

/// The benchmark of this name.
pub fn find(name: &str) -> Option<&'static Benchmark> {
    all().iter().copied().find(|benchmark| benchmark.name == name)
}

impl Benchmark {
    /// Reads the questions from `path`: its file, a folder of its files, or a folder of benchmarks.
    pub fn load(&self, path: &Path) -> Result<Loaded, EvalError> {
        let files = self.files(path)?;
        // A file that states its columns is believed; MMLU's own have no header row.
        let has_header = files.first().is_some_and(|file| starts_with_header(file));
        let table = data::read(&files, self.columns.filter(|_| !has_header))?;
        let questions = (self.questions)(&table)?;
        let Some(first) = files.first().filter(|_| !questions.is_empty()) else {
            return Err(bad_data(path, "has no records", self.hint()));
        };
        let mut ids: Vec<&str> = questions.iter().map(|question| question.id.as_str()).collect();
        ids.sort_unstable();
        if let Some(pair) = ids.windows(2).find(|pair| pair[0] == pair[1]) {
            let what = format!("two records have the id `{}`", pair[0]);
            return Err(bad_data(first, what, "every question needs an id of its own"));
        }
        Ok(Loaded { questions, data_sha256: table.sha256 })
    }

    /// Whether `path` holds data that could be the benchmark's.
    pub fn is_in(&self, path: &Path) -> bool {
        self.files(path).is_ok()
    }

    /// The files meant by `path`, in the order of their names.
    fn files(&self, path: &Path) -> Result<Vec<PathBuf>, EvalError> {
        if path.is_file() {
            return Ok(vec![path.to_owned()]);
        }
        if !path.is_dir() {
            return Err(bad_data(path, "no such file or folder", self.hint()));
        }
        let place = path.join(self.place);
        if place.is_file() {
            return Ok(vec![place]);
        }
        // A folder of benchmarks holds others besides; a folder of its own holds only its files.
        let folder = if place.is_dir() { place } else { path.to_owned() };
        let files = data_files(&folder)?;
        if files.is_empty() {
            let what = format!("holds neither {} nor data files of its own", self.place);
            return Err(bad_data(path, what, self.hint()));
        }
        Ok(files)
    }

    fn hint(&self) -> String {
        let named = format!(
            "`--data PATH` names the file of {}, with the fields {}",
            self.title, self.fields
        );
        match self.hub {
            Some(hub) => format!("{named}; `--pull` fetches it from {}", hub.repository),
            None => format!("{named}; it is not fetched: get it from its authors"),
        }
    }
}

fn data_files(folder: &Path) -> Result<Vec<PathBuf>, EvalError> {
    let entries = folder.read_dir().map_err(crate::error::at(folder))?;
    let is_data = |path: &PathBuf| {
        let extension = path.extension().map(|e| e.to_string_lossy().to_lowercase());
        path.is_file() && extension.is_some_and(|e| data::EXTENSIONS.contains(&e.as_str()))
    };
    let mut files: Vec<PathBuf> =
        entries.flatten().map(|entry| entry.path()).filter(is_data).collect();
    files.sort();
    Ok(files)
}

/// Whether a CSV file's first row names a question: then it is a header.
fn starts_with_header(path: &Path) -> bool {
    use std::io::{BufRead, BufReader};
    let Ok(file) = std::fs::File::open(path) else { return false };
    let mut line = String::new();
    let is_read = BufReader::new(file).read_line(&mut line).is_ok();
    is_read
        && line
            .split(',')
            .any(|name| name.trim().trim_matches('"').eq_ignore_ascii_case("question"))
}

/// The benchmark of this name, or what there is instead.
pub fn find_or_list(name: &str) -> Result<&'static Benchmark, EvalError> {
    find(name).ok_or_else(|| {
        let names: Vec<&str> = all().iter().map(|benchmark| benchmark.name).collect();
        let hint = format!(
            "there are {}, `own` for all of Ponder's tasks, and each task by its name; \
             `ponder eval list` shows them",
            names.join(", ")
        );
        usage(format!("there is no benchmark `{name}`"), hint)
    })
}

/// The id that a record states, else its place in the data, in four digits.
fn id(row: &Row, names: &[&str]) -> String {
    row.text_if_any(names).unwrap_or_else(|| format!("{:04}", row.number()))
}

/// Published marks of R1 and its distilled models: pass@1 (and cons@64) in the order of R1's README.
const fn mark(model: &'static str, pass_1: f64) -> Mark {
    Mark { model, pass_1, cons_64: None }
}

#[cfg(test)]
mod tests;
