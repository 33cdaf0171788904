//! The tests that an answer must pass to be learnt from.

use super::{RejectOptions, RejectReport};
use crate::dialogues::KeptDialogue;
use crate::prompt::Prompt;
use crate::reply::{Marks, Reply};
use crate::reward::repetition;
use crate::rollout::Completion;

/// What answers pass through.
pub(super) struct Sieve<'a> {
    pub options: &'a RejectOptions,
    /// Answers that came to each test, and those that passed all.
    pub counts: [u64; 5],
    /// Tokens sampled.
    pub tokens: u64,
}

impl Sieve<'_> {
    /// The good answers to a prompt, the shortest first, none twice.
    pub fn good(
        &mut self,
        marks: &Marks,
        prompt: &Prompt,
        completions: Vec<Completion>,
    ) -> Vec<(Completion, Reply)> {
        let mut good: Vec<(Completion, Reply)> = Vec::new();
        for completion in completions {
            self.tokens += completion.token_ids.len() as u64;
            let reply = Reply::of(marks, &prompt.token_ids, &completion);
            let passed = self.n_passed(prompt, &completion, &reply);
            self.counts[..=passed].iter_mut().for_each(|count| *count += 1);
            let is_new = good.iter().all(|(other, _)| other.token_ids != completion.token_ids);
            if passed == 4 && is_new {
                good.push((completion, reply));
            }
        }
        good.sort_by_key(|(completion, _)| completion.token_ids.len());
        good
    }

    /// How many of the four tests an answer passes, in order.
    fn n_passed(&self, prompt: &Prompt, completion: &Completion, reply: &Reply) -> usize {
        let Some(text) = reply.gradable() else { return 0 };
        let language = prompt.problem.language();
        let is_repeating = || {
            -repetition(&completion.token_ids, self.options.repetition_run)
                > self.options.max_repetition
        };
        if !prompt.problem.grade(text) {
            0
        } else if !reply.is_well_formed(prompt.is_boxed) {
            1
        } else if language.consistency(&reply.thinking) < 1.0 {
            2
        } else if is_repeating() {
            3
        } else {
            4
        }
    }

    /// What the tests found, and what was kept of what passed them; counts this round only.
    pub fn report(&self, step: u64, kept: &[KeptDialogue]) -> RejectReport {
        let share = |a: u64, b: u64| a as f64 / b.max(1) as f64;
        let [all, right, formed, one_language, good] = self.counts;
        let tokens: u64 = kept.iter().map(|kept| kept.n_tokens).sum();
        RejectReport {
            step,
            tokens: self.tokens,
            answers: all,
            accuracy: share(right, all),
            malformed: share(right - formed, right),
            mixed: share(formed - one_language, formed),
            repeating: share(one_language - good, one_language),
            kept: kept.len() as u64,
            kept_in_all: 0,
            length: share(tokens, kept.len() as u64),
        }
    }
}
