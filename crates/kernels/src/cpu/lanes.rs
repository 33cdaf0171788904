//! Loops over fixed groups of lanes in plain Rust. Compiled inside a function that enables an
//! instruction set they become vector code for it; the order of operations is as written.

use ponder_tensor::bf16_to_f32;
use ponder_tensor::format::{PANEL_ROWS, TILE_K};

use super::kernels::{CachedRows, LANES, NO_SCORE, Queries, Running};

type Lanes = [f32; LANES];

/// Sixteen partial sums, then a tree over them.
#[inline(always)]
pub(crate) fn sum_of_squares(x: &[f32]) -> f32 {
    let mut sums = [0.0; LANES];
    let (chunks, rest) = x.as_chunks::<LANES>();
    for chunk in chunks {
        for i in 0..LANES {
            sums[i] = chunk[i].mul_add(chunk[i], sums[i]);
        }
    }
    for (sum, x) in sums.iter_mut().zip(rest) {
        *sum = x.mul_add(*x, *sum);
    }
    let mut width = LANES / 2;
    while width > 0 {
        for i in 0..width {
            sums[i] += sums[i + width];
        }
        width /= 2;
    }
    sums[0]
}

#[inline(always)]
pub(crate) fn rms_norm(out: &mut [f32], x: &[f32], weight: &[f32], eps: f32) {
    let scale = 1.0 / (sum_of_squares(x) / x.len() as f32 + eps).sqrt();
    for ((out, x), weight) in out.iter_mut().zip(x).zip(weight) {
        *out = x * scale * weight;
    }
}

/// `exp(x)` for x at most about 88, within two units in the last place; 0 below -87.
///
/// Cody–Waite reduction to |r| ≤ ln 2 / 2, then a polynomial of degree 6.
#[inline(always)]
pub(crate) fn exp<const N: usize>(x: [f32; N]) -> [f32; N] {
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    /// Adding and subtracting 1.5 · 2^23 rounds to the nearest whole number.
    const ROUND: f32 = 12_582_912.0;
    let mut out = [0.0; N];
    for i in 0..N {
        let clamped = x[i].clamp(-87.0, 88.0);
        let shifted = clamped.mul_add(std::f32::consts::LOG2_E, ROUND);
        let n = shifted - ROUND;
        let r = n.mul_add(-LN2_LOW, n.mul_add(-LN2_HIGH, clamped));
        let mut p = 1.388_889e-3_f32;
        for c in [8.333_334e-3, 4.166_666_6e-2, 0.166_666_67, 0.5, 1.0, 1.0] {
            p = p.mul_add(r, c);
        }
        let two_to_n = f32::from_bits((shifted.to_bits() << 23).wrapping_add(127 << 23));
        out[i] = if x[i] < -87.0 { 0.0 } else { p * two_to_n };
    }
    out
}

#[inline(always)]
pub(crate) fn swiglu(
    out: &mut [f32; PANEL_ROWS],
    gate: &[f32; PANEL_ROWS],
    up: &[f32; PANEL_ROWS],
) {
    let mut negated = [0.0; PANEL_ROWS];
    for i in 0..PANEL_ROWS {
        negated[i] = -gate[i];
    }
    let exp = exp(negated);
    for i in 0..PANEL_ROWS {
        out[i] = gate[i] / (1.0 + exp[i]) * up[i];
    }
}

/// `out[m] += scale * Σ_k a[m][k] · b[k]` for `M` rows of f32 tiles and an f32 block `[k][32]`.
///
/// # Safety
/// `a` points to `M` rows of a packed tile; the row's next tile lies `a_tile` values further; `b`
/// to `tiles` tiles of 32×32 values; `out` to `M` rows of 32.
#[inline(always)]
pub(crate) unsafe fn f32_rows<const M: usize>(
    (a, a_tile): (*const f32, usize),
    (b, tiles): (*const f32, usize),
    out: *mut f32,
    scale: f32,
) {
    let mut acc = [[0.0f32; PANEL_ROWS]; M];
    for t in 0..tiles {
        for k in 0..TILE_K {
            // SAFETY: inside the block, by the caller's promise.
            let b = unsafe { &*b.add((t * TILE_K + k) * PANEL_ROWS).cast::<[f32; PANEL_ROWS]>() };
            for m in 0..M {
                // SAFETY: inside the packed rows, by the caller's promise.
                let a = unsafe { *a.add(t * a_tile + m * TILE_K + k) };
                for n in 0..PANEL_ROWS {
                    acc[m][n] = a.mul_add(b[n], acc[m][n]);
                }
            }
        }
    }
    for m in 0..M {
        // SAFETY: `out` holds M rows of 32.
        let out = unsafe { &mut *out.add(m * PANEL_ROWS).cast::<[f32; PANEL_ROWS]>() };
        for n in 0..PANEL_ROWS {
            out[n] = acc[m][n].mul_add(scale, out[n]);
        }
    }
}

/// Queries `[LANES][width]` to `[width][LANES]`.
#[inline(always)]
pub(crate) fn pack_queries(packed: &mut [f32], queries: &[f32], width: usize) {
    for (lane, query) in queries.chunks_exact(width).enumerate() {
        for (i, x) in query.iter().enumerate() {
            packed[i * LANES + lane] = *x;
        }
    }
}

/// Positions handled together: their keys and values, widened, stay in the first-level cache.
const POSITIONS: usize = 8;

/// Words of scratch for [`attend`]: widened keys and values, and one group's scores.
pub(crate) fn attend_scratch(key_width: usize, value_width: usize) -> usize {
    POSITIONS * (key_width + value_width + LANES)
}

