//! Weights from values in memory, for models that are being trained.

use std::borrow::Cow;
use std::path::PathBuf;

use ponder_tensor::{Dtype, bf16_from_f32};

use super::{Fetched, WeightSource};
use crate::checkpoint::TensorKind;
use crate::error::{ModelError, Result};

/// Values in f32 by name, packed in `dtype`; the gate's bias stays f32, as checkpoints keep it.
pub(crate) struct ValueWeights<'a> {
    pub dtype: Dtype,
    pub values: &'a dyn Fn(&str) -> Option<&'a [f32]>,
}

impl WeightSource for ValueWeights<'_> {
    fn contains(&self, name: &str) -> bool {
        (self.values)(name).is_some()
    }

    fn fetch(&self, name: &str, shape: &[usize], kind: TensorKind) -> Result<Fetched<'_>> {
        let path = PathBuf::from("weights in memory");
        let Some(values) = (self.values)(name) else {
            return Err(ModelError::MissingTensor { path, name: name.to_owned() });
        };
        if values.len() != shape.iter().product::<usize>() {
            let (name, found) = (name.to_owned(), vec![values.len()]);
            return Err(ModelError::TensorShape { path, name, found, expected: shape.to_vec() });
        }
        let rounds = self.dtype == Dtype::Bf16 && kind != TensorKind::RouterBias;
        let (dtype, bytes) = if rounds {
            (Dtype::Bf16, encode(values, |x| bf16_from_f32(x).to_le_bytes()))
        } else {
            (Dtype::F32, encode(values, f32::to_le_bytes))
        };
        let bytes = Cow::Owned(bytes);
        Ok(Fetched { dtype, bytes, scales: None, path })
    }

    fn release(&self, _name: &str) {}

    fn total_bytes(&self) -> u64 {
        0
    }
}

fn encode<const N: usize>(values: &[f32], bytes_of: impl Fn(f32) -> [u8; N]) -> Vec<u8> {
    let mut bytes = vec![0; N * values.len()];
    for (out, x) in bytes.as_chunks_mut::<N>().0.iter_mut().zip(values) {
        *out = bytes_of(*x);
    }
    bytes
}
