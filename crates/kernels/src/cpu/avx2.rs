//! Kernels for AVX2, FMA and F16C: every product in f32.

use std::arch::x86_64::*;

use ponder_tensor::format::{Format, PANEL_ROWS, TILE_K};

use super::kernels::{
    BLOCK_TILES, BLOCK_WORDS, CachedRows, Kernels, PanelProduct, Queries, Running,
};
use super::rows::{self, Operand};
use super::{avx2_attention, lanes};

/// Proof that the processor has AVX2, FMA and F16C.
#[derive(Clone, Copy)]
pub(crate) struct Avx2(());

impl Avx2 {
    pub fn detect() -> Option<Avx2> {
        let has = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma")
            && is_x86_feature_detected!("f16c");
        has.then_some(Avx2(()))
    }
}

/// Rows of one pass: with 32 outputs in four registers each, eight accumulators.
const PASS_ROWS: usize = 2;

impl Kernels for Avx2 {
    fn name(&self) -> &'static str {
        "avx2"
    }

    fn operand(&self, format: Format) -> Operand {
        Operand::f32_for(format)
    }

    fn encode(&self, operand: Operand, words: &mut [f32], values: &[f32]) {
        // SAFETY: `self` proves the instructions exist.
        unsafe { encode(operand, words, values) }
    }

    fn panel_product(&self, product: &PanelProduct, out: &mut [f32], block: &mut [f32]) {
        // SAFETY: `self` proves the instructions exist.
        unsafe { panel_product(product, out, block) }
    }

    fn rms_norm(&self, out: &mut [f32], x: &[f32], weight: &[f32], eps: f32) {
        // SAFETY: `self` proves the instructions exist.
        unsafe { rms_norm(out, x, weight, eps) }
    }

    fn swiglu(&self, out: &mut [f32; PANEL_ROWS], gate: &[f32], up: &[f32]) {
        // SAFETY: `self` proves the instructions exist.
        unsafe { swiglu(out, gate, up) }
    }

    fn pack_queries(&self, packed: &mut [f32], queries: &[f32], width: usize) {
        avx2_attention::pack_queries(packed, queries, width);
    }

    fn attend(
        &self,
        queries: &Queries,
        cached: &CachedRows,
        running: Running,
        scratch: &mut [f32],
    ) {
        // SAFETY: `self` proves the instructions exist.
        unsafe { avx2_attention::attend(queries, cached, running, scratch) }
    }

    fn merge(&self, total: Running, part: &Running) {
        // SAFETY: `self` proves the instructions exist.
        unsafe { merge(total, part) }
    }

    fn attend_scratch(&self, key_width: usize, value_width: usize) -> usize {
        avx2_attention::scratch_words(key_width, value_width)
    }

    fn multiply_from_registers(&self, rounds: usize) {
        // SAFETY: `self` proves the instructions exist.
        unsafe { multiply_from_registers(rounds) }
    }

    fn operations_per_round(&self) -> f64 {
        (PEAK_CHAINS * 8 * 2) as f64
    }

    fn value_column(&self, column: usize) -> usize {
        column
    }
}

/// Independent sums: enough to hide the latency of a product.
const PEAK_CHAINS: usize = 12;

#[target_feature(enable = "avx2,fma")]
fn multiply_from_registers(rounds: usize) {
    let x = std::hint::black_box(_mm256_set1_ps(1.0));
    let mut sums = [x; PEAK_CHAINS];
    for _ in 0..rounds {
        for sum in &mut sums {
            *sum = _mm256_fmadd_ps(x, x, *sum);
        }
    }
    std::hint::black_box(sums);
}

#[target_feature(enable = "avx2,fma,f16c")]
fn encode(operand: Operand, words: &mut [f32], values: &[f32]) {
    rows::encode(operand, words, values);
}

#[target_feature(enable = "avx2,fma,f16c")]
fn merge(total: Running, part: &Running) {
    lanes::merge(total, part);
}

#[target_feature(enable = "avx2,fma,f16c")]
fn rms_norm(out: &mut [f32], x: &[f32], weight: &[f32], eps: f32) {
    lanes::rms_norm(out, x, weight, eps);
}

