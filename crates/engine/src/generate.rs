//! One request from start to end, for callers that have just one: the command line, scoring.

use std::ops::ControlFlow;

use crate::engine::Engine;
use crate::error::EngineError;
use crate::event::{Event, FinishReason, TokenEvent, TokenLogprob, Usage};
use crate::model::LanguageModel;
use crate::request::Request;

/// What one request produced.
#[derive(Clone, Debug, PartialEq)]
pub struct Generation {
    /// The tokens in order.
    pub tokens: Vec<TokenEvent>,
    /// Why it ended.
    pub reason: FinishReason,
    /// Counts.
    pub usage: Usage,
}

/// Log-probabilities of given tokens.
#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    /// For every token but the first, its log-probability given what precedes.
    pub logprobs: Vec<f32>,
    /// The best candidates for the same places, best first.
    pub top: Vec<Vec<TokenLogprob>>,
    /// The best candidates for the place after the last token, best first.
    pub next: Vec<TokenLogprob>,
}

impl<M: LanguageModel> Engine<M> {
    /// Runs one request on an idle engine. `on_event` sees every event and may break off, which
    /// cancels the request. Deadlines are ignored: there is no clock here.
    pub fn generate(
        &mut self,
        mut request: Request,
        mut on_event: impl FnMut(&Event) -> ControlFlow<()>,
    ) -> Result<Generation, EngineError> {
        if !self.is_idle() {
            return Err(EngineError::Busy);
        }
        (request.deadline, request.admit_by) = (None, None);
        let id = self.submit(request)?;
        let mut tokens = Vec::new();
        loop {
            let events = match self.step(0) {
                Ok(events) => events,
                Err(error) => {
                    self.abandon(id);
                    return Err(error);
                }
            };
            for event in events {
                if on_event(&event).is_break() {
                    self.cancel(id);
                }
                match event {
                    Event::Token { token, .. } => tokens.push(token),
                    Event::Finished { reason: FinishReason::Failed(error), .. } => {
                        return Err(error.into());
                    }
                    Event::Finished { reason, usage, .. } => {
                        return Ok(Generation { tokens, reason, usage });
                    }
                    Event::Prefilled { .. } | Event::PromptToken { .. } | Event::Next { .. } => {}
                }
            }
        }
    }

    /// Scores token ids on an idle engine: the log-probability of each given what precedes, the `n_top`
    /// best candidates for its place, and those for the place after the last.
    ///
    /// The prompt runs in chunks of `max_batch_tokens`, and of its logits `max_logit_rows` rows exist
    /// at once.
    pub fn score(&mut self, ids: Vec<u32>, n_top: usize) -> Result<Score, EngineError> {
        let mut score = Score { logprobs: Vec::new(), top: Vec::new(), next: Vec::new() };
        self.generate(Request::score(ids, n_top), |event| {
            match event {
                Event::PromptToken { token, top, .. } => {
                    score.logprobs.push(token.logprob);
                    score.top.push(top.clone());
                }
                Event::Next { top, .. } => score.next.clone_from(top),
                Event::Prefilled { .. } | Event::Token { .. } | Event::Finished { .. } => {}
            }
            ControlFlow::Continue(())
        })?;
        Ok(score)
    }
}
