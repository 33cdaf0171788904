//! Kernels for AVX-512 with BF16 and VBMI: bf16 products by `VDPBF16PS`, FP8 by table look-up.

use std::arch::x86_64::*;
use std::sync::atomic::{Ordering, compiler_fence};

use ponder_tensor::format::{Format, PANEL_ROWS, TILE_K};

use super::avx2::{self, Avx2};
use super::avx512_fp8::Fp8Decoder;
use super::kernels::{
    BLOCK_TILES, BLOCK_WORDS, CachedRows, Kernels, LANES, PanelProduct, Queries, Running,
};
use super::rows::{self, Operand};
use super::{avx512_attention, lanes};

/// Proof that the processor has AVX-512 F, BW, DQ, VL, VBMI and BF16.
#[derive(Clone, Copy)]
pub(crate) struct Avx512(Avx2);

impl Avx512 {
    pub fn detect() -> Option<Avx512> {
        let has = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512vbmi")
            && is_x86_feature_detected!("avx512bf16");
        Avx2::detect().filter(|_| has).map(Avx512)
    }
}

/// Rows of one pass: with two vectors of outputs each, sixteen accumulators.
const PASS_ROWS: usize = 8;
/// Up to this many rows a product waits for memory, beyond it for the multipliers.
const STREAMED_ROWS: usize = 4;

impl Kernels for Avx512 {
    fn name(&self) -> &'static str {
        "avx512"
    }

    fn operand(&self, format: Format) -> Operand {
        match format {
            Format::Fp8 | Format::Bf16 => Operand::Bf16,
            Format::F16 | Format::F32 => Operand::F32 { rounded: false },
        }
    }

    fn encode(&self, operand: Operand, words: &mut [f32], values: &[f32]) {
        // SAFETY: `self` proves the instructions exist.
        unsafe { encode(operand, words, values) }
    }

    fn panel_product(&self, product: &PanelProduct, out: &mut [f32], block: &mut [f32]) {
        // SAFETY: `self` proves the instructions exist.
        unsafe {
            match product.rows.operand {
                Operand::Bf16 => bf16_product(product, out, block),
                Operand::F32 { .. } => f32_product(product, out, block),
            }
        }
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
        assert!(queries.len() == LANES * width && packed.len() * 2 >= LANES * width);
        avx512_attention::pack_queries(bytemuck::cast_slice_mut(packed), queries, width);
    }

    fn attend(
        &self,
        queries: &Queries,
        cached: &CachedRows,
        running: Running,
        scratch: &mut [f32],
    ) {
        // SAFETY: `self` proves the instructions exist.
        unsafe { avx512_attention::attend(queries, cached, running, scratch) }
    }

    fn merge(&self, total: Running, part: &Running) {
        // SAFETY: `self` proves the instructions exist.
        unsafe { merge(total, part) }
    }

    fn attend_scratch(&self, _key_width: usize, _value_width: usize) -> usize {
        avx512_attention::SCRATCH_WORDS
    }

    fn multiply_from_registers(&self, rounds: usize) {
        // SAFETY: `self` proves the instructions exist.
        unsafe { multiply_from_registers(rounds) }
    }

    fn operations_per_round(&self) -> f64 {
        (PEAK_CHAINS * 32 * 2) as f64
    }

    fn value_column(&self, column: usize) -> usize {
        avx512_attention::value_column(column)
    }
}

/// Independent sums: enough to hide the latency of a product.
const PEAK_CHAINS: usize = 16;

