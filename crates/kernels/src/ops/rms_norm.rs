//! Root-mean-square normalisation, row by row: `out = x / sqrt(mean(x²) + eps) * weight`.
//!
//! Shapes: `out`, `x` `[tokens, hidden_size]`; `weight` `[hidden_size]`.

/// The reference: the mean is taken in f64.
#[track_caller]
pub fn forward(out: &mut [f32], x: &[f32], weight: &[f32], eps: f32) {
    let hidden_size = weight.len();
    assert_eq!(x.len() % hidden_size, 0, "{} values are not rows of {hidden_size}", x.len());
    for (out, x) in out.chunks_exact_mut(hidden_size).zip(x.chunks_exact(hidden_size)) {
        let sum: f64 = x.iter().map(|x| *x as f64 * *x as f64).sum();
        let scale = 1.0 / (sum / hidden_size as f64 + eps as f64).sqrt();
        for i in 0..hidden_size {
            out[i] = (x[i] as f64 * scale) as f32 * weight[i];
        }
    }
}

/// Overwrites `grad_x`; adds into `grad_weight`, because weight gradients accumulate over batches.
///
/// With `s = 1 / rms(x)`: `grad_x = s · (g w − x s² mean(g w x))`, `grad_weight += Σ g x s`.
#[track_caller]
pub fn backward(
    grad_x: &mut [f32],
    grad_weight: &mut [f32],
    grad_out: &[f32],
    x: &[f32],
    weight: &[f32],
    eps: f32,
) {
    let n = weight.len();
    assert!(grad_x.len() == x.len() && grad_out.len() == x.len() && grad_weight.len() == n);
    let rows = x.chunks_exact(n).zip(grad_out.chunks_exact(n));
    for (grad_x, (x, grad_out)) in grad_x.chunks_exact_mut(n).zip(rows) {
        let sum: f64 = x.iter().map(|x| *x as f64 * *x as f64).sum();
        let scale = 1.0 / (sum / n as f64 + eps as f64).sqrt();
        let each = (0..n).map(|i| grad_out[i] as f64 * weight[i] as f64 * x[i] as f64);
        let shrink = each.sum::<f64>() / n as f64 * scale * scale;
        for i in 0..n {
            let grad = grad_out[i] as f64 * weight[i] as f64 - x[i] as f64 * shrink;
            grad_x[i] = (grad * scale) as f32;
            grad_weight[i] += (grad_out[i] as f64 * x[i] as f64 * scale) as f32;
        }
    }
}
