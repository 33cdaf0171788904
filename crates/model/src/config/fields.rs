//! Reads values out of a JSON object, each within stated limits, each refused by name.

use std::ops::RangeInclusive;
use std::path::Path;

use serde_json::{Map, Value};

use crate::error::{ModelError, Result};

const HINT_RANGE: &str = "the file is damaged or not a model's config; fetch it again";

/// One JSON object of a config file, with where it stands, for messages.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a> {
    object: &'a Map<String, Value>,
    origin: &'a Path,
    /// Path of the object inside the file, such as `rope_scaling.`, or empty.
    prefix: &'a str,
}

impl<'a> Fields<'a> {
    /// The fields of `value`, which must be an object.
    pub(crate) fn of(value: &'a Value, origin: &'a Path, prefix: &'a str) -> Result<Fields<'a>> {
        match value {
            Value::Object(object) => Ok(Fields { object, origin, prefix }),
            other => Err(ModelError::Config {
                path: origin.to_owned(),
                field: if prefix.is_empty() { "config" } else { prefix.trim_end_matches('.') }
                    .into(),
                found: shown(other),
                expected: "a JSON object".into(),
                hint: HINT_RANGE,
            }),
        }
    }

    /// The value under `key`, with JSON null counting as absent.
    pub(crate) fn get(&self, key: &str) -> Option<&'a Value> {
        self.object.get(key).filter(|v| !v.is_null())
    }

    /// An object under `key`.
    pub(crate) fn object(&self, key: &str, prefix: &'a str) -> Result<Option<Fields<'a>>> {
        self.get(key).map(|v| Fields::of(v, self.origin, prefix)).transpose()
    }

    /// An error about `key`.
    pub(crate) fn refuse(&self, key: &str, expected: &str, hint: &'static str) -> ModelError {
        let found = self.object.get(key).map_or("absent".into(), shown);
        self.refuse_found(key, found, expected, hint)
    }

    /// An error about `key` whose value is the result of some arithmetic.
    pub(crate) fn refuse_found(
        &self,
        key: &str,
        found: String,
        expected: &str,
        hint: &'static str,
    ) -> ModelError {
        ModelError::Config {
            path: self.origin.to_owned(),
            field: format!("{}{key}", self.prefix),
            found,
            expected: expected.into(),
            hint,
        }
    }

    /// A whole number that must be there.
    pub(crate) fn count(&self, key: &str, range: RangeInclusive<usize>) -> Result<usize> {
        self.optional_count(key, range.clone())?.ok_or_else(|| {
            let expected = format!("a whole number from {} to {}", range.start(), range.end());
            self.refuse(key, &expected, "the config lacks a value that this architecture needs")
        })
    }

    /// A whole number that may be absent or null.
    pub(crate) fn optional_count(
        &self,
        key: &str,
        range: RangeInclusive<usize>,
    ) -> Result<Option<usize>> {
        let Some(value) = self.get(key) else { return Ok(None) };
        // Python writers sometimes store counts as floats (`40.0`): accept whole ones.
        let whole = value.as_u64().or_else(|| {
            value.as_f64().filter(|f| f.fract() == 0.0 && (0.0..9e15).contains(f)).map(|f| f as u64)
        });
        match whole.and_then(|n| usize::try_from(n).ok()).filter(|n| range.contains(n)) {
            Some(n) => Ok(Some(n)),
            None => {
                let expected = format!("a whole number from {} to {}", range.start(), range.end());
                Err(self.refuse(key, &expected, HINT_RANGE))
            }
        }
    }

    /// A number that may be absent or null.
    pub(crate) fn optional_number(
        &self,
        key: &str,
        range: RangeInclusive<f64>,
    ) -> Result<Option<f64>> {
        let Some(value) = self.get(key) else { return Ok(None) };
        match value.as_f64().filter(|f| range.contains(f)) {
            Some(f) => Ok(Some(f)),
            None => {
                let expected = format!("a number from {} to {}", range.start(), range.end());
                Err(self.refuse(key, &expected, HINT_RANGE))
            }
        }
    }

    /// A number that must be there.
    pub(crate) fn number(&self, key: &str, range: RangeInclusive<f64>) -> Result<f64> {
        self.optional_number(key, range.clone())?.ok_or_else(|| {
            let expected = format!("a number from {} to {}", range.start(), range.end());
            self.refuse(key, &expected, "the config lacks a value that this architecture needs")
        })
    }

    /// A truth value that may be absent or null.
    pub(crate) fn flag(&self, key: &str) -> Result<Option<bool>> {
        let Some(value) = self.get(key) else { return Ok(None) };
        value.as_bool().map(Some).ok_or_else(|| self.refuse(key, "true or false", HINT_RANGE))
    }

    /// A text that may be absent or null.
    pub(crate) fn text(&self, key: &str) -> Result<Option<&'a str>> {
        let Some(value) = self.get(key) else { return Ok(None) };
        value.as_str().map(Some).ok_or_else(|| self.refuse(key, "a string", HINT_RANGE))
    }

    /// Refuses every text under `key` but `allowed`; absent or null is accepted.
    pub(crate) fn only(&self, key: &str, allowed: &str, hint: &'static str) -> Result<()> {
        match self.text(key)? {
            Some(found) if found != allowed => {
                Err(self.refuse(key, &format!("\"{allowed}\""), hint))
            }
            _ => Ok(()),
        }
    }

    /// Refuses `true` under `key`; absent, null and false are accepted.
    pub(crate) fn not_set(&self, key: &str, hint: &'static str) -> Result<()> {
        match self.flag(key)? {
            Some(true) => Err(self.refuse(key, "false", hint)),
            _ => Ok(()),
        }
    }

    /// A token id, or a list of them, each below `vocab_size`; absent or null is an empty list.
    pub(crate) fn token_ids(&self, key: &str, vocab_size: usize) -> Result<Vec<u32>> {
        let values = match self.get(key) {
            None => return Ok(Vec::new()),
            Some(Value::Array(values)) => values.as_slice(),
            Some(value) => std::slice::from_ref(value),
        };
        let id = |v: &Value| v.as_u64().filter(|id| *id < vocab_size as u64).map(|id| id as u32);
        values.iter().map(id).collect::<Option<_>>().ok_or_else(|| {
            let expected = format!("token ids below the vocab_size {vocab_size}");
            self.refuse(key, &expected, "the config does not fit its own vocabulary")
        })
    }
}

/// A JSON value, cut so that a message stays one line.
fn shown(value: &Value) -> String {
    let mut text = value.to_string();
    if let Some((cut, _)) = text.char_indices().nth(60) {
        text.truncate(cut);
        text.push('…');
    }
    text
}
