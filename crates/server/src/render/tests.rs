use std::time::{Duration, Instant};

use super::*;

fn html(text: &str) -> String {
    document(text).join("")
}

#[test]
fn markdown_and_mathematics_become_html() {
    let cases = [
        ("**bold** and `code`", "<strong>bold</strong> and <code>code</code>"),
        ("# Title", "<h1>Title</h1>"),
        ("- [x] done\n- [ ] open", "☑ done"),
        ("~~gone~~", "<del>gone</del>"),
        ("| a | b |\n|---|--:|\n| 1 | 2 |", "<td style=\"text-align:right\">2</td>"),
        (
            "```rust\nlet x = \"<b>\";\n```",
            "<pre data-language=\"rust\"><code>let x = \"&lt;b&gt;\";",
        ),
        ("[site](https://example.org/)", "href=\"https://example.org/\""),
        ("[site](https://example.org/)", "rel=\"noopener noreferrer nofollow\""),
        ("Let \\(x_1 < 2\\).", "<msub><mi>x</mi><mn>1</mn></msub>"),
        ("\\[\nx\n= 2\n\\]", "<math display=\"block\"><mi>x</mi>"),
        ("$$\\frac{1}{2}$$", "<mfrac><mn>1</mn><mn>2</mn></mfrac>"),
        ("so $a*b*c$ is", "<math><mi>a</mi><mo"),
        ("\\begin{align}a&=b\\\\c&=d\\end{align}", "<mtable"),
        ("| a |\n|---|\n| $|x|$ |", "<td><math>"),
        ("**\\(y\\)**", "<strong><math><mi>y</mi></math></strong>"),
        ("the answer is \\boxed{42}", "boxed{42}"),
    ];
    for (text, expected) in cases {
        let found = html(text);
        assert!(found.contains(expected), "{text:?} gives {found:?}, without {expected:?}");
    }
}

#[test]
fn dollars_backslashes_and_code_stay_what_they_are() {
    let cases = [
        ("costs $5 or $6", "<p>costs $5 or $6</p>\n"),
        ("`$x$` and `\\(y\\)`", "<p><code>$x$</code> and <code>\\(y\\)</code></p>\n"),
        ("```\n$x$\n```", "<pre data-language=\"\"><code>$x$\n</code></pre>\n"),
        ("~~~py\n$x$ ```\n~~~", "<pre data-language=\"py\"><code>$x$ ```\n</code></pre>\n"),
        ("\\$x\\$", "<p>$x$</p>\n"),
        ("    indented $x$", "<pre data-language=\"\"><code>indented $x$</code></pre>\n"),
        ("an open \\(x", "<p>an open (x</p>\n"),
        ("an open $$x", "<p>an open $$x</p>\n"),
        ("\u{f0000} is no formula", "<p>\u{fffd} is no formula</p>\n"),
    ];
    for (text, expected) in cases {
        assert_eq!(html(text), expected, "{text:?}");
    }
}

/// Texts that try to run something, load something or leave their place.
const HOSTILE: [&str; 38] = [
    "<script>alert(1)</script>",
    "a <img src=x onerror=alert(1)> b",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<iframe src=javascript:alert(1)></iframe>",
    "<a href=\"javascript:alert(1)\">x</a>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java\nscript:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](vbscript:msgbox(1))",
    "[x](file:///etc/passwd)",
    "[x](/page/chat)",
    "[x](//evil.example/a)",
    "[x]: javascript:alert(1)\n\n[x]",
    "<javascript:alert(1)>",
    "![x](https://evil.example/track.png)",
    "![x](data:image/svg+xml;base64,PHN2Zz4=)",
    "[![x](javascript:alert(1))](javascript:alert(2))",
    "[a](https://x.example \"onmouseover=alert(1)\")",
    "[a](https://x.example/\"onmouseover=\"alert(1))",
    "```\"><script>alert(1)</script>\ncode\n```",
    "```<img src=x onerror=alert(1)>\ncode\n```",
    "`<script>alert(1)</script>`",
    "# <script>alert(1)</script> {onclick=alert(1)}",
    "| <script>alert(1)</script> |\n|---|\n| <img src=x onerror=alert(1)> |",
    "$\\text{<script>alert(1)</script>}$",
    "$\\text{</mtext></math><img src=x onerror=alert(1)>}$",
    "$\\href{javascript:alert(1)}{x}$",
    "$\\url{javascript:alert(1)}$",
    "$\\unknown<img src=x onerror=alert(1)>$",
    "$$\\color{red;background:url(https://evil.example)}{x}$$",
    "$$\\htmlStyle{position:fixed}{x}\\class{a}{b}\\includegraphics{x}$$",
    "\\[<style>*{display:none}</style>\\]",
    "<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=1 onerror=alert(1)&gt;\">",
    "<form action=https://evil.example><input name=a><button>x</button></form>",
    "<!--><script>alert(1)</script>-->",
];

/// Whether any tag in the HTML is one that should not be there.
fn check_harmless(text: &str, html: &str) {
    for tag in html.split('<').skip(1) {
        let tag = tag.split('>').next().unwrap();
        let name: String =
            tag.trim_start_matches('/').chars().take_while(|c| c.is_ascii_alphanumeric()).collect();
        let is_known = name.starts_with('m') || clean::TEXT_TAGS.contains(&name.as_str());
        assert!(is_known, "{text:?} gives <{tag}>");
        let lower = tag.to_ascii_lowercase();
        for word in
            [" on", "javascript:", "data:", "src=", "url(", "vbscript:", "action=", "position"]
        {
            assert!(!lower.contains(word), "{text:?} gives <{tag}>");
        }
        if let Some((_, link)) = tag.split_once("href=\"") {
            let is_web = link.starts_with("https://") || link.starts_with("mailto:");
            assert!(is_web, "{text:?} gives <{tag}>");
        }
    }
}

