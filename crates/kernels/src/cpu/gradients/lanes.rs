//! Loops over fixed groups of lanes in plain Rust, for backward passes (see `cpu::lanes`).

use ponder_tensor::format::PANEL_ROWS;

use super::super::lanes::exp;
use super::kernels::SmallProduct;

const LANES: usize = 16;

/// Sixteen partial sums, added from the first to the last.
#[inline(always)]
fn total(sums: [f32; LANES]) -> f32 {
    let mut total = 0.0;
    for sum in sums {
        total += sum;
    }
    total
}

/// The values from `start` on, `padding` beyond the end.
#[inline(always)]
fn lanes(x: &[f32], start: usize, padding: f32) -> [f32; LANES] {
    match x[start..].first_chunk() {
        Some(lanes) => *lanes,
        None => {
            let mut lanes = [padding; LANES];
            lanes[..x.len() - start].copy_from_slice(&x[start..]);
            lanes
        }
    }
}

#[inline(always)]
pub(super) fn rms_norm_backward(
    [grad_x, grad_weight]: [&mut [f32]; 2],
    [grad_out, x, weight]: [&[f32]; 3],
    eps: f32,
) {
    let n = x.len();
    let (grad_x, grad_out, weight) = (&mut grad_x[..n], &grad_out[..n], &weight[..n]);
    let grad_weight = &mut grad_weight[..n];
    let (mut squares, mut products) = ([0.0; LANES], [0.0; LANES]);
    let mut start = 0;
    while start < n {
        let x = lanes(x, start, 0.0);
        let (grad_out, weight) = (lanes(grad_out, start, 0.0), lanes(weight, start, 0.0));
        for i in 0..LANES {
            squares[i] += x[i] * x[i];
            products[i] += grad_out[i] * weight[i] * x[i];
        }
        start += LANES;
    }
    let scale = 1.0 / (total(squares) / n as f32 + eps).sqrt();
    let shrink = total(products) / n as f32 * scale * scale;
    for i in 0..n {
        grad_x[i] = (grad_out[i] * weight[i] - x[i] * shrink) * scale;
        grad_weight[i] += grad_out[i] * x[i] * scale;
    }
}

#[inline(always)]
pub(super) fn swiglu_backward(
    [hidden, grad_gate_up]: [&mut [f32]; 2],
    [gate_up, grad_hidden]: [&[f32]; 2],
    weight: f32,
) -> f32 {
    let mut sums = [0.0; PANEL_ROWS];
    let panels = grad_gate_up.chunks_exact_mut(2 * PANEL_ROWS);
    let inputs = gate_up.chunks_exact(2 * PANEL_ROWS).zip(grad_hidden.chunks(PANEL_ROWS));
    for ((out, (gate_up, grad)), hidden) in panels.zip(inputs).zip(hidden.chunks_mut(PANEL_ROWS)) {
        let gate: &[f32; PANEL_ROWS] = gate_up.first_chunk().expect("a panel of gate");
        let up: &[f32; PANEL_ROWS] = gate_up.last_chunk().expect("a panel of up");
        let mut padded = [0.0; PANEL_ROWS];
        padded[..grad.len()].copy_from_slice(grad);
        let mut negated = [0.0; PANEL_ROWS];
        for i in 0..PANEL_ROWS {
            negated[i] = -gate[i];
        }
        let exp = exp(negated);
        let (out_gate, out_up) = out.split_at_mut(PANEL_ROWS);
        let mut scaled = [0.0; PANEL_ROWS];
        for i in 0..PANEL_ROWS {
            let sigmoid = 1.0 / (1.0 + exp[i]);
            let silu = gate[i] * sigmoid;
            sums[i] += silu * up[i] * padded[i];
            scaled[i] = weight * silu * up[i];
            let grad = weight * padded[i];
            out_gate[i] = grad * up[i] * sigmoid * (1.0 + gate[i] * (1.0 - sigmoid));
            out_up[i] = grad * silu;
        }
        hidden.copy_from_slice(&scaled[..hidden.len()]);
    }
    let mut halves = [0.0; LANES];
    for i in 0..LANES {
        halves[i] = sums[i] + sums[i + LANES];
    }
    total(halves)
}

