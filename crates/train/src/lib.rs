//! Training of R1-class models: pre-training, supervised fine-tuning, and reinforcement learning
//! with verifiable rewards.
//!
//! A model is written once, against `ponder_kernels::Ops`. Training runs the same code on a
//! [`tape::Tape`], which calls the backend and remembers how to go back, so the log-probabilities
//! of trainer and sampler are the same bits.
#![forbid(unsafe_code)]

mod accumulator;
pub mod adamw;
pub mod advantage;
pub mod checkpoint;
pub mod curriculum;
pub mod data;
pub mod dialogues;
pub mod distill;
mod error;
pub mod evaluate;
pub mod grpo;
pub mod init;
pub mod loads;
pub mod loss;
pub mod mixture;
pub mod objective;
pub mod pack;
pub mod parameters;
pub mod policy;
pub mod pretrain;
pub mod prompt;
pub mod publish;
pub mod quantise;
pub use ponder_tasks::random;
pub mod record;
pub mod reject;
pub mod reply;
pub mod reward;
pub mod rollout;
pub mod rollouts;
pub mod run;
pub mod schedule;
pub mod sft;
pub mod tape;
pub mod tensorboard;
pub mod trainer;

pub use error::{Result, TrainError};
