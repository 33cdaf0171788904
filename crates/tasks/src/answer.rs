//! Reading the answer in a reply. What is not plainly the asked form is no answer: no signs but a
//! minus, no leading zeros, no exponents, no digits of other scripts.

/// The content of the last balanced box, without blanks at its ends.
pub fn boxed(reply: &str) -> Option<&str> {
    ponder_text::extract_boxed(reply).map(str::trim)
}

/// The whole number in the last balanced box.
pub fn boxed_integer(reply: &str) -> Option<i64> {
    integer(boxed(reply)?)
}

/// A whole number as one writes it: `0`, `17`, `-3`.
pub fn integer(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit())
        && (!digits.starts_with('0') || text == "0");
    // Parsing refuses what is empty or too long for the type.
    if is_plain { text.parse().ok() } else { None }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::task::Problem;

    #[test]
    fn only_plain_integers_are_read() {
        for (text, want) in [("0", 0), ("17", 17), ("-3", -3), ("1234567890", 1_234_567_890)] {
            assert_eq!(integer(text), Some(want), "{text}");
        }
        let refused = [
            "",
            "-",
            "--3",
            "+3",
            "-0",
            "007",
            "1e9",
            "3.0",
            "3!",
            "2**2",
            "1/1",
            "1 7",
            "٣",
            "３",
            "0x1",
            "99999999999999999999",
            "1,000",
            "3 ",
            "nan",
        ];
        for text in refused {
            assert_eq!(integer(text), None, "{text}");
        }
    }

    /// Asserts that no grader pays for what is no answer to `problem`, whose answer is the whole
    /// number `answer`.
    pub(crate) fn refuses_hostile_replies(problem: &dyn Problem, answer: i64) {
        let question = problem.question(&mut crate::random::Random::new(1, 1));
        let mut replies: Vec<String> = [
            "",
            " ",
            "\n",
            "\\boxed{}",
            "\\boxed{ }",
            "\\boxed",
            "\\boxed{",
            "}{",
            "{}",
            "\0",
            "\\boxed{0123456789}",
            "\\boxed{1e9}",
            "\\boxed{9!}",
            "\\boxed{2**64}",
            "\\boxed{1/0}",
            "\\boxed{nan}",
            "\\boxed{٣}",
            "\\boxed{-}",
        ]
        .map(String::from)
        .to_vec();
        replies.extend([
            question.clone(),
            format!("\\boxed{{{question}}}"),
            answer.to_string(),
            format!("\\boxed{{{answer}"),
            format!("\\boxed {answer}"),
            format!("\\boxed{{0{answer}}}"),
            format!("\\boxed{{{answer}.0}}"),
            format!("\\boxed{{{answer}0}}"),
            format!("\\boxed{{{answer} or {}}}", answer + 1),
            format!("\\boxed{{{answer}+0}}"),
            format!("\\boxed{{{answer}}} \\boxed{{{}}}", answer + 1),
            format!("\\boxed{{{answer} \\boxed{{{}}}}}", answer + 1),
            format!("<think>\\boxed{{{answer}}}</think>"),
            format!("\\boxed{{{}}}", "9".repeat(1_000_000)),
            "\\boxed{".repeat(100_000),
        ]);
        // A box in a thought is cut off before grading; alone in a reply the tags are only text.
        replies.retain(|reply| !reply.starts_with("<think>"));
        for reply in replies {
            assert!(!problem.grade(&reply), "{} paid for {:.80}", problem.canonical(), reply);
        }
    }
}
