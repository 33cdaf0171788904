//! Lengths of functions, read off the indentation that rustfmt gives.

/// A function longer than this does not fit a screen.
const MAX_LINES: usize = 70;

/// Functions that may be longer, and how long: a ratchet. None may grow, and none may be added
/// without a reason beside it.
const LONGER: &[(&str, &str, usize)] = &[
    // One screen and two lines of one match.
    ("crates/tasks/src/grade/compare/region.rs", "region", 76),
    // Tables of cases.
    ("crates/tasks/tests/grade/different.rs", "hostile_text", 113),
    ("crates/tasks/tests/grade/equal.rs", "numbers", 87),
    ("crates/tasks/tests/grade/equal.rs", "structures", 90),
    ("crates/tasks/tests/grade/hostile.rs", "inputs", 83),
];

/// Every function of a file that is too long.
pub fn problems(name: &str, text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let mut problems = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let Some(function) = function_name(line) else { continue };
        let indent = line.len() - line.trim_start().len();
        let is_end = |line: &&str| {
            line.len() - line.trim_start().len() == indent
                && (line.trim_end() == format!("{}}}", " ".repeat(indent)) || line.ends_with(';'))
        };
        // The body of a one-line function is on its first line.
        if line.trim_end().ends_with('}') {
            continue;
        }
        let Some(length) = lines[start..].iter().position(is_end) else { continue };
        let limit = LONGER
            .iter()
            .find(|(file, long, _)| *file == name && *long == function)
            .map_or(MAX_LINES, |(_, _, limit)| *limit);
        if length + 1 > limit {
            let place = start + 1;
            problems.push(format!(
                "line {place}: `{function}` has {} lines; at most {limit}",
                length + 1
            ));
        }
    }
    problems
}

/// The name, if a function begins on this line.
fn function_name(line: &str) -> Option<&str> {
    let mut rest = line.trim_start();
    loop {
        let word_end = rest.find(' ')?;
        let (word, after) = (&rest[..word_end], rest[word_end..].trim_start());
        match word {
            "fn" => {
                let end = after.find(|c: char| !c.is_alphanumeric() && c != '_')?;
                return (end > 0).then(|| &after[..end]);
            }
            "const" | "async" | "unsafe" | "extern" | "\"C\"" | "pub" => rest = after,
            _ if word.starts_with("pub(") => rest = after,
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found() {
        for (line, want) in [
            ("fn main() {", Some("main")),
            ("    pub(crate) unsafe fn lane<T>(", Some("lane")),
            ("pub const fn width(self) -> usize {", Some("width")),
            ("    let f = fn_of(x);", None),
            ("// fn main() {", None),
            ("type F = fn(usize);", None),
        ] {
            assert_eq!(function_name(line), want, "{line}");
        }
    }

    #[test]
    fn long_functions_are_found_and_short_ones_are_not() {
        let body = |n: usize| "        step();\n".repeat(n);
        let text =
            |n| format!("impl X {{\n    fn run(\n        self,\n    ) {{\n{}    }}\n}}\n", body(n));
        assert!(problems("a.rs", &text(66)).is_empty());
        let found = problems("a.rs", &text(67));
        assert_eq!(found, ["line 2: `run` has 71 lines; at most 70"]);
        let after_a_trait = format!("fn a();\nfn b() {{\n{}}}\n", body(10));
        assert!(problems("a.rs", &after_a_trait).is_empty());
    }
}
