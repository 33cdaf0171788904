//! The tokenizer: the ids of Hugging Face `tokenizers`, with control tokens under our control.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use tokenizers::{
    AddedToken, AddedVocabulary, Model as _, ModelWrapper, NormalizedString, Normalizer as _,
    NormalizerWrapper, OffsetReferential, OffsetType, Result as LibraryResult, Token,
};

use crate::error::TextError;
use crate::mask::ControlText;
use crate::pretokenize::PreTokenizer;
use crate::token_bytes::{LeadingSpaces, TokenBytes};
use crate::tokenizer_file::{TokenizerConfig, TokenizerFile, leading_special_token};

/// Whether control tokens that are spelled out in a text become control tokens.
///
/// Control tokens are all *added* tokens of the tokenizer, not only those marked special:
/// R1's `<think>` and `<｜User｜>` are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ControlTokens {
    /// They stay plain text. For everything a user wrote.
    Plain,
    /// They are recognised. For text of our own making only.
    Parse,
}

/// A tokenizer as published in a tokenizer.json.
pub struct Tokenizer {
    model: ModelWrapper,
    normalizer: Option<NormalizerWrapper>,
    pre_tokenizer: PreTokenizer,
    added: AddedVocabulary,
    /// No added tokens: what [`ControlTokens::Plain`] looks up.
    no_added: AddedVocabulary,
    added_ids: HashSet<u32>,
    unk_id: Option<u32>,
    bytes: TokenBytes,
    leading: LeadingSpaces,
    control_text: ControlText,
    bos_id: Option<u32>,
    eos_id: Option<u32>,
    add_bos: bool,
}

impl std::fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokenizer").field("vocab_size", &self.vocab_size()).finish_non_exhaustive()
    }
}

impl Tokenizer {
    /// Reads `tokenizer.json` and, where it exists, `tokenizer_config.json` from a folder.
    pub fn from_dir(dir: &Path) -> Result<Self, TextError> {
        let config = dir.join("tokenizer_config.json");
        Self::from_files(&dir.join("tokenizer.json"), config.exists().then_some(config.as_path()))
    }

    /// Reads a tokenizer.json and optionally a tokenizer_config.json.
    pub fn from_files(tokenizer: &Path, config: Option<&Path>) -> Result<Self, TextError> {
        let read = |path: &Path| fs::read(path).map_err(|e| TextError::read(path, e));
        let file = TokenizerFile::parse(&read(tokenizer)?, &tokenizer.display().to_string())?;
        let config = match config {
            Some(path) => TokenizerConfig::parse(&read(path)?, &path.display().to_string())?,
            None => TokenizerConfig::default(),
        };
        Self::build(file, config)
    }

    /// The same from bytes, for a model that is built into the program.
    pub fn from_bytes(tokenizer: &[u8], config: Option<&[u8]>) -> Result<Self, TextError> {
        let file = TokenizerFile::parse(tokenizer, "tokenizer.json")?;
        let config = match config {
            Some(bytes) => TokenizerConfig::parse(bytes, "tokenizer_config.json")?,
            None => TokenizerConfig::default(),
        };
        Self::build(file, config)
    }

    fn build(file: TokenizerFile, config: TokenizerConfig) -> Result<Self, TextError> {
        let vocab = file.model.get_vocab();
        let added = file.added.get_added_tokens_decoder();
        let last = vocab.values().chain(added.keys()).max().copied();
        let bytes = TokenBytes::new(
            &file.spelling,
            last.map_or(0, |id| id as usize + 1),
            vocab.iter().map(|(token, &id)| (token.as_str(), id)),
            added.iter().map(|(&id, token)| (token.content.as_str(), id)),
        );
        let id_of = |token: &str| file.added.token_to_id(token, &file.model);
        // Only tokens marked `normalized` are looked for in normalized text.
        let has_aliases = file.makes_punctuation && added.values().any(|token| token.normalized);
        let leading_special = leading_special_token(&file.post_processor);
        let bos_token = config.bos_token.as_deref().or(leading_special);
        Ok(Tokenizer {
            bos_id: bos_token.and_then(id_of),
            eos_id: config.eos_token.as_deref().and_then(id_of),
            add_bos: config.add_bos_token.unwrap_or(leading_special.is_some()),
            unk_id: file.unk_token.as_deref().and_then(id_of),
            added_ids: added.keys().copied().collect(),
            control_text: ControlText::new(
                added.values().map(|token| token.content.as_str()),
                file.normalizer.as_ref().filter(|_| has_aliases).map(single_char),
            )?,
            leading: file.spelling.leading(),
            bytes,
            no_added: AddedVocabulary::new(),
            model: file.model,
            normalizer: file.normalizer,
            pre_tokenizer: file.pre_tokenizer,
            added: file.added,
        })
    }

    /// The ids of `text`. Never adds special tokens; see [`Tokenizer::bos_prefix`].
    pub fn encode(&self, text: &str, control: ControlTokens) -> Result<Vec<u32>, TextError> {
        self.encode_with(text, control, |c| c)
    }

    /// Encodes with `restore` applied to every character after control tokens were recognised:
    /// characters that hide behind others cannot take part in a control token.
    pub(crate) fn encode_with(
        &self,
        text: &str,
        control: ControlTokens,
        restore: impl Fn(char) -> char,
    ) -> Result<Vec<u32>, TextError> {
        self.try_encode(text, control, restore)
            .map_err(|reason| TextError::Encode { n_bytes: text.len(), reason: reason.to_string() })
    }

