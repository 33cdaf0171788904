//! MMLU: 14,042 questions of 57 subjects with four options (hendrycks/test).

use super::{Benchmark, HubFile, Mark, mark};
use crate::choice;
use crate::data::{Row, Table};
use crate::error::EvalError;
use crate::question::{ChoiceRule, Gold, Question};

pub(super) const BENCHMARK: Benchmark = Benchmark {
    name: "mmlu",
    title: "MMLU",
    place: "mmlu/test",
    fields: "question, A, B, C, D, answer, or question, choices, answer, subject",
    r1_samples: 1,
    hub: Some(HubFile { repository: "cais/mmlu", file: "all/test-00000-of-00001.parquet" }),
    columns: Some(&["question", "A", "B", "C", "D", "answer"]),
    questions,
    marks: MARKS,
};

/// R1's README.
const MARKS: &[Mark] = &[mark("DeepSeek-R1", 90.8), mark("DeepSeek-V3", 88.5)];

/// The categories of simple-evals; what is in none of them is "other".
const CATEGORIES: &[(&str, &[&str])] = &[
    (
        "STEM",
        &[
            "abstract_algebra",
            "anatomy",
            "astronomy",
            "college_biology",
            "college_chemistry",
            "college_computer_science",
            "college_mathematics",
            "college_physics",
            "computer_security",
            "conceptual_physics",
            "electrical_engineering",
            "elementary_mathematics",
            "high_school_biology",
            "high_school_chemistry",
            "high_school_computer_science",
            "high_school_mathematics",
            "high_school_physics",
            "high_school_statistics",
            "machine_learning",
        ],
    ),
    (
        "humanities",
        &[
            "formal_logic",
            "high_school_european_history",
            "high_school_us_history",
            "high_school_world_history",
            "international_law",
            "jurisprudence",
            "logical_fallacies",
            "moral_disputes",
            "moral_scenarios",
            "philosophy",
            "prehistory",
            "professional_law",
            "world_religions",
        ],
    ),
    (
        "social sciences",
        &[
            "econometrics",
            "high_school_geography",
            "high_school_government_and_politics",
            "high_school_macroeconomics",
            "high_school_microeconomics",
            "high_school_psychology",
            "human_sexuality",
            "professional_psychology",
            "public_relations",
            "security_studies",
            "sociology",
            "us_foreign_policy",
        ],
    ),
];

fn category(subject: &str) -> &'static str {
    let found = CATEGORIES.iter().find(|(_, subjects)| subjects.contains(&subject));
    found.map_or("other", |(name, _)| name)
}

fn questions(table: &Table) -> Result<Vec<Question>, EvalError> {
    table.rows.iter().map(question).collect()
}

fn question(row: &Row) -> Result<Question, EvalError> {
    let subject = row.text_if_any(&["subject"]).unwrap_or_else(|| {
        let stem = row.path().file_stem().unwrap_or_default().to_string_lossy();
        stem.trim_end_matches("_test").trim_end_matches("_val").trim_end_matches("_dev").to_owned()
    });
    let options = match row.get(&["choices"]) {
        Some(_) => row.texts(&["choices"])?,
        None => ["A", "B", "C", "D"].iter().map(|n| row.text(&[n])).collect::<Result<_, _>>()?,
    };
    let options: [String; 4] =
        options.try_into().map_err(|_| row.bad("there are not four options"))?;
    let answer = row.text(&["answer"])?;
    let letter = match answer.trim() {
        "A" | "0" => 'A',
        "B" | "1" => 'B',
        "C" | "2" => 'C',
        "D" | "3" => 'D',
        other => return Err(row.bad(format!("`answer` is {other:?}, not one of A to D"))),
    };
    Ok(Question {
        id: format!("{subject}/{:04}", row.number()),
        prompt: choice::prompt(&row.text(&["question"])?, &options),
        level: Some(category(&subject).to_owned()),
        subject: Some(subject),
        gold: Gold::Choice { letter, rule: ChoiceRule::Mmlu },
    })
}
