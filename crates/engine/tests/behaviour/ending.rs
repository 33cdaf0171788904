//! How a request ends.

use ponder_engine::{EngineOptions, Event, FinishReason, Refusal, Request, Stop};

use crate::support::options;
use crate::{VOCAB, end, engine, engine_with, greedy, once, prompt};

#[test]
fn stop_ids_and_sequences_end_the_answer_and_are_reported() {
    let (free, reason, usage) = once(greedy(prompt(9), 12));
    assert_eq!((free.len(), reason), (12, FinishReason::Length));
    assert_eq!((usage.prompt_tokens, usage.completion_tokens), (9, 12));
    let first = |id: u32| free.iter().position(|x| *x == id).unwrap();
    let mut stopped = greedy(prompt(9), 12);
    stopped.stop.ids = vec![free[4]];
    let (ids, reason, _) = once(stopped);
    assert_eq!((&ids[..], reason), (&free[..=first(free[4])], FinishReason::Stop));
    let mut stopped = greedy(prompt(9), 12);
    stopped.stop.sequences = vec![free[5..8].to_vec(), vec![free[9]; 5]];
    let (ids, reason, _) = once(stopped);
    assert_eq!((&ids[..], reason), (&free[..8], FinishReason::Stop));
}

#[test]
fn stop_ids_wait_for_the_least_number_of_tokens() {
    let (free, ..) = once(greedy(prompt(9), 12));
    let mut request = greedy(prompt(9), 12);
    request.stop = Stop { ids: vec![free[0]], sequences: Vec::new(), min_tokens: 3 };
    let (ids, ..) = once(request);
    assert!(ids.len() >= 4 && !ids[..3].contains(&free[0]), "{ids:?}");
}

#[test]
fn cancelling_frees_the_pages_at_once() {
    let mut engine = engine(9);
    let id = engine.submit(greedy(prompt(300), 200)).unwrap();
    engine.step(0).unwrap();
    assert!(engine.stats().n_pages_held > 0);
    assert!(engine.cancel(id));
    let stats = engine.stats();
    assert_eq!((stats.n_pages_held, stats.n_pages_promised, stats.n_running), (0, 0, 0));
    assert!(!engine.is_idle(), "the end is still to be reported");
    let events = engine.step(0).unwrap();
    assert_eq!(end(&events, id).0, FinishReason::Cancelled);
    assert!(engine.is_idle() && !engine.cancel(id));
}

#[test]
fn deadlines_end_what_waits_and_what_runs() {
    let mut engine = engine_with(9, EngineOptions { max_sequences: 1, ..options(VOCAB) });
    let runs = engine.submit(Request { deadline: Some(10), ..greedy(prompt(9), 90) }).unwrap();
    let waits = engine.submit(Request { admit_by: Some(5), ..greedy(prompt(9), 90) }).unwrap();
    let waits_long = engine.submit(Request { deadline: Some(7), ..greedy(prompt(9), 9) }).unwrap();
    let mut events = Vec::new();
    for now in 0..=10 {
        events.extend(engine.step(now).unwrap());
    }
    assert_eq!(end(&events, waits).0, FinishReason::QueueTimeout);
    assert_eq!(end(&events, waits_long).0, FinishReason::Deadline);
    let (reason, usage) = end(&events, runs);
    assert_eq!((reason, usage.completion_tokens), (FinishReason::Deadline, 10));
    assert!(engine.is_idle());
}

#[test]
fn draining_finishes_what_is_there_within_its_limit() {
    let mut engine = engine_with(9, EngineOptions { max_sequences: 2, ..options(VOCAB) });
    let short = engine.submit(greedy(prompt(9), 3)).unwrap();
    let long = engine.submit(greedy(prompt(9), 90)).unwrap();
    let next = engine.submit(greedy(prompt(9), 3)).unwrap();
    engine.step(0).unwrap();
    engine.drain(Some(20));
    assert_eq!(engine.submit(greedy(prompt(9), 3)), Err(Refusal::Draining));
    let events: Vec<Event> = (1..=20).flat_map(|now| engine.step(now).unwrap()).collect();
    assert_eq!(end(&events, short).0, FinishReason::Length);
    assert_eq!(end(&events, next).0, FinishReason::Length);
    assert_eq!(end(&events, long).0, FinishReason::Deadline);
    assert!(engine.is_idle());
}
