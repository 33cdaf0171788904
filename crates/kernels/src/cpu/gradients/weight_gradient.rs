//! `grad_weight += grad_outᵀ · x`: a product whose depth is the tokens. `grad_out`, transposed, is
//! packed as the rows of a product and `x`, transposed, as its panels, so that the same kernels
//! serve as for weights.

use std::ops::Range;

use ponder_tensor::Tensor;
use ponder_tensor::format::{Format, Matrix, PANEL_ROWS, TILE_K};

use super::super::Cpu;
use super::super::pool::Disjoint;
use super::super::products::{self, Product, Target};
use super::super::rows::{BLOCK_ROWS, Operand, PackedRows, RowsShape};
use super::kernels::Columns;

/// Tokens packed and multiplied at once: both sides then fit the second-level cache.
const CHUNK_TOKENS: usize = 512;
const _: () = assert!(CHUNK_TOKENS.is_multiple_of(TILE_K));

pub(super) fn add(
    cpu: &Cpu,
    grad_weight: &mut [f32],
    grad_out: &Tensor,
    x: &Tensor,
    format: Format,
) {
    let (n_out, n_in) = (grad_out.cols(), x.cols());
    assert_eq!((grad_out.rows(), grad_weight.len()), (x.rows(), n_out * n_in));
    let format = if format == Format::Bf16 { Format::Bf16 } else { Format::F32 };
    let target = Target::sum(grad_weight, n_in);
    for first in (0..x.rows()).step_by(CHUNK_TOKENS) {
        let tokens = first..x.rows().min(first + CHUNK_TOKENS);
        let rows = &pack_columns(cpu, cpu.kernels.operand(format), grad_out, tokens.clone());
        let matrix = &pack_panels(cpu, format, x, tokens);
        products::store(cpu, &[Product { rows, matrix }], &target);
    }
}

/// The columns of a tile's tokens, counted from the first of `tokens`, from column `col` on, at
/// most 16 of them.
fn columns<'a>(x: &'a Tensor, tokens: &Range<usize>, tile: usize, col: usize) -> Columns<'a> {
    let row = tokens.start + tile * TILE_K;
    Columns {
        values: &x.data()[row * x.cols() + col..],
        step: x.cols(),
        n_rows: TILE_K.min(tokens.end - row),
        n_cols: BLOCK_ROWS.min(x.cols() - col),
    }
}

/// The transpose of some rows of `x` as the rows of a product.
fn pack_columns(cpu: &Cpu, operand: Operand, x: &Tensor, tokens: Range<usize>) -> PackedRows {
    let shape = RowsShape::new(operand, x.cols(), tokens.len());
    PackedRows::filled(&cpu.arena, shape, |words| {
        let words = Disjoint::new(words);
        cpu.pool.run(shape.n_tiles, &|_, tile| {
            for col in (0..x.cols()).step_by(BLOCK_ROWS) {
                let columns = columns(x, &tokens, tile, col);
                let (start, len) = shape.words_at(col, tile);
                // SAFETY: each tile belongs to one unit; its rows lie one after the other.
                let words = unsafe { words.part(start, len * columns.n_cols) };
                cpu.kernels.encode_columns(operand, words, &columns);
            }
        });
    })
}

/// The transpose of some rows of `x` as the panels of a product.
fn pack_panels(cpu: &Cpu, format: Format, x: &Tensor, tokens: Range<usize>) -> Matrix {
    let (n_panels, n_tiles) = (x.cols().div_ceil(PANEL_ROWS), tokens.len().div_ceil(TILE_K));
    let tile_words = format.tile_bytes() / 4;
    let panels = cpu.arena.tensor(1, n_panels * n_tiles * tile_words, |words| {
        let words = Disjoint::new(words);
        cpu.pool.run(n_tiles, &|_, tile| {
            for panel in 0..n_panels {
                let start = (panel * n_tiles + tile) * tile_words;
                // SAFETY: each tile belongs to one unit.
                let words = unsafe { words.part(start, tile_words) };
                fill_tile(cpu, format, words, (x, &tokens), (tile, panel * PANEL_ROWS));
            }
        });
    });
    Matrix::of_activations(format, [x.cols(), tokens.len()], panels)
}

fn fill_tile(
    cpu: &Cpu,
    format: Format,
    words: &mut [f32],
    (x, tokens): (&Tensor, &Range<usize>),
    (tile, col): (usize, usize),
) {
    if format == Format::F32 {
        // A line of such a tile is one token's 32 values.
        words.fill(0.0);
        let n = PANEL_ROWS.min(x.cols() - col);
        let first = tokens.start + tile * TILE_K;
        let rows = first..tokens.end.min(first + TILE_K);
        for (line, row) in words.chunks_exact_mut(PANEL_ROWS).zip(rows) {
            line[..n].copy_from_slice(&x.row(row)[col..col + n]);
        }
        return;
    }
    for (half, words) in words.chunks_exact_mut(TILE_K / 2 * BLOCK_ROWS).enumerate() {
        let col = col + half * BLOCK_ROWS;
        if col < x.cols() {
            cpu.kernels.encode_half_tile(words, &columns(x, tokens, tile, col));
        } else {
            words.fill(0.0);
        }
    }
}

