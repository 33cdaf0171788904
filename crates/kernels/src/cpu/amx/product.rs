//! Products of bf16 rows with FP8 or BF16 panels.
//!
//! k is cut into blocks of 128. While the tile unit multiplies one block, the vector unit widens
//! the next one and drains the sums of the step before, so the slower unit sets the time. Cycles
//! of each unit for one block of an FP8 panel (32 outputs, 4096 bytes), from the published
//! throughput of the instructions, not from measurements:
//!
//! | | 1 row | 32 rows | 256 rows |
//! |---|---|---|---|
//! | widening: 64 lines of 4 shuffles, one a cycle | 256 | 256 | 256 |
//! | products: 16 cycles for 16 rows | 8 | 256 | 2048 |
//! | tile loads: 8 cycles for 16 rows | 68 | 128 | 1024 |
//! | stores: widened lines, tiles, drained sums, one line a cycle | 132 | 256 | 1152 |
//!
//! One row: 4096 bytes in 256 cycles are 48 GB/s at 3 GHz, three times what a core reads. 32 rows:
//! one after the other, widening and products would take twice the time of the products.

use std::arch::x86_64::*;
use std::mem::MaybeUninit;

use ponder_tensor::format::{Format, PANEL_ROWS, TILE_K};

use super::{Amx, Block, Tiles};
use crate::cpu::avx512_fp8::Fp8Decoder;
use crate::cpu::kernels::{BLOCK_TILES, BLOCK_WORDS, PanelProduct};
use crate::cpu::rows::BLOCK_ROWS;

/// Rows that the tile unit multiplies at once: two blocks.
const STEP_ROWS: usize = 2 * BLOCK_ROWS;
/// bf16 values of a block of weights.
const BLOCK_VALUES: usize = BLOCK_TILES * TILE_K * PANEL_ROWS;
const _: () = assert!(2 * BLOCK_VALUES <= 2 * BLOCK_WORDS, "two bf16 blocks fit one f32 block");
const LINE_BYTES: usize = 64;

/// The sums of one step as the tile unit stores them, `[STEP_ROWS][PANEL_ROWS]`.
#[repr(align(64))]
struct Sums(MaybeUninit<[f32; STEP_ROWS * PANEL_ROWS]>);

/// A step whose sums wait to be added to the result.
struct Pending {
    first_row: usize,
    n_rows: usize,
    scale: f32,
    /// Which of the two [`Sums`].
    slot: usize,
}

/// See `Kernels::panel_product`.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,avx512bf16,avx2,fma")]
pub(super) fn panel_product(amx: Amx, product: &PanelProduct, out: &mut [f32], block: &mut [f32]) {
    let PanelProduct { rows, first_row, n_rows, matrix, panel } = *product;
    assert!(n_rows > 0 && first_row.is_multiple_of(BLOCK_ROWS));
    assert!(first_row + n_rows <= rows.n_rows && rows.n_tiles == matrix.n_tiles());
    let out = &mut out[..n_rows * PANEL_ROWS];
    out.fill(0.0);
    let tiles = Tiles::configure(amx, configured_rows(n_rows));
    let scales = matrix.panel_scales(panel);
    let mut weights = Weights::new(matrix.panel(panel), matrix.format(), block);
    let n_blocks = matrix.n_tiles().div_ceil(BLOCK_TILES);
    let n_steps = n_rows.div_ceil(STEP_ROWS);
    let mut sums = [const { Sums(MaybeUninit::uninit()) }; 2];
    let mut pending: Option<Pending> = None;
    weights.prepare(0, 0, 1);
    for block in 0..n_blocks {
        let scale = scales.get(block).copied().unwrap_or(1.0);
        for step in 0..n_steps {
            let (row, slot) = (step * STEP_ROWS, (block * n_steps + step) % 2);
            let step_rows = STEP_ROWS.min(n_rows - row);
            let (b, n_tiles) = weights.block(block);
            let a = activations(product, row, block * BLOCK_TILES);
            let target = sums[slot].0.as_mut_ptr().cast();
            // SAFETY: the activations hold `n_tiles` tiles from this block on (`activations`) with
            // as many rows as were configured, or more; so do `b` (`Weights`) and `target`.
            unsafe {
                if step_rows > BLOCK_ROWS {
                    tiles.multiply_two_blocks(a, b, n_tiles, target);
                } else {
                    tiles.multiply_block(a[0], b, n_tiles, target);
                }
            }
            // The tile unit is busy now; what follows runs beside it.
            weights.prepare(block + 1, step, n_steps);
            let done = pending.replace(Pending { first_row: row, n_rows: step_rows, scale, slot });
            if let Some(done) = done {
                drain(out, &done, &sums);
            }
        }
    }
    if let Some(done) = pending {
        drain(out, &done, &sums);
    }
}

