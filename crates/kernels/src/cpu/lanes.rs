//! Loops over fixed groups of lanes in plain Rust. Compiled inside a function that enables an
//! instruction set they become vector code for it; the order of operations is as written.

use ponder_tensor::format::PANEL_ROWS;

use super::kernels::{LANES, NO_SCORE, Queries, Running};

pub(crate) type Lanes = [f32; LANES];

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

/// Turns the scores of consecutive positions into probabilities relative to the new maximum;
/// returns the factor by which what was accumulated before shrinks.
#[inline(always)]
pub(crate) fn soften(
    scores: &mut [Lanes],
    queries: &Queries,
    first_position: usize,
    max: &mut Lanes,
    sum: &mut Lanes,
) -> Lanes {
    let before = *max;
    for (p, scores) in scores.iter_mut().enumerate() {
        for lane in 0..LANES {
            let visible = first_position + p < queries.limits[lane];
            scores[lane] = if visible { scores[lane] * queries.softmax_scale } else { NO_SCORE };
            max[lane] = if scores[lane] > max[lane] { scores[lane] } else { max[lane] };
        }
    }
    let mut shift = [0.0; LANES];
    for lane in 0..LANES {
        shift[lane] = before[lane] - max[lane];
    }
    let alpha = exp(shift);
    for lane in 0..LANES {
        sum[lane] *= alpha[lane];
    }
    for scores in scores {
        let mut relative = [0.0; LANES];
        for lane in 0..LANES {
            relative[lane] = scores[lane] - max[lane];
        }
        let exp = exp(relative);
        for lane in 0..LANES {
            // A lane that has seen nothing keeps max = NO_SCORE, and its masked scores equal it.
            scores[lane] = if scores[lane] == NO_SCORE { 0.0 } else { exp[lane] };
            sum[lane] += scores[lane];
        }
    }
    alpha
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
