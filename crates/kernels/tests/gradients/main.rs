//! The backward pass of every operation: the references against finite differences, and the CPU
//! backend on every instruction set against the references, with the same bits on any number of
//! threads.

#[path = "../agree/compare.rs"]
mod compare;
mod cpu;
mod difference;
mod layers;
mod reference;
#[path = "../agree/sample.rs"]
#[expect(dead_code, reason = "shared with the agreement tests, which draw more")]
mod sample;
