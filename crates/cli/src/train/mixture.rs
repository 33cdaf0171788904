//! Flags that say which problems a stage meets.

use std::collections::BTreeMap;

use ponder_tasks::LEVELS;
use ponder_train::curriculum::TaskShare;
use ponder_train::mixture::{Mixture, Share};

use crate::exit::usage;

/// Which tasks, and how hard.
#[derive(Debug, clap::Args)]
pub struct MixtureArgs {
    /// A task and its share, once for each task; the stage's own mixture unless given.
    #[arg(long = "tasks", value_name = "NAME=SHARE", value_parser = share)]
    pub tasks: Vec<(String, f64)>,
    /// The share of a level, once for each from level 0 on.
    #[arg(long = "levels", value_name = "SHARE")]
    pub levels: Vec<f64>,
}

impl MixtureArgs {
    /// The mixture of a stage whose own is `usual`. Refuses tasks that do not exist.
    pub fn apply(&self, usual: Mixture) -> anyhow::Result<Mixture> {
        let mut mixture = Mixture { tasks: choose(&self.tasks, usual.tasks) };
        if !self.levels.is_empty() {
            mixture.tasks.values_mut().for_each(|task| task.levels.clone_from(&self.levels));
        }
        mixture.check()?;
        Ok(mixture)
    }
}

/// The tasks that were named, each with its usual levels, or all the usual ones.
fn choose(named: &[(String, f64)], usual: BTreeMap<String, Share>) -> BTreeMap<String, Share> {
    if named.is_empty() {
        return usual;
    }
    let share = |(name, share): &(String, f64)| {
        let levels = usual.get(name).map_or(vec![1.0; LEVELS as usize], |task| task.levels.clone());
        (name.clone(), Share { share: *share, levels })
    };
    named.iter().map(share).collect()
}

/// Which tasks, for stages that say themselves which levels.
#[derive(Debug, clap::Args)]
pub struct TaskArgs {
    /// A task and its share, once for each task; R1's mixture of reasoning unless given.
    #[arg(long = "tasks", value_name = "NAME=SHARE", value_parser = share)]
    tasks: Vec<(String, f64)>,
}

impl TaskArgs {
    /// Every task with its share, at these levels, both included, beginning with one of them.
    /// Refuses tasks and levels that do not exist.
    pub fn shares(&self, levels: [u8; 2], first_level: u8) -> anyhow::Result<Vec<TaskShare>> {
        let mixture = Mixture { tasks: choose(&self.tasks, Mixture::reinforced().tasks) };
        mixture.check()?;
        let [_, last] = levels;
        if first_level > last || last >= LEVELS {
            return Err(usage(
                format!("levels {first_level} to {last}: no such levels"),
                format!("--first-level and --last-level go from 0 to {}", LEVELS - 1),
            ));
        }
        let share = |(task, share): (String, Share)| TaskShare {
            task,
            share: share.share,
            first_level,
            levels,
        };
        Ok(mixture.tasks.into_iter().map(share).collect())
    }
}

/// `countdown3=2.5`.
fn share(text: &str) -> Result<(String, f64), String> {
    let (name, share) = text.split_once('=').ok_or("is not NAME=SHARE")?;
    match share.trim().parse() {
        Ok(share) => Ok((name.trim().to_owned(), share)),
        Err(_) => Err(format!("{share:?} is no number")),
    }
}
