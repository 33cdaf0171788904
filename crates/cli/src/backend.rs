//! The backend that a command computes with: chosen by the machine, forced by flags in tests.

use clap::ValueEnum;
use ponder_kernels::cpu::{Cpu, CpuOptions, Isa};
use ponder_kernels::reference::Reference;
use ponder_kernels::{Gradients, Ops};

use crate::exit::usage;
use crate::machine::Machine;

/// Tokens of a prompt that are computed in one step. Wide steps read each expert for more tokens;
/// this many keep the activations of the largest models below half a gigabyte.
const CHUNK: usize = 512;

/// Flags that force a path. The machine decides without them, and the results differ in
/// rounding at most.
#[derive(clap::Args, Clone, Debug)]
pub struct BackendArgs {
    /// Instruction set; the best one of this processor unless given.
    #[arg(long, value_name = "NAME", help_heading = "Machine")]
    pub isa: Option<IsaName>,
    /// Threads; one a core unless given.
    #[arg(long, value_name = "N", value_parser = at_least_one, help_heading = "Machine")]
    pub threads: Option<usize>,
    /// Tokens of a prompt computed in one step; changes speed and memory, never a bit of the
    /// result.
    #[arg(long, value_name = "N", value_parser = at_least_one, default_value_t = CHUNK, help_heading = "Machine")]
    pub chunk: usize,
}

/// What `--isa` can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum IsaName {
    /// Slow, obvious f32 on one thread: what the others are judged by.
    Reference,
    /// AVX2, FMA and F16C.
    Avx2,
    /// AVX-512 F, BW, DQ, VL, VBMI and BF16.
    Avx512,
    /// Matrix tiles of bfloat16.
    Amx,
}

/// Refuses 0 and what is no number.
pub fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(n) if n > 0 => Ok(n),
        Ok(_) => Err("must be at least 1".into()),
        Err(_) => Err("is not a whole number".into()),
    }
}

impl IsaName {
    fn name(self) -> &'static str {
        match self {
            IsaName::Reference => "reference",
            IsaName::Avx2 => "avx2",
            IsaName::Avx512 => "avx512",
            IsaName::Amx => "amx",
        }
    }
}

impl BackendArgs {
    /// The backend to compute with. `pin` keeps each thread on its core.
    pub fn open(&self, pin: bool) -> anyhow::Result<Box<dyn Ops>> {
        let Some(isa) = self.isa()? else { return Ok(Box::new(Reference::default())) };
        let options = CpuOptions { isa, threads: self.threads(), pin };
        let cpu = Cpu::new(options).ok_or_else(|| not_here(isa.name()))?;
        Ok(Box::new(cpu))
    }

    /// The backend to train with: the same, with the way back.
    pub fn open_for_training(&self) -> anyhow::Result<Box<dyn Gradients>> {
        let Some(isa) = self.isa()? else { return Ok(Box::new(Reference::default())) };
        let options = CpuOptions { isa, threads: self.threads(), pin: false };
        let cpu = Cpu::new(options).ok_or_else(|| not_here(isa.name()))?;
        Ok(Box::new(cpu))
    }

    /// The processor and the path taken on it, for records.
    pub fn described(&self) -> anyhow::Result<String> {
        let cpu = Machine::detect().cpu.unwrap_or_else(|| "unknown processor".to_owned());
        let isa = self.isa()?.map_or(IsaName::Reference.name(), |isa| isa.name());
        Ok(format!("{cpu}, {isa}, {} threads", self.threads()))
    }

    /// Threads to compute with. More than there are would only wait for each other.
    pub fn threads(&self) -> usize {
        self.threads.unwrap_or_else(|| Machine::detect().cores)
    }

    /// The instruction set; `None` means the reference.
    pub fn isa(&self) -> anyhow::Result<Option<Isa>> {
        let available = Isa::available();
        match self.isa {
            None => Ok(available.last().copied()),
            Some(IsaName::Reference) => Ok(None),
            Some(asked) => match available.into_iter().find(|isa| isa.name() == asked.name()) {
                Some(isa) => Ok(Some(isa)),
                None => Err(not_here(asked.name())),
            },
        }
    }
}

fn not_here(isa: &str) -> anyhow::Error {
    let mut names = vec![IsaName::Reference.name()];
    names.extend(Isa::available().iter().map(|isa| isa.name()));
    let hint = format!("this processor runs {}; `ponder doctor` says more", names.join(", "));
    usage(format!("`--isa {isa}` is not available on this machine"), hint)
}
