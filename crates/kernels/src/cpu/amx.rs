//! Kernels for AMX: bf16 products and attention on the tile unit, everything else as on AVX-512.
//!
//! The tile unit is driven by `asm!`, because its intrinsics are unstable. A tile lives within one
//! `asm!` block, loop over k included; between blocks only the configuration stays, and only as
//! long as a [`Tiles`] does, so that a thread which leaves a kernel has nothing to save.

mod attention;
mod bf16_product;
mod fp8_product;

use std::arch::asm;
use std::arch::x86_64::{__cpuid, __cpuid_count, _mm512_set1_epi8, _mm512_set1_ps, _xgetbv};
use std::marker::PhantomData;

use ponder_tensor::Arena;
use ponder_tensor::format::{Format, PANEL_ROWS, TILE_K};

use super::avx512::Avx512;
use super::avx512_fp8::{Fp8Decoder, PREFETCH_BYTES};
use super::kernels::{CachedRows, Destination, Kernels, PanelProduct, Queries, Running};
use super::pool::Pool;
use super::rows::{BLOCK_ROWS, Operand};
use super::{Cpu, avx512_attention};
use crate::PAGE_TOKENS;

/// Proof that the processor has AMX with BF16 beside AVX-512, and that this process may use it.
#[derive(Clone, Copy)]
pub(crate) struct Amx(Avx512);

/// Bytes of a tile's row, and from row to row of a packed tile.
const TILE_ROW_BYTES: usize = 64;
/// Bytes from row to row of the sums of a panel: 32 outputs in f32.
const SUM_ROW_BYTES: usize = 128;

impl Amx {
    pub fn detect() -> Option<Amx> {
        let avx512 = Avx512::detect()?;
        (has_tiles() && is_permitted()).then_some(Amx(avx512))
    }
}

/// Whether the processor has BF16 tiles of 16 rows of 64 bytes, and the system saves them.
fn has_tiles() -> bool {
    const TILE_LEAF: u32 = 0x1d;
    const BF16_AND_TILE: u32 = 1 << 22 | 1 << 24;
    const TILE_STATE: u64 = 3 << 17;
    if __cpuid(0).eax < TILE_LEAF || __cpuid_count(7, 0).edx & BF16_AND_TILE != BF16_AND_TILE {
        return false;
    }
    let palette = __cpuid_count(TILE_LEAF, 1);
    let is_known = palette.ebx == 8 << 16 | 64 && palette.ecx & 0xffff == 16;
    // SAFETY: the caller has found AVX-512, which std reports only where XGETBV may be executed.
    is_known && unsafe { _xgetbv(0) } & TILE_STATE == TILE_STATE
}

