//! The loop: expire, admit, plan, run, choose tokens, report.

use std::collections::VecDeque;

use ponder_kernels::{PAGE_TOKENS, Routing};
use ponder_tensor::Tensor;

use crate::error::{EngineError, Refusal, SequenceError};
use crate::event::{Event, FinishReason, SequenceId};
use crate::fairness::Fairness;
use crate::model::LanguageModel;
use crate::pages::PagePool;
use crate::plan::{Work, plan};
use crate::request::Request;
use crate::sampler::Scratch;
use crate::sampler::mask::TokenSet;
use crate::sequence::{Sequence, Workspace};

/// The limits of an engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineOptions {
    /// Sequences that run at once.
    pub max_sequences: usize,
    /// Requests that wait at once; more are refused.
    pub max_queue: usize,
    /// Tokens of one step; at least `max_sequences`.
    pub max_batch_tokens: usize,
    /// Prompt tokens of one step while other sequences decode: what their readers wait for.
    pub prefill_tokens_beside_decodes: usize,
    /// Rows of logits that exist at once; each takes `vocab_size` f32. Best at least
    /// `max_sequences`, so that a decoding step reads the head's weights once.
    pub max_logit_rows: usize,
    /// Ids from here on are never chosen: rows that the tokenizer has no text for.
    pub n_sampleable: usize,
}

/// Counts for reports. Those named `n_` are of this moment, the others only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Sequences that run.
    pub n_running: usize,
    /// Requests that wait.
    pub n_waiting: usize,
    /// Pages of the cache.
    pub n_pages: usize,
    /// Pages that running sequences hold.
    pub n_pages_held: usize,
    /// Pages promised to running sequences that they have not taken yet.
    pub n_pages_promised: usize,
    /// Pages of earlier prompts, kept for later ones until they are needed.
    pub n_pages_kept: usize,
    /// Steps that ran the model.
    pub steps: u64,
    /// Prompt tokens that the model computed.
    pub prompt_tokens: u64,
    /// Prompt tokens that were found in the cache.
    pub cached_tokens: u64,
    /// Tokens generated.
    pub generated_tokens: u64,
    /// Requests accepted.
    pub accepted: u64,
    /// Requests refused.
    pub refused: u64,
    /// Requests that ended, for whatever reason.
    pub finished: u64,
    /// Requests that failed alone.
    pub failed: u64,
}

/// Runs many requests on one model.
pub struct Engine<M> {
    model: M,
    options: EngineOptions,
    pool: PagePool,
    fairness: Fairness,
    /// Oldest first.
    waiting: VecDeque<Sequence>,
    /// Oldest admission first.
    running: Vec<Sequence>,
    /// Reported by the next step.
    events: Vec<Event>,
    workspace: Workspace,
    next_id: u64,
    is_draining: bool,
    counts: Stats,
}

impl<M: LanguageModel> Engine<M> {
    /// An engine for a model, whose cache it shares out.
    pub fn new(model: M, options: EngineOptions) -> Result<Engine<M>, EngineError> {
        options.check(model.vocab_size(), model.n_pages())?;
        let workspace = Workspace {
            scratch: Scratch::default(),
            mask: TokenSet::empty(model.vocab_size()),
            n_sampleable: options.n_sampleable,
        };
        Ok(Engine {
            pool: PagePool::new(model.n_pages()),
            model,
            options,
            fairness: Fairness::default(),
            waiting: VecDeque::new(),
            running: Vec::new(),
            events: Vec::new(),
            workspace,
            next_id: 0,
            is_draining: false,
            counts: Stats::default(),
        })
    }

    /// Takes a request into the queue.
    pub fn submit(&mut self, request: Request) -> Result<SequenceId, Refusal> {
        if let Err(refusal) = self.check(&request) {
            self.counts.refused += 1;
            return Err(refusal);
        }
        let id = SequenceId(self.next_id);
        self.next_id += 1;
        self.counts.accepted += 1;
        self.fairness.arrive(request.tenant);
        self.waiting.push_back(Sequence::new(id, request));
        Ok(id)
    }

    fn check(&self, request: &Request) -> Result<(), Refusal> {
        request.check(self.model.vocab_size(), self.model.max_positions())?;
        let needed = request.n_positions().div_ceil(PAGE_TOKENS);
        if needed > self.pool.n_pages() {
            return Err(Refusal::CacheTooSmall { needed, available: self.pool.n_pages() });
        }
        if self.is_draining {
            return Err(Refusal::Draining);
        }
        if self.waiting.len() >= self.options.max_queue {
            return Err(Refusal::QueueFull { max_queue: self.options.max_queue });
        }
        Ok(())
    }

    /// Ends a request at once: its pages are free when this returns. Its last event comes with the
    /// next step. Whether there was such a request.
    pub fn cancel(&mut self, id: SequenceId) -> bool {
        self.end_where(|sequence, _| (sequence.id == id).then_some(FinishReason::Cancelled)) > 0
    }

