//! Control over a thought: it is counted, kept within its budget, and closed while there is still
//! room for an answer.
//!
//! From `budget` reasoning tokens on the thought ends as soon as the model is willing: when the
//! closing id is among its best few candidates. `grace` tokens later, or when `answer_reserve`
//! tokens are all that is left, it is closed by force: the notice, then the closing *id*. The
//! model must see that id; ordinary tokens with the same text mean something else to it.

use crate::error::Refusal;
use crate::loops::{LoopDetector, LoopGuard};
use crate::request::{check_ids, parameter};

/// How a request's thought is kept in bounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thinking {
    /// The id of `<think>`.
    pub think_start: u32,
    /// The id of `</think>`.
    pub think_end: u32,
    /// Whether the prompt's end has already opened the thought.
    pub starts_open: bool,
    /// Reasoning tokens from which on the thought may be closed; `None`: no such number.
    pub budget: Option<usize>,
    /// Reasoning tokens beyond the budget after which the thought is closed by force.
    pub grace: usize,
    /// Between the two the thought closes when the closing id is among this many best candidates.
    pub close_rank: usize,
    /// Tokens put before the closing id when it is forced, such as "I have to answer now."
    pub notice: Vec<u32>,
    /// Tokens of `max_tokens` that no thought may use.
    pub answer_reserve: usize,
    /// Whether a stop id inside the thought closes the thought instead of ending the sequence.
    pub closes_on_stop: bool,
    /// Closes a thought that goes round in circles.
    pub loop_guard: Option<LoopGuard>,
}

/// The largest period of [`LoopGuard`], which bounds the work for a token.
const MAX_PERIOD: usize = 1024;

impl Thinking {
    /// Tokens that closing by force takes.
    fn closing_len(&self) -> usize {
        self.notice.len() + 1
    }

    pub(crate) fn check(&self, vocab_size: usize, max_tokens: usize) -> Result<(), Refusal> {
        check_ids("think mark", [self.think_start, self.think_end].iter(), vocab_size)?;
        check_ids("notice token", self.notice.iter(), vocab_size)?;
        if self.think_start == self.think_end {
            return Err(parameter("think_end", self.think_end, "another id than think_start"));
        }
        if let Some(guard) = &self.loop_guard
            && (guard.max_period > MAX_PERIOD || guard.min_repeats < 2)
        {
            return Err(parameter(
                "loop_guard",
                format!("{guard:?}"),
                "period <= 1024, repeats >= 2",
            ));
        }
        let needed = self.answer_reserve.saturating_add(self.closing_len());
        if self.starts_open && max_tokens > 0 && needed > max_tokens {
            return Err(Refusal::NoRoomForAnswer { max_tokens, needed });
        }
        Ok(())
    }
}

/// The parts of a completion. There is one thought at most: after the first closing id all is
/// answer, and another opening id is a mark without effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// What comes is answer, unless the model opens a thought.
    BeforeThought,
    Thought,
    Answer,
}

/// Where a sequence stands between thought and answer.
pub(crate) struct ThinkState {
    thinking: Thinking,
    max_tokens: usize,
    n_generated: usize,
    n_reasoning: usize,
    part: Part,
    /// How many tokens of notice and closing id have been forced, once forcing has begun.
    forced: Option<usize>,
    loops: Option<LoopDetector>,
}

impl ThinkState {
    pub fn new(thinking: Thinking, max_tokens: usize) -> ThinkState {
        let part = if thinking.starts_open { Part::Thought } else { Part::BeforeThought };
        let loops = thinking.loop_guard.map(LoopDetector::new);
        let (n_generated, n_reasoning, forced) = (0, 0, None);
        ThinkState { thinking, max_tokens, n_generated, n_reasoning, part, forced, loops }
    }

    pub fn is_open(&self) -> bool {
        self.part == Part::Thought
    }

    pub fn n_reasoning(&self) -> usize {
        self.n_reasoning
    }

    /// The token that must come next whatever the model says.
    pub fn forced_token(&mut self, row: &[f32]) -> Option<u32> {
        if !self.is_open() {
            return None;
        }
        if self.forced.is_none() {
            if self.is_spent() {
                self.forced = Some(0);
            } else if self.is_over_budget(0) && self.is_willing(row) {
                return Some(self.thinking.think_end);
            }
        }
        let n_forced = self.forced?;
        Some(self.thinking.notice.get(n_forced).copied().unwrap_or(self.thinking.think_end))
    }

    /// Whether closing can wait no longer.
    fn is_spent(&self) -> bool {
        let left = self.max_tokens - self.n_generated;
        let needed = self.thinking.answer_reserve + self.thinking.closing_len();
        left <= needed || self.is_over_budget(self.thinking.grace)
    }

    fn is_over_budget(&self, grace: usize) -> bool {
        self.thinking.budget.is_some_and(|b| self.n_reasoning >= b.saturating_add(grace))
    }

    /// Whether the closing id is among the best few candidates; of equals the lower id is better.
    fn is_willing(&self, row: &[f32]) -> bool {
        let end = self.thinking.think_end as usize;
        let is_better =
            |(id, logit): (usize, &f32)| *logit > row[end] || *logit == row[end] && id < end;
        row.iter().enumerate().filter(|entry| is_better(*entry)).count() < self.thinking.close_rank
    }

    /// Tokens that may not be drawn: none may open a thought that could not be closed in time.
    pub fn forbidden(&self) -> Option<u32> {
        let left = self.max_tokens - self.n_generated;
        let needed = 1 + self.thinking.closing_len() + self.thinking.answer_reserve;
        let is_late = left < needed || self.is_over_budget(self.thinking.grace);
        (self.part == Part::BeforeThought && is_late).then_some(self.thinking.think_start)
    }

    /// The token that takes the place of a stop id drawn inside the thought, if one does.
    pub fn instead_of_stop(&mut self) -> Option<u32> {
        if !self.is_open() || !self.thinking.closes_on_stop || self.forced.is_some() {
            return None;
        }
        self.forced = Some(0);
        Some(self.thinking.notice.first().copied().unwrap_or(self.thinking.think_end))
    }

    /// Notes the token that was taken; whether it is reasoning.
    pub fn accept(&mut self, id: u32) -> bool {
        self.n_generated += 1;
        if id == self.thinking.think_end {
            (self.part, self.forced) = (Part::Answer, None);
            return false;
        }
        if id == self.thinking.think_start {
            if self.part == Part::BeforeThought {
                self.part = Part::Thought;
            }
            return false;
        }
        if !self.is_open() {
            return false;
        }
        self.n_reasoning += 1;
        match &mut self.forced {
            Some(n_forced) => *n_forced += 1,
            None if self.loops.as_mut().is_some_and(|loops| loops.push(id)) => {
                self.forced = Some(0)
            }
            None => {}
        }
        true
    }
}

#[cfg(test)]
mod tests;
