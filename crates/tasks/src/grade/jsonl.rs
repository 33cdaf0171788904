//! One line of JSON in, one line of JSON out: the machine-readable face of the grader.

use serde_json::{Map, Value, json};

use super::policy::Policy;
use super::{Verdict, grade};

/// Why a line could not be graded.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// Not JSON.
    #[error(
        "not a JSON object: {0}\nhint: each line is {{\"gold\": \"...\", \"answer\": \"...\"}}"
    )]
    Json(#[from] serde_json::Error),
    /// A field is missing, or neither text nor a number.
    #[error(
        "field `{0}` is {1}, expected text or a number\nhint: each line is {{\"gold\": \"...\", \"answer\": \"...\"}}"
    )]
    Field(&'static str, &'static str),
}

/// Grades one `{"gold", "answer"}` line; the result is
/// `{"verdict", "reason", "gold_parsed", "answer_parsed"}` without a line break.
pub fn grade_line(line: &str, policy: &Policy) -> Result<String, LineError> {
    let object: Map<String, Value> = serde_json::from_str(line)?;
    let gold = field(&object, "gold")?;
    let answer = field(&object, "answer")?;
    let judgement = grade(&gold, &answer, policy);
    let output = json!({
        "verdict": match judgement.verdict {
            Verdict::Equal => "equal",
            Verdict::Different => "different",
            Verdict::Undecided => "undecided",
        },
        "reason": judgement.reason,
        "gold_parsed": judgement.gold_parsed,
        "answer_parsed": judgement.answer_parsed,
    });
    Ok(output.to_string())
}

fn field(object: &Map<String, Value>, name: &'static str) -> Result<String, LineError> {
    match object.get(name) {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(Value::Number(number)) => Ok(number.to_string()),
        Some(Value::Null) => Err(LineError::Field(name, "null")),
        Some(_) => Err(LineError::Field(name, "of another type")),
        None => Err(LineError::Field(name, "missing")),
    }
}
