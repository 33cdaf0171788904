//! A step of a product: one or two blocks of rows times the same tiles of weights.
//!
//! With both blocks every weight tile serves two products and every activation tile two: 4 loads
//! of 8 cycles for 4 products of 16.

use std::arch::asm;
use std::arch::x86_64::{_mm512_set1_epi8, _mm512_set1_ps};
use std::mem::offset_of;

use ponder_tensor::format::{Format, TILE_K};

use super::TILE_ROW_BYTES;
use super::tiles::Tiles;
use crate::cpu::avx512_fp8::Fp8Decoder;
use crate::cpu::kernels::PanelProduct;
use crate::cpu::rows::BLOCK_ROWS;

/// How far ahead weights are fetched: about what a core reads in the time that memory takes to
/// answer, and some more.
const PREFETCH_BYTES: usize = 4 << 10;

/// Activations of a block of rows: the first tile, and the bytes from tile to tile. Rows of a
/// tile follow each other in 64 bytes each.
#[derive(Clone, Copy)]
pub(super) struct Block {
    pub first_tile: *const u16,
    pub tile_bytes: usize,
}

/// The blocks of a step.
#[derive(Clone, Copy)]
pub(super) struct Blocks {
    pub first: Block,
    pub second: Option<Block>,
}

impl Blocks {
    /// `n_tiles` tiles from tile `tile` on of the rows of a product from `row` on.
    pub fn of(product: &PanelProduct, row: usize, tile: usize, n_tiles: usize) -> Blocks {
        let (shape, values) = (product.rows.shape(), product.rows.bf16());
        let block = |row: usize| {
            let place = shape.tile(product.first_row + row, tile);
            // Packed rows end with room for a whole tile, so the last one may be read as a full one.
            let last = place.start + (n_tiles - 1) * place.rows * TILE_K;
            assert!(tile + n_tiles <= shape.n_tiles && last + BLOCK_ROWS * TILE_K <= values.len());
            let tile_bytes = place.rows * TILE_K * size_of::<u16>();
            Block { first_tile: values[place.start..].as_ptr(), tile_bytes }
        };
        let second = row + BLOCK_ROWS;
        Blocks { first: block(row), second: (second < product.n_rows).then(|| block(second)) }
    }
}

/// Where the sums of the blocks lie: rows of 32, the second block's after the first one's.
#[derive(Clone, Copy)]
pub(super) struct Sums {
    pub first: *mut f32,
    /// From row to row.
    pub row_bytes: usize,
}

/// What the vector unit does while the tile unit multiplies.
///
/// It is part of the same `asm!` block because of the order of memory accesses: a load waits for
/// every earlier store whose address has the same low 12 bits until that store has its data. Sums
/// fill 4 KiB, so after the instruction that stores them any load would wait for the products.
pub(super) struct Meanwhile<'a> {
    /// Lines of FP8 `codes` that are widened to `widened` for every tile.
    pub decoder: &'a Fp8Decoder,
    pub lines_per_tile: usize,
    pub codes: *const u8,
    pub widened: *mut u16,
    /// Lines of the sums of the step before, times `scale`, that are added to `out`.
    pub sum_lines: usize,
    pub out: *mut f32,
    pub scale: f32,
}

/// What a step reads from memory, because registers are few.
#[repr(C)]
struct Counts {
    /// From tile to tile of each block of rows.
    tile_bytes: [usize; 2],
    /// From row to row of the sums.
    row_bytes: usize,
    /// FP8: lines to widen; BF16: bytes to fetch.
    for_each_tile: usize,
    /// FP8: lines of sums to drain; BF16: whether products are added to what is there.
    once: usize,
}

impl Counts {
    fn new(blocks: &Blocks, sums: &Sums, for_each_tile: usize, once: usize) -> Counts {
        let Blocks { first, second } = blocks;
        let tile_bytes = [first.tile_bytes, second.map_or(0, |second| second.tile_bytes)];
        Counts { tile_bytes, row_bytes: sums.row_bytes, for_each_tile, once }
    }
}

