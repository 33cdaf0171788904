//! MBPP, the sanitized test split: 257 short Python problems (google-research). R1 does not report
//! it.

use super::{Benchmark, HubFile, id};
use crate::code::Tests;
use crate::data::{Row, Table};
use crate::error::EvalError;
use crate::question::{Gold, Question};

pub(super) const BENCHMARK: Benchmark = Benchmark {
    name: "mbpp",
    title: "MBPP (sanitized)",
    place: "mbpp/sanitized_test.jsonl",
    fields: "prompt, test_list, test_imports",
    r1_samples: 8,
    hub: Some(HubFile {
        repository: "google-research-datasets/mbpp",
        file: "sanitized/test-00000-of-00001.parquet",
    }),
    columns: None,
    questions,
    marks: &[],
};

fn questions(table: &Table) -> Result<Vec<Question>, EvalError> {
    table.rows.iter().map(question).collect()
}

fn question(row: &Row) -> Result<Question, EvalError> {
    let tests = row.texts(&["test_list"])?;
    let imports = match row.get(&["test_imports"]) {
        Some(_) => row.texts(&["test_imports"])?,
        None => Vec::new(),
    };
    let prompt = format!(
        "{}\nYour code should pass these tests:\n\n{}\n\nAnswer with one block of Python code between \
         lines of three backticks.",
        row.text(&["prompt", "text"])?.trim_end(),
        tests.join("\n")
    );
    let code = format!("{}\n{}\n", imports.join("\n"), tests.join("\n"));
    Ok(Question {
        id: id(row, &["task_id"]),
        prompt,
        subject: None,
        level: None,
        gold: Gold::Program(Tests::Asserts { head: String::new(), entry: None, code }),
    })
}
