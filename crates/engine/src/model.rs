//! What the engine asks of a model, and the real model as an answer to it.

use ponder_kernels::{KvCache, Ops, PAGE_TOKENS, Routing, Span, Watched};
use ponder_model::Model;
use ponder_tensor::Tensor;

use crate::error::EngineError;

/// A model with its paged cache: the real one, or a fake that checks the scheduler.
pub trait LanguageModel {
    /// Ids that have an embedding, and columns of the logits.
    fn vocab_size(&self) -> usize;

    /// Positions that the model was made for.
    fn max_positions(&self) -> usize;

    /// Pages of the cache.
    fn n_pages(&self) -> usize;

    /// Runs tokens, given in `spans` of sequences, and writes their positions into the cache.
    /// Returns the last hidden states `[tokens, hidden_size]`, or the error that the device has
    /// reported since the last call.
    fn hidden(&mut self, token_ids: Vec<u32>, spans: Vec<Span>) -> Result<Tensor, EngineError>;

    /// The same bits, and which experts were chosen: a routing of all tokens for each layer of
    /// experts. A model without experts has none.
    fn watched_hidden(
        &mut self,
        token_ids: Vec<u32>,
        spans: Vec<Span>,
    ) -> Result<(Tensor, Vec<Routing>), EngineError> {
        Ok((self.hidden(token_ids, spans)?, Vec::new()))
    }

    /// Logits of some rows of hidden states, `[rows, vocab_size]`.
    fn logits(&mut self, hidden: &Tensor, rows: &[usize]) -> Tensor;
}

/// A model on a backend, with the cache that an engine shares out.
pub struct Runner<'a> {
    model: &'a Model,
    ops: &'a dyn Ops,
    cache: KvCache,
}

impl<'a> Runner<'a> {
    /// Reserves `n_pages` pages of cache, [`PAGE_TOKENS`] positions each.
    pub fn new(model: &'a Model, ops: &'a dyn Ops, n_pages: usize) -> Runner<'a> {
        Runner { model, ops, cache: model.new_cache(ops, n_pages) }
    }

    /// How many pages fit into `bytes` of memory.
    pub fn pages_in(model: &Model, ops: &dyn Ops, bytes: u64) -> usize {
        let bytes_per_token = model.new_cache(ops, 0).bytes_per_token() as u64;
        (bytes / (bytes_per_token * PAGE_TOKENS as u64)) as usize
    }

    /// The cache.
    pub fn cache(&self) -> &KvCache {
        &self.cache
    }
}

impl LanguageModel for Runner<'_> {
    fn vocab_size(&self) -> usize {
        self.model.config().vocab_size
    }

    fn max_positions(&self) -> usize {
        self.model.config().max_position_embeddings
    }

    fn n_pages(&self) -> usize {
        self.cache.n_pages()
    }

    fn hidden(&mut self, token_ids: Vec<u32>, spans: Vec<Span>) -> Result<Tensor, EngineError> {
        let batch = self.model.batch(token_ids, spans);
        Ok(self.model.hidden(self.ops, &batch, &mut self.cache))
    }

    fn watched_hidden(
        &mut self,
        token_ids: Vec<u32>,
        spans: Vec<Span>,
    ) -> Result<(Tensor, Vec<Routing>), EngineError> {
        let batch = self.model.batch(token_ids, spans);
        let watched = Watched::new(self.ops);
        let hidden = self.model.hidden(&watched, &batch, &mut self.cache);
        Ok((hidden, watched.into_routings()))
    }

    fn logits(&mut self, hidden: &Tensor, rows: &[usize]) -> Tensor {
        self.model.logits(self.ops, hidden, rows)
    }
}
