//! The CPU backend: one schedule of work for every instruction set.
//!
//! Four things stay apart: number formats (`ponder_tensor::format`), inner loops by instruction
//! set (`kernels` and its implementations), the schedule (`pool`, `products`), and the operations
//! (the files named as in `ops`).

mod amx;
mod attention;
mod avx2;
mod avx2_attention;
mod avx512;
mod avx512_attention;
mod avx512_fp8;
mod experts_ffn;
mod gqa_attention;
mod gradients;
mod kernels;
mod lanes;
mod linear;
pub mod measure;
mod mla_attention;
mod pool;
mod products;
mod rows;

use ponder_tensor::format::{Embedding, Matrix};
use ponder_tensor::{Arena, Tensor};

use crate::{Batch, Experts, Gqa, KvCache, KvDtype, Mla, Ops, Router, Routing, ops, reference};
use kernels::Kernels;
use pool::{Disjoint, Pool};

/// An instruction set to compute with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isa {
    /// AVX2, FMA, F16C.
    Avx2,
    /// AVX-512 F, BW, DQ, VL, VBMI and BF16.
    Avx512,
    /// AVX-512 as above, and AMX tiles with BF16.
    Amx,
}

impl Isa {
    /// All of them, slowest first.
    pub const ALL: [Isa; 3] = [Isa::Avx2, Isa::Avx512, Isa::Amx];

    /// The name that `--isa` takes.
    pub fn name(self) -> &'static str {
        match self {
            Isa::Avx2 => "avx2",
            Isa::Avx512 => "avx512",
            Isa::Amx => "amx",
        }
    }

    /// Those that this processor has, slowest first.
    pub fn available() -> Vec<Isa> {
        Isa::ALL.into_iter().filter(|isa| isa.kernels().is_some()).collect()
    }

    fn kernels(self) -> Option<Box<dyn Kernels>> {
        match self {
            Isa::Avx2 => avx2::Avx2::detect().map(|k| Box::new(k) as Box<dyn Kernels>),
            Isa::Avx512 => avx512::Avx512::detect().map(|k| Box::new(k) as Box<dyn Kernels>),
            Isa::Amx => amx::Amx::detect().map(|k| Box::new(k) as Box<dyn Kernels>),
        }
    }
}

/// The backend.
pub struct Cpu {
    kernels: Box<dyn Kernels>,
    pool: Pool,
    arena: Arena,
}

/// How to use the machine.
#[derive(Clone, Copy, Debug)]
pub struct CpuOptions {
    /// The instruction set.
    pub isa: Isa,
    /// Threads, the calling one included.
    pub threads: usize,
    /// Whether thread i stays on core i. The calling thread is pinned too.
    pub pin: bool,
}

impl Cpu {
    /// The backend, or `None` when this processor lacks the instruction set.
    pub fn new(options: CpuOptions) -> Option<Cpu> {
        let kernels = options.isa.kernels()?;
        let pool = Pool::new(options.threads, options.pin);
        Some(Cpu { kernels, pool, arena: Arena::new() })
    }

    /// Calls `body(row, out_row)` for every row of a new tensor, on all threads when it is large.
    fn map_rows(
        &self,
        rows: usize,
        cols: usize,
        body: impl Fn(usize, &mut [f32]) + Sync,
    ) -> Tensor {
        /// Values that are worth waking another thread for.
        const VALUES_PER_UNIT: usize = 16 << 10;
        self.arena.tensor(rows, cols, |out| {
            let rows_per_unit = (VALUES_PER_UNIT / cols.max(1)).max(1);
            let out = Disjoint::new(out);
            self.pool.run(rows.div_ceil(rows_per_unit), &|_, unit| {
                for row in unit * rows_per_unit..rows.min((unit + 1) * rows_per_unit) {
                    // SAFETY: each row belongs to one unit.
                    body(row, unsafe { out.part(row * cols, cols) });
                }
            });
        })
    }
}

impl Ops for Cpu {
    fn name(&self) -> &'static str {
        self.kernels.name()
    }

    fn threads(&self) -> usize {
        self.pool.threads()
    }

    fn kv_dtype(&self) -> KvDtype {
        KvDtype::Bf16
    }

    fn embed(&self, table: &Embedding, token_ids: &[u32]) -> Tensor {
        self.map_rows(token_ids.len(), table.hidden_size(), |row, out| {
            table.row_into(token_ids[row], out)
        })
    }

    fn rms_norm(&self, x: &Tensor, weight: &[f32], eps: f32) -> Tensor {
        assert_eq!(x.cols(), weight.len());
        self.map_rows(x.rows(), x.cols(), |row, out| {
            self.kernels.rms_norm(out, x.row(row), weight, eps)
        })
    }

    fn linear(&self, x: &Tensor, weight: &Matrix, bias: Option<&[f32]>) -> Tensor {
        linear::forward(self, x, weight, bias)
    }

    fn add(&self, a: &Tensor, b: &Tensor) -> Tensor {
        assert_eq!((a.rows(), a.cols()), (b.rows(), b.cols()));
        self.map_rows(a.rows(), a.cols(), |row, out| {
            let sums = a.row(row).iter().zip(b.row(row)).map(|(a, b)| a + b);
            out.iter_mut().zip(sums).for_each(|(out, sum)| *out = sum);
        })
    }

    fn select_rows(&self, x: &Tensor, rows: &[usize]) -> Tensor {
        reference::select_rows(&self.arena, x, rows)
    }

    fn concat_cols(&self, a: &Tensor, b: &Tensor) -> Tensor {
        reference::concat_cols(&self.arena, a, b)
    }

    fn route(&self, logits: &Tensor, router: &Router) -> Routing {
        ops::route::forward(logits, router)
    }

    fn experts_ffn(&self, x: &Tensor, experts: &Experts, routing: Option<&Routing>) -> Tensor {
        experts_ffn::forward(self, x, experts, routing)
    }

    fn mla_attention(
        &self,
        q: &Tensor,
        kv_a: &Tensor,
        mla: &Mla,
        batch: &Batch,
        cache: &mut KvCache,
        layer: usize,
    ) -> Tensor {
        mla_attention::forward(self, [q, kv_a], mla, batch, cache, layer)
    }

    fn gqa_attention(
        &self,
        qkv: [&Tensor; 3],
        gqa: &Gqa,
        batch: &Batch,
        cache: &mut KvCache,
        layer: usize,
    ) -> Tensor {
        gqa_attention::forward(self, qkv, gqa, batch, cache, layer)
    }
}
