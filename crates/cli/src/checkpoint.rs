//! From `--model` to a loaded model: which folder, whether it fits, whether its parts belong
//! together.

use std::path::{Path, PathBuf};

use ponder_model::Model;
use ponder_model::config::{Config, GenerationConfig};
use ponder_model::count::{Storage, WeightFormat, WeightSet, weight_bytes};
use ponder_model::known::KnownModel;
use ponder_text::{ChatTemplate, TextError, Tokenizer};

use crate::embedded;
use crate::exit::usage;
use crate::hub;
use crate::machine::Machine;
use crate::progress::LoadProgress;
use crate::terminal::Terminal;

const HINT_FOLDER: &str = "`--model FOLDER` takes a checkpoint as published: config.json, \
                           *.safetensors, tokenizer.json, tokenizer_config.json";
const HINT_PULL: &str = "`ponder pull OWNER/NAME` fetches a model, as deepseek-ai/DeepSeek-R1; \
                         then `--model OWNER/NAME` runs it";

/// Which model a command works on.
#[derive(clap::Args, Clone, Debug)]
pub struct ModelArgs {
    /// Folder of a checkpoint: config.json, *.safetensors, tokenizer.json; or OWNER/NAME, as
    /// `ponder pull` fetched it. The small model that is built in unless given.
    #[arg(long, short, value_name = "MODEL")]
    pub model: Option<String>,
}

/// A checkpoint whose config was read and whose weights were not.
pub struct Opened {
    /// Its folder; none for the model that is built in.
    pub dir: Option<PathBuf>,
    /// Its name on the hub it was pulled from, if it was named so.
    pub hub_name: Option<String>,
    /// Its config.
    pub config: Config,
    /// The sampling defaults it ships with.
    pub generation: GenerationConfig,
}

impl ModelArgs {
    /// The folder that was named; none if none was: then the built-in model is meant.
    pub fn dir(&self) -> anyhow::Result<Option<PathBuf>> {
        let Some(name) = &self.model else { return Ok(None) };
        let path = Path::new(name);
        if path.is_dir() {
            return Ok(Some(path.to_owned()));
        }
        if let Some(folder) = hub::pulled(name) {
            return Ok(Some(folder));
        }
        if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gguf")) {
            let hint = "take the folder of safetensors that the file was made from";
            return Err(usage(format!("{name}: GGUF files are not supported yet"), hint));
        }
        match path.metadata() {
            Ok(_) => Err(usage(format!("{name}: is a file, not a folder"), HINT_FOLDER)),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound && is_hub_name(name) => {
                let what = format!("{name}: no such folder, and no such model was pulled");
                Err(usage(what, HINT_PULL))
            }
            Err(e) => Err(usage(format!("{name}: {e}"), HINT_FOLDER)),
        }
    }

    /// Reads the config.
    pub fn open(&self) -> anyhow::Result<Opened> {
        let dir = self.dir()?;
        let is_hub_name = |name: &&String| dir.as_ref().is_some_and(|dir| dir != Path::new(name));
        let hub_name = self.model.as_ref().filter(is_hub_name).cloned();
        let config = match &dir {
            Some(dir) => Config::from_dir(dir)?,
            None => embedded::config()?,
        };
        let generation = match &dir {
            Some(dir) => GenerationConfig::from_dir(dir, config.vocab_size)?,
            None => embedded::generation(config.vocab_size)?,
        };
        Ok(Opened { dir, hub_name, config, generation })
    }

    /// The tokenizer alone: a folder with nothing else is enough.
    pub fn tokenizer(&self) -> anyhow::Result<Tokenizer> {
        Ok(match self.dir()? {
            Some(dir) => Tokenizer::from_dir(&dir)?,
            None => embedded::tokenizer()?,
        })
    }

    /// The chat template alone.
    pub fn template(&self) -> anyhow::Result<ChatTemplate> {
        Ok(match self.dir()? {
            Some(dir) => ChatTemplate::from_dir(&dir)?,
            None => embedded::template()?,
        })
    }
}

/// Whether `name` reads like `deepseek-ai/DeepSeek-R1`, or like a model known by name.
fn is_hub_name(name: &str) -> bool {
    let is_part = |part: &str| !part.is_empty() && part != "." && part != "..";
    let is_pair = matches!(name.split('/').collect::<Vec<_>>()[..], [owner, model]
        if is_part(owner) && is_part(model));
    is_pair || KnownModel::find(name).is_ok()
}

