//! Judges pairs from a JSON Lines file of `{"gold", "answer"}` (or a small built-in mix) on one
//! thread and prints pairs a second and the slowest pair; with `--print` the verdicts of
//! standard input instead, with `--each` the milliseconds of each pair.

use std::io::Read;
use std::time::Instant;

use ponder_tasks::grade::grade;
use ponder_tasks::grade::jsonl::grade_line;
use ponder_tasks::grade::policy::Policy;

const PAIRS: &[(&str, &str)] = &[
    ("42", "$42$"),
    ("\\frac{14}{3}", "14/3"),
    ("3\\sqrt{13}", "\\sqrt{117}"),
    ("90^\\circ", "90"),
    ("(3,4]", "\\left(3, 4\\right]"),
    ("x^5 - x^4 + x^3 - x^2 + x - 1", "(x-1)(x^4+x^2+1)"),
    (
        "\\begin{pmatrix} -1/3 \\\\ 2/3 \\end{pmatrix}",
        "\\begin{bmatrix}-\\frac13\\\\ \\frac23\\end{bmatrix}",
    ),
    ("\\text{Evelyn}", "Evelyn"),
];

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.iter().any(|arg| arg == "--print") {
        let mut input = String::new();
        std::io::stdin().read_to_string(&mut input).expect("standard input is text");
        for line in input.lines() {
            println!("{}", grade_line(line, &Policy::STANDARD).expect("each line is a pair"));
        }
        return;
    }
    let pairs: Vec<(String, String)> = match args.first() {
        Some(path) => {
            let text = std::fs::read_to_string(path).expect("the file is readable");
            let pair = |line: &str| {
                let value: serde_json::Value = serde_json::from_str(line).expect("JSON Lines");
                let field = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
                (field("gold"), field("answer"))
            };
            text.lines().map(pair).collect()
        }
        None => PAIRS.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect(),
    };
    if args.iter().any(|arg| arg == "--each") {
        for (number, (gold, answer)) in pairs.iter().enumerate() {
            let begin = Instant::now();
            let judgement = grade(gold, answer, &Policy::STANDARD);
            let took = begin.elapsed().as_secs_f64() * 1e3;
            println!("{number}\t{took:.3}\t{:?}\t{}", judgement.verdict, judgement.reason);
        }
        return;
    }
    let rounds = (20_000 / pairs.len().max(1)).max(1);
    let (mut slowest, mut which) = (0.0, "");
    let start = Instant::now();
    for _ in 0..rounds {
        for (gold, answer) in &pairs {
            let begin = Instant::now();
            std::hint::black_box(grade(gold, answer, &Policy::STANDARD));
            let took = begin.elapsed().as_secs_f64();
            if took > slowest {
                (slowest, which) = (took, gold);
            }
        }
    }
    let total = start.elapsed().as_secs_f64();
    let count = (rounds * pairs.len()) as f64;
    println!("{count} pairs in {total:.3} s: {:.0} pairs/s on one thread", count / total);
    println!("slowest {:.3} ms: {}", slowest * 1e3, which.chars().take(60).collect::<String>());
}
