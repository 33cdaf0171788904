//! Ponder's own engine as a generator: as many sequences at once as it holds, each with a seed of
//! its own, so that a sample's bits do not depend on what else runs.

use std::collections::HashMap;
use std::ops::ControlFlow;

use ponder_engine::{
    Engine, Event, FinishReason, LanguageModel, Request, Sampling as TokenSampling, SequenceId,
    Stop, Thinking, TokenEvent,
};
use ponder_text::{
    ChatInput, ChatTemplate, ControlTokens, Piece, ReasoningSplitter, ReasoningState,
    StreamDecoder, TextError, Tokenizer, encode_chat,
};
use serde_json::json;

use crate::error::EvalError;
use crate::generate::{Generator, Job, Sink};
use crate::protocol::Sampling;
use crate::sample::{Finish, Reply};

/// An engine with what turns prompts into ids and ids into replies.
pub struct InProcess<'m, M> {
    /// The engine. Its queue bounds the replies in progress: best above `max_sequences`, so that the
    /// next prompts are at hand.
    pub engine: Engine<M>,
    /// The model's tokenizer.
    pub tokenizer: &'m Tokenizer,
    /// Makes a prompt's ids of a user's turn; see [`encode_prompt`].
    pub encode: &'m dyn Fn(&str) -> Result<Vec<u32>, TextError>,
    /// Ids that end a reply.
    pub stop_ids: Vec<u32>,
    /// Positions that prompt and reply may take together.
    pub context: usize,
    /// How replies are drawn.
    pub sampling: Sampling,
    /// Control over a thought after this prompt within this many tokens, if any is wanted.
    pub thinking: &'m ThinkingControl<'m>,
}

/// See [`InProcess::thinking`].
pub type ThinkingControl<'m> = dyn Fn(&[u32], usize) -> Result<Option<Thinking>, TextError> + 'm;

/// A user's turn as the checkpoint's template gives it. With `forces_thinking` a prompt that does
/// not open a thought is made to.
pub fn encode_prompt(
    tokenizer: &Tokenizer,
    template: &ChatTemplate,
    text: &str,
    forces_thinking: bool,
) -> Result<Vec<u32>, TextError> {
    let input = ChatInput {
        messages: json!([{"role": "user", "content": text}]),
        add_generation_prompt: true,
        ..ChatInput::default()
    };
    let mut ids = encode_chat(tokenizer, template, &input)?;
    let is_open = ReasoningSplitter::new(tokenizer, &ids).state() == ReasoningState::Thinking;
    if let Some(open) = tokenizer.control_id("<think>").filter(|_| forces_thinking && !is_open) {
        // R1's README: "<think>\n" at the beginning of every output.
        ids.push(open);
        ids.extend(tokenizer.encode("\n", ControlTokens::Plain)?);
    }
    Ok(ids)
}

/// A reply that is being written.
struct Writing<'a, 'q> {
    job: &'a Job<'q>,
    prompt: Vec<u32>,
    tokens: Vec<TokenEvent>,
}

impl<M: LanguageModel> Generator for InProcess<'_, M> {
    fn generate(&mut self, jobs: &[Job<'_>], sink: &mut Sink<'_>) -> Result<(), EvalError> {
        let mut writing: HashMap<SequenceId, Writing<'_, '_>> = HashMap::new();
        let mut waiting = jobs.iter();
        loop {
            // All of them may wait at once, so none is ever refused for want of a place.
            let room = self.engine.options().max_queue;
            while writing.len() < room
                && let Some(job) = waiting.next()
            {
                let prompt = (self.encode)(job.prompt)?;
                let submitted = match self.request(job, &prompt)? {
                    Some(request) => self.engine.submit(request).map_err(|e| e.to_string()),
                    None => Err(self.too_long(&prompt)),
                };
                match submitted {
                    Ok(id) => drop(writing.insert(id, Writing { job, prompt, tokens: Vec::new() })),
                    Err(reason) => {
                        if sink(job, Err(reason))?.is_break() {
                            return self.abandon(writing.into_keys());
                        }
                    }
                }
            }
            if writing.is_empty() {
                return Ok(());
            }
            for event in self.engine.step(0)? {
                if self.take(event, &mut writing, sink)?.is_break() {
                    return self.abandon(writing.into_keys());
                }
            }
        }
    }
}

