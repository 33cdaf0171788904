//! `ops::linear` on panels.

use ponder_tensor::Tensor;
use ponder_tensor::format::{Matrix, PANEL_ROWS};

use super::Cpu;
use super::pool::Disjoint;
use super::products::{self, Product};

pub(super) fn forward(cpu: &Cpu, x: &Tensor, weight: &Matrix, bias: Option<&[f32]>) -> Tensor {
    let (n_in, n_out) = (weight.in_features(), weight.out_features());
    assert_eq!(x.cols(), n_in, "x has {} columns, the weight {n_in}", x.cols());
    assert!(bias.is_none_or(|bias| bias.len() == n_out));
    let operand = cpu.kernels.operand(weight.format());
    let rows = &products::pack(cpu, operand, x, (0, n_in), &|row| row, x.rows());
    cpu.arena.tensor(x.rows(), n_out, |out| {
        let out = Disjoint::new(out);
        products::run(cpu, &[Product { rows, matrix: weight }], 1, &|step| {
            let first_col = step.step * PANEL_ROWS;
            let n_cols = PANEL_ROWS.min(n_out - first_col);
            let panel = (step.first_row, step.panels[0]);
            // SAFETY: every panel of every row chunk is finished once.
            unsafe { products::store_panel(&out, (n_out, first_col), panel, n_cols, bias) };
        });
    })
}
