//! MATH-500: 500 problems of the MATH test split (openai/prm800k, `math_splits/test.jsonl`).

use super::{Benchmark, HubFile, Mark, id, mark};
use crate::data::{Row, Table};
use crate::error::EvalError;
use crate::maths;
use crate::question::{Gold, Question};

pub(super) const BENCHMARK: Benchmark = Benchmark {
    name: "math500",
    title: "MATH-500",
    place: "math500/test.jsonl",
    fields: "problem, answer, subject, level, unique_id",
    r1_samples: 16,
    hub: Some(HubFile { repository: "HuggingFaceH4/MATH-500", file: "test.jsonl" }),
    columns: None,
    questions,
    marks: MARKS,
};

/// R1's README, "DeepSeek-R1-Evaluation" and "Distilled Model Evaluation".
const MARKS: &[Mark] = &[
    mark("DeepSeek-R1", 97.3),
    mark("R1-Distill-Llama-70B", 94.5),
    mark("R1-Distill-Qwen-32B", 94.3),
    mark("R1-Distill-Qwen-14B", 93.9),
    mark("R1-Distill-Qwen-7B", 92.8),
    mark("R1-Distill-Llama-8B", 89.1),
    mark("R1-Distill-Qwen-1.5B", 83.9),
];

fn questions(table: &Table) -> Result<Vec<Question>, EvalError> {
    table.rows.iter().map(question).collect()
}

fn question(row: &Row) -> Result<Question, EvalError> {
    Ok(Question {
        id: id(row, &["unique_id", "id"]),
        prompt: maths::prompt(&row.text(&["problem", "question"])?),
        subject: row.text_if_any(&["subject", "type"]),
        level: row.text_if_any(&["level"]),
        gold: Gold::Maths { answer: row.text(&["answer"])? },
    })
}
