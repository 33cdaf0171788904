//! Attention of 16 queries on AVX2, in f32: scores with the queries in the lanes, values with the
//! columns in the lanes.

use std::arch::x86_64::*;

use super::kernels::{CachedRows, LANES, Queries, Running};
use super::lanes::{self, Lanes};

/// Positions handled together: their widened keys or values stay in the first-level cache.
const POSITIONS: usize = 8;
/// Positions whose scores are accumulated together, two registers each.
const SCORE_ROWS: usize = 4;
/// Lanes whose values are accumulated together, 32 columns in four registers each.
const VALUE_LANES: usize = 2;

/// Words of scratch for widened keys or values.
pub(super) fn scratch_words(key_width: usize, value_width: usize) -> usize {
    POSITIONS * key_width.max(value_width)
}

/// Queries `[LANES][width]` to `[width][LANES]`.
pub(super) fn pack_queries(packed: &mut [f32], queries: &[f32], width: usize) {
    for (lane, query) in queries.chunks_exact(width).enumerate() {
        for (i, x) in query.iter().enumerate() {
            packed[i * LANES + lane] = *x;
        }
    }
}

#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn attend(
    queries: &Queries,
    cached: &CachedRows,
    running: Running,
    scratch: &mut [f32],
) {
    let ((_, key_width), (_, value_width)) = (cached.key, cached.value);
    assert!(key_width.is_multiple_of(32) && value_width.is_multiple_of(32));
    assert!(queries.packed.len() >= LANES * key_width);
    assert!(running.out.len() == LANES * value_width);
    assert!(scratch.len() >= scratch_words(key_width, value_width));
    for first in (0..cached.n_positions).step_by(POSITIONS) {
        let n = POSITIONS.min(cached.n_positions - first);
        widen(scratch, cached, first..first + n, cached.key);
        let mut scores = [[0.0; LANES]; POSITIONS];
        for p in (0..n).step_by(SCORE_ROWS) {
            // SAFETY: `packed` and eight rows of the scratch were checked above; rows beyond `n`
            // hold older values, whose scores are not used.
            unsafe {
                score(&mut scores[p..], queries.packed, &scratch[p * key_width..], key_width)
            };
        }
        let position = cached.first_position + first;
        let scores = &mut scores[..n];
        let alpha = lanes::soften(scores, queries, position, running.max, running.sum);
        widen(scratch, cached, first..first + n, cached.value);
        for lane in (0..LANES).step_by(VALUE_LANES) {
            for column in (0..value_width).step_by(32) {
                // SAFETY: `out` and `n` rows of the scratch were checked above.
                unsafe { add_values(running.out, lane, column, &alpha, scores, scratch) };
            }
        }
    }
}

/// Widens columns of cached rows to f32, `[positions][width]`.
#[target_feature(enable = "avx2")]
fn widen(
    out: &mut [f32],
    cached: &CachedRows,
    positions: std::ops::Range<usize>,
    (offset, width): (usize, usize),
) {
    for (position, out) in positions.zip(out.chunks_exact_mut(width)) {
        let row = &cached.rows[position * cached.row_width + offset..][..width];
        out.iter_mut().zip(row).for_each(|(out, bits)| *out = ponder_tensor::bf16_to_f32(*bits));
    }
}

/// Raw inner products of [`SCORE_ROWS`] keys with all queries.
///
/// # Safety
/// `queries` holds `width` groups of 16 values, `keys` `SCORE_ROWS` rows of `width`.
#[target_feature(enable = "avx2,fma")]
unsafe fn score(scores: &mut [Lanes], queries: &[f32], keys: &[f32], width: usize) {
    let mut acc = [[_mm256_setzero_ps(); 2]; SCORE_ROWS];
    for i in 0..width {
        // SAFETY: the caller's promise.
        unsafe {
            let query = queries.as_ptr().add(i * LANES);
            let query = [_mm256_loadu_ps(query), _mm256_loadu_ps(query.add(8))];
            for (p, acc) in acc.iter_mut().enumerate() {
                let key = _mm256_broadcast_ss(keys.get_unchecked(p * width + i));
                acc[0] = _mm256_fmadd_ps(key, query[0], acc[0]);
                acc[1] = _mm256_fmadd_ps(key, query[1], acc[1]);
            }
        }
    }
    for (scores, acc) in scores.iter_mut().zip(acc) {
        // SAFETY: sixteen values are written to sixteen.
        unsafe {
            _mm256_storeu_ps(scores.as_mut_ptr(), acc[0]);
            _mm256_storeu_ps(scores.as_mut_ptr().add(8), acc[1]);
        }
    }
}

/// `out[lane] = alpha[lane] * out[lane] + Σ probability · value` for two lanes and 32 columns.
///
/// # Safety
/// `out` holds `[LANES][width]`, `values` one row of `width` for every row of probabilities.
#[target_feature(enable = "avx2,fma")]
unsafe fn add_values(
    out: &mut [f32],
    lane: usize,
    column: usize,
    alpha: &Lanes,
    probabilities: &[Lanes],
    values: &[f32],
) {
    let width = out.len() / LANES;
    let out = out.as_mut_ptr();
    let mut acc = [[_mm256_setzero_ps(); 4]; VALUE_LANES];
    // SAFETY: the caller's promise, here and below.
    let place = |i: usize, part: usize| unsafe { out.add((lane + i) * width + column + part * 8) };
    for (i, acc) in acc.iter_mut().enumerate() {
        let alpha = _mm256_set1_ps(alpha[lane + i]);
        for (part, acc) in acc.iter_mut().enumerate() {
            // SAFETY: as above.
            *acc = _mm256_mul_ps(unsafe { _mm256_loadu_ps(place(i, part)) }, alpha);
        }
    }
    for (p, probabilities) in probabilities.iter().enumerate() {
        for part in 0..4 {
            // SAFETY: as above.
            let value =
                unsafe { _mm256_loadu_ps(values.as_ptr().add(p * width + column + part * 8)) };
            for (i, acc) in acc.iter_mut().enumerate() {
                let weight = _mm256_set1_ps(probabilities[lane + i]);
                acc[part] = _mm256_fmadd_ps(weight, value, acc[part]);
            }
        }
    }
    for (i, acc) in acc.iter().enumerate() {
        for (part, acc) in acc.iter().enumerate() {
            // SAFETY: as above.
            unsafe { _mm256_storeu_ps(place(i, part), *acc) };
        }
    }
}
