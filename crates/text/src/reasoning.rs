//! Telling thinking from answer, on token ids: text that looks like `</think>` decides nothing.

use crate::tokenizer::Tokenizer;

/// What a generated id belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Part of the thinking.
    Reasoning(u32),
    /// Part of the answer.
    Answer(u32),
    /// `<think>` or `</think>` itself: part of neither.
    Marker(u32),
}

/// Where the generated text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReasoningState {
    /// No thinking yet; a `<think>` may still come. What is written is answer.
    BeforeThinking,
    /// Inside the thinking.
    Thinking,
    /// After it, or with a model that has no such tokens: all that comes is answer.
    Answering,
}

/// Splits generated ids into thinking and answer.
#[derive(Clone, Debug)]
pub struct ReasoningSplitter {
    open: Option<u32>,
    close: Option<u32>,
    state: ReasoningState,
    n_reasoning: usize,
}

impl ReasoningSplitter {
    /// The prompt's tail decides where the output starts: thinking, if the last control token of
    /// the prompt is `<think>`; answering, if it is `</think>` or the tokenizer has neither;
    /// before thinking otherwise, since the model itself may open it.
    pub fn new(tokenizer: &Tokenizer, prompt: &[u32]) -> Self {
        let (open, close) = (tokenizer.control_id("<think>"), tokenizer.control_id("</think>"));
        let last_control = prompt.iter().rev().copied().find(|&id| tokenizer.is_control(id));
        let state = match last_control {
            _ if open.is_none() && close.is_none() => ReasoningState::Answering,
            Some(id) if Some(id) == open => ReasoningState::Thinking,
            Some(id) if Some(id) == close => ReasoningState::Answering,
            _ => ReasoningState::BeforeThinking,
        };
        ReasoningSplitter { open, close, state, n_reasoning: 0 }
    }

    /// Takes the next generated id. After the first `</think>` nothing is thinking any more.
    pub fn push(&mut self, id: u32) -> Piece {
        if Some(id) == self.open {
            if self.state == ReasoningState::BeforeThinking {
                self.state = ReasoningState::Thinking;
            }
            return Piece::Marker(id);
        }
        if Some(id) == self.close {
            self.state = ReasoningState::Answering;
            return Piece::Marker(id);
        }
        if self.state == ReasoningState::Thinking {
            self.n_reasoning += 1;
            return Piece::Reasoning(id);
        }
        Piece::Answer(id)
    }

    /// Where the text stands after the ids so far.
    pub fn state(&self) -> ReasoningState {
        self.state
    }

    /// Ids of thinking so far, markers not counted.
    pub fn reasoning_tokens(&self) -> usize {
        self.n_reasoning
    }

    /// The id that ends thinking: what a thinking budget forces.
    pub fn close_id(&self) -> Option<u32> {
        self.close
    }
}
