//! Rotary position embedding of one head's vector, in place.
//!
//! With angles θᵢ, a pair (a, b) becomes (a cos θᵢ − b sin θᵢ, a sin θᵢ + b cos θᵢ). The
//! conventions differ in which values pair up.

/// Turns a head's vector by the cosines and sines of its position.
pub type Rotate = fn(&mut [f32], (&[f32], &[f32]));

/// DeepSeek's convention: neighbours (2i, 2i + 1) form a pair.
pub fn interleaved(x: &mut [f32], (cos, sin): (&[f32], &[f32])) {
    for (i, pair) in x.chunks_exact_mut(2).enumerate() {
        let (a, b) = (pair[0], pair[1]);
        pair[0] = a * cos[i] - b * sin[i];
        pair[1] = a * sin[i] + b * cos[i];
    }
}

/// Llama's and Qwen's convention: (i, i + dim/2) form a pair.
pub fn half_split(x: &mut [f32], (cos, sin): (&[f32], &[f32])) {
    let (first, second) = x.split_at_mut(cos.len());
    for i in 0..cos.len() {
        let (a, b) = (first[i], second[i]);
        first[i] = a * cos[i] - b * sin[i];
        second[i] = a * sin[i] + b * cos[i];
    }
}

/// The gradient of [`interleaved`], in place: the transpose of the rotation.
pub fn interleaved_backward(grad: &mut [f32], (cos, sin): (&[f32], &[f32])) {
    for (i, pair) in grad.chunks_exact_mut(2).enumerate() {
        let (a, b) = (pair[0], pair[1]);
        pair[0] = a * cos[i] + b * sin[i];
        pair[1] = b * cos[i] - a * sin[i];
    }
}

/// The gradient of [`half_split`], in place.
pub fn half_split_backward(grad: &mut [f32], (cos, sin): (&[f32], &[f32])) {
    let (first, second) = grad.split_at_mut(cos.len());
    for i in 0..cos.len() {
        let (a, b) = (first[i], second[i]);
        first[i] = a * cos[i] + b * sin[i];
        second[i] = b * cos[i] - a * sin[i];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rotary;

    #[test]
    fn both_conventions_match_the_published_vector() {
        // spec: dimension 4, base 10000, position 3, x = [1, 2, 3, 4].
        let rotary = Rotary::new([3].into_iter(), &[1.0, 0.01], 1.0);
        let mut x = [1.0, 2.0, 3.0, 4.0];
        interleaved(&mut x, rotary.row(0));
        check(&x, &[-1.272233, -1.838865, 2.878668, 4.088187]);
        let mut x = [1.0, 3.0, 2.0, 4.0];
        half_split(&mut x, rotary.row(0));
        check(&x, &[-1.272233, 2.878668, -1.838865, 4.088187]);
    }

    fn check(got: &[f32], want: &[f32]) {
        assert!(got.iter().zip(want).all(|(a, b)| (a - b).abs() < 1e-6), "{got:?}");
    }
}