#[test]
fn nothing_hostile_comes_through() {
    for text in HOSTILE {
        check_harmless(text, &html(text));
        for frame in
            ["> X", "- X", "**X**", "a X b", "$X$", "\\[X\\]", "```\nX\n```", "|X|\n|-|\n|X|"]
        {
            let framed = frame.replace('X', text);
            check_harmless(&framed, &html(&framed));
        }
    }
}

#[test]
fn whatever_is_nested_or_never_ends_is_bounded() {
    let n = 100_000;
    let cases = [
        ">".repeat(n),
        "> ".repeat(n),
        "- ".repeat(n),
        "*".repeat(n),
        "[".repeat(n),
        "![".repeat(n),
        "[a](".repeat(n / 4),
        "`".repeat(n),
        (1..400).map(|n| "`".repeat(n) + " ").collect(),
        "<".repeat(n),
        "<a ".repeat(n / 3),
        "<div>\n".repeat(n / 6),
        "$".repeat(n),
        "$a ".repeat(n / 3),
        "\\(".repeat(n / 2),
        "\\[".repeat(n / 2),
        "\\begin{".repeat(n / 7),
        "\\begin{align}".repeat(n / 13),
        "_a ".repeat(n / 3),
        "|".repeat(n),
        "|a\n".repeat(n / 3) + "|-\n",
        "a\n|-|\n".repeat(n / 6),
        "&#x10ffff;".repeat(n / 10),
        "1. a\n".repeat(n / 5),
        format!("```\n{}", "code\n".repeat(n / 5)),
        (0..300).map(|i| " ".repeat(i) + "- a\n").collect(),
    ];
    for text in cases {
        let start = Instant::now();
        let found = html(&text);
        let shown: String = text.chars().take(40).collect();
        assert!(start.elapsed() < Duration::from_secs(20), "{shown:?} takes {:?}", start.elapsed());
        assert!(found.len() < 64 * text.len(), "{shown:?} gives {} bytes", found.len());
        check_harmless(&shown, &found);
    }
}

#[test]
fn formulas_cannot_overflow_the_stack() {
    let parts = [
        "{",
        "\\hat",
        "\\sqrt",
        "\\frac1",
        "\\frac",
        "^",
        "x^",
        "x_{",
        "\\left(",
        "\\begin{matrix}",
        "\\text{",
        "\\binom1",
        "\\overset1",
        "\\sqrt[",
        "'",
        "\\not",
        "\\mathrm",
        "\\color{red}",
        "\\\\",
        "&",
        "\\left.\\right.",
        "\\displaystyle",
        "\\operatorname{",
        "\\begin{array}{c",
    ];
    for part in parts {
        let text = format!("\\[{}\\]", part.repeat(4000 / part.len()));
        let found = html(&text);
        assert!(!found.is_empty());
        check_harmless(part, &found);
    }
}

#[test]
fn megabytes_are_shown_as_they_are() {
    let text = "# a <b> \\(x\\)\n".repeat(200_000);
    let start = Instant::now();
    let found = html(&text);
    assert!(found.starts_with("<pre># a &lt;b&gt;"), "{}", &found[..100]);
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}

#[test]
fn a_stream_shows_what_the_whole_text_shows() {
    let text = "# Title\n\nLet \\(x\\) be.\n\n\\[\nx = 1\n\n- y\n\\]\n\n- one\n- two\n\n  more\n\n\
                ```rust\nfn main() {}\n\n// $x$\n```\n\n| a | b |\n|---|---|\n| $|z|$ | 2 |\n\nEnd $$q$$.";
    for n_chars in [1, 3, 7, 50] {
        let chars: Vec<char> = text.chars().collect();
        let mut blocks = Blocks::default();
        let mut shown: Vec<String> = Vec::new();
        let mut take = |changed: Vec<(usize, String)>| {
            for (index, html) in changed {
                assert!(index <= shown.len(), "block {index} after {}", shown.len());
                match shown.get_mut(index) {
                    Some(block) => *block = html,
                    None => shown.push(html),
                }
            }
        };
        for piece in chars.chunks(n_chars) {
            blocks.push(&piece.iter().collect::<String>());
            take(blocks.update());
        }
        take(blocks.finish());
        let shown: Vec<String> = shown.into_iter().filter(|html| !html.is_empty()).collect();
        assert_eq!(shown, document(text), "{n_chars} characters at once");
    }
}

#[test]
fn a_stream_costs_a_fixed_multiple_of_its_text() {
    let mut blocks = Blocks::default();
    let (mut n_sent, mut n_text) = (0, 0);
    for line in 0..4000 {
        let piece = format!(
            "{}line {line} of a block without an end\n",
            if line == 0 { "```\n" } else { "" }
        );
        n_text += piece.len();
        blocks.push(&piece);
        n_sent += blocks.update().iter().map(|(_, html)| html.len()).sum::<usize>();
    }
    assert!(n_sent < 40 * n_text, "{n_sent} bytes for {n_text}");
}