    /// Ends a request without a last event, for a caller that keeps no record of it.
    pub(crate) fn abandon(&mut self, id: SequenceId) {
        self.cancel(id);
        self.events.retain(|event| event.sequence() != id);
    }

    /// Takes no more requests. Those present go on, but not beyond `deadline`.
    pub fn drain(&mut self, deadline: Option<u64>) {
        self.is_draining = true;
        for sequence in self.waiting.iter_mut().chain(&mut self.running) {
            let earliest = [sequence.request.deadline, deadline].into_iter().flatten().min();
            sequence.request.deadline = earliest;
        }
    }

    /// Whether nothing waits, runs or is still to be reported.
    pub fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.running.is_empty() && self.events.is_empty()
    }

    /// Runs one forward pass, if there is anything to run, and reports what happened since the last
    /// step. `now` is on the clock of the requests' deadlines.
    ///
    /// After an error the sequences stand where they stood, so the step can be tried again.
    pub fn step(&mut self, now: u64) -> Result<Vec<Event>, EngineError> {
        self.expire(now);
        self.admit(now);
        let plan = plan(&mut self.running, &mut self.pool, &mut self.fairness, &self.options);
        if !plan.work.is_empty() {
            let is_watched = self.running.iter().any(|sequence| sequence.request.experts);
            let (hidden, routings) = match is_watched {
                true => self.model.watched_hidden(plan.token_ids, plan.spans)?,
                false => (self.model.hidden(plan.token_ids, plan.spans)?, Vec::new()),
            };
            self.counts.steps += 1;
            let max_rows = self.options.max_logit_rows;
            let rows = plan.logit_rows;
            let mut pass = Pass { hidden, routings, rows, max_rows, slice: None };
            plan.work.iter().for_each(|work| self.apply(work, &mut pass));
            self.remove_ended();
        }
        Ok(std::mem::take(&mut self.events))
    }

    /// Forgets the prompts in the cache, as is necessary when the weights have changed.
    pub fn forget_prompts(&mut self) -> Result<(), EngineError> {
        if !(self.waiting.is_empty() && self.running.is_empty()) {
            return Err(EngineError::Busy);
        }
        self.pool.forget();
        Ok(())
    }

    /// The model.
    pub fn model(&self) -> &M {
        &self.model
    }

    /// The model, to be changed between steps; see [`Engine::forget_prompts`].
    pub fn model_mut(&mut self) -> &mut M {
        &mut self.model
    }

    /// The limits in force.
    pub fn options(&self) -> &EngineOptions {
        &self.options
    }

    /// Counts of this moment and since the start.
    pub fn stats(&self) -> Stats {
        Stats {
            n_running: self.running.len(),
            n_waiting: self.waiting.len(),
            n_pages: self.pool.n_pages(),
            n_pages_held: self.pool.n_held(),
            n_pages_promised: self.pool.n_promised(),
            n_pages_kept: self.pool.n_kept(),
            ..self.counts
        }
    }

    fn expire(&mut self, now: u64) {
        let is_past = |time: Option<u64>| time.is_some_and(|time| time <= now);
        self.end_where(|sequence, is_waiting| {
            if is_past(sequence.request.deadline) {
                Some(FinishReason::Deadline)
            } else if is_waiting && is_past(sequence.request.admit_by) {
                Some(FinishReason::QueueTimeout)
            } else {
                None
            }
        });
    }

    /// Ends the sequences for which `reason` has one, told whether they wait. Returns their number.
    fn end_where(&mut self, reason: impl Fn(&Sequence, bool) -> Option<FinishReason>) -> usize {
        let n_before = self.waiting.len() + self.running.len();
        for sequence in std::mem::take(&mut self.waiting) {
            match reason(&sequence, true) {
                Some(reason) => self.end(sequence, 0, reason),
                None => self.waiting.push_back(sequence),
            }
        }
        for sequence in std::mem::take(&mut self.running) {
            match reason(&sequence, false) {
                Some(reason) => {
                    let due = sequence.n_due();
                    self.end(sequence, due, reason);
                }
                None => self.running.push(sequence),
            }
        }
        n_before - self.waiting.len() - self.running.len()
    }

    fn end(&mut self, mut sequence: Sequence, due: usize, reason: FinishReason) {
        sequence.leave(&mut self.pool);
        self.fairness.leave(sequence.request.tenant, due);
        self.counts.finished += 1;
        self.counts.failed += u64::from(matches!(reason, FinishReason::Failed(_)));
        let (sequence, usage) = (sequence.id, sequence.usage());
        self.events.push(Event::Finished { sequence, reason, usage });
    }

    /// Admits in the order of fairness until one does not fit. It is not passed by: its turn comes
    /// as soon as enough of the running sequences, which all have a bound, have ended.
    fn admit(&mut self, now: u64) {
        while self.running.len() < self.options.max_sequences {
            let tenants = self.waiting.iter().map(|sequence| sequence.request.tenant);
            let Some(index) = self.fairness.next_admission(tenants) else { return };
            if !self.waiting[index].enter(&mut self.pool) {
                return;
            }
            let mut sequence = self.waiting.remove(index).expect("index is in range");
            sequence.admitted = now;
            self.fairness.admit(sequence.request.tenant, sequence.n_due());
            self.running.push(sequence);
        }
    }

    fn apply(&mut self, work: &Work, pass: &mut Pass) {
        let sequence = &mut self.running[work.index];
        let (start, due) = (sequence.n_computed, sequence.n_due().min(work.n_tokens));
        sequence.advance(work.n_tokens, &mut self.pool);
        self.fairness.serve(sequence.request.tenant, work.n_tokens, due);
        self.counts.prompt_tokens += due as u64;
        let reason = match self.report(work, start, pass) {
            Ok(reason) => reason,
            Err(error) => Some(FinishReason::Failed(error)),
        };
        self.running[work.index].ended = reason;
    }

    fn remove_ended(&mut self) {
        self.end_where(|sequence, _| sequence.ended.clone());
    }

    /// Reports what a sequence got from its part of a step that began at position `start`; why it
    /// ends, if it does.
    fn report(
        &mut self,
        work: &Work,
        start: usize,
        pass: &mut Pass,
    ) -> Result<Option<FinishReason>, SequenceError> {
        let (model, sequence) = (&mut self.model, &mut self.running[work.index]);
        if start < sequence.n_prompt && sequence.request.prompt_logprobs.is_some() {
            for (place, position) in work.logits.clone().zip(start..) {
                let row = pass.logits(place, model);
                let event = sequence.prompt_event(position, row, &mut self.workspace)?;
                self.events.extend(event);
            }
        }
        if start < sequence.n_prompt && !sequence.is_prefilling() {
            let (id, cached_tokens, admitted) = (sequence.id, sequence.n_cached, sequence.admitted);
            self.counts.cached_tokens += cached_tokens as u64;
            self.events.push(Event::Prefilled { sequence: id, cached_tokens, admitted });
        }
        if sequence.n_computed < sequence.tokens.len() {
            return Ok(None);
        }
        if sequence.request.max_tokens == 0 {
            return Ok(Some(FinishReason::Length));
        }
        let place = work.logits.end - 1;
        let mut token = sequence.next_token(pass.logits(place, model), &mut self.workspace)?;
        if sequence.request.experts {
            token.experts = pass.experts(place);
        }
        self.counts.generated_tokens += 1;
        self.events.push(Event::Token { sequence: sequence.id, token });
        Ok(sequence.finish_reason())
    }
}

