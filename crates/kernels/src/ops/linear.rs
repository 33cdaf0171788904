//! A linear layer: `out = x · weightᵀ + bias`.
//!
//! Shapes: `out` `[tokens, out_features]`; `x` `[tokens, in_features]`; `weight`
//! `[out_features, in_features]`; `bias` `[out_features]`. The fast paths round `x` to bf16 when
//! the weight is FP8 or BF16; products and sums are f32 everywhere.

use ponder_tensor::Tensor;
use ponder_tensor::format::Matrix;

/// The reference: every weight widened, nothing rounded but the f64 sum at its end.
#[track_caller]
pub fn forward(out: &mut [f32], x: &[f32], weight: &Matrix, bias: Option<&[f32]>) {
    let (n_out, n_in) = (weight.out_features(), weight.in_features());
    assert_eq!(out.len() * n_in, x.len() * n_out, "x and out disagree on the number of rows");
    let mut row = vec![0.0; n_in];
    for n in 0..n_out {
        weight.row_into(n, &mut row);
        let bias = bias.map_or(0.0, |bias| bias[n]);
        for (out, x) in out.chunks_exact_mut(n_out).zip(x.chunks_exact(n_in)) {
            out[n] = dot(x, &row) + bias;
        }
    }
}

/// The inner product of two rows, summed in f64.
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| *a as f64 * *b as f64).sum::<f64>() as f32
}

/// `grad_weight += grad_outᵀ · x`; the gradient by `x` is the product of `grad_out` with the
/// transposed weight.
#[track_caller]
pub fn weight_gradient(grad_weight: &mut [f32], grad_out: &Tensor, x: &Tensor) {
    let (n_out, n_in) = (grad_out.cols(), x.cols());
    assert_eq!((grad_out.rows(), grad_weight.len()), (x.rows(), n_out * n_in));
    for (n, grad) in grad_weight.chunks_exact_mut(n_in).enumerate() {
        let mut sums = vec![0.0f64; n_in];
        for row in 0..x.rows() {
            let factor = grad_out.row(row)[n] as f64;
            sums.iter_mut().zip(x.row(row)).for_each(|(sum, x)| *sum += factor * *x as f64);
        }
        grad.iter_mut().zip(sums).for_each(|(grad, sum)| *grad += sum as f32);
    }
}

/// `grad_bias += Σ grad_out` over the rows, in their order.
#[track_caller]
pub fn bias_gradient(grad_bias: &mut [f32], grad_out: &Tensor) {
    assert_eq!(grad_bias.len(), grad_out.cols());
    let mut sums = vec![0.0f64; grad_bias.len()];
    for row in 0..grad_out.rows() {
        sums.iter_mut().zip(grad_out.row(row)).for_each(|(sum, grad)| *sum += *grad as f64);
    }
    grad_bias.iter_mut().zip(sums).for_each(|(grad, sum)| *grad += sum as f32);
}
