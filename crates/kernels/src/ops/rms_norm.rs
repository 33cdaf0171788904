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
