//! Seeded random inputs.

use ponder_tensor::format::{BlockScales, Format, Matrix, Source};
use ponder_tensor::{Arena, Dtype, Tensor, WeightStore, bf16_from_f32, e4m3_from_f32};

/// A 64-bit linear congruential generator with a shifted output; good enough to fill matrices.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// Roughly normal, mean 0, deviation 1.
    pub fn normal(&mut self) -> f32 {
        (0..6).map(|_| self.unit() - 0.5).sum::<f32>() * std::f32::consts::SQRT_2
    }

    fn unit(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 40) as f32 / (1 << 24) as f32
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.unit() * n as f32) as usize
    }

    pub fn tensor(&mut self, rows: usize, cols: usize) -> Tensor {
        Arena::new().tensor(rows, cols, |out| out.fill_with(|| self.normal()))
    }

    pub fn vector(&mut self, len: usize) -> Vec<f32> {
        (0..len).map(|_| self.normal()).collect()
    }

    pub fn matrix(&mut self, format: Format, rows: usize, cols: usize) -> Matrix {
        self.interleaved(format, 1, rows, cols)
    }

    /// Random weights of about unit gain.
    pub fn interleaved(&mut self, format: Format, n: usize, rows: usize, cols: usize) -> Matrix {
        let stored: Vec<(Dtype, Vec<u8>, Option<BlockScales>)> =
            (0..n).map(|_| self.stored(format, rows, cols)).collect();
        let sources: Vec<Source> = stored
            .iter()
            .map(|(dtype, bytes, scales)| Source {
                scales: scales.clone(),
                ..Source::whole(*dtype, bytes, rows, cols)
            })
            .collect();
        let sources: Vec<&Source> = sources.iter().collect();
        Matrix::pack_interleaved(&mut WeightStore::new(), &sources, format).unwrap()
    }

    fn stored(
        &mut self,
        format: Format,
        rows: usize,
        cols: usize,
    ) -> (Dtype, Vec<u8>, Option<BlockScales>) {
        let gain = 1.0 / (cols as f32).sqrt();
        let values: Vec<f32> = (0..rows * cols).map(|_| self.normal() * gain).collect();
        let values = values.iter().copied();
        match format {
            Format::F32 => (Dtype::F32, values.flat_map(f32::to_le_bytes).collect(), None),
            Format::Bf16 => {
                let bits = values.map(bf16_from_f32);
                (Dtype::Bf16, bits.flat_map(u16::to_le_bytes).collect(), None)
            }
            Format::F16 => {
                let bits = values.map(|x| half::f16::from_f32(x).to_bits());
                (Dtype::F16, bits.flat_map(u16::to_le_bytes).collect(), None)
            }
            Format::Fp8 => {
                let blocks = rows.div_ceil(128) * cols.div_ceil(128);
                let scales: Vec<f32> = (0..blocks).map(|_| gain * (0.5 + self.unit())).collect();
                let codes = (0..rows * cols).map(|_| e4m3_from_f32(self.normal()));
                let codes: Vec<u8> = codes.collect();
                (Dtype::F8E4m3, codes, Some(BlockScales { values: scales, block: [128, 128] }))
            }
        }
    }
}
