//! One request on its way: its tokens, its pages, and how its next token is chosen.

use ponder_kernels::{PAGE_TOKENS, PageId};

use crate::error::SequenceError;
use crate::event::{Event, FinishReason, Origin, SequenceId, TokenEvent, TokenLogprob, Usage};
use crate::pages::{PageKey, PagePool, Parent};
use crate::request::Request;
use crate::sampler::logprobs::{is_finite, logprobs};
use crate::sampler::mask::TokenSet;
use crate::sampler::{Allowed, Sampler, Scratch};
use crate::think::ThinkState;

/// Memory that all sequences use in turn.
pub(crate) struct Workspace {
    pub scratch: Scratch,
    pub mask: TokenSet,
    pub n_sampleable: usize,
}

pub(crate) struct Sequence {
    pub id: SequenceId,
    /// Its prompt has moved to `tokens`.
    pub request: Request,
    /// The prompt, then the completion.
    pub tokens: Vec<u32>,
    pub n_prompt: usize,
    /// Positions whose keys and values are in the cache.
    pub n_computed: usize,
    /// Those of them that were found there.
    pub n_cached: usize,
    /// The pages it holds, in order.
    pub pages: Vec<PageId>,
    /// Pages promised to it and not taken yet.
    pub n_promised: usize,
    /// When it was admitted, on the clock of deadlines.
    pub admitted: u64,
    /// What stands before the first page that is not full of computed prompt tokens.
    parent: Parent,
    sampler: Sampler,
    think: Option<ThinkState>,
    /// Why it ends with the present step.
    pub ended: Option<FinishReason>,
    /// Where the answer begins in `tokens`: stop sequences do not reach before it.
    answer_start: usize,
}

impl Sequence {
    pub fn new(id: SequenceId, mut request: Request) -> Sequence {
        let tokens = std::mem::take(&mut request.prompt);
        let think = request.thinking.clone().map(|t| ThinkState::new(t, request.max_tokens));
        Sequence {
            id,
            n_prompt: tokens.len(),
            n_computed: 0,
            n_cached: 0,
            pages: Vec::new(),
            n_promised: 0,
            admitted: 0,
            parent: Parent::Salt(request.cache_salt),
            sampler: Sampler::new(request.sampling.clone(), &tokens),
            think,
            ended: None,
            answer_start: tokens.len(),
            tokens,
            request,
        }
    }

    pub fn is_prefilling(&self) -> bool {
        self.n_computed < self.n_prompt
    }

    /// Prompt tokens that are not computed.
    pub fn n_due(&self) -> usize {
        self.n_prompt.saturating_sub(self.n_computed)
    }

    pub fn n_generated(&self) -> usize {
        self.tokens.len() - self.n_prompt
    }

    pub fn usage(&self) -> Usage {
        Usage {
            prompt_tokens: self.n_prompt,
            cached_tokens: self.n_cached,
            completion_tokens: self.n_generated(),
            reasoning_tokens: self.think.as_ref().map_or(0, |think| think.n_reasoning()),
        }
    }

    /// Enters the pool: holds what the cache has of its prompt, is promised the rest. Whether there
    /// was room.
    pub fn enter(&mut self, pool: &mut PagePool) -> bool {
        let mut shared = Vec::new();
        let mut parent = self.parent;
        while shared.len() < self.n_shareable() {
            let tokens = &self.tokens[shared.len() * PAGE_TOKENS..][..PAGE_TOKENS];
            let Some((page, next)) = pool.find(&PageKey::new(parent, tokens)) else { break };
            shared.push(page);
            parent = next;
        }
        let n_positions = self.n_prompt + self.request.max_tokens.saturating_sub(1);
        let n_new = n_positions.div_ceil(PAGE_TOKENS) - shared.len();
        if !pool.admit(n_new, &shared) {
            return false;
        }
        self.n_promised = n_new;
        self.n_cached = shared.len() * PAGE_TOKENS;
        self.n_computed = self.n_cached;
        (self.pages, self.parent) = (shared, parent);
        true
    }

