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
            let bits = values.iter().flat_map(|x| bf16_from_f32(*x).to_le_bytes());
            (Dtype::Bf16, Cow::Owned(bits.collect()))
        } else {
            let bytes = values.iter().flat_map(|x| x.to_le_bytes());
            (Dtype::F32, Cow::Owned(bytes.collect()))
        };
        Ok(Fetched { dtype, bytes, scales: None, path })
    }

    fn release(&self, _name: &str) {}

    fn total_bytes(&self) -> u64 {
        0
    }
}