/// Asks the system to let all threads of this process use tiles; asking again does no harm.
fn is_permitted() -> bool {
    const ARCH_REQ_XCOMP_PERM: libc::c_long = 0x1023;
    const XFEATURE_XTILEDATA: libc::c_long = 18;
    // SAFETY: the call takes two numbers and touches no memory of ours.
    unsafe { libc::syscall(libc::SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0 }
}

impl Cpu {
    /// A backend that executes tile instructions although the processor may lack them, for tests
    /// that emulate them. `None` without AVX-512, which is not emulated.
    ///
    /// # Safety
    /// A handler of `SIGILL` that carries out AMX instructions is installed.
    #[doc(hidden)]
    pub unsafe fn with_emulated_amx(threads: usize) -> Option<Cpu> {
        let kernels = Box::new(Amx(Avx512::detect()?));
        Some(Cpu { kernels, pool: Pool::new(threads, false), arena: Arena::new() })
    }
}

impl Kernels for Amx {
    fn name(&self) -> &'static str {
        "amx"
    }

    fn operand(&self, format: Format) -> Operand {
        self.0.operand(format)
    }

    fn encode(&self, operand: Operand, words: &mut [f32], values: &[f32]) {
        self.0.encode(operand, words, values);
    }

    fn panel_product(&self, product: &PanelProduct, out: &mut [f32], block: &mut [f32]) {
        match product.matrix.format() {
            // SAFETY: `self` proves the instructions exist.
            Format::Fp8 => unsafe { fp8_product::panel_product(*self, product, out, block) },
            Format::Bf16 => {
                let out = &mut out[..product.n_rows * PANEL_ROWS];
                let to = Destination { first: out.as_mut_ptr(), step: PANEL_ROWS, add: false };
                // SAFETY: `out` has as many rows of 32, and is ours.
                unsafe { bf16_product::store_product(*self, product, &to) }
            }
            Format::F16 | Format::F32 => self.0.panel_product(product, out, block),
        }
    }

    unsafe fn store_product(&self, product: &PanelProduct, to: &Destination) -> bool {
        if product.matrix.format() != Format::Bf16 {
            return false;
        }
        // SAFETY: the caller's promise.
        unsafe { bf16_product::store_product(*self, product, to) };
        true
    }

    fn rms_norm(&self, out: &mut [f32], x: &[f32], weight: &[f32], eps: f32) {
        self.0.rms_norm(out, x, weight, eps);
    }

    fn swiglu(&self, out: &mut [f32; PANEL_ROWS], gate: &[f32], up: &[f32]) {
        self.0.swiglu(out, gate, up);
    }

    fn pack_queries(&self, packed: &mut [f32], queries: &[f32], width: usize) {
        self.0.pack_queries(packed, queries, width);
    }

    fn attend(
        &self,
        queries: &Queries,
        cached: &CachedRows,
        running: Running,
        scratch: &mut [f32],
    ) {
        // SAFETY: `self` proves the instructions exist.
        unsafe { attention::attend(*self, queries, cached, running, scratch) }
    }

    fn merge(&self, total: Running, part: &Running) {
        self.0.merge(total, part);
    }

    fn attend_scratch(&self, _key_width: usize, _value_width: usize) -> usize {
        attention::SCRATCH_WORDS
    }

    fn multiply_from_registers(&self, rounds: usize) {
        Tiles::configure(*self, [BLOCK_ROWS; 2]).multiply_from_registers(rounds);
    }

    fn operations_per_round(&self) -> f64 {
        // Four products of 16×32 by 32×16.
        (4 * 16 * 16 * 32 * 2) as f64
    }

    fn value_column(&self, column: usize) -> usize {
        avx512_attention::value_column(column)
    }
}

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

/// Activations of a block of rows: the first tile, and the bytes from tile to tile. Rows of a
/// tile follow each other in 64 bytes each.
#[derive(Clone, Copy)]
struct Block {
    first_tile: *const u16,
    tile_bytes: usize,
}

impl Block {
    /// `n_tiles` tiles from tile `tile` on of the two blocks of rows from `row` of a product on;
    /// without a second block, twice the first one.
    fn two(product: &PanelProduct, row: usize, tile: usize, n_tiles: usize) -> [Block; 2] {
        let (shape, values) = (product.rows.shape(), product.rows.bf16());
        [0, BLOCK_ROWS].map(|offset| {
            let row = if row + offset < product.n_rows { row + offset } else { row };
            let place = shape.tile(product.first_row + row, tile);
            // Packed rows end with room for a whole tile, so the last one may be read as a full one.
            let last = place.start + (n_tiles - 1) * place.rows * TILE_K;
            assert!(tile + n_tiles <= shape.n_tiles && last + BLOCK_ROWS * TILE_K <= values.len());
            Block {
                first_tile: values[place.start..].as_ptr(),
                tile_bytes: place.rows * TILE_K * 2,
            }
        })
    }
}

/// Where the sums of two blocks of rows lie: rows of 32, `row_bytes` apart.
struct Sums {
    first: *mut f32,
    row_bytes: usize,
    /// Whether products are added to what is there.
    add: bool,
}

