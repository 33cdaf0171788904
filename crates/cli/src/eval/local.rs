//! A checkpoint on Ponder's own engine, as a generator of replies.

use ponder_engine::{Engine, EngineOptions, Runner};
use ponder_eval::generate::Generator;
use ponder_eval::in_process::{InProcess, encode_prompt};
use ponder_eval::manifest::ModelIdentity;
use ponder_eval::model_hash::{files_sha256, model_sha256};
use ponder_eval::protocol::Sampling;
use ponder_kernels::{Ops, PAGE_TOKENS};
use ponder_model::Model;
use ponder_text::{ChatTemplate, Tokenizer};

use crate::backend::BackendArgs;
use crate::checkpoint::{ModelArgs, Opened};
use crate::embedded;
use crate::machine::Machine;
use crate::terminal::Terminal;

/// Memory for the logits of one step.
const LOGITS_BYTES: usize = 256 << 20;
/// Cache when the system does not say what memory it has.
const CACHE_BYTES: u64 = 1 << 30;

/// A checkpoint that was opened and not loaded.
pub struct Local {
    opened: Opened,
    tokenizer: Tokenizer,
    template: ChatTemplate,
    backend: BackendArgs,
    forces_thinking: bool,
    sampling: Sampling,
}

impl Local {
    /// Reads all but the weights.
    pub fn open(
        model: &ModelArgs,
        backend: &BackendArgs,
        forces_thinking: bool,
        sampling: Sampling,
    ) -> anyhow::Result<Local> {
        let opened = model.open()?;
        let tokenizer = opened.tokenizer()?;
        let template = opened.needed_template()?;
        let backend = backend.clone();
        Ok(Local { opened, tokenizer, template, backend, forces_thinking, sampling })
    }

    /// What the manifest says of the model.
    pub fn identity(&self) -> anyhow::Result<ModelIdentity> {
        let (sha256, source) = match &self.opened.dir {
            Some(dir) => model_sha256(dir)?,
            None => files_sha256(&embedded::files()),
        };
        Ok(ModelIdentity { name: self.opened.short_name(), sha256: Some(sha256), source })
    }

    /// Loads the weights and hands over a generator for these prompts, `batch` of them at once.
    pub fn with_generator<R>(
        &self,
        prompts: &[&str],
        batch: usize,
        think_budget: Option<usize>,
        terminal: &Terminal,
        work: impl FnOnce(&mut dyn Generator) -> anyhow::Result<R>,
    ) -> anyhow::Result<R> {
        let encode =
            |text: &str| encode_prompt(&self.tokenizer, &self.template, text, self.forces_thinking);
        let mut longest = 1;
        for prompt in prompts {
            longest = longest.max(encode(prompt)?.len());
        }
        let context = self.opened.config.max_position_embeddings;
        let positions = context.min(longest.saturating_add(self.sampling.max_tokens));
        let ops = self.backend.open(false)?;
        let (model, _) = self.opened.load(terminal)?;
        let engine = self.engine(&model, ops.as_ref(), positions, batch)?;
        let thinking = |prompt: &[u32], max_tokens: usize| match think_budget {
            Some(_) => ponder_server::thinking(&self.tokenizer, prompt, think_budget, max_tokens),
            None => Ok(None),
        };
        let mut generator = InProcess {
            engine,
            tokenizer: &self.tokenizer,
            encode: &encode,
            stop_ids: self.opened.stop_ids(Some(&self.tokenizer)),
            context,
            sampling: self.sampling,
            thinking: &thinking,
        };
        work(&mut generator)
    }

    /// An engine for `batch` sequences of up to `positions` positions, with cache for all of them
    /// if half of the free memory holds it, and for one in any case.
    fn engine<'m>(
        &self,
        model: &'m Model,
        ops: &'m dyn Ops,
        positions: usize,
        batch: usize,
    ) -> anyhow::Result<Engine<Runner<'m>>> {
        let each = positions.div_ceil(PAGE_TOKENS);
        let available = Machine::detect().memory_available_bytes.unwrap_or(2 * CACHE_BYTES);
        let fit = Runner::pages_in(model, ops, available / 2);
        let n_pages = (each * batch).min(fit).max(each);
        let vocab_size = model.config().vocab_size;
        let max_batch_tokens = self.backend.chunk.max(batch);
        let rows = LOGITS_BYTES / (vocab_size * size_of::<f32>());
        let options = EngineOptions {
            max_sequences: batch,
            max_queue: 2 * batch,
            max_batch_tokens,
            prefill_tokens_beside_decodes: max_batch_tokens,
            max_logit_rows: rows.clamp(1, max_batch_tokens),
            n_sampleable: self.tokenizer.vocab_size(),
        };
        Ok(Engine::new(Runner::new(model, ops, n_pages), options)?)
    }
}
