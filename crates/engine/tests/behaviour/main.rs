//! What a caller can rely on, one promise a test, on a fake model that checks its pages.

#[path = "../support/mod.rs"]
mod support;

mod answers;
mod ending;
mod fairness;
mod limits;
mod sharing;

use std::ops::ControlFlow;

use ponder_engine::{
    Engine, EngineOptions, Event, FinishReason, Request, Sampling, SequenceId, Stop, TokenEvent,
    Usage,
};
use support::{Fake, options};

const VOCAB: usize = 50;

fn engine(n_pages: usize) -> Engine<Fake> {
    Engine::new(Fake::new(VOCAB, n_pages), options(VOCAB)).unwrap()
}

fn engine_with(n_pages: usize, options: EngineOptions) -> Engine<Fake> {
    Engine::new(Fake::new(VOCAB, n_pages), options).unwrap()
}

fn prompt(n: usize) -> Vec<u32> {
    (0..n).map(|i| ((i * i + i / 7) % VOCAB) as u32).collect()
}

fn greedy(prompt: Vec<u32>, max_tokens: usize) -> Request {
    Request::generate(prompt, max_tokens, Sampling::greedy(), Stop::default())
}

fn run(engine: &mut Engine<Fake>) -> Vec<Event> {
    let mut events = Vec::new();
    for _ in 0..10_000 {
        if engine.is_idle() {
            return events;
        }
        events.extend(engine.step(0).unwrap());
    }
    panic!("no end: {:?}", engine.stats())
}

fn tokens(events: &[Event], id: SequenceId) -> Vec<TokenEvent> {
    let of_id = events.iter().filter(|event| event.sequence() == id);
    let token = |event: &Event| match event {
        Event::Token { token, .. } => Some(token.clone()),
        _ => None,
    };
    of_id.filter_map(token).collect()
}

fn ids(events: &[Event], id: SequenceId) -> Vec<u32> {
    tokens(events, id).iter().map(|token| token.id).collect()
}

fn end(events: &[Event], id: SequenceId) -> (FinishReason, Usage) {
    let end = |event: &Event| match event {
        Event::Finished { sequence, reason, usage } if *sequence == id => {
            Some((reason.clone(), *usage))
        }
        _ => None,
    };
    let ends: Vec<_> = events.iter().filter_map(end).collect();
    assert_eq!(ends.len(), 1, "exactly one end");
    ends[0].clone()
}

/// What one request yields on an engine of its own.
fn once(request: Request) -> (Vec<u32>, FinishReason, Usage) {
    let mut engine = engine(20);
    let result = engine.generate(request, |_| ControlFlow::Continue(())).unwrap();
    let ids = result.tokens.iter().map(|token| token.id).collect();
    (ids, result.reason, result.usage)
}
