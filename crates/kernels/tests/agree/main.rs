//! Every operation on every instruction set of this machine against the reference, and the same
//! bits whatever the number of rows, neighbours, chunks and threads.

mod attention;
mod ffn;
mod linear;
mod sample;

use ponder_kernels::Ops;
use ponder_kernels::cpu::{Cpu, CpuOptions, Isa};
use ponder_tensor::Tensor;

/// One backend for every instruction set, with one thread and with three.
fn backends() -> Vec<Cpu> {
    let isas = Isa::available();
    for isa in Isa::ALL.iter().filter(|isa| !isas.contains(isa)) {
        println!("skipped: this processor has no {}", isa.name());
    }
    let options = |isa, threads| CpuOptions { isa, threads, pin: false };
    isas.into_iter()
        .flat_map(|isa| [1, 3].map(|threads| Cpu::new(options(isa, threads)).unwrap()))
        .collect()
}

/// Compares with the reference: errors relative to the largest value of the tensor.
#[track_caller]
fn assert_close(what: &str, ops: &dyn Ops, got: &Tensor, want: &Tensor, tolerance: f32) {
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
fn assert_same_bits(what: &str, ops: &dyn Ops, got: &[f32], want: &[f32]) {
    assert_eq!(got.len(), want.len(), "{what}");
    let differs = got.iter().zip(want).position(|(a, b)| a.to_bits() != b.to_bits());
    if let Some(index) = differs {
        let (name, threads) = (ops.name(), ops.threads());
        let (got, want) = (got[index], want[index]);
        panic!("{what} on {name} with {threads} threads: element {index} is {got:e}, not {want:e}");
    }
}
