//! The one stream of events that every dialect writes: reasoning, text, tool calls, the end.

use ponder_engine::{Event, FinishReason, SequenceError, TokenEvent, TokenLogprob, Usage};
use ponder_text::{OutputText, Part, TextError};

use crate::error::ApiError;
use crate::served::Served;
use crate::tools::CallMarks;
use crate::tools::calls::{CallPart, CallReader};

/// A token with its log-probability and candidates.
#[derive(Clone, Debug, PartialEq)]
pub struct TokenLog {
    /// The token.
    pub id: u32,
    /// Natural logarithm of its probability; `None` for the first token of a prompt.
    pub logprob: Option<f32>,
    /// The best candidates for its place.
    pub top: Vec<TokenLogprob>,
    /// The experts that worked on it, layer by layer, where they were asked for.
    pub experts: Vec<Vec<u32>>,
}

/// New text with the tokens that brought it, where log-probabilities were asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Delta {
    /// The text; whole characters.
    pub text: String,
    /// Its tokens.
    pub tokens: Vec<TokenLog>,
}

/// Something new in one choice.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// A token of the prompt, scored.
    Prompt(TokenLog),
    /// Thinking.
    Reasoning(Delta),
    /// Answer.
    Text(Delta),
    /// A call begins.
    CallBegin {
        /// Its place among the calls of the answer.
        index: usize,
        /// Names it, for its result.
        id: String,
        /// The function.
        name: String,
    },
    /// More of a call's arguments.
    CallArguments {
        /// Its place.
        index: usize,
        /// JSON text.
        text: String,
    },
    /// The end, always last.
    Finished {
        /// Why.
        finish: Finish,
        /// Counts.
        usage: Usage,
    },
}

/// Why a choice ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Finish {
    /// The model ended it, or a token that was asked for.
    Stop,
    /// A stop string did.
    StopText(String),
    /// It called tools.
    Calls,
    /// The limit of tokens was reached.
    Length,
    /// Its time was up.
    Deadline,
    /// It was not admitted in time.
    QueueTimeout,
    /// The server ended it.
    Cancelled,
    /// It failed alone.
    Failed(SequenceError),
}

/// Turns the engine's events for one choice into outputs.
pub struct Completion {
    text: OutputText,
    calls: Option<CallReader>,
    stops: Vec<String>,
    stop_ids: Vec<u32>,
    /// Tokens that are part of neither thinking nor answer.
    marks: Vec<u32>,
    has_logprobs: bool,
    /// Whether the token that ends the answer is among the tokens that are reported.
    reports_stop: bool,
    /// Tokens whose text has not come out yet.
    held: Vec<TokenLog>,
    /// Whether newlines are dropped because nothing of the answer stands before them.
    is_at_start: bool,
    n_tokens: usize,
    /// Tokens up to the one that completed a stop string.
    n_tokens_at_stop: Option<usize>,
}

impl Completion {
    /// For the ids that follow `prompt`.
    pub fn new(served: &Served, prompt: &[u32], asked: &crate::generate::Generate) -> Completion {
        let text = OutputText::new(&served.tokenizer, prompt, asked.is_raw, &asked.stop.texts);
        let max_calls = match &asked.tools {
            None => 0,
            Some(tools) if tools.is_parallel => usize::MAX,
            Some(_) => 1,
        };
        let tokenizer = &served.tokenizer;
        let reader = |marks| CallReader::new(marks, max_calls, tokenizer);
        let mut stop_ids = asked.stop.ids.clone();
        stop_ids.extend(&served.stop_ids);
        let marks = ["<think>", "</think>"].iter();
        let marks = marks.filter_map(|mark| served.tokenizer.control_id(mark));
        Completion {
            marks: if asked.is_raw { Vec::new() } else { marks.collect() },
            // A thought ends with newlines before the answer; text that continues a prompt keeps its own.
            is_at_start: text.is_thinking(),
            text,
            calls: CallMarks::of(tokenizer).filter(|_| max_calls > 0).map(reader),
            stops: asked.stop.texts.clone(),
            stop_ids,
            has_logprobs: asked.logprobs.is_some(),
            reports_stop: asked.is_raw,
            held: Vec::new(),
            n_tokens: 0,
            n_tokens_at_stop: None,
        }
    }

    /// Whether a stop string has ended the answer: the engine need not go on.
    pub fn is_stopped(&self) -> bool {
        self.n_tokens_at_stop.is_some()
    }

    /// Takes the next event; what it adds goes to `out`.
    pub fn push(
        &mut self,
        served: &Served,
        event: Event,
        out: &mut Vec<Output>,
    ) -> Result<(), TextError> {
        match event {
            Event::Token { token, .. } => self.push_token(served, token, out),
            Event::PromptToken { token, top, .. } => {
                let (id, logprob) = (token.id, Some(token.logprob));
                let log = TokenLog { id, logprob, top, experts: Vec::new() };
                out.push(Output::Prompt(log));
                Ok(())
            }
            Event::Finished { reason, usage, .. } => {
                self.finish(reason, usage, out);
                Ok(())
            }
            Event::Prefilled { .. } | Event::Next { .. } => Ok(()),
        }
    }

