//! The American Invitational Mathematics Examination: 30 problems a year, answers 0 to 999.

use super::{Benchmark, HubFile, Mark, id, mark};
use crate::data::{Row, Table};
use crate::error::EvalError;
use crate::maths;
use crate::question::{Gold, Question};

pub(super) const AIME_2024: Benchmark = Benchmark {
    name: "aime2024",
    title: "AIME 2024",
    place: "aime/aime2024.jsonl",
    fields: "id, problem, answer",
    r1_samples: 64,
    hub: Some(HubFile {
        repository: "HuggingFaceH4/aime_2024",
        file: "data/train-00000-of-00001.parquet",
    }),
    columns: None,
    questions,
    marks: MARKS_2024,
};

pub(super) const AIME_2025: Benchmark = Benchmark {
    name: "aime2025",
    title: "AIME 2025",
    place: "aime/aime2025.jsonl",
    hub: Some(HubFile {
        repository: "MathArena/aime_2025",
        file: "data/train-00000-of-00001.parquet",
    }),
    marks: MARKS_2025,
    ..AIME_2024
};

/// R1's README and R1-0528's model card; R1's majority vote is from the paper's second version.
const MARKS_2024: &[Mark] = &[
    mark("DeepSeek-R1-0528", 91.4),
    Mark { cons_64: Some(86.7), ..mark("DeepSeek-R1", 79.8) },
    Mark { cons_64: Some(83.3), ..mark("R1-Distill-Qwen-32B", 72.6) },
    Mark { cons_64: Some(86.7), ..mark("R1-Distill-Llama-70B", 70.0) },
    Mark { cons_64: Some(80.0), ..mark("R1-Distill-Qwen-14B", 69.7) },
    Mark { cons_64: Some(83.3), ..mark("R1-Distill-Qwen-7B", 55.5) },
    Mark { cons_64: Some(80.0), ..mark("R1-Distill-Llama-8B", 50.4) },
    Mark { cons_64: Some(52.7), ..mark("R1-Distill-Qwen-1.5B", 28.9) },
];

/// R1-0528's model card.
const MARKS_2025: &[Mark] =
    &[mark("DeepSeek-R1-0528", 87.5), mark("R1-0528-Qwen3-8B", 76.3), mark("DeepSeek-R1", 70.0)];

fn questions(table: &Table) -> Result<Vec<Question>, EvalError> {
    table.rows.iter().map(question).collect()
}

fn question(row: &Row) -> Result<Question, EvalError> {
    let answer = row.text(&["answer"])?;
    // Copies differ in leading zeros: "033" and "33".
    let number: u16 = match answer.trim().parse() {
        Ok(number) if number <= 999 => number,
        _ => return Err(row.bad(format!("`answer` is {answer:?}, not a number from 0 to 999"))),
    };
    Ok(Question {
        id: id(row, &["id", "problem_idx"]),
        prompt: maths::prompt(&row.text(&["problem", "question"])?),
        subject: None,
        level: None,
        gold: Gold::Maths { answer: number.to_string() },
    })
}
