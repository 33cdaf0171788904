//! Reads the fields of a request one by one, with the name of the field in every complaint, and
//! refuses at the end what nobody has read.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use crate::error::ApiError;

/// The fields of a JSON object.
pub struct Fields {
    map: Map<String, Value>,
    /// Where the object stands in the request: empty, or like `tools[0].function`.
    path: String,
}

impl Fields {
    /// The fields of `value`, which stands at `path`.
    pub fn new(value: Value, path: impl Into<String>) -> Result<Fields, ApiError> {
        let path = path.into();
        match value {
            Value::Object(map) => Ok(Fields { map, path }),
            other => {
                let name = if path.is_empty() { "the body" } else { &path };
                Err(ApiError::invalid(
                    path.clone(),
                    format!("{name} is {}, expected an object", kind(&other)),
                ))
            }
        }
    }

    /// The full name of a field.
    pub fn name(&self, field: &str) -> String {
        match self.path.is_empty() {
            true => field.to_owned(),
            false => format!("{}.{field}", self.path),
        }
    }

    /// A complaint about a field.
    pub fn wrong(&self, field: &str, expected: &str) -> ApiError {
        let name = self.name(field);
        ApiError::invalid(name.clone(), format!("`{name}`: expected {expected}"))
    }

    /// Takes a field as it is; null counts as absent.
    pub fn value(&mut self, field: &str) -> Option<Value> {
        self.map.shift_remove(field).filter(|value| !value.is_null())
    }

    /// Takes a field that must be there.
    pub fn required<T>(&self, field: &str, value: Option<T>) -> Result<T, ApiError> {
        value.ok_or_else(|| {
            let name = self.name(field);
            ApiError::invalid(name.clone(), format!("`{name}` is missing"))
        })
    }

    /// Takes a true or false.
    pub fn boolean(&mut self, field: &str) -> Result<Option<bool>, ApiError> {
        let Some(value) = self.value(field) else { return Ok(None) };
        value.as_bool().map(Some).ok_or_else(|| self.wrong(field, "true or false"))
    }

    /// Takes a number within `range`.
    pub fn number(
        &mut self,
        field: &str,
        range: RangeInclusive<f64>,
    ) -> Result<Option<f32>, ApiError> {
        let Some(value) = self.value(field) else { return Ok(None) };
        let number = value.as_f64().filter(|number| range.contains(number));
        number.map(|number| Some(number as f32)).ok_or_else(|| {
            self.wrong(field, &format!("a number from {} to {}", range.start(), range.end()))
        })
    }

    /// Takes a whole number within `range`.
    pub fn integer(
        &mut self,
        field: &str,
        range: RangeInclusive<u64>,
    ) -> Result<Option<u64>, ApiError> {
        let Some(value) = self.value(field) else { return Ok(None) };
        let number = value.as_u64().filter(|number| range.contains(number));
        number.map(Some).ok_or_else(|| {
            self.wrong(field, &format!("a whole number from {} to {}", range.start(), range.end()))
        })
    }

    /// Takes a text.
    pub fn string(&mut self, field: &str) -> Result<Option<String>, ApiError> {
        match self.value(field) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.wrong(field, "a string")),
        }
    }

    /// Takes one of several words.
    pub fn word(
        &mut self,
        field: &str,
        words: &[&'static str],
    ) -> Result<Option<&'static str>, ApiError> {
        let Some(text) = self.string(field)? else { return Ok(None) };
        let found = words.iter().find(|word| **word == text);
        found
            .map(|word| Some(*word))
            .ok_or_else(|| self.wrong(field, &format!("one of {}", words.join(", "))))
    }

    /// Takes a list with at most `max` items.
    pub fn array(&mut self, field: &str, max: usize) -> Result<Option<Vec<Value>>, ApiError> {
        match self.value(field) {
            None => Ok(None),
            Some(Value::Array(items)) if items.len() <= max => Ok(Some(items)),
            Some(_) => Err(self.wrong(field, &format!("a list of at most {max} items"))),
        }
    }

    /// Takes an object.
    pub fn object(&mut self, field: &str) -> Result<Option<Fields>, ApiError> {
        let path = self.name(field);
        self.value(field).map(|value| Fields::new(value, path)).transpose()
    }

    /// Takes fields that say something about the request and change nothing in the answer.
    pub fn without_effect(&mut self, fields: &[&str]) {
        for field in fields {
            self.map.shift_remove(*field);
        }
    }

    /// Accepts a field only with the values that ask for what happens anyway.
    pub fn only(&mut self, field: &str, values: &[Value]) -> Result<(), ApiError> {
        match self.value(field) {
            Some(value) if !values.contains(&value) => {
                let name = self.name(field);
                let known: Vec<String> = values.iter().map(Value::to_string).collect();
                let message = format!(
                    "`{name}` is supported as {} only; leave it out",
                    if known.is_empty() { "null".to_owned() } else { known.join(" or ") }
                );
                Err(ApiError::invalid(name, message))
            }
            _ => Ok(()),
        }
    }

    /// Refuses what is left.
    pub fn finish(self) -> Result<(), ApiError> {
        match self.map.iter().find(|(_, value)| !value.is_null()) {
            None => Ok(()),
            Some((field, _)) => {
                let shown: String = field.chars().take(64).collect();
                let name = self.name(&shown);
                let message = format!("`{name}` is not supported; leave it out");
                Err(ApiError::invalid(name, message))
            }
        }
    }
}

/// What a value is, for messages.
pub fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fields_are_typed_ranged_and_named() {
        let mut fields =
            Fields::new(json!({"t": 3, "n": -1, "s": null, "x": {"y": 1}}), "").unwrap();
        assert_eq!(fields.number("t", 0.0..=2.0).unwrap_err().param.as_deref(), Some("t"));
        assert_eq!(fields.integer("n", 1..=8).unwrap_err().param.as_deref(), Some("n"));
        assert_eq!(fields.string("s").unwrap(), None);
        let inner = fields.object("x").unwrap().unwrap();
        assert_eq!(inner.finish().unwrap_err().param.as_deref(), Some("x.y"));
        fields.finish().unwrap();
    }
}
