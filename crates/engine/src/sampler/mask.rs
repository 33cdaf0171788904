//! Sets of allowed tokens, and the hook by which a grammar provides them.

/// Restricts the tokens of an answer, such as to a grammar. Asked for tokens outside thoughts only.
pub trait TokenMask: Send {
    /// Sets the tokens that may come next; `set` arrives empty. An error ends the sequence.
    fn allow(&mut self, set: &mut TokenSet) -> Result<(), String>;

    /// Notes the token that was chosen. An error ends the sequence.
    fn accept(&mut self, id: u32) -> Result<(), String>;
}

/// A set of token ids, one bit each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenSet {
    words: Vec<u32>,
    n_ids: usize,
}

impl TokenSet {
    /// No ids, of `n_ids` possible ones.
    pub fn empty(n_ids: usize) -> TokenSet {
        TokenSet { words: vec![0; n_ids.div_ceil(32)], n_ids }
    }

    /// Adds an id; ids beyond the possible ones are left out.
    pub fn insert(&mut self, id: u32) {
        if (id as usize) < self.n_ids {
            self.words[id as usize / 32] |= 1 << (id % 32);
        }
    }

    /// Whether an id is in the set.
    pub fn contains(&self, id: u32) -> bool {
        (id as usize) < self.n_ids && self.words[id as usize / 32] >> (id % 32) & 1 == 1
    }

    /// The bits, id `i` at bit `i % 32` of word `i / 32`, to be filled in bulk. Bits beyond the
    /// possible ids have no effect.
    pub fn words_mut(&mut self) -> &mut [u32] {
        &mut self.words
    }

    /// Makes the set empty again.
    pub(crate) fn clear(&mut self) {
        self.words.fill(0);
    }

    /// Rules out every logit that is not in the set.
    pub(crate) fn apply(&self, logits: &mut [f32]) {
        for (word_idx, chunk) in logits.chunks_mut(32).enumerate() {
            let word = self.words.get(word_idx).copied().unwrap_or(0);
            if word == u32::MAX {
                continue;
            }
            for (bit, logit) in chunk.iter_mut().enumerate() {
                if word >> bit & 1 == 0 {
                    *logit = f32::NEG_INFINITY;
                }
            }
        }
    }
}
