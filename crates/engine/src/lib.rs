//! The engine: token ids in, token ids out. One thread and one loop: admit, schedule, run, sample,
//! emit events.
//!
//! [`Engine::submit`] takes a [`Request`], [`Engine::step`] advances every running sequence by one
//! forward pass and returns what happened. The engine knows no text, no clock and no other thread:
//! the time is an argument, and what a request gets depends on that request alone.
#![forbid(unsafe_code)]

mod engine;
mod error;
mod event;
mod fairness;
mod generate;
mod loops;
mod model;
mod pages;
mod plan;
mod request;
mod sampler;
mod sequence;
mod stop;
mod think;

pub use engine::{Engine, EngineOptions, Stats};
pub use error::{EngineError, Refusal, SequenceError};
pub use event::{Event, FinishReason, Origin, SequenceId, TokenEvent, TokenLogprob, Usage};
pub use generate::{Generation, Score};
pub use loops::LoopGuard;
pub use model::{LanguageModel, Runner};
pub use request::{Request, Sampling, Stop};
pub use sampler::mask::{TokenMask, TokenSet};
pub use sampler::philox::philox4x32;
pub use think::Thinking;
