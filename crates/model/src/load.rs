//! From stored tensors into a model's packed weights, one tensor at a time.

mod random;
mod values;

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use ponder_kernels::Expert;
use ponder_tensor::format::{BlockScales, Embedding, Matrix, PackError, Source};
use ponder_tensor::{Dtype, WeightStore};

use crate::checkpoint::{Checkpoint, TensorKind, scale_shape};
use crate::config::Config;
use crate::error::{ModelError, Result};

pub(crate) use random::RandomWeights;
pub(crate) use values::ValueWeights;

/// Called with the bytes loaded so far and in all.
pub type Progress<'a> = &'a mut dyn FnMut(u64, u64);

/// A stored tensor on its way into the packed form.
pub(crate) struct Fetched<'a> {
    pub dtype: Dtype,
    pub bytes: Cow<'a, [u8]>,
    /// For FP8.
    pub scales: Option<BlockScales>,
    /// Where it came from, for messages.
    pub path: PathBuf,
}

/// Where weights come from.
pub(crate) trait WeightSource {
    /// Whether an optional tensor is there.
    fn contains(&self, name: &str) -> bool;
    /// The tensor `name`, which must have this shape.
    fn fetch(&self, name: &str, shape: &[usize], kind: TensorKind) -> Result<Fetched<'_>>;
    /// Says that a tensor was packed: its mapped pages are needed no more.
    fn release(&self, name: &str);
    /// Bytes of all tensors.
    fn total_bytes(&self) -> u64;
}

/// Weights of a checkpoint on disk.
pub(crate) struct CheckpointWeights<'a> {
    pub checkpoint: &'a Checkpoint,
    pub config: &'a Config,
}

impl WeightSource for CheckpointWeights<'_> {
    fn contains(&self, name: &str) -> bool {
        self.checkpoint.contains(name)
    }

    fn fetch(&self, name: &str, shape: &[usize], _kind: TensorKind) -> Result<Fetched<'_>> {
        let view = self.checkpoint.expect(name, shape)?;
        let scales = if view.dtype == Dtype::F8E4m3 {
            let block = self.config.weight_block_size.unwrap_or([128, 128]);
            let name = format!("{name}_scale_inv");
            let values = self.checkpoint.expect(&name, &scale_shape(shape, block))?.scales()?;
            Some(BlockScales { values, block })
        } else {
            None
        };
        let path = view.path.to_owned();
        Ok(Fetched { dtype: view.dtype, bytes: Cow::Borrowed(view.bytes), scales, path })
    }

    fn release(&self, name: &str) {
        if let Ok(view) = self.checkpoint.tensor(name) {
            self.checkpoint.release(&view);
        }
    }

    fn total_bytes(&self) -> u64 {
        self.checkpoint.total_bytes()
    }
}

/// Packs tensors by name.
pub(crate) struct Loader<'a> {
    weights: &'a dyn WeightSource,
    store: WeightStore,
    loaded_bytes: u64,
    progress: Progress<'a>,
}

