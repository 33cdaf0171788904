//! Other ways to write an answer, as models do. Each changes the text and keeps the value.

/// A way to write an answer again; `None` where it does not apply.
pub type Spelling = (&'static str, fn(&str) -> Option<String>);

pub const SPELLINGS: &[Spelling] = &[
    ("dollars", |s| Some(format!("${s}$"))),
    ("parentheses", |s| Some(format!("\\({s}\\)"))),
    ("display", |s| Some(format!("\\[\n{s}\n\\]"))),
    ("box", |s| Some(format!("$\\boxed{{{s}}}$"))),
    ("box in prose", |s| Some(format!("Therefore we get $\\boxed{{{s}}}$."))),
    ("after thinking", |s| {
        Some(format!("<think>Is it \\boxed{{0}}?</think>\n\nIt is \\boxed{{{s}}}"))
    }),
    ("answer is", |s| Some(format!("The final answer is ${s}$."))),
    ("answer line", |s| Some(format!("We add them up.\n\nAnswer: ${s}$"))),
    ("bold", |s| (!s.contains('*')).then(|| format!("**{s}**"))),
    ("bold answer", |s| Some(format!("**Final Answer:** ${s}$"))),
    ("full stop", |s| Some(format!("{s}."))),
    ("blanks", |s| Some(format!("  {s} \n"))),
    ("dfrac", |s| replaced(s, "\\frac", "\\dfrac")),
    ("tfrac", |s| replaced(s, "\\frac", "\\tfrac")),
    ("frac", |s| replaced(s, "\\dfrac", "\\frac")),
    ("plain brackets", |s| replaced(&s.replace("\\right", ""), "\\left", "")),
    ("sized brackets", |s| {
        let is_plain = s.starts_with('(') && s.ends_with(')') && s.matches('(').count() == 1;
        is_plain.then(|| format!("\\left{}\\right)", &s[..s.len() - 1]))
    }),
    ("displaystyle", |s| Some(format!("\\displaystyle {s}"))),
    ("no blanks", |s| {
        let is_safe = !s.contains("\\ ") && !s.contains("\\text") && !s.contains("\\mbox");
        let is_safe = is_safe && !contains_mixed(s);
        is_safe.then(|| squeeze(s)).filter(|t| t != s)
    }),
    ("wide operators", |s| {
        let is_safe = !s.contains("\\text") && !s.contains("\\mbox") && !s.contains("\\begin");
        is_safe.then(|| s.replace('+', " + ").replace('=', " = ")).filter(|t| t != s)
    }),
    ("unicode minus", |s| replaced(s, "-", "−")),
    ("unicode pi", |s| replaced(s, "\\pi", "π")),
    ("unicode infinity", |s| replaced(s, "\\infty", "∞")),
    ("unicode degree", |s| replaced(&s.replace("^{\\circ}", "^\\circ"), "^\\circ", "°")),
    ("word degrees", |s| {
        replaced(&s.replace("^{\\circ}", "^\\circ"), "^\\circ", " degrees")
            .filter(|t| t.matches("degrees").count() == 1 && !t.contains('('))
    }),
    ("no degree", |s| replaced(s, "^\\circ", "").filter(|t| t.chars().all(|c| c.is_ascii_digit()))),
    ("unicode union", |s| replaced(s, "\\cup", "∪")),
    ("braces on exponents", braced_exponents),
    ("plain text", plain),
    ("plain text with stars", |s| plain(s).and_then(|t| replaced(&t, "^", "**"))),
    ("full width digits", |s| {
        let is_number = !s.is_empty() && s.chars().all(|c| c.is_ascii_digit());
        is_number.then(|| s.chars().map(|c| char::from_u32(c as u32 + 0xFEE0).unwrap()).collect())
    }),
    ("point zero", |s| integer(s).map(|n| format!("{n}.0"))),
    ("thousands", |s| integer(s).filter(|n| n.abs() > 999).map(|n| grouped(n, ","))),
    ("tex thousands", |s| integer(s).filter(|n| n.abs() > 999).map(|n| grouped(n, "{,}"))),
    ("no thousands", |s| replaced(s, ",\\!", "")),
    ("doubled fraction", |s| fraction(s).map(|(a, b)| format!("\\frac{{{}}}{{{}}}", 2 * a, 2 * b))),
    ("slash", |s| fraction(s).map(|(a, b)| format!("{a}/{b}"))),
    ("decimal", |s| fraction(s).and_then(|(a, b)| decimal(a, b))),
    ("mixed", |s| {
        let (a, b) = fraction(s).filter(|(a, b)| *a > *b && a % b != 0)?;
        Some(format!("{}\\frac{{{}}}{{{b}}}", a / b, a % b))
    }),
    ("named", |s| {
        let is_plain = !s.contains(['=', ',', '<', '>', 'x'])
            && !s.contains("\\text")
            && !s.contains("\\mbox");
        let is_plain = is_plain
            && !s.contains("\\in")
            && !s.contains("\\le")
            && s.contains(|c: char| c.is_ascii_digit());
        is_plain.then(|| format!("x = {s}"))
    }),
    ("reversed list", |s| {
        let parts: Vec<&str> = s.split(", ").collect();
        let is_list = parts.len() > 1
            && !s.contains("\\!")
            && !s.contains(['(', '[', '{', '='])
            && !s.contains("\\text");
        is_list.then(|| parts.into_iter().rev().collect::<Vec<_>>().join(", "))
    }),
    ("list with and", |s| {
        let is_list = s.contains(", ")
            && !s.contains("\\!")
            && !s.contains(['(', '[', '{', '='])
            && !s.contains("\\text");
        let (head, last) = s.rsplit_once(", ").filter(|_| is_list)?;
        Some(format!("{head} \\text{{ and }} {last}"))
    }),
    ("bmatrix", |s| replaced(s, "pmatrix", "bmatrix")),
    ("matrix with fractions", |s| s.contains("pmatrix").then(|| s.replace("\\\\", "\\\\[2pt]"))),
    ("textbf", |s| replaced(s, "\\text{", "\\textbf{")),
    ("mathrm", |s| replaced(s, "\\text{", "\\mathrm{")),
    ("bare words", |s| {
        let word = s.strip_prefix("\\text{")?.strip_suffix('}')?;
        Some(word.to_owned()).filter(|word| !word.contains('}'))
    }),
    ("upper case words", |s| {
        let word = s.strip_prefix("\\text{")?.strip_suffix('}')?;
        let is_word = word.len() > 3 && word.chars().all(|c| c.is_ascii_lowercase());
        is_word.then(|| format!("\\text{{{}}}", word.to_uppercase()))
    }),
    ("base braces", |s| {
        let (digits, base) = s.split_once('_')?;
        let is_base = base.chars().all(|c| c.is_ascii_digit())
            && !digits.contains(|c: char| !c.is_ascii_digit());
        is_base.then(|| format!("{digits}_{{{base}}}"))
    }),
    ("bare dollars", |s| replaced(s, "\\$", "$").filter(|t| t.matches('$').count() == 1)),
    ("no currency", |s| {
        replaced(s, "\\$", "").filter(|t| t.matches('$').count() == 0 && !s.contains("approx"))
    }),
    ("no unit", |s| {
        let (number, unit) = s.split_once("\\text{").or_else(|| s.split_once("\\mbox{"))?;
        let is_unit = number.contains(|c: char| c.is_ascii_digit())
            && unit.starts_with(' ')
            && unit.matches('}').count() == 1;
        let is_unit =
            is_unit && !unit.contains("and") && !unit.contains("or ") && !unit.contains(".m.");
        is_unit.then(|| number.trim().trim_end_matches('\\').trim().to_owned())
    }),
    ("inequality", inequality),
];

fn replaced(s: &str, from: &str, to: &str) -> Option<String> {
    s.contains(from).then(|| s.replace(from, to))
}

/// Drops blanks that separate nothing: a command keeps its blank before a letter.
fn squeeze(s: &str) -> String {
    let chars: Vec<char> = s.chars().collect();
    let mut out = String::new();
    for (i, c) in chars.iter().enumerate() {
        let ends_command = out
            .rfind('\\')
            .is_some_and(|at| out[at + 1..].chars().all(|c| c.is_ascii_alphabetic()));
        let starts_word = chars.get(i + 1).is_some_and(char::is_ascii_alphanumeric);
        if *c == ' ' && !(ends_command && starts_word) {
            continue;
        }
        out.push(*c);
    }
    out
}

/// A blank between digits means something.
fn contains_mixed(s: &str) -> bool {
    let bytes = s.as_bytes();
    (1..bytes.len().saturating_sub(1))
        .any(|i| bytes[i] == b' ' && bytes[i - 1].is_ascii_digit() && bytes[i + 1].is_ascii_digit())
}

fn braced_exponents(s: &str) -> Option<String> {
    let mut out = String::new();
    let mut chars = s.chars().peekable();
    while let Some(c) = chars.next() {
        out.push(c);
        if c == '^' && chars.peek().is_some_and(char::is_ascii_digit) {
            out.push('{');
            while let Some(digit) = chars.next_if(char::is_ascii_digit) {
                out.push(digit);
            }
            out.push('}');
        }
    }
    (out != s).then_some(out)
}

/// Plain notation for formulas whose commands all have one.
fn plain(s: &str) -> Option<String> {
    let mut text = s
        .replace("\\dfrac", "\\frac")
        .replace("\\tfrac", "\\frac")
        .replace("\\left", "")
        .replace("\\right", "");
    for command in ["\\frac", "\\sqrt"] {
        while let Some(at) = text.rfind(command) {
            let rest = &text[at + command.len()..];
            let (first, tail) = braces(rest)?;
            if command == "\\sqrt" {
                text = format!("{}sqrt({first}){tail}", &text[..at]);
            } else {
                let (second, tail) = braces(tail)?;
                let is_mixed = text[..at].trim_end().ends_with(|c: char| c.is_ascii_digit());
                if is_mixed {
                    return None;
                }
                text = format!("{}(({first})/({second})){tail}", &text[..at]);
            }
        }
    }
    for (from, to) in [
        ("\\pi", "pi"),
        ("\\cdot", "*"),
        ("\\infty", "infinity"),
        ("\\sin", "sin"),
        ("\\cos", "cos"),
        ("\\tan", "tan"),
        ("\\le ", "<= "),
        ("\\leq", "<="),
        ("{", "("),
        ("}", ")"),
    ] {
        text = text.replace(from, to);
    }
    (!text.contains('\\') && text != s && !text.contains(['_', ';']) && !s.contains("{,}"))
        .then_some(text)
}

fn braces(s: &str) -> Option<(&str, &str)> {
    let inner = s.strip_prefix('{')?;
    let mut depth = 0;
    for (at, c) in inner.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => return Some((&inner[..at], &inner[at + 1..])),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

fn integer(s: &str) -> Option<i64> {
    s.parse().ok().filter(|n: &i64| n.to_string() == s)
}

fn grouped(n: i64, mark: &str) -> String {
    let digits = n.unsigned_abs().to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push_str(mark);
        }
        out.push(c);
    }
    format!("{}{out}", if n < 0 { "-" } else { "" })
}

