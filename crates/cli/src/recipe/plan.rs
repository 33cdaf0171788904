//! What remains of a recipe: each stage's steps, tokens and time.

use std::path::PathBuf;

use ponder_model::config::Config;
use ponder_model::thousands;
use ponder_train::record::Record;
use serde::Serialize;

use super::estimate::Speeds;
use super::file::PlannedStage;
use super::is_done;
use crate::figures::span;
use crate::train::Amount;

/// A recipe's stages with what remains of each.
#[derive(Debug, Serialize)]
pub struct Plan {
    stages: Vec<Row>,
    /// Seconds that remain of all stages together, where every one is known.
    seconds_left: Option<f64>,
}

#[derive(Debug, Serialize)]
struct Row {
    name: String,
    dir: PathBuf,
    /// The command, whose folders are names of stages.
    command: String,
    is_done: bool,
    steps_done: u64,
    steps: Option<u64>,
    /// Tokens that are learnt from.
    learnt_tokens: u64,
    /// Tokens that are sampled, about.
    sampled_tokens: u64,
    seconds_left: Option<f64>,
}

impl Plan {
    /// Looks at the folder of every stage.
    pub fn of(stages: &[PlannedStage], speeds: &mut Speeds) -> anyhow::Result<Plan> {
        let mut rows: Vec<Row> = Vec::new();
        let mut configs: Vec<Option<Config>> = Vec::new();
        for (i, stage) in stages.iter().enumerate() {
            let config = config(stage, &stages[..i], &configs)?;
            rows.push(row(stage, config.as_ref(), speeds)?);
            configs.push(config);
        }
        let seconds_left = rows.iter().map(|row| row.seconds_left).sum();
        Ok(Plan { stages: rows, seconds_left })
    }

    /// What stage `i`, which comes next, and the ones after it will take.
    pub fn outlook(&self, i: usize) -> String {
        let row = &self.stages[i];
        let about = |seconds: Option<f64>| seconds.map_or("unknown".to_owned(), span);
        let this = format!("stage {} of {}: {}", i + 1, self.stages.len(), row.name);
        let time = about(row.seconds_left);
        let all = about(self.seconds_left);
        format!("{this} (about {time}; to the end of the recipe about {all})")
    }

    /// The plan as text.
    pub fn render(&self) -> String {
        let mut text = String::new();
        for (i, row) in self.stages.iter().enumerate() {
            let state = match (row.is_done, row.steps_done) {
                (true, _) => "done".to_owned(),
                (false, 0) => "to do".to_owned(),
                (false, n) => format!("{n} of {} steps done", row.steps.unwrap_or(n)),
            };
            text += &format!("{}. {}: {state}\n", i + 1, row.name);
            text += &format!("   ponder train {}\n", row.command);
            let mut facts = Vec::new();
            facts.extend(row.steps.map(|steps| format!("{} steps", thousands(steps as i64))));
            for (n, what) in
                [(row.learnt_tokens, "tokens to learn from"), (row.sampled_tokens, "sampled")]
            {
                if n > 0 {
                    facts.push(format!("about {} {what}", thousands(n as i64)));
                }
            }
            if !row.is_done {
                let time = row.seconds_left.map_or("time unknown".to_owned(), span);
                facts.push(format!("{time} left"));
            }
            text += &format!("   {}\n", facts.join(", "));
        }
        let all = self.seconds_left.map_or("unknown".to_owned(), span);
        text + &format!("in all about {all} left, at the speed of this machine\n")
    }
}

fn row(stage: &PlannedStage, config: Option<&Config>, speeds: &mut Speeds) -> anyhow::Result<Row> {
    let is_done = is_done(stage);
    // A stage that was stopped before its first step has no record that could be read.
    let record = Record::open(&stage.dir).ok();
    let Amount { steps, learnt_tokens, sampled_tokens } = stage.stage.amount();
    let amount = Amount { steps, learnt_tokens, sampled_tokens };
    let seconds_left =
        if is_done { Some(0.0) } else { speeds.seconds(&amount, record.as_ref(), config)? };
    Ok(Row {
        name: stage.name.clone(),
        dir: stage.dir.clone(),
        command: stage.command.join(" "),
        is_done,
        steps_done: record.map_or(0, |record| record.steps_done),
        steps,
        learnt_tokens,
        sampled_tokens,
        seconds_left,
    })
}

/// The config of a stage's model, as far as it can be known before the stage has run.
fn config(
    stage: &PlannedStage,
    earlier: &[PlannedStage],
    configs: &[Option<Config>],
) -> anyhow::Result<Option<Config>> {
    let from = stage.stage.model().and_then(|from| {
        let of_stage = earlier.iter().position(|stage| stage.dir.join("model") == from);
        match of_stage {
            Some(i) => configs[i].clone(),
            None => Config::from_dir(from).ok(),
        }
    });
    stage.stage.config(from)
}
