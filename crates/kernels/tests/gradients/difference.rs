//! Finite differences.

/// Compares `grad` with the slope of `loss` in every direction of `x`, by the five-point rule.
/// The loss is summed in f64 over outputs in f32, so a step must be large: 1/64.
#[track_caller]
pub fn check(what: &str, x: &[f32], grad: &[f32], loss: impl Fn(&[f32]) -> f64) {
    const STEP: f32 = 1.0 / 64.0;
    assert_eq!(x.len(), grad.len(), "{what}");
    let mut moved = x.to_vec();
    let mut at = |i: usize, steps: f32| {
        moved[i] = x[i] + steps * STEP;
        // What was added, after rounding.
        let found = loss(&moved);
        moved[i] = x[i];
        found
    };
    let slopes: Vec<f64> = (0..x.len())
        .map(|i| {
            let near = at(i, 1.0) - at(i, -1.0);
            let far = at(i, 2.0) - at(i, -2.0);
            (8.0 * near - far) / (12.0 * STEP as f64)
        })
        .collect();
    let scale = slopes.iter().fold(1e-3f64, |max, s| max.max(s.abs()));
    for (i, (slope, grad)) in slopes.iter().zip(grad).enumerate() {
        let error = (slope - *grad as f64).abs() / scale;
        assert!(error < 5e-4, "{what}: element {i} is {grad}, the slope {slope} (error {error:e})");
    }
}

/// `Σ x · weights`, so that `weights` is the gradient that goes back.
pub fn inner(x: &[f32], weights: &[f32]) -> f64 {
    assert_eq!(x.len(), weights.len());
    x.iter().zip(weights).map(|(x, w)| *x as f64 * *w as f64).sum()
}