    /// Takes over prompt pages that others have computed meanwhile. Returns their tokens' number.
    pub fn adopt(&mut self, pool: &mut PagePool) -> usize {
        let before = self.n_computed;
        while self.n_computed == self.pages.len() * PAGE_TOKENS
            && self.pages.len() < self.n_shareable()
            && let Some((page, next)) = self.next_key().and_then(|key| pool.find(&key))
        {
            pool.take_shared(page);
            self.n_promised -= 1;
            self.pages.push(page);
            self.parent = next;
            self.n_computed += PAGE_TOKENS;
        }
        self.n_cached += self.n_computed - before;
        self.n_computed - before
    }

    /// Pages of its prompt that it can share: never the last token's, whose logits it needs, and
    /// none if the whole prompt is to be scored.
    fn n_shareable(&self) -> usize {
        match self.request.prompt_logprobs {
            Some(_) => 0,
            None => (self.n_prompt - 1) / PAGE_TOKENS,
        }
    }

    /// The key of the page that the next token goes to, if prompt tokens fill that page.
    pub fn next_key(&self) -> Option<PageKey> {
        let start = self.n_computed / PAGE_TOKENS * PAGE_TOKENS;
        let end = start + PAGE_TOKENS;
        (end <= self.n_prompt).then(|| PageKey::new(self.parent, &self.tokens[start..end]))
    }

    /// Whether [`Sequence::adopt`] would take the page of [`Sequence::next_key`] if it existed.
    pub fn could_adopt_next(&self) -> bool {
        self.n_computed == self.pages.len() * PAGE_TOKENS && self.pages.len() < self.n_shareable()
    }

    /// Takes pages for positions up to `end`.
    pub fn grow(&mut self, end: usize, pool: &mut PagePool) {
        while self.pages.len() * PAGE_TOKENS < end {
            self.pages.push(pool.take());
            self.n_promised -= 1;
        }
    }

    /// Notes computed positions and offers full pages of the prompt to others.
    pub fn advance(&mut self, n_tokens: usize, pool: &mut PagePool) {
        let end = self.n_computed + n_tokens;
        while let Some(key) = self.next_key() {
            let page_idx = self.n_computed / PAGE_TOKENS;
            if (page_idx + 1) * PAGE_TOKENS > end {
                break;
            }
            let tenant = self.request.tenant;
            (self.pages[page_idx], self.parent) = pool.register(self.pages[page_idx], key, tenant);
            self.n_computed = (page_idx + 1) * PAGE_TOKENS;
        }
        self.n_computed = end;
    }

    /// Gives everything back.
    pub fn leave(&mut self, pool: &mut PagePool) {
        pool.release_all(&std::mem::take(&mut self.pages));
        pool.forgo(std::mem::take(&mut self.n_promised));
    }

    /// What the logits of a prompt's position say of the token after it: of the next prompt token, or
    /// of what would follow if nothing is generated.
    pub fn prompt_event(
        &self,
        position: usize,
        row: &[f32],
        workspace: &mut Workspace,
    ) -> Result<Option<Event>, SequenceError> {
        if !is_finite(row) {
            return Err(SequenceError::NotFinite { position });
        }
        let (sequence, index) = (self.id, position + 1);
        let id = self.tokens[..self.n_prompt].get(index).copied();
        if id.is_none() && self.request.max_tokens > 0 {
            return Ok(None);
        }
        let n_top = self.request.prompt_logprobs.unwrap_or(0);
        let (logprob, top) = logprobs(row, id, (n_top, 1.0), &mut workspace.scratch);
        Ok(Some(match id.zip(logprob) {
            Some((id, logprob)) => {
                let token = TokenLogprob { id, logprob };
                Event::PromptToken { sequence, index, token, top }
            }
            None => Event::Next { sequence, top },
        }))
    }