/// `exp((x − max) · scale)` into `out`, which may be shorter than whole lanes; returns the sum.
#[inline(always)]
fn exponentials(out: &mut [f32], x: Option<&[f32]>, scale: f32) -> f32 {
    let n = out.len();
    let mut max = [f32::NEG_INFINITY; LANES];
    let mut start = 0;
    while start < n {
        let x = lanes(x.unwrap_or(out), start, f32::NEG_INFINITY);
        for i in 0..LANES {
            max[i] = if x[i] > max[i] { x[i] } else { max[i] };
        }
        start += LANES;
    }
    let mut largest = max[0];
    for max in max {
        largest = if max > largest { max } else { largest };
    }
    let mut sums = [0.0; LANES];
    let mut start = 0;
    while start < n {
        let mut x = lanes(x.unwrap_or(out), start, f32::NEG_INFINITY);
        for x in &mut x {
            *x = (*x - largest) * scale;
        }
        let exp = exp(x);
        for i in 0..LANES {
            sums[i] += exp[i];
        }
        let n = LANES.min(n - start);
        out[start..start + n].copy_from_slice(&exp[..n]);
        start += LANES;
    }
    total(sums)
}

#[inline(always)]
pub(super) fn softmax(out: &mut [f32], x: &[f32], scale: f32, factor: f32) {
    assert_eq!(out.len(), x.len());
    let factor = factor / exponentials(out, Some(x), scale);
    for out in out {
        *out *= factor;
    }
}

#[inline(always)]
pub(super) fn softmax_backward(scores: &mut [f32], grads: &mut [f32], visible: usize, scale: f32) {
    scores[visible..].fill(0.0);
    grads[visible..].fill(0.0);
    let (probabilities, grads) = (&mut scores[..visible], &mut grads[..visible]);
    let inverse = 1.0 / exponentials(probabilities, None, scale);
    let mut products = [0.0; LANES];
    let mut start = 0;
    while start < visible {
        let probabilities = lanes(probabilities, start, 0.0);
        let grads = lanes(grads, start, 0.0);
        for i in 0..LANES {
            products[i] += probabilities[i] * grads[i];
        }
        start += LANES;
    }
    let mean = total(products) * inverse;
    for (probability, grad) in probabilities.iter_mut().zip(grads) {
        *probability *= inverse;
        *grad = *probability * (*grad - mean) * scale;
    }
}

/// Rows of a block: with 16 columns in two vectors each, eight sums stay in registers.
const BLOCK: usize = 4;

/// See `GradientKernels::multiply`.
#[inline(always)]
pub(super) fn multiply(out: &mut [f32], out_step: usize, product: &SmallProduct) {
    product.check(out, out_step);
    let [m, n, _] = product.sizes;
    let mut row = 0;
    while row < m {
        let rows = if m - row >= BLOCK { BLOCK } else { 1 };
        for col in (0..n).step_by(LANES) {
            let at = (row, col);
            match rows {
                BLOCK => block::<BLOCK>(out, out_step, product, at),
                _ => block::<1>(out, out_step, product, at),
            }
        }
        row += rows;
    }
}

#[inline(always)]
fn block<const M: usize>(
    out: &mut [f32],
    out_step: usize,
    product: &SmallProduct,
    (row, col): (usize, usize),
) {
    let mut sums = [[0.0f32; LANES]; M];
    for (i, sums) in sums.iter_mut().enumerate() {
        sums.copy_from_slice(&out[(row + i) * out_step + col..][..LANES]);
    }
    let (row_step, k_step) = product.a_steps;
    for k in 0..product.sizes[2] {
        let b: &[f32; LANES] =
            product.b[k * product.b_step + col..].first_chunk().expect("checked");
        for (i, sums) in sums.iter_mut().enumerate() {
            let a = product.a[(row + i) * row_step + k * k_step];
            for j in 0..LANES {
                sums[j] = a.mul_add(b[j], sums[j]);
            }
        }
    }
    for (i, sums) in sums.iter().enumerate() {
        out[(row + i) * out_step + col..][..LANES].copy_from_slice(sums);
    }
}
