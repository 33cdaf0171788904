//! The operations of R1-class models: contracts with slow references in `ops`, fast CPU twins in `cpu`.
//!
//! A model is written once against [`Ops`]; a backend is one implementation of it. Activations are
//! f32 `[tokens, features]`; weights are packed [`ponder_tensor::format::Matrix`]es.

pub mod batch;
pub mod cpu;
pub mod kv;
pub mod ops;
pub mod reference;
pub mod watched;

pub use batch::{Batch, Rotary, Span};
pub use kv::{KvCache, KvDtype, PAGE_TOKENS, PageId};
pub use ops::Ops;
pub use ops::backward::{Gradients, Transposes};
pub use ops::experts_ffn::{Expert, Experts};
pub use ops::gqa_attention::Gqa;
pub use ops::mla_attention::Mla;
pub use ops::route::{Router, Routing};
pub use watched::Watched;