impl<M: LanguageModel> InProcess<'_, M> {
    /// `None` where the context has no room for a reply.
    fn request(&self, job: &Job<'_>, prompt: &[u32]) -> Result<Option<Request>, EvalError> {
        let room = self.context.saturating_sub(prompt.len());
        if room == 0 {
            return Ok(None);
        }
        let max_tokens = self.sampling.max_tokens.min(room);
        let sampling = TokenSampling {
            temperature: self.sampling.temperature,
            top_p: self.sampling.top_p,
            ..TokenSampling::r1(job.seed)
        };
        let stop = Stop { ids: self.stop_ids.clone(), ..Stop::default() };
        let mut request = Request::generate(prompt.to_vec(), max_tokens, sampling, stop);
        request.thinking = (self.thinking)(prompt, max_tokens)?;
        Ok(Some(request))
    }

    fn too_long(&self, prompt: &[u32]) -> String {
        format!("the question has {} tokens, the model's context {}", prompt.len(), self.context)
    }

    fn take(
        &self,
        event: Event,
        writing: &mut HashMap<SequenceId, Writing<'_, '_>>,
        sink: &mut Sink<'_>,
    ) -> Result<ControlFlow<()>, EvalError> {
        match event {
            Event::Token { sequence, token } => {
                if let Some(reply) = writing.get_mut(&sequence) {
                    reply.tokens.push(token);
                }
                Ok(ControlFlow::Continue(()))
            }
            Event::Finished { sequence, reason, .. } => {
                let reply = writing.remove(&sequence).expect("only submitted sequences end");
                let result = match &reason {
                    FinishReason::Failed(error) => Err(error.to_string()),
                    _ => Ok(self.reply(&reply, &reason)?),
                };
                sink(reply.job, result)
            }
            Event::Prefilled { .. } | Event::PromptToken { .. } | Event::Next { .. } => {
                Ok(ControlFlow::Continue(()))
            }
        }
    }

    /// Ids as text, thinking and answer apart.
    fn reply(&self, writing: &Writing<'_, '_>, reason: &FinishReason) -> Result<Reply, TextError> {
        let mut splitter = ReasoningSplitter::new(self.tokenizer, &writing.prompt);
        let mut decoders = [(); 2].map(|()| StreamDecoder::after(self.tokenizer, &writing.prompt));
        let mut texts = [String::new(), String::new()];
        for token in &writing.tokens {
            let part = match splitter.push(token.id) {
                Piece::Reasoning(_) => 0,
                Piece::Answer(_) => 1,
                Piece::Marker(_) => continue,
            };
            if !self.tokenizer.is_special(token.id) && !self.stop_ids.contains(&token.id) {
                texts[part].push_str(&decoders[part].push(self.tokenizer, token.id)?);
            }
        }
        for (text, decoder) in texts.iter_mut().zip(&mut decoders) {
            text.push_str(&decoder.flush());
        }
        let [reasoning, answer] = texts;
        Ok(Reply {
            reasoning: reasoning.trim().to_owned(),
            answer: answer.trim().to_owned(),
            finish: match reason {
                FinishReason::Stop => Finish::Stop,
                FinishReason::Length => Finish::Length,
                _ => Finish::Other,
            },
            prompt_tokens: Some(writing.prompt.len()),
            reasoning_tokens: Some(splitter.reasoning_tokens()),
            completion_tokens: Some(writing.tokens.len()),
        })
    }

    /// Gives the pages of unfinished sequences back.
    fn abandon(&mut self, ids: impl Iterator<Item = SequenceId>) -> Result<(), EvalError> {
        for id in ids {
            self.engine.cancel(id);
        }
        while !self.engine.is_idle() {
            self.engine.step(0)?;
        }
        Ok(())
    }
}
