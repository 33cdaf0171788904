//! Reading tokenizer.json and tokenizer_config.json.
//!
//! Both come from outside: everything the library would index or unwrap without looking is
//! checked here first.

use std::collections::HashSet;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use tokenizers::models::bpe::{BPE, Merges, Vocab};
use tokenizers::{AddedToken, AddedVocabulary, Model as _, ModelWrapper, NormalizerWrapper};

use crate::error::TextError;
use crate::pretokenize::PreTokenizer;
use crate::token_bytes::Spelling;

/// No vocabulary is near this size; a larger id is damage, and tables are indexed by id.
const ID_LIMIT: u32 = 1 << 24;

/// The parts of a tokenizer.json, checked.
pub(crate) struct TokenizerFile {
    pub model: ModelWrapper,
    pub unk_token: Option<String>,
    pub normalizer: Option<NormalizerWrapper>,
    /// Whether the normalizer could turn another character into punctuation.
    pub makes_punctuation: bool,
    pub pre_tokenizer: PreTokenizer,
    pub added: AddedVocabulary,
    pub spelling: Spelling,
    pub post_processor: Value,
}

#[derive(Deserialize)]
struct RawFile<'a> {
    #[serde(default)]
    added_tokens: Vec<AddedToken>,
    #[serde(default)]
    normalizer: Value,
    #[serde(default)]
    pre_tokenizer: Value,
    #[serde(default)]
    post_processor: Value,
    #[serde(default)]
    decoder: Value,
    #[serde(borrow)]
    model: &'a RawValue,
}

#[derive(Deserialize)]
struct ModelKind {
    #[serde(rename = "type")]
    kind: Option<String>,
    unk_token: Option<String>,
}

