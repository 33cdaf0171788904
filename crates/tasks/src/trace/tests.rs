//! The headroom of the search tasks: a perfect executor of the traces solves more the later it
//! gives up (training spec, 5.3).

use super::tokens;
use crate::random::Random;
use crate::task::{Class, Style};
use crate::{all, find};

/// What a thousand perfect executors reach.
struct Measured {
    solved: f64,
    mean_tokens: f64,
    most_tokens: usize,
}

fn measure(name: &str, level: u8, mean_tries: f64, n: usize) -> Measured {
    let task = find(name).unwrap();
    let mut random = Random::named(11, name);
    let (mut n_solved, mut n_tokens, mut most_tokens) = (0, 0, 0);
    for _ in 0..n {
        let problem = task.draw(level, &mut random);
        let work = problem.work(Style::Search { mean_tries }, &mut random);
        let is_found = !work.thinking.ends_with("giveup");
        let told = || format!("{}\n{}\n{}", problem.canonical(), work.thinking, work.reply);
        assert_eq!(problem.grade(&work.reply), is_found, "{}", told());
        n_solved += usize::from(is_found);
        n_tokens += tokens(&work.thinking);
        most_tokens = most_tokens.max(tokens(&work.thinking));
    }
    let share = |count: usize| count as f64 / n as f64;
    Measured { solved: share(n_solved), mean_tokens: share(n_tokens), most_tokens }
}

#[test]
fn patience_pays_in_countdown_as_much_as_the_specification_says() {
    for (mean_tries, solved, mean_tokens) in
        [(1.0, 0.35, 17.0), (3.0, 0.43, 30.0), (10.0, 0.62, 58.0), (40.0, 0.85, 87.0)]
    {
        let found = measure("countdown3", 8, mean_tries, 2000);
        let (share, length) = (found.solved, found.mean_tokens);
        assert!((share - solved).abs() < 0.05, "{share} at {mean_tries}, not {solved}");
        assert!((length - mean_tokens).abs() < 15.0, "{length} at {mean_tries}, not {mean_tokens}");
    }
}

#[test]
fn patience_pays_in_every_search_and_thoughts_stay_short() {
    for task in all().iter().filter(|task| task.class() == Class::Search) {
        for (level, gain) in [(6, 0.08), (9, 0.2)] {
            let early = measure(task.name(), level, 3.0, 400);
            let late = measure(task.name(), level, 40.0, 400);
            let place = format!("{} {level}", task.name());
            assert!(late.solved > early.solved + gain, "{place}: {} {}", early.solved, late.solved);
            assert!(late.mean_tokens > early.mean_tokens, "{place}");
            assert!(late.most_tokens <= 460, "{place}: {}", late.most_tokens);
        }
    }
}

#[test]
fn words_count_once_and_signs_each() {
    assert_eq!(tokens("12+7=19"), 7);
    assert_eq!(tokens("back"), 1);
    assert_eq!(tokens("19+3=22 no"), 8);
    assert_eq!(tokens("check 7*3 ok"), 6);
}
