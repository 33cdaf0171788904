//! A recipe as written: stages in order. A stage is the command that `run` names, and each of its
//! other keys is a flag of that command, so a recipe is nothing but commands that anyone can give
//! one by one, and every key is checked by the command itself.

use std::path::{Path, PathBuf};

use clap::Parser;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use serde::Deserialize;
use toml::{Table, Value};

use crate::exit::usage;
use crate::train::Stage;

/// Keys whose value may be the name of an earlier stage: what of its folder they mean.
const FOLDERS: [(&str, &str); 3] = [("model", "model"), ("teacher", "model"), ("answers", "")];

/// A recipe, checked.
#[derive(Debug)]
pub struct Recipe {
    /// Its text.
    pub text: String,
    /// Its stages, in order.
    pub stages: Vec<PlannedStage>,
}

/// A stage of a run.
#[derive(Debug)]
pub struct PlannedStage {
    /// Its name in the recipe.
    pub name: String,
    /// Its folder.
    pub dir: PathBuf,
    /// The command, with the names of stages for their folders.
    pub command: Vec<String>,
    /// The same, ready to run.
    pub stage: Stage,
}

/// The file, before its stages are looked at.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Contents {
    /// What the recipe is for; for readers.
    #[serde(default)]
    #[expect(dead_code, reason = "a key that readers of recipes may use")]
    about: String,
    /// The seed of every stage that has none of its own.
    #[serde(default = "first_seed")]
    seed: u64,
    stage: Vec<Table>,
}

fn first_seed() -> u64 {
    1
}

/// A stage's command as clap reads it.
#[derive(Parser)]
#[command(name = "train", no_binary_name = true, disable_help_flag = true)]
struct StageCommand {
    #[command(subcommand)]
    stage: Stage,
}

impl PlannedStage {
    /// Where its model is, if it trains one.
    pub fn model_dir(&self) -> Option<PathBuf> {
        self.stage.trains().then(|| self.dir.join("model"))
    }
}

impl Recipe {
    /// Reads a recipe whose run is in `out`; `seed` and `threads` go before its own.
    pub fn read(
        path: &Path,
        out: &Path,
        (seed, threads): (Option<u64>, Option<usize>),
    ) -> anyhow::Result<Recipe> {
        let text = std::fs::read_to_string(path).map_err(|e| {
            usage(
                format!("{}: {e}", path.display()),
                "recipes/ has some, such as recipes/nano.toml",
            )
        })?;
        let contents: Contents = toml::from_str(&text).map_err(|e| {
            let line = e.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1);
            let what = e.message().replace('\n', " ");
            usage(
                format!("{}: line {line}: {what}", path.display()),
                "a recipe has `about`, `seed` and a `[[stage]]` for each stage, with `run`",
            )
        })?;
        let mut stages: Vec<PlannedStage> = Vec::new();
        for table in &contents.stage {
            let number = stages.len() + 1;
            let place = |what: Problem| {
                let name = table.get("name").or(table.get("run")).and_then(Value::as_str);
                let name = name.map(|name| format!(" (`{name}`)")).unwrap_or_default();
                let path = path.display();
                usage(format!("{path}: stage {number}{name}: {}", what.what), what.hint)
            };
            let seed = seed.unwrap_or(contents.seed);
            stages.push(stage(table, &stages, out, (seed, threads)).map_err(place)?);
        }
        if stages.is_empty() {
            let what = format!("{}: no [[stage]] in it", path.display());
            return Err(usage(what, "each stage is a table `[[stage]]` with `run = \"pretrain\"`"));
        }
        Ok(Recipe { text, stages })
    }
}

/// What is wrong with a stage.
struct Problem {
    what: String,
    hint: String,
}

impl Problem {
    fn new(what: impl Into<String>, hint: impl Into<String>) -> Problem {
        Problem { what: what.into(), hint: hint.into() }
    }
}

fn stage(
    table: &Table,
    earlier: &[PlannedStage],
    out: &Path,
    (seed, threads): (u64, Option<usize>),
) -> Result<PlannedStage, Problem> {
    let run = text(table, "run")?
        .ok_or_else(|| Problem::new("`run` is missing", "it names the stage's command"))?;
    let name = text(table, "name")?.unwrap_or(run);
    check_name(name, earlier)?;
    let dir = out.join(format!("{:02}-{name}", earlier.len() + 1));
    let mut command = vec![run.to_owned()];
    let mut arguments = command.clone();
    for (key, value) in table.iter().filter(|(key, _)| *key != "run" && *key != "name") {
        if key == "out" || key == "threads" {
            let hint = format!("`ponder recipe run --{key}` says it for the whole run");
            return Err(Problem::new(format!("`{key}` is not a stage's to say"), hint));
        }
        command.extend(flags(key, value)?);
        arguments.extend(flags(key, &folder(key, value, earlier))?);
    }
    if !table.contains_key("seed") {
        command.push(format!("--seed={seed}"));
        arguments.push(format!("--seed={seed}"));
    }
    // Neither says what is trained.
    arguments.push(format!("--out={}", dir.display()));
    arguments.extend(threads.map(|n| format!("--threads={n}")));
    let parsed = StageCommand::try_parse_from(&arguments).map_err(|e| explain(&e))?;
    parsed.stage.check().map_err(|e| {
        let text = e.to_string();
        let (what, hint) = text.split_once("\nhint: ").unwrap_or((&text, "see the other recipes"));
        Problem::new(what, hint)
    })?;
    Ok(PlannedStage { name: name.to_owned(), dir, command, stage: parsed.stage })
}

