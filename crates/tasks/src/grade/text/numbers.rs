//! Numbers in words.

use num_bigint::BigInt;

use super::super::expr::Expr;
use super::super::units;
use super::super::value::Value;

/// The value of a number word up to ninety-nine.
pub fn number_word(word: &str) -> Option<u64> {
    #[rustfmt::skip]
    const SMALL: &[&str] = &[
        "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
        "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
    ];
    const TENS: &[&str] =
        &["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
    let word = word.trim().to_lowercase();
    if let Some(value) = SMALL.iter().position(|w| *w == word) {
        return Some(value as u64);
    }
    let (tens, ones) = word.split_once('-').unwrap_or((&word, ""));
    let tens = TENS.iter().position(|w| *w == tens)? as u64 * 10 + 20;
    if ones.is_empty() {
        return Some(tens);
    }
    let ones = SMALL[..10].iter().position(|w| *w == ones).filter(|n| *n > 0)?;
    Some(tens + ones as u64)
}

/// The denominator that a word names.
fn fraction_word(word: &str) -> Option<u32> {
    Some(match word.strip_suffix('s').unwrap_or(word) {
        "half" | "halve" => 2,
        "third" => 3,
        "quarter" | "fourth" => 4,
        "fifth" => 5,
        "sixth" => 6,
        "eighth" => 8,
        "tenth" => 10,
        _ => return None,
    })
}

/// `four`, `twenty-one`, `negative five`, `one hundred and five`, `three fifths`, `two lines`.
pub(super) fn number_words(lower: &str) -> Option<Value> {
    if !lower.chars().all(|c| c.is_ascii_alphabetic() || c == ' ' || c == '-') {
        return None;
    }
    let positive =
        ["negative ", "minus "].iter().find_map(|sign| lower.strip_prefix(sign)).unwrap_or(lower);
    let words: Vec<&str> = positive.split_whitespace().collect();
    let (value, n_read) = whole(&words)?;
    let mut expr = Expr::integer(BigInt::from(value));
    let unit = match &words[n_read..] {
        [] => None,
        [part] if fraction_word(part).is_some() => {
            expr = Expr::quotient(expr, Expr::integer(BigInt::from(fraction_word(part)?)));
            None
        }
        noun if noun.iter().any(|word| number_word(word).is_some() || scale(word).is_some()) => {
            return None;
        }
        noun => units::parse(&noun.join(" "))?.unit,
    };
    if positive != lower {
        expr = Expr::Neg(Box::new(expr));
    }
    Some(Value::Scalar { expr, unit, is_decimal: false })
}

fn scale(word: &str) -> Option<u64> {
    Some(match word {
        "hundred" => 100,
        "thousand" => 1_000,
        "million" => 1_000_000,
        _ => return None,
    })
}

/// The whole number that the first words name, and how many words those are.
fn whole(words: &[&str]) -> Option<(u64, usize)> {
    // What the words since the last thousand or million come to, and what came before.
    let (mut group, mut total) = (number_word(words.first()?)?, 0u64);
    let mut n_read = 1;
    while let Some(word) = words.get(n_read) {
        let after_and = words.get(n_read + 1).and_then(|word| number_word(word));
        let (add, n_words) = match *word {
            "and" if group % 100 == 0 && after_and.is_some() => (after_and, 2),
            word => (number_word(word), 1),
        };
        let fits = |value: &u64| {
            let is_ones = *value < 10 && group % 100 >= 20 && group.is_multiple_of(10);
            *value > 0 && (is_ones || group.is_multiple_of(100))
        };
        if let Some(value) = add.filter(fits) {
            group += value;
            n_read += n_words;
        } else if let Some(by) = scale(word) {
            if by == 100 {
                group = (group < 100).then(|| group * by)?;
            } else {
                total = total.checked_add(group.checked_mul(by)?)?;
                group = 0;
            }
            n_read += 1;
        } else {
            break;
        }
    }
    Some((total.checked_add(group)?, n_read))
}
