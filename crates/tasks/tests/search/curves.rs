//! The headroom of the search tasks: a perfect executor of the traces solves more the later it
//! gives up (training spec, 5.3).

use ponder_tasks::random::Random;
use ponder_tasks::{Style, find};

/// Tokens of a text, about: one a word with its blank, one for any other character.
pub(crate) fn tokens(text: &str) -> usize {
    let mut count = 0;
    let mut before = '\n';
    for c in text.chars() {
        let goes_on = c.is_ascii_alphabetic() && (before.is_ascii_alphabetic() || before == ' ');
        count += usize::from(!goes_on);
        before = c;
    }
    count
}

/// Share solved, mean tokens of the thought, share of thoughts that give up, longest thought.
fn measure(name: &str, level: u8, mean_tries: f64, n: usize) -> (f64, f64, f64, usize) {
    let task = find(name).unwrap();
    let mut random = Random::named(11, name);
    let (mut solved, mut length, mut gave_up, mut longest) = (0, 0, 0, 0);
    for _ in 0..n {
        let problem = task.draw(level, &mut random);
        let work = problem.work(Style::Search { mean_tries }, &mut random);
        let is_found = !work.thinking.ends_with("giveup");
        let is_right = problem.grade(&work.reply);
        assert!(is_right || !is_found, "{}\n{}", work.thinking, work.reply);
        solved += usize::from(is_right);
        gave_up += usize::from(!is_found);
        length += tokens(&work.thinking);
        longest = longest.max(tokens(&work.thinking));
    }
    let share = |count: usize| count as f64 / n as f64;
    (share(solved), share(length), share(gave_up), longest)
}

#[test]
#[ignore = "prints a table to look at"]
fn print_curves() {
    for name in ["countdown3", "countdown4", "factor", "subset", "sudoku", "knights", "path"] {
        if find(name).is_none() {
            continue;
        }
        for level in [0, 4, 8, 9] {
            print!("{name} {level}: ");
            for mean in [1.0, 2.0, 3.0, 4.0, 6.0, 10.0, 20.0, 40.0, f64::INFINITY] {
                let (solved, length, _, longest) = measure(name, level, mean, 400);
                print!("{solved:.2}/{length:.0}/{longest} ");
            }
            println!();
        }
    }
}
