//! The gradients of a step, added up over its micro-batches.
//!
//! Micro-batches pass the model side by side, each on a thread of its own into gradients of its
//! own, which are added in order: sums do not depend on the number of threads.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Condvar, Mutex, MutexGuard};

use ponder_kernels::Gradients;

use crate::parameters::{GradientStore, Parameters};

/// The sum so far, and memory for micro-batches under way: as many as threads, since a thread
/// takes the next one when its own has been added.
pub(crate) struct Accumulator {
    total: GradientStore,
    spares: Vec<GradientStore>,
}

/// What the passes share.
struct Shared<'a> {
    total: &'a mut GradientStore,
    spares: &'a mut Vec<GradientStore>,
    /// The micro-batch whose gradients are added next.
    turn: usize,
}

impl Accumulator {
    pub fn new(parameters: &Parameters) -> Accumulator {
        Accumulator { total: GradientStore::new(parameters), spares: Vec::new() }
    }

    /// The sum of the latest [`Accumulator::run`].
    pub fn total(&self) -> &GradientStore {
        &self.total
    }

    /// Sums up the gradients that `pass` adds, for each of `n` micro-batches, to a store of zeros;
    /// returns what else the passes found, in order.
    pub fn run<T: Send>(
        &mut self,
        ops: &dyn Gradients,
        n: usize,
        pass: impl Fn(usize, &mut GradientStore) -> T + Sync,
    ) -> Vec<T> {
        let Accumulator { total, spares } = self;
        let (shared, advanced) = (Mutex::new(Shared { total, spares, turn: 0 }), Condvar::new());
        side_by_side(ops, n, |i| {
            let mut store = {
                let mut shared = lock(&shared);
                shared.spares.pop().unwrap_or_else(|| shared.total.zeros())
            };
            store.clear();
            // Those behind wait for this one's turn to end, so it ends whatever happens.
            let result = catch_unwind(AssertUnwindSafe(|| pass(i, &mut store)));
            let waiting = advanced.wait_while(lock(&shared), |shared| shared.turn < i);
            let mut shared = waiting.unwrap_or_else(|poisoned| poisoned.into_inner());
            match i {
                0 => std::mem::swap(shared.total, &mut store),
                _ => shared.total.add(&store),
            }
            shared.turn += 1;
            shared.spares.push(store);
            drop(shared);
            advanced.notify_all();
            result.unwrap_or_else(|panic| resume_unwind(panic))
        })
    }
}

/// What each of `n` passes finds, in order; they go side by side.
pub(crate) fn side_by_side<T: Send>(
    ops: &dyn Gradients,
    n: usize,
    pass: impl Fn(usize) -> T + Sync,
) -> Vec<T> {
    let found: Vec<Mutex<Option<T>>> = (0..n).map(|_| Mutex::new(None)).collect();
    ops.side_by_side(n, &|i| {
        let result = pass(i);
        *lock(&found[i]) = Some(result);
    });
    let taken = found.into_iter().map(|found| found.into_inner().ok().flatten());
    taken.map(|found| found.expect("every pass has run")).collect()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
