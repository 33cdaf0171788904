//! A look over a Jinja template before it is compiled: the words it may look for in messages,
//! and how long its blocks are.

/// What a template's blocks, `{{ … }}` and `{% … %}`, hold.
#[derive(Debug, Default)]
pub(crate) struct Blocks {
    /// All quoted strings, with their escapes resolved.
    pub literals: Vec<String>,
    /// Words and signs of the longest block: no expression in it is deeper.
    pub n_tokens_max: usize,
}

/// Looks over `source`.
pub(crate) fn scan_blocks(source: &str) -> Blocks {
    let mut blocks = Blocks::default();
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
        rest = scan_block(&rest[1..], end, &mut blocks);
    }
    blocks
}

/// Looks over one block up to `end`; what follows it is returned.
fn scan_block<'s>(mut rest: &'s str, end: &str, blocks: &mut Blocks) -> &'s str {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut n_tokens = 0;
    let after = loop {
        rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix(end) {
            break after;
        }
        let Some(first) = rest.chars().next() else { break "" };
        n_tokens += 1;
        rest = &rest[first.len_utf8()..];
        if matches!(first, '\'' | '"') {
            let (literal, after) = read_string(rest, first);
            blocks.literals.push(literal);
            rest = after;
        } else if is_word(first) {
            rest = rest.trim_start_matches(is_word);
        }
    };
    blocks.n_tokens_max = blocks.n_tokens_max.max(n_tokens);
    after
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
        let blocks = scan_blocks(source);
        assert_eq!(blocks.literals, ["a", "b'\n", "</think>", "k", "}}", ""]);
        // if, the literal, in, x, [, 'k', ], and the two signs around them.
        assert_eq!(blocks.n_tokens_max, 8);
        for unfinished in ["{", "{%", "{{ 'a", "{#"] {
            assert!(scan_blocks(unfinished).n_tokens_max <= 1);
        }
    }
}
