//! How much patience pays: the share that perfect executors of the search tasks solve and the mean
//! tokens of their thoughts, by the mean number of failed tries before they give up.
//! `headroom [LEVEL [COUNT]]`.

use ponder_tasks::random::Random;
use ponder_tasks::{Class, Style, all, tokens};

const MEAN_TRIES: [f64; 9] = [1.0, 2.0, 3.0, 4.0, 6.0, 10.0, 20.0, 40.0, f64::INFINITY];

fn main() {
    let mut arguments = std::env::args().skip(1);
    let level = arguments.next().map_or(8, |level| level.parse().expect("a level"));
    let count = arguments.next().map_or(1000, |count| count.parse().expect("a count"));
    print!("{:12}", "task");
    MEAN_TRIES.iter().for_each(|mean_tries| print!("{mean_tries:>10}"));
    println!();
    for task in all().iter().filter(|task| task.class() == Class::Search) {
        print!("{:12}", task.name());
        for mean_tries in MEAN_TRIES {
            let mut random = Random::named(u64::from(level), task.name());
            let (mut n_solved, mut n_tokens) = (0, 0);
            for _ in 0..count {
                let problem = task.draw(level, &mut random);
                let work = problem.work(Style::Search { mean_tries }, &mut random);
                n_solved += usize::from(problem.grade(&work.reply));
                n_tokens += tokens(&work.thinking);
            }
            let share = |total: usize| total as f64 / f64::from(count);
            print!("{:>6.2} {:>3.0}", share(n_solved), share(n_tokens));
        }
        println!();
    }
}