/// Writes out `$step` for one block of rows or for two: how sums become zero, are loaded, are
/// multiplied into and are stored (`{count}` is `row_bytes` where they are loaded or stored), and
/// the operands of the second block.
macro_rules! by_blocks {
    ($step:ident!($blocks:expr, $sums:expr $(, $operands:expr)*)) => {
        match $blocks.second {
            None => $step!(
                ["tilezero tmm0" "tilezero tmm1"]
                [
                    "tileloadd tmm0, [{c0} + {count}*1]"
                    "tileloadd tmm1, [{c0} + {count}*1 + 64]"
                ]
                [
                    "tileloadd tmm4, [{a0} + {row}*1]"
                    "tileloadd tmm6, [{b} + {row}*1]"
                    "tileloadd tmm7, [{b} + {row}*1 + 1024]"
                    "tdpbf16ps tmm0, tmm4, tmm6"
                    "tdpbf16ps tmm1, tmm4, tmm7"
                    "add {a0}, [{counts}]"
                ]
                [
                    "tilestored [{c0} + {count}*1], tmm0"
                    "tilestored [{c0} + {count}*1 + 64], tmm1"
                ]
                []
                $blocks, $sums $(, $operands)*
            ),
            Some(second) => $step!(
                ["tilezero tmm0" "tilezero tmm1" "tilezero tmm2" "tilezero tmm3"]
                [
                    "tileloadd tmm0, [{c0} + {count}*1]"
                    "tileloadd tmm1, [{c0} + {count}*1 + 64]"
                    "tileloadd tmm2, [{c1} + {count}*1]"
                    "tileloadd tmm3, [{c1} + {count}*1 + 64]"
                ]
                [
                    "tileloadd tmm4, [{a0} + {row}*1]"
                    "tileloadd tmm6, [{b} + {row}*1]"
                    "tileloadd tmm7, [{b} + {row}*1 + 1024]"
                    "tdpbf16ps tmm0, tmm4, tmm6"
                    "tileloadd tmm5, [{a1} + {row}*1]"
                    "tdpbf16ps tmm1, tmm4, tmm7"
                    "tdpbf16ps tmm2, tmm5, tmm6"
                    "tdpbf16ps tmm3, tmm5, tmm7"
                    "add {a0}, [{counts}]"
                    "add {a1}, [{counts} + 8]"
                ]
                [
                    "tilestored [{c0} + {count}*1], tmm0"
                    "tilestored [{c0} + {count}*1 + 64], tmm1"
                    "tilestored [{c1} + {count}*1], tmm2"
                    "tilestored [{c1} + {count}*1 + 64], tmm3"
                ]
                [
                    a1 = inout(reg) second.first_tile => _,
                    c1 = in(reg) $sums.first.wrapping_byte_add(BLOCK_ROWS * $sums.row_bytes),
                ]
                $blocks, $sums $(, $operands)*
            ),
        }
    };
}

/// A step with FP8 weights.
macro_rules! fp8_step {
    (
        [$($zero:literal)*] [$($load:literal)*] [$($multiply:literal)*] [$($store:literal)*]
        [$($second:tt)*]
        $blocks:expr, $sums:expr, $weights:expr, $n_tiles:expr, $counts:expr, $meanwhile:expr
    ) => {
        asm!(
            $($zero,)*
            "2:",
            $($multiply,)*
            "add {b}, 2048",
            // Widens lines of codes, see `Fp8Decoder::widen`.
            "mov {count}, [{counts} + {for_each_tile}]",
            "test {count}, {count}",
            "jz 4f",
            "3:",
            "prefetcht0 [{codes} + {ahead}]",
            "vmovdqu64 {x}, [{codes}]",
            "vmovdqa64 {y}, {x}",
            "vmovdqa64 {z}, {x}",
            "vpermi2b {y}, {low0}, {low1}",
            "vpermi2b {z}, {high0}, {high1}",
            "vpternlogq {z}, {x}, {sign}, 0xf8",
            "vpunpcklbw {x}, {y}, {z}",
            "vpunpckhbw {y}, {y}, {z}",
            "vmovdqu64 [{widened}], {x}",
            "vmovdqu64 [{widened} + 64], {y}",
            "add {codes}, 64",
            "add {widened}, 128",
            "dec {count}",
            "jnz 3b",
            "4:",
            "dec {n}",
            "jnz 2b",
            // Drains the sums of the step before.
            "mov {count}, [{counts} + {once}]",
            "test {count}, {count}",
            "jz 6f",
            "5:",
            "vmovups {x}, [{c0} + {n}]",
            "vfmadd213ps {x}, {scale}, [{out} + {n}]",
            "vmovups [{out} + {n}], {x}",
            "add {n}, 64",
            "dec {count}",
            "jnz 5b",
            "6:",
            "mov {count}, [{counts} + {row_bytes}]",
            $($store,)*
            a0 = inout(reg) $blocks.first.first_tile => _,
            b = inout(reg) $weights => _,
            n = inout(reg) $n_tiles => _,
            row = in(reg) TILE_ROW_BYTES,
            count = out(reg) _,
            c0 = in(reg) $sums.first,
            codes = inout(reg) $meanwhile.codes => _,
            widened = inout(reg) $meanwhile.widened => _,
            out = in(reg) $meanwhile.out,
            counts = in(reg) $counts,
            row_bytes = const offset_of!(Counts, row_bytes),
            for_each_tile = const offset_of!(Counts, for_each_tile),
            once = const offset_of!(Counts, once),
            ahead = const PREFETCH_BYTES,
            x = out(zmm_reg) _,
            y = out(zmm_reg) _,
            z = out(zmm_reg) _,
            low0 = in(zmm_reg) $meanwhile.decoder.low[0],
            low1 = in(zmm_reg) $meanwhile.decoder.low[1],
            high0 = in(zmm_reg) $meanwhile.decoder.high[0],
            high1 = in(zmm_reg) $meanwhile.decoder.high[1],
            sign = in(zmm_reg) _mm512_set1_epi8(0x80u8 as i8),
            scale = in(zmm_reg) _mm512_set1_ps($meanwhile.scale),
            out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
            out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
            $($second)*
            options(nostack),
        )
    };
}