impl<'a> Loader<'a> {
    pub fn new(weights: &'a dyn WeightSource, progress: Progress<'a>) -> Loader<'a> {
        Loader { weights, store: WeightStore::new(), loaded_bytes: 0, progress }
    }

    pub fn contains(&self, name: &str) -> bool {
        self.weights.contains(name)
    }

    /// A norm or bias `[len]`, widened.
    pub fn vector(&mut self, name: &str, len: usize, kind: TensorKind) -> Result<Vec<f32>> {
        let fetched = self.weights.fetch(name, &[len], kind)?;
        let format = ponder_tensor::format::Format::of(fetched.dtype);
        let values: Vec<f32> = (0..len).map(|i| format.value(&fetched.bytes, i)).collect();
        match values.iter().position(|x| !x.is_finite()) {
            None => {
                self.loaded(name, fetched.bytes.len());
                Ok(values)
            }
            Some(element) => {
                Err(bad_value(&fetched.path, name, (element, values[element]), "finite values"))
            }
        }
    }

    /// A matrix `[out_features, in_features]` in the format that keeps every bit.
    pub fn matrix(&mut self, name: &str, [rows, cols]: [usize; 2]) -> Result<Matrix> {
        self.matrix_of(name, [rows, cols], TensorKind::Linear)
    }

    /// The output head, or the projection of an MTP layer.
    pub fn matrix_of(
        &mut self,
        name: &str,
        [rows, cols]: [usize; 2],
        kind: TensorKind,
    ) -> Result<Matrix> {
        let fetched = self.weights.fetch(name, &[rows, cols], kind)?;
        let source = fetched.source(rows, cols);
        let packed = if kind == TensorKind::Router {
            Matrix::pack_f32(&mut self.store, &source)
        } else {
            Matrix::pack(&mut self.store, &source)
        };
        let matrix = packed.map_err(|e| fetched.error(name, cols, e))?;
        self.loaded(name, fetched.bytes.len());
        Ok(matrix)
    }

    /// `gate_proj`, `up_proj` and `down_proj` under `prefix`.
    pub fn expert(&mut self, prefix: &str, hidden: usize, intermediate: usize) -> Result<Expert> {
        let names = ["gate_proj", "up_proj"].map(|name| format!("{prefix}.{name}.weight"));
        let fetch = |name| self.weights.fetch(name, &[intermediate, hidden], TensorKind::Linear);
        let [gate, up] = [fetch(&names[0])?, fetch(&names[1])?];
        if gate.dtype != up.dtype {
            return Err(ModelError::TensorDtype {
                path: up.path,
                name: names[1].clone(),
                found: up.dtype.name(),
                expected: gate.dtype.name(),
            });
        }
        let sources = [gate.source(intermediate, hidden), up.source(intermediate, hidden)];
        let format = sources[0].format();
        let sources: Vec<&Source> = sources.iter().collect();
        let gate_up = Matrix::pack_interleaved(&mut self.store, &sources, format);
        let gate_up = gate_up.map_err(|e| gate.error(&names[0], hidden, e))?;
        let bytes = [gate.bytes.len(), up.bytes.len()];
        names.iter().zip(bytes).for_each(|(name, bytes)| self.loaded(name, bytes));
        let down = self.matrix(&format!("{prefix}.down_proj.weight"), [hidden, intermediate])?;
        Ok(Expert { gate_up, down })
    }

    /// `kv_b_proj` `[heads * (nope + value), latent]`, cut into each head's key half, transposed,
    /// and value half: the absorbed form of latent attention.
    pub fn kv_b_proj(
        &mut self,
        name: &str,
        n_heads: usize,
        [nope, value, latent]: [usize; 3],
    ) -> Result<[Vec<Matrix>; 2]> {
        let rows = n_heads * (nope + value);
        let fetched = self.weights.fetch(name, &[rows, latent], TensorKind::Linear)?;
        let whole = fetched.source(rows, latent);
        let mut pack = |first_row, rows, transposed| {
            let window = Source { first_row, rows, transposed, ..whole.clone() };
            Matrix::pack(&mut self.store, &window).map_err(|e| fetched.error(name, latent, e))
        };
        let (mut k_up, mut v_up) = (Vec::new(), Vec::new());
        for head in 0..n_heads {
            let first_row = head * (nope + value);
            k_up.push(pack(first_row, nope, true)?);
            v_up.push(pack(first_row + nope, value, false)?);
        }
        self.loaded(name, fetched.bytes.len());
        Ok([k_up, v_up])
    }

    /// The embedding table, row by row as stored.
    pub fn embedding(&mut self, name: &str, [vocab, hidden]: [usize; 2]) -> Result<Embedding> {
        let fetched = self.weights.fetch(name, &[vocab, hidden], TensorKind::Embedding)?;
        if fetched.dtype == Dtype::F8E4m3 {
            return Err(ModelError::TensorDtype {
                path: fetched.path,
                name: name.to_owned(),
                found: fetched.dtype.name(),
                expected: "BF16, F16 or F32",
            });
        }
        let values =
            self.store.fill(fetched.bytes.len(), |bytes| bytes.copy_from_slice(&fetched.bytes));
        let table = Embedding::Rows { dtype: fetched.dtype, hidden_size: hidden, values };
        self.loaded(name, fetched.bytes.len());
        Ok(table)
    }

    /// `embed_tokens` and `lm_head`, one packed matrix where the config ties them.
    pub fn embedding_and_head(&mut self, config: &Config) -> Result<(Embedding, Matrix)> {
        let (embed_tokens, table) =
            ("model.embed_tokens.weight", [config.vocab_size, config.hidden_size]);
        if config.tie_word_embeddings {
            let head = self.matrix_of(embed_tokens, table, TensorKind::Head)?;
            return Ok((Embedding::Tied(head.clone()), head));
        }
        let embedding = self.embedding(embed_tokens, table)?;
        Ok((embedding, self.matrix_of("lm_head.weight", table, TensorKind::Head)?))
    }

    fn loaded(&mut self, name: &str, bytes: usize) {
        self.weights.release(name);
        self.loaded_bytes += bytes as u64;
        (self.progress)(self.loaded_bytes, self.weights.total_bytes());
    }
}

impl Fetched<'_> {
    fn source(&self, rows: usize, cols: usize) -> Source<'_> {
        let scales = self.scales.clone();
        Source { scales, ..Source::whole(self.dtype, &self.bytes, rows, cols) }
    }

    fn error(&self, name: &str, cols: usize, error: PackError) -> ModelError {
        match error {
            PackError::NanValue { row, col } => {
                bad_value(&self.path, name, (row * cols + col, f32::NAN), "finite values")
            }
            PackError::BadScale { index, value } => {
                let name = format!("{name}_scale_inv");
                bad_value(&self.path, &name, (index, value), "finite scales")
            }
        }
    }
}

fn bad_value(
    path: &Path,
    name: &str,
    (element, found): (usize, f32),
    expected: &'static str,
) -> ModelError {
    ModelError::TensorValue {
        path: path.to_owned(),
        name: name.to_owned(),
        element,
        found,
        expected,
    }
}
