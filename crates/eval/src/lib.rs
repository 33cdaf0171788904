//! Evaluation: benchmarks by R1's own protocol, on Ponder's engine or on any endpoint.
//!
//! Generation and scoring are apart. [`generate`] fills a run folder sample by sample and goes on
//! where it was stopped; [`score`] judges what is there, with the functions that reward training;
//! [`summary`] says what follows, with its errors and with everything that is no answer counted by
//! its name.
#![forbid(unsafe_code)]

pub mod bench;
pub mod choice;
pub mod code;
pub mod compare;
pub mod consensus;
pub mod data;
pub mod endpoint;
pub mod error;
pub mod generate;
pub mod ifeval;
pub mod in_process;
pub mod log;
pub mod manifest;
pub mod maths;
pub mod model_hash;
pub mod own;
pub mod pickle;
pub mod protocol;
pub mod question;
pub mod report;
pub mod run;
pub mod sample;
pub mod sandbox;
pub mod score;
pub mod statistics;
pub mod summary;
pub mod table;

pub use error::EvalError;
