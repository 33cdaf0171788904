//! How weights lie in memory: panels of 32 outputs, cut along k into tiles of 32×32.
//!
//! A *panel* holds 32 consecutive rows (output features) of a weight `[out_features, in_features]`
//! and is contiguous, so that one product streams it front to back. Inside a panel the *tiles*
//! follow k in steps of 32. The order inside a tile is the one its kernels consume:
//!
//! - BF16: two halves of 16 outputs; in a half, 16 lines of 64 bytes, each one pair of k values
//!   for all 16 outputs. One half is the B operand of `TDPBF16PS`, one line that of `VDPBF16PS`.
//! - FP8: the same pairs in one byte a value; a line holds two pairs, ordered so that the 128-bit
//!   lanes of `VPUNPCKLBW`/`VPUNPCKHBW` yield two BF16 lines as above.
//! - F16 and F32: 32 lines, one k value for all 32 outputs.

mod matrix;
mod pack;
mod transpose;

pub use matrix::{Embedding, Matrix};
pub use pack::{BlockScales, PackError, Source};

use crate::Dtype;

/// Outputs of a panel.
pub const PANEL_ROWS: usize = 32;
/// Depth of a tile: the k values that one `TDPBF16PS` consumes.
pub const TILE_K: usize = 32;
/// The kernels drain their accumulators, and FP8 changes its scale, every so many k values.
pub const BLOCK_K: usize = 128;

/// Number format of a packed weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// FP8 E4M3 codes with one f32 scale for every panel and [`BLOCK_K`] k values.
    Fp8,
    /// bfloat16.
    Bf16,
    /// IEEE half.
    F16,
    /// IEEE single.
    F32,
}

impl Format {
    /// The packed form that keeps every bit of a stored `dtype`.
    pub fn of(dtype: Dtype) -> Format {
        match dtype {
            Dtype::F8E4m3 => Format::Fp8,
            Dtype::Bf16 => Format::Bf16,
            Dtype::F16 => Format::F16,
            Dtype::F32 => Format::F32,
        }
    }

    /// Bytes of one value, scales not counted.
    pub fn value_bytes(self) -> usize {
        match self {
            Format::Fp8 => 1,
            Format::Bf16 | Format::F16 => 2,
            Format::F32 => 4,
        }
    }

    /// Bytes of a 32×32 tile.
    pub fn tile_bytes(self) -> usize {
        PANEL_ROWS * TILE_K * self.value_bytes()
    }

    /// Where the value of output `n` and depth `k` (both below 32) stands in its tile, in values.
    pub fn place(self, n: usize, k: usize) -> usize {
        let pair = match self {
            Format::Fp8 => n / 16 * 256 + k / 4 * 32 + n % 16 / 4 * 8 + k / 2 % 2 * 4 + n % 4,
            Format::Bf16 => n / 16 * 256 + k / 2 * 16 + n % 16,
            Format::F16 | Format::F32 => return k * PANEL_ROWS + n,
        };
        pair * 2 + k % 2
    }

    /// Widens the value at `index` of packed `bytes`, without its scale.
    pub fn value(self, bytes: &[u8], index: usize) -> f32 {
        let at = index * self.value_bytes();
        let pair = || u16::from_le_bytes([bytes[at], bytes[at + 1]]);
        match self {
            Format::Fp8 => crate::e4m3_to_f32(bytes[at]),
            Format::Bf16 => crate::bf16_to_f32(pair()),
            Format::F16 => crate::f16_to_f32(pair()),
            Format::F32 => f32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_a_permutation_of_the_tile() {
        for format in [Format::Fp8, Format::Bf16, Format::F16, Format::F32] {
            let mut seen = vec![false; PANEL_ROWS * TILE_K];
            for n in 0..PANEL_ROWS {
                for k in 0..TILE_K {
                    let place = format.place(n, k);
                    assert!(!std::mem::replace(&mut seen[place], true), "{format:?} {n} {k}");
                }
            }
        }
    }
}
