//! From a budget of tokens to control over the thought.

use ponder_engine::{LoopGuard, Thinking};
use ponder_text::{ControlTokens, ReasoningSplitter, ReasoningState, TextError, Tokenizer};

/// Written before a thought is closed by force, so that the model knows what happened.
const NOTICE: &str = "\n\nI have thought long enough and answer with what I have.\n";
/// From the soft budget on, a thought closes when `</think>` is among this many best tokens.
const CLOSE_RANK: usize = 3;
/// The most tokens between the soft budget and the hard one.
const GRACE: usize = 256;
/// The most tokens of a completion that are kept for the answer.
const ANSWER_RESERVE: usize = 1024;
/// A thought that repeats itself word for word over this stretch does not come to an end.
const LOOP_GUARD: LoopGuard = LoopGuard { max_period: 256, min_repeats: 4, min_tokens: 512 };

/// Control over the thought that follows `prompt`; `None` for models that do not think apart from
/// their answer. `budget` is the most tokens of thinking, `None` as many as fit.
pub fn thinking(
    tokenizer: &Tokenizer,
    prompt: &[u32],
    budget: Option<usize>,
    max_tokens: usize,
) -> Result<Option<Thinking>, TextError> {
    let marks = [tokenizer.control_id("<think>"), tokenizer.control_id("</think>")];
    let [Some(think_start), Some(think_end)] = marks else { return Ok(None) };
    let splitter = ReasoningSplitter::new(tokenizer, prompt);
    let notice = tokenizer.encode(NOTICE, ControlTokens::Plain)?;
    let limits = Limits::new(budget, max_tokens, notice.len());
    Ok(Some(Thinking {
        think_start,
        think_end,
        starts_open: splitter.state() == ReasoningState::Thinking,
        budget: limits.soft,
        grace: limits.grace,
        close_rank: CLOSE_RANK,
        notice: if limits.has_notice { notice } else { Vec::new() },
        answer_reserve: ANSWER_RESERVE.min(max_tokens / 4),
        closes_on_stop: true,
        loop_guard: Some(LOOP_GUARD),
    }))
}

/// A budget is the most tokens of thinking, the notice among them: the soft part comes before it.
#[derive(Debug, PartialEq, Eq)]
struct Limits {
    soft: Option<usize>,
    grace: usize,
    has_notice: bool,
}

impl Limits {
    fn new(budget: Option<usize>, max_tokens: usize, n_notice: usize) -> Limits {
        // The notice must not be the better part of what it ends.
        let has_notice = n_notice * 4 <= budget.unwrap_or(max_tokens).min(max_tokens);
        let spent = if has_notice { n_notice } else { 0 };
        let hard = budget.map(|budget| budget - spent.min(budget));
        let grace = hard.map_or(0, |hard| GRACE.min(hard / 5));
        Limits { soft: hard.map(|hard| hard - grace), grace, has_notice }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_bounds_thought_and_notice_together() {
        for budget in [0, 1, 4, 39, 40, 100, 1000, 100_000] {
            let limits = Limits::new(Some(budget), 1 << 20, 10);
            let soft = limits.soft.unwrap();
            let notice = if limits.has_notice { 10 } else { 0 };
            assert_eq!(soft + limits.grace + notice, budget, "{limits:?}");
            assert_eq!(limits.has_notice, budget >= 40, "{limits:?}");
        }
        let unbounded = Limits::new(None, 20, 10);
        assert_eq!(unbounded, Limits { soft: None, grace: 0, has_notice: false });
    }
}
