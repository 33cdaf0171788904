//! What the tasks write themselves is graded as right, and looks as it should.

use crate::curves::tokens;
use ponder_tasks::random::Random;
use ponder_tasks::{Class, LEVELS, Split, Style, all};

#[test]
#[ignore = "prints samples to look at"]
fn print_samples() {
    let styles = [
        Style::Straight,
        Style::Checked,
        Style::Search { mean_tries: 3.0 },
        Style::Search { mean_tries: f64::INFINITY },
        Style::Slip,
        Style::Short,
    ];
    for task in all() {
        for level in [2, 8] {
            for style in styles {
                let mut random = Random::new(5, u64::from(level));
                let problem = task.draw(level, &mut random);
                let question = problem.question(&mut random);
                let work = problem.work(style, &mut random);
                println!("-- {} {level} {style:?} {}", task.name(), problem.canonical());
                println!("Q {question}\n{}\n</think>\n{}", work.thinking, work.reply);
            }
        }
    }
}

#[test]
fn what_is_found_is_graded_as_right_in_every_style() {
    let styles = [
        Style::Straight,
        Style::Checked,
        Style::Search { mean_tries: f64::INFINITY },
        Style::Search { mean_tries: 3.0 },
        Style::Slip,
        Style::Short,
    ];
    for task in all().iter().filter(|task| task.class() == Class::Search) {
        let mut random = Random::named(3, task.name());
        for i in 0..1200u32 {
            let problem = task.draw((i % 10) as u8, &mut random);
            let style = styles[(i / 10) as usize % styles.len()];
            let work = problem.work(style, &mut random);
            let is_found = !work.thinking.ends_with("giveup");
            let told = format!("{}\n{}\n{}", problem.canonical(), work.thinking, work.reply);
            assert_eq!(problem.grade(&work.reply), is_found, "{told}");
            assert_eq!(work.thinking.trim(), work.thinking, "{told}");
            assert!(!work.thinking.contains("\n\n") && !work.thinking.contains("  "), "{told}");
            assert!(tokens(&work.thinking) <= 470, "{told}");
        }
    }
}

#[test]
#[ignore = "prints how many problems levels have"]
fn print_sizes() {
    for task in all().iter().filter(|task| task.class() == Class::Search) {
        for level in 0..LEVELS {
            let mut random = Random::named(u64::from(level), task.name());
            let found: std::collections::BTreeSet<String> =
                (0..3000).map(|_| task.draw(level, &mut random).canonical()).collect();
            let test = found.iter().filter(|text| Split::of(text) == Split::Test).count();
            println!("{} {level}: {} of 3000 differ, {test} for tests", task.name(), found.len());
        }
    }
}
