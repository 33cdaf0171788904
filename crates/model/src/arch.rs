//! A model ready to run: one file per architecture, chosen by the name its config declares.

mod deepseek;
mod dense;

use std::path::Path;

use ponder_kernels::{Batch, KvCache, Ops, Span};
use ponder_tensor::format::Matrix;
use ponder_tensor::{Dtype, Tensor};

use crate::checkpoint::Checkpoint;
use crate::config::{Architecture, Config};
use crate::error::Result;
use crate::load::{CheckpointWeights, Loader, Progress, RandomWeights, ValueWeights};
use crate::weights::Visit;
use deepseek::DeepseekV3;
use dense::Dense;

/// A model with its weights in memory.
pub struct Model {
    config: Config,
    inv_freq: Vec<f32>,
    weights: Weights,
}

enum Weights {
    DeepseekV3(Box<DeepseekV3>),
    Dense(Box<Dense>),
}

impl Model {
    /// Loads a checkpoint folder, as published. `progress` hears of every tensor.
    pub fn load(dir: &Path, progress: Progress) -> Result<Model> {
        Model::of_checkpoint(&Config::from_dir(dir)?, &Checkpoint::open(dir)?, progress)
    }

    /// Loads an opened checkpoint, whose tensors must be those of `config`.
    pub fn of_checkpoint(
        config: &Config,
        checkpoint: &Checkpoint,
        progress: Progress,
    ) -> Result<Model> {
        checkpoint.check(config)?;
        let weights = CheckpointWeights { checkpoint, config };
        Model::with_loader(config.clone(), Loader::new(&weights, progress))
    }

    /// A model of random weights, for measuring speed.
    pub fn random(config: &Config, seed: u64, progress: Progress) -> Result<Model> {
        let weights = RandomWeights::new(config, seed);
        Model::with_loader(config.clone(), Loader::new(&weights, progress))
    }

    /// A model of values in memory, by the names of the checkpoint, rounded to `dtype` (F32 or
    /// BF16). `values` is asked for every tensor that the config names.
    pub fn from_values<'a>(
        config: &Config,
        dtype: Dtype,
        values: &'a dyn Fn(&str) -> Option<&'a [f32]>,
    ) -> Result<Model> {
        let weights = ValueWeights { dtype, values };
        Model::with_loader(config.clone(), Loader::new(&weights, &mut |_, _| {}))
    }

    fn with_loader(config: Config, mut loader: Loader) -> Result<Model> {
        let weights = match config.architecture {
            Architecture::DeepseekV3 => {
                Weights::DeepseekV3(Box::new(DeepseekV3::load(&config, &mut loader)?))
            }
            Architecture::Qwen2 | Architecture::Llama => {
                Weights::Dense(Box::new(Dense::load(&config, &mut loader)?))
            }
        };
        Ok(Model { inv_freq: config.inv_freq(), config, weights })
    }

    /// The model's configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Bytes of the packed weights that a forward pass of many tokens reads.
    pub fn weights_bytes(&self) -> usize {
        match &self.weights {
            Weights::DeepseekV3(model) => model.weights_bytes(),
            Weights::Dense(model) => model.weights_bytes(),
        }
    }

    /// Whether a multi-token-prediction layer was loaded.
    pub fn has_draft_layer(&self) -> bool {
        matches!(&self.weights, Weights::DeepseekV3(model) if model.has_draft_layer())
    }

    /// Reserves a cache for `n_pages` pages, MTP layers included.
    pub fn new_cache(&self, ops: &dyn Ops, n_pages: usize) -> KvCache {
        let n_layers = self.config.num_hidden_layers + self.config.num_nextn_predict_layers;
        let row_width = match &self.weights {
            Weights::DeepseekV3(model) => model.cache_width(),
            Weights::Dense(model) => model.cache_width(),
        };
        KvCache::new(ops.kv_dtype(), n_layers, n_pages, row_width)
    }

    /// A batch with this model's rotary angles.
    pub fn batch(&self, token_ids: Vec<u32>, spans: Vec<Span>) -> Batch {
        Batch::new(token_ids, spans, &self.inv_freq, self.config.rope_multiplier())
    }

    /// The hidden state after the last norm, `[tokens, hidden_size]`. Writes the batch's positions
    /// into the cache.
    pub fn hidden(&self, ops: &dyn Ops, batch: &Batch, cache: &mut KvCache) -> Tensor {
        match &self.weights {
            Weights::DeepseekV3(model) => model.hidden(ops, batch, cache),
            Weights::Dense(model) => model.hidden(ops, batch, cache),
        }
    }

    /// Logits of the given rows of `hidden`, `[rows, vocab_size]`.
    pub fn logits(&self, ops: &dyn Ops, hidden: &Tensor, rows: &[usize]) -> Tensor {
        ops.linear(&ops.select_rows(hidden, rows), self.head(), None)
    }

    /// Runs the batch and returns the logits of `logit_rows`, `[logit_rows, vocab_size]`.
    pub fn forward(
        &self,
        ops: &dyn Ops,
        batch: &Batch,
        cache: &mut KvCache,
        logit_rows: &[usize],
    ) -> Tensor {
        let hidden = self.hidden(ops, batch, cache);
        self.logits(ops, &hidden, logit_rows)
    }

    /// Logits of the MTP layer, which predict the token after next, `[tokens, vocab_size]`; `None`
    /// without such a layer.
    ///
    /// `hidden` is what [`Model::hidden`] gave for the positions of `batch`, whose token ids are
    /// those that *follow* each position.
    pub fn draft(
        &self,
        ops: &dyn Ops,
        hidden: &Tensor,
        batch: &Batch,
        cache: &mut KvCache,
    ) -> Option<Tensor> {
        let hidden = self.draft_hidden(ops, hidden, batch, cache)?;
        Some(ops.linear(&hidden, self.draft_head()?, None))
    }

    /// The hidden state of the MTP layer before its head, `[tokens, hidden_size]` (see
    /// [`Model::draft`]).
    pub fn draft_hidden(
        &self,
        ops: &dyn Ops,
        hidden: &Tensor,
        batch: &Batch,
        cache: &mut KvCache,
    ) -> Option<Tensor> {
        match &self.weights {
            Weights::DeepseekV3(model) => model.draft_hidden(ops, hidden, batch, cache),
            Weights::Dense(_) => None,
        }
    }

    /// The head of the MTP layer, `[vocab_size, hidden_size]`.
    pub fn draft_head(&self) -> Option<&Matrix> {
        match &self.weights {
            Weights::DeepseekV3(model) if model.has_draft_layer() => Some(model.draft_head()),
            _ => None,
        }
    }

    /// The output head, `[vocab_size, hidden_size]`.
    pub fn head(&self) -> &Matrix {
        match &self.weights {
            Weights::DeepseekV3(model) => model.lm_head(),
            Weights::Dense(model) => model.lm_head(),
        }
    }

    /// Visits every packed weight with the names of the tensors that it holds.
    pub fn visit_weights(&self, visit: &mut Visit) {
        match &self.weights {
            Weights::DeepseekV3(model) => model.visit_weights(visit),
            Weights::Dense(model) => model.visit_weights(visit),
        }
    }
}
