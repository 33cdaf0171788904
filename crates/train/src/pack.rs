//! Sequences of several lengths in one batch: each is a span of its own, so that attention never
//! crosses documents (a block-diagonal mask without the mask) and positions start at 0 in each.

use ponder_kernels::{Batch, PAGE_TOKENS, PageId, Span};
use ponder_model::Model;

/// A text to learn from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sequence {
    /// Its tokens.
    pub token_ids: Vec<u32>,
    /// For each token the weight of predicting it; 0 for what is given. That of the first token
    /// never counts.
    pub weights: Vec<f32>,
}

impl Sequence {
    /// A text of which every token counts.
    pub fn whole(token_ids: Vec<u32>) -> Sequence {
        let weights = vec![1.0; token_ids.len()];
        Sequence { token_ids, weights }
    }

    /// A text of which `prompt` is given and `answer` counts.
    pub fn answer(prompt: &[u32], answer: &[u32]) -> Sequence {
        let token_ids = [prompt, answer].concat();
        let mut weights = vec![0.0; prompt.len()];
        weights.resize(token_ids.len(), 1.0);
        Sequence { token_ids, weights }
    }

    /// The weights of predicting the token `ahead` places on, added up: 1 for the model, 2 for
    /// its MTP layer.
    pub fn total_weight(&self, ahead: usize) -> f64 {
        self.weights.iter().skip(ahead).map(|weight| *weight as f64).sum()
    }
}

/// The batch of whole sequences, with pages for each.
pub fn batch(model: &Model, sequences: &[Sequence]) -> Batch {
    let token_ids = sequences.iter().flat_map(|s| s.token_ids.iter().copied()).collect();
    model.batch(token_ids, spans(sequences))
}

/// The same with each token replaced by the one that follows it, as the MTP layer reads them; the
/// last of a sequence, which nothing follows, by token 0.
pub fn batch_of_next(model: &Model, sequences: &[Sequence]) -> Batch {
    let next = |s: &Sequence| {
        let following = s.token_ids[1..].iter().copied().chain([0]);
        following.collect::<Vec<u32>>()
    };
    model.batch(sequences.iter().flat_map(next).collect(), spans(sequences))
}

/// Pages that sequences need.
pub fn n_pages(sequences: &[Sequence]) -> usize {
    sequences.iter().map(|s| s.token_ids.len().div_ceil(PAGE_TOKENS)).sum()
}

fn spans(sequences: &[Sequence]) -> Vec<Span> {
    let (mut row, mut page) = (0, 0);
    let span = |sequence: &Sequence| {
        let n = sequence.token_ids.len();
        assert!(n > 0 && sequence.weights.len() == n, "a sequence of {n} tokens");
        let n_pages = n.div_ceil(PAGE_TOKENS) as u32;
        let pages = (page..page + n_pages).map(PageId).collect();
        let span = Span { rows: row..row + n, first_position: 0, pages };
        (row, page) = (row + n, page + n_pages);
        span
    };
    sequences.iter().map(span).collect()
}

/// Cuts sequences into micro-batches of at most `max_tokens` tokens, in their order; a longer
/// sequence is one of its own.
pub fn micro_batches(sequences: &[Sequence], max_tokens: usize) -> Vec<&[Sequence]> {
    let (mut batches, mut first, mut n_tokens) = (Vec::new(), 0, 0);
    for (i, sequence) in sequences.iter().enumerate() {
        let n = sequence.token_ids.len();
        if i > first && n_tokens + n > max_tokens {
            batches.push(&sequences[first..i]);
            (first, n_tokens) = (i, 0);
        }
        n_tokens += n;
    }
    batches.extend((first < sequences.len()).then(|| &sequences[first..]));
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn micro_batches_keep_order_and_limit() {
        let sequences: Vec<Sequence> =
            [3, 4, 9, 1, 1, 1].iter().map(|n| Sequence::whole(vec![0; *n])).collect();
        let sizes = |max| {
            let batches = micro_batches(&sequences, max);
            batches.iter().map(|batch| batch.len()).collect::<Vec<_>>()
        };
        assert_eq!(sizes(8), [2, 1, 3]);
        assert_eq!(sizes(1), [1; 6]);
        assert_eq!(sizes(100), [6]);
        assert!(micro_batches(&[], 5).is_empty());
    }
}
