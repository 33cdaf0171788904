//! What holds for every task: own solutions are paid, nothing else is, draws repeat, every side of
//! the split has problems.

use std::collections::{HashMap, HashSet};

use ponder_tasks::random::Random;
use ponder_tasks::task::draw;
use ponder_tasks::{Class, LEVELS, Split, Style, Task, all};

const STYLES: [Style; 5] = [
    Style::Straight,
    Style::Checked,
    Style::Search { mean_tries: f64::INFINITY },
    Style::Slip,
    Style::Short,
];

fn each_level(mut check: impl FnMut(&'static dyn Task, u8)) {
    for task in all() {
        for level in 0..LEVELS {
            check(*task, level);
        }
    }
}

/// 100,000 of each task where tests run optimised.
const N_ROUND_TRIPS: u64 = if cfg!(debug_assertions) { 100 } else { 10_000 };

#[test]
fn every_own_solution_is_paid() {
    each_level(|task, level| {
        for i in 0..N_ROUND_TRIPS {
            let mut random = Random::new(i, u64::from(level));
            let problem = task.draw(level, &mut random);
            let work = problem.work(STYLES[i as usize % STYLES.len()], &mut random);
            let place = format!("{} {level} {i}: {work:?}", task.name());
            // A search may reach the end of the context and guess.
            let gave_up = work.thinking.contains("giveup");
            assert!(gave_up || problem.grade(&work.reply), "{place}");
            assert!(!work.thinking.is_empty() && work.thinking == work.thinking.trim(), "{place}");
            assert_eq!(
                work.reply.contains("\\boxed{"),
                task.class() != Class::Instruction,
                "{place}"
            );
        }
    });
}

/// Variants of one problem share a canonical text; then they have one answer, too.
#[test]
fn equal_problems_have_equal_answers() {
    let mut answers: HashMap<String, String> = HashMap::new();
    each_level(|task, level| {
        if task.class() != Class::Compute {
            return;
        }
        for i in 0..500 {
            let mut random = Random::new(17, i);
            let problem = task.draw(level, &mut random);
            let reply = problem.work(Style::Short, &mut random).reply;
            let known = answers.entry(problem.canonical()).or_insert_with(|| reply.clone());
            assert_eq!(*known, reply, "{} {level}: {}", task.name(), problem.canonical());
        }
    });
    assert!(answers.len() > 10_000, "{}", answers.len());
}

#[test]
fn wording_does_not_change_what_a_problem_is() {
    each_level(|task, level| {
        for i in 0..50 {
            let draw = || task.draw(level, &mut Random::new(7, i));
            let (one, two) = (draw(), draw());
            assert_eq!(one.canonical(), two.canonical(), "{} {level}", task.name());
            let question = |stream| one.question(&mut Random::new(stream, 1));
            assert_eq!(question(3), question(3));
            assert!(!question(3).is_empty() && question(3).len() < 1000, "{}", question(3));
        }
    });
}

#[test]
fn graders_take_any_text() {
    const PIECES: &[&str] = &[
        "\\boxed{",
        "\\boxed",
        "{",
        "}",
        "\\",
        "0",
        "7",
        "-",
        "+",
        "*",
        "/",
        "=",
        ",",
        ";",
        " ",
        "\n",
        "x",
        "y",
        "dup",
        "swap",
        "é",
        "٣",
        "１",
        "\0",
        "9999999999999999999",
        "yes",
        "no",
        "I do not know",
    ];
    each_level(|task, level| {
        let mut random = Random::new(19, u64::from(level));
        let problem = task.draw(level, &mut random);
        for _ in 0..100 {
            let n_pieces = random.below(30);
            let inner: String = (0..n_pieces).map(|_| *random.pick(PIECES)).collect();
            problem.grade(&inner);
            problem.grade(&format!("\\boxed{{{inner}}}"));
        }
    });
}

#[test]
fn every_side_of_the_split_has_problems() {
    each_level(|task, level| {
        let mut random = Random::new(9, u64::from(level));
        let problems: HashSet<String> =
            (0..500).map(|_| task.draw(level, &mut random).canonical()).collect();
        // Of few problems, such as the multiplication table's, all may be on one side.
        if problems.len() < 150 {
            return;
        }
        for split in [Split::Train, Split::Validation, Split::Test] {
            let drawn = draw(task, level, split, &mut random);
            assert!(drawn.is_some(), "{} {level}: none in {split:?}", task.name());
        }
    });
}

#[test]
fn one_answer_to_all_problems_is_rarely_paid() {
    each_level(|task, level| {
        let mut random = Random::new(11, u64::from(level));
        let problems: Vec<_> = (0..300).map(|_| task.draw(level, &mut random)).collect();
        let replies: Vec<String> = problems[..20]
            .iter()
            .map(|problem| problem.work(Style::Short, &mut random).reply)
            .chain(["", "0", "\\boxed{0}", "\\boxed{1}", "\\boxed{}"].map(String::from))
            .collect();
        if task.class() == Class::Instruction {
            return;
        }
        for reply in replies {
            let n_paid = problems.iter().filter(|problem| problem.grade(&reply)).count();
            assert!(n_paid < 100, "{} {level} pays {n_paid} of 300 for {reply}", task.name());
        }
    });
}

/// A thought has to fit a context of 512 tokens together with its question.
#[test]
fn work_is_short() {
    each_level(|task, level| {
        for i in 0..200 {
            let mut random = Random::new(13, i);
            let problem = task.draw(level, &mut random);
            let question = problem.question(&mut random);
            let work = problem.work(STYLES[i as usize % STYLES.len()], &mut random);
            let n_tokens = n_tokens(&question) + n_tokens(&work.thinking) + n_tokens(&work.reply);
            assert!(n_tokens <= 500, "{} {level}: {n_tokens}: {question}\n{work:?}", task.name());
        }
    });
}

/// Tokens of a text, about: a short word is one with the blank before it, a longer one two or
/// three, anything else one a character.
fn n_tokens(text: &str) -> usize {
    let words = text.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty());
    let n_words: usize = words.clone().map(|word| word.len().div_ceil(6)).sum();
    let n_letters: usize = words.map(|word| word.chars().count()).sum();
    let n_blanks = text.matches(' ').count();
    n_words + text.chars().count() - n_letters - n_blanks
}
