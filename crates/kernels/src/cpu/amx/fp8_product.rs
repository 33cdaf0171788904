//! Products of bf16 rows with FP8 panels.
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
use std::ops::Range;

use ponder_tensor::format::{Format, PANEL_ROWS, TILE_K};

use super::steps::{Blocks, Meanwhile, Sums};
use super::tiles::Tiles;
use super::{Amx, STEP_ROWS, SUM_ROW_BYTES};
use crate::cpu::avx512_fp8::Fp8Decoder;
use crate::cpu::kernels::{BLOCK_TILES, BLOCK_WORDS, PanelProduct};
use crate::cpu::rows::BLOCK_ROWS;

/// bf16 values of a block of weights.
const BLOCK_VALUES: usize = BLOCK_TILES * TILE_K * PANEL_ROWS;
const _: () = assert!(2 * BLOCK_VALUES <= 2 * BLOCK_WORDS, "two bf16 blocks fit one f32 block");
const LINE_BYTES: usize = 64;
const LINE_VALUES: usize = LINE_BYTES / size_of::<f32>();

/// The sums of one step as the tile unit stores them, `[STEP_ROWS][PANEL_ROWS]`.
#[repr(align(64))]
struct SumBuffer(MaybeUninit<[f32; STEP_ROWS * PANEL_ROWS]>);

/// A step whose sums wait to be added to the result.
#[derive(Default)]
struct Pending {
    first_row: usize,
    n_rows: usize,
    scale: f32,
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
    let mut weights = Weights::new(matrix.panel(panel), block);
    let n_blocks = matrix.n_tiles().div_ceil(BLOCK_TILES);
    let n_steps = n_rows.div_ceil(STEP_ROWS);
    let mut buffer = const { SumBuffer(MaybeUninit::uninit()) };
    let sums = Sums { first: buffer.0.as_mut_ptr().cast(), row_bytes: SUM_ROW_BYTES };
    let mut pending = Pending::default();
    weights.widen(0, 0..weights.n_lines(0));
    for block in 0..n_blocks {
        let scale = scales.get(block).copied().unwrap_or(1.0);
        let (b, n_tiles) = weights.block(block);
        let n_lines = weights.n_lines(block + 1);
        for step in 0..n_steps {
            let row = step * STEP_ROWS;
            let step_rows = STEP_ROWS.min(n_rows - row);
            let blocks = Blocks::of(product, row, block * BLOCK_TILES, n_tiles);
            let lines = n_lines * step / n_steps..n_lines * (step + 1) / n_steps;
            let lines_per_tile = lines.len() / n_tiles;
            let (codes, widened) = weights.place(block + 1, lines.start);
            let meanwhile = Meanwhile {
                decoder: &weights.decoder,
                lines_per_tile,
                codes,
                widened,
                sum_lines: pending.n_rows * PANEL_ROWS / LINE_VALUES,
                out: out[pending.first_row * PANEL_ROWS..].as_mut_ptr(),
                scale: pending.scale,
            };
            // SAFETY: the activations hold `n_tiles` tiles from this block on (`Blocks::of`) with
            // as many rows as were configured, or more; so do `b` (`Weights`) and `sums`. The lines
            // lie in the next block, and the pending rows in `out`.
            unsafe { tiles.multiply(&blocks, b, n_tiles, &sums, &meanwhile) }
            weights.widen(block + 1, lines.start + lines_per_tile * n_tiles..lines.end);
            pending = Pending { first_row: row, n_rows: step_rows, scale };
        }
    }
    drain(out, &pending, sums.first);
}

/// Rows of the two blocks of a step. Up to two blocks they are exact, so that one row costs one;
/// beyond, the last block is multiplied as a full one and what lies after its rows is dropped.
fn configured_rows(n_rows: usize) -> [usize; 2] {
    let second = if n_rows > STEP_ROWS { BLOCK_ROWS } else { n_rows.saturating_sub(BLOCK_ROWS) };
    [n_rows.min(BLOCK_ROWS), second]
}

/// A panel as bf16 tiles, a block at a time, widened into one of two buffers.
struct Weights<'a> {
    packed: &'a [u8],
    decoder: Fp8Decoder,
    widened: [&'a mut [u16]; 2],
}

impl<'a> Weights<'a> {
    #[target_feature(enable = "avx512f")]
    fn new(packed: &'a [u8], buffer: &'a mut [f32]) -> Weights<'a> {
        let buffer: &mut [u16] = bytemuck::cast_slice_mut(&mut buffer[..BLOCK_WORDS]);
        let (first, second) = buffer.split_at_mut(BLOCK_VALUES);
        let widened = [first, &mut second[..BLOCK_VALUES]];
        Weights { packed, decoder: Fp8Decoder::new(), widened }
    }

    /// The packed bytes of a block, none beyond the last one.
    fn packed(&self, block: usize) -> &'a [u8] {
        let bytes = BLOCK_TILES * Format::Fp8.tile_bytes();
        let rest = &self.packed[(block * bytes).min(self.packed.len())..];
        &rest[..bytes.min(rest.len())]
    }

    fn n_lines(&self, block: usize) -> usize {
        self.packed(block).len() / LINE_BYTES
    }

    /// A widened block: its first tile and its number of tiles.
    fn block(&self, block: usize) -> (*const u16, usize) {
        let n_tiles = self.packed(block).len() / Format::Fp8.tile_bytes();
        (self.widened[block % 2].as_ptr(), n_tiles)
    }

    /// Where a line of a block lies, and where it is widened to.
    fn place(&mut self, block: usize, line: usize) -> (*const u8, *mut u16) {
        let codes = self.packed(block)[line * LINE_BYTES..].as_ptr();
        let widened = self.widened[block % 2].as_mut_ptr();
        (codes, widened.wrapping_add(line * LINE_BYTES))
    }

    /// Widens lines of a block.
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
    fn widen(&mut self, block: usize, lines: Range<usize>) {
        let bytes = lines.start * LINE_BYTES..lines.end * LINE_BYTES;
        let codes = &self.packed(block)[bytes.clone()];
        self.decoder.widen_tiles(codes, &mut self.widened[block % 2][bytes]);
    }
}

/// `out += scale * sums` for the rows of the last step.
#[target_feature(enable = "avx512f")]
fn drain(out: &mut [f32], pending: &Pending, sums: *const f32) {
    let out = &mut out[pending.first_row * PANEL_ROWS..][..pending.n_rows * PANEL_ROWS];
    let scale = _mm512_set1_ps(pending.scale);
    for (i, out) in out.chunks_exact_mut(LINE_VALUES).enumerate() {
        // SAFETY: the tile unit has written as many rows of sums as the step has, and each `out`
        // is sixteen values.
        unsafe {
            let sum = _mm512_loadu_ps(sums.add(i * LINE_VALUES));
            let sum = _mm512_fmadd_ps(sum, scale, _mm512_loadu_ps(out.as_ptr()));
            _mm512_storeu_ps(out.as_mut_ptr(), sum);
        }
    }
}
