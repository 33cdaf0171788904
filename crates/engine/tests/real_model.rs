//! The engine on real models: golden text, golden log-probabilities, and the same bits alone, in
//! company, in chunks and from the prefix cache. Needs the test data; says so and passes without.

use std::ops::ControlFlow;
use std::path::PathBuf;

use ponder_engine::{Engine, EngineOptions, Event, Request, Runner, Sampling, SequenceId, Stop};
use ponder_kernels::cpu::{Cpu, CpuOptions, Isa};
use ponder_kernels::reference::Reference;
use ponder_kernels::{Ops, Span, Watched};
use ponder_model::Model;
use serde_json::Value;

fn test_data(path: &str) -> Option<PathBuf> {
    let root = std::env::var_os("PONDER_TEST_DATA").map(PathBuf::from);
    let beside = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data"));
    let path = root.unwrap_or_else(beside).join(path);
    let is_there = path.exists();
    if !is_there {
        println!("skipped: {} is not there", path.display());
    }
    is_there.then_some(path)
}

fn load(path: &str) -> Option<(PathBuf, Model)> {
    let dir = test_data(path)?;
    let model = Model::load(&dir, &mut |_, _| {}).unwrap();
    Some((dir, model))
}

/// The backends of this machine.
fn backends() -> Vec<Box<dyn Ops>> {
    let cpu = |isa| Cpu::new(CpuOptions { isa, threads: 2, pin: false });
    let fast =
        Isa::available().into_iter().filter_map(cpu).map(|cpu| Box::new(cpu) as Box<dyn Ops>);
    let fast: Vec<_> = fast.collect();
    if fast.is_empty() { vec![Box::new(Reference::default())] } else { fast }
}

fn options(model: &Model, max_batch_tokens: usize) -> EngineOptions {
    EngineOptions {
        max_sequences: 8,
        max_queue: 100,
        max_batch_tokens,
        prefill_tokens_beside_decodes: max_batch_tokens,
        max_logit_rows: 16,
        n_sampleable: model.config().vocab_size,
    }
}

fn prompt(n: usize, seed: usize) -> Vec<u32> {
    (0..n).map(|i| ((i * i + 7 * i + seed) % 250) as u32).collect()
}

fn request(prompt: Vec<u32>, seed: u64) -> Request {
    let sampling = Sampling::unfiltered(seed, 0);
    let request = Request::generate(prompt, 12, sampling, Stop::default());
    Request { logprobs: Some(0), ..request }
}

/// The tokens of a sequence and the bits of their log-probabilities.
fn bits(events: &[Event], id: SequenceId) -> Vec<(u32, u32)> {
    let token = |event: &Event| match event {
        Event::Token { sequence, token } if *sequence == id => {
            Some((token.id, token.logprob?.to_bits()))
        }
        _ => None,
    };
    events.iter().filter_map(token).collect()
}

/// Runs all prompts together, as often as there are rounds.
fn run(engine: &mut Engine<Runner>, prompts: &[Vec<u32>], n_rounds: usize) -> Vec<Vec<(u32, u32)>> {
    let mut results = Vec::new();
    for _ in 0..n_rounds {
        let mut submit = |(prompt, seed): (&Vec<u32>, u64)| {
            engine.submit(request(prompt.clone(), seed)).unwrap()
        };
        let ids: Vec<_> = prompts.iter().zip(0..).map(&mut submit).collect();
        let mut events = Vec::new();
        while !engine.is_idle() {
            events.extend(engine.step(0).unwrap());
        }
        results.extend(ids.iter().map(|id| bits(&events, *id)));
    }
    results
}

#[test]
fn same_bits_alone_in_company_in_chunks_and_from_the_cache() {
    let prompts = [prompt(150, 0), prompt(150, 0), prompt(3, 1), prompt(64, 2), prompt(129, 3)];
    for name in ["v3-lite-bf16", "v3-odd-fp8", "qwen2-tiny-bf16"] {
        let Some((_, model)) = load(&format!("golden/{name}")) else { return };
        for ops in backends() {
            let alone = |index: usize| {
                let runner = Runner::new(&model, ops.as_ref(), 8);
                let mut engine = Engine::new(runner, options(&model, 512)).unwrap();
                let request = request(prompts[index].clone(), index as u64);
                let tokens =
                    engine.generate(request, |_| ControlFlow::Continue(())).unwrap().tokens;
                tokens.iter().map(|t| (t.id, t.logprob.unwrap().to_bits())).collect::<Vec<_>>()
            };
            let alone: Vec<_> = (0..prompts.len()).map(alone).collect();
            for max_batch_tokens in [8, 33, 512] {
                let runner = Runner::new(&model, ops.as_ref(), 20);
                let mut engine = Engine::new(runner, options(&model, max_batch_tokens)).unwrap();
                // The second round finds its prompts in the cache.
                let together = run(&mut engine, &prompts, 2);
                for (index, tokens) in together.iter().enumerate() {
                    let context = format!("{name}, {}, {max_batch_tokens}, {index}", ops.name());
                    assert_eq!(tokens, &alone[index % prompts.len()], "{context}");
                }
                // Two pages for a twin, then 2 + 2 + 0 + 0 + 2 pages in the second round.
                assert_eq!(engine.stats().cached_tokens, 8 * 64);
            }
        }
    }
}

