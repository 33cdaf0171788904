//! A tensor as it lies in the mapped file.

use std::ops::Range;
use std::path::Path;

use ponder_tensor::{Dtype, MappedFile, bf16_to_f32, e4m3_to_f32, f16_to_f32};

use crate::checkpoint::header::Entry;
use crate::error::{ModelError, Result};

/// A tensor in a mapped file. The bytes may lie at any address: nothing is aligned.
#[derive(Clone, Debug)]
pub struct TensorView<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its number format.
    pub dtype: Dtype,
    /// Its shape, outermost first.
    pub shape: &'a [usize],
    /// Its values, row-major, little-endian.
    pub bytes: &'a [u8],
    /// The file that holds it.
    pub path: &'a Path,
    pub(crate) shard_idx: usize,
    pub(crate) range: Range<usize>,
}

impl<'a> TensorView<'a> {
    pub(crate) fn new(entry: &'a Entry, shard_idx: usize, shard: &'a MappedFile) -> Self {
        TensorView {
            name: &entry.name,
            dtype: entry.dtype,
            shape: &entry.shape,
            // The header was checked against the file's length when it was opened.
            bytes: &shard.bytes()[entry.range.clone()],
            path: shard.path(),
            shard_idx,
            range: entry.range.clone(),
        }
    }

    /// How many values it has.
    pub fn len(&self) -> usize {
        self.bytes.len() / self.dtype.size()
    }

    /// Whether it has no value.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Value `element`, row-major, widened exactly.
    pub fn value(&self, element: usize) -> f32 {
        let size = self.dtype.size();
        widen(self.dtype, &self.bytes[element * size..(element + 1) * size])
    }

    /// All values, widened exactly: for small tensors, since it copies.
    pub fn to_f32(&self) -> Vec<f32> {
        self.bytes.chunks_exact(self.dtype.size()).map(|bytes| widen(self.dtype, bytes)).collect()
    }

    /// All values of a norm, bias or router; refuses NaN and infinities.
    pub fn finite_f32(&self) -> Result<Vec<f32>> {
        let values = self.to_f32();
        match values.iter().position(|v| !v.is_finite()) {
            Some(element) => Err(self.bad_value(element, values[element], "finite values")),
            None => Ok(values),
        }
    }

    /// The scales of an FP8 matrix; refuses NaN, infinities and negative ones.
    pub fn scales(&self) -> Result<Vec<f32>> {
        if self.dtype != Dtype::F32 {
            return Err(self.bad_dtype("F32"));
        }
        let values = self.to_f32();
        match values.iter().position(|v| !v.is_finite() || *v < 0.0) {
            Some(element) => Err(self.bad_value(element, values[element], "finite scales from 0")),
            None => Ok(values),
        }
    }

    /// Refuses NaN and infinities in a large tensor, in one pass over its bytes.
    pub fn check_finite(&self) -> Result<()> {
        let pairs = || self.bytes.chunks_exact(2).map(|b| u16::from_le_bytes([b[0], b[1]]));
        let bad = match self.dtype {
            Dtype::F8E4m3 => self.bytes.iter().position(|code| code & 0x7f == 0x7f),
            Dtype::Bf16 => pairs().position(|bits| bits & 0x7f80 == 0x7f80),
            Dtype::F16 => pairs().position(|bits| bits & 0x7c00 == 0x7c00),
            Dtype::F32 => {
                // The exponent lies in the upper two bytes.
                let words = self.bytes.chunks_exact(4);
                words.into_iter().position(|b| b[3] & 0x7f == 0x7f && b[2] & 0x80 == 0x80)
            }
        };
        match bad {
            Some(element) => Err(self.bad_value(element, self.value(element), "finite values")),
            None => Ok(()),
        }
    }

    pub(crate) fn bad_dtype(&self, expected: &'static str) -> ModelError {
        ModelError::TensorDtype {
            path: self.path.to_owned(),
            name: self.name.to_owned(),
            found: self.dtype.name(),
            expected,
        }
    }

    fn bad_value(&self, element: usize, found: f32, expected: &'static str) -> ModelError {
        ModelError::TensorValue {
            path: self.path.to_owned(),
            name: self.name.to_owned(),
            element,
            found,
            expected,
        }
    }
}

fn widen(dtype: Dtype, bytes: &[u8]) -> f32 {
    match (dtype, bytes) {
        (Dtype::F32, &[a, b, c, d]) => f32::from_le_bytes([a, b, c, d]),
        (Dtype::F16, &[a, b]) => f16_to_f32(u16::from_le_bytes([a, b])),
        (Dtype::Bf16, &[a, b]) => bf16_to_f32(u16::from_le_bytes([a, b])),
        (Dtype::F8E4m3, &[code]) => e4m3_to_f32(code),
        _ => unreachable!("the caller passes {} bytes, got {}", dtype.size(), bytes.len()),
    }
}
