//! GSM8K: 1,319 word problems for schools (openai/grade-school-math). R1 does not report it; it is
//! asked like the other mathematics here.

use super::{Benchmark, HubFile, Mark, id, mark};
use crate::data::{Row, Table};
use crate::error::EvalError;
use crate::maths;
use crate::question::{Gold, Question};

pub(super) const BENCHMARK: Benchmark = Benchmark {
    name: "gsm8k",
    title: "GSM8K",
    place: "gsm8k/test.jsonl",
    fields: "question, answer (ending in `#### N`)",
    r1_samples: 4,
    hub: Some(HubFile { repository: "openai/gsm8k", file: "main/test-00000-of-00001.parquet" }),
    columns: None,
    questions,
    marks: MARKS,
};

/// Measured by NVIDIA on R1's FP8 checkpoint; DeepSeek publishes none.
const MARKS: &[Mark] = &[mark("DeepSeek-R1 (NVIDIA's measurement)", 96.3)];

fn questions(table: &Table) -> Result<Vec<Question>, EvalError> {
    table.rows.iter().map(question).collect()
}

fn question(row: &Row) -> Result<Question, EvalError> {
    let solution = row.text(&["answer"])?;
    let Some((_, answer)) = solution.rsplit_once("####") else {
        return Err(row.bad("`answer` does not end in `#### N`"));
    };
    Ok(Question {
        id: id(row, &["id"]),
        prompt: maths::prompt(&row.text(&["question"])?),
        subject: None,
        level: None,
        gold: Gold::Maths { answer: answer.trim().replace(',', "") },
    })
}
