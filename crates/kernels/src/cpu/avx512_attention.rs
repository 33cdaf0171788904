//! Attention of 16 queries on AVX-512: scores with the queries in the lanes, values with the
//! columns in the lanes, both as bf16 products over the cache rows as they lie.

use std::arch::x86_64::*;

use ponder_tensor::bf16_from_f32;

use super::avx512::dot_bf16;
use super::kernels::{CachedRows, LANES, Queries, Running};
use super::lanes;
use crate::PAGE_TOKENS;

/// Scores of a page, and its probabilities as bf16 pairs.
pub(super) const SCRATCH_WORDS: usize = PAGE_TOKENS * LANES + PAGE_TOKENS / 2 * LANES;
/// Positions whose scores are accumulated together.
const SCORE_ROWS: usize = 16;
/// Lanes whose values are accumulated together, 32 columns each.
const VALUE_LANES: usize = 8;

/// Queries `[LANES][width]` to pairs of bf16, `[width / 2][LANES][2]`.
pub(super) fn pack_queries(packed: &mut [u16], queries: &[f32], width: usize) {
    for (lane, query) in queries.chunks_exact(width).enumerate() {
        for (i, x) in query.iter().enumerate() {
            packed[i / 2 * LANES * 2 + lane * 2 + i % 2] = bf16_from_f32(*x);
        }
    }
}

