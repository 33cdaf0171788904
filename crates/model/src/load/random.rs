//! Random weights for measuring speed where no checkpoint is at hand.

use std::borrow::Cow;
use std::path::PathBuf;

use ponder_tensor::Dtype;
use ponder_tensor::format::BlockScales;

use super::{Fetched, WeightSource};
use crate::checkpoint::{TensorKind, scale_shape};
use crate::config::Config;
use crate::count::total_parameters;
use crate::error::Result;

/// Deviation of the weights, as models are initialised.
const DEVIATION: f32 = 0.02;
/// Values drawn; a tensor takes its values from the pool in turn, starting anywhere.
const POOL: usize = 1 << 20;

/// Weights drawn from a seeded pool: matrices in FP8 if the config is quantised, else in BF16.
pub(crate) struct RandomWeights<'a> {
    config: &'a Config,
    fp8: Vec<u8>,
    bf16: Vec<u8>,
}

impl<'a> RandomWeights<'a> {
    pub fn new(config: &'a Config, seed: u64) -> RandomWeights<'a> {
        let mut state = seed;
        let mut draw = || {
            // A sum of four uniforms is close enough to normal.
            let sum: f32 = (0..4).map(|_| unit(&mut state) - 0.5).sum();
            sum * 3f32.sqrt()
        };
        let values: Vec<f32> = (0..POOL).map(|_| draw()).collect();
        let fp8 = values.iter().map(|x| ponder_tensor::e4m3_from_f32(x * 100.0)).collect();
        let bf16 = values.iter().map(|x| ponder_tensor::bf16_from_f32(x * DEVIATION));
        RandomWeights { config, fp8, bf16: bf16.flat_map(u16::to_le_bytes).collect() }
    }

    /// `len` bytes of `pool`, from a place that depends on the name, in whole values.
    fn draw(&self, pool: &[u8], name: &str, len: usize) -> Vec<u8> {
        let hash = name.bytes().fold(0u64, |h, b| splitmix(h ^ b as u64));
        let start = (hash as usize % pool.len()) & !3;
        let mut bytes = Vec::with_capacity(len);
        bytes.extend_from_slice(&pool[start..(start + len).min(pool.len())]);
        while bytes.len() < len {
            bytes.extend_from_slice(&pool[..pool.len().min(len - bytes.len())]);
        }
        bytes
    }
}

impl WeightSource for RandomWeights<'_> {
    fn contains(&self, _name: &str) -> bool {
        false
    }

    fn fetch(&self, name: &str, shape: &[usize], kind: TensorKind) -> Result<Fetched<'_>> {
        let len: usize = shape.iter().product();
        let constant = |value: f32| value.to_le_bytes().repeat(len);
        let quantised = kind == TensorKind::Linear && self.config.weight_block_size.is_some();
        let (dtype, bytes) = match kind {
            TensorKind::Norm => (Dtype::F32, constant(1.0)),
            TensorKind::Bias | TensorKind::RouterBias => (Dtype::F32, constant(0.0)),
            _ if quantised => (Dtype::F8E4m3, self.draw(&self.fp8, name, len)),
            _ => (Dtype::Bf16, self.draw(&self.bf16, name, 2 * len)),
        };
        let scales = self.config.weight_block_size.filter(|_| quantised).map(|block| {
            let n = scale_shape(shape, block).iter().product();
            BlockScales { values: vec![DEVIATION / 100.0; n], block }
        });
        Ok(Fetched { dtype, bytes: Cow::Owned(bytes), scales, path: PathBuf::from("random") })
    }

    fn release(&self, _name: &str) {}

    fn total_bytes(&self) -> u64 {
        let value_bytes = if self.config.weight_block_size.is_some() { 1 } else { 2 };
        total_parameters(self.config) as u64 * value_bytes
    }
}

/// The mixing step of SplitMix64.
fn splitmix(state: u64) -> u64 {
    let z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

fn unit(state: &mut u64) -> f32 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    (splitmix(*state) >> 40) as f32 / (1 << 24) as f32
}
