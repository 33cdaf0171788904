//! Kernels for AMX: bf16 products and attention on the tile unit, everything else as on AVX-512.
//!
//! The tile unit is driven by `asm!`, because its intrinsics are unstable. A tile lives within one
//! `asm!` block, loop over k included; between blocks only the configuration stays, and only as
//! long as a [`Tiles`] does, so that a thread which leaves a kernel has nothing to save.

mod attention;
mod bf16_product;
mod fp8_product;
mod steps;
mod tiles;

use std::arch::x86_64::{__cpuid, __cpuid_count, _xgetbv};

use ponder_tensor::Arena;
use ponder_tensor::format::{Format, PANEL_ROWS};

use super::avx512::Avx512;
use super::kernels::{CachedRows, Destination, Kernels, PanelProduct, Queries, Running};
use super::pool::Pool;
use super::rows::{BLOCK_ROWS, Operand};
use super::{Cpu, avx512_attention};
use tiles::Tiles;

/// Proof that the processor has AMX with BF16 beside AVX-512, and that this process may use it.
#[derive(Clone, Copy)]
pub(crate) struct Amx(Avx512);

/// Bytes of a tile's row, and from row to row of a packed tile.
const TILE_ROW_BYTES: usize = 64;
/// Rows that the tile unit multiplies at once: two blocks.
const STEP_ROWS: usize = 2 * BLOCK_ROWS;
/// Bytes from row to row of the sums of a panel: 32 outputs in f32.
const SUM_ROW_BYTES: usize = PANEL_ROWS * size_of::<f32>();

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
