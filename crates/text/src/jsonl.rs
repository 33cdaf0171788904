//! `ponder tokenize --jsonl`: one JSON object a line, in and out.

use std::io::{BufRead, Write};

use serde_json::{Value, json};

use crate::error::TextError;
use crate::tokenizer::{ControlTokens, Tokenizer};

/// Answers one line, `{"text": …}` or `{"ids": […]}`, with `{"ids": […], "text": …}`.
///
/// `text` is always what `ids` decode to. No special tokens are added.
pub fn tokenize_line(
    tokenizer: &Tokenizer,
    line: &str,
    control: ControlTokens,
) -> Result<String, TextError> {
    let bad = |reason: String| TextError::BadInput {
        reason,
        hint: r#"expected {"text": "…"} or {"ids": [1, 2, …]}"#.to_owned(),
    };
    let value: Value = serde_json::from_str(line).map_err(|e| bad(e.to_string()))?;
    let ids = match (value.get("text"), value.get("ids")) {
        (Some(text), None) => {
            let text = text.as_str().ok_or_else(|| bad("`text` is not a string".into()))?;
            tokenizer.encode(text, control)?
        }
        (None, Some(ids)) => {
            let ids = ids.as_array().ok_or_else(|| bad("`ids` is not a list".into()))?;
            ids.iter()
                .map(|id| id.as_u64().and_then(|id| u32::try_from(id).ok()))
                .collect::<Option<Vec<u32>>>()
                .ok_or_else(|| bad("`ids` holds something that is no token id".into()))?
        }
        (Some(_), Some(_)) => return Err(bad("both `text` and `ids` are given".into())),
        (None, None) => return Err(bad("neither `text` nor `ids` is given".into())),
    };
    let text = tokenizer.decode(&ids)?;
    Ok(json!({"ids": ids, "text": text}).to_string())
}

/// Answers every line of `input` on `output`; blank lines are skipped. An error names its line,
/// and the answers before it are written.
pub fn tokenize_lines(
    tokenizer: &Tokenizer,
    input: impl BufRead,
    mut output: impl Write,
    control: ControlTokens,
) -> Result<(), TextError> {
    let mut line_number = 0;
    for line in input.lines() {
        line_number += 1;
        let in_stream = |source| TextError::Stream { line: line_number, source };
        let line = line.map_err(in_stream)?;
        if line.trim().is_empty() {
            continue;
        }
        let answer = tokenize_line(tokenizer, &line, control)
            .map_err(|e| TextError::Line { line: line_number, source: Box::new(e) })?;
        writeln!(output, "{answer}").map_err(in_stream)?;
    }
    output.flush().map_err(|source| TextError::Stream { line: line_number, source })
}
