//! Problems at the edge of what a model can do: each task's level rises when its groups mostly
//! succeed and falls when they mostly fail. Some prompts come from easier levels, lest they be
//! forgotten.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::random::Random;

/// A task of a run, its share and its levels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskShare {
    /// The task's name.
    pub task: String,
    /// Its share of the prompts; shares need not sum to 1.
    pub share: f64,
    /// The level it begins with.
    pub first_level: u8,
    /// The levels it may reach, both included.
    pub levels: [u8; 2],
}

/// When levels change.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CurriculumOptions {
    /// Groups of the present level that are looked back on.
    pub window: usize,
    /// The share of right answers above which the level rises; above 1 it never does.
    pub raise_above: f64,
    /// The share below which it falls; 0 never.
    pub lower_below: f64,
    /// The share of prompts that come from easier levels.
    pub easier_share: f64,
}

impl CurriculumOptions {
    /// Windows of 20 groups between a tenth and seven tenths right, a fifth of the prompts easier.
    pub const EDGE: CurriculumOptions =
        CurriculumOptions { window: 20, raise_above: 0.7, lower_below: 0.1, easier_share: 0.2 };

    /// Levels stay where they begin.
    pub const FIXED: CurriculumOptions =
        CurriculumOptions { window: 20, raise_above: 2.0, lower_below: 0.0, easier_share: 0.0 };
}

/// Where each task stands; part of a run's checkpoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Curriculum {
    tasks: BTreeMap<String, Standing>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Standing {
    level: u8,
    /// Shares of right answers of the latest groups of this level, oldest first.
    rates: Vec<f64>,
}

impl Curriculum {
    /// Every task at its first level.
    pub fn new(shares: &[TaskShare]) -> Curriculum {
        let standing = |share: &TaskShare| {
            (share.task.clone(), Standing { level: share.first_level, rates: Vec::new() })
        };
        Curriculum { tasks: shares.iter().map(standing).collect() }
    }

    /// The present level of every task.
    pub fn levels(&self) -> BTreeMap<String, u8> {
        self.tasks.iter().map(|(task, standing)| (task.clone(), standing.level)).collect()
    }

    /// The task and level of the next prompt.
    pub fn pick<'a>(
        &self,
        shares: &'a [TaskShare],
        options: &CurriculumOptions,
        random: &mut Random,
    ) -> (&'a TaskShare, u8) {
        let total: f64 = shares.iter().map(|share| share.share).sum();
        let mut left = random.uniform() * total;
        let found = shares.iter().find(|share| {
            left -= share.share;
            left < 0.0
        });
        let share = found.unwrap_or(&shares[shares.len() - 1]);
        let [least, _] = share.levels;
        let level = self.tasks.get(&share.task).map_or(share.first_level, |task| task.level);
        if level > least && random.chance(options.easier_share) {
            return (share, least + random.below((level - least) as u64) as u8);
        }
        (share, level)
    }

    /// Notes the share of right answers of a group, and moves its task's level by one if the
    /// window is full and says so. Groups of other levels than the present tell nothing.
    pub fn note(&mut self, share: &TaskShare, level: u8, rate: f64, options: &CurriculumOptions) {
        let Some(standing) = self.tasks.get_mut(&share.task) else { return };
        if standing.level != level {
            return;
        }
        standing.rates.push(rate);
        let excess = standing.rates.len().saturating_sub(options.window);
        standing.rates.drain(..excess);
        if standing.rates.len() < options.window {
            return;
        }
        let mean = standing.rates.iter().sum::<f64>() / options.window.max(1) as f64;
        let [least, greatest] = share.levels;
        let next = if mean > options.raise_above {
            (level + 1).min(greatest)
        } else if mean < options.lower_below {
            level.saturating_sub(1).max(least)
        } else {
            level
        };
        if next != level {
            *standing = Standing { level: next, rates: Vec::new() };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(task: &str, share: f64) -> TaskShare {
        TaskShare { task: task.into(), share, first_level: 2, levels: [1, 4] }
    }

    #[test]
    fn levels_follow_success_within_their_bounds() {
        let shares = [share("a", 1.0)];
        let mut curriculum = Curriculum::new(&shares);
        let mut note = |level: u8, rate: f64, n: usize| {
            (0..n).for_each(|_| {
                curriculum.note(&shares[0], level, rate, &CurriculumOptions::EDGE);
            });
            curriculum.levels()["a"]
        };
        assert_eq!(note(2, 0.9, 19), 2);
        assert_eq!(note(1, 0.0, 50), 2, "other levels tell nothing");
        assert_eq!(note(2, 0.9, 1), 3);
        assert_eq!(note(3, 0.5, 60), 3);
        assert_eq!(note(3, 1.0, 20), 4, "the window looks back on 20 groups, not on all");
        assert_eq!(note(4, 1.0, 60), 4);
        assert_eq!(note(4, 0.0, 20), 3);
        assert_eq!(note(3, 0.0, 20), 2);
        assert_eq!(note(2, 0.0, 20), 1);
        assert_eq!(note(1, 0.0, 60), 1);
    }

    #[test]
    fn prompts_follow_shares_and_come_back_to_easier_levels() {
        let shares = [share("a", 3.0), share("b", 1.0)];
        let curriculum = Curriculum::new(&shares);
        let (mut of_a, mut easier) = (0, 0);
        for i in 0..10_000 {
            let mut random = Random::at(1, &[2, i]);
            let (share, level) = curriculum.pick(&shares, &CurriculumOptions::EDGE, &mut random);
            of_a += (share.task == "a") as u32;
            assert!(level == 1 || level == 2);
            easier += (level == 1) as u32;
        }
        assert!((7300..7700).contains(&of_a), "{of_a}");
        assert!((1800..2200).contains(&easier), "{easier}");
    }
}
