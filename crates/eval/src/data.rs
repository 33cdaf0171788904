//! Benchmarks as they lie on disk: JSON Lines, a JSON array, CSV or Parquet, read into rows of named fields.

mod columns;

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::error::{EvalError, at, bad_data};

/// The largest file that is read: over ten times the largest benchmark that is published as one.
const MAX_BYTES: u64 = 8 << 30;

/// The endings of files that are read.
pub const EXTENSIONS: &[&str] = &["jsonl", "ndjson", "json", "csv", "parquet"];

const FORMATS: &str =
    "benchmarks are read from .jsonl, .json (an array of objects), .csv and .parquet";

/// The rows of one or more files.
#[derive(Debug)]
pub struct Table {
    /// The rows in the order of the files.
    pub rows: Vec<Row>,
    /// SHA-256 of the files' bytes, one file after the other.
    pub sha256: String,
}

/// One record.
#[derive(Debug)]
pub struct Row {
    /// Its file.
    path: PathBuf,
    /// Its place in the file, from 1.
    number: usize,
    fields: Map<String, Value>,
}

/// Reads files in the order given. `columns` names the fields of a CSV file without a header row.
pub fn read(paths: &[PathBuf], columns: Option<&[&str]>) -> Result<Table, EvalError> {
    let mut hash = Sha256::new();
    let mut rows = Vec::new();
    for path in paths {
        let length = path.metadata().map_err(at(path))?.len();
        if length > MAX_BYTES {
            let hint = "split the file, and give one part at a time";
            return Err(bad_data(path, format!("has {length} bytes; at most {MAX_BYTES}"), hint));
        }
        let bytes = std::fs::read(path).map_err(at(path))?;
        hash.update(&bytes);
        let records = match extension(path).as_str() {
            "jsonl" | "ndjson" => json_lines(path, &bytes)?,
            "json" => json_array(path, &bytes)?,
            "csv" => delimited(path, &bytes, columns)?,
            "parquet" => columns::parquet(path, &bytes)?,
            other => return Err(bad_data(path, format!("`.{other}` is not read"), FORMATS)),
        };
        let numbered = records.into_iter().zip(1..);
        rows.extend(numbered.map(|(fields, number)| Row { path: path.clone(), number, fields }));
    }
    Ok(Table { rows, sha256: hex(&hash.finalize()) })
}

/// Bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn extension(path: &Path) -> String {
    path.extension().map(|text| text.to_string_lossy().to_lowercase()).unwrap_or_default()
}

fn json_lines(path: &Path, bytes: &[u8]) -> Result<Vec<Map<String, Value>>, EvalError> {
    let text = utf8(path, bytes)?;
    let mut records = Vec::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        match serde_json::from_str(line) {
            Ok(Value::Object(fields)) => records.push(fields),
            Ok(_) => return Err(bad_line(path, index, "is not a JSON object")),
            Err(error) => return Err(bad_line(path, index, &error.to_string())),
        }
    }
    Ok(records)
}

fn bad_line(path: &Path, index: usize, what: &str) -> EvalError {
    bad_data(path, format!("line {}: {what}", index + 1), "a .jsonl file has one object a line")
}

fn json_array(path: &Path, bytes: &[u8]) -> Result<Vec<Map<String, Value>>, EvalError> {
    serde_json::from_slice(bytes).map_err(|error| bad_data(path, error.to_string(), FORMATS))
}

fn delimited(
    path: &Path,
    bytes: &[u8],
    columns: Option<&[&str]>,
) -> Result<Vec<Map<String, Value>>, EvalError> {
    let bad = |error: csv::Error| bad_data(path, error.to_string(), FORMATS);
    let mut reader =
        csv::ReaderBuilder::new().has_headers(columns.is_none()).flexible(false).from_reader(bytes);
    let names: Vec<String> = match columns {
        Some(columns) => columns.iter().map(|name| (*name).to_owned()).collect(),
        None => reader.headers().map_err(bad)?.iter().map(|name| name.trim().to_owned()).collect(),
    };
    let mut records = Vec::new();
    for record in reader.records() {
        let record = record.map_err(bad)?;
        if record.len() != names.len() {
            let what = format!("row {}: {} fields", records.len() + 1, record.len());
            return Err(bad_data(path, what, format!("expected {}", names.join(", "))));
        }
        let values = record.iter().map(Value::from);
        records.push(names.iter().cloned().zip(values).collect());
    }
    Ok(records)
}

