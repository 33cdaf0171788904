//! Which problems a model meets: the share of each task, level and style.

use std::collections::BTreeMap;

use ponder_tasks::random::Random;
use ponder_tasks::{Class, Drawn, Split, Style, Task, task};
use serde::{Deserialize, Serialize};

use crate::error::{Result, TrainError};

/// Shares of tasks and levels; they need not add up to anything.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mixture {
    /// The weight of each task, by name.
    pub tasks: BTreeMap<String, f64>,
    /// The weight of each level, from 0; levels beyond have none.
    pub levels: Vec<f64>,
}

/// Shares in the cold start and in reinforcement learning.
const SHARES: &[(&str, f64, f64)] = &[
    ("addsub", 10.0, 2.0),
    ("mul", 8.0, 3.0),
    ("chain", 8.0, 5.0),
    ("mod", 3.0, 2.0),
    ("gcd", 3.0, 2.0),
    ("base", 2.0, 1.0),
    ("linear", 8.0, 8.0),
    ("countdown3", 16.0, 22.0),
    ("countdown4", 2.0, 10.0),
    ("factor", 6.0, 8.0),
    ("subset", 6.0, 8.0),
    ("sudoku", 6.0, 8.0),
    ("knights", 4.0, 6.0),
    ("path", 4.0, 5.0),
    ("words", 10.0, 8.0),
    ("program", 2.0, 2.0),
    ("smalltalk", 4.0, 0.0),
    ("instruct", 2.0, 0.0),
];

impl Mixture {
    /// What pre-training and the cold start see: easy levels often, middle ones rarely, hard ones
    /// never, so that reinforcement learning has an edge of competence to push.
    pub fn supervised() -> Mixture {
        let tasks = SHARES.iter().map(|(name, share, _)| ((*name).to_owned(), *share)).collect();
        Mixture { tasks, levels: vec![1.0, 1.0, 1.0, 1.0, 0.3, 0.1] }
    }

    /// What reinforcement learning asks.
    pub fn reinforced() -> Mixture {
        let shares = SHARES.iter().filter(|(_, _, share)| *share > 0.0);
        let tasks = shares.map(|(name, _, share)| ((*name).to_owned(), *share)).collect();
        Mixture { tasks, levels: vec![0.5, 1.0, 1.0, 1.0, 1.0, 0.5] }
    }

    /// The same of one task.
    pub fn only(task: &str, levels: Vec<f64>) -> Mixture {
        Mixture { tasks: BTreeMap::from([(task.to_owned(), 1.0)]), levels }
    }

    /// Refuses tasks that do not exist and weights that cannot be drawn by.
    pub fn check(&self) -> Result<()> {
        let unusable = |what: String| TrainError::Mixture { what };
        for name in self.tasks.keys() {
            if ponder_tasks::find(name).is_none() {
                let names: Vec<&str> = ponder_tasks::all().iter().map(|t| t.name()).collect();
                return Err(unusable(format!("no task `{name}`; there are {}", names.join(", "))));
            }
        }
        for (what, weights) in
            [("tasks", self.tasks.values().copied().collect()), ("levels", self.levels.clone())]
        {
            let is_usable = weights.iter().all(|w| *w >= 0.0 && w.is_finite());
            if !is_usable || weights.iter().sum::<f64>() <= 0.0 {
                return Err(unusable(format!("{what}: weights {weights:?} give nothing to draw")));
            }
        }
        if self.levels.len() > ponder_tasks::LEVELS as usize {
            return Err(unusable(format!("{} levels; there are 10", self.levels.len())));
        }
        Ok(())
    }

    /// A problem of this mixture; it has passed [`Mixture::check`].
    pub fn draw(&self, split: Split, random: &mut Random) -> Drawn {
        loop {
            let weights: Vec<f64> = self.tasks.values().copied().collect();
            let name = self.tasks.keys().nth(choose(&weights, random)).expect("a task");
            let task: &'static dyn Task = ponder_tasks::find(name).expect("a checked name");
            let level = choose(&self.levels, random) as u8;
            // A level with few problems may have none in a small split.
            if let Some(drawn) = task::draw(task, level, split, random) {
                return drawn;
            }
        }
    }
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
        Class::Search => [0.05, 0.1, 0.75, 0.07, 0.03],
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