/// Rows of the two blocks of a step. Up to two blocks they are exact, so that one row costs one;
/// beyond, the last block is multiplied as a full one and what lies after its rows is dropped.
fn configured_rows(n_rows: usize) -> [usize; 2] {
    let second = if n_rows > STEP_ROWS { BLOCK_ROWS } else { n_rows.saturating_sub(BLOCK_ROWS) };
    [n_rows.min(BLOCK_ROWS), second]
}

/// The tiles of a step's two blocks of rows from tile `tile` on; without a second block, twice
/// the first one.
fn activations(product: &PanelProduct, row: usize, tile: usize) -> [Block; 2] {
    let (shape, values) = (product.rows.shape(), product.rows.bf16());
    [0, BLOCK_ROWS].map(|offset| {
        let row = if row + offset < product.n_rows { row + offset } else { row };
        let place = shape.tile(product.first_row + row, tile);
        // Packed rows end with room for a whole tile, so the last one may be read as a full one.
        let last = place.start + (BLOCK_TILES.min(shape.n_tiles - tile) - 1) * place.rows * TILE_K;
        assert!(last + BLOCK_ROWS * TILE_K <= values.len());
        Block { first_tile: values[place.start..].as_ptr(), tile_bytes: place.rows * TILE_K * 2 }
    })
}

/// A panel as bf16 tiles, a block at a time: BF16 ones where they lie, FP8 ones widened into one
/// of two buffers.
struct Weights<'a> {
    packed: &'a [u8],
    tile_bytes: usize,
    decoder: Option<Fp8Decoder>,
    widened: [&'a mut [u16]; 2],
}

impl<'a> Weights<'a> {
    #[target_feature(enable = "avx512f")]
    fn new(packed: &'a [u8], format: Format, buffer: &'a mut [f32]) -> Weights<'a> {
        let buffer: &mut [u16] = bytemuck::cast_slice_mut(&mut buffer[..BLOCK_WORDS]);
        let (first, second) = buffer.split_at_mut(BLOCK_VALUES);
        Weights {
            packed,
            tile_bytes: format.tile_bytes(),
            decoder: if format == Format::Fp8 { Some(Fp8Decoder::new()) } else { None },
            widened: [first, &mut second[..BLOCK_VALUES]],
        }
    }

    /// The packed bytes of a block, none beyond the last one.
    fn packed(&self, block: usize) -> &'a [u8] {
        let bytes = BLOCK_TILES * self.tile_bytes;
        let rest = self.packed.get(block * bytes..).unwrap_or(&[]);
        &rest[..bytes.min(rest.len())]
    }

    /// A prepared block: its first tile and its number of tiles.
    fn block(&self, block: usize) -> (*const u16, usize) {
        let packed = self.packed(block);
        let first_tile = match self.decoder {
            Some(_) => self.widened[block % 2].as_ptr(),
            None => bytemuck::cast_slice::<u8, u16>(packed).as_ptr(),
        };
        (first_tile, packed.len() / self.tile_bytes)
    }

    /// Does share `share` of `n_shares` of what a block needs before it is multiplied: widens FP8,
    /// fetches BF16 into the first-level cache.
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
    fn prepare(&mut self, block: usize, share: usize, n_shares: usize) {
        let packed = self.packed(block);
        let n_lines = packed.len() / LINE_BYTES;
        let (first, end) = (n_lines * share / n_shares, n_lines * (share + 1) / n_shares);
        let lines = &packed[first * LINE_BYTES..end * LINE_BYTES];
        match self.decoder {
            Some(decoder) => {
                let widened = &mut self.widened[block % 2];
                decoder.widen_tiles(lines, &mut widened[first * LINE_BYTES..end * LINE_BYTES]);
            }
            None => {
                for line in lines.chunks_exact(LINE_BYTES) {
                    _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast());
                }
            }
        }
    }
}

/// `out += scale * sums` for the rows of a finished step.
#[target_feature(enable = "avx512f")]
fn drain(out: &mut [f32], done: &Pending, sums: &[Sums; 2]) {
    let (out, _) = out[done.first_row * PANEL_ROWS..][..done.n_rows * PANEL_ROWS].as_chunks_mut();
    let sums: *const [f32; 16] = sums[done.slot].0.as_ptr().cast();
    let scale = _mm512_set1_ps(done.scale);
    for (i, out) in out.iter_mut().enumerate() {
        let out: &mut [f32; 16] = out;
        // SAFETY: the tile unit has written as many rows of sums as the step has, and each `out`
        // is sixteen values.
        unsafe {
            let sum = _mm512_loadu_ps(sums.add(i).cast());
            let sum = _mm512_fmadd_ps(sum, scale, _mm512_loadu_ps(out.as_ptr()));
            _mm512_storeu_ps(out.as_mut_ptr(), sum);
        }
    }
}
