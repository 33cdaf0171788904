//! Rollouts to read: the answers to one question side by side, each with what it earned.

use std::collections::BTreeSet;
use std::path::Path;

use maud::{Markup, html};
use ponder_train::rollouts::{self, Rollout};

use crate::figures;

/// Steps that the page shows, from first to last.
const N_STEPS: usize = 12;

/// The browser of a run's rollouts, about `n_samples` of them; `None` if it has none.
pub fn browser(dir: &Path, n_samples: usize) -> anyhow::Result<Option<Markup>> {
    let steps = spread(&rollouts::steps(dir)?);
    let found = rollouts::of_steps(dir, &steps)?;
    let groups = choose(&found, steps.len(), n_samples);
    if groups.is_empty() {
        return Ok(None);
    }
    let tasks: BTreeSet<&str> = groups.iter().map(|group| group[0].task.as_str()).collect();
    Ok(Some(html! {
        div class="rollouts" {
            h3 { "Rollouts" }
            p class="filters" {
                label { "step " select data-filter="step" {
                    option value="" { "all" }
                    @for step in &steps { option { (step) } }
                } }
                label { "task " select data-filter="task" {
                    option value="" { "all" }
                    @for task in &tasks { option { (task) } }
                } }
                label { "groups " select data-filter="kind" {
                    option value="" { "all" }
                    option value="mixed" { "where answers differ in reward" }
                    option value="same" { "where all earn the same" }
                } }
            }
            @for group in &groups { (render_group(group)) }
        }
    }))
}

/// At most [`N_STEPS`] of the steps, the first and the last among them.
fn spread(steps: &[u64]) -> BTreeSet<u64> {
    let n = steps.len().min(N_STEPS);
    let last = steps.len().saturating_sub(1);
    (0..n).map(|i| steps[i * last / (n.max(2) - 1)]).collect()
}

/// Groups of answers to one question, as many of each step as `n_samples` allows, those that differ
/// in reward first: they are what is learnt from.
fn choose(rollouts: &[Rollout], n_steps: usize, n_samples: usize) -> Vec<Vec<&Rollout>> {
    let mut groups: Vec<Vec<&Rollout>> = Vec::new();
    for rollout in rollouts {
        let key = (rollout.step, rollout.prompt);
        match groups.iter_mut().find(|group| (group[0].step, group[0].prompt) == key) {
            Some(group) => group.push(rollout),
            None => groups.push(vec![rollout]),
        }
    }
    groups.sort_by_key(|group| (group[0].step, !is_mixed(group), group[0].prompt));
    let of_a_step = n_samples / n_steps.max(1);
    let (mut step, mut n_shown) = (None, 0);
    groups.retain(|group| {
        if step != Some(group[0].step) {
            (step, n_shown) = (Some(group[0].step), 0);
        }
        let is_shown = n_shown == 0 || n_shown + group.len() <= of_a_step;
        n_shown += if is_shown { group.len() } else { 0 };
        is_shown
    });
    groups
}

fn is_mixed(group: &[&Rollout]) -> bool {
    group.iter().any(|rollout| rollout.reward != group[0].reward)
}

fn render_group(group: &[&Rollout]) -> Markup {
    let first = group[0];
    let kind = if is_mixed(group) { "mixed" } else { "same" };
    html! {
        article data-step=(first.step) data-task=(first.task) data-kind=(kind) {
            p class="quiet" { "step " (first.step) " · " (first.task) " · level " (first.level) }
            p class="question" { (first.question) }
            div class="answers" {
                @for rollout in group { (render(rollout)) }
            }
        }
    }
}

fn render(rollout: &Rollout) -> Markup {
    let sign = match rollout.advantage {
        Some(advantage) if advantage > 0.0 => "better",
        Some(advantage) if advantage < 0.0 => "worse",
        _ => "even",
    };
    let signed = |x: f64| {
        let sign = if x > 0.0 { "+" } else { "" };
        sign.to_owned() + &figures::number(x)
    };
    html! {
        div class=(format!("answer {sign}")) {
            p class="score" {
                @match rollout.reward {
                    Some(reward) => { "reward " b { (figures::number(reward)) } }
                    None => { "not judged" }
                }
                @if let Some(advantage) = rollout.advantage {
                    span class="badge" title="advantage" { (signed(advantage)) }
                }
            }
            p class="parts" {
                @for (name, x) in &rollout.parts {
                    span { (name) " " (x.as_f64().map_or("–".to_owned(), figures::number)) }
                }
                span { (rollout.n_tokens) " tokens" }
                @if !rollout.is_finished { span class="cut" { "cut off at the limit" } }
            }
            pre class="thinking" { (rollout.thinking) }
            @match &rollout.reply {
                Some(reply) => { pre class="reply" { (reply) } }
                None => { p class="quiet" { "The thought does not end." } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rollout(step: u64, prompt: u64, sample: u64, reward: f64) -> Rollout {
        Rollout {
            step,
            prompt,
            sample,
            task: "gcd".into(),
            level: 3,
            question: "<script>alert(1)</script>".into(),
            thinking: "</pre><img src=x onerror=alert(1)>".into(),
            reply: None,
            is_finished: false,
            n_tokens: 20,
            reward: Some(reward),
            parts: serde_json::Map::from_iter([("language".to_owned(), serde_json::Value::Null)]),
            advantage: Some(-0.5),
        }
    }

    #[test]
    fn steps_are_spread_over_the_run() {
        let steps: Vec<u64> = (0..100).collect();
        let spread = spread(&steps);
        assert_eq!((spread.len(), spread.first(), spread.last()), (N_STEPS, Some(&0), Some(&99)));
        assert_eq!(super::spread(&[4]), BTreeSet::from([4]));
        assert_eq!(super::spread(&[]), BTreeSet::new());
    }

    #[test]
    fn groups_that_differ_come_first_and_no_step_is_left_out() {
        let mut all = Vec::new();
        for step in [0, 5] {
            for prompt in 0..3 {
                all.extend((0..2).map(|i| rollout(step, prompt, i, (prompt * i) as f64)));
            }
        }
        let keys = |n_samples| -> Vec<(u64, u64)> {
            let groups = choose(&all, 2, n_samples);
            groups.iter().map(|group| (group[0].step, group[0].prompt)).collect()
        };
        assert_eq!(keys(8), [(0, 1), (0, 2), (5, 1), (5, 2)]);
        assert_eq!(keys(0), [(0, 1), (5, 1)]);
    }

    #[test]
    fn nothing_a_model_writes_is_markup() {
        let text = render_group(&[&rollout(0, 0, 0, 1.0)]).into_string();
        assert!(!text.contains("<script") && !text.contains("<img"), "{text}");
        assert!(text.contains("cut off") && text.contains("language –"), "{text}");
    }
}
