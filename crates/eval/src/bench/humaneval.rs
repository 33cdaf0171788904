//! HumanEval: 164 Python functions to complete (openai/human-eval). R1's report has HumanEval-Mul,
//! in eight languages; this is the original in Python, asked in one user turn.

use super::{Benchmark, HubFile, id};
use crate::code::Tests;
use crate::data::{Row, Table};
use crate::error::EvalError;
use crate::question::{Gold, Question};

pub(super) const BENCHMARK: Benchmark = Benchmark {
    name: "humaneval",
    title: "HumanEval",
    place: "humaneval/test.jsonl",
    fields: "task_id, prompt, test, entry_point",
    r1_samples: 8,
    hub: Some(HubFile {
        repository: "openai/openai_humaneval",
        file: "openai_humaneval/test-00000-of-00001.parquet",
    }),
    columns: None,
    questions,
    marks: &[],
};

fn questions(table: &Table) -> Result<Vec<Question>, EvalError> {
    table.rows.iter().map(question).collect()
}

fn question(row: &Row) -> Result<Question, EvalError> {
    let (head, entry) = (row.text(&["prompt"])?, row.text(&["entry_point"])?);
    let prompt = format!(
        "Complete the following Python function. Answer with the whole function in one block of \
         code between lines of three backticks.\n\n```python\n{}\n```",
        head.trim_end()
    );
    let code = format!("{}\ncheck({entry})\n", row.text(&["test"])?);
    Ok(Question {
        id: id(row, &["task_id"]),
        prompt,
        subject: None,
        level: None,
        gold: Gold::Program(Tests::Asserts { head, entry: Some(entry), code }),
    })
}
