//! A text that grows, as blocks: those that are complete are rendered once, the last one again and
//! again while it grows.

use super::html::{self, Block};
use super::math::{self, Extracted};
use super::{MAX_BYTES, plain, with_deep_stack};

/// The last block is rendered anew when it has grown by one part in this many, so that all
/// renderings together cost a fixed multiple of the text.
const GROWTH: usize = 24;

/// Text that arrives in pieces.
#[derive(Default)]
pub struct Blocks {
    /// What follows the complete blocks.
    tail: String,
    /// Complete blocks.
    n_complete: usize,
    /// Blocks that have been shown, complete or not.
    n_shown: usize,
    /// Bytes of all text.
    n_bytes: usize,
    /// Bytes of the tail at its last rendering.
    n_rendered: usize,
}

impl Blocks {
    /// Adds text.
    pub fn push(&mut self, text: &str) {
        self.n_bytes += text.len();
        // Their places are taken by formulas.
        self.tail.extend(text.chars().map(|c| if math::is_mark(c) { '\u{fffd}' } else { c }));
    }

    /// The blocks that have changed, each with its place. Empty while too little is new.
    pub fn update(&mut self) -> Vec<(usize, String)> {
        let grown = self.tail.len() - self.n_rendered;
        if grown == 0 || grown < self.tail.len() / GROWTH {
            return Vec::new();
        }
        self.render(true)
    }

    /// The blocks that change because no more text comes.
    pub fn finish(&mut self) -> Vec<(usize, String)> {
        if self.tail.is_empty() { Vec::new() } else { self.render(false) }
    }

    fn render(&mut self, is_open: bool) -> Vec<(usize, String)> {
        self.n_rendered = self.tail.len();
        if self.n_bytes > MAX_BYTES {
            return vec![(self.n_complete, plain(&self.tail))];
        }
        let extracted = math::extract(&self.tail, is_open);
        let rendered = with_deep_stack(|| html::blocks(&extracted));
        let Some(blocks) = rendered else {
            return vec![(self.n_complete, plain(&self.tail))];
        };
        let first = self.n_complete;
        if let Some((n_complete, end)) = complete(&blocks, &extracted).filter(|_| is_open) {
            self.n_complete += n_complete;
            self.tail.drain(..end);
            self.n_rendered = self.tail.len();
        }
        let number = |(index, block): (usize, Block)| (first + index, block.html);
        let mut changed: Vec<_> = blocks.into_iter().enumerate().map(number).collect();
        // What was shown may have become a part of the block before it, or a definition of a link.
        changed.extend((first + changed.len()..self.n_shown).map(|index| (index, String::new())));
        self.n_shown = first + changed.len();
        changed
    }
}

/// How many blocks no further text can change, and where their text ends.
fn complete(blocks: &[Block], extracted: &Extracted) -> Option<(usize, usize)> {
    // A line that has not ended may still belong to the block before it, such as a row of a table.
    let n_open = if extracted.text[blocks.last()?.start..].contains('\n') { 1 } else { 2 };
    let n_complete = blocks.len().checked_sub(n_open).filter(|n| *n > 0)?;
    Some((n_complete, extracted.source_offset(blocks[n_complete].start)))
}
