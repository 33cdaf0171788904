//! A model whose cache remembers which tokens it holds: its logits are a pure function of a
//! sequence's own history, and a wrong page, a stale slot or a foreign token makes it panic.

use ponder_engine::{EngineError, EngineOptions, LanguageModel};
use ponder_kernels::{PAGE_TOKENS, Span};
use ponder_tensor::{Arena, Tensor};

/// What one position of the cache holds.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Slot {
    token: u32,
    /// Of this token and all before it.
    history: u64,
}

/// The fake.
pub struct Fake {
    pub vocab_size: usize,
    pub max_positions: usize,
    /// One in this many histories has a NaN among its logits.
    pub poison: Option<u64>,
    /// Fails this many calls.
    pub n_failures: usize,
    /// The most tokens and spans of a call so far.
    pub largest: (usize, usize),
    /// Calls so far.
    pub n_calls: usize,
    /// The most rows of logits asked for at once.
    pub most_logit_rows: usize,
    pages: Vec<[Option<Slot>; PAGE_TOKENS]>,
    arena: Arena,
}

/// A step of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014), as a hash.
pub fn mix(state: u64, value: u64) -> u64 {
    let mut z = state.wrapping_add(value.wrapping_mul(0x9E37_79B9_7F4A_7C15)).wrapping_add(1);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

impl Fake {
    pub fn new(vocab_size: usize, n_pages: usize) -> Fake {
        Fake {
            vocab_size,
            max_positions: 100_000,
            poison: None,
            n_failures: 0,
            largest: (0, 0),
            n_calls: 0,
            most_logit_rows: 0,
            pages: vec![[None; PAGE_TOKENS]; n_pages],
            arena: Arena::new(),
        }
    }

    /// The history before a span, read from its pages.
    fn history_before(&self, span: &Span) -> u64 {
        let mut history = 0;
        for position in 0..span.first_position {
            let page = span.pages[position / PAGE_TOKENS];
            let slot = self.pages[page.0 as usize][position % PAGE_TOKENS];
            let slot = slot.unwrap_or_else(|| panic!("position {position} was never computed"));
            history = mix(history, u64::from(slot.token));
            assert_eq!(slot.history, history, "position {position} belongs to another sequence");
        }
        history
    }
}

impl LanguageModel for Fake {
    fn vocab_size(&self) -> usize {
        self.vocab_size
    }

    fn max_positions(&self) -> usize {
        self.max_positions
    }

    fn n_pages(&self) -> usize {
        self.pages.len()
    }

    /// Two values a token: the halves of its history.
    fn hidden(&mut self, token_ids: Vec<u32>, spans: Vec<Span>) -> Result<Tensor, EngineError> {
        self.n_calls += 1;
        if self.n_failures > 0 {
            self.n_failures -= 1;
            return Err(EngineError::Device { reason: "as asked".to_owned() });
        }
        self.largest = (self.largest.0.max(token_ids.len()), self.largest.1.max(spans.len()));
        let mut hidden = Vec::new();
        for span in &spans {
            assert!(span.pages.len() * PAGE_TOKENS >= span.end_position(), "{span:?}");
            let mut history = self.history_before(span);
            for row in span.rows.clone() {
                let (position, token) = (span.position(row), token_ids[row]);
                history = mix(history, u64::from(token));
                let page = span.pages[position / PAGE_TOKENS];
                let slot = Some(Slot { token, history });
                self.pages[page.0 as usize][position % PAGE_TOKENS] = slot;
                hidden.extend([history as u32, (history >> 32) as u32].map(f32::from_bits));
            }
        }
        Ok(self.arena.tensor(token_ids.len(), 2, |out| out.copy_from_slice(&hidden)))
    }

    fn logits(&mut self, hidden: &Tensor, rows: &[usize]) -> Tensor {
        self.most_logit_rows = self.most_logit_rows.max(rows.len());
        let vocab_size = self.vocab_size;
        self.arena.tensor(rows.len(), vocab_size, |out| {
            for (out, row) in out.chunks_exact_mut(vocab_size).zip(rows) {
                let [low, high] = [0, 1].map(|half| u64::from(hidden.row(*row)[half].to_bits()));
                let history = high << 32 | low;
                for (id, logit) in out.iter_mut().enumerate() {
                    *logit = (mix(history, id as u64) % 4096) as f32 / 512.0;
                }
                if self.poison.is_some_and(|n| history.is_multiple_of(n)) {
                    out[vocab_size / 2] = f32::NAN;
                }
            }
        })
    }
}

/// Options that limit little.
pub fn options(vocab_size: usize) -> EngineOptions {
    EngineOptions {
        max_sequences: 64,
        max_queue: 10_000,
        max_batch_tokens: 512,
        prefill_tokens_beside_decodes: 512,
        max_logit_rows: 64,
        n_sampleable: vocab_size,
    }
}