    fn try_encode(
        &self,
        text: &str,
        control: ControlTokens,
        restore: impl Fn(char) -> char,
    ) -> LibraryResult<Vec<u32>> {
        let added = match control {
            ControlTokens::Plain => &self.no_added,
            ControlTokens::Parse => &self.added,
        };
        let mut parts = added.extract_and_normalize(self.normalizer.as_ref(), text);
        parts.normalize(|part| {
            if part.get().chars().any(|c| restore(c) != c) {
                part.map(&restore);
            }
            Ok(())
        })?;
        let only_cuts = self.pre_tokenizer.only_cuts();
        if !only_cuts {
            self.pre_tokenizer.apply(&mut parts)?;
        }
        let mut ids = Vec::new();
        for (part, _, tokens) in parts.get_splits(OffsetReferential::Normalized, OffsetType::None) {
            let mut encode = |piece: &str| {
                ids.extend(self.tokenize_piece(piece)?.iter().map(|token| token.id));
                Ok(())
            };
            match tokens {
                Some(control) => ids.extend(control.iter().map(|token| token.id)),
                None if only_cuts => self.pre_tokenizer.each_piece(part, &mut encode)?,
                None => encode(part)?,
            }
        }
        Ok(ids)
    }

    /// Tokens of a piece of plain text. Vocabularies that list their control tokens among the
    /// ordinary entries could still produce one by its spelling; such a piece is halved until
    /// none comes out.
    fn tokenize_piece(&self, piece: &str) -> LibraryResult<Vec<Token>> {
        let tokens = self.model.tokenize(piece)?;
        let is_control = |t: &Token| self.added_ids.contains(&t.id) && Some(t.id) != self.unk_id;
        if !tokens.iter().any(is_control) {
            return Ok(tokens);
        }
        let n_chars = piece.chars().count();
        let Some((middle, _)) = piece.char_indices().nth(n_chars / 2).filter(|_| n_chars > 1)
        else {
            return Ok(tokens);
        };
        let mut tokens = self.tokenize_piece(&piece[..middle])?;
        tokens.extend(self.tokenize_piece(&piece[middle..])?);
        Ok(tokens)
    }

    /// The text of `ids`, control tokens included as their text. Bytes that form no character
    /// become U+FFFD.
    pub fn decode(&self, ids: &[u32]) -> Result<String, TextError> {
        let mut decoder = crate::stream::StreamDecoder::new(self);
        let mut text = String::new();
        for &id in ids {
            decoder.push_onto(self, id, &mut text)?;
        }
        text.push_str(&decoder.flush());
        Ok(text)
    }

    /// The raw bytes of one token: possibly a part of a character. `None` if there is no such id.
    pub fn token_bytes(&self, id: u32) -> Option<&[u8]> {
        self.bytes.get(id)
    }

    /// The id of a token by its exact name in the file, added tokens first.
    pub fn id_of(&self, token: &str) -> Option<u32> {
        self.added.token_to_id(token, &self.model)
    }

    /// The id of a control token (an added token) by its text.
    pub fn control_id(&self, token: &str) -> Option<u32> {
        self.added.get_vocab().get(token).copied()
    }

    /// Whether `id` is a control token: one of the added tokens, whether or not marked special.
    pub fn is_control(&self, id: u32) -> bool {
        self.added_ids.contains(&id)
    }

    /// Whether `id` is marked special: what Hugging Face's `skip_special_tokens` leaves out.
    pub fn is_special(&self, id: u32) -> bool {
        self.added.get_added_tokens_decoder().get(&id).is_some_and(|t: &AddedToken| t.special)
    }

    /// The beginning-of-text token of tokenizer_config.json or of the post-processor.
    pub fn bos_id(&self) -> Option<u32> {
        self.bos_id
    }

    /// The end-of-text token of tokenizer_config.json.
    pub fn eos_id(&self) -> Option<u32> {
        self.eos_id
    }

    /// Whether the model's own rule puts BOS before raw text: `add_bos_token`, else the
    /// post-processor. A rendered chat template has its BOS already.
    pub fn add_bos(&self) -> bool {
        self.add_bos
    }

    /// The BOS id to put before raw text by the model's own rule, if any.
    pub fn bos_prefix(&self) -> Option<u32> {
        self.bos_id.filter(|_| self.add_bos)
    }

    /// One more than the highest id: no model with fewer rows fits this tokenizer.
    pub fn vocab_size(&self) -> usize {
        self.bytes.vocab_size()
    }

    pub(crate) fn leading_spaces(&self) -> LeadingSpaces {
        self.leading
    }

    pub(crate) fn control_text(&self) -> &ControlText {
        &self.control_text
    }
}

/// What `normalizer` makes of a character that stands alone.
fn single_char(normalizer: &NormalizerWrapper) -> impl Fn(char) -> String {
    move |c| {
        let mut text = NormalizedString::from(c.to_string());
        // A normalizer that fails here fails on the text itself, where it is reported.
        match normalizer.normalize(&mut text) {
            Ok(()) => text.get().to_owned(),
            Err(_) => c.to_string(),
        }
    }
}
