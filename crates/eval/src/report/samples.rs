//! Every sample, readable: the question, the thinking, the answer, the verdict and its reason.

use std::fmt::Write;

use super::escaped;
use crate::question::Question;
use crate::run::Run;
use crate::sample::Sample;
use crate::score::{Outcome, Score};

/// Samples beyond this many bytes of page are left to `samples.jsonl`: browsers give up on more.
const MAX_BYTES: usize = 48 << 20;

/// Buttons without a script: each one hides the outcomes that it is not for.
const FILTERS: &[(&str, &str)] = &[
    ("all", "all"),
    ("right", "right"),
    ("wrong", "wrong"),
    ("undecided", "undecided"),
    ("no_answer", "no answer"),
    ("cut", "cut"),
];

pub(super) fn list(run: &Run, scores: &[Vec<Score>]) -> String {
    let mut page = String::from("<section class=\"samples\"><h2>Samples</h2>");
    for (place, (class, name)) in FILTERS.iter().enumerate() {
        let checked = if place == 0 { " checked" } else { "" };
        let _ = write!(
            page,
            "<input type=\"radio\" name=\"filter\" id=\"f-{class}\"{checked}>\
             <label for=\"f-{class}\">{name}</label>"
        );
    }
    let mut left_out = 0;
    for ((question, samples), scores) in run.questions.iter().zip(&run.samples).zip(scores) {
        if samples.is_empty() {
            continue;
        }
        let text = one(question, samples, scores);
        if page.len() + text.len() > MAX_BYTES {
            left_out += samples.len();
        } else {
            page.push_str(&text);
        }
    }
    if left_out > 0 {
        let _ = write!(
            page,
            "<p>{left_out} samples more are in samples.jsonl: a page cannot hold them.</p>"
        );
    }
    page + "</section>\n"
}

fn one(question: &Question, samples: &[Sample], scores: &[Score]) -> String {
    let right = scores.iter().filter(|score| score.is_right()).count();
    let classes: Vec<String> = scores
        .iter()
        .zip(samples)
        .map(|(score, sample)| {
            format!("has-{}{}", class(score.outcome), if sample.is_cut() { " has-cut" } else { "" })
        })
        .collect();
    let mut text = format!(
        "<details class=\"question {}\"><summary><code>{}</code> <b>{right} of {} right</b> \
         <span>{}</span></summary><h4>Question</h4><pre>{}</pre>",
        classes.join(" "),
        escaped(&question.id),
        samples.len(),
        escaped(&heading(question)),
        escaped(&question.prompt)
    );
    if let Some(gold) = question.gold.shown() {
        let _ = write!(text, "<h4>Gold answer</h4><pre>{}</pre>", escaped(&gold));
    }
    for (sample, score) in samples.iter().zip(scores) {
        text.push_str(&reply(sample, score));
    }
    text + "</details>\n"
}

/// The beginning of the question, for the closed list.
fn heading(question: &Question) -> String {
    const MOST: usize = 90;
    let line = question.prompt.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

fn reply(sample: &Sample, score: &Score) -> String {
    let count = |tokens: Option<usize>| tokens.map_or("?".to_owned(), |tokens| tokens.to_string());
    let cut = if sample.is_cut() { ", cut by the limit" } else { "" };
    let mut text = format!(
        "<details class=\"sample {0}\"><summary><i class=\"{0}\"></i>sample {1}: <b>{2}</b>, {3} \
         <small>{4} tokens thinking, {5} answer, seed {6}{cut}</small></summary>",
        class(score.outcome),
        sample.sample,
        class(score.outcome).replace('_', " "),
        escaped(&score.reason),
        count(sample.reasoning_tokens),
        count(sample.answer_tokens()),
        sample.seed
    );
    if let Some(answer) = &score.answer {
        let _ = write!(text, "<h4>Taken for the answer</h4><pre>{}</pre>", escaped(answer));
    }
    let _ = write!(
        text,
        "<h4>Thinking</h4><pre class=\"thinking\">{}</pre><h4>Reply</h4><pre>{}</pre></details>",
        escaped(&sample.reasoning),
        escaped(&sample.answer)
    );
    text
}

fn class(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Right => "right",
        Outcome::Wrong => "wrong",
        Outcome::Undecided => "undecided",
        Outcome::NoAnswer => "no_answer",
    }
}
