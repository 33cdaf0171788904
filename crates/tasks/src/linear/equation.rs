//! Terms and values of equations as they are written and read.

use crate::answer::{boxed, integer};

/// Terms such as `3x-2y+5`: coefficients with what they stand before, which is empty for a number.
/// Zeros are left out; nothing left is `0`.
pub fn written(terms: &[(i64, &str)]) -> String {
    let mut text = String::new();
    for &(coefficient, unknown) in terms.iter().filter(|(coefficient, _)| *coefficient != 0) {
        let sign = match coefficient {
            ..0 => "-",
            _ if text.is_empty() => "",
            _ => "+",
        };
        let size = match coefficient.unsigned_abs() {
            1 if !unknown.is_empty() => String::new(),
            size => size.to_string(),
        };
        text.push_str(&format!("{sign}{size}{unknown}"));
    }
    if text.is_empty() { "0".to_string() } else { text }
}

/// A number to multiply with: in brackets if below zero.
pub fn factor(n: i64) -> String {
    if n < 0 { format!("({n})") } else { n.to_string() }
}

/// `coefficient*value` as a term after others, with its sign.
pub fn product(coefficient: i64, value: i64) -> String {
    match coefficient {
        1 => factor(value),
        -1 => format!("-{}", factor(value)),
        _ => format!("{coefficient}*{}", factor(value)),
    }
}

/// A number as a term after others, with its sign; nothing for 0.
pub fn addend(n: i64) -> String {
    match n {
        0 => String::new(),
        ..0 => n.to_string(),
        _ => format!("+{n}"),
    }
}

/// The values of `unknowns` in the last box: `x=3, y=2` in any order, or, for one unknown, the
/// number alone.
pub fn boxed_values(reply: &str, unknowns: &[&str]) -> Option<Vec<i64>> {
    let text = boxed(reply)?;
    if let ([_], Some(value)) = (unknowns, integer(text)) {
        return Some(vec![value]);
    }
    let parts: Vec<&str> = text.split(',').take(unknowns.len() + 1).collect();
    if parts.len() != unknowns.len() {
        return None;
    }
    let mut values = vec![None; unknowns.len()];
    for part in parts {
        let (name, value) = part.split_once('=')?;
        let place = unknowns.iter().position(|unknown| *unknown == name.trim())?;
        values[place] = Some(integer(value.trim())?);
    }
    values.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_are_written_as_usual() {
        let cases: [(&[(i64, &str)], &str); 5] = [
            (&[(3, "x"), (-2, "y"), (5, "")], "3x-2y+5"),
            (&[(1, "x"), (-1, "y")], "x-y"),
            (&[(-1, "x"), (0, "y"), (1, "")], "-x+1"),
            (&[(0, "x")], "0"),
            (&[(1, "")], "1"),
        ];
        for (terms, text) in cases {
            assert_eq!(written(terms), text);
        }
    }

    #[test]
    fn values_are_read_in_any_order() {
        for reply in ["\\boxed{x=3, y=-2}", "\\boxed{y=-2,x=3}", "\\boxed{ x = 3 , y = -2 }"] {
            assert_eq!(boxed_values(reply, &["x", "y"]), Some(vec![3, -2]), "{reply}");
        }
        assert_eq!(boxed_values("\\boxed{4}", &["x"]), Some(vec![4]));
        assert_eq!(boxed_values("\\boxed{x=4}", &["x"]), Some(vec![4]));
        let refused = [
            "\\boxed{x=3}",
            "\\boxed{3, -2}",
            "\\boxed{x=3, x=-2}",
            "\\boxed{x=3, y=-2, y=-2}",
            "\\boxed{x=3 y=-2}",
            "\\boxed{x=3, y=-2,}",
            "\\boxed{x=3, z=-2}",
            "x=3, y=-2",
            "\\boxed{x=3=3, y=-2}",
            "\\boxed{,}",
            "\\boxed{}",
        ];
        for reply in refused {
            assert_eq!(boxed_values(reply, &["x", "y"]), None, "{reply}");
        }
        for reply in ["\\boxed{y=4}", "\\boxed{x=}", "\\boxed{=4}", "\\boxed{x=x}", "\\boxed{x==4}"]
        {
            assert_eq!(boxed_values(reply, &["x"]), None, "{reply}");
        }
    }
}