/// A step with BF16 weights.
macro_rules! bf16_step {
    (
        [$($zero:literal)*] [$($load:literal)*] [$($multiply:literal)*] [$($store:literal)*]
        [$($second:tt)*]
        $blocks:expr, $sums:expr, $weights:expr, $n_tiles:expr, $counts:expr
    ) => {
        asm!(
            "mov {count}, [{counts} + {row_bytes}]",
            "cmp qword ptr [{counts} + {once}], 0",
            "jne 2f",
            $($zero,)*
            "jmp 3f",
            "2:",
            $($load,)*
            "3:",
            "mov {count}, [{counts} + {for_each_tile}]",
            "test {count}, {count}",
            "jz 5f",
            "4:",
            "sub {count}, 64",
            "prefetcht0 [{b} + {count} + {ahead}]",
            "jnz 4b",
            "5:",
            $($multiply,)*
            "add {b}, 2048",
            "dec {n}",
            "jnz 3b",
            "mov {count}, [{counts} + {row_bytes}]",
            $($store,)*
            a0 = inout(reg) $blocks.first.first_tile => _,
            b = inout(reg) $weights => _,
            n = inout(reg) $n_tiles => _,
            row = in(reg) TILE_ROW_BYTES,
            count = out(reg) _,
            c0 = in(reg) $sums.first,
            counts = in(reg) $counts,
            row_bytes = const offset_of!(Counts, row_bytes),
            for_each_tile = const offset_of!(Counts, for_each_tile),
            once = const offset_of!(Counts, once),
            ahead = const PREFETCH_BYTES,
            out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
            out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
            $($second)*
            options(nostack),
        )
    };
}

impl Tiles {
    /// `sums = rows · weights`, and `meanwhile`.
    ///
    /// # Safety
    /// Each block has `n_tiles` (at least one) tiles with the configured number of rows; `weights`
    /// points to as many pairs of tiles (16 outputs each), `sums` to a row of 32 for every row. The
    /// memory that `meanwhile` describes is there.
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
    pub unsafe fn multiply(
        &self,
        blocks: &Blocks,
        weights: *const u16,
        n_tiles: usize,
        sums: &Sums,
        meanwhile: &Meanwhile,
    ) {
        let Meanwhile { lines_per_tile, sum_lines, .. } = *meanwhile;
        let counts = &Counts::new(blocks, sums, lines_per_tile, sum_lines);
        // SAFETY: the caller's promise bounds every access; `self` proves the configuration.
        unsafe { by_blocks!(fp8_step!(blocks, sums, weights, n_tiles, counts, meanwhile)) }
    }

    /// `sums = rows · weights`, or `+=` if they `add`. `streams` fetches the weights ahead.
    ///
    /// # Safety
    /// As for [`Tiles::multiply`].
    pub unsafe fn accumulate(
        &self,
        blocks: &Blocks,
        weights: *const u16,
        n_tiles: usize,
        sums: &Sums,
        add: bool,
        streams: bool,
    ) {
        let fetched_bytes = if streams { Format::Bf16.tile_bytes() } else { 0 };
        let counts = &Counts::new(blocks, sums, fetched_bytes, add as usize);
        // SAFETY: the caller's promise bounds every access; `self` proves the configuration.
        unsafe { by_blocks!(bf16_step!(blocks, sums, weights, n_tiles, counts)) }
    }
}
