//! Problems in LiveCodeBench's format: whole programs tested by their output, and functions tested
//! by their results. No file with a stated licence exists, so the user brings a copy.

use std::io::Read;

use serde_json::Value;

use super::{Benchmark, Mark, id, mark};
use crate::code::Tests;
use crate::data::{Row, Table};
use crate::error::EvalError;
use crate::pickle;
use crate::question::{Gold, Question};

pub(super) const BENCHMARK: Benchmark = Benchmark {
    name: "livecodebench",
    title: "LiveCodeBench",
    place: "livecodebench/test.jsonl",
    fields: "question_id, question_content, starter_code, public_test_cases, private_test_cases, \
             metadata, contest_date, difficulty, platform",
    r1_samples: 8,
    hub: None,
    columns: None,
    questions,
    marks: MARKS,
};

/// R1's README: problems of 2024-08 to 2025-01.
const MARKS: &[Mark] = &[
    mark("DeepSeek-R1", 65.9),
    mark("R1-Distill-Llama-70B", 57.5),
    mark("R1-Distill-Qwen-32B", 57.2),
    mark("R1-Distill-Qwen-14B", 53.1),
    mark("R1-Distill-Llama-8B", 39.6),
    mark("R1-Distill-Qwen-7B", 37.6),
    mark("R1-Distill-Qwen-1.5B", 16.9),
];

/// R1's instruction (the paper's second version), for programs that read standard input.
const STREAMS: &str = "Please write a python code to solve the above problem. Your code must read \
                       the inputs from stdin and output the results to stdout.";
/// The runner's sentence for functions, with the same beginning.
const CALLS: &str = "Please write a python code to solve the above problem. You will use the \
                     following starter code to write the solution to the problem and enclose your \
                     code within delimiters.";

/// The longest tests that are unpacked: some problems have a hundred megabytes.
const MAX_TEST_BYTES: u64 = 1 << 30;

fn questions(table: &Table) -> Result<Vec<Question>, EvalError> {
    table.rows.iter().map(question).collect()
}

fn question(row: &Row) -> Result<Question, EvalError> {
    let mut cases = test_cases(row, "public_test_cases")?;
    if row.get(&["private_test_cases"]).is_some() {
        cases.extend(test_cases(row, "private_test_cases")?);
    }
    if cases.is_empty() {
        return Err(row.bad("has no test cases"));
    }
    let starter = row.text_if_any(&["starter_code"]);
    let content = row.text(&["question_content"])?;
    let (prompt, tests) = match function(row)? {
        Some(function) => {
            let starter = starter.unwrap_or_default();
            let prompt = format!("{}\n\n{CALLS}\n```python\n{starter}\n```", content.trim_end());
            (prompt, Tests::Calls { function, cases: calls(row, &cases)? })
        }
        None => (format!("{}\n\n{STREAMS}", content.trim_end()), Tests::Streams { cases }),
    };
    Ok(Question {
        id: id(row, &["question_id"]),
        prompt,
        subject: row.text_if_any(&["platform"]),
        level: row.text_if_any(&["difficulty"]),
        gold: Gold::Program(tests),
    })
}

/// Inputs and outputs: a list, a text that holds one as JSON, or that packed (base64 of zlib of a
/// pickled text), as the private ones are.
fn test_cases(row: &Row, name: &str) -> Result<Vec<(String, String)>, EvalError> {
    let list = match row.field(&[name])? {
        Value::String(text) => match serde_json::from_str(text) {
            Ok(value) => value,
            Err(_) => unpacked(text).map_err(|reason| row.bad(format!("`{name}`: {reason}")))?,
        },
        other => other.clone(),
    };
    let case = |case: &Value| {
        Some((case["input"].as_str()?.to_owned(), case["output"].as_str()?.to_owned()))
    };
    let cases = list.as_array().and_then(|list| list.iter().map(case).collect());
    cases.ok_or_else(|| row.bad(format!("`{name}` is not a list of inputs and outputs")))
}

fn unpacked(text: &str) -> Result<Value, String> {
    use base64::Engine;
    let packed = base64::engine::general_purpose::STANDARD
        .decode(text.trim())
        .map_err(|error| format!("neither JSON nor base64: {error}"))?;
    let mut pickled = Vec::new();
    flate2::read::ZlibDecoder::new(packed.as_slice())
        .take(MAX_TEST_BYTES)
        .read_to_end(&mut pickled)
        .map_err(|error| format!("zlib: {error}"))?;
    let json = pickle::text(&pickled).ok_or("is no pickled text")?;
    serde_json::from_str(json).map_err(|error| error.to_string())
}

/// The function to be written, from the metadata: `{"func_name": …}`.
fn function(row: &Row) -> Result<Option<String>, EvalError> {
    let Some(metadata) = row.get(&["metadata"]) else { return Ok(None) };
    let value = match metadata {
        Value::String(text) => {
            serde_json::from_str(text).map_err(|error| row.bad(format!("`metadata`: {error}")))?
        }
        other => other.clone(),
    };
    Ok(value["func_name"].as_str().map(str::to_owned))
}

/// Arguments are JSON values, one a line.
fn calls(row: &Row, cases: &[(String, String)]) -> Result<Vec<(Vec<Value>, Value)>, EvalError> {
    let bad = |error: serde_json::Error| row.bad(format!("a test case: {error}"));
    let mut calls = Vec::new();
    for (input, output) in cases {
        let lines = input.lines().filter(|line| !line.trim().is_empty());
        let arguments: Result<Vec<Value>, _> = lines.map(serde_json::from_str).collect();
        calls.push((arguments.map_err(bad)?, serde_json::from_str(output).map_err(bad)?));
    }
    Ok(calls)
}
