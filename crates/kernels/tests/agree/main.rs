//! Every operation on every instruction set of this machine against the reference, and the same
//! bits whatever the number of rows, neighbours, chunks and threads.

mod attention;
mod compare;
mod ffn;
mod linear;
mod sample;

use ponder_kernels::cpu::{Cpu, CpuOptions, Isa};

use compare::{assert_close, assert_same_bits};

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
