//! Products of bf16 rows with BF16 panels.
//!
//! BF16 has no scales, so an output is one sum over all of k. The tile unit keeps it, stores it
//! where it belongs and loads it again for the next block of k: for every step of rows but the
//! first the weights of a block come from the first-level cache.

use ponder_tensor::format::Format;

use super::steps::{Blocks, Sums};
use super::tiles::Tiles;
use super::{Amx, STEP_ROWS};
use crate::cpu::kernels::{Destination, PanelProduct};
use crate::cpu::rows::BLOCK_ROWS;

/// Tiles of a block of k: 16 KiB of weights.
const CACHED_TILES: usize = 8;

/// See `Kernels::store_product`.
///
/// # Safety
/// As there.
pub(super) unsafe fn store_product(amx: Amx, product: &PanelProduct, to: &Destination) {
    let PanelProduct { rows, first_row, n_rows, matrix, panel } = *product;
    assert!(n_rows > 0 && first_row.is_multiple_of(BLOCK_ROWS));
    assert!(first_row + n_rows <= rows.n_rows && rows.n_tiles == matrix.n_tiles());
    let weights: &[u16] = bytemuck::cast_slice(matrix.panel(panel));
    let tile_values = Format::Bf16.tile_bytes() / size_of::<u16>();
    let row_bytes = to.step * size_of::<f32>();
    let mut tiles = Tiles::configure(amx, step_rows(n_rows, 0));
    for (block, weights) in weights.chunks(CACHED_TILES * tile_values).enumerate() {
        let n_tiles = weights.len() / tile_values;
        for row in (0..n_rows).step_by(STEP_ROWS) {
            tiles.reconfigure(step_rows(n_rows, row));
            let blocks = Blocks::of(product, row, block * CACHED_TILES, n_tiles);
            let sums = Sums { first: to.first.wrapping_add(row * to.step), row_bytes };
            let add = to.add || block > 0;
            // Later steps find the weights in the cache.
            let streams = row == 0;
            // SAFETY: the blocks have `n_tiles` tiles of the configured rows, `weights` as many;
            // the caller promises the rows of the destination.
            unsafe { tiles.accumulate(&blocks, weights.as_ptr(), n_tiles, &sums, add, streams) }
        }
    }
}

/// Rows of the two blocks of the step at `row`.
fn step_rows(n_rows: usize, row: usize) -> [usize; 2] {
    let rest = n_rows - row;
    [rest.min(BLOCK_ROWS), rest.saturating_sub(BLOCK_ROWS).min(BLOCK_ROWS)]
}
