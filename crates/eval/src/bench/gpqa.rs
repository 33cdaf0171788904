//! GPQA-Diamond: 198 questions of doctoral level. Its authors ask that it stay off the plain web,
//! so the user brings their own copy (`gpqa_diamond.csv`).

use ponder_tasks::random::Random;

use super::{Benchmark, Mark, id, mark};
use crate::choice;
use crate::data::{Row, Table};
use crate::error::EvalError;
use crate::question::{ChoiceRule, Gold, Question};

pub(super) const BENCHMARK: Benchmark = Benchmark {
    name: "gpqa",
    title: "GPQA-Diamond",
    place: "gpqa/gpqa_diamond.csv",
    fields: "Question, Correct Answer, Incorrect Answer 1, Incorrect Answer 2, Incorrect Answer 3",
    r1_samples: 64,
    hub: None,
    columns: None,
    questions,
    marks: MARKS,
};

/// R1's README and R1-0528's model card.
const MARKS: &[Mark] = &[
    mark("DeepSeek-R1-0528", 81.0),
    mark("DeepSeek-R1", 71.5),
    mark("R1-Distill-Llama-70B", 65.2),
    mark("R1-Distill-Qwen-32B", 62.1),
    mark("R1-Distill-Qwen-14B", 59.1),
    mark("R1-Distill-Qwen-7B", 49.1),
    mark("R1-Distill-Llama-8B", 49.0),
    mark("R1-Distill-Qwen-1.5B", 33.8),
];

/// The columns of the options, the right one first.
const OPTIONS: [&str; 4] =
    ["Correct Answer", "Incorrect Answer 1", "Incorrect Answer 2", "Incorrect Answer 3"];

fn questions(table: &Table) -> Result<Vec<Question>, EvalError> {
    table.rows.iter().map(question).collect()
}

/// The options stand in an order that depends on the question alone. simple-evals draws its orders
/// from Python's generator; any order that is fixed beforehand asks the same.
fn question(row: &Row) -> Result<Question, EvalError> {
    let text = row.text(&["Question"])?;
    let mut options = Vec::new();
    for name in OPTIONS {
        options.push((name == OPTIONS[0], row.text(&[name])?.trim().to_owned()));
    }
    let mut random = Random::named(0, &text);
    for end in (1..options.len()).rev() {
        options.swap(end, random.below(end as u64 + 1) as usize);
    }
    let place = options.iter().position(|(is_gold, _)| *is_gold).expect("one of four is the gold");
    let texts: Vec<String> = options.into_iter().map(|(_, text)| text).collect();
    Ok(Question {
        id: id(row, &["Record ID"]),
        prompt: choice::prompt(text.trim(), &texts.try_into().expect("four were read")),
        subject: row.text_if_any(&["High-level domain"]),
        level: row.text_if_any(&["Writer's Difficulty Estimate"]),
        gold: Gold::Choice { letter: ['A', 'B', 'C', 'D'][place], rule: ChoiceRule::Gpqa },
    })
}