fn text<'a>(table: &'a Table, key: &str) -> Result<Option<&'a str>, Problem> {
    let wrong = || Problem::new(format!("`{key}` is no text"), format!("write {key} = \"…\""));
    table.get(key).map(|value| value.as_str().ok_or_else(wrong)).transpose()
}

/// Names become folders, and stages are referred to by them.
fn check_name(name: &str, earlier: &[PlannedStage]) -> Result<(), Problem> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || !name.chars().all(is_plain) {
        let what = format!("`name`: {name:?} is no name for a folder");
        return Err(Problem::new(what, "letters, digits, - and _ make a name"));
    }
    if earlier.iter().any(|stage| stage.name == name) {
        let what = format!("`name`: another stage is called {name:?}");
        return Err(Problem::new(what, "give each stage a `name` of its own"));
    }
    Ok(())
}

/// The folder that the name of an earlier stage stands for.
fn folder(key: &str, value: &Value, earlier: &[PlannedStage]) -> Value {
    let kind = FOLDERS.iter().find(|(name, _)| *name == key);
    let stage = earlier.iter().find(|stage| value.as_str() == Some(&stage.name));
    match (kind, stage) {
        (Some((_, inside)), Some(stage)) => stage.dir.join(inside).display().to_string().into(),
        _ => value.clone(),
    }
}

/// A key and its value as flags: `batch_tokens = 512` is `--batch-tokens=512`; a list repeats its
/// flag, and a table sets several keys of one flag.
fn flags(key: &str, value: &Value) -> Result<Vec<String>, Problem> {
    let flag = format!("--{}", key.replace('_', "-"));
    let one = |value: &Value| match value {
        Value::String(text) => Ok(format!("{flag}={text}")),
        Value::Integer(n) => Ok(format!("{flag}={n}")),
        Value::Float(x) => Ok(format!("{flag}={x}")),
        _ => Err(Problem::new(
            format!("`{key}`: {value} is no text, number, truth or list of these"),
            "each key is a flag of the stage's command and has its kind of value",
        )),
    };
    match value {
        Value::Boolean(true) => Ok(vec![flag]),
        Value::Boolean(false) => Ok(Vec::new()),
        Value::Array(values) => values.iter().map(one).collect(),
        Value::Table(settings) => {
            Ok(settings.iter().map(|(name, value)| format!("{flag}={name}={value}")).collect())
        }
        other => Ok(vec![one(other)?]),
    }
}

/// What clap complains of, in the recipe's words.
fn explain(error: &clap::Error) -> Problem {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        Some(ContextValue::Strings(texts)) => texts.join(", "),
        _ => String::new(),
    };
    // `--batch-tokens=3` or `--steps <N>`.
    let key = |flags: String| {
        let name = flags.trim_start_matches("--").split(['=', ' ']).next().unwrap_or_default();
        name.replace('-', "_")
    };
    let key = key(text(ContextKind::InvalidArg));
    match error.kind() {
        ErrorKind::InvalidSubcommand => {
            let what =
                format!("`run`: there is no stage {:?}", text(ContextKind::InvalidSubcommand));
            Problem::new(what, "`ponder train --help` lists the stages")
        }
        ErrorKind::UnknownArgument => {
            let what = format!("`{key}` is no key of this stage");
            Problem::new(what, "its keys are the flags that `ponder train STAGE --help` lists")
        }
        ErrorKind::MissingRequiredArgument => {
            let what = format!("`{key}` is missing");
            Problem::new(what, format!("write {key} = …; a model may be an earlier stage's name"))
        }
        ErrorKind::ValueValidation | ErrorKind::InvalidValue => {
            let value = text(ContextKind::InvalidValue);
            let reason = std::error::Error::source(error).map(|e| format!(": {e}"));
            let what = format!("`{key}`: {value:?} does not do{}", reason.unwrap_or_default());
            Problem::new(what, "`ponder train STAGE --help` says what each flag takes")
        }
        _ => {
            let text = error.to_string();
            let first = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
            Problem::new(first, "`ponder train STAGE --help` lists its flags")
        }
    }
}

#[cfg(test)]
mod tests;
