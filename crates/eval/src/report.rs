//! A run as one HTML page that needs nothing else: no network, no script, charts drawn inside.

mod chart;
mod samples;

use std::fmt::Write;

use chart::{Bar, bars, histogram};

use crate::bench;
use crate::run::Run;
use crate::score::Score;
use crate::statistics::{Share, Spread};
use crate::summary::{Group, Summary};

const STYLE: &str = include_str!("report/style.css");

/// The page. `scores` are in the order of the run's samples.
pub fn html(run: &Run, scores: &[Vec<Score>], summary: &Summary) -> String {
    let settings = &summary.manifest.settings;
    let title = bench::find(&settings.benchmark).map_or(settings.benchmark.as_str(), |b| b.title);
    let title = format!("{title}: {}", settings.model.name);
    let mut page = String::new();
    let _ = write!(
        page,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <title>{0}</title><style>{STYLE}</style></head><body><main><h1>{0}</h1>\n",
        escaped(&title)
    );
    page.push_str(&figures(summary));
    page.push_str(&outcomes(summary));
    page.push_str(&published(summary));
    page.push_str(&groups("By level", &summary.levels));
    page.push_str(&groups("By subject", &summary.subjects));
    page.push_str(&lengths(run, scores, summary));
    page.push_str(&samples::list(run, scores));
    page.push_str(&manifest(summary));
    page.push_str("</main></body></html>\n");
    page
}

/// Text as it stands in HTML. Control characters, which HTML forbids, become visible.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(c),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

fn interval(share: &Share) -> String {
    format!("{:.1} to {:.1}", 100.0 * share.interval.0, 100.0 * share.interval.1)
}

fn figures(summary: &Summary) -> String {
    let mut cards = String::new();
    let mut card = |name: &str, value: &str, note: &str| {
        let _ = write!(
            cards,
            "<div class=\"card\"><span>{name}</span><b>{value}</b><small>{}</small></div>",
            escaped(note)
        );
    };
    let coverage = &summary.coverage;
    match &summary.pass_1 {
        Some(share) => {
            let error =
                |e: Option<f64>| e.map_or("unknown".into(), |e| format!("{:.2}", 100.0 * e));
            card("pass@1", &percent(share.value), &format!("95 % interval {}", interval(share)));
            card(
                "standard errors",
                &format!("{} / {}", error(share.error_sampling), error(share.error_questions)),
                "points: drawing samples / choosing questions",
            );
        }
        None => card("pass@1", "none", "no samples yet"),
    }
    for (k, value) in &summary.pass_k {
        card(&format!("pass@{k}"), &percent(*value), "at least one of k is right");
    }
    if let Some(vote) = summary.consensus.filter(|vote| vote.k > 1) {
        card(&format!("cons@{}", vote.k), &percent(vote.value), "vote over equal values");
    }
    card(
        "samples",
        &format!("{} of {}", coverage.samples, coverage.samples_wanted),
        &format!(
            "{} questions, {} without a sample, {} failed requests",
            coverage.questions,
            coverage.questions - coverage.questions_answered,
            coverage.failed
        ),
    );
    format!("<section class=\"cards\">{cards}</section>\n")
}

/// One bar of what became of the samples.
fn outcomes(summary: &Summary) -> String {
    let rates = &summary.rates;
    let parts = [
        ("right", "right", rates.right),
        ("wrong", "wrong", rates.wrong),
        ("undecided", "undecided", rates.undecided),
        ("no_answer", "no answer", rates.no_answer),
    ];
    let mut bar = String::new();
    let mut legend = String::new();
    for (class, name, share) in parts {
        let _ = write!(bar, "<i class=\"{class}\" style=\"width:{:.3}%\"></i>", 100.0 * share);
        let _ = write!(legend, "<li class=\"{class}\">{name} {}</li>", percent(share));
    }
    let _ = write!(
        legend,
        "<li>cut by the limit {}</li><li>without a thought {}</li>",
        percent(rates.cut),
        percent(rates.empty_thinking)
    );
    format!(
        "<section><h2>What became of the samples</h2><div class=\"stack\">{bar}</div>\
         <ul class=\"legend\">{legend}</ul></section>\n"
    )
}

fn published(summary: &Summary) -> String {
    let marks = bench::find(&summary.manifest.settings.benchmark).map_or(&[][..], |b| b.marks);
    let (Some(share), false) = (&summary.pass_1, marks.is_empty()) else { return String::new() };
    let mut rows: Vec<Bar> = marks
        .iter()
        .map(|mark| Bar {
            name: mark.model.to_owned(),
            value: mark.pass_1 / 100.0,
            interval: None,
            note: format!("{:.1}", mark.pass_1),
            is_marked: false,
        })
        .collect();
    rows.push(bar(&summary.manifest.settings.model.name, share, true, String::new()));
    rows.sort_by(|a, b| b.value.total_cmp(&a.value));
    format!(
        "<section><h2>Beside published scores</h2>{}<p>pass@1 in percent; the line is the 95 % \
         interval of this run.</p></section>\n",
        bars(&rows)
    )
}

fn bar(name: &str, share: &Share, is_marked: bool, suffix: String) -> Bar {
    Bar {
        name: name.to_owned(),
        value: share.value,
        interval: Some(share.interval),
        note: format!("{:.1}{suffix}", 100.0 * share.value),
        is_marked,
    }
}

fn groups(title: &str, groups: &[Group]) -> String {
    if groups.len() < 2 {
        return String::new();
    }
    let row = |group: &Group| {
        bar(&group.name, &group.pass_1, true, format!(" ({} questions)", group.questions))
    };
    let rows: Vec<Bar> = groups.iter().map(row).collect();
    format!("<section><h2>{title}</h2>{}</section>\n", bars(&rows))
}

fn lengths(run: &Run, scores: &[Vec<Score>], summary: &Summary) -> String {
    let samples = run.samples.iter().flatten().zip(scores.iter().flatten());
    let tokens: Vec<(usize, bool)> = samples
        .filter_map(|(sample, score)| {
            let tokens = sample.reasoning_tokens.or(sample.completion_tokens)?;
            Some((tokens, score.is_right()))
        })
        .collect();
    if tokens.is_empty() {
        return String::new();
    }
    let line = |name: &str, spread: &Option<Spread>| match spread {
        Some(s) => format!(
            "<tr><th>{name}</th><td>{:.0}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            s.mean, s.median, s.percentile_90, s.max
        ),
        None => String::new(),
    };
    format!(
        "<section><h2>Lengths</h2>{}<p>Samples by tokens of thinking (of the whole reply, where an \
         endpoint does not tell): right ones below, the others above.</p><table><tr><th></th>\
         <th>mean</th><th>median</th><th>90th percentile</th><th>most</th></tr>{}{}</table></section>\n",
        histogram(&tokens),
        line("thinking", &summary.thinking_tokens),
        line("answer", &summary.answer_tokens)
    )
}

fn manifest(summary: &Summary) -> String {
    let text = serde_json::to_string_pretty(&summary.manifest).expect("manifests are plain values");
    format!("<section><h2>Manifest</h2><pre>{}</pre></section>\n", escaped(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_become_markup() {
        let text = "<script>alert('x')</script> & \"\u{0}\u{1b}[31m";
        let want =
            "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &quot;\u{fffd}\u{fffd}[31m";
        assert_eq!(escaped(text), want);
    }
}
