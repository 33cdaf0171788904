//! A stack machine: its programs are words, done from the left, and its inputs lie on the stack.
//! There are no loops, so that the length of a program bounds its work.

/// Most words of a program.
const MAX_WORDS: usize = 32;

/// Most numbers on the stack.
const MAX_STACK: usize = 16;

/// One word of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// Puts a number on the stack.
    Push(i64),
    /// The sum of the upper two in their place.
    Add,
    /// The second less the first.
    Subtract,
    /// The product of the upper two.
    Multiply,
    /// The uppermost once more.
    Dup,
    /// The upper two change places.
    Swap,
    /// The second once more, on top.
    Over,
    /// The uppermost goes.
    Drop,
}

/// The program of a text; `None` if it is none, or too long.
pub fn parse(text: &str) -> Option<Vec<Word>> {
    let words: Vec<&str> = text.split_ascii_whitespace().take(MAX_WORDS + 1).collect();
    if words.is_empty() || words.len() > MAX_WORDS {
        return None;
    }
    words.into_iter().map(word).collect()
}

fn word(text: &str) -> Option<Word> {
    Some(match text {
        "+" => Word::Add,
        "-" => Word::Subtract,
        "*" => Word::Multiply,
        "dup" => Word::Dup,
        "swap" => Word::Swap,
        "over" => Word::Over,
        "drop" => Word::Drop,
        number => Word::Push(crate::answer::integer(number)?),
    })
}

/// What a program leaves of these inputs, the last uppermost: one number, or `None` if it leaves
/// more or less, lacks one on the way, or overflows.
pub fn run(program: &[Word], inputs: &[i64]) -> Option<i64> {
    let mut stack = inputs.to_vec();
    for word in program {
        match word {
            Word::Push(n) => stack.push(*n),
            Word::Dup => stack.push(*stack.last()?),
            Word::Over => stack.push(stack[stack.len().checked_sub(2)?]),
            Word::Drop => {
                stack.pop()?;
            }
            Word::Swap => {
                let second = stack.len().checked_sub(2)?;
                stack.swap(second, second + 1);
            }
            Word::Add | Word::Subtract | Word::Multiply => {
                let (right, left) = (stack.pop()?, stack.pop()?);
                stack.push(match word {
                    Word::Add => left.checked_add(right)?,
                    Word::Subtract => left.checked_sub(right)?,
                    _ => left.checked_mul(right)?,
                });
            }
        }
        if stack.len() > MAX_STACK {
            return None;
        }
    }
    match stack[..] {
        [result] => Some(result),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_do_what_they_say() {
        let cases: [(&str, &[i64], Option<i64>); 14] = [
            ("3 * 1 +", &[2], Some(7)),
            ("dup *", &[-4], Some(16)),
            ("swap -", &[2, 7], Some(5)),
            ("-", &[2, 7], Some(-5)),
            ("over + +", &[2, 7], Some(11)),
            ("drop", &[2, 7], Some(2)),
            ("+", &[2], None),
            ("swap", &[2], None),
            ("over", &[2], None),
            ("drop", &[2], None),
            ("drop dup", &[2], None),
            ("1", &[2], None),
            ("9223372036854775807 +", &[1], None),
            ("dup dup dup dup dup dup dup dup dup dup dup dup dup dup dup dup", &[1], None),
        ];
        for (text, inputs, want) in cases {
            assert_eq!(run(&parse(text).unwrap(), inputs), want, "{text}");
        }
        for text in ["", " ", "x", "3*", "dup, *", "DUP", "٣", "/", &"1 ".repeat(33)] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
