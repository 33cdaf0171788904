//! `generation_config.json`: the sampling defaults a checkpoint ships with.

use std::path::Path;

use serde::Serialize;

use crate::config::{fields::Fields, read_json};
use crate::error::Result;

/// The sampling defaults of a checkpoint; every value may be absent.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct GenerationConfig {
    /// Softmax temperature.
    pub temperature: Option<f32>,
    /// Nucleus size.
    pub top_p: Option<f32>,
    /// How many of the best ids may be drawn.
    pub top_k: Option<usize>,
    /// Ids that end an answer; empty when the file names none.
    pub eos_token_ids: Vec<u32>,
}

impl GenerationConfig {
    /// Reads `generation_config.json` of `dir`; a folder without one gives no defaults.
    pub fn from_dir(dir: &Path, vocab_size: usize) -> Result<GenerationConfig> {
        let path = dir.join("generation_config.json");
        if !path.exists() {
            return Ok(GenerationConfig::default());
        }
        GenerationConfig::from_json(&crate::config::read_text(&path)?, &path, vocab_size)
    }

    /// Reads the file's text; `origin` is where it came from, for messages.
    pub fn from_json(text: &str, origin: &Path, vocab_size: usize) -> Result<GenerationConfig> {
        let value = read_json(text, origin)?;
        let fields = Fields::of(&value, origin, "")?;
        let number = |key, range| Ok(fields.optional_number(key, range)?.map(|f| f as f32));
        Ok(GenerationConfig {
            temperature: number("temperature", 0.0..=100.0)?,
            top_p: number("top_p", 0.0..=1.0)?,
            top_k: fields.optional_count("top_k", 0..=1 << 24)?,
            eos_token_ids: fields.token_ids("eos_token_id", vocab_size)?,
        })
    }
}
