//! What one forward step computes: tokens of several sequences, row by row.

use std::ops::Range;

use crate::kv::{PAGE_TOKENS, PageId};

/// The tokens of one step. Row `r` of every activation belongs to token `r`.
#[derive(Clone)]
pub struct Batch {
    /// Token ids `[tokens]`.
    pub token_ids: Vec<u32>,
    /// Consecutive tokens of one sequence each, covering all rows in order.
    pub spans: Vec<Span>,
    /// Cosines and sines of every row's position.
    pub rotary: Rotary,
}

/// Consecutive tokens of one sequence within a batch.
#[derive(Clone, Debug)]
pub struct Span {
    /// Rows of the batch.
    pub rows: Range<usize>,
    /// Position of the first row's token in its sequence, from 0.
    pub first_position: usize,
    /// The sequence's cache pages in order; they hold every position up to the last row's.
    pub pages: Vec<PageId>,
}

impl Span {
    /// The position of a row of this span.
    pub fn position(&self, row: usize) -> usize {
        self.first_position + row - self.rows.start
    }

    /// Positions that exist once this span is written.
    pub fn end_position(&self) -> usize {
        self.first_position + self.rows.len()
    }
}

/// Rotary angles of a batch: `cos` and `sin`, each `[tokens, rotary_dim / 2]`.
#[derive(Clone)]
pub struct Rotary {
    half_dim: usize,
    cos: Vec<f32>,
    sin: Vec<f32>,
}

impl Rotary {
    /// Angles `position * inv_freq[i]`, cosines and sines times `multiplier` (YaRN's, else 1).
    ///
    /// The product is rounded to f32 as the original implementations round it; the functions of it
    /// are taken in f64.
    pub fn new(
        positions: impl Iterator<Item = usize>,
        inv_freq: &[f32],
        multiplier: f32,
    ) -> Rotary {
        let (mut cos, mut sin) = (Vec::new(), Vec::new());
        for position in positions {
            for inv_freq in inv_freq {
                let (s, c) = ((position as f32 * inv_freq) as f64).sin_cos();
                cos.push((c * multiplier as f64) as f32);
                sin.push((s * multiplier as f64) as f32);
            }
        }
        Rotary { half_dim: inv_freq.len(), cos, sin }
    }

    /// Half the rotated dimensions.
    pub fn half_dim(&self) -> usize {
        self.half_dim
    }

    /// Cosines and sines `[rotary_dim / 2]` of one row.
    pub fn row(&self, row: usize) -> (&[f32], &[f32]) {
        let range = row * self.half_dim..(row + 1) * self.half_dim;
        (&self.cos[range.clone()], &self.sin[range])
    }
}

impl Batch {
    /// A batch of the given spans; `token_ids` holds their tokens in order.
    #[track_caller]
    pub fn new(token_ids: Vec<u32>, spans: Vec<Span>, inv_freq: &[f32], multiplier: f32) -> Batch {
        let mut row = 0;
        for span in &spans {
            assert_eq!(span.rows.start, row, "spans must cover the rows in order");
            row = span.rows.end;
            let room = span.pages.len() * PAGE_TOKENS;
            assert!(span.end_position() <= room, "{span:?} has room for {room} positions");
        }
        assert_eq!(row, token_ids.len(), "spans must cover every token");
        let positions = spans.iter().flat_map(|s| s.first_position..s.end_position());
        let rotary = Rotary::new(positions, inv_freq, multiplier);
        Batch { token_ids, spans, rotary }
    }

    /// Number of rows.
    pub fn n_tokens(&self) -> usize {
        self.token_ids.len()
    }
}
