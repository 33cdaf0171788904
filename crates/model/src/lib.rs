//! Checkpoints and architectures of R1-class models.
#![forbid(unsafe_code)]

pub mod checkpoint;
pub mod config;
pub mod count;
mod error;
pub mod known;
pub mod plan;
mod table;

pub use error::{ModelError, Result};