#[test]
fn experts_are_those_of_the_pass_that_a_token_came_from() {
    let Some((_, model)) = load("golden/v3-lite-bf16") else { return };
    for ops in backends() {
        let runner = Runner::new(&model, ops.as_ref(), 20);
        let mut engine = Engine::new(runner, options(&model, 33)).unwrap();
        let plain = run(&mut engine, &[prompt(90, 5)], 1).remove(0);
        let ask = |seed| Request { experts: seed == 0, ..request(prompt(90, 5), seed) };
        let ids = [0, 1].map(|seed| engine.submit(ask(seed)).unwrap());
        let mut events = Vec::new();
        while !engine.is_idle() {
            events.extend(engine.step(0).unwrap());
        }
        assert_eq!(bits(&events, ids[0]), plain, "being watched changes nothing");
        let tokens_of = |id| {
            let token = move |event: &Event| match event {
                Event::Token { sequence, token } if *sequence == id => Some(token.clone()),
                _ => None,
            };
            events.iter().filter_map(token).collect::<Vec<_>>()
        };
        assert!(tokens_of(ids[1]).iter().all(|token| token.experts.is_empty()), "none asked for");
        // The whole text in one pass: row by row the experts that chose the next token.
        let tokens = tokens_of(ids[0]);
        let text = [prompt(90, 5), tokens.iter().map(|token| token.id).collect()].concat();
        let mut cache = model.new_cache(ops.as_ref(), 2);
        let pages = vec![ponder_kernels::PageId(0), ponder_kernels::PageId(1)];
        let span = Span { rows: 0..text.len(), first_position: 0, pages };
        let watched = Watched::new(ops.as_ref());
        model.hidden(&watched, &model.batch(text, vec![span]), &mut cache);
        let routings = watched.into_routings();
        assert!(!routings.is_empty());
        for (token, row) in tokens.iter().zip(89..) {
            let expected: Vec<&[u32]> = routings.iter().map(|r| r.experts_of(row)).collect();
            assert_eq!(token.experts, expected, "{}, row {row}", ops.name());
        }
    }
}

#[test]
fn stories_are_written_id_for_id() {
    let Some((dir, model)) = load("models/stories260K") else { return };
    let golden: Value =
        serde_json::from_str(&std::fs::read_to_string(dir.join("golden.json")).unwrap()).unwrap();
    let golden: Vec<u32> = serde_json::from_value(golden["ids"].clone()).unwrap();
    let ops = Reference::default();
    let mut engine = Engine::new(Runner::new(&model, &ops, 8), options(&model, 64)).unwrap();
    let stop = Stop { ids: vec![1], sequences: Vec::new(), min_tokens: 0 };
    let request = Request::generate(vec![1], golden.len() - 1, Sampling::greedy(), stop);
    let story = engine.generate(request, |_| ControlFlow::Continue(())).unwrap();
    let ids: Vec<u32> = story.tokens.iter().map(|token| token.id).collect();
    assert_eq!(ids, golden[1..]);
}

#[test]
fn scores_are_the_golden_ones_in_chunks_of_any_size() {
    let Some((dir, model)) = load("golden/v3-lite-bf16") else { return };
    let reference = std::fs::read_to_string(dir.join("reference.jsonl")).unwrap();
    let ops = Reference::default();
    let lines = reference.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut n_compared = 0;
    for line in lines.filter(|line| line["ids"].as_array().unwrap().len() <= 17) {
        let ids: Vec<u32> = serde_json::from_value(line["ids"].clone()).unwrap();
        let score = |max_batch_tokens| {
            let runner = Runner::new(&model, &ops, 4);
            let options = EngineOptions { max_logit_rows: 3, ..options(&model, max_batch_tokens) };
            Engine::new(runner, options).unwrap().score(ids.clone(), 10).unwrap()
        };
        let whole = score(512);
        assert_eq!(whole, score(8), "chunks of 8");
        assert_eq!(whole.logprobs.len(), ids.len() - 1);
        for (index, logprob) in (1..).zip(&whole.logprobs) {
            assert!((f64::from(*logprob) - line["logprobs"][index].as_f64().unwrap()).abs() < 2e-3);
            n_compared += 1;
        }
        for entry in &whole.next {
            let same = |e: &&Value| e["id"].as_u64() == Some(u64::from(entry.id));
            let golden = line["next"].as_array().unwrap().iter().find(same).unwrap();
            let difference = f64::from(entry.logprob) - golden["logprob"].as_f64().unwrap();
            assert!(difference.abs() < 2e-3, "{entry:?} {golden}");
        }
    }
    assert!(n_compared >= 17, "{n_compared}");
}

#[test]
fn memory_becomes_pages() {
    let Some((_, model)) = load("models/stories260K") else { return };
    let ops = Reference::default();
    let runner = Runner::new(&model, &ops, 5);
    let page_bytes = runner.cache().bytes_per_token() * ponder_kernels::PAGE_TOKENS;
    assert_eq!(Runner::pages_in(&model, &ops, page_bytes as u64 * 7 + 1), 7);
}
