//! Products of small f32 matrices on AVX-512.

use std::arch::x86_64::*;

use super::kernels::SmallProduct;

/// Rows of a block: with two vectors of columns each, sixteen sums stay in registers.
const BLOCK: usize = 8;

/// See `GradientKernels::multiply`.
#[target_feature(enable = "avx512f")]
pub(super) fn multiply(out: &mut [f32], out_step: usize, product: &SmallProduct) {
    product.check(out, out_step);
    let [m, n, _] = product.sizes;
    let mut row = 0;
    while row < m {
        let rows = if m - row >= BLOCK { BLOCK } else { 1 };
        let mut col = 0;
        while col < n {
            let is_wide = n - col >= 32;
            let to = &mut out[row * out_step + col..];
            // SAFETY: `check` found that `rows` rows from `row` on and `n` columns lie inside.
            unsafe {
                match (rows, is_wide) {
                    (BLOCK, true) => block::<BLOCK, 2>(to, out_step, product, (row, col)),
                    (BLOCK, false) => block::<BLOCK, 1>(to, out_step, product, (row, col)),
                    (_, true) => block::<1, 2>(to, out_step, product, (row, col)),
                    (_, false) => block::<1, 1>(to, out_step, product, (row, col)),
                }
            }
            col += if is_wide { 32 } else { 16 };
        }
        row += rows;
    }
}

/// # Safety
/// `M` rows and `V` vectors of columns from (row, col) on lie inside the product's sizes, which
/// were checked; `out` begins there.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn block<const M: usize, const V: usize>(
    out: &mut [f32],
    out_step: usize,
    product: &SmallProduct,
    (row, col): (usize, usize),
) {
    let (row_step, k_step) = product.a_steps;
    let mut sums = [[_mm512_setzero_ps(); V]; M];
    // SAFETY: the caller's promise bounds every access.
    unsafe {
        let out = out.as_mut_ptr();
        for (i, sums) in sums.iter_mut().enumerate() {
            for (v, sum) in sums.iter_mut().enumerate() {
                *sum = _mm512_loadu_ps(out.add(i * out_step + v * 16));
            }
        }
        let mut a = product.a.as_ptr().add(row * row_step);
        let mut b = product.b.as_ptr().add(col);
        for _ in 0..product.sizes[2] {
            let b_lanes: [__m512; V] = std::array::from_fn(|v| _mm512_loadu_ps(b.add(v * 16)));
            for (i, sums) in sums.iter_mut().enumerate() {
                let a = _mm512_set1_ps(*a.add(i * row_step));
                for (sum, b) in sums.iter_mut().zip(b_lanes) {
                    *sum = _mm512_fmadd_ps(a, b, *sum);
                }
            }
            a = a.wrapping_add(k_step);
            b = b.wrapping_add(product.b_step);
        }
        for (i, sums) in sums.iter().enumerate() {
            for (v, sum) in sums.iter().enumerate() {
                _mm512_storeu_ps(out.add(i * out_step + v * 16), *sum);
            }
        }
    }
}
