//! Thought, mask and answer.

use std::ops::ControlFlow;

use ponder_engine::{
    EngineError, EngineOptions, FinishReason, Origin, Request, SequenceError, Thinking, TokenMask,
    TokenSet,
};

use crate::support::options;
use crate::{VOCAB, end, engine, engine_with, greedy, once, prompt, run, tokens};

/// Allows the ids of a list, one after another, then nothing.
struct Script(Vec<u32>);

impl TokenMask for Script {
    fn allow(&mut self, set: &mut TokenSet) -> Result<(), String> {
        self.0.first().into_iter().for_each(|id| set.insert(*id));
        Ok(())
    }

    fn accept(&mut self, id: u32) -> Result<(), String> {
        if self.0.remove(0) == id { Ok(()) } else { Err(format!("{id} was not allowed")) }
    }
}

fn thinking() -> Thinking {
    Thinking {
        think_start: 1,
        think_end: 2,
        starts_open: true,
        budget: Some(6),
        grace: 0,
        close_rank: 0,
        notice: vec![3, 4],
        answer_reserve: 0,
        closes_on_stop: true,
        loop_guard: None,
    }
}

#[test]
fn a_mask_rules_the_answer_and_not_the_thought() {
    let mut request = greedy(prompt(9), 30);
    request.thinking = Some(thinking());
    request.sampling.banned = vec![2];
    request.mask = Some(Box::new(Script(vec![11, 12, 13])));
    request.stop.ids = vec![13];
    let mut engine = engine(9);
    let id = engine.submit(request).unwrap();
    let events = run(&mut engine);
    let tokens = tokens(&events, id);
    let ids: Vec<u32> = tokens.iter().map(|token| token.id).collect();
    assert_eq!(ids[6..], [3, 4, 2, 11, 12, 13]);
    let forced: Vec<bool> = tokens.iter().map(|token| token.origin == Origin::Forced).collect();
    assert_eq!(forced[6..], [true, true, true, false, false, false]);
    assert!(!forced[..6].contains(&true));
    let (reason, usage) = end(&events, id);
    assert_eq!((reason, usage.reasoning_tokens), (FinishReason::Stop, 8));
    assert_eq!(tokens.iter().filter(|token| token.is_reasoning).count(), 8);
}

#[test]
fn a_dead_end_of_the_mask_is_an_error_of_its_request() {
    let mut request = greedy(prompt(9), 30);
    request.mask = Some(Box::new(Script(vec![11])));
    let error = engine(9).generate(request, |_| ControlFlow::Continue(())).unwrap_err();
    assert_eq!(error, EngineError::Sequence(SequenceError::NothingAllowed { position: 10 }));
}

#[test]
fn a_stop_id_inside_the_thought_still_leads_to_an_answer() {
    let (free, ..) = once(greedy(prompt(9), 12));
    let mut request = greedy(prompt(9), 12);
    request.stop.ids = vec![free[2]];
    request.thinking = Some(Thinking { budget: None, ..thinking() });
    let (ids, ..) = once(request);
    let first = free.iter().position(|id| *id == free[2]).unwrap();
    assert_eq!(ids[..first], free[..first]);
    assert_eq!(ids[first..first + 3], [3, 4, 2]);
    assert!(ids.len() > first + 3, "an answer follows");
}

#[test]
fn stop_sequences_do_not_reach_into_the_thought() {
    let (free, ..) = once(greedy(prompt(9), 5));
    let mut request = greedy(prompt(9), 20);
    request.thinking = Some(Thinking { notice: vec![], ..thinking() });
    request.stop.sequences = vec![free[1..3].to_vec(), vec![2]];
    let (ids, ..) = once(request);
    assert_eq!(ids[..5], free[..]);
    assert!(ids.len() > 7, "{ids:?}");
}

#[test]
fn padding_rows_are_never_chosen() {
    let mut engine = engine_with(20, EngineOptions { n_sampleable: 10, ..options(VOCAB) });
    let request = Request { logprobs: Some(VOCAB), ..greedy(prompt(9), 40) };
    let tokens = engine.generate(request, |_| ControlFlow::Continue(())).unwrap().tokens;
    assert!(tokens.iter().all(|token| token.id < 10));
    assert!(tokens.iter().any(|token| token.top[0].id >= 10), "probabilities cover all rows");
}
