//! Inputs made to break the grader: it must come back, without panic, on a small stack, and
//! accept none of them. How long each takes is measured by the `grade_speed` example.

use ponder_tasks::grade::extract::extract_answer;
use ponder_tasks::grade::parse::parse;
use ponder_tasks::grade::policy::Policy;
use ponder_tasks::grade::{Verdict, compare_values, grade};

/// Mutated inputs tried by [`random_text_never_panics`].
const FUZZ_INPUTS: usize = 200_000;
/// Stack given to the grader here, half of a Rust thread's default.
const STACK_BYTES: usize = 1 << 20;

/// Runs on a thread with a small stack.
fn on_small_stack(work: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(work);
    thread.expect("a thread").join().expect("no panic");
}

fn nested(open: &str, inner: &str, close: &str, depth: usize) -> String {
    format!("{}{inner}{}", open.repeat(depth), close.repeat(depth))
}

fn joined(mut part: impl FnMut(usize) -> String, with: &str, count: usize) -> String {
    (1..=count).map(&mut part).collect::<Vec<_>>().join(with)
}

/// What nests: opening, middle, closing.
#[rustfmt::skip]
const NESTINGS: &[(&str, &str, &str)] = &[
        ("(", "1", ")"),
        ("{", "1", "}"),
        ("[", "1,2", "]"),
        ("\\{", "1", "\\}"),
        ("\\frac{1}{1+", "x", "}"),
        ("\\sqrt{1+", "2", "}"),
        ("\\boxed{", "5", "}"),
        ("\\text{", "a", "}"),
        ("\\overline{", "1", "}"),
        ("x_{", "1", "}"),
        ("2^{", "2", "}"),
        ("|", "x", "|"),
        ("-", "1", ""),
        ("1", "", "!"),
        ("\\sin ", "x", ""),
        ("\\begin{pmatrix}", "1", "\\end{pmatrix}"),
        ("\\lfloor ", "1.5", "\\rfloor "),
        ("1/(x+", "1", ")"),
        ("f(", "x", ")"),
        ("\\log_{2", "8", "}"),
        ("\\left(", "1", "\\right)"),
        ("$", "1", "$"),
        ("9^", "9", ""),
        ("f", "", "'"),
];

fn inputs() -> Vec<String> {
    let mut inputs = Vec::new();
    for (open, inner, close) in NESTINGS {
        for depth in [10, 60, 63, 64, 65, 200, 2000] {
            inputs.push(nested(open, inner, close, depth));
        }
    }
    inputs.extend([
        "9^9^9^9".into(),
        "9^{9^{9^9}}+1".into(),
        "(a+b)^{1000}".into(),
        "(a+b+c+d)^{1000}".into(),
        "(1/3+1/7)^{99999}".into(),
        "99999!/99998!".into(),
        "10^{10^{10}}".into(),
        "\\binom{100000}{50000}".into(),
        "\\sin(10^{30})".into(),
        "e^{e^{e^{e^e}}}".into(),
        "1e2000+1e-2000".into(),
        "7".repeat(9990),
        format!("0.{}", "7".repeat(9990)),
        format!("\\sqrt{{{}}}", "7".repeat(9000)),
        format!("{}/{}", "7".repeat(4900), "3".repeat(4900)),
        vec!["111"; 2500].join(","),
        vec!["1"; 5000].join(","),
        "1\\pm".repeat(1900),
        joined(|i| format!("{i}x^{{{i}}}"), "+", 900),
        joined(|i| format!("(x+y+{i})"), "", 1000),
        joined(|i| format!("\\frac{{1}}{{x+{i}}}"), "+", 500),
        joined(|i| format!("\\sqrt{{{i}}}"), "+", 900),
        joined(|i| format!("\\sqrt{{{i}+\\sqrt{{{}}}}}", i + 1), "+", 300),
        joined(|i| format!("\\cos {i}x"), "", 900),
        joined(|i| format!("\\sin {i}^\\circ"), "+", 700),
        joined(|i| format!("({i},{i}.5)"), "\\cup", 800),
        joined(|i| format!("2^{{{}}}", 100_000_000 + i), "+", 600),
        joined(|i| format!("{i}!"), "+", 1500),
        joined(|_| "1e2000".to_owned(), "+", 1400),
        joined(|i| format!("\\ln {i}"), "+", 1200),
        joined(|_| ["1"; 60].join("&"), "\\\\", 60),
        "½".repeat(3000),
        "x²".repeat(3000),
        " ".repeat(9999),
        "\\".repeat(9999),
        "$".repeat(9999),
        "5 cm".to_owned() + &"^2".repeat(3000),
        "x<".repeat(5000) + "x",
        "1=".repeat(5000) + "1",
        "word ".repeat(2000),
        "1 and ".repeat(1600) + "1",
        "9".repeat(1 << 20),
        "\\boxed{".repeat(150_000),
        "\\boxed{1},".repeat(100_000),
        "answer: ".repeat(120_000),
        "</think>".repeat(100_000),
        "a.m. ".repeat(200_000),
    ]);
    inputs
}