    /// Chooses and notes the next token, from the logits of the last one.
    pub fn next_token(
        &mut self,
        row: &[f32],
        workspace: &mut Workspace,
    ) -> Result<TokenEvent, SequenceError> {
        if !is_finite(row) {
            return Err(SequenceError::NotFinite { position: self.tokens.len() - 1 });
        }
        let forced = self.think.as_mut().and_then(|think| think.forced_token(row));
        let (id, origin) = match forced {
            Some(id) => (id, Origin::Forced),
            None => self.sample(row, workspace)?,
        };
        let (logprob, top) = match self.request.logprobs {
            Some(n_top) => {
                let temperature = self.request.logprob_temperature;
                logprobs(row, Some(id), (n_top, temperature), &mut workspace.scratch)
            }
            None => (None, Vec::new()),
        };
        self.tokens.push(id);
        self.sampler.accept(id);
        let is_reasoning = self.note_thought(id);
        Ok(TokenEvent { id, logprob, top, experts: Vec::new(), origin, is_reasoning })
    }

    fn sample(
        &mut self,
        row: &[f32],
        workspace: &mut Workspace,
    ) -> Result<(u32, Origin), SequenceError> {
        let mut forbidden: Vec<u32> = self.think.iter().filter_map(|t| t.forbidden()).collect();
        if self.n_generated() < self.request.stop.min_tokens {
            forbidden.extend(&self.request.stop.ids);
        }
        let is_masked = self.request.mask.is_some() && !self.is_thinking();
        if is_masked {
            self.fill_mask(&mut workspace.mask)?;
        }
        let allowed = Allowed {
            n_sampleable: workspace.n_sampleable,
            forbidden: &forbidden,
            mask: is_masked.then_some(&workspace.mask),
        };
        let index = self.n_generated() as u64;
        let id = self.sampler.choose(row, index, &allowed, &mut workspace.scratch);
        let id = id.ok_or(SequenceError::NothingAllowed { position: self.tokens.len() })?;
        if self.request.stop.is_stop_id(id)
            && let Some(forced) = self.think.as_mut().and_then(|think| think.instead_of_stop())
        {
            return Ok((forced, Origin::Forced));
        }
        if is_masked
            && !self.may_open(id)
            && let Some(mask) = &mut self.request.mask
        {
            mask.accept(id).map_err(|reason| SequenceError::Mask { reason })?;
        }
        Ok((id, Origin::Sampled))
    }

    /// What the mask allows, and the start of a thought if it may come before the answer.
    fn fill_mask(&mut self, set: &mut TokenSet) -> Result<(), SequenceError> {
        set.clear();
        let mask = self.request.mask.as_mut().expect("asked for sequences with a mask");
        mask.allow(set).map_err(|reason| SequenceError::Mask { reason })?;
        if let Some(thinking) = &self.request.thinking
            && self.may_open(thinking.think_start)
        {
            set.insert(thinking.think_start);
        }
        Ok(())
    }

    /// Whether `id` opens a thought before an answer that a mask restricts.
    fn may_open(&self, id: u32) -> bool {
        let starts = |t: &crate::Thinking| t.think_start == id && !t.starts_open;
        self.n_generated() == 0 && self.request.thinking.as_ref().is_some_and(starts)
    }

    fn is_thinking(&self) -> bool {
        self.think.as_ref().is_some_and(|think| think.is_open())
    }

    /// Notes a token that was just pushed; whether it is reasoning.
    fn note_thought(&mut self, id: u32) -> bool {
        let was_thinking = self.is_thinking();
        let is_reasoning = self.think.as_mut().is_some_and(|think| think.accept(id));
        if was_thinking && !self.is_thinking() {
            self.answer_start = self.tokens.len();
        }
        is_reasoning
    }

    /// Whether the token just chosen was the last.
    pub fn finish_reason(&self) -> Option<FinishReason> {
        let last = *self.tokens.last()?;
        let stop = &self.request.stop;
        let ends_answer = !self.is_thinking() && stop.ends(&self.tokens[self.answer_start..]);
        if stop.is_stop_id(last) || ends_answer {
            return Some(FinishReason::Stop);
        }
        (self.n_generated() >= self.request.max_tokens).then_some(FinishReason::Length)
    }
}
