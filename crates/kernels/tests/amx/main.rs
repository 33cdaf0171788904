//! The agreement tests on AMX: on the processor's tile unit where it has one, else on an emulated
//! one, which shows that results are right and says nothing about speed.

#[path = "../agree/attention.rs"]
mod attention;
#[path = "../agree/compare.rs"]
mod compare;
mod emulator;
mod exact;
#[path = "../agree/ffn.rs"]
mod ffn;
#[path = "../agree/linear.rs"]
mod linear;
#[path = "../agree/sample.rs"]
mod sample;
mod tile_unit;

use ponder_kernels::cpu::{Cpu, CpuOptions, Isa};

use compare::{assert_close, assert_same_bits};

/// AMX with one thread and with three; none when it can be neither used nor emulated.
fn backends() -> Vec<Cpu> {
    [1, 3].into_iter().filter_map(backend).collect()
}

fn backend(threads: usize) -> Option<Cpu> {
    if let Some(cpu) = Cpu::new(CpuOptions { isa: Isa::Amx, threads, pin: false }) {
        println!("on the processor's tile unit");
        return Some(cpu);
    }
    emulator::install();
    // SAFETY: the handler was just installed.
    let cpu = unsafe { Cpu::with_emulated_amx(threads) };
    println!("{}", if cpu.is_some() { "on an emulated tile unit" } else { "skipped: no AVX-512" });
    cpu
}
