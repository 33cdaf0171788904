//! Equal prompts share pages, and scoring does not.

use ponder_engine::{EngineError, EngineOptions, Event, Request, Sampling, Stop};

use crate::support::options;
use crate::{VOCAB, end, engine, engine_with, greedy, ids, prompt, run, tokens};

#[test]
fn equal_prefixes_are_computed_once() {
    let mut engine = engine(30);
    let first = engine.submit(greedy(prompt(200), 3)).unwrap();
    let before = run(&mut engine);
    let second = engine.submit(greedy(prompt(200), 3)).unwrap();
    let after = run(&mut engine);
    assert_eq!(ids(&before, first), ids(&after, second));
    assert_eq!(end(&before, first).1.cached_tokens, 0);
    assert_eq!(end(&after, second).1.cached_tokens, 192);
    assert_eq!(engine.stats().prompt_tokens, 208);
    // A prompt of full pages still computes its last page, for the logits.
    let third = engine.submit(greedy(prompt(128), 1)).unwrap();
    assert_eq!(end(&run(&mut engine), third).1.cached_tokens, 64);
    let salted = Request { cache_salt: 1, ..greedy(prompt(200), 3) };
    let salted = engine.submit(salted).unwrap();
    assert_eq!(end(&run(&mut engine), salted).1.cached_tokens, 0);
    engine.forget_prompts().unwrap();
    let last = engine.submit(greedy(prompt(200), 3)).unwrap();
    assert!(matches!(engine.forget_prompts(), Err(EngineError::Busy)));
    assert_eq!(end(&run(&mut engine), last).1.cached_tokens, 0);
}

#[test]
fn generated_tokens_are_not_shared() {
    let mut engine = engine(30);
    let first = engine.submit(greedy(prompt(60), 80)).unwrap();
    let generated = ids(&run(&mut engine), first);
    let longer = [prompt(60), generated].concat();
    let second = engine.submit(greedy(longer, 1)).unwrap();
    assert_eq!(end(&run(&mut engine), second).1.cached_tokens, 0);
}

#[test]
fn a_group_shares_the_pages_of_its_prompt() {
    let mut engine = engine(40);
    let sample = |stream| {
        let sampling = Sampling::unfiltered(5, stream);
        Request::generate(prompt(300), 20, sampling, Stop::default())
    };
    let group: Vec<_> = (0..8).map(|stream| engine.submit(sample(stream)).unwrap()).collect();
    while engine.stats().generated_tokens < 8 * 10 {
        engine.step(0).unwrap();
    }
    // Four full pages together, then one page with the prompt's end and the completion for each.
    assert_eq!(engine.stats().n_pages_held, 4 + 8);
    assert_eq!(engine.stats().prompt_tokens, 300 + 7 * 44);
    let events = run(&mut engine);
    let completions: std::collections::BTreeSet<_> =
        group.iter().map(|id| ids(&events, *id)).collect();
    assert_eq!(completions.len(), 8, "different streams draw differently");
}

#[test]
fn scoring_sees_the_whole_prompt_whatever_the_cache_holds() {
    let options = EngineOptions { max_logit_rows: 7, ..options(VOCAB) };
    let mut engine = engine_with(30, options);
    let score = engine.score(prompt(200), 3).unwrap();
    assert_eq!((score.logprobs.len(), score.top.len(), score.next.len()), (199, 199, 3));
    assert_eq!(engine.model().most_logit_rows, 7);
    engine.submit(greedy(prompt(200), 1)).unwrap();
    run(&mut engine);
    assert_eq!(engine.score(prompt(200), 3).unwrap(), score);
    assert!(engine.score(prompt(1), 2).unwrap().logprobs.is_empty());
    let mut request = greedy(prompt(200), 2);
    (request.prompt_logprobs, request.logprobs) = (Some(0), Some(3));
    let id = engine.submit(request).unwrap();
    let events = run(&mut engine);
    let n_prompt = events.iter().filter(|e| matches!(e, Event::PromptToken { .. })).count();
    assert_eq!((n_prompt, ids(&events, id).len()), (199, 2));
    assert_eq!(tokens(&events, id)[0].top, score.next);
}