/// The packings value by value.
pub(super) mod plain {
    use ponder_tensor::bf16_from_f32;
    use ponder_tensor::format::TILE_K;

    use super::super::super::rows::{self, BLOCK_ROWS, Operand};
    use super::super::kernels::Columns;

    /// See `GradientKernels::encode_columns`.
    #[inline(always)]
    pub fn encode_columns(operand: Operand, words: &mut [f32], columns: &Columns) {
        let row_words = words.len() / columns.n_cols;
        for (col, words) in words.chunks_exact_mut(row_words).enumerate() {
            let values: [f32; TILE_K] = std::array::from_fn(|row| columns.at(row, col));
            rows::encode(operand, words, &values);
        }
    }

    /// See `GradientKernels::encode_half_tile`.
    #[inline(always)]
    pub fn encode_half_tile(words: &mut [f32], columns: &Columns) {
        let pairs: &mut [u32] = bytemuck::cast_slice_mut(words);
        for (pair, line) in pairs.chunks_exact_mut(BLOCK_ROWS).enumerate() {
            for (col, out) in line.iter_mut().enumerate() {
                let [even, odd] = [0, 1].map(|i| bf16_from_f32(columns.at(2 * pair + i, col)));
                *out = even as u32 | (odd as u32) << 16;
            }
        }
    }
}

/// The packings of whole tiles in bf16, sixteen columns at once.
pub(super) mod vector {
    use std::arch::x86_64::*;

    use super::super::super::rows::{BLOCK_ROWS, Operand};
    use super::super::kernels::Columns;
    use super::plain;

    /// As [`plain::encode_columns`].
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma")]
    pub fn encode_columns(operand: Operand, words: &mut [f32], columns: &Columns) {
        if operand != Operand::Bf16 || !columns.is_whole() {
            return plain::encode_columns(operand, words, columns);
        }
        assert_eq!(words.len(), BLOCK_ROWS * 16);
        let rows = transpose(pairs(columns));
        for (i, row) in rows.into_iter().enumerate() {
            // SAFETY: sixteen rows of sixteen words.
            unsafe { _mm512_storeu_si512(words.as_mut_ptr().add(i * 16).cast(), row) };
        }
    }

    /// As [`plain::encode_half_tile`].
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma")]
    pub fn encode_half_tile(words: &mut [f32], columns: &Columns) {
        if !columns.is_whole() {
            return plain::encode_half_tile(words, columns);
        }
        assert_eq!(words.len(), BLOCK_ROWS * 16);
        for (i, line) in pairs(columns).into_iter().enumerate() {
            // SAFETY: sixteen lines of sixteen words.
            unsafe { _mm512_storeu_si512(words.as_mut_ptr().add(i * 16).cast(), line) };
        }
    }

    /// Rows 2i and 2i + 1 as bf16 side by side, for each of sixteen columns.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16")]
    fn pairs(columns: &Columns) -> [__m512i; 16] {
        assert!(columns.values.len() >= 31 * columns.step + 16);
        std::array::from_fn(|pair| {
            let row = |i: usize| {
                // SAFETY: row 31 ends inside the values (checked above).
                let values =
                    unsafe { _mm512_loadu_ps(columns.values.as_ptr().add(i * columns.step)) };
                // SAFETY: both are 32 bytes of plain bits; the types differ in name only.
                let bits: __m256i = unsafe { std::mem::transmute(_mm512_cvtneps_pbh(values)) };
                _mm512_cvtepu16_epi32(bits)
            };
            _mm512_or_si512(row(2 * pair), _mm512_slli_epi32::<16>(row(2 * pair + 1)))
        })
    }

    /// Transposes sixteen vectors of sixteen words.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn transpose(x: [__m512i; 16]) -> [__m512i; 16] {
        let mut a = x;
        for i in 0..8 {
            a[2 * i] = _mm512_unpacklo_epi32(x[2 * i], x[2 * i + 1]);
            a[2 * i + 1] = _mm512_unpackhi_epi32(x[2 * i], x[2 * i + 1]);
        }
        let mut b = a;
        for i in 0..4 {
            for half in 0..2 {
                let (low, high) = (a[4 * i + half], a[4 * i + 2 + half]);
                b[4 * i + 2 * half] = _mm512_unpacklo_epi64(low, high);
                b[4 * i + 2 * half + 1] = _mm512_unpackhi_epi64(low, high);
            }
        }
        // b[4i + c] holds, in lane l, column 4l + c of rows 4i to 4i + 3.
        let mut out = x;
        for c in 0..4 {
            let low = [b[c], b[4 + c]];
            let high = [b[8 + c], b[12 + c]];
            let first = _mm512_shuffle_i32x4::<0x88>(low[0], low[1]);
            let second = _mm512_shuffle_i32x4::<0x88>(high[0], high[1]);
            out[c] = _mm512_shuffle_i32x4::<0x88>(first, second);
            out[8 + c] = _mm512_shuffle_i32x4::<0xdd>(first, second);
            let first = _mm512_shuffle_i32x4::<0xdd>(low[0], low[1]);
            let second = _mm512_shuffle_i32x4::<0xdd>(high[0], high[1]);
            out[4 + c] = _mm512_shuffle_i32x4::<0x88>(first, second);
            out[12 + c] = _mm512_shuffle_i32x4::<0xdd>(first, second);
        }
        out
    }
}
