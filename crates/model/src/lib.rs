//! Checkpoints and architectures of R1-class models.
#![forbid(unsafe_code)]

mod arch;
pub mod checkpoint;
pub mod config;
pub mod count;
mod error;
pub mod inspect;
pub mod known;
mod load;
pub mod plan;
mod table;
pub mod weights;

pub use arch::Model;
pub use error::{ModelError, Result};
pub use load::Progress;
pub use table::thousands;