/// Attention of 16 queries in f32, eight positions at a time.
#[inline(always)]
pub(crate) fn attend(
    queries: &Queries,
    cached: &CachedRows,
    running: Running,
    scratch: &mut [f32],
) {
    let ((_, key_width), (_, value_width)) = (cached.key, cached.value);
    let (keys, scratch) = scratch.split_at_mut(POSITIONS * key_width);
    let (values, _) = scratch.split_at_mut(POSITIONS * value_width);
    for first in (0..cached.n_positions).step_by(POSITIONS) {
        let n = POSITIONS.min(cached.n_positions - first);
        widen(keys, cached, first, n, cached.key);
        widen(values, cached, first, n, cached.value);
        let mut scores = [[NO_SCORE; LANES]; POSITIONS];
        let mut max = *running.max;
        for (p, scores) in scores.iter_mut().enumerate().take(n) {
            let dots = query_dots(queries.packed, &keys[p * key_width..][..key_width]);
            let position = cached.first_position + first + p;
            for lane in 0..LANES {
                if position < queries.limits[lane] {
                    scores[lane] = dots[lane] * queries.softmax_scale;
                    max[lane] = max[lane].max(scores[lane]);
                }
            }
        }
        let mut shift = [0.0; LANES];
        for lane in 0..LANES {
            shift[lane] = running.max[lane] - max[lane];
        }
        let alpha = exp(shift);
        *running.max = max;
        let probabilities = weigh(&scores, &max, &alpha, running.sum);
        for lane in 0..LANES {
            let out = &mut running.out[lane * value_width..][..value_width];
            let mut weights = [0.0; POSITIONS];
            for p in 0..POSITIONS {
                weights[p] = probabilities[p][lane];
            }
            accumulate(out, alpha[lane], &weights[..n], values);
        }
    }
}

/// Weighs two running softmaxes by their maxima and adds them. A part that saw nothing changes
/// nothing, bit for bit.
#[inline(always)]
pub(crate) fn merge(total: Running, part: &Running) {
    let (mut before, mut after) = ([0.0; LANES], [0.0; LANES]);
    for lane in 0..LANES {
        let max = total.max[lane].max(part.max[lane]);
        before[lane] = total.max[lane] - max;
        after[lane] = part.max[lane] - max;
        total.max[lane] = max;
    }
    let (before, after) = (exp(before), exp(after));
    let width = total.out.len() / LANES;
    for lane in 0..LANES {
        total.sum[lane] = total.sum[lane] * before[lane] + part.sum[lane] * after[lane];
        let out = &mut total.out[lane * width..][..width];
        for (out, part) in out.iter_mut().zip(&part.out[lane * width..][..width]) {
            *out = *out * before[lane] + part * after[lane];
        }
    }
}

#[inline(always)]
fn widen(
    out: &mut [f32],
    cached: &CachedRows,
    first: usize,
    n: usize,
    (offset, width): (usize, usize),
) {
    for p in 0..n {
        let row = &cached.rows[(first + p) * cached.row_width + offset..][..width];
        let out = &mut out[p * width..][..width];
        out.iter_mut().zip(row).for_each(|(out, bits)| *out = bf16_to_f32(*bits));
    }
}

#[inline(always)]
fn query_dots(packed: &[f32], key: &[f32]) -> Lanes {
    let mut dots = [0.0; LANES];
    let (packed, _) = packed.as_chunks::<LANES>();
    for (query, key) in packed.iter().zip(key) {
        for lane in 0..LANES {
            dots[lane] = key.mul_add(query[lane], dots[lane]);
        }
    }
    dots
}

/// Exponentials of the scores; adds them to the running sums in order of position.
#[inline(always)]
fn weigh(
    scores: &[Lanes; POSITIONS],
    max: &Lanes,
    alpha: &Lanes,
    sum: &mut Lanes,
) -> [Lanes; POSITIONS] {
    let mut probabilities = [[0.0; LANES]; POSITIONS];
    for lane in 0..LANES {
        sum[lane] *= alpha[lane];
    }
    for p in 0..POSITIONS {
        let mut relative = [0.0; LANES];
        for lane in 0..LANES {
            relative[lane] = scores[p][lane] - max[lane];
        }
        let exp = exp(relative);
        for lane in 0..LANES {
            // A lane that has seen nothing keeps max = NO_SCORE, and its masked scores equal it.
            probabilities[p][lane] = if scores[p][lane] == NO_SCORE { 0.0 } else { exp[lane] };
            sum[lane] += probabilities[p][lane];
        }
    }
    probabilities
}

#[inline(always)]
fn accumulate(out: &mut [f32], alpha: f32, weights: &[f32], values: &[f32]) {
    let width = out.len();
    let (chunks, _) = out.as_chunks_mut::<32>();
    for (i, out) in chunks.iter_mut().enumerate() {
        let mut acc = *out;
        for x in &mut acc {
            *x *= alpha;
        }
        for (p, weight) in weights.iter().enumerate() {
            let (value, _) = values[p * width + i * 32..].as_chunks::<32>();
            for j in 0..32 {
                acc[j] = weight.mul_add(value[0][j], acc[j]);
            }
        }
        *out = acc;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_close_everywhere() {
        let mut worst = 0.0f64;
        for i in -8700..8800 {
            let x = i as f32 / 100.0;
            let [got] = exp([x]);
            worst = worst.max((got as f64 / (x as f64).exp() - 1.0).abs());
        }
        assert!(worst < 3e-7, "relative error {worst:e}");
        assert_eq!(exp([0.0, NO_SCORE, f32::NEG_INFINITY]), [1.0, 0.0, 0.0]);
    }
}
