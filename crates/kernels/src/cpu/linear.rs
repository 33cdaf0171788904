//! `ops::linear` on panels.

use ponder_tensor::Tensor;
use ponder_tensor::format::Matrix;

use super::Cpu;
use super::products::{self, Product, Target};

pub(super) fn forward(cpu: &Cpu, x: &Tensor, weight: &Matrix, bias: Option<&[f32]>) -> Tensor {
    let (n_in, n_out) = (weight.in_features(), weight.out_features());
    assert_eq!(x.cols(), n_in, "x has {} columns, the weight {n_in}", x.cols());
    assert!(bias.is_none_or(|bias| bias.len() == n_out));
    let operand = cpu.kernels.operand(weight.format());
    let rows = &products::pack(cpu, operand, x, (0, n_in), &|row| row, x.rows());
    cpu.arena.tensor(x.rows(), n_out, |out| {
        let target = Target::new(out, n_out, n_out, bias);
        products::store(cpu, &[Product { rows, matrix: weight }], &target);
    })
}
