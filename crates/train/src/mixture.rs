//! Which problems a model meets: the share of each task, level and style.

use std::collections::BTreeMap;

use ponder_tasks::random::Random;
use ponder_tasks::{Class, Drawn, LEVELS, Split, Style, Task, task};
use serde::{Deserialize, Serialize};

use crate::error::{Result, TrainError};

/// Shares of tasks, and of the levels of each; they need not add up to anything.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Mixture {
    /// By the task's name.
    pub tasks: BTreeMap<String, Share>,
}

/// How often a task is met, and at which levels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Share {
    /// The weight of the task.
    pub share: f64,
    /// The weight of each level, from 0; levels beyond have none.
    pub levels: Vec<f64>,
}

/// A task's shares in supervised and in reinforcement learning.
type Shares = (&'static str, f64, f64);

/// The tasks that RL has headroom in, because supervised traces give up early: all levels, the
/// hardest rarely at first.
const SEARCHES: &[Shares] = &[
    ("countdown3", 16.0, 22.0),
    ("countdown4", 3.0, 10.0),
    ("factor", 6.0, 8.0),
    ("subset", 6.0, 8.0),
    ("sudoku", 6.0, 8.0),
    ("knights", 4.0, 6.0),
    ("path", 4.0, 5.0),
];

/// The tasks of written-out steps. Their levels are lengths, and a model that never saw a length
/// does not count that far, so supervised learning sees all.
const COMPUTATIONS: &[Shares] = &[
    ("addsub", 10.0, 2.0),
    ("mul", 8.0, 3.0),
    ("chain", 8.0, 5.0),
    ("mod", 3.0, 2.0),
    ("gcd", 3.0, 2.0),
    ("base", 2.0, 1.0),
    ("linear", 8.0, 8.0),
    ("program", 2.0, 2.0),
];

/// Stories, of as many steps as their level: long ones are left to reinforcement learning.
const STORIES: &[Shares] = &[("words", 12.0, 8.0)];

/// Talk, which needs no reasoning.
const TALK: &[Shares] = &[("smalltalk", 5.0, 1.0), ("instruct", 3.0, 1.0)];

const SEARCH_LEVELS: [f64; 10] = [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.7, 0.5, 0.3, 0.3];
/// Short sums are what people ask.
const COMPUTATION_LEVELS: [f64; 10] = [2.0, 2.0, 1.5, 1.5, 1.0, 1.0, 0.5, 0.5, 0.3, 0.3];
const STORY_LEVELS: [f64; 7] = [1.0, 1.0, 1.0, 1.0, 1.0, 0.3, 0.1];
const EVERY_LEVEL: [f64; 10] = [1.0; 10];

impl Mixture {
    /// What pre-training and the cold start see.
    pub fn supervised() -> Mixture {
        let mut mixture = Mixture { tasks: BTreeMap::new() };
        let levels = [&SEARCH_LEVELS[..], &COMPUTATION_LEVELS, &STORY_LEVELS, &EVERY_LEVEL];
        for (shares, levels) in [SEARCHES, COMPUTATIONS, STORIES, TALK].iter().zip(levels) {
            for (name, share, _) in *shares {
                mixture.add(name, *share, levels);
            }
        }
        mixture
    }

    /// What reinforcement learning asks: every level.
    pub fn reinforced() -> Mixture {
        let mut mixture = Mixture { tasks: BTreeMap::new() };
        for (name, _, share) in [SEARCHES, COMPUTATIONS, STORIES, TALK].into_iter().flatten() {
            mixture.add(name, *share, &EVERY_LEVEL);
        }
        mixture
    }

    /// What is learnt beside sampled reasoning: small talk and short instructions.
    pub fn talk() -> Mixture {
        let mut mixture = Mixture { tasks: BTreeMap::new() };
        for (name, share, _) in TALK {
            mixture.add(name, *share, &EVERY_LEVEL);
        }
        mixture
    }

    fn add(&mut self, name: &str, share: f64, levels: &[f64]) {
        self.tasks.insert(name.to_owned(), Share { share, levels: levels.to_vec() });
    }

    /// It as a run's options record it.
    pub fn record(&self) -> toml::Table {
        toml::Table::try_from(self).expect("names and numbers")
    }

    /// Refuses tasks that do not exist and weights that cannot be drawn by.
    pub fn check(&self) -> Result<()> {
        let unusable = |what: String| Err(TrainError::Mixture { what });
        for (name, Share { levels, .. }) in &self.tasks {
            if ponder_tasks::find(name).is_none() {
                let names: Vec<&str> = ponder_tasks::all().iter().map(|t| t.name()).collect();
                return unusable(format!("no task `{name}`; there are {}", names.join(", ")));
            }
            if levels.len() > LEVELS as usize || !can_choose(levels) {
                return unusable(format!("{name}.levels: {levels:?} gives nothing to draw"));
            }
        }
        let shares: Vec<f64> = self.tasks.values().map(|share| share.share).collect();
        if can_choose(&shares) { Ok(()) } else { unusable(format!("the shares are {shares:?}")) }
    }

    /// A problem of this mixture; it has passed [`Mixture::check`].
    pub fn draw(&self, split: Split, random: &mut Random) -> Drawn {
        let shares: Vec<f64> = self.tasks.values().map(|share| share.share).collect();
        loop {
            let chosen = self.tasks.iter().nth(choose(&shares, random));
            let (name, Share { levels, .. }) = chosen.expect("as many as shares");
            let task: &'static dyn Task = ponder_tasks::find(name).expect("a checked name");
            let level = choose(levels, random) as u8;
            // A level with few problems may have none in a small split.
            if let Some(drawn) = task::draw(task, level, split, random) {
                return drawn;
            }
        }
    }
}

fn can_choose(weights: &[f64]) -> bool {
    weights.iter().all(|w| *w >= 0.0 && w.is_finite()) && weights.iter().sum::<f64>() > 0.0
}

/// The index of one of `weights`, as likely as it is large.
pub fn choose(weights: &[f64], random: &mut Random) -> usize {
    let mut left = random.uniform() * weights.iter().sum::<f64>();
    let chosen = weights.iter().position(|weight| {
        left -= weight;
        left < 0.0
    });
    chosen.unwrap_or_else(|| weights.iter().rposition(|w| *w > 0.0).unwrap_or(0))
}

/// Mean number of tries before a search gives up in the cold start. A perfect solver of countdown
/// with three numbers then finds 43 % of the answers; the rest is for reinforcement learning.
pub const COLD_START_TRIES: f64 = 3.0;

/// The style of a sample in the cold start: most searches search, and give up early at random.
pub fn cold_start_style(class: Class, random: &mut Random) -> Style {
    let search = Style::Search { mean_tries: COLD_START_TRIES };
    let styles = [Style::Straight, Style::Checked, search, Style::Slip, Style::Short];
    let weights = match class {
        Class::Compute | Class::Instruction => [0.4, 0.4, 0.0, 0.1, 0.1],
        Class::Search => [0.03, 0.07, 0.8, 0.07, 0.03],
    };
    styles[choose(&weights, random)]
}

/// The style of a text in pre-training: searches of all lengths, up to those that never give up.
pub fn base_style(class: Class, random: &mut Random) -> Style {
    match cold_start_style(class, random) {
        Style::Search { .. } => {
            let mean_tries = [2.0, 6.0, f64::INFINITY][random.below(3) as usize];
            Style::Search { mean_tries }
        }
        style => style,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_presets_draw_every_task_at_its_share() {
        for mixture in [Mixture::supervised(), Mixture::reinforced()] {
            mixture.check().unwrap();
            let mut random = Random::new(1, 2);
            let mut counts: BTreeMap<&str, f64> = BTreeMap::new();
            for _ in 0..4000 {
                *counts.entry(mixture.draw(Split::Train, &mut random).task.name()).or_default() +=
                    1.0;
            }
            let total: f64 = mixture.tasks.values().map(|share| share.share).sum();
            for (name, share) in &mixture.tasks {
                let expected = share.share / total * 4000.0;
                let found = counts.get(name.as_str()).copied().unwrap_or(0.0);
                assert!((found - expected).abs() < 5.0 * expected.sqrt(), "{name}: {found}");
            }
        }
    }

    #[test]
    fn what_cannot_be_drawn_is_refused_by_name() {
        let mixture = |name: &str, share, levels: &[f64]| {
            let mut mixture = Mixture { tasks: BTreeMap::new() };
            mixture.add(name, share, levels);
            mixture.check().unwrap_err().to_string()
        };
        assert!(mixture("sodoku", 1.0, &[1.0]).contains("no task `sodoku`"));
        assert!(mixture("mul", 1.0, &[0.0, f64::NAN]).contains("mul.levels"));
        assert!(mixture("mul", 1.0, &[1.0; 11]).contains("mul.levels"));
        assert!(mixture("mul", -1.0, &[1.0]).contains("[-1.0]"));
    }
}
