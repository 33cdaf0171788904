//! The thinking control, driven by a model that would think for ever.

use super::*;

const START: u32 = 1;
const END: u32 = 2;
const WORD: u32 = 5;

fn thinking() -> Thinking {
    Thinking {
        think_start: START,
        think_end: END,
        starts_open: true,
        budget: None,
        grace: 0,
        close_rank: 0,
        notice: Vec::new(),
        answer_reserve: 0,
        closes_on_stop: false,
        loop_guard: None,
    }
}

/// Logits in which the closing id is the candidate of this rank, from 0.
fn row(end_rank: usize) -> Vec<f32> {
    let mut row: Vec<f32> = (0..20).map(|id| id as f32 / 100.0).collect();
    row[END as usize] = 0.195 - end_rank as f32 / 100.0;
    row
}

/// What comes of `max_tokens` tokens when the model says `word(index)`.
fn run(thinking: Thinking, max_tokens: usize, end_rank: usize, word: fn(usize) -> u32) -> Vec<u32> {
    let mut state = ThinkState::new(thinking, max_tokens);
    let mut ids = Vec::new();
    for index in 0..max_tokens {
        let id = state.forced_token(&row(end_rank)).unwrap_or_else(|| word(index));
        state.accept(id);
        ids.push(id);
    }
    ids
}

fn repeat(word: u32, n: usize, rest: &[u32]) -> Vec<u32> {
    [&vec![word; n], rest].concat()
}

#[test]
fn without_a_budget_nothing_is_forced() {
    assert_eq!(
        run(Thinking { grace: 3, close_rank: 9, ..thinking() }, 30, 0, |_| WORD)[..29],
        [WORD; 29]
    );
}

#[test]
fn the_budget_closes_softly_then_hard() {
    let budget = Thinking { budget: Some(4), grace: 3, close_rank: 2, ..thinking() };
    let answer = [WORD; 9];
    let willing = run(budget.clone(), 14, 1, |_| WORD);
    assert_eq!(willing, repeat(WORD, 4, &[&[END], &answer[..]].concat()));
    let unwilling = run(budget.clone(), 14, 2, |_| WORD);
    assert_eq!(unwilling, repeat(WORD, 7, &[&[END], &answer[..6]].concat()));
    let noticed = run(Thinking { notice: vec![8, 9], ..budget }, 14, 2, |_| WORD);
    assert_eq!(noticed, repeat(WORD, 7, &[&[8, 9, END], &answer[..4]].concat()));
}

#[test]
fn a_budget_of_zero_closes_at_once() {
    let none = Thinking { budget: Some(0), ..thinking() };
    assert_eq!(run(none, 3, 9, |_| WORD), [END, WORD, WORD]);
}

#[test]
fn room_for_an_answer_is_kept_whatever_the_budget() {
    for budget in [None, Some(3), Some(1000)] {
        for reserve in 0..12 {
            for notice in [vec![], vec![8, 9, 10]] {
                let closing = notice.len() + 1;
                let t = Thinking { budget, answer_reserve: reserve, notice, ..thinking() };
                assert!(t.check(20, 20).is_ok());
                let ids = run(t, 20, 9, |_| WORD);
                let end = ids.iter().position(|id| *id == END).expect("the thought is closed");
                assert!(ids.len() - end > reserve, "{reserve} after {end}");
                assert!(end + 1 >= closing);
            }
        }
    }
}

#[test]
fn an_answer_that_cannot_fit_is_refused() {
    let t = Thinking { answer_reserve: 10, notice: vec![8], ..thinking() };
    assert_eq!(t.check(20, 11), Err(Refusal::NoRoomForAnswer { max_tokens: 11, needed: 12 }));
    assert_eq!(t.check(20, 12), Ok(()));
    assert!(Thinking { starts_open: false, ..t.clone() }.check(20, 11).is_ok());
    assert!(Thinking { answer_reserve: usize::MAX, ..t }.check(20, 11).is_err());
}

#[test]
fn the_model_may_open_and_close_by_itself() {
    let t = Thinking { starts_open: false, budget: Some(50), ..thinking() };
    let mut state = ThinkState::new(t, 100);
    let steps =
        [(WORD, false), (START, false), (WORD, true), (WORD, true), (END, false), (WORD, false)];
    for (id, is_reasoning) in steps {
        assert_eq!(state.forced_token(&row(3)), None);
        assert_eq!(state.accept(id), is_reasoning);
    }
    assert_eq!(state.n_reasoning(), 2);
}

#[test]
fn no_thought_opens_that_could_not_be_closed() {
    let t = Thinking { starts_open: false, answer_reserve: 3, ..thinking() };
    let mut state = ThinkState::new(t, 8);
    for left in (5..=8).rev() {
        assert_eq!(state.forbidden(), None, "{left} left: open, close, three of answer");
        state.accept(WORD);
    }
    assert_eq!(state.forbidden(), Some(START));
}

#[test]
fn a_stop_inside_the_thought_may_close_it_instead() {
    let t = Thinking { closes_on_stop: true, notice: vec![8], ..thinking() };
    let mut state = ThinkState::new(t, 20);
    state.accept(WORD);
    assert_eq!(state.instead_of_stop(), Some(8));
    state.accept(8);
    assert_eq!(state.forced_token(&row(3)), Some(END));
    state.accept(END);
    assert_eq!(state.instead_of_stop(), None, "in the answer a stop is a stop");
    assert_eq!(ThinkState::new(thinking(), 20).instead_of_stop(), None);
}

#[test]
fn a_loop_closes_the_thought() {
    let guard = LoopGuard { max_period: 4, min_repeats: 3, min_tokens: 6 };
    let t = Thinking { loop_guard: Some(guard), ..thinking() };
    let ids = run(t, 20, 9, |index| 6 + index as u32 % 2);
    assert_eq!(ids[..7], [6, 7, 6, 7, 6, 7, END]);
}