#[target_feature(enable = "avx2,fma,f16c")]
fn swiglu(out: &mut [f32; PANEL_ROWS], gate: &[f32], up: &[f32]) {
    let row = |x: &[f32]| -> [f32; PANEL_ROWS] { x.try_into().expect("one row of a panel") };
    lanes::swiglu(out, &row(gate), &row(up));
}

#[target_feature(enable = "avx2,fma,f16c")]
fn panel_product(product: &PanelProduct, out: &mut [f32], block: &mut [f32]) {
    let PanelProduct { rows, first_row, n_rows, matrix, panel } = *product;
    let out = &mut out[..n_rows * PANEL_ROWS];
    let block = &mut block[..BLOCK_WORDS];
    out.fill(0.0);
    let (shape, values) = (rows.shape(), rows.f32());
    assert!(first_row + n_rows <= rows.n_rows && rows.n_tiles == matrix.n_tiles());
    let block_bytes = BLOCK_TILES * matrix.format().tile_bytes();
    let scales = matrix.panel_scales(panel);
    for (i, packed) in matrix.panel(panel).chunks(block_bytes).enumerate() {
        let tiles = packed.len() / matrix.format().tile_bytes();
        let b: &[f32] = if matrix.format() == Format::F32 {
            bytemuck::cast_slice(packed)
        } else {
            unpack(matrix.format(), packed, block);
            block
        };
        let scale = scales.get(i).copied().unwrap_or(1.0);
        let mut row = 0;
        while row < n_rows {
            let place = shape.tile(first_row + row, i * BLOCK_TILES);
            let in_block = (first_row + row) % rows::BLOCK_ROWS;
            let m = PASS_ROWS.min(place.rows - in_block).min(n_rows - row);
            let a = &values[place.start + in_block * TILE_K..];
            let a = (a.as_ptr(), place.rows * TILE_K);
            let out = out[row * PANEL_ROWS..].as_mut_ptr();
            // SAFETY: the row's tiles lie within `values` (`n_tiles` was checked), `b` holds
            // `tiles` tiles, and `out` has m rows left.
            unsafe {
                match m {
                    1 => f32_rows::<1>(a, (b.as_ptr(), tiles), out, scale),
                    _ => f32_rows::<PASS_ROWS>(a, (b.as_ptr(), tiles), out, scale),
                }
            }
            row += m;
        }
    }
}

/// `out[m] += scale * Σ_k a[m][k] · b[k]` for `M` rows of f32 tiles and an f32 block `[k][32]`.
///
/// # Safety
/// `a` points to `M` rows of a packed tile; the row's next tile lies `a_tile` values further; `b`
/// to `tiles` tiles of 32×32 values; `out` to `M` rows of 32.
#[target_feature(enable = "avx2,fma")]
unsafe fn f32_rows<const M: usize>(
    (a, a_tile): (*const f32, usize),
    (b, tiles): (*const f32, usize),
    out: *mut f32,
    scale: f32,
) {
    let mut acc = [[_mm256_setzero_ps(); 4]; M];
    for t in 0..tiles {
        for k in 0..TILE_K {
            // SAFETY: inside the block and the packed rows, by the caller's promise.
            unsafe {
                let b = b.add((t * TILE_K + k) * PANEL_ROWS);
                let a = a.add(t * a_tile + k);
                let b: [__m256; 4] = std::array::from_fn(|i| _mm256_loadu_ps(b.add(i * 8)));
                for (m, acc) in acc.iter_mut().enumerate() {
                    let a = _mm256_broadcast_ss(&*a.add(m * TILE_K));
                    for (acc, b) in acc.iter_mut().zip(b) {
                        *acc = _mm256_fmadd_ps(a, b, *acc);
                    }
                }
            }
        }
    }
    let scale = _mm256_set1_ps(scale);
    for (m, acc) in acc.iter().enumerate() {
        for (i, acc) in acc.iter().enumerate() {
            // SAFETY: `out` holds M rows of 32.
            unsafe {
                let out = out.add(m * PANEL_ROWS + i * 8);
                _mm256_storeu_ps(out, _mm256_fmadd_ps(*acc, scale, _mm256_loadu_ps(out)));
            }
        }
    }
}

