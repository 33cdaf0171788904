//! `--set KEY=VALUE`: any option of a stage, beyond those that have flags of their own.

use serde::Serialize;
use serde::de::DeserializeOwned;
use toml::{Table, Value};

use crate::exit::usage;

/// Options that have no flag of their own.
#[derive(Debug, clap::Args)]
pub struct SettingArgs {
    /// Any option of run.toml, such as `adamw.weight_decay=0.1`; once for each.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = setting)]
    pub set: Vec<(String, Value)>,
}

impl SettingArgs {
    /// `options` with these set. Refuses keys that no option has and values of the wrong kind.
    pub fn apply<O: Serialize + DeserializeOwned>(&self, options: O) -> anyhow::Result<O> {
        let mut options = options;
        for (key, value) in &self.set {
            let bad = |reason: String| {
                let hint = "run.toml in the folder of a run lists every option with its kind";
                usage(format!("`--set {key}={value}`: {reason}"), hint)
            };
            let mut table = Table::try_from(&options).expect("options are plain values");
            put(&mut table, key, value.clone()).map_err(bad)?;
            options = table.try_into().map_err(|e: toml::de::Error| bad(e.message().to_owned()))?;
            // What is read back has the key, or nothing knows it.
            let again = Table::try_from(&options).expect("options are plain values");
            if find(&again, key).is_none() {
                return Err(bad("there is no such option".to_owned()));
            }
        }
        Ok(options)
    }
}

fn put(table: &mut Table, key: &str, value: Value) -> Result<(), String> {
    match key.split_once('.') {
        None => {
            table.insert(key.to_owned(), value);
            Ok(())
        }
        Some((first, rest)) => match table.get_mut(first) {
            Some(Value::Table(inner)) => put(inner, rest, value),
            _ => Err(format!("`{first}` has no options inside")),
        },
    }
}

fn find<'a>(table: &'a Table, key: &str) -> Option<&'a Value> {
    match key.split_once('.') {
        None => table.get(key),
        Some((first, rest)) => find(table.get(first)?.as_table()?, rest),
    }
}

/// A value as TOML writes it; a bare word is text.
fn setting(text: &str) -> Result<(String, Value), String> {
    let (key, value) = text.split_once('=').ok_or("is not KEY=VALUE")?;
    let read = |value: &str| -> Option<Value> {
        toml::from_str::<Table>(&format!("value = {value}")).ok()?.remove("value")
    };
    let value = read(value).unwrap_or_else(|| Value::String(value.to_owned()));
    Ok((key.trim().to_owned(), value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ponder_train::pretrain;

    fn apply(settings: &[&str]) -> Result<ponder_train::trainer::Options, String> {
        let set = settings.iter().map(|text| setting(text).unwrap()).collect();
        let options = pretrain::options(1, 1e-3, 10, 100);
        SettingArgs { set }.apply(options).map_err(|e| e.to_string())
    }

    #[test]
    fn options_of_any_depth_are_set() {
        let options = apply(&["checkpoint_every=7", "schedule.decay=cosine", "seed=3"]).unwrap();
        assert_eq!((options.checkpoint_every, options.seed), (7, 3));
        assert_eq!(options.schedule.decay, ponder_train::schedule::Decay::Cosine);
    }

    #[test]
    fn what_is_no_option_is_refused() {
        for (text, want) in [
            ("chekpoint_every=7", "no such option"),
            ("schedule.peek=7", "no such option"),
            ("seed.x=7", "`seed` has no options inside"),
            ("checkpoint_every=often", "checkpoint_every=\"often\""),
        ] {
            let error = apply(&[text]).unwrap_err();
            assert!(error.contains(want), "{text}: {error}");
        }
        assert!(setting("seed").is_err());
    }
}