impl Opened {
    /// The tokenizer, which must fit the model.
    pub fn tokenizer(&self) -> anyhow::Result<Tokenizer> {
        let Some(dir) = &self.dir else { return Ok(embedded::tokenizer()?) };
        let tokenizer = Tokenizer::from_dir(dir)?;
        let (ids, rows) = (tokenizer.vocab_size(), self.config.vocab_size);
        if ids > rows {
            let path = dir.join("tokenizer.json");
            let what = format!("{}: has {ids} ids, but the model has {rows}", path.display());
            return Err(usage(what, "the tokenizer and the weights are of different models"));
        }
        Ok(tokenizer)
    }

    /// Whether it has a tokenizer; a checkpoint without one can still score ids.
    pub fn has_tokenizer(&self) -> bool {
        self.dir.as_ref().is_none_or(|dir| dir.join("tokenizer.json").exists())
    }

    /// The checkpoint's own chat template; none if it has none, as base models.
    pub fn template(&self) -> anyhow::Result<Option<ChatTemplate>> {
        let Some(dir) = &self.dir else { return Ok(Some(embedded::template()?)) };
        match ChatTemplate::from_dir(dir) {
            Ok(template) => Ok(Some(template)),
            Err(TextError::NoTemplate { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The template that a conversation needs.
    pub fn needed_template(&self) -> anyhow::Result<ChatTemplate> {
        let hint = "`ponder ask --raw TEXT` continues text as it stands: this may be a base model";
        let missing = || usage(format!("{}: has no chat template", self.name()), hint);
        self.template()?.ok_or_else(missing)
    }

    /// Where it comes from, for people.
    pub fn origin(&self) -> String {
        match &self.dir {
            Some(dir) => format!("from {}", dir.display()),
            None => "(built in)".to_owned(),
        }
    }

    /// What clients call the model: the last part of its name on the hub, or of its folder's.
    pub fn short_name(&self) -> String {
        if let Some((_, name)) = self.hub_name.as_ref().and_then(|name| name.split_once('/')) {
            return name.to_owned();
        }
        let Some(dir) = &self.dir else { return embedded::NAME.to_owned() };
        let full = dir.canonicalize().unwrap_or_else(|_| dir.clone());
        full.file_name().map_or_else(|| "model".into(), |name| name.to_string_lossy().into_owned())
    }

    /// The model's name in reports: as on the hub, its folder, or what the built-in one is called.
    pub fn name(&self) -> String {
        match (&self.hub_name, &self.dir) {
            (Some(name), _) => name.clone(),
            (None, Some(dir)) => dir.display().to_string(),
            (None, None) => embedded::NAME.to_owned(),
        }
    }

    /// The ids that end a text: all that any of the checkpoint's files name.
    pub fn stop_ids(&self, tokenizer: Option<&Tokenizer>) -> Vec<u32> {
        let mut ids = self.generation.eos_token_ids.clone();
        ids.extend(&self.config.eos_token_ids);
        ids.extend(tokenizer.and_then(Tokenizer::eos_id));
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// Loads the weights. Returns the seconds it took, too.
    pub fn load(&self, terminal: &Terminal) -> anyhow::Result<(Model, f64)> {
        self.check_memory(terminal)?;
        let mut progress = LoadProgress::new(terminal);
        let report: ponder_model::Progress = &mut |done, total| progress.set(done, total);
        let model = match &self.dir {
            Some(dir) => Model::load(dir, report)?,
            None => embedded::load(&self.config, report)?,
        };
        Ok((model, progress.finish("loaded", terminal)))
    }

    /// Refuses what this machine cannot hold: the system would end the program without a word.
    fn check_memory(&self, terminal: &Terminal) -> anyhow::Result<()> {
        let format = WeightFormat::of(&self.config);
        let needed = weight_bytes(&self.config, format, Storage::Packed, WeightSet::WithMtp);
        let machine = Machine::detect();
        let gb = |bytes: u64| format!("{:.1} GB", bytes as f64 / 1e9);
        let dir = self.name();
        if let Some(memory) = machine.usable_memory_bytes()
            && needed > memory
        {
            let what = format!("{dir}: needs {}, this machine has {}", gb(needed), gb(memory));
            return Err(usage(what, format!("`ponder plan {dir}` shows what would fit")));
        }
        if let Some(available) = machine.memory_available_bytes
            && needed > available
        {
            terminal.note(&format!(
                "{dir} needs {}, but other programs leave {}: expect swapping",
                gb(needed),
                gb(available)
            ));
        }
        Ok(())
    }
}
