//! Who runs when.

use ponder_engine::{EngineOptions, Event, Request};

use crate::support::options;
use crate::{VOCAB, engine, engine_with, greedy, ids, prompt, run};

#[test]
fn decoding_goes_on_beside_long_prompts() {
    let limits = EngineOptions { prefill_tokens_beside_decodes: 32, ..options(VOCAB) };
    let mut engine = engine_with(60, limits);
    let reader = engine.submit(greedy(prompt(5), 30)).unwrap();
    engine.step(0).unwrap();
    engine.submit(greedy(prompt(3000), 2)).unwrap();
    for _ in 0..29 {
        let n_calls = engine.model().n_calls;
        assert_eq!(ids(&engine.step(0).unwrap(), reader).len(), 1, "a token every step");
        assert_eq!(engine.model().n_calls, n_calls + 1);
    }
    assert_eq!(engine.model().largest.0, 33);
    run(&mut engine);
    assert_eq!(engine.model().largest.0, 512, "alone, a prompt takes the whole budget");
}

#[test]
fn one_tenants_flood_does_not_hold_up_another() {
    let mut engine = engine_with(40, EngineOptions { max_sequences: 4, ..options(VOCAB) });
    let of = |tenant, n| Request { tenant, ..greedy(prompt(n), 10) };
    let flood: Vec<_> = (0..100).map(|_| engine.submit(of(1, 90)).unwrap()).collect();
    for _ in 0..30 {
        engine.step(0).unwrap();
    }
    let other = engine.submit(of(2, 20)).unwrap();
    let events = run(&mut engine);
    let place = |id| {
        let ends = events.iter().filter(|event| matches!(event, Event::Finished { .. }));
        ends.map(Event::sequence).position(|sequence| sequence == id).unwrap()
    };
    // Those that ran already, and one whose turn age decided.
    assert!(place(other) <= 8, "{}", place(other));
    assert!(place(flood[99]) > 80);
}

#[test]
fn a_request_that_needs_the_whole_cache_is_not_passed_for_ever() {
    let mut engine = engine(8);
    let of = |tenant, n, max_tokens| Request { tenant, ..greedy(prompt(n), max_tokens) };
    engine.submit(of(1, 10, 40)).unwrap();
    engine.step(0).unwrap();
    let large = engine.submit(of(1, 450, 60)).unwrap();
    let mut n_passed = 0;
    'steps: for step in 0.. {
        assert!(step < 1000, "never admitted");
        engine.submit(of(2 + step % 3, 10, 4)).unwrap();
        for event in engine.step(0).unwrap() {
            match event {
                Event::Token { sequence, .. } if sequence == large => break 'steps,
                Event::Finished { .. } => n_passed += 1,
                _ => {}
            }
        }
    }
    assert!(n_passed < 20, "{n_passed} small ones passed it");
}
