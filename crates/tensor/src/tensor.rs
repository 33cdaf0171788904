//! Activations: row-major f32 matrices whose memory is recycled within a step and between steps.

use std::sync::{Arc, Mutex};

use crate::Buffer;

/// A matrix of f32 `[rows, cols]`, row-major and contiguous. Cloning shares the values.
#[derive(Clone)]
pub struct Tensor {
    lease: Arc<Lease>,
    rows: usize,
    cols: usize,
}

/// Recycles the memory of dropped tensors: a step allocates what the step before it allocated.
#[derive(Clone, Default)]
pub struct Arena {
    free: Arc<Mutex<Vec<Buffer>>>,
}

struct Lease {
    /// `None` only while dropping.
    buffer: Option<Buffer>,
    arena: Arena,
}

impl Arena {
    /// An empty arena.
    pub fn new() -> Arena {
        Arena::default()
    }

    /// A tensor `[rows, cols]` filled by `fill`. What `fill` leaves unwritten is unspecified
    /// (values of an earlier tensor, never uninitialised memory).
    pub fn tensor(&self, rows: usize, cols: usize, fill: impl FnOnce(&mut [f32])) -> Tensor {
        let mut buffer = self.take(rows * cols * size_of::<f32>());
        fill(&mut buffer.as_mut_slice::<f32>()[..rows * cols]);
        let lease = Lease { buffer: Some(buffer), arena: self.clone() };
        Tensor { lease: Arc::new(lease), rows, cols }
    }

    /// The smallest free buffer that holds `bytes` without wasting more than half of it.
    fn take(&self, bytes: usize) -> Buffer {
        let mut free = self.free.lock().expect("no holder of this lock panics");
        let fits = |buffer: &Buffer| buffer.len() >= bytes && buffer.len() / 2 <= bytes.max(4096);
        let best = (0..free.len()).filter(|i| fits(&free[*i])).min_by_key(|i| free[*i].len());
        match best {
            Some(i) => free.swap_remove(i),
            None => Buffer::zeroed(bytes.max(64)),
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // A bound on what is kept, so that one huge prompt is not paid for ever after.
        const KEPT_BUFFERS: usize = 512;
        if let (Some(buffer), Ok(mut free)) = (self.buffer.take(), self.arena.free.lock())
            && free.len() < KEPT_BUFFERS
        {
            free.push(buffer);
        }
    }
}

impl Tensor {
    /// Number of rows (tokens, for activations).
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Values in a row.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// All values, row by row.
    pub fn data(&self) -> &[f32] {
        let buffer = self.lease.buffer.as_ref().expect("present until the lease is dropped");
        &buffer.as_slice::<f32>()[..self.rows * self.cols]
    }

    /// The values of one row.
    #[track_caller]
    pub fn row(&self, row: usize) -> &[f32] {
        assert!(row < self.rows, "row {row} of {}", self.rows);
        &self.data()[row * self.cols..][..self.cols]
    }
}

impl std::fmt::Debug for Tensor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tensor[{}, {}]", self.rows, self.cols)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_recycled() {
        let arena = Arena::new();
        let first = arena.tensor(3, 1000, |x| x.fill(1.0));
        let address = first.data().as_ptr();
        let shared = first.clone();
        drop(first);
        assert_eq!(shared.row(2)[999], 1.0);
        drop(shared);
        assert_eq!(arena.tensor(3, 1000, |x| x[0] = 2.0).data().as_ptr(), address);
    }
}
