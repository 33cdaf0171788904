//! One file for each API that clients speak. A dialect reads its requests into a
//! [`crate::generate::Generate`] and writes its answers from outputs.

pub mod anthropic;
pub mod openai_chat;
pub mod openai_completions;
pub mod openai_responses;
pub mod page;

mod asked;
mod formats;
mod logprobs;
mod openai_tools;
