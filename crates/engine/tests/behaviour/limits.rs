//! What cannot run is refused; what fails, fails alone.

use std::ops::ControlFlow;

use ponder_engine::{
    Engine, EngineError, EngineOptions, Event, FinishReason, Refusal, Request, SequenceError, Usage,
};

use crate::support::{Fake, options};
use crate::{VOCAB, end, engine, engine_with, greedy, ids, once, prompt, run};

#[test]
fn impossible_requests_are_refused_with_reasons() {
    let with = |change: fn(&mut Request)| {
        let mut request = greedy(prompt(5), 5);
        change(&mut request);
        request
    };
    let cases = [
        (with(|r| r.prompt.clear()), "the prompt is empty"),
        (with(|r| r.prompt[3] = 50), "prompt token 3 is id 50"),
        (with(|r| r.max_tokens = 0), "`max_tokens` is 0"),
        (with(|r| r.max_tokens = 996), "maximum context length is 1000 tokens, but 1001"),
        (with(|r| r.max_tokens = usize::MAX), "maximum context length is 1000 tokens"),
        (with(|r| r.max_tokens = 509), "needs 9 cache pages, the engine has 8"),
        (with(|r| r.sampling.temperature = f32::NAN), "`temperature` is NaN"),
        (with(|r| r.sampling.temperature = -0.1), "`temperature` is -0.1"),
        (with(|r| r.sampling.top_p = 1.5), "`top_p` is 1.5"),
        (with(|r| r.sampling.min_p = -1.0), "`min_p` is -1"),
        (with(|r| r.sampling.top_k = Some(0)), "`top_k` is 0"),
        (with(|r| r.sampling.repetition_penalty = 0.0), "`repetition_penalty` is 0"),
        (with(|r| r.sampling.presence_penalty = f32::INFINITY), "`presence_penalty` is inf"),
        (with(|r| r.sampling.logit_bias = vec![(0, f32::NAN)]), "`logit_bias` is NaN"),
        (with(|r| r.sampling.logit_bias = vec![(77, 1.0)]), "logit_bias entry 0 is id 77"),
        (with(|r| r.sampling.banned = vec![0; 70_000]), "`banned` is 70000 entries"),
        (with(|r| r.stop.ids = vec![1, 90]), "stop id 1 is id 90"),
        (with(|r| r.stop.sequences = vec![vec![]]), "`stop.sequences` is an empty one"),
        (with(|r| r.logprobs = Some(51)), "`logprobs` is 51"),
    ];
    let mut fake = Fake::new(VOCAB, 8);
    fake.max_positions = 1000;
    let mut engine = Engine::new(fake, options(VOCAB)).unwrap();
    let n_cases = cases.len() as u64;
    for (request, expected) in cases {
        let refusal = engine.submit(request).expect_err(expected).to_string();
        assert!(refusal.contains(expected), "{refusal:?} lacks {expected:?}");
        assert!(refusal.contains("\nhint: "), "{refusal:?}");
    }
    assert!(engine.is_idle());
    assert_eq!(engine.stats().refused, n_cases);
    assert!(engine.submit(greedy(prompt(5), 508)).is_ok(), "512 positions fit 8 pages");
}

#[test]
fn bad_options_are_refused() {
    let good = options(VOCAB);
    let cases = [
        EngineOptions { max_sequences: 0, ..good.clone() },
        EngineOptions { max_queue: 0, ..good.clone() },
        EngineOptions { max_batch_tokens: 63, ..good.clone() },
        EngineOptions { prefill_tokens_beside_decodes: 0, ..good.clone() },
        EngineOptions { max_logit_rows: 0, ..good.clone() },
        EngineOptions { n_sampleable: 0, ..good.clone() },
        EngineOptions { n_sampleable: 51, ..good.clone() },
    ];
    for options in cases {
        let error = Engine::new(Fake::new(VOCAB, 8), options.clone()).err();
        assert!(matches!(error, Some(EngineError::Option { .. })), "{options:?}");
    }
    assert!(Engine::new(Fake::new(VOCAB, 0), good).is_err(), "a cache without pages");
}

#[test]
fn a_full_queue_refuses_and_recovers() {
    let mut engine = engine_with(20, EngineOptions { max_queue: 2, ..options(VOCAB) });
    engine.submit(greedy(prompt(3), 2)).unwrap();
    engine.submit(greedy(prompt(3), 2)).unwrap();
    let refusal = engine.submit(greedy(prompt(3), 2)).unwrap_err();
    assert_eq!(refusal, Refusal::QueueFull { max_queue: 2 });
    engine.step(0).unwrap();
    assert!(engine.submit(greedy(prompt(3), 2)).is_ok());
}

#[test]
fn damage_ends_one_sequence_and_no_other() {
    let mut fake = Fake::new(VOCAB, 40);
    fake.poison = Some(40);
    let mut engine = Engine::new(fake, options(VOCAB)).unwrap();
    let requests: Vec<_> = (1..20).map(|n| engine.submit(greedy(prompt(n), 30)).unwrap()).collect();
    let events = run(&mut engine);
    let ends: Vec<_> = requests.iter().map(|id| end(&events, *id)).collect();
    let is_failed = |end: &&(FinishReason, Usage)| {
        matches!(end.0, FinishReason::Failed(SequenceError::NotFinite { .. }))
    };
    let n_failed = ends.iter().filter(is_failed).count();
    assert!((1..19).contains(&n_failed), "{n_failed} of 19 failed");
    assert!(ends.iter().all(|end| is_failed(&end) || end.1.completion_tokens == 30));
    assert_eq!((engine.stats().failed, engine.stats().n_pages_held), (n_failed as u64, 0));
}

#[test]
fn a_failed_step_can_be_tried_again() {
    let (expected, ..) = once(greedy(prompt(100), 5));
    let mut engine = engine(9);
    let id = engine.submit(greedy(prompt(100), 5)).unwrap();
    let mut events = Vec::new();
    while !engine.is_idle() {
        engine.model_mut().n_failures = 1;
        assert!(matches!(engine.step(0), Err(EngineError::Device { .. })));
        events.extend(engine.step(0).unwrap());
    }
    assert_eq!(ids(&events, id), expected);
}

#[test]
fn breaking_off_cancels_the_one_request() {
    let mut engine = engine(9);
    let mut n_tokens = 0;
    let result = engine.generate(greedy(prompt(9), 50), |event| {
        n_tokens += usize::from(matches!(event, Event::Token { .. }));
        if n_tokens == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    let result = result.unwrap();
    assert_eq!((result.reason, result.tokens.len()), (FinishReason::Cancelled, 3));
    assert!(engine.is_idle());
    engine.submit(greedy(prompt(9), 50)).unwrap();
    let busy = engine.generate(greedy(prompt(9), 5), |_| ControlFlow::Continue(()));
    assert_eq!(busy, Err(EngineError::Busy));
    run(&mut engine);
    engine.model_mut().n_failures = 1;
    let failed = engine.generate(greedy(prompt(9), 5), |_| ControlFlow::Continue(()));
    assert!(matches!(failed, Err(EngineError::Device { .. })));
    assert!(engine.is_idle(), "nothing of a failed request stays behind");
}
