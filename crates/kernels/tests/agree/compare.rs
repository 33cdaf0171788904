//! What counts as agreement.

use ponder_kernels::Ops;
use ponder_tensor::Tensor;

/// Compares with the reference: errors relative to the largest value of the tensor.
#[track_caller]
pub fn assert_close(what: &str, ops: &dyn Ops, got: &Tensor, want: &Tensor, tolerance: f32) {
    assert_eq!((got.rows(), got.cols()), (want.rows(), want.cols()), "{what}");
    let scale = want.data().iter().fold(1e-6f32, |max, x| max.max(x.abs()));
    let errors = got.data().iter().zip(want.data()).map(|(a, b)| (a - b).abs() / scale);
    let (index, worst) =
        errors.enumerate().fold((0, 0.0), |w, e| if e.1 > w.1 || e.1.is_nan() { e } else { w });
    assert!(
        worst <= tolerance,
        "{what} on {} with {} threads: element {index} is {}, expected {} (error {worst:e})",
        ops.name(),
        ops.threads(),
        got.data()[index],
        want.data()[index],
    );
}

#[track_caller]
pub fn assert_same_bits(what: &str, ops: &dyn Ops, got: &[f32], want: &[f32]) {
    assert_eq!(got.len(), want.len(), "{what}");
    let differs = got.iter().zip(want).position(|(a, b)| a.to_bits() != b.to_bits());
    if let Some(index) = differs {
        let (name, threads) = (ops.name(), ops.threads());
        let (got, want) = (got[index], want[index]);
        panic!("{what} on {name} with {threads} threads: element {index} is {got:e}, not {want:e}");
    }
}