#[target_feature(enable = "avx512f,avx512bf16")]
fn multiply_from_registers(rounds: usize) {
    let x = std::hint::black_box(_mm512_set1_epi32(0x3f80_3f80));
    let mut sums = [_mm512_setzero_ps(); PEAK_CHAINS];
    for _ in 0..rounds {
        for sum in &mut sums {
            *sum = dot_bf16(*sum, x, x);
        }
    }
    std::hint::black_box(sums);
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,avx512bf16,avx2,fma")]
fn encode(operand: Operand, words: &mut [f32], values: &[f32]) {
    // Rounds as `rows::encode` does, but for subnormal values, which the products take for zero.
    if let (Operand::Bf16, Some(values)) = (operand, values.as_array::<TILE_K>()) {
        assert_eq!(words.len(), TILE_K / 2);
        // SAFETY: 32 values are read and 64 bytes written; the vectors differ in name only.
        unsafe {
            let [low, high] = [0, 16].map(|i| _mm512_loadu_ps(values.as_ptr().add(i)));
            let rounded = std::mem::transmute::<__m512bh, __m512i>(_mm512_cvtne2ps_pbh(high, low));
            _mm512_storeu_si512(words.as_mut_ptr().cast(), rounded);
        }
        return;
    }
    rows::encode(operand, words, values);
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,avx512bf16,avx2,fma")]
fn merge(total: Running, part: &Running) {
    lanes::merge(total, part);
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,avx512bf16,avx2,fma")]
fn rms_norm(out: &mut [f32], x: &[f32], weight: &[f32], eps: f32) {
    lanes::rms_norm(out, x, weight, eps);
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,avx512bf16,avx2,fma")]
fn swiglu(out: &mut [f32; PANEL_ROWS], gate: &[f32], up: &[f32]) {
    let row = |x: &[f32]| -> [f32; PANEL_ROWS] { x.try_into().expect("one row of a panel") };
    lanes::swiglu(out, &row(gate), &row(up));
}

/// One pass over packed rows: where they start, and the values between a row's tiles.
type Rows = (*const u16, usize);

/// Rows of `product` in passes of up to eight within a block of 16: (row, rows of the pass).
fn passes(product: &PanelProduct) -> impl Iterator<Item = (usize, usize)> {
    let PanelProduct { first_row, n_rows, .. } = *product;
    let mut row = 0;
    std::iter::from_fn(move || {
        let m = PASS_ROWS.min(rows::BLOCK_ROWS - (first_row + row) % rows::BLOCK_ROWS);
        let pass = (row, m.min(n_rows - row));
        row += pass.1;
        (pass.1 > 0).then_some(pass)
    })
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,avx512bf16,avx2,fma")]
fn bf16_product(product: &PanelProduct, out: &mut [f32], block: &mut [f32]) {
    let PanelProduct { rows, first_row, n_rows, matrix, panel } = *product;
    let out = &mut out[..n_rows * PANEL_ROWS];
    let block: &mut [u16] = bytemuck::cast_slice_mut(&mut block[..BLOCK_WORDS]);
    out.fill(0.0);
    let (shape, values) = (rows.shape(), rows.bf16());
    assert!(first_row + n_rows <= rows.n_rows && rows.n_tiles == matrix.n_tiles());
    let is_fp8 = matrix.format() == Format::Fp8;
    let decoder = Fp8Decoder::new();
    let tile_bytes = matrix.format().tile_bytes();
    let scales = matrix.panel_scales(panel);
    for (i, packed) in matrix.panel(panel).chunks(BLOCK_TILES * tile_bytes).enumerate() {
        let tiles = packed.len() / tile_bytes;
        let scale = scales.get(i).copied().unwrap_or(1.0);
        // Few rows: widen in registers. Many: widen once into the first-level cache.
        let in_registers = is_fp8 && n_rows <= PASS_ROWS;
        let b: &[u16] = if is_fp8 && !in_registers {
            decoder.widen_tiles(packed, block);
            block
        } else {
            bytemuck::cast_slice(packed)
        };
        for (row, m) in passes(product) {
            let place = shape.tile(first_row + row, i * BLOCK_TILES);
            let in_block = (first_row + row) % rows::BLOCK_ROWS;
            let a = &values[place.start + in_block * TILE_K..];
            let a = (a.as_ptr(), place.rows * TILE_K);
            let out = out[row * PANEL_ROWS..].as_mut_ptr();
            // SAFETY: the rows' tiles lie within `values` (`n_tiles` was checked), `packed` and
            // `b` hold `tiles` tiles, and `out` has m rows left.
            unsafe {
                if in_registers {
                    fp8_block(m, a, (packed.as_ptr(), tiles), &decoder, out, scale);
                } else {
                    bf16_block(m, a, (b.as_ptr(), tiles), out, scale);
                }
            }
        }
    }
}

/// Calls `$body::<M>` for the number of rows at hand, 1 to 8.
macro_rules! with_rows {
    ($m:expr, $body:ident($($arg:expr),*)) => {
        match $m {
            1 => $body::<1>($($arg),*),
            2 => $body::<2>($($arg),*),
            3 => $body::<3>($($arg),*),
            4 => $body::<4>($($arg),*),
            5 => $body::<5>($($arg),*),
            6 => $body::<6>($($arg),*),
            7 => $body::<7>($($arg),*),
            _ => $body::<8>($($arg),*),
        }
    };
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16")]
unsafe fn bf16_block(m: usize, a: Rows, b: (*const u16, usize), out: *mut f32, scale: f32) {
    // SAFETY: the caller's promise, passed on.
    unsafe { with_rows!(m, bf16_rows(a, b, out, scale)) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512bf16")]
unsafe fn fp8_block(
    m: usize,
    a: Rows,
    b: (*const u8, usize),
    decoder: &Fp8Decoder,
    out: *mut f32,
    scale: f32,
) {
    // SAFETY: the caller's promise, passed on.
    unsafe { with_rows!(m, fp8_rows(a, b, decoder, out, scale)) }
}

/// Accumulators of a pass: 32 outputs of each row.
type Accumulators<const M: usize> = [[__m512; 2]; M];

/// Runs `$body` for the lines of both halves of a tile, 16 outputs each; `$HALF` is a constant in
/// it, so that accumulators stay in registers.
///
/// Few rows take one half after the other: the addresses ascend, so the hardware prefetchers keep
/// up, and with two streams half a tile apart they did not (BF16: 33 GB/s instead of 20, FP8: 31
/// instead of 23, on two Zen 4 cores that read 33). Many rows take both halves of a line, because
/// an activation is then broadcast once for both (200 instead of 150 GFLOP/s a core). An
/// accumulator sees its lines in the same order either way.
macro_rules! for_lines {
    ($m:expr, $n_lines:expr, |$HALF:ident, $line:ident| $body:block) => {
        if $m <= STREAMED_ROWS {
            for $line in 0..$n_lines {
                const $HALF: usize = 0;
                $body
            }
            // Unrolled, the compiler would mix the loads of both halves again.
            compiler_fence(Ordering::SeqCst);
            for $line in 0..$n_lines {
                const $HALF: usize = 1;
                $body
            }
        } else {
            for $line in 0..$n_lines {
                {
                    const $HALF: usize = 0;
                    $body
                }
                {
                    const $HALF: usize = 1;
                    $body
                }
            }
        }
    };
}

/// Multiplies one pair of k for the 16 outputs of a half into the accumulators.
///
/// # Safety
/// `a` points to the pair in the first of `M` rows, 32 values apart.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
unsafe fn multiply_pair<const M: usize, const HALF: usize>(
    acc: &mut Accumulators<M>,
    a: *const u16,
    b: __m512i,
) {
    for (m, acc) in acc.iter_mut().enumerate() {
        // SAFETY: the caller's promise; the pair is aligned to its four bytes.
        let pair = unsafe { _mm512_set1_epi32(*a.add(m * TILE_K).cast::<i32>()) };
        acc[HALF] = dot_bf16(acc[HALF], pair, b);
    }
}

/// `acc + a₀b₀ + a₁b₁` in every lane of bf16 pairs.
#[inline]
#[target_feature(enable = "avx512f,avx512bf16")]
pub(super) fn dot_bf16(acc: __m512, a: __m512i, b: __m512i) -> __m512 {
    // SAFETY: all three are 64 bytes of plain bits; the types differ in name only.
    unsafe {
        _mm512_dpbf16_ps(
            acc,
            std::mem::transmute::<__m512i, __m512bh>(a),
            std::mem::transmute::<__m512i, __m512bh>(b),
        )
    }
}

/// `out[m] += scale * acc[m]`.
///
/// # Safety
/// `out` points to `M` rows of 32.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn drain<const M: usize>(acc: &Accumulators<M>, out: *mut f32, scale: f32) {
    let scale = _mm512_set1_ps(scale);
    for (m, acc) in acc.iter().enumerate() {
        for (half, acc) in acc.iter().enumerate() {
            // SAFETY: the caller's promise.
            unsafe {
                let out = out.add(m * PANEL_ROWS + half * 16);
                _mm512_storeu_ps(out, _mm512_fmadd_ps(*acc, scale, _mm512_loadu_ps(out)));
            }
        }
    }
}

/// # Safety
/// As for `f32_rows`, with bf16 rows and bf16 tiles.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16")]
unsafe fn bf16_rows<const M: usize>(
    (a, a_tile): Rows,
    (b, tiles): (*const u16, usize),
    out: *mut f32,
    scale: f32,
) {
    let mut acc: Accumulators<M> = [[_mm512_setzero_ps(); 2]; M];
    for t in 0..tiles {
        for_lines!(M, TILE_K / 2, |HALF, pair| {
            // SAFETY: inside the tiles and rows that the caller promises.
            unsafe {
                let line = b.add(t * TILE_K * PANEL_ROWS + HALF * TILE_K * 16 + pair * 32);
                let a = a.add(t * a_tile + pair * 2);
                multiply_pair::<M, HALF>(&mut acc, a, _mm512_loadu_si512(line.cast()));
            }
        });
    }
    // SAFETY: the caller's promise.
    unsafe { drain(&acc, out, scale) }
}

/// # Safety
/// As for `f32_rows`, with bf16 rows and FP8 tiles.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512bf16")]
unsafe fn fp8_rows<const M: usize>(
    (a, a_tile): Rows,
    (b, tiles): (*const u8, usize),
    decoder: &Fp8Decoder,
    out: *mut f32,
    scale: f32,
) {
    let mut acc: Accumulators<M> = [[_mm512_setzero_ps(); 2]; M];
    for t in 0..tiles {
        for_lines!(M, TILE_K / 4, |HALF, line| {
            // SAFETY: inside the tiles and rows that the caller promises.
            unsafe {
                let codes = b.add(t * TILE_K * PANEL_ROWS + HALF * TILE_K * 16 + line * 64);
                let (even, odd) = decoder.widen(codes);
                let a = a.add(t * a_tile + line * 4);
                multiply_pair::<M, HALF>(&mut acc, a, even);
                multiply_pair::<M, HALF>(&mut acc, a.add(2), odd);
            }
        });
    }
    // SAFETY: the caller's promise.
    unsafe { drain(&acc, out, scale) }
}

/// Products with F16 and F32 weights, in f32.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c")]
fn f32_product(product: &PanelProduct, out: &mut [f32], block: &mut [f32]) {
    let PanelProduct { rows, first_row, n_rows, matrix, panel } = *product;
    let out = &mut out[..n_rows * PANEL_ROWS];
    let block = &mut block[..BLOCK_WORDS];
    out.fill(0.0);
    let (shape, values) = (rows.shape(), rows.f32());
    assert!(first_row + n_rows <= rows.n_rows && rows.n_tiles == matrix.n_tiles());
    let tile_bytes = matrix.format().tile_bytes();
    for (i, packed) in matrix.panel(panel).chunks(BLOCK_TILES * tile_bytes).enumerate() {
        let tiles = packed.len() / tile_bytes;
        let b: &[f32] = if matrix.format() == Format::F32 {
            bytemuck::cast_slice(packed)
        } else {
            avx2::unpack(matrix.format(), packed, block);
            block
        };
        for (row, m) in passes(product) {
            let place = shape.tile(first_row + row, i * BLOCK_TILES);
            let in_block = (first_row + row) % rows::BLOCK_ROWS;
            let a = &values[place.start + in_block * TILE_K..];
            let (a, b) = ((a.as_ptr(), place.rows * TILE_K), (b.as_ptr(), tiles));
            let out = out[row * PANEL_ROWS..].as_mut_ptr();
            // SAFETY: as in `bf16_product`.
            unsafe { with_rows!(m, f32_rows(a, b, out)) }
        }
    }
}

/// `out[m] += Σ_k a[m][k] · b[k]` for `M` rows of f32 tiles and an f32 block `[k][32]`.
///
/// # Safety
/// `a` points to `M` rows of a packed tile; the row's next tile lies `a_tile` values further; `b`
/// to `tiles` tiles of 32×32 values; `out` to `M` rows of 32.
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
unsafe fn f32_rows<const M: usize>(
    (a, a_tile): (*const f32, usize),
    (b, tiles): (*const f32, usize),
    out: *mut f32,
) {
    let mut acc: Accumulators<M> = [[_mm512_setzero_ps(); 2]; M];
    for t in 0..tiles {
        for k in 0..TILE_K {
            // SAFETY: inside the block and the packed rows, by the caller's promise.
            unsafe {
                let b = b.add((t * TILE_K + k) * PANEL_ROWS);
                let b = [_mm512_loadu_ps(b), _mm512_loadu_ps(b.add(16))];
                let a = a.add(t * a_tile + k);
                for (m, acc) in acc.iter_mut().enumerate() {
                    let a = _mm512_set1_ps(*a.add(m * TILE_K));
                    for (acc, b) in acc.iter_mut().zip(b) {
                        *acc = _mm512_fmadd_ps(a, b, *acc);
                    }
                }
            }
        }
    }
    // SAFETY: the caller's promise.
    unsafe { drain(&acc, out, 1.0) }
}