/// Widens packed tiles to f32 `[k][32]`, without scales.
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn unpack(format: Format, packed: &[u8], out: &mut [f32]) {
    let tiles = packed.chunks_exact(format.tile_bytes());
    for (tile, out) in tiles.zip(out.chunks_exact_mut(TILE_K * PANEL_ROWS)) {
        match format {
            Format::Fp8 => unpack_fp8(tile, out),
            Format::Bf16 => unpack_bf16(bytemuck::cast_slice(tile), out),
            Format::F16 => unpack_f16(tile, out),
            Format::F32 => out.copy_from_slice(bytemuck::cast_slice(tile)),
        }
    }
}

/// A code's seven magnitude bits, put at the top of an f32's exponent, are the value times 2^-120,
/// subnormals included.
#[target_feature(enable = "avx2,fma,f16c")]
fn unpack_fp8(tile: &[u8], out: &mut [f32]) {
    let mask = _mm256_set1_epi32(0x87f0_0000_u32 as i32);
    let factor = _mm256_set1_ps(2f32.powi(120));
    let (groups, _) = tile.as_chunks::<16>();
    for (i, group) in groups.iter().enumerate() {
        // Sixteen codes: two pairs of k (2p and 2p + 2) for four outputs, see `Format::place`.
        let (half, line, lane) = (i / 32, i / 4 % 8, i % 4);
        let (n, k) = (half * 16 + lane * 4, line * 4);
        // SAFETY: the group has 16 bytes.
        let codes = unsafe { _mm_loadu_si128(group.as_ptr().cast()) };
        let pairs = _mm256_cvtepu16_epi32(codes);
        let widen = |codes: __m256i| {
            let bits = _mm256_and_si256(_mm256_srai_epi32::<4>(codes), mask);
            _mm256_mul_ps(_mm256_castsi256_ps(bits), factor)
        };
        let even = widen(_mm256_slli_epi32::<24>(pairs));
        let odd = widen(_mm256_and_si256(
            _mm256_slli_epi32::<16>(pairs),
            _mm256_set1_epi32(0xff00_0000_u32 as i32),
        ));
        let mut store = |k: usize, values: __m128| {
            let out = &mut out[k * PANEL_ROWS + n..][..4];
            // SAFETY: the slice has four values.
            unsafe { _mm_storeu_ps(out.as_mut_ptr(), values) };
        };
        store(k, _mm256_castps256_ps128(even));
        store(k + 1, _mm256_castps256_ps128(odd));
        store(k + 2, _mm256_extractf128_ps::<1>(even));
        store(k + 3, _mm256_extractf128_ps::<1>(odd));
    }
}

#[target_feature(enable = "avx2,fma,f16c")]
fn unpack_bf16(pairs: &[u32], out: &mut [f32]) {
    let (lines, _) = pairs.as_chunks::<16>();
    for (i, line) in lines.iter().enumerate() {
        let (half, pair) = (i / 16, i % 16);
        let (even, odd) = out[pair * 2 * PANEL_ROWS..].split_at_mut(PANEL_ROWS);
        let (even, odd) = (&mut even[half * 16..][..16], &mut odd[half * 16..][..16]);
        for n in 0..16 {
            even[n] = f32::from_bits(line[n] << 16);
            odd[n] = f32::from_bits(line[n] & 0xffff_0000);
        }
    }
}

#[target_feature(enable = "avx2,fma,f16c")]
fn unpack_f16(tile: &[u8], out: &mut [f32]) {
    let (groups, _) = tile.as_chunks::<16>();
    let (out, _) = out.as_chunks_mut::<8>();
    for (group, out) in groups.iter().zip(out) {
        // SAFETY: eight halves are read, eight values written.
        unsafe {
            let halves = _mm_loadu_si128(group.as_ptr().cast());
            _mm256_storeu_ps(out.as_mut_ptr(), _mm256_cvtph_ps(halves));
        }
    }
}
