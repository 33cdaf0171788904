//! Notices a thought that repeats itself word for word.

/// When a run of tokens counts as a loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoopGuard {
    /// The longest repeated block that is looked for, in tokens.
    pub max_period: usize,
    /// How often a block must stand there in a row.
    pub min_repeats: usize,
    /// How many tokens the repetition must span, so that a row of dashes is none.
    pub min_tokens: usize,
}

/// Watches tokens as they come: constant memory, `max_period` comparisons a token.
pub(crate) struct LoopDetector {
    guard: LoopGuard,
    /// The last `max_period` tokens, a ring.
    recent: Vec<u32>,
    n_seen: usize,
    /// `runs[p - 1]`: how many tokens in a row equal the one `p` places before.
    runs: Vec<usize>,
}

impl LoopDetector {
    pub fn new(guard: LoopGuard) -> LoopDetector {
        let n = guard.max_period;
        LoopDetector { guard, recent: vec![0; n], n_seen: 0, runs: vec![0; n] }
    }

    /// Notes a token; whether the latest tokens are a loop.
    pub fn push(&mut self, id: u32) -> bool {
        let n = self.guard.max_period;
        let mut is_loop = false;
        for period in 1..=n.min(self.n_seen) {
            let repeats = self.recent[(self.n_seen - period) % n] == id;
            let run = &mut self.runs[period - 1];
            *run = if repeats { *run + 1 } else { 0 };
            let span = *run + period;
            let is_long = span >= period * self.guard.min_repeats && span >= self.guard.min_tokens;
            is_loop |= *run > 0 && is_long;
        }
        if n > 0 {
            self.recent[self.n_seen % n] = id;
            self.n_seen += 1;
        }
        is_loop
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of the tokens arrive before a loop is reported.
    fn reported_at(ids: impl IntoIterator<Item = u32>) -> Option<usize> {
        let guard = LoopGuard { max_period: 8, min_repeats: 4, min_tokens: 12 };
        let mut detector = LoopDetector::new(guard);
        ids.into_iter().position(|id| detector.push(id)).map(|index| index + 1)
    }

    #[test]
    fn repetition_is_a_loop_and_variety_is_not() {
        assert_eq!(reported_at([5; 20]), Some(12), "one token: the length decides");
        assert_eq!(reported_at((0..99).map(|i| i % 5)), Some(20), "five tokens, four times");
        let broken = (0..99).map(|i| if i % 19 == 0 { 100 + i } else { i % 5 });
        assert_eq!(reported_at(broken), None);
        assert_eq!(reported_at((0..99).map(|i| i % 9)), None, "a longer period than looked for");
        assert_eq!(reported_at([1, 2, 3].into_iter().chain([7; 12])), Some(15));
    }

    #[test]
    fn no_period_watches_nothing() {
        let guard = LoopGuard { max_period: 0, min_repeats: 0, min_tokens: 0 };
        let mut detector = LoopDetector::new(guard);
        assert!((0..100).all(|_| !detector.push(1)));
    }
}
