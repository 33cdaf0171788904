//! IFEval: 541 prompts with instructions that rules can check (google-research). R1's report gives
//! the prompt-level strict figure.

use super::{Benchmark, HubFile, Mark, id, mark};
use crate::data::{Row, Table};
use crate::error::EvalError;
use crate::ifeval::{Instruction, problem};
use crate::question::{Gold, Question};

pub(super) const BENCHMARK: Benchmark = Benchmark {
    name: "ifeval",
    title: "IFEval (prompt strict)",
    place: "ifeval/input_data.jsonl",
    fields: "key, prompt, instruction_id_list, kwargs",
    r1_samples: 1,
    hub: Some(HubFile { repository: "google/IFEval", file: "ifeval_input_data.jsonl" }),
    columns: None,
    questions,
    marks: MARKS,
};

/// R1's README.
const MARKS: &[Mark] = &[mark("DeepSeek-V3", 86.1), mark("DeepSeek-R1", 83.3)];

fn questions(table: &Table) -> Result<Vec<Question>, EvalError> {
    table.rows.iter().map(question).collect()
}

fn question(row: &Row) -> Result<Question, EvalError> {
    let ids = row.texts(&["instruction_id_list"])?;
    let kwargs = row.field(&["kwargs"])?.as_array().filter(|list| list.len() == ids.len());
    let Some(kwargs) = kwargs else {
        return Err(row.bad("`kwargs` is not a list as long as `instruction_id_list`"));
    };
    let mut instructions = Vec::new();
    for (id, kwargs) in ids.iter().zip(kwargs) {
        let kwargs = kwargs.as_object().cloned().unwrap_or_default();
        let instruction = Instruction { id: id.clone(), kwargs };
        if let Some(problem) = problem(&instruction) {
            return Err(row.bad(problem));
        }
        instructions.push(instruction);
    }
    let group = ids[0].split(':').next().unwrap_or_default().to_owned();
    Ok(Question {
        id: id(row, &["key"]),
        prompt: row.text(&["prompt"])?,
        subject: Some(group),
        level: Some(format!("{} instructions", instructions.len())),
        gold: Gold::Instructions { instructions },
    })
}