    fn push_token(
        &mut self,
        served: &Served,
        token: TokenEvent,
        out: &mut Vec<Output>,
    ) -> Result<(), TextError> {
        if self.is_stopped() {
            return Ok(());
        }
        self.n_tokens += 1;
        let id = token.id;
        let is_end = self.stop_ids.contains(&id);
        if self.has_logprobs && (self.reports_stop || !is_end) && !self.marks.contains(&id) {
            let TokenEvent { logprob, top, experts, .. } = token;
            self.held.push(TokenLog { id, logprob, top, experts });
        }
        if is_end {
            return Ok(());
        }
        let was_thinking = self.text.is_thinking();
        if !was_thinking && let Some(calls) = &mut self.calls {
            let mut parts = Vec::new();
            if calls.push(&served.tokenizer, id, &mut parts)? {
                out.extend(parts.into_iter().map(Output::from));
                return Ok(());
            }
        }
        let mut pieces = Vec::new();
        self.text.push(&served.tokenizer, id, &mut |part, text| {
            pieces.push((part, text.to_owned()));
        })?;
        self.is_at_start |= was_thinking;
        for (part, text) in pieces {
            self.emit(part, &text, out);
        }
        if self.text.stopped_by().is_some() {
            self.n_tokens_at_stop = Some(self.n_tokens);
        }
        Ok(())
    }

    fn emit(&mut self, part: Part, text: &str, out: &mut Vec<Output>) {
        let text = match part {
            Part::Answer if self.is_at_start => text.trim_start_matches('\n'),
            _ => text,
        };
        if text.is_empty() {
            return;
        }
        let delta = Delta { text: text.to_owned(), tokens: std::mem::take(&mut self.held) };
        match part {
            Part::Thinking => merge(out, Output::Reasoning(delta)),
            Part::Answer => {
                self.is_at_start = false;
                merge(out, Output::Text(delta));
            }
        }
    }

    fn finish(&mut self, reason: FinishReason, mut usage: Usage, out: &mut Vec<Output>) {
        let mut pieces = Vec::new();
        self.text.finish(&mut |part, text| pieces.push((part, text.to_owned())));
        for (part, text) in pieces {
            self.emit(part, &text, out);
        }
        let mut parts = Vec::new();
        let n_calls = self.calls.as_mut().map_or(0, |calls| {
            calls.finish(&mut parts);
            calls.n_calls()
        });
        out.extend(parts.into_iter().map(Output::from));
        if !self.held.is_empty() {
            let delta = Delta { text: String::new(), tokens: std::mem::take(&mut self.held) };
            let is_thinking = self.text.is_thinking();
            merge(out, if is_thinking { Output::Reasoning(delta) } else { Output::Text(delta) });
        }
        let finish = match (self.n_tokens_at_stop, self.text.stopped_by()) {
            (Some(n_tokens), Some(stop)) => {
                usage.completion_tokens = n_tokens;
                Finish::StopText(self.stops[stop].clone())
            }
            _ => match reason {
                FinishReason::Stop if n_calls > 0 => Finish::Calls,
                FinishReason::Stop => Finish::Stop,
                FinishReason::Length => Finish::Length,
                FinishReason::Cancelled => Finish::Cancelled,
                FinishReason::Deadline => Finish::Deadline,
                FinishReason::QueueTimeout => Finish::QueueTimeout,
                FinishReason::Failed(error) => Finish::Failed(error),
            },
        };
        out.push(Output::Finished { finish, usage });
    }
}

impl From<CallPart> for Output {
    fn from(part: CallPart) -> Output {
        match part {
            CallPart::Begin { index, name } => {
                Output::CallBegin { index, id: crate::app::fresh_id("call_"), name }
            }
            CallPart::Arguments { index, text } => Output::CallArguments { index, text },
        }
    }
}

/// Appends an output, joined with the last one if both are the same kind of text: a reader that
/// falls behind gets larger pieces instead of a longer queue.
fn merge(out: &mut Vec<Output>, output: Output) {
    match (out.last_mut(), output) {
        (Some(Output::Reasoning(last)), Output::Reasoning(new))
        | (Some(Output::Text(last)), Output::Text(new)) => {
            last.text.push_str(&new.text);
            last.tokens.extend(new.tokens);
        }
        (_, output) => out.push(output),
    }
}

impl Finish {
    /// The error that this end is, if it is one.
    pub fn error(&self) -> Option<ApiError> {
        match self {
            Finish::Stop | Finish::StopText(_) | Finish::Calls | Finish::Length => None,
            Finish::Deadline => Some(ApiError::overloaded("the answer took too long")),
            Finish::QueueTimeout => Some(ApiError::overloaded("the request waited too long")),
            Finish::Cancelled => Some(ApiError::overloaded("the server is going down")),
            Finish::Failed(error) => Some(error.clone().into()),
        }
    }
}
