//! What a step reports. Every accepted request gets exactly one [`Event::Finished`], its last event.

use crate::error::SequenceError;

/// Names a request within its engine; never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SequenceId(pub u64);

/// A token and its natural-log probability in the model's own distribution: before penalties,
/// bias and filters, normalised over all rows of the vocabulary, and at temperature 1 unless the
/// request says otherwise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TokenLogprob {
    /// The token.
    pub id: u32,
    /// Natural logarithm of its probability.
    pub logprob: f32,
}

/// Who chose a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The model, through the sampler.
    Sampled,
    /// The thinking control: a notice or the end of the thought. Not a draw from the model, so a
    /// trainer leaves it out of its loss.
    Forced,
}

/// One generated token.
#[derive(Clone, Debug, PartialEq)]
pub struct TokenEvent {
    /// The token. A stop id is reported like any other.
    pub id: u32,
    /// Its log-probability, if the request asked for log-probabilities.
    pub logprob: Option<f32>,
    /// The best candidates, best first, as many as the request asked for.
    pub top: Vec<TokenLogprob>,
    /// The experts that were chosen in the pass which it came from, for each layer of experts in
    /// order; empty unless the request asked for them.
    pub experts: Vec<Vec<u32>>,
    /// Who chose it.
    pub origin: Origin,
    /// Whether it lies inside a thought; the marks of a thought do not.
    pub is_reasoning: bool,
}

/// Token counts of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the prompt.
    pub prompt_tokens: usize,
    /// Those of them that came from the prefix cache.
    pub cached_tokens: usize,
    /// Generated tokens: thought, marks, answer and stop id.
    pub completion_tokens: usize,
    /// Generated tokens inside a thought, without its marks.
    pub reasoning_tokens: usize,
}

/// Why a sequence ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FinishReason {
    /// A stop id or a stop sequence.
    Stop,
    /// `max_tokens` was reached.
    Length,
    /// [`crate::Engine::cancel`].
    Cancelled,
    /// The request's deadline passed.
    Deadline,
    /// It was not admitted in time.
    QueueTimeout,
    /// It alone failed.
    Failed(SequenceError),
}

/// Something that happened to a sequence.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The whole prompt is in the cache; the first token follows.
    Prefilled {
        /// The sequence.
        sequence: SequenceId,
        /// Tokens of the prompt that came from the prefix cache.
        cached_tokens: usize,
        /// When it was admitted, on the clock of deadlines: until then it waited.
        admitted: u64,
    },
    /// The log-probability of a token of the prompt, for requests that score their prompt. In
    /// order, from index 1: nothing precedes the first token.
    PromptToken {
        /// The sequence.
        sequence: SequenceId,
        /// Its place in the prompt.
        index: usize,
        /// The token with its log-probability.
        token: TokenLogprob,
        /// The best candidates for that place, best first.
        top: Vec<TokenLogprob>,
    },
    /// What would follow the prompt, for requests that score it and generate nothing.
    Next {
        /// The sequence.
        sequence: SequenceId,
        /// The best candidates, best first.
        top: Vec<TokenLogprob>,
    },
    /// A generated token.
    Token {
        /// The sequence.
        sequence: SequenceId,
        /// The token.
        token: TokenEvent,
    },
    /// The end.
    Finished {
        /// The sequence.
        sequence: SequenceId,
        /// Why.
        reason: FinishReason,
        /// Final counts.
        usage: Usage,
    },
}

impl Event {
    /// Whom it concerns.
    pub fn sequence(&self) -> SequenceId {
        match self {
            Event::Prefilled { sequence, .. }
            | Event::PromptToken { sequence, .. }
            | Event::Next { sequence, .. }
            | Event::Token { sequence, .. }
            | Event::Finished { sequence, .. } => *sequence,
        }
    }
}
