//! What can go wrong with text: one enum for the crate.

use std::path::{Path, PathBuf};

/// An error of this crate: what, where, found against expected, and a hint.
#[derive(Debug, thiserror::Error)]
pub enum TextError {
    /// A file could not be read.
    #[error("{}: {source}\nhint: a tokenizer needs a readable folder with tokenizer.json", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// tokenizer.json or tokenizer_config.json does not say what it must.
    #[error(
        "{origin}: {reason}\nhint: the file may be damaged; fetch it again from where the model came from"
    )]
    BadFile {
        /// The file, or a name for bytes in memory.
        origin: String,
        /// What is wrong in it.
        reason: String,
    },
    /// tokenizer.json is well formed but asks for something this program does not do.
    #[error(
        "{origin}: {what} is not supported\nhint: byte-level BPE and SentencePiece-style tokenizers are"
    )]
    Unsupported {
        /// The file, or a name for bytes in memory.
        origin: String,
        /// The part that is not supported.
        what: String,
    },
    /// An id that names no token.
    #[error(
        "token id {id} is not in the tokenizer, whose ids end at {last}\n\
             hint: the ids may come from a different model"
    )]
    UnknownId {
        /// The id.
        id: u32,
        /// The highest id there is.
        last: u32,
    },
    /// The tokenizer failed on a text.
    #[error(
        "cannot encode {n_bytes} bytes of text: {reason}\nhint: split the text into shorter parts"
    )]
    Encode {
        /// Length of the text.
        n_bytes: usize,
        /// What the tokenizer said.
        reason: String,
    },
    /// No chat template was found.
    #[error("{}: no chat template (looked for chat_template.jinja, chat_template.json, and \
             chat_template in tokenizer_config.json)\n\
             hint: this may be a base model: continue raw text, or name a template file", folder.display())]
    NoTemplate {
        /// The folder searched.
        folder: PathBuf,
    },
    /// The template is no valid Jinja.
    #[error(
        "chat template: {reason}\nhint: the template's syntax is broken or uses an extension of Jinja"
    )]
    TemplateSyntax {
        /// What the parser said, with the line.
        reason: String,
    },
    /// The template failed while rendering, or refused the conversation.
    #[error(
        "chat template: {reason}\nhint: the template may not accept this order or kind of messages"
    )]
    TemplateFailed {
        /// What the engine said, or the template through `raise_exception`.
        reason: String,
    },
    /// The template used up its allowance of work or output.
    #[error(
        "chat template: stopped after its limit of {limit}\n\
             hint: the template loops, recurses or repeats without end; use another one"
    )]
    TemplateLimit {
        /// The limit that was reached.
        limit: String,
    },
    /// A request that does not have the form it must have.
    #[error("bad input: {reason}\nhint: {hint}")]
    BadInput {
        /// What was found.
        reason: String,
        /// The form that is expected.
        hint: String,
    },
    /// An error in one line of JSON Lines.
    #[error("line {line}: {source}")]
    Line {
        /// Line number, from 1.
        line: usize,
        /// What is wrong in it.
        source: Box<TextError>,
    },
    /// Reading or writing the stream itself failed.
    #[error("line {line}: {source}\nhint: the input must be UTF-8, one JSON value a line")]
    Stream {
        /// Line number, from 1.
        line: usize,
        /// Why.
        source: std::io::Error,
    },
}

impl TextError {
    pub(crate) fn bad_file(origin: &str, reason: impl ToString) -> Self {
        TextError::BadFile { origin: origin.to_owned(), reason: reason.to_string() }
    }

    pub(crate) fn read(path: &Path, source: std::io::Error) -> Self {
        TextError::Read { path: path.to_owned(), source }
    }
}
