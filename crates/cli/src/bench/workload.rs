//! What is timed: a prompt, or tokens one by one, on a model and its cache.

use std::time::Instant;

use ponder_kernels::{KvCache, Ops, PAGE_TOKENS, PageId, Span};
use ponder_model::Model;

use super::forward::{Task, What};

/// A model with a cache in which the runs repeat.
pub struct Workload<'m> {
    task: &'m Task<'m>,
    model: &'m Model,
    ops: &'m dyn Ops,
    cache: KvCache,
    /// Pages of each sequence.
    pages: Vec<Vec<PageId>>,
}

impl<'m> Workload<'m> {
    /// Reserves the cache and, for decoding, fills it to the depth asked for.
    pub fn new(task: &'m Task<'m>, model: &'m Model, ops: &'m dyn Ops) -> Workload<'m> {
        let n_pages = task.positions().div_ceil(PAGE_TOKENS);
        let pages = (0..task.flags.streams)
            .map(|stream| (0..n_pages).map(|i| PageId((stream * n_pages + i) as u32)).collect())
            .collect();
        let cache = model.new_cache(ops, task.flags.streams * n_pages);
        let mut workload = Workload { task, model, ops, cache, pages };
        if task.what == What::Decode {
            for stream in 0..task.flags.streams {
                workload.read(stream, task.flags.context);
            }
        }
        workload
    }

    /// One run; tokens a second over all sequences.
    pub fn run(&mut self) -> f64 {
        let n_tokens = self.task.tokens();
        let start = Instant::now();
        match self.task.what {
            What::Prefill => self.read(0, n_tokens),
            What::Decode => (0..n_tokens).for_each(|i| self.write(self.task.flags.context + i)),
        }
        (n_tokens * self.task.flags.streams) as f64 / start.elapsed().as_secs_f64()
    }

    /// Reads a prompt in steps of `--chunk`, with the logits of its last token.
    fn read(&mut self, stream: usize, n_tokens: usize) {
        let mut first = 0;
        while first < n_tokens {
            let end = (first + self.task.flags.backend.chunk).min(n_tokens);
            let ids = (first..end).map(|position| self.token(stream, position)).collect();
            let pages = self.pages[stream].clone();
            let span = Span { rows: 0..end - first, first_position: first, pages };
            let last_row = end - first - 1;
            let logit_rows: &[usize] = if end == n_tokens { &[last_row] } else { &[] };
            self.step(ids, vec![span], logit_rows);
            first = end;
        }
    }

    /// Writes the token at `position` of every sequence.
    fn write(&mut self, position: usize) {
        let n_streams = self.pages.len();
        let ids = (0..n_streams).map(|stream| self.token(stream, position)).collect();
        let span = |row: usize| {
            let pages = self.pages[row].clone();
            Span { rows: row..row + 1, first_position: position, pages }
        };
        let rows: Vec<usize> = (0..n_streams).collect();
        self.step(ids, (0..n_streams).map(span).collect(), &rows);
    }

    fn step(&mut self, ids: Vec<u32>, spans: Vec<Span>, logit_rows: &[usize]) {
        let batch = self.model.batch(ids, spans);
        let hidden = self.model.hidden(self.ops, &batch, &mut self.cache);
        if !logit_rows.is_empty() {
            self.model.logits(self.ops, &hidden, logit_rows);
        }
    }

    /// Ids drawn evenly, so that experts are: what a model of random weights would write itself
    /// soon goes round in circles.
    fn token(&self, stream: usize, position: usize) -> u32 {
        let [draw, ..] = ponder_engine::philox4x32([stream as u32, position as u32, 0, 0], [1, 0]);
        draw % self.model.config().vocab_size as u32
    }
}
