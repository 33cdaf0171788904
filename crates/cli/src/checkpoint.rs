//! From `--model` to a loaded model: which folder, whether it fits, whether its parts belong
//! together.

use std::path::{Path, PathBuf};

use ponder_model::Model;
use ponder_model::config::{Config, GenerationConfig};
use ponder_model::count::{Storage, WeightFormat, WeightSet, weight_bytes};
use ponder_model::known::KnownModel;
use ponder_text::Tokenizer;

use crate::exit::usage;
use crate::machine::Machine;
use crate::progress::LoadProgress;
use crate::terminal::Terminal;

const HINT_FOLDER: &str = "`--model FOLDER` takes a checkpoint as published: config.json, \
                           *.safetensors, tokenizer.json, tokenizer_config.json";

/// Which model a command works on.
#[derive(clap::Args, Clone, Debug)]
pub struct ModelArgs {
    /// Folder of a checkpoint: config.json, *.safetensors, tokenizer.json.
    #[arg(long, short, value_name = "FOLDER")]
    pub model: Option<String>,
}

/// A checkpoint whose config was read and whose weights were not.
pub struct Opened {
    /// Its folder.
    pub dir: PathBuf,
    /// Its config.
    pub config: Config,
    /// The sampling defaults it ships with.
    pub generation: GenerationConfig,
}

impl ModelArgs {
    /// The folder that was named.
    pub fn dir(&self) -> anyhow::Result<PathBuf> {
        let Some(name) = &self.model else {
            return Err(usage("no model was named, and none is built in yet", HINT_FOLDER));
        };
        let path = Path::new(name);
        if path.is_dir() {
            return Ok(path.to_owned());
        }
        if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gguf")) {
            let hint = "take the folder of safetensors that the file was made from";
            return Err(usage(format!("{name}: GGUF files are not supported yet"), hint));
        }
        match path.metadata() {
            Ok(_) => Err(usage(format!("{name}: is a file, not a folder"), HINT_FOLDER)),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound && is_hub_name(name) => {
                let what = format!("{name}: no such folder, and `ponder pull` does not exist yet");
                Err(usage(what, "fetch the checkpoint with another tool and give its folder"))
            }
            Err(e) => Err(usage(format!("{name}: {e}"), HINT_FOLDER)),
        }
    }

    /// Reads the config.
    pub fn open(&self) -> anyhow::Result<Opened> {
        let dir = self.dir()?;
        let config = Config::from_dir(&dir)?;
        let generation = GenerationConfig::from_dir(&dir, config.vocab_size)?;
        Ok(Opened { dir, config, generation })
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
        let tokenizer = Tokenizer::from_dir(&self.dir)?;
        let (ids, rows) = (tokenizer.vocab_size(), self.config.vocab_size);
        if ids > rows {
            let path = self.dir.join("tokenizer.json");
            let what = format!("{}: has {ids} ids, but the model has {rows}", path.display());
            return Err(usage(what, "the tokenizer and the weights are of different models"));
        }
        Ok(tokenizer)
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
        let model = Model::load(&self.dir, &mut |done, total| progress.set(done, total))?;
        Ok((model, progress.finish("loaded", terminal)))
    }

    /// Refuses what this machine cannot hold: the system would end the program without a word.
    fn check_memory(&self, terminal: &Terminal) -> anyhow::Result<()> {
        let format = WeightFormat::of(&self.config);
        let needed = weight_bytes(&self.config, format, Storage::Packed, WeightSet::WithMtp);
        let machine = Machine::detect();
        let gb = |bytes: u64| format!("{:.1} GB", bytes as f64 / 1e9);
        let dir = self.dir.display();
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
