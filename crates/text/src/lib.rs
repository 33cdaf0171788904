//! Text in, token ids out, and back: the tokenizer, the chat template, and the splitting of
//! thinking from answer.
//!
//! Everything here is a pure function of its arguments. Ids follow Hugging Face `tokenizers`
//! exactly, rendered prompts follow Jinja2 byte for byte, and text that a user wrote can never
//! become a control token ([`encode_chat`]).
#![forbid(unsafe_code)]

mod boxed;
mod chat;
mod error;
mod jsonl;
mod literals;
mod mask;
mod output;
mod pretokenize;
mod python;
mod reasoning;
mod stop_text;
mod stream;
mod template;
mod token_bytes;
mod tokenizer;
mod tokenizer_file;
pub mod vocabulary;

pub use boxed::extract_boxed;
pub use chat::encode_chat;
pub use error::TextError;
pub use jsonl::{tokenize_line, tokenize_lines};
pub use output::{OutputText, Part};
pub use reasoning::{Piece, ReasoningSplitter, ReasoningState};
pub use stop_text::StopText;
pub use stream::StreamDecoder;
pub use template::{ChatInput, ChatTemplate};
pub use tokenizer::{ControlTokens, Tokenizer};
