//! Loops over fixed groups of lanes in plain Rust, for backward passes (see `cpu::lanes`).

use ponder_tensor::format::PANEL_ROWS;

use super::super::lanes::exp;
use super::kernels::SmallProduct;

const LANES: usize = 16;

/// Sixteen partial sums, added from the first to the last.
#[inline(always)]
fn sum(each: impl Iterator<Item = [f32; LANES]>) -> f32 {
    let mut sums = [0.0; LANES];
    for values in each {
        for i in 0..LANES {
            sums[i] += values[i];
        }
    }
    sums.iter().sum()
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
    let steps = (0..n).step_by(LANES);
    let squares = sum(steps.clone().map(|i| lanes(x, i, 0.0).map(|x| x * x)));
    let scale = 1.0 / (squares / n as f32 + eps).sqrt();
    let products = sum(steps.map(|i| {
        let (x, weight) = (lanes(x, i, 0.0), lanes(weight, i, 0.0));
        let mut product = lanes(grad_out, i, 0.0);
        for i in 0..LANES {
            product[i] *= x[i] * weight[i];
        }
        product
    }));
    let shrink = products / n as f32 * scale * scale;
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
        let exp = exp(gate.map(|gate| -gate));
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
    sums.iter().sum()
}

#[inline(always)]
pub(super) fn softmax(out: &mut [f32], x: &[f32], scale: f32, factor: f32) {
    let mut max = [f32::NEG_INFINITY; LANES];
    for i in (0..x.len()).step_by(LANES) {
        let x = lanes(x, i, f32::NEG_INFINITY);
        for i in 0..LANES {
            max[i] = if x[i] > max[i] { x[i] } else { max[i] };
        }
    }
    let max = max.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum = sum((0..x.len()).step_by(LANES).map(|i| {
        let exp = exp(lanes(x, i, f32::NEG_INFINITY).map(|x| (x - max) * scale));
        let n = LANES.min(out.len() - i);
        out[i..i + n].copy_from_slice(&exp[..n]);
        exp
    }));
    let factor = factor / sum;
    out.iter_mut().for_each(|out| *out *= factor);
}

#[inline(always)]
pub(super) fn softmax_backward(scores: &mut [f32], grads: &mut [f32], visible: usize, scale: f32) {
    let (probabilities, rest) = scores.split_at_mut(visible);
    rest.fill(0.0);
    let (grads, rest) = grads.split_at_mut(visible);
    rest.fill(0.0);
    let max = probabilities.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let total = sum((0..visible).step_by(LANES).map(|i| {
        let exp = exp(lanes(probabilities, i, f32::NEG_INFINITY).map(|x| (x - max) * scale));
        let n = LANES.min(visible - i);
        probabilities[i..i + n].copy_from_slice(&exp[..n]);
        exp
    }));
    let inverse = 1.0 / total;
    let mean = sum((0..visible).step_by(LANES).map(|i| {
        let mut product = lanes(probabilities, i, 0.0);
        let grads = lanes(grads, i, 0.0);
        for i in 0..LANES {
            product[i] *= grads[i];
        }
        product
    })) * inverse;
    for (probability, grad) in probabilities.iter_mut().zip(grads) {
        *probability *= inverse;
        *grad = *probability * (*grad - mean) * scale;
    }
}

/// Rows of a block: with 32 columns in two vectors each, ten sums stay in registers.
const BLOCK: usize = 5;

#[inline(always)]
pub(super) fn multiply(out: &mut [f32], out_step: usize, product: &SmallProduct) {
    let [m, n, k] = product.sizes;
    assert!(n.is_multiple_of(LANES) && m > 0 && k > 0);
    assert!((m - 1) * out_step + n <= out.len() && (k - 1) * product.b_step + n <= product.b.len());
    let last = (m - 1) * product.a_steps.0 + (k - 1) * product.a_steps.1;
    assert!(last < product.a.len());
    let mut row = 0;
    while row < m {
        let rows = if m - row >= BLOCK { BLOCK } else { 1 };
        let mut col = 0;
        while col < n {
            let wide = n - col >= 2 * LANES;
            match (rows, wide) {
                (BLOCK, true) => block::<BLOCK, 32>(out, out_step, product, row, col),
                (BLOCK, false) => block::<BLOCK, 16>(out, out_step, product, row, col),
                (_, true) => block::<1, 32>(out, out_step, product, row, col),
                (_, false) => block::<1, 16>(out, out_step, product, row, col),
            }
            col += if wide { 2 * LANES } else { LANES };
        }
        row += rows;
    }
}

#[inline(always)]
fn block<const M: usize, const N: usize>(
    out: &mut [f32],
    out_step: usize,
    product: &SmallProduct,
    row: usize,
    col: usize,
) {
    let mut sums = [[0.0f32; N]; M];
    for (i, sums) in sums.iter_mut().enumerate() {
        sums.copy_from_slice(&out[(row + i) * out_step + col..][..N]);
    }
    let (row_step, k_step) = product.a_steps;
    for k in 0..product.sizes[2] {
        let b: &[f32; N] = product.b[k * product.b_step + col..].first_chunk().expect("checked");
        for (i, sums) in sums.iter_mut().enumerate() {
            let a = product.a[(row + i) * row_step + k * k_step];
            for j in 0..N {
                sums[j] = a.mul_add(b[j], sums[j]);
            }
        }
    }
    for (i, sums) in sums.iter().enumerate() {
        out[(row + i) * out_step + col..][..N].copy_from_slice(sums);
    }
}
