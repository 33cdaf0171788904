//! A running request, seen from the async side: its outputs as they come. Dropping it cancels it.

use std::sync::Arc;
use std::time::Instant;

use ponder_engine::{Event, SequenceId};
use tokio::sync::{mpsc, oneshot};

use crate::engine_loop::{Command, EngineHandle, Stamped, Submission};
use crate::error::ApiError;
use crate::generate::{Generate, Terms};
use crate::metrics::{Metrics, Timing};
use crate::output::{Completion, Output};
use crate::served::Served;
use crate::traces::GenerationSpan;

/// The most events that one call takes together.
const MAX_TOGETHER: usize = 1024;

/// A request that runs.
pub struct Generation {
    served: Arc<Served>,
    watch: Watch,
    events: mpsc::UnboundedReceiver<Stamped>,
    choices: Vec<Choice>,
    ids: Vec<SequenceId>,
    engine: EngineHandle,
}

/// What takes notice of how a request goes.
pub struct Watch {
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Its span, where there are traces.
    pub span: Option<GenerationSpan>,
}

struct Choice {
    completion: Completion,
    timing: Timing,
    is_cancelled: bool,
    is_finished: bool,
}

impl Generation {
    /// Hands a request to the engine; returns when it is accepted.
    pub async fn start(
        asked: &Generate,
        terms: Terms,
        served: Arc<Served>,
        engine: EngineHandle,
        watch: Watch,
    ) -> Result<Generation, ApiError> {
        let start = Instant::now();
        // Compiling a grammar takes milliseconds.
        let requests = tokio::task::block_in_place(|| asked.requests(&served, terms))?;
        let prompts = asked.prompts.iter().flat_map(|prompt| (0..asked.n).map(move |_| prompt));
        let choices = prompts
            .map(|prompt| Choice {
                completion: Completion::new(&served, prompt, asked),
                timing: Timing::new(start, terms.now),
                is_cancelled: false,
                is_finished: false,
            })
            .collect();
        let (sender, events) = mpsc::unbounded_channel();
        let (reply, accepted) = oneshot::channel();
        let submission = Submission { requests, events: sender, reply };
        if !engine.send(Command::Submit(submission)) {
            return Err(ApiError::engine_gone());
        }
        let ids = accepted.await.map_err(|_| ApiError::engine_gone())??;
        Ok(Generation { served, watch, events, choices, ids, engine })
    }

    /// What came since the last call, each with its choice; `None` after the end of all choices.
    ///
    /// May be dropped before it is ready without losing anything.
    pub async fn next(&mut self) -> Option<Result<Vec<(usize, Output)>, ApiError>> {
        loop {
            if self.choices.iter().all(|choice| choice.is_finished) {
                return None;
            }
            let Some(first) = self.events.recv().await else {
                return Some(Err(ApiError::engine_gone()));
            };
            let mut outputs: Vec<Vec<Output>> = vec![Vec::new(); self.choices.len()];
            let mut stamped = Some(first);
            let mut n_taken = 0;
            while let Some(event) = stamped {
                if let Err(error) = self.take(event, &mut outputs) {
                    return Some(Err(error));
                }
                n_taken += 1;
                stamped = if n_taken < MAX_TOGETHER { self.events.try_recv().ok() } else { None };
            }
            let outputs: Vec<(usize, Output)> = outputs
                .into_iter()
                .enumerate()
                .flat_map(|(choice, outputs)| outputs.into_iter().map(move |o| (choice, o)))
                .collect();
            if !outputs.is_empty() {
                return Some(Ok(outputs));
            }
        }
    }

    fn take(&mut self, stamped: Stamped, outputs: &mut [Vec<Output>]) -> Result<(), ApiError> {
        let Stamped { choice: index, at, event } = stamped;
        let choice = &mut self.choices[index];
        let (timing, metrics) = (&mut choice.timing, &self.watch.metrics);
        match &event {
            Event::Token { token, .. } => timing.token(at, token, metrics),
            Event::Finished { reason, usage, .. } => {
                choice.is_finished = true;
                timing.finish(at, reason, usage, metrics);
            }
            Event::Prefilled { admitted, .. } => timing.admitted(*admitted, metrics),
            Event::PromptToken { .. } | Event::Next { .. } => {}
        }
        if let Some(span) = &mut self.watch.span {
            span.note(at, &event, choice.timing.waited(), choice.is_cancelled);
        }
        choice.completion.push(&self.served, event, &mut outputs[index])?;
        if choice.completion.is_stopped() && !choice.is_cancelled {
            choice.is_cancelled = true;
            self.engine.send(Command::Cancel(vec![self.ids[index]]));
        }
        Ok(())
    }
}

impl Drop for Generation {
    fn drop(&mut self) {
        let open = self.ids.iter().zip(&self.choices).filter(|(_, choice)| !choice.is_finished);
        let open: Vec<SequenceId> = open.map(|(id, _)| *id).collect();
        if !open.is_empty() {
            self.engine.send(Command::Cancel(open));
        }
    }
}