/// What the vector unit does while the tile unit multiplies.
///
/// It is part of the same `asm!` block because of the order of memory accesses: a load waits for
/// every earlier store whose address has the same low 12 bits until that store has its data. Sums
/// fill 4 KiB, so after the instruction that stores them any load would wait for the products.
struct Meanwhile<'a> {
    /// Lines of FP8 `codes` that are widened to `widened` for every tile.
    decoder: &'a Fp8Decoder,
    lines_per_tile: usize,
    codes: *const u8,
    widened: *mut u16,
    /// Lines of the sums of the step before, times `scale`, that are added to `out`.
    sum_lines: usize,
    out: *mut f32,
    scale: f32,
}

/// What a step reads from memory, because registers are few.
#[repr(C)]
struct Counts {
    /// From tile to tile of each block of rows.
    tile_bytes: [usize; 2],
    /// FP8: lines to widen; BF16: bytes to fetch.
    for_each_tile: usize,
    /// FP8: lines of sums to drain; BF16: whether products are added to what is there.
    once: usize,
}

/// A step with FP8 weights, for one block of rows or two: `$second` are the second one's operands.
macro_rules! fp8_step {
    (
        ($blocks:expr, $weights:expr, $n_tiles:expr, $sums:expr), $meanwhile:expr, $counts:expr,
        [$($zero:literal)*] [$($multiply:literal)*] [$($store:literal)*] $($second:tt)*
    ) => {
        asm!(
            $($zero,)*
            "2:",
            $($multiply,)*
            "add {b}, 2048",
            // Widens lines of codes, see `Fp8Decoder::widen`.
            "mov {count}, [{counts} + 16]",
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
            "mov {count}, [{counts} + 24]",
            "test {count}, {count}",
            "jz 6f",
            "5:",
            "vmovups {x}, [{sums} + {n}]",
            "vfmadd213ps {x}, {scale}, [{out} + {n}]",
            "vmovups [{out} + {n}], {x}",
            "add {n}, 64",
            "dec {count}",
            "jnz 5b",
            "6:",
            "mov {count:e}, {sum_row}",
            $($store,)*
            a0 = inout(reg) $blocks[0].first_tile => _,
            b = inout(reg) $weights => _,
            n = inout(reg) $n_tiles => _,
            row = in(reg) TILE_ROW_BYTES,
            count = out(reg) _,
            codes = inout(reg) $meanwhile.codes => _,
            widened = inout(reg) $meanwhile.widened => _,
            sums = in(reg) $sums,
            out = in(reg) $meanwhile.out,
            counts = in(reg) $counts,
            ahead = const PREFETCH_BYTES,
            sum_row = const SUM_ROW_BYTES,
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

/// A step with BF16 weights, likewise.
macro_rules! bf16_step {
    (
        ($blocks:expr, $weights:expr, $n_tiles:expr, $sums:expr), $counts:expr,
        [$($zero:literal)*] [$($load:literal)*] [$($multiply:literal)*] [$($store:literal)*]
        $($second:tt)*
    ) => {
        asm!(
            "cmp qword ptr [{counts} + 24], 0",
            "jne 2f",
            $($zero,)*
            "jmp 3f",
            "2:",
            $($load,)*
            "3:",
            "mov {count}, [{counts} + 16]",
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
            $($store,)*
            a0 = inout(reg) $blocks[0].first_tile => _,
            b = inout(reg) $weights => _,
            n = inout(reg) $n_tiles => _,
            row = in(reg) TILE_ROW_BYTES,
            count = out(reg) _,
            c0 = in(reg) $sums.first,
            c_row = in(reg) $sums.row_bytes,
            counts = in(reg) $counts,
            ahead = const PREFETCH_BYTES,
            out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
            out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
            $($second)*
            options(nostack),
        )
    };
}

/// The tile unit, configured for two blocks of rows. It is released when this is dropped.
struct Tiles {
    rows: [usize; 2],
    /// The configuration is the thread's, so this must not move to another.
    _of_this_thread: PhantomData<*const ()>,
}

impl Tiles {
    /// `rows` of the first and of the second block: up to 16 each, none where it is not used.
    fn configure(_: Amx, rows: [usize; 2]) -> Tiles {
        Tiles::load_configuration(rows);
        Tiles { rows, _of_this_thread: PhantomData }
    }

    /// The same for other numbers of rows.
    fn reconfigure(&mut self, rows: [usize; 2]) {
        if rows != self.rows {
            Tiles::load_configuration(rows);
            self.rows = rows;
        }
    }

    fn load_configuration(rows: [usize; 2]) {
        assert!(rows[0] > 0 && rows.iter().all(|rows| *rows <= BLOCK_ROWS), "{rows:?}");
        let configuration = Configuration::new(rows);
        // SAFETY: `configure` was given the proof that the instruction exists; the configuration is valid for palette 1.
        // The block may read memory, so the configuration is written before it.
        unsafe {
            asm!("ldtilecfg [{}]", in(reg) &configuration, options(nostack, readonly));
        }
    }

    /// Four independent products of zeros, `rounds` times.
    fn multiply_from_registers(&self, rounds: usize) {
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

    /// `sums[row][0..32] = rows · weights` for the first block.
    ///
    /// # Safety
    /// `block` has `n_tiles` (at least one) tiles with the configured number of rows; `weights`
    /// points to as many pairs of tiles (16 outputs each), `sums` to a row of 32 for every row.
    unsafe fn multiply_block(
        &self,
        block: Block,
        weights: *const u16,
        n_tiles: usize,
        sums: *mut f32,
    ) {
        // SAFETY: the caller's promise bounds every access; `self` proves the configuration.
        unsafe {
            asm!(
                "tilezero tmm0",
                "tilezero tmm1",
                "2:",
                "tileloadd tmm4, [{a} + {row}*1]",
                "tileloadd tmm6, [{b} + {row}*1]",
                "tileloadd tmm7, [{b} + {row}*1 + 1024]",
                "tdpbf16ps tmm0, tmm4, tmm6",
                "tdpbf16ps tmm1, tmm4, tmm7",
                "add {a}, {a_tile}",
                "add {b}, 2048",
                "dec {n}",
                "jnz 2b",
                "tilestored [{c} + {c_row}*1], tmm0",
                "tilestored [{c} + {c_row}*1 + 64], tmm1",
                a = inout(reg) block.first_tile => _,
                a_tile = in(reg) block.tile_bytes,
                b = inout(reg) weights => _,
                c = in(reg) sums,
                n = inout(reg) n_tiles => _,
                row = in(reg) TILE_ROW_BYTES,
                c_row = in(reg) SUM_ROW_BYTES,
                out("tmm0") _, out("tmm1") _, out("tmm4") _, out("tmm6") _, out("tmm7") _,
                options(nostack),
            );
        }
    }

    /// `sums[row][0..32] = rows · weights`, for the first of the two `blocks` or for both, the second
    /// one's sums 16 rows after the first one's; and `meanwhile`.
    ///
    /// With both blocks every weight tile serves two products and every activation tile two: 4
    /// loads of 8 cycles for 4 products of 16.
    ///
    /// # Safety
    /// Each block in use has `n_tiles` (at least one) tiles with the configured number of rows;
    /// `weights` points to as many pairs of tiles (16 outputs each), `sums` to a row of 32 for every
    /// row. The memory that `meanwhile` describes is there.
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
    unsafe fn multiply<const BLOCKS: usize>(
        &self,
        blocks: [Block; 2],
        weights: *const u16,
        n_tiles: usize,
        sums: *mut f32,
        meanwhile: &Meanwhile,
    ) {
        let counts = Counts {
            tile_bytes: blocks.map(|block| block.tile_bytes),
            for_each_tile: meanwhile.lines_per_tile,
            once: meanwhile.sum_lines,
        };
        // SAFETY: the caller's promise bounds every access; `self` proves the configuration.
        unsafe {
            if BLOCKS == 1 {
                fp8_step!(
                    (blocks, weights, n_tiles, sums), meanwhile, &counts,
                    ["tilezero tmm0" "tilezero tmm1"]
                    [
                        "tileloadd tmm4, [{a0} + {row}*1]"
                        "tileloadd tmm6, [{b} + {row}*1]"
                        "tileloadd tmm7, [{b} + {row}*1 + 1024]"
                        "tdpbf16ps tmm0, tmm4, tmm6"
                        "tdpbf16ps tmm1, tmm4, tmm7"
                        "add {a0}, [{counts}]"
                    ]
                    [
                        "tilestored [{sums} + {count}*1], tmm0"
                        "tilestored [{sums} + {count}*1 + 64], tmm1"
                    ]
                );
            } else {
                fp8_step!(
                    (blocks, weights, n_tiles, sums), meanwhile, &counts,
                    ["tilezero tmm0" "tilezero tmm1" "tilezero tmm2" "tilezero tmm3"]
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
                        "tilestored [{sums} + {count}*1], tmm0"
                        "tilestored [{sums} + {count}*1 + 64], tmm1"
                        "tilestored [{sums} + {count}*1 + 2048], tmm2"
                        "tilestored [{sums} + {count}*1 + 2112], tmm3"
                    ]
                    a1 = inout(reg) blocks[1].first_tile => _,
                );
            }
        }
    }

    /// `sums (+)= rows · weights`, for the first of the two `blocks` or for both. `streams` fetches
    /// the weights ahead.
    ///
    /// # Safety
    /// As for [`Tiles::multiply`].
    unsafe fn accumulate<const BLOCKS: usize>(
        &self,
        blocks: [Block; 2],
        weights: *const u16,
        n_tiles: usize,
        sums: &Sums,
        streams: bool,
    ) {
        let counts = Counts {
            tile_bytes: blocks.map(|block| block.tile_bytes),
            for_each_tile: if streams { Format::Bf16.tile_bytes() } else { 0 },
            once: sums.add as usize,
        };
        // SAFETY: the caller's promise bounds every access; `self` proves the configuration.
        unsafe {
            if BLOCKS == 1 {
                bf16_step!(
                    (blocks, weights, n_tiles, sums), &counts,
                    ["tilezero tmm0" "tilezero tmm1"]
                    [
                        "tileloadd tmm0, [{c0} + {c_row}*1]"
                        "tileloadd tmm1, [{c0} + {c_row}*1 + 64]"
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
                        "tilestored [{c0} + {c_row}*1], tmm0"
                        "tilestored [{c0} + {c_row}*1 + 64], tmm1"
                    ]
                );
            } else {
                bf16_step!(
                    (blocks, weights, n_tiles, sums), &counts,
                    ["tilezero tmm0" "tilezero tmm1" "tilezero tmm2" "tilezero tmm3"]
                    [
                        "tileloadd tmm0, [{c0} + {c_row}*1]"
                        "tileloadd tmm1, [{c0} + {c_row}*1 + 64]"
                        "tileloadd tmm2, [{c1} + {c_row}*1]"
                        "tileloadd tmm3, [{c1} + {c_row}*1 + 64]"
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
                        "tilestored [{c0} + {c_row}*1], tmm0"
                        "tilestored [{c0} + {c_row}*1 + 64], tmm1"
                        "tilestored [{c1} + {c_row}*1], tmm2"
                        "tilestored [{c1} + {c_row}*1 + 64], tmm3"
                    ]
                    a1 = inout(reg) blocks[1].first_tile => _,
                    c1 = in(reg) sums.first.wrapping_byte_add(BLOCK_ROWS * sums.row_bytes),
                );
            }
        }
    }

    /// `scores[position][lane] = keys · queries` for the [`PAGE_TOKENS`] positions of a page, four
    /// blocks of 16 at once: fewer would wait for each other's sums, at 52 cycles a product.
    ///
    /// # Safety
    /// Both blocks are configured with 16 rows. `keys` points to a page's first key, with rows
    /// `row_bytes` apart; `queries` to `n_tiles` (at least one) tiles of pairs; `scores` to
    /// `[PAGE_TOKENS][LANES]`.
    unsafe fn score_page(
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
