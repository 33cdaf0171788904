//! The model that is built into the program: an R1 in miniature, trained by Ponder itself
//! (`models/micro`), so that the first command answers offline.

use std::path::Path;

use ponder_model::checkpoint::Checkpoint;
use ponder_model::config::{Config, GenerationConfig};
use ponder_model::{Model, Progress};
use ponder_text::{ChatTemplate, TextError, Tokenizer};

/// Its name in messages and reports.
pub const NAME: &str = "ponder-micro";

macro_rules! file {
    ($name:literal) => {
        include_bytes!(concat!("../../../models/micro/", $name))
    };
}

const CONFIG: &[u8] = file!("config.json");
const GENERATION: &[u8] = file!("generation_config.json");
const TOKENIZER: &[u8] = file!("tokenizer.json");
const TOKENIZER_CONFIG: &[u8] = file!("tokenizer_config.json");
static WEIGHTS: &[u8] = file!("model.safetensors");

/// All of them, in the order in which a checkpoint's files are hashed.
pub fn files() -> [(&'static str, &'static [u8]); 5] {
    [
        ("config.json", CONFIG),
        ("generation_config.json", GENERATION),
        ("tokenizer.json", TOKENIZER),
        ("tokenizer_config.json", TOKENIZER_CONFIG),
        ("model.safetensors", WEIGHTS),
    ]
}

fn text(bytes: &'static [u8]) -> &'static str {
    std::str::from_utf8(bytes).expect("the file is JSON")
}

/// Its config.
pub fn config() -> ponder_model::Result<Config> {
    Config::from_json(text(CONFIG), Path::new("config.json"))
}

/// Its sampling defaults.
pub fn generation(vocab_size: usize) -> ponder_model::Result<GenerationConfig> {
    let origin = Path::new("generation_config.json");
    GenerationConfig::from_json(text(GENERATION), origin, vocab_size)
}

/// Its tokenizer.
pub fn tokenizer() -> Result<Tokenizer, TextError> {
    Tokenizer::from_bytes(TOKENIZER, Some(TOKENIZER_CONFIG))
}

/// Its chat template.
pub fn template() -> Result<ChatTemplate, TextError> {
    ChatTemplate::from_config_bytes(TOKENIZER_CONFIG)
}

/// Its weights, packed.
pub fn load(config: &Config, progress: Progress) -> ponder_model::Result<Model> {
    let checkpoint = Checkpoint::built_in(Path::new("model.safetensors"), WEIGHTS)?;
    Model::of_checkpoint(config, &checkpoint, progress)
}
