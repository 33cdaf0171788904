//! HTTP over the engine: the APIs of OpenAI, DeepSeek and Anthropic, and a page.
//!
//! The engine stays one thread and one loop ([`Server::run`] is that thread); everything else is an
//! adapter. Dialects read requests into one kind of request and write answers from one stream of
//! outputs, so they cannot disagree.
#![forbid(unsafe_code)]

mod access;
mod app;
mod collected;
mod conversation;
mod dialect;
mod engine_loop;
mod error;
mod fields;
mod generate;
mod generation;
mod grammar;
mod http;
mod json;
pub mod load;
mod metrics;
mod options;
mod output;
mod render;
mod served;
mod server;
mod thinking;
mod tools;
mod traces;
mod web;

pub use options::{Drain, Limits, ServerOptions};
pub use served::{ExpertCounts, SamplingDefaults, ServedModel};
pub use server::{Server, ServerError};
pub use thinking::thinking;
