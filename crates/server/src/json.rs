//! Bodies as JSON, bounded before anything is built from them.

use serde_json::Value;

use crate::error::ApiError;

/// Nested lists and objects.
const MAX_DEPTH: usize = 64;
/// Values in one body: what they take in memory is many times what they take on the wire.
const MAX_VALUES: usize = 1 << 20;

/// Parses a body whose nesting and number of values are within bounds.
pub fn parse(bytes: &[u8]) -> Result<Value, ApiError> {
    check_shape(bytes)?;
    serde_json::from_slice(bytes).map_err(|error| {
        ApiError::new(crate::error::Kind::Invalid, format!("the body is no JSON: {error}"))
    })
}

fn check_shape(bytes: &[u8]) -> Result<(), ApiError> {
    let too =
        |what: String| ApiError::new(crate::error::Kind::Invalid, format!("the body has {what}"));
    let (mut depth, mut n_values, mut is_string, mut is_escaped) = (0usize, 1usize, false, false);
    for byte in bytes {
        if is_string {
            match byte {
                _ if is_escaped => is_escaped = false,
                b'\\' => is_escaped = true,
                b'"' => is_string = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => is_string = true,
            b'[' | b'{' => {
                depth += 1;
                n_values += 1;
                if depth > MAX_DEPTH {
                    return Err(too(format!("more than {MAX_DEPTH} levels")));
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            b',' => n_values += 1,
            _ => {}
        }
        if n_values > MAX_VALUES {
            return Err(too(format!("more than {MAX_VALUES} values")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_and_number_are_bounded() {
        let nested = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert!(parse(nested(MAX_DEPTH).as_bytes()).is_ok());
        assert!(parse(nested(MAX_DEPTH + 1).as_bytes()).is_err());
        assert!(parse(nested(1_000_000).as_bytes()).is_err());
        assert!(parse(br#""[[[[\"[[[" "#).is_ok(), "brackets in strings do not count");
        let many = format!("[{}0]", "0,".repeat(MAX_VALUES));
        assert!(parse(many.as_bytes()).is_err());
        assert!(parse(b"{\"a\": \xff}").is_err(), "no UTF-8");
    }
}
