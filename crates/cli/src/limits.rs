//! What this machine gives at best, measured: the one place that calls the measuring kernels.

use ponder_kernels::cpu::{Isa, measure};

use crate::machine::Machine;

/// Memory that is read: several times the largest cache there is, so that none of it helps.
const READ_BYTES: u64 = 2 << 30;
/// Passes over it, of which the best counts.
const READ_RUNS: usize = 4;
/// Passes of some hundred microseconds.
const PRODUCT_RUNS: usize = 400;

/// Gigabytes a second that `threads` threads together read from memory.
pub fn read_bandwidth(threads: usize) -> f64 {
    let available = Machine::detect().memory_available_bytes.unwrap_or(READ_BYTES);
    let bytes = READ_BYTES.min(available / 4) as usize;
    measure::read_bandwidth(threads, bytes, READ_RUNS) / 1e9
}

/// GFLOP a second of matrix products from registers; `None` when the processor lacks `isa`.
pub fn product_rate(isa: Isa, threads: usize) -> Option<f64> {
    measure::product_rate(isa, threads, PRODUCT_RUNS).map(|rate| rate / 1e9)
}
