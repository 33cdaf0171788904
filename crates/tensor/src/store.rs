//! Where packed weights live: a few large blocks on huge pages, cut into tensors.

use std::sync::Arc;

use crate::{Buffer, Tensor};

/// Weights are cut from blocks of this size; the unwritten rest of a block costs no memory.
const BLOCK_BYTES: usize = 256 << 20;
/// Tensors start on cache-line borders.
const ALIGN: usize = 64;

/// Hands out memory for packed weights, so that many small matrices share huge pages.
pub struct WeightStore {
    block: Arc<Buffer>,
    used: usize,
    total_bytes: usize,
}

/// A stretch of a [`WeightStore`] block, read-only once it is filled; or the memory of a tensor.
#[derive(Clone)]
pub struct Stored {
    block: Block,
    start: usize,
    len: usize,
}

#[derive(Clone)]
enum Block {
    Store(Arc<Buffer>),
    Activations(Tensor),
}

impl WeightStore {
    /// An empty store.
    pub fn new() -> WeightStore {
        WeightStore { block: Arc::new(Buffer::zeroed(0)), used: 0, total_bytes: 0 }
    }

    /// Bytes handed out so far.
    pub fn total_bytes(&self) -> usize {
        self.total_bytes
    }

    /// Takes `len` zeroed bytes and lets `fill` write them before anything can read them.
    pub fn fill(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> Stored {
        let start = self.used.next_multiple_of(ALIGN);
        if start + len > self.block.len() {
            self.block = Arc::new(Buffer::zeroed(len.max(BLOCK_BYTES.min(len * 64))));
            self.used = 0;
            return self.fill(len, fill);
        }
        self.used = start + len;
        self.total_bytes += len;
        // SAFETY: the range lies inside the block (checked above). The store never hands out a
        // range twice, and the only handle to this one, the `Stored` below, does not exist yet:
        // the access is exclusive.
        fill(unsafe { std::slice::from_raw_parts_mut(self.block.base().add(start), len) });
        Stored { block: Block::Store(self.block.clone()), start, len }
    }
}

impl Default for WeightStore {
    fn default() -> Self {
        WeightStore::new()
    }
}

impl Stored {
    /// The bytes, seen as values of `T`.
    pub fn as_slice<T: bytemuck::Pod>(&self) -> &[T] {
        let block = match &self.block {
            Block::Store(buffer) => buffer.as_slice::<u8>(),
            Block::Activations(tensor) => bytemuck::cast_slice(tensor.data()),
        };
        bytemuck::cast_slice(&block[self.start..self.start + self.len])
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing is stored.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl From<Tensor> for Stored {
    /// The bytes of a tensor's values, in memory that its arena recycles.
    fn from(tensor: Tensor) -> Stored {
        let len = size_of_val(tensor.data());
        Stored { block: Block::Activations(tensor), start: 0, len }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_disjoint_and_aligned() {
        let mut store = WeightStore::new();
        let stored: Vec<Stored> =
            (0..100u8).map(|i| store.fill(i as usize * 7, |bytes| bytes.fill(i))).collect();
        for (i, stored) in stored.iter().enumerate() {
            assert!(stored.as_slice::<u8>().iter().all(|b| *b as usize == i));
            assert_eq!(stored.as_slice::<u8>().as_ptr() as usize % ALIGN, 0);
        }
    }
}
