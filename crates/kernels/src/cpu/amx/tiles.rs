//! The tile unit: its configuration, and the products that stand alone.

use std::arch::asm;
use std::marker::PhantomData;

use super::{Amx, TILE_ROW_BYTES};
use crate::PAGE_TOKENS;
use crate::cpu::rows::BLOCK_ROWS;

/// The memory operand of `LDTILECFG`.
#[repr(C, align(64))]
struct Configuration {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    row_bytes: [u16; 16],
    rows: [u8; 16],
}

/// Which of two blocks of rows each tile serves: sums 0–3, activations 4 and 5. Tiles 6 and 7
/// hold weights.
const BLOCK_OF_TILE: [usize; 6] = [0, 0, 1, 1, 0, 1];

impl Configuration {
    fn new(rows: [usize; 2]) -> Configuration {
        let mut tiles = [BLOCK_ROWS; 8];
        for (tile, block) in BLOCK_OF_TILE.into_iter().enumerate() {
            tiles[tile] = rows[block];
        }
        let (mut row_bytes, mut row_counts) = ([0; 16], [0; 16]);
        // A tile without rows must have no columns either.
        for (tile, rows) in tiles.into_iter().enumerate().filter(|(_, rows)| *rows > 0) {
            row_bytes[tile] = TILE_ROW_BYTES as u16;
            row_counts[tile] = rows as u8;
        }
        Configuration { palette: 1, start_row: 0, reserved: [0; 14], row_bytes, rows: row_counts }
    }
}

/// The tile unit, configured for two blocks of rows. It is released when this is dropped.
pub(super) struct Tiles {
    rows: [usize; 2],
    /// The configuration is the thread's, so this must not move to another.
    _of_this_thread: PhantomData<*const ()>,
}

impl Tiles {
    /// `rows` of the first and of the second block: up to 16 each, none where it is not used.
    pub fn configure(_: Amx, rows: [usize; 2]) -> Tiles {
        Tiles::load_configuration(rows);
        Tiles { rows, _of_this_thread: PhantomData }
    }

    /// The same for other numbers of rows.
    pub fn reconfigure(&mut self, rows: [usize; 2]) {
        if rows != self.rows {
            Tiles::load_configuration(rows);
            self.rows = rows;
        }
    }

    fn load_configuration(rows: [usize; 2]) {
        assert!(rows[0] > 0 && rows.iter().all(|rows| *rows <= BLOCK_ROWS), "{rows:?}");
        let configuration = Configuration::new(rows);
        // SAFETY: `configure` was given the proof that the instruction exists; the configuration is
        // valid for palette 1. The block may read memory, so the configuration is written before it.
        unsafe {
            asm!("ldtilecfg [{}]", in(reg) &configuration, options(nostack, readonly));
        }
    }

    /// Four independent products of zeros, `rounds` times.
    pub fn multiply_from_registers(&self, rounds: usize) {
        if rounds == 0 {
            return;
        }
        // SAFETY: no memory is touched; `self` proves the configuration.
        unsafe {
            asm!(
                "tilezero tmm0",
                "tilezero tmm1",
                "tilezero tmm2",
                "tilezero tmm3",
                "tilezero tmm4",
                "tilezero tmm6",
                "2:",
                "tdpbf16ps tmm0, tmm4, tmm6",
                "tdpbf16ps tmm1, tmm4, tmm6",
                "tdpbf16ps tmm2, tmm4, tmm6",
                "tdpbf16ps tmm3, tmm4, tmm6",
                "dec {n}",
                "jnz 2b",
                n = inout(reg) rounds => _,
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                out("tmm4") _, out("tmm6") _,
                options(nostack, nomem),
            );
        }
    }

    /// `scores[position][lane] = keys · queries` for the [`PAGE_TOKENS`] positions of a page, four
    /// blocks of 16 at once: fewer would wait for each other's sums, at 52 cycles a product.
    ///
    /// # Safety
    /// Both blocks are configured with 16 rows. `keys` points to a page's first key, with rows
    /// `row_bytes` apart; `queries` to `n_tiles` (at least one) tiles of pairs; `scores` to
    /// `[PAGE_TOKENS][LANES]`.
    pub unsafe fn score_page(
        &self,
        (keys, row_bytes): (*const u16, usize),
        queries: *const u16,
        n_tiles: usize,
        scores: *mut f32,
    ) {
        const { assert!(PAGE_TOKENS == 4 * BLOCK_ROWS) }
        let keys: [*const u16; 4] =
            std::array::from_fn(|block| keys.wrapping_byte_add(block * BLOCK_ROWS * row_bytes));
        // SAFETY: the caller's promise bounds every access; `self` proves the configuration.
        unsafe {
            asm!(
                "tilezero tmm0",
                "tilezero tmm1",
                "tilezero tmm2",
                "tilezero tmm3",
                "2:",
                "tileloadd tmm6, [{queries} + {row}*1]",
                "tileloadd tmm4, [{k0} + {k_row}*1]",
                "tileloadd tmm5, [{k1} + {k_row}*1]",
                "tdpbf16ps tmm0, tmm4, tmm6",
                "tileloadd tmm4, [{k2} + {k_row}*1]",
                "tdpbf16ps tmm1, tmm5, tmm6",
                "tileloadd tmm5, [{k3} + {k_row}*1]",
                "tdpbf16ps tmm2, tmm4, tmm6",
                "tdpbf16ps tmm3, tmm5, tmm6",
                "add {k0}, {row}",
                "add {k1}, {row}",
                "add {k2}, {row}",
                "add {k3}, {row}",
                "add {queries}, 1024",
                "dec {n}",
                "jnz 2b",
                "tilestored [{scores} + {row}*1], tmm0",
                "tilestored [{scores} + {row}*1 + 1024], tmm1",
                "tilestored [{scores} + {row}*1 + 2048], tmm2",
                "tilestored [{scores} + {row}*1 + 3072], tmm3",
                queries = inout(reg) queries => _,
                k0 = inout(reg) keys[0] => _,
                k1 = inout(reg) keys[1] => _,
                k2 = inout(reg) keys[2] => _,
                k3 = inout(reg) keys[3] => _,
                k_row = in(reg) row_bytes,
                scores = in(reg) scores,
                n = inout(reg) n_tiles => _,
                row = in(reg) TILE_ROW_BYTES,
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                out("tmm4") _, out("tmm5") _, out("tmm6") _,
                options(nostack),
            );
        }
    }
}

impl Drop for Tiles {
    fn drop(&mut self) {
        // SAFETY: `configure` proved that the instruction exists; no tile is in use between blocks.
        unsafe { asm!("tilerelease", options(nostack, nomem)) };
    }
}