#[test]
fn hostile_inputs_come_back() {
    on_small_stack(|| {
        for input in inputs() {
            let shown: String = input.chars().take(60).collect();
            let _ = extract_answer(&input);
            let _ = parse(&input);
            let near = format!("{input}+1");
            for (gold, answer) in [("123456789", input.as_str()), (input.as_str(), near.as_str())] {
                // What stands beside a box is not part of the answer.
                if gold.contains("\\boxed") {
                    continue;
                }
                let judgement = grade(gold, answer, &Policy::STANDARD);
                assert_ne!(judgement.verdict, Verdict::Equal, "{shown}: {judgement:?}");
            }
        }
    });
}

#[test]
fn an_answer_beyond_the_budget_is_undecided() {
    let starved = Policy { fuel: 500, ..Policy::STANDARD };
    let judgement = grade("(a+b)^{40}", "(b+a)^{40} + a - a", &starved);
    assert_eq!(judgement.verdict, Verdict::Undecided, "{judgement:?}");
    let judgement = grade("(a+b)^{40}", "(b+a)^{40} + a - a", &Policy::STANDARD);
    assert_eq!(judgement.verdict, Verdict::Equal, "{judgement:?}");
}

#[test]
fn verdicts_do_not_depend_on_the_thread() {
    let pairs = [
        ("\\sqrt{3+2\\sqrt2}", "1+\\sqrt2"),
        ("\\frac{1}{2004!}", "\\frac{1}{2006!}"),
        ("1/2", "0.5"),
    ];
    let all = move || pairs.map(|(gold, answer)| grade(gold, answer, &Policy::STANDARD));
    let here = all();
    let threads: Vec<_> = (0..4).map(|_| std::thread::spawn(all)).collect();
    for thread in threads {
        assert_eq!(thread.join().expect("no panic"), here);
    }
}

/// Pieces that meet in ways nobody writes.
const PIECES: &[&str] = &[
    "\\frac",
    "\\sqrt",
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    "\\{",
    "\\}",
    "^",
    "_",
    "1",
    "2",
    "0",
    "37",
    "1,000",
    ".5",
    "x",
    "y",
    "n",
    "i",
    "e",
    "\\pi",
    "+",
    "-",
    "*",
    "/",
    "=",
    "<",
    "\\le ",
    ",",
    ";",
    ":",
    "|",
    "!",
    "\\pm ",
    "\\cup ",
    "\\cap ",
    "\\in ",
    "\\infty",
    "\\text{",
    "cm",
    " and ",
    " or ",
    "\\%",
    "^\\circ",
    "$",
    "\\$",
    "\\begin{pmatrix}",
    "\\end{pmatrix}",
    "&",
    "\\\\",
    "\\sin ",
    "\\log_",
    "\\left",
    "\\right",
    "\\boxed{",
    "½",
    "²",
    "−",
    "π",
    "√",
    "é",
    "\u{200b}",
    "\u{202e}",
    "答案是",
    "</think>",
    "<think>",
    "**",
    "\\,",
    "\\!",
    "{,}",
    "...",
    "\\ldots",
    "p.m.",
    "June",
    "where",
    "\\mathbb{Z}",
    "\\mid ",
    "\\binom",
    "\\overline",
    "e5",
    "A",
    "#### ",
    "answer is ",
    "\\over",
    "\\choose ",
    "\\mathrm{",
    "\\lfloor ",
    "\\rfloor ",
    "\\setminus ",
    "\\emptyset",
    "to ",
    "%",
    "\n",
    "\t",
    "'",
    "\"",
    "`",
    "~",
    "\\",
    "\\begin{array}",
    "\\cos",
    "mod ",
    "gcd(",
    "x_1",
    "two",
    "half",
];

/// A small generator with a fixed seed, so that a failure can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n as u64) as usize
    }
}

#[test]
fn random_text_never_panics() {
    let seed = std::env::var("PONDER_FUZZ_SEED").ok().and_then(|s| s.parse().ok());
    let count = std::env::var("PONDER_FUZZ_INPUTS").ok().and_then(|s| s.parse().ok());
    let (seed, count) = (seed.unwrap_or(0x9e37_79b9), count.unwrap_or(FUZZ_INPUTS));
    on_small_stack(move || {
        let mut random = Random(seed);
        let mut failures = Vec::new();
        for _ in 0..count {
            let length = 1 + random.below(14);
            let mut text: String =
                (0..length).map(|_| PIECES[random.below(PIECES.len())]).collect();
            if random.below(4) == 0 {
                let cut = random.below(text.len() + 1);
                if text.is_char_boundary(cut) {
                    text.truncate(cut);
                }
            }
            let verdict = grade("1234567", &text, &Policy::STANDARD).verdict;
            assert_ne!(verdict, Verdict::Equal, "{text:?}");
            if let Ok(value) = parse(&text) {
                let printed = value.to_string();
                let again = parse(&printed);
                let is_same = again.as_ref().is_ok_and(|again| {
                    compare_values(&value, again, &Policy::STRICT).0 != Verdict::Different
                });
                if !is_same && failures.len() < 40 {
                    failures.push(format!("{text:?} prints as {printed:?}: {again:?}"));
                }
            }
        }
        assert!(failures.is_empty(), "{}", failures.join("\n"));
    });
}
