//! What the next step computes: a token for every decoding sequence, then prompts in chunks.

use std::collections::HashSet;
use std::ops::Range;

use ponder_kernels::{PAGE_TOKENS, Span};

use crate::engine::EngineOptions;
use crate::fairness::Fairness;
use crate::pages::{PageKey, PagePool};
use crate::sequence::Sequence;

/// One sequence's part in a step.
pub(crate) struct Work {
    /// Its place among the running sequences.
    pub index: usize,
    pub n_tokens: usize,
    /// Its places in `logit_rows`: none, the last token's, or all when the prompt is scored.
    pub logits: Range<usize>,
}

/// A step to be run.
#[derive(Default)]
pub(crate) struct Plan {
    pub token_ids: Vec<u32>,
    pub spans: Vec<Span>,
    /// Rows whose logits are wanted, ascending.
    pub logit_rows: Vec<usize>,
    pub work: Vec<Work>,
}

/// Plans a step and takes the pages it needs. Empty if nothing runs.
pub(crate) fn plan(
    running: &mut [Sequence],
    pool: &mut PagePool,
    fairness: &mut Fairness,
    options: &EngineOptions,
) -> Plan {
    let mut plan = Plan::default();
    let mut prefills = Vec::new();
    for (index, sequence) in running.iter_mut().enumerate() {
        match sequence.is_prefilling() {
            true => prefills.push((index, sequence.request.tenant)),
            false => plan.add(index, sequence, 1, pool),
        }
    }
    let mut budget = match plan.work.len() {
        0 => options.max_batch_tokens,
        n => (options.max_batch_tokens - n).min(options.prefill_tokens_beside_decodes),
    };
    let mut being_computed: HashSet<PageKey> = HashSet::new();
    fairness.order_prefills(&mut prefills);
    for (index, tenant) in prefills {
        let sequence = &mut running[index];
        fairness.cancel_due(tenant, sequence.adopt(pool));
        let key = sequence.next_key();
        // The same page is on its way in this very step: better to share it in the next.
        if sequence.could_adopt_next() && key.is_some_and(|key| being_computed.contains(&key)) {
            continue;
        }
        let n_tokens = chunk(sequence.n_computed, sequence.n_prompt, budget);
        if n_tokens == 0 {
            continue;
        }
        being_computed.extend(key);
        budget -= n_tokens;
        plan.add(index, sequence, n_tokens, pool);
    }
    plan
}

/// How many tokens of a prompt to compute: up to its end if the limit allows, else up to the end of
/// a page, which others can then share, else what is allowed.
fn chunk(start: usize, n_prompt: usize, limit: usize) -> usize {
    let end = (start + limit).min(n_prompt);
    let page_end = end / PAGE_TOKENS * PAGE_TOKENS;
    if end < n_prompt && page_end > start { page_end - start } else { end - start }
}

impl Plan {
    fn add(&mut self, index: usize, sequence: &mut Sequence, n_tokens: usize, pool: &mut PagePool) {
        let start = sequence.n_computed;
        let end = start + n_tokens;
        sequence.grow(end, pool);
        let rows = self.token_ids.len()..self.token_ids.len() + n_tokens;
        let first_logits = self.logit_rows.len();
        if sequence.is_prefilling() && sequence.request.prompt_logprobs.is_some() {
            self.logit_rows.extend(rows.clone());
        } else if end == sequence.tokens.len() {
            self.logit_rows.push(rows.end - 1);
        }
        self.token_ids.extend(&sequence.tokens[start..end]);
        self.spans.push(Span { rows, first_position: start, pages: sequence.pages.clone() });
        self.work.push(Work { index, n_tokens, logits: first_logits..self.logit_rows.len() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_end_at_the_prompt_or_at_a_page() {
        let cases = [
            ((0, 10, 512), 10),
            ((0, 1000, 512), 512),
            ((0, 1000, 500), 448),
            ((448, 1000, 30), 30),
            ((478, 1000, 100), 98),
            ((960, 1000, 512), 40),
            ((5, 1000, 0), 0),
        ];
        for ((start, n_prompt, limit), expected) in cases {
            assert_eq!(chunk(start, n_prompt, limit), expected, "{start} of {n_prompt}, {limit}");
        }
    }
}
