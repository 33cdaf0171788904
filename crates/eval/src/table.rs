//! A summary as a table for the terminal.

use std::fmt::Write;

use crate::bench;
use crate::statistics::{Share, Spread};
use crate::summary::{Group, Summary};

/// Groups beyond this many are left to the report: MMLU has 57 subjects.
const MAX_GROUPS: usize = 20;

/// The whole table, with a newline at its end.
pub fn render(summary: &Summary) -> String {
    let settings = &summary.manifest.settings;
    let mut text = String::new();
    let title = bench::find(&settings.benchmark).map_or(settings.benchmark.as_str(), |b| b.title);
    let sampling = &settings.sampling;
    let _ = writeln!(
        text,
        "{title}, {}: {} questions x {} samples, temperature {}, top-p {}, at most {} tokens",
        settings.model.name,
        settings.questions,
        sampling.samples,
        sampling.temperature,
        sampling.top_p,
        sampling.max_tokens
    );
    scores(summary, &mut text);
    rates(summary, &mut text);
    groups("level", &summary.levels, &mut text);
    groups("subject", &summary.subjects, &mut text);
    marks(summary, &mut text);
    text
}

fn scores(summary: &Summary, text: &mut String) {
    let coverage = &summary.coverage;
    let Some(pass_1) = &summary.pass_1 else {
        let _ = writeln!(text, "\n  no samples yet");
        return;
    };
    let _ = writeln!(text, "\n  pass@1     {}", share(pass_1));
    let error =
        |error: Option<f64>| error.map_or("unknown".into(), |e| format!("{:.2}", 100.0 * e));
    let _ = writeln!(
        text,
        "             standard errors: {} drawing samples, {} choosing questions (points)",
        error(pass_1.error_sampling),
        error(pass_1.error_questions)
    );
    for (k, value) in &summary.pass_k {
        let _ = writeln!(text, "  pass@{k:<5} {:6.2} %", 100.0 * value);
    }
    if let Some(consensus) = summary.consensus.filter(|consensus| consensus.k > 1) {
        let _ = writeln!(text, "  cons@{:<5} {:6.2} %", consensus.k, 100.0 * consensus.value);
    }
    let missing = coverage.samples_wanted.saturating_sub(coverage.samples);
    if missing > 0 {
        let _ = writeln!(
            text,
            "  missing    {missing} of {} samples ({} failed); {} questions have none. They count \
             neither as right nor as wrong",
            coverage.samples_wanted,
            coverage.failed,
            coverage.questions - coverage.questions_answered
        );
    }
    if let Some(failure) = &summary.first_failure {
        // A server's own words, so not to be trusted with the terminal.
        let failure: String = failure.chars().filter(|c| !c.is_control()).take(200).collect();
        let _ = writeln!(text, "             the first failed because {failure}");
    }
}

fn share(share: &Share) -> String {
    let (low, high) = share.interval;
    format!("{:6.2} %  (95 %: {:.1} to {:.1})", 100.0 * share.value, 100.0 * low, 100.0 * high)
}

fn rates(summary: &Summary, text: &mut String) {
    if summary.coverage.samples == 0 {
        return;
    }
    let rates = &summary.rates;
    let _ = writeln!(
        text,
        "  samples    {:.1} % wrong, {:.1} % undecided, {:.1} % without an answer; {:.1} % cut by \
         the limit, {:.1} % without a thought",
        100.0 * rates.wrong,
        100.0 * rates.undecided,
        100.0 * rates.no_answer,
        100.0 * rates.cut,
        100.0 * rates.empty_thinking
    );
    let spread = |spread: &Option<Spread>| match spread {
        Some(s) => format!("{:.0} mean, {} median, {} p90", s.mean, s.median, s.percentile_90),
        None => "unknown".into(),
    };
    let _ = writeln!(
        text,
        "  tokens     thinking {}; answer {}",
        spread(&summary.thinking_tokens),
        spread(&summary.answer_tokens)
    );
}

fn groups(kind: &str, groups: &[Group], text: &mut String) {
    if groups.len() < 2 {
        return;
    }
    if groups.len() > MAX_GROUPS {
        let _ = writeln!(text, "\n  {} {kind}s: see the report", groups.len());
        return;
    }
    let width = groups.iter().map(|g| g.name.chars().count()).max().unwrap_or(0).max(kind.len());
    let _ = writeln!(text, "\n  {kind:width$}  questions  pass@1");
    for group in groups {
        let (name, n) = (&group.name, group.questions);
        let _ = writeln!(text, "  {name:width$}  {n:9}  {}", share(&group.pass_1));
    }
}

/// Published scores beside this one, each with the distance in standard errors.
fn marks(summary: &Summary, text: &mut String) {
    let marks = bench::find(&summary.manifest.settings.benchmark).map_or(&[][..], |b| b.marks);
    let (Some(pass_1), false) = (&summary.pass_1, marks.is_empty()) else { return };
    let _ = writeln!(text, "\n  published");
    for mark in marks {
        let distance = match pass_1.error_questions {
            Some(error) if error > 0.0 => {
                format!(
                    "  this run {:+.1} standard errors",
                    (100.0 * pass_1.value - mark.pass_1) / (100.0 * error)
                )
            }
            _ => String::new(),
        };
        let _ = writeln!(text, "  {:36} {:6.2} %{distance}", mark.model, mark.pass_1);
    }
}
