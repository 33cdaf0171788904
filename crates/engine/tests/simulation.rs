//! Thousands of random requests against a model that checks every page it is given.
//!
//! Worlds differ in their limits. In each, requests of several tenants arrive in bursts, share
//! prefixes, think, follow masks, are scored, cancelled, run out of time or fail, while the device
//! fails now and then. Whatever happens: every request gets what it would get alone, bit for bit and
//! in order, ends exactly once, and is not overtaken for ever; every page comes back.

mod support;

use std::collections::BTreeMap;

use ponder_engine::{
    Engine, EngineOptions, Event, FinishReason, LoopGuard, Request, Sampling, SequenceId, Stats,
    Stop, Thinking, TokenMask, TokenSet,
};
use support::{Fake, mix};

const VOCAB: u32 = 40;
/// One in this many tokens meets a NaN.
const POISON: u64 = 5000;
const N_WORLDS: u64 = 60;
const REQUESTS_PER_WORLD: u64 = 500;

/// Random numbers that depend on a seed alone.
struct Rng(u64);

impl Rng {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = mix(self.0, 1);
        self.0 % n
    }

    fn range(&mut self, min: usize, max: usize) -> usize {
        min + self.below((max - min + 1) as u64) as usize
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

/// Allows a third of the ids, depending on the answer so far; rarely none.
struct Mask(u64);

impl TokenMask for Mask {
    fn allow(&mut self, set: &mut TokenSet) -> Result<(), String> {
        let residue = self.0 % 3;
        let ids = (0..VOCAB).filter(|id| u64::from(id % 3) == residue);
        ids.filter(|_| !self.0.is_multiple_of(50)).for_each(|id| set.insert(id));
        Ok(())
    }

    fn accept(&mut self, id: u32) -> Result<(), String> {
        self.0 = mix(self.0, u64::from(id));
        if self.0.is_multiple_of(40) { Err("as drawn".to_owned()) } else { Ok(()) }
    }
}

/// A request as a function of its number, so that it can be made twice.
fn request(world: u64, number: u64) -> Request {
    let rng = &mut Rng(mix(world, number));
    // A few families of prompts share prefixes within the family.
    let family = rng.below(5);
    let n_prompt = if rng.one_in(3) { rng.range(1, 40) } else { rng.range(1, 330) };
    let n_shared = if rng.one_in(2) { n_prompt } else { rng.range(0, n_prompt) };
    let token = |index: usize| {
        let member = if index < n_shared { 0 } else { number + 1 };
        (mix(mix(family, member), index as u64) % u64::from(VOCAB)) as u32
    };
    let sampling = Sampling {
        temperature: [0.0, 0.7, 1.0][rng.range(0, 2)],
        top_k: rng.one_in(4).then_some(rng.range(1, 50)),
        top_p: [1.0, 1.0, 0.9, 0.3][rng.range(0, 3)],
        min_p: [0.0, 0.0, 0.05][rng.range(0, 2)],
        repetition_penalty: [1.0, 1.0, 1.3][rng.range(0, 2)],
        presence_penalty: [0.0, 0.0, 0.5][rng.range(0, 2)],
        frequency_penalty: [0.0, 0.0, 0.2][rng.range(0, 2)],
        logit_bias: vec![(rng.range(0, 38) as u32, 1.5)],
        banned: vec![rng.range(0, 38) as u32],
        seed: rng.below(9),
        stream: number,
    };
    let stop = Stop {
        ids: if rng.one_in(2) { vec![7] } else { vec![] },
        sequences: if rng.one_in(4) { vec![vec![8, 9], vec![10]] } else { vec![] },
        min_tokens: rng.range(0, 5),
    };
    let is_scored = rng.one_in(8);
    let max_tokens = if is_scored && rng.one_in(2) { 0 } else { rng.range(1, 60) };
    let mut request =
        Request::generate((0..n_prompt).map(token).collect(), max_tokens, sampling, stop);
    request.prompt_logprobs = is_scored.then_some(rng.range(0, 3));
    request.logprobs = (!rng.one_in(3)).then_some(rng.range(0, 3));
    request.tenant = rng.below(4);
    request.cache_salt = u128::from(rng.below(2));
    if rng.one_in(3) {
        request.mask = Some(Box::new(Mask(mix(world, number))));
    }
    if rng.one_in(3) && max_tokens > 9 {
        request.thinking = Some(thinking(rng, max_tokens));
    }
    request
}

fn thinking(rng: &mut Rng, max_tokens: usize) -> Thinking {
    let guard = LoopGuard { max_period: 6, min_repeats: 2, min_tokens: 4 };
    Thinking {
        think_start: 1,
        think_end: 2,
        starts_open: rng.one_in(2),
        budget: (!rng.one_in(3)).then_some(rng.range(0, 30)),
        grace: rng.range(0, 10),
        close_rank: rng.range(0, 5),
        notice: vec![3; rng.range(0, 3)],
        answer_reserve: rng.range(0, max_tokens - 4),
        closes_on_stop: rng.one_in(2),
        loop_guard: rng.one_in(2).then_some(guard),
    }
}

fn fake(n_pages: usize) -> Fake {
    let mut fake = Fake::new(VOCAB as usize, n_pages);
    fake.poison = Some(POISON);
    fake
}

/// What a request got: events in order, with every number's bits, and how it ended.
#[derive(Clone, Debug, Default, PartialEq)]
struct Record {
    events: Vec<String>,
    reason: Option<FinishReason>,
}

impl Record {
    fn add(&mut self, event: &Event) {
        assert_eq!(self.reason, None, "an event after the last");
        let shown = match event {
            // How much came from the cache depends on the others.
            Event::Prefilled { .. } => "prefilled".to_owned(),
            Event::PromptToken { index, token, top, .. } => format!("{index} {token:?} {top:?}"),
            Event::Next { top, .. } => format!("next {top:?}"),
            Event::Token { token, .. } => format!("{token:?}"),
            Event::Finished { reason, usage, .. } => {
                self.reason = Some(reason.clone());
                format!("{} {}", usage.prompt_tokens, usage.completion_tokens)
            }
        };
        self.events.push(shown);
    }
}

/// What a request gets from an engine of its own.
fn alone(world: u64, number: u64) -> Record {
    let request = Request { deadline: None, ..request(world, number) };
    let mut engine = Engine::new(fake(7), support::options(VOCAB as usize)).unwrap();
    engine.submit(request).unwrap();
    let mut record = Record::default();
    while !engine.is_idle() {
        engine.step(0).unwrap().iter().for_each(|event| record.add(event));
    }
    record
}

/// A request on its way through the simulation.
struct Flight {
    number: u64,
    record: Record,
    n_overtaken: usize,
}

struct World {
    seed: u64,
    rng: Rng,
    engine: Engine<Fake>,
    options: EngineOptions,
    flights: BTreeMap<SequenceId, Flight>,
    landed: Vec<Flight>,
    now: u64,
    max_overtaken: usize,
}

impl World {
    fn new(seed: u64) -> World {
        let mut rng = Rng(mix(99, seed));
        let max_sequences = rng.range(1, 12);
        let options = EngineOptions {
            max_sequences,
            max_queue: rng.range(1, 40),
            max_batch_tokens: rng.range(max_sequences, 300),
            prefill_tokens_beside_decodes: rng.range(1, 200),
            max_logit_rows: rng.range(1, 20),
            n_sampleable: VOCAB as usize,
        };
        // 390 tokens, the longest request, take 7 pages.
        let engine = Engine::new(fake(rng.range(7, 60)), options.clone()).unwrap();
        let (flights, landed) = (BTreeMap::new(), Vec::new());
        World { seed, rng, engine, options, flights, landed, now: 0, max_overtaken: 0 }
    }

    fn arrive(&mut self, number: u64) {
        let mut request = request(self.seed, number);
        if self.rng.one_in(20) {
            request.deadline = Some(self.now + self.rng.below(200));
        }
        if self.rng.one_in(20) {
            request.admit_by = Some(self.now + self.rng.below(100));
        }
        // A full queue refuses; the caller comes again after a step.
        let start = self.now;
        while self.engine.stats().n_waiting == self.options.max_queue {
            self.step();
            self.check_progress_since(start);
        }
        let id = self.engine.submit(request).expect("nothing is wrong with it");
        let flight = Flight { number, record: Record::default(), n_overtaken: 0 };
        assert!(self.flights.insert(id, flight).is_none(), "an id was used again");
    }

    fn cancel_one(&mut self) {
        let ids: Vec<SequenceId> = self.flights.keys().copied().collect();
        if ids.is_empty() {
            return;
        }
        let id = ids[self.rng.below(ids.len() as u64) as usize];
        // It may have ended in a step that failed, which reports later.
        self.engine.cancel(id);
        assert!(!self.engine.cancel(id), "cancelled twice");
    }

    fn step(&mut self) {
        self.now += 1;
        if self.rng.one_in(50) {
            self.engine.model_mut().n_failures = self.rng.range(1, 3);
        }
        let Ok(events) = self.engine.step(self.now) else { return };
        for event in &events {
            let id = event.sequence();
            let flight = self.flights.get_mut(&id).expect("events of known requests only");
            flight.record.add(event);
            if flight.record.reason.is_some() {
                self.land(id);
            }
        }
        let stats = self.engine.stats();
        assert!(stats.n_pages_held + stats.n_pages_kept <= stats.n_pages);
        assert!(stats.n_pages_held + stats.n_pages_promised <= stats.n_pages, "{stats:?}");
        assert!(stats.n_running <= self.options.max_sequences);
    }

    fn land(&mut self, id: SequenceId) {
        let flight = self.flights.remove(&id).expect("it was just here");
        for (_, waiting) in self.flights.range_mut(..id) {
            waiting.n_overtaken += usize::from(waiting.record.events.is_empty());
        }
        self.max_overtaken = self.max_overtaken.max(flight.n_overtaken);
        self.landed.push(flight);
    }

    /// All that wait and run at once end within this many steps, or some never will.
    fn check_progress_since(&self, start: u64) {
        assert!(self.now - start < 60 * 400, "no end: {:?}", self.engine.stats());
    }

    /// Runs all requests; returns the counts at the end.
    fn run(&mut self) -> Stats {
        let mut number = 0;
        while number < REQUESTS_PER_WORLD {
            for _ in 0..self.rng.below(6) {
                self.arrive(number);
                number += 1;
            }
            if self.rng.one_in(8) {
                self.cancel_one();
            }
            for _ in 0..self.rng.below(12) {
                self.step();
            }
        }
        let start = self.now;
        while !self.engine.is_idle() {
            self.step();
            self.check_progress_since(start);
        }
        assert!(self.flights.is_empty(), "a request never ended");
        self.engine.stats()
    }

    fn check(&self) {
        for Flight { number, record, .. } in &self.landed {
            let alone = alone(self.seed, *number);
            let is_whole = !matches!(
                record.reason,
                Some(FinishReason::Cancelled | FinishReason::Deadline | FinishReason::QueueTimeout)
            );
            if is_whole {
                assert_eq!(record, &alone, "world {}, request {number}", self.seed);
                continue;
            }
            let n = record.events.len() - 1;
            assert_eq!(record.events[..n], alone.events[..n], "world {}, {number}", self.seed);
        }
    }
}

#[test]
fn every_request_gets_what_it_would_get_alone() {
    let mut totals = Stats::default();
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    let mut max_overtaken = 0;
    for seed in 0..N_WORLDS {
        let mut world = World::new(seed);
        let stats = world.run();
        assert_eq!((stats.n_pages_held, stats.n_pages_promised), (0, 0), "pages leaked");
        assert_eq!(stats.accepted, stats.finished);
        let largest = world.engine.model().largest;
        assert!(largest.0 <= world.options.max_batch_tokens, "{largest:?}");
        assert!(world.engine.model().most_logit_rows <= world.options.max_logit_rows);
        world.check();
        // Every fourth admission is the oldest's: with at most `max_queue` before it, no request
        // sees more than four times as many admissions, besides those that already ran.
        let bound = 4 * (world.options.max_queue + 1) + world.options.max_sequences;
        assert!(world.max_overtaken <= bound, "{} of {bound}", world.max_overtaken);
        max_overtaken = max_overtaken.max(world.max_overtaken);
        for flight in &world.landed {
            let name = format!("{:?}", flight.record.reason.as_ref().unwrap());
            let name = name.split([' ', '{']).next().unwrap().to_owned();
            *reasons.entry(name).or_default() += 1;
        }
        totals.steps += stats.steps;
        totals.prompt_tokens += stats.prompt_tokens;
        totals.cached_tokens += stats.cached_tokens;
        totals.generated_tokens += stats.generated_tokens;
        totals.finished += stats.finished;
    }
    println!("{totals:?}\n{reasons:?}\nmost overtaken: {max_overtaken}");
    // The simulation is worth something only if everything happens in it.
    assert!(totals.finished >= 30_000 && totals.cached_tokens > totals.prompt_tokens / 20);
    for reason in ["Stop", "Length", "Cancelled", "Deadline", "QueueTimeout"] {
        assert!(reasons.get(reason).is_some_and(|n| *n > 100), "{reason}: {reasons:?}");
    }
    for failure in ["NotFinite", "NothingAllowed", "Mask"] {
        assert!(reasons.contains_key(&format!("Failed({failure}")), "{reasons:?}");
    }
}
