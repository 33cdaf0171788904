//! What can go wrong: a request that is refused, a sequence that fails alone, an engine that cannot
//! go on.

use thiserror::Error;

/// Why a request was not accepted. Nothing was reserved for it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// A prompt needs at least one token to predict from.
    #[error("the prompt is empty\nhint: send at least one token, such as the model's BOS")]
    EmptyPrompt,
    /// An id that the model has no embedding for.
    #[error(
        "{what} {index} is id {id}, the model's vocabulary has {vocab_size} ids\n\
         hint: the tokenizer and the weights may come from different models"
    )]
    IdOutOfRange {
        /// What the id belongs to, such as `prompt token`.
        what: &'static str,
        /// Its place in that list.
        index: usize,
        /// The id.
        id: u32,
        /// Ids the model knows.
        vocab_size: usize,
    },
    /// Prompt and completion do not fit the positions that the model was made for.
    #[error(
        "the model's maximum context length is {context} tokens, but {total} were requested \
         ({prompt} in the prompt, {max_tokens} in the completion)\n\
         hint: shorten the prompt or lower the completion's limit"
    )]
    ContextExceeded {
        /// Positions of the model.
        context: usize,
        /// Sum of the two below.
        total: usize,
        /// Tokens of the prompt.
        prompt: usize,
        /// Tokens asked for.
        max_tokens: usize,
    },
    /// The request alone needs more cache than there is.
    #[error(
        "the request needs {needed} cache pages, the engine has {available}\n\
         hint: lower the completion's limit, or give the engine more cache memory"
    )]
    CacheTooSmall {
        /// Pages for prompt and completion.
        needed: usize,
        /// Pages of the whole cache.
        available: usize,
    },
    /// As many requests wait as may wait.
    #[error("the queue is full with {max_queue} requests waiting\nhint: try again later")]
    QueueFull {
        /// The limit.
        max_queue: usize,
    },
    /// The engine finishes what it has and takes nothing new.
    #[error("the engine is shutting down\nhint: try again later")]
    Draining,
    /// A parameter outside its range.
    #[error("`{name}` is {found}, expected {expected}\nhint: correct this parameter")]
    Parameter {
        /// The parameter.
        name: &'static str,
        /// What it was.
        found: String,
        /// What it may be.
        expected: &'static str,
    },
    /// The room kept for an answer exceeds the whole completion.
    #[error(
        "max_tokens is {max_tokens}, but closing the thought and the answer's reserve need \
         {needed}\nhint: raise max_tokens or lower the reserve"
    )]
    NoRoomForAnswer {
        /// Tokens asked for.
        max_tokens: usize,
        /// Notice, closing token and reserve.
        needed: usize,
    },
}

/// Why one sequence ended in failure. Others are not affected.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SequenceError {
    /// The model returned a NaN or an infinity.
    #[error(
        "the logits at position {position} are not finite\n\
         hint: the weights may be damaged; `ponder inspect` checks them"
    )]
    NotFinite {
        /// Position of the token that was fed.
        position: usize,
    },
    /// Bans, stop ids and mask leave nothing to choose from.
    #[error(
        "no token is allowed at position {position}\n\
         hint: the grammar, the bans and min_tokens exclude each other"
    )]
    NothingAllowed {
        /// Position of the token to choose.
        position: usize,
    },
    /// The mask (a grammar) reported an error.
    #[error("the token mask failed: {reason}\nhint: the grammar cannot follow this text")]
    Mask {
        /// Its words.
        reason: String,
    },
}

/// Why the engine cannot be made or cannot go on.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EngineError {
    /// An option outside its range.
    #[error("engine option `{name}` is {found}, expected {expected}\nhint: change this option")]
    Option {
        /// The option.
        name: &'static str,
        /// What it was.
        found: usize,
        /// What it may be.
        expected: String,
    },
    /// The device reported an error; nothing of the step counts.
    #[error("the device failed: {reason}\nhint: `ponder doctor` tests the device")]
    Device {
        /// Its words.
        reason: String,
    },
    /// A loop for one request was asked of an engine that has others.
    #[error("the engine has other requests in progress\nhint: drive it with `step` instead")]
    Busy,
    /// The one request of a loop was refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The one request of a loop failed.
    #[error(transparent)]
    Sequence(#[from] SequenceError),
}