fn fraction(s: &str) -> Option<(i64, i64)> {
    let (sign, rest) = match s.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, s),
    };
    let rest = rest.strip_prefix("\\frac").or_else(|| rest.strip_prefix("\\dfrac"))?;
    let (numer, rest) = braces(rest)?;
    let (denom, rest) = braces(rest)?;
    let (numer, denom): (i64, i64) = (numer.parse().ok()?, denom.parse().ok()?);
    (rest.is_empty() && denom > 0 && numer > 0).then_some((sign * numer, denom))
}

fn decimal(numer: i64, denom: i64) -> Option<String> {
    let scale = (0..9).map(|k| 10i64.pow(k)).find(|scale| (numer * scale) % denom == 0)?;
    let scaled = (numer * scale / denom).unsigned_abs();
    let digits = scale.to_string().len() - 1;
    let scale = scale.unsigned_abs();
    let sign = if numer < 0 { "-" } else { "" };
    Some(format!("{sign}{}.{:0digits$}", scaled / scale, scaled % scale)).filter(|_| digits > 0)
}

/// `(a, b]` as a solved inequality.
fn inequality(s: &str) -> Option<String> {
    let text = s.replace("\\left", "").replace("\\right", "");
    let text = text.trim();
    let is_interval = text.contains("\\infty") || text.starts_with('[') != text.ends_with(']');
    if !is_interval
        || text.contains("\\cup")
        || text.matches(',').count() != 1
        || text.contains("\\in ")
    {
        return None;
    }
    let (low, high) = text[1..text.len() - 1].split_once(',')?;
    let below = if text.starts_with('[') { "\\le" } else { "<" };
    let above = if text.ends_with(']') { "\\leq" } else { "<" };
    Some(match (low.contains("\\infty"), high.contains("\\infty")) {
        (true, true) => return None,
        (true, false) => format!("x {above} {high}"),
        (false, true) => format!("{low} {below} x"),
        (false, false) => format!("{low} {below} x {above} {high}"),
    })
}