/// `dropout` is left out on purpose: the same text must always give the same ids.
#[derive(Deserialize)]
struct RawBpe {
    vocab: Vocab,
    merges: Vec<RawMerge>,
    unk_token: Option<String>,
    continuing_subword_prefix: Option<String>,
    end_of_word_suffix: Option<String>,
    fuse_unk: Option<bool>,
    byte_fallback: Option<bool>,
    ignore_merges: Option<bool>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum RawMerge {
    Pair(String, String),
    Line(String),
}

impl TokenizerFile {
    /// Parses and checks; `origin` names the bytes in errors.
    pub fn parse(json: &[u8], origin: &str) -> Result<Self, TextError> {
        let bad = |reason: String| TextError::bad_file(origin, reason);
        let raw: RawFile = serde_json::from_slice(json).map_err(|e| bad(e.to_string()))?;
        let kind: ModelKind =
            serde_json::from_str(raw.model.get()).map_err(|e| bad(format!("model: {e}")))?;
        let model = match kind.kind.as_deref() {
            Some("BPE") | None => read_bpe(raw.model).map_err(bad)?.into(),
            Some("Unigram" | "WordLevel") => serde_json::from_str::<ModelWrapper>(raw.model.get())
                .map_err(|e| bad(format!("model: {e}")))?,
            Some(other) => {
                let what = format!("model type `{other}`");
                return Err(TextError::Unsupported { origin: origin.to_owned(), what });
            }
        };
        let spelling = Spelling::from_decoder(&raw.decoder)
            .map_err(|what| TextError::Unsupported { origin: origin.to_owned(), what })?;
        if has_step(&raw.normalizer, "Precompiled") {
            // The library trusts its table, and no tokenizer of the supported kinds has one.
            let what = "normalizer `Precompiled`".to_owned();
            return Err(TextError::Unsupported { origin: origin.to_owned(), what });
        }
        let makes_punctuation = makes_punctuation(&raw.normalizer);
        let normalizer: Option<NormalizerWrapper> =
            serde_json::from_value(raw.normalizer).map_err(|e| bad(format!("normalizer: {e}")))?;
        let pre_tokenizer = PreTokenizer::from_json(raw.pre_tokenizer).map_err(bad)?;
        let mut added = AddedVocabulary::new();
        added
            .add_tokens(raw.added_tokens, &model, normalizer.as_ref())
            .map_err(|e| bad(format!("added_tokens: {e}")))?;
        check_ids(&model, &added).map_err(bad)?;
        Ok(TokenizerFile {
            model,
            unk_token: kind.unk_token,
            normalizer,
            makes_punctuation,
            pre_tokenizer,
            added,
            spelling,
            post_processor: raw.post_processor,
        })
    }
}

fn read_bpe(model: &RawValue) -> Result<BPE, String> {
    let raw: RawBpe = serde_json::from_str(model.get()).map_err(|e| format!("model: {e}"))?;
    let prefix = raw.continuing_subword_prefix.unwrap_or_default();
    let mut merges = Merges::with_capacity(raw.merges.len());
    let mut joined = String::new();
    for (rank, merge) in raw.merges.into_iter().enumerate() {
        let (left, right) = match merge {
            RawMerge::Pair(left, right) => (left, right),
            RawMerge::Line(line) => match line.split_once(' ') {
                _ if line.starts_with("#version") => continue,
                Some((left, right)) if !right.contains(' ') => (left.to_owned(), right.to_owned()),
                _ => return Err(format!("model.merges[{rank}]: `{line}` is no pair")),
            },
        };
        // The library trusts these three and would read out of bounds.
        let tail = right.strip_prefix(prefix.as_str()).ok_or_else(|| {
            format!("model.merges[{rank}]: `{right}` lacks the continuing_subword_prefix")
        })?;
        joined.clear();
        joined.push_str(&left);
        joined.push_str(tail);
        for token in [&left, &right, &joined] {
            if !raw.vocab.contains_key(token) {
                return Err(format!("model.merges[{rank}]: `{token}` is not in the vocabulary"));
            }
        }
        merges.push((left, right));
    }
    if let Some(unk) = &raw.unk_token
        && !raw.vocab.contains_key(unk)
    {
        return Err(format!("model.unk_token: `{unk}` is not in the vocabulary"));
    }
    let mut builder = BPE::builder()
        .vocab_and_merges(raw.vocab, merges)
        .fuse_unk(raw.fuse_unk.unwrap_or(false))
        .byte_fallback(raw.byte_fallback.unwrap_or(false))
        .ignore_merges(raw.ignore_merges.unwrap_or(false));
    if let Some(unk) = raw.unk_token {
        builder = builder.unk_token(unk);
    }
    if !prefix.is_empty() {
        builder = builder.continuing_subword_prefix(prefix);
    }
    if let Some(suffix) = raw.end_of_word_suffix {
        builder = builder.end_of_word_suffix(suffix);
    }
    builder.build().map_err(|e| format!("model: {e}"))
}

/// Whether `normalizer` is or holds a step of this type.
fn has_step(normalizer: &Value, kind: &str) -> bool {
    let mut steps = normalizer["normalizers"].as_array().into_iter().flatten();
    normalizer["type"] == kind || steps.any(|step| has_step(step, kind))
}

fn makes_punctuation(normalizer: &Value) -> bool {
    match normalizer["type"].as_str() {
        None | Some("Prepend" | "Strip" | "ByteLevel") => false,
        Some("Replace") => normalizer["pattern"]["String"] != " ",
        Some("Sequence") => {
            normalizer["normalizers"].as_array().is_some_and(|s| s.iter().any(makes_punctuation))
        }
        Some(_) => true,
    }
}

/// Ids must be small enough to index tables, and each must name one token.
fn check_ids(model: &ModelWrapper, added: &AddedVocabulary) -> Result<(), String> {
    let vocab = model.get_vocab();
    let mut seen = HashSet::with_capacity(vocab.len());
    for (token, &id) in vocab.iter().chain(added.get_vocab()) {
        if id >= ID_LIMIT {
            return Err(format!("token `{token}` has id {id}, beyond the limit of {ID_LIMIT}"));
        }
    }
    for (token, &id) in &vocab {
        if !seen.insert(id) {
            return Err(format!("id {id} of token `{token}` is also another token's"));
        }
    }
    Ok(())
}

/// What tokenizer_config.json says about beginning and end of text.
#[derive(Clone, Debug, Default)]
pub(crate) struct TokenizerConfig {
    pub bos_token: Option<String>,
    pub eos_token: Option<String>,
    /// `None` where the file leaves it to the post-processor.
    pub add_bos_token: Option<bool>,
    /// The template, or the one named `default` of several.
    pub chat_template: Option<String>,
}

impl TokenizerConfig {
    /// Parses; `origin` names the bytes in errors.
    pub fn parse(json: &[u8], origin: &str) -> Result<Self, TextError> {
        let value: Value =
            serde_json::from_slice(json).map_err(|e| TextError::bad_file(origin, e))?;
        if !value.is_object() {
            return Err(TextError::bad_file(origin, "not a JSON object"));
        }
        let class = value["tokenizer_class"].as_str().unwrap_or("");
        // These classes add BOS unless told otherwise, whatever the post-processor says.
        let class_rule = matches!(class, "LlamaTokenizer" | "LlamaTokenizerFast").then_some(true);
        Ok(TokenizerConfig {
            bos_token: token_text(&value["bos_token"]),
            eos_token: token_text(&value["eos_token"]),
            add_bos_token: value["add_bos_token"].as_bool().or(class_rule),
            chat_template: template_text(&value["chat_template"]),
        })
    }
}

/// A token given as a string or as an object with `content`.
fn token_text(value: &Value) -> Option<String> {
    value.as_str().or_else(|| value["content"].as_str()).map(str::to_owned)
}

/// A template given as a string or as a list of named ones.
pub(crate) fn template_text(value: &Value) -> Option<String> {
    if let Some(text) = value.as_str() {
        return Some(text.to_owned());
    }
    let named = value.as_array()?.iter().find(|entry| entry["name"] == "default")?;
    named["template"].as_str().map(str::to_owned)
}

/// The special token that a post-processor puts before a single text.
pub(crate) fn leading_special_token(post_processor: &Value) -> Option<&str> {
    match post_processor["type"].as_str()? {
        "TemplateProcessing" => post_processor["single"][0]["SpecialToken"]["id"].as_str(),
        "Sequence" => {
            post_processor["processors"].as_array()?.iter().find_map(leading_special_token)
        }
        _ => None,
    }
}