/// Unpacking the lanes of two rows of 32 values leaves the columns in this order.
pub(super) fn value_column(column: usize) -> usize {
    let (group, lane, rest) = (column / 32 * 32, column % 32 / 8, column % 8);
    group + rest / 4 * 16 + lane * 4 + rest % 4
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma")]
pub(super) fn attend(
    queries: &Queries,
    cached: &CachedRows,
    running: Running,
    scratch: &mut [f32],
) {
    let (scores, pairs) = scratch.split_at_mut(PAGE_TOKENS * LANES);
    let n = cached.n_positions;
    assert!(n <= PAGE_TOKENS && cached.rows.len() >= n.next_multiple_of(2) * cached.row_width);
    for (offset, width) in [cached.key, cached.value] {
        assert!(width % 32 == 0 && offset + width <= cached.row_width);
    }
    assert!(running.out.len() == LANES * cached.value.1);
    assert!(queries.packed.len() * 2 >= LANES * cached.key.1);
    let (scores, _) = scores.as_chunks_mut::<LANES>();
    score(scores, queries, cached);
    let alpha = soften(scores, queries, cached, running.max, running.sum);
    pair_up(bytemuck::cast_slice_mut(pairs), scores, n);
    // SAFETY: the widths were checked above; `pairs` holds n/2 rows of 16 pairs.
    unsafe { add_values(running.out, &alpha, bytemuck::cast_slice(pairs), cached) }
}

/// Raw inner products of keys and queries, `[positions][LANES]`.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16")]
fn score(scores: &mut [[f32; LANES]], queries: &Queries, cached: &CachedRows) {
    let packed: &[u16] = bytemuck::cast_slice(queries.packed);
    let (offset, width) = cached.key;
    let mut first = 0;
    while first < cached.n_positions {
        let rows = cached.rows[first * cached.row_width + offset..].as_ptr();
        let n = SCORE_ROWS.min(cached.n_positions - first);
        let out = &mut scores[first..];
        // SAFETY: `n` rows from `first` on lie in the page, `width` values each (checked by the
        // caller), and `packed` holds as many pairs of 16 lanes.
        unsafe {
            if n == SCORE_ROWS {
                score_rows::<SCORE_ROWS>(out, rows, cached.row_width, packed, width);
                first += SCORE_ROWS;
            } else {
                score_rows::<1>(out, rows, cached.row_width, packed, width);
                first += 1;
            }
        }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16")]
unsafe fn score_rows<const M: usize>(
    scores: &mut [[f32; LANES]],
    rows: *const u16,
    row_width: usize,
    packed: &[u16],
    width: usize,
) {
    let mut acc = [_mm512_setzero_ps(); M];
    for pair in 0..width / 2 {
        // SAFETY: the caller's promise. Rows are aligned to pairs: widths are multiples of 32.
        unsafe {
            let query = _mm512_loadu_si512(packed.as_ptr().add(pair * LANES * 2).cast());
            for (m, acc) in acc.iter_mut().enumerate() {
                let key = *rows.add(m * row_width + pair * 2).cast::<i32>();
                *acc = dot_bf16(*acc, _mm512_set1_epi32(key), query);
            }
        }
    }
    for (scores, acc) in scores.iter_mut().zip(acc) {
        // SAFETY: sixteen values are written to sixteen.
        unsafe { _mm512_storeu_ps(scores.as_mut_ptr(), acc) };
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
pub(super) fn soften(
    scores: &mut [[f32; LANES]],
    queries: &Queries,
    cached: &CachedRows,
    max: &mut [f32; LANES],
    sum: &mut [f32; LANES],
) -> [f32; LANES] {
    let scores = &mut scores[..cached.n_positions];
    lanes::soften(scores, queries, cached.first_position, max, sum)
}

/// Probabilities of two positions side by side as bf16, `[positions / 2][LANES]`. The last one of
/// an odd number is paired with zero.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16")]
pub(super) fn pair_up(pairs: &mut [u32], probabilities: &[[f32; LANES]], n: usize) {
    let (pairs, _) = pairs.as_chunks_mut::<LANES>();
    for (i, pairs) in pairs.iter_mut().enumerate().take(n.div_ceil(2)) {
        let even = &probabilities[2 * i];
        let odd = if 2 * i + 1 < n { &probabilities[2 * i + 1] } else { &[0.0; LANES] };
        for lane in 0..LANES {
            let (even, odd) = (bf16_from_f32(even[lane]), bf16_from_f32(odd[lane]));
            pairs[lane] = even as u32 | (odd as u32) << 16;
        }
    }
}

/// `out[lane] = alpha[lane] * out[lane] + Σ probability · value`, 32 columns at a time.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16")]
unsafe fn add_values(out: &mut [f32], alpha: &[f32; LANES], pairs: &[u32], cached: &CachedRows) {
    let (offset, width) = cached.value;
    let values = cached.rows[offset..].as_ptr();
    for column in (0..width).step_by(32) {
        for first_lane in (0..LANES).step_by(VALUE_LANES) {
            let mut acc = [[_mm512_setzero_ps(); 2]; VALUE_LANES];
            for (i, acc) in acc.iter_mut().enumerate() {
                let alpha = _mm512_set1_ps(alpha[first_lane + i]);
                let out = &out[(first_lane + i) * width + column..][..32];
                for (half, acc) in acc.iter_mut().enumerate() {
                    // SAFETY: 32 values are in the slice.
                    let old = unsafe { _mm512_loadu_ps(out.as_ptr().add(half * 16)) };
                    *acc = _mm512_mul_ps(old, alpha);
                }
            }
            for pair in 0..cached.n_positions.div_ceil(2) {
                // SAFETY: the caller promises rows up to an even number of positions.
                unsafe {
                    let row = values.add(2 * pair * cached.row_width + column);
                    let even = _mm512_loadu_si512(row.cast());
                    let odd = _mm512_loadu_si512(row.add(cached.row_width).cast());
                    let low = _mm512_unpacklo_epi16(even, odd);
                    let high = _mm512_unpackhi_epi16(even, odd);
                    for (i, acc) in acc.iter_mut().enumerate() {
                        let weight = *pairs.get_unchecked(pair * LANES + first_lane + i) as i32;
                        let weight = _mm512_set1_epi32(weight);
                        acc[0] = dot_bf16(acc[0], weight, low);
                        acc[1] = dot_bf16(acc[1], weight, high);
                    }
                }
            }
            for (i, acc) in acc.iter().enumerate() {
                let out = &mut out[(first_lane + i) * width + column..][..32];
                // SAFETY: 32 values are in the slice.
                unsafe {
                    _mm512_storeu_ps(out.as_mut_ptr(), acc[0]);
                    _mm512_storeu_ps(out.as_mut_ptr().add(16), acc[1]);
                }
            }
        }
    }
}
