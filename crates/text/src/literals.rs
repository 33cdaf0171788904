//! The string literals of a Jinja template: the words it may look for in messages.

/// All quoted strings inside `{{ … }}` and `{% … %}`, with their escapes resolved.
pub(crate) fn string_literals(source: &str) -> Vec<String> {
    let mut literals = Vec::new();
    let mut rest = source;
    while let Some(start) = rest.find('{') {
        rest = &rest[start + 1..];
        let end = match rest.as_bytes().first() {
            Some(b'{') => "}}",
            Some(b'%') => "%}",
            Some(b'#') => {
                rest = rest.find("#}").map_or("", |end| &rest[end + 2..]);
                continue;
            }
            _ => continue,
        };
        rest = read_block(&rest[1..], end, &mut literals);
    }
    literals
}

/// Collects the literals up to `end`; what follows it is returned.
fn read_block<'s>(mut rest: &'s str, end: &str, literals: &mut Vec<String>) -> &'s str {
    while let Some(at) = rest.find(['\'', '"', '}', '%']) {
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix(end) {
            return after;
        }
        let quote = rest.as_bytes()[0];
        rest = &rest[1..];
        if matches!(quote, b'\'' | b'"') {
            let (literal, after) = read_string(rest, char::from(quote));
            literals.push(literal);
            rest = after;
        }
    }
    ""
}

fn read_string(text: &str, quote: char) -> (String, &str) {
    let mut literal = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some((_, 'n')) => literal.push('\n'),
                Some((_, 't')) => literal.push('\t'),
                Some((_, other)) => literal.push(other),
                None => {}
            },
            c if c == quote => return (literal, &text[at + c.len_utf8()..]),
            c => literal.push(c),
        }
    }
    (literal, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_literals_in_blocks_only() {
        let source = "user's {# 'no' #}{{ 'a' + \"b'\\n\" }} 'no' {%- if '</think>' in x['k'] %}{{ {'}}': 1} }}{{'";
        assert_eq!(string_literals(source), ["a", "b'\n", "</think>", "k", "}}", ""]);
        assert!(string_literals("{").is_empty());
        assert!(string_literals("{%").is_empty());
    }
}
