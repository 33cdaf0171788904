//! Checkpoints and data sets from a Hugging Face-style hub: which files are needed, transfers that survive
//! broken connections and are checked by hash, and the cache layout that other programs share.
//!
//! Sources: the hub's HTTP API (`/api/models/…/revision/…?blobs=true`, `/OWNER/NAME/resolve/…`)
//! and the cache as the `huggingface_hub` guide "Understand caching" describes it.
#![forbid(unsafe_code)]

mod cache;
mod client;
mod digest;
mod download;
mod endpoint;
mod error;
mod listing;
mod name;
mod partial;
mod pull;
mod retry;
mod select;

pub use cache::Cache;
pub use endpoint::Endpoint;
pub use error::{HubError, Result};
pub use name::ModelName;
pub use pull::{Event, Options, Pulled, pull, pull_files};
pub use retry::Patience;
/// How to reach the hub through a proxy; the caller decides whether the environment says so.
pub use ureq::Proxy;
