//! Prints problems and their worked solutions: `show [TASK [LEVEL [COUNT]]]`.

use ponder_tasks::random::Random;
use ponder_tasks::{LEVELS, Style, Task, all, find};

const STYLES: [Style; 5] =
    [Style::Straight, Style::Checked, Style::Search { mean_tries: 3.0 }, Style::Slip, Style::Short];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let tasks: Vec<&'static dyn Task> = match arguments.first() {
        Some(name) => vec![find(name).unwrap_or_else(|| panic!("no task `{name}`: {:?}", all()))],
        None => all().to_vec(),
    };
    let levels = match arguments.get(1) {
        Some(level) => {
            let level: u8 = level.parse().expect("the second argument is a level");
            level..level + 1
        }
        None => 0..LEVELS,
    };
    let count = arguments.get(2).map_or(1, |count| count.parse().expect("the third is a count"));
    for task in tasks {
        for level in levels.clone() {
            for i in 0..count {
                let mut random = Random::new(u64::from(level), i);
                let problem = task.draw(level, &mut random);
                let style = STYLES[(usize::from(level) + i as usize) % STYLES.len()];
                println!("== {} {level} {style:?}: {}", task.name(), problem.canonical());
                println!("{}", problem.question(&mut random));
                let work = problem.work(style, &mut random);
                println!("<think>{}</think>\n{}", work.thinking, work.reply);
            }
        }
    }
}