fn utf8<'b>(path: &Path, bytes: &'b [u8]) -> Result<&'b str, EvalError> {
    std::str::from_utf8(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)).map_err(|error| {
        let what = format!("byte {} is not UTF-8", error.valid_up_to());
        bad_data(path, what, "convert the file to UTF-8")
    })
}

impl Row {
    /// The file it came from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its place in the file, from 1.
    pub fn number(&self) -> usize {
        self.number
    }

    /// The first field that has one of `names`; copies of a benchmark differ in case only.
    pub fn get(&self, names: &[&str]) -> Option<&Value> {
        names.iter().find_map(|name| {
            self.fields.get(*name).or_else(|| {
                let found = self.fields.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
                found.map(|(_, value)| value)
            })
        })
    }

    /// The same, which must be there.
    pub fn field(&self, names: &[&str]) -> Result<&Value, EvalError> {
        self.get(names).ok_or_else(|| {
            let keys: Vec<&str> = self.fields.keys().map(String::as_str).collect();
            self.bad(format!("has no `{}`, only {}", names[0], keys.join(", ")))
        })
    }

    /// A text, or a number as text.
    pub fn text(&self, names: &[&str]) -> Result<String, EvalError> {
        match self.field(names)? {
            Value::String(text) => Ok(text.clone()),
            Value::Number(number) => Ok(number.to_string()),
            _ => Err(self.bad(format!("`{}` is not a text", names[0]))),
        }
    }

    /// A text that may be missing.
    pub fn text_if_any(&self, names: &[&str]) -> Option<String> {
        self.get(names).and(self.text(names).ok()).filter(|text| !text.trim().is_empty())
    }

    /// A list of texts.
    pub fn texts(&self, names: &[&str]) -> Result<Vec<String>, EvalError> {
        let list = self.field(names)?.as_array().and_then(|list| {
            list.iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
        });
        list.ok_or_else(|| self.bad(format!("`{}` is not a list of texts", names[0])))
    }

    /// An error about this record.
    pub fn bad(&self, what: impl std::fmt::Display) -> EvalError {
        let hint = "this may be another benchmark's file: `ponder eval list` shows the fields";
        bad_data(&self.path, format!("record {}: {what}", self.number), hint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(name: &str, text: &str) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        (dir, path)
    }

    #[test]
    fn every_format_gives_the_same_rows() {
        let files = [
            (
                "a.jsonl",
                "{\"Problem\":\"p\\n1\",\"answer\":7}\n\n{\"Problem\":\"q\",\"answer\":8}\n",
            ),
            ("a.json", "[{\"Problem\":\"p\\n1\",\"answer\":7},{\"Problem\":\"q\",\"answer\":8}]"),
            ("a.csv", "Problem,answer\n\"p\n1\",7\nq,8\n"),
        ];
        for (name, text) in files {
            let (_dir, path) = write(name, text);
            let table = read(&[path], None).unwrap();
            let read: Vec<_> = table
                .rows
                .iter()
                .map(|row| (row.text(&["problem"]).unwrap(), row.text(&["answer"]).unwrap()))
                .collect();
            assert_eq!(read, [("p\n1".into(), "7".into()), ("q".into(), "8".into())], "{name}");
        }
    }

    #[test]
    fn bad_files_are_named_with_the_place() {
        let cases = [
            ("a.jsonl", "{}\n[1]\n", "line 2"),
            ("a.jsonl", "{}\n{\n", "line 2"),
            ("a.jsonl", "\u{1}", "line 1"),
            ("a.csv", "a,b\n1,2,3\n", "record 1"),
            ("a.json", "{}", "a.json"),
            ("a.txt", "", "`.txt` is not read"),
        ];
        for (name, text, want) in cases {
            let (_dir, path) = write(name, text);
            let error = read(&[path], None).unwrap_err().to_string();
            assert!(error.contains(want) && error.contains("\nhint: "), "{name} {text:?}: {error}");
        }
        let (_dir, path) = write("a.jsonl", "{\"a\":[1]}");
        let table = read(&[path], None).unwrap();
        let error = table.rows[0].text(&["problem"]).unwrap_err().to_string();
        assert!(error.contains("record 1: has no `problem`, only a"), "{error}");
        assert!(table.rows[0].text(&["a"]).is_err() && table.rows[0].texts(&["a"]).is_err());
    }
}
