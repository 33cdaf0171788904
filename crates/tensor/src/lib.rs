//! Number formats, host memory and mapped files. No arithmetic happens here: see `ponder-kernels`.

mod allocator;
mod buffer;
mod dtype;
pub mod format;
mod mapped;
mod store;
mod tensor;

pub use allocator::return_freed_memory;
pub use buffer::Buffer;
pub use dtype::{Dtype, bf16_from_f32, bf16_to_f32, e4m3_from_f32, e4m3_to_f32, f16_to_f32};
pub use mapped::MappedFile;
pub use store::{Stored, WeightStore};
pub use tensor::{Arena, Tensor};
