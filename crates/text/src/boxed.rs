//! The final answer inside `\boxed{…}`.

/// The content of the last `\boxed{…}` whose braces balance, without the braces.
///
/// Of nested boxes the innermost later one counts. Escaped braces (`\{`, `\}`) are text.
pub fn extract_boxed(answer: &str) -> Option<&str> {
    const COMMAND: &str = "\\boxed";
    let bytes = answer.as_bytes();
    // Where each open brace's content starts, and whether `\boxed` stands before it.
    let mut open: Vec<(usize, bool)> = Vec::new();
    let mut last: Option<(usize, usize)> = None;
    let mut opens_box = false;
    let mut i = 0;
    while i < bytes.len() {
        match bytes[i] {
            b'\\' if answer[i..].starts_with(COMMAND) => {
                opens_box = true;
                i += COMMAND.len();
                continue;
            }
            // The next character is escaped; a multi-byte one has no byte that matters here.
            b'\\' => {
                opens_box = false;
                i += 2;
                continue;
            }
            b'{' => {
                open.push((i + 1, opens_box));
                opens_box = false;
            }
            b'}' => {
                opens_box = false;
                if let Some((start, true)) = open.pop()
                    && last.is_none_or(|(best, _)| start > best)
                {
                    last = Some((start, i));
                }
            }
            b' ' | b'\t' | b'\n' => {}
            _ => opens_box = false,
        }
        i += 1;
    }
    last.map(|(start, end)| &answer[start..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_balanced_box() {
        let cases: &[(&str, Option<&str>)] = &[
            (r"so \boxed{42}.", Some("42")),
            (r"\boxed{1} then \boxed{\frac{14}{3}}", Some(r"\frac{14}{3}")),
            (r"\boxed{1} then \boxed{2", Some("1")),
            (r"\boxed {7}", Some("7")),
            (r"\boxed{}", Some("")),
            (r"\boxed{\{1,2\}}", Some(r"\{1,2\}")),
            (r"\boxed{a \boxed{b} c}", Some("b")),
            (r"} \boxed{世界} {", Some("世界")),
            (r"\boxed", None),
            (r"\boxed{", None),
            (r"\boxed 5", None),
            (r"\boxed5{6}", None),
            (r"{6}", None),
            (r"\", None),
            ("", None),
        ];
        for (text, want) in cases {
            assert_eq!(extract_boxed(text), *want, "{text}");
        }
    }

    #[test]
    fn many_unclosed_boxes_stay_linear() {
        assert_eq!(extract_boxed(&r"\boxed{".repeat(200_000)), None);
    }
}
