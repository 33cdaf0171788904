//! The inner loops of backward passes that differ by instruction set. All but the packing of
//! activations are plain loops, compiled once for each.

use ponder_tensor::format::TILE_K;

use super::super::amx::Amx;
use super::super::avx2::Avx2;
use super::super::avx512::Avx512;
use super::super::rows::Operand;
use super::{lanes, small_product, weight_gradient};

/// A product of small f32 matrices, `out += a · b`.
pub(in super::super) struct SmallProduct<'a> {
    /// `[m, k]`: element (m, k) stands at `m * a_steps.0 + k * a_steps.1`.
    pub a: &'a [f32],
    pub a_steps: (usize, usize),
    /// `[k, n]`, row-major with rows `b_step` apart.
    pub b: &'a [f32],
    pub b_step: usize,
    /// Rows, columns (a multiple of 16), depth.
    pub sizes: [usize; 3],
}

impl SmallProduct<'_> {
    /// Checks that all operands hold what the sizes say.
    pub fn check(&self, out: &[f32], out_step: usize) {
        let [m, n, k] = self.sizes;
        assert!(n.is_multiple_of(16) && n > 0 && m > 0 && k > 0, "sizes {:?}", self.sizes);
        assert!((m - 1) * out_step + n <= out.len() && (k - 1) * self.b_step + n <= self.b.len());
        assert!((m - 1) * self.a_steps.0 + (k - 1) * self.a_steps.1 < self.a.len());
    }
}

/// See `ops::backward` for what these compute.
pub(in super::super) trait GradientKernels {
    /// One row: overwrites `grad_x`, adds to `grad_weight`; inputs `grad_out`, `x`, `weight`.
    fn rms_norm_backward(&self, outs: [&mut [f32]; 2], inputs: [&[f32]; 3], eps: f32);

    /// One row: overwrites `hidden` and `grad_gate_up`; inputs `gate_up`, `grad_hidden`. Returns
    /// the gradient by the weight.
    fn swiglu_backward(&self, outs: [&mut [f32]; 2], inputs: [&[f32]; 2], weight: f32) -> f32;

    /// `out = factor · softmax(scale · x)`.
    fn softmax(&self, out: &mut [f32], x: &[f32], scale: f32, factor: f32);

    /// `out += a · b`, rows of `out` `out_step` apart.
    fn multiply(&self, out: &mut [f32], out_step: usize, product: &SmallProduct);

    /// Turns a row of raw scores into probabilities and `grads`, the gradients by the
    /// probabilities, into those by the raw scores. The first `visible` places count, the others
    /// become zero.
    fn softmax_backward(&self, scores: &mut [f32], grads: &mut [f32], visible: usize, scale: f32);

    /// Up to 32 rows of up to 16 columns, transposed and packed as rows of a product's left side:
    /// `words` holds the rows of one tile.
    fn encode_columns(&self, operand: Operand, words: &mut [f32], columns: &Columns);

    /// The same columns as half a tile of bf16: the right side of a product.
    fn encode_half_tile(&self, words: &mut [f32], columns: &Columns);
}

/// Columns of consecutive rows of a row-major matrix.
pub(in super::super) struct Columns<'a> {
    /// From the first value on.
    pub values: &'a [f32],
    /// From row to row.
    pub step: usize,
    pub n_rows: usize,
    pub n_cols: usize,
}

impl Columns<'_> {
    /// Value of a row and column; zero outside.
    #[inline(always)]
    pub fn at(&self, row: usize, col: usize) -> f32 {
        if row < self.n_rows && col < self.n_cols {
            self.values[row * self.step + col]
        } else {
            0.0
        }
    }

    /// Whether all of a tile is there.
    pub fn is_whole(&self) -> bool {
        self.n_rows == TILE_K && self.n_cols == 16
    }
}

/// Implements the trait for a type that proves `features`.
macro_rules! lanes_with {
    ($kernels:ty, $features:literal, $packing:ident, $multiply:path) => {
        impl GradientKernels for $kernels {
            fn rms_norm_backward(&self, outs: [&mut [f32]; 2], inputs: [&[f32]; 3], eps: f32) {
                #[target_feature(enable = $features)]
                fn run(outs: [&mut [f32]; 2], inputs: [&[f32]; 3], eps: f32) {
                    lanes::rms_norm_backward(outs, inputs, eps);
                }
                // SAFETY: `self` proves the instructions exist.
                unsafe { run(outs, inputs, eps) }
            }

            fn swiglu_backward(
                &self,
                outs: [&mut [f32]; 2],
                inputs: [&[f32]; 2],
                weight: f32,
            ) -> f32 {
                #[target_feature(enable = $features)]
                fn run(outs: [&mut [f32]; 2], inputs: [&[f32]; 2], weight: f32) -> f32 {
                    lanes::swiglu_backward(outs, inputs, weight)
                }
                // SAFETY: `self` proves the instructions exist.
                unsafe { run(outs, inputs, weight) }
            }

            fn softmax(&self, out: &mut [f32], x: &[f32], scale: f32, factor: f32) {
                #[target_feature(enable = $features)]
                fn run(out: &mut [f32], x: &[f32], scale: f32, factor: f32) {
                    lanes::softmax(out, x, scale, factor);
                }
                // SAFETY: `self` proves the instructions exist.
                unsafe { run(out, x, scale, factor) }
            }

            fn multiply(&self, out: &mut [f32], out_step: usize, product: &SmallProduct) {
                #[target_feature(enable = $features)]
                fn run(out: &mut [f32], out_step: usize, product: &SmallProduct) {
                    $multiply(out, out_step, product);
                }
                // SAFETY: `self` proves the instructions exist.
                unsafe { run(out, out_step, product) }
            }

            fn softmax_backward(
                &self,
                scores: &mut [f32],
                grads: &mut [f32],
                visible: usize,
                scale: f32,
            ) {
                #[target_feature(enable = $features)]
                fn run(scores: &mut [f32], grads: &mut [f32], visible: usize, scale: f32) {
                    lanes::softmax_backward(scores, grads, visible, scale);
                }
                // SAFETY: `self` proves the instructions exist.
                unsafe { run(scores, grads, visible, scale) }
            }

            fn encode_columns(&self, operand: Operand, words: &mut [f32], columns: &Columns) {
                #[target_feature(enable = $features)]
                fn run(operand: Operand, words: &mut [f32], columns: &Columns) {
                    weight_gradient::$packing::encode_columns(operand, words, columns);
                }
                // SAFETY: `self` proves the instructions exist.
                unsafe { run(operand, words, columns) }
            }

            fn encode_half_tile(&self, words: &mut [f32], columns: &Columns) {
                #[target_feature(enable = $features)]
                fn run(words: &mut [f32], columns: &Columns) {
                    weight_gradient::$packing::encode_half_tile(words, columns);
                }
                // SAFETY: `self` proves the instructions exist.
                unsafe { run(words, columns) }
            }
        }
    };
}

lanes_with!(Avx2, "avx2,fma,f16c", plain, lanes::multiply);
lanes_with!(
    Avx512,
    "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma",
    vector,
    small_product::multiply
);
lanes_with!(
    Amx,
    "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma",
    vector,
    small_product::multiply
);
