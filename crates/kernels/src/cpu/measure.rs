//! What this machine gives: read bandwidth and product rate, the two limits that every speed is a
//! share of.

use std::hint::black_box;
use std::time::{Duration, Instant};

use ponder_tensor::Buffer;

use super::{Isa, pool::Pool};

/// Read bandwidth in bytes a second, of `threads` pinned threads reading memory of this many
/// bytes: the best of `runs` passes. Choose the size well above the last-level cache.
pub fn read_bandwidth(threads: usize, bytes: usize, runs: usize) -> f64 {
    let mut buffer = Buffer::zeroed(bytes);
    // Written once, so that every page is real memory and not the shared page of zeros.
    buffer.as_mut_slice::<u8>().fill(1);
    let data: &[u64] = buffer.as_slice();
    let pool = Pool::new(threads, true);
    /// Long enough to make handing out parts free, short enough to balance.
    const PART: usize = 1 << 17;
    let mut best = Duration::MAX;
    for _ in 0..runs {
        let start = Instant::now();
        pool.run(data.len().div_ceil(PART), &|_, part| {
            let part = &data[part * PART..data.len().min((part + 1) * PART)];
            black_box(sum(part));
        });
        best = best.min(start.elapsed());
    }
    size_of_val(data) as f64 / best.as_secs_f64()
}

/// Reads every line once, with a prefetch as far ahead as the kernels use.
fn sum(data: &[u64]) -> u64 {
    const PREFETCH_BYTES: usize = 4096;
    let mut sums = [0u64; 8];
    for line in data.chunks_exact(8) {
        let ahead = line.as_ptr().cast::<i8>().wrapping_add(PREFETCH_BYTES);
        // SAFETY: a prefetch does not fault, whatever the address.
        unsafe { std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(ahead) };
        for (sum, x) in sums.iter_mut().zip(line) {
            *sum = sum.wrapping_add(*x);
        }
    }
    sums.iter().fold(0, |a, b| a.wrapping_add(*b))
}

/// Operations a second (a product and its sum are two) of the instruction that multiplies bf16
/// weights on `isa`, from registers, on `threads` pinned threads: the best of `runs` passes.
/// `None` when this processor lacks the instruction set.
pub fn product_rate(isa: Isa, threads: usize, runs: usize) -> Option<f64> {
    /// Some hundred microseconds, so that one of many passes runs undisturbed.
    const ROUNDS: usize = 1 << 16;
    let kernels = isa.kernels()?;
    let pool = Pool::new(threads, true);
    let mut best = 0.0f64;
    for _ in 0..runs {
        let start = Instant::now();
        pool.run(threads, &|_, _| kernels.multiply_from_registers(ROUNDS));
        let per_thread = kernels.operations_per_round() * ROUNDS as f64;
        best = best.max(per_thread * threads as f64 / start.elapsed().as_secs_f64());
    }
    Some(best)
}