/// What a step computed; logits a slice at a time, as they are read from front to back.
struct Pass {
    hidden: Tensor,
    /// The experts of all rows, for each layer of experts, if anyone asked.
    routings: Vec<Routing>,
    /// Rows of `hidden` whose logits are wanted.
    rows: Vec<usize>,
    max_rows: usize,
    /// The first place in `rows` of the present slice, and its logits.
    slice: Option<(usize, Tensor)>,
}

impl Pass {
    /// The experts of row `rows[place]`, for each layer of experts.
    fn experts(&self, place: usize) -> Vec<Vec<u32>> {
        let row = self.rows[place];
        self.routings.iter().map(|routing| routing.experts_of(row).to_vec()).collect()
    }

    /// The logits of row `rows[place]`.
    fn logits<M: LanguageModel>(&mut self, place: usize, model: &mut M) -> &[f32] {
        let holds =
            |(first, slice): &(usize, Tensor)| (*first..first + slice.rows()).contains(&place);
        if !self.slice.as_ref().is_some_and(holds) {
            // The old slice goes first: its memory serves the new one.
            self.slice = None;
            let end = self.rows.len().min(place + self.max_rows);
            let slice = model.logits(&self.hidden, &self.rows[place..end]);
            assert_eq!((slice.rows(), slice.cols()), (end - place, model.vocab_size()));
            self.slice = Some((place, slice));
        }
        let (first, slice) = self.slice.as_ref().expect("computed above if it was not there");
        slice.row(place - first)
    }
}

impl EngineOptions {
    fn check(&self, vocab_size: usize, n_pages: usize) -> Result<(), EngineError> {
        let at_least = |name, found: usize, least: usize| match found >= least {
            true => Ok(()),
            false => {
                Err(EngineError::Option { name, found, expected: format!("at least {least}") })
            }
        };
        at_least("max_sequences", self.max_sequences, 1)?;
        at_least("max_queue", self.max_queue, 1)?;
        at_least("max_batch_tokens", self.max_batch_tokens, self.max_sequences)?;
        at_least("prefill_tokens_beside_decodes", self.prefill_tokens_beside_decodes, 1)?;
        at_least("max_logit_rows", self.max_logit_rows, 1)?;
        at_least("n_sampleable", self.n_sampleable, 1)?;
        at_least("kv_pages", n_pages, 1)?;
        if self.n_sampleable > vocab_size {
            let expected = format!("at most the model's {vocab_size} ids");
            return Err(EngineError::Option {
                name: "n_sampleable",
                found: self.n_sampleable,
                expected,
            });
        }
        Ok(())
    }
}
