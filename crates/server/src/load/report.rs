//! What a load gave.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::client::{Outcome, Record};
use super::plan::LoadOptions;

/// Places in a distribution, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Quantiles {
    /// Half are below.
    pub p50: f64,
    /// Nine of ten are below.
    pub p90: f64,
    /// 99 of 100 are below.
    pub p99: f64,
    /// The largest.
    pub max: f64,
}

/// What a load gave.
#[derive(Clone, Debug, Serialize)]
pub struct LoadReport {
    /// Requests sent.
    pub requests: usize,
    /// Answered to the end.
    pub finished: usize,
    /// Clients that hung up, as planned.
    pub left: usize,
    /// Refused, by status.
    pub refused: BTreeMap<u16, usize>,
    /// Ended in any other way.
    pub lost: usize,
    /// Why the first of those did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_loss: Option<String>,
    /// Seconds from first to last.
    pub seconds: f64,
    /// Tokens written, thinking included.
    pub tokens: usize,
    /// Tokens a second over the whole time.
    pub tokens_per_s: f64,
    /// Finished requests a second.
    pub requests_per_s: f64,
    /// Requests a second that kept both times asked of a good answer.
    pub goodput_per_s: f64,
    /// To the first token, of thinking or answer.
    pub first_token_ms: Quantiles,
    /// To the first token of the answer.
    pub first_answer_token_ms: Quantiles,
    /// Between pieces of an answer.
    pub between_tokens_ms: Quantiles,
    /// To the end.
    pub total_ms: Quantiles,
    /// Decided everything that was random.
    pub seed: u64,
}

impl LoadReport {
    /// From what the clients saw. Clients that left or read slowly say nothing about the times.
    pub fn of(records: &[Record], elapsed: Duration, options: &LoadOptions) -> LoadReport {
        let finished: Vec<&Record> =
            records.iter().filter(|record| record.outcome == Outcome::Finished).collect();
        let plain: Vec<&Record> =
            finished.iter().copied().filter(|record| record.is_plain).collect();
        let count = |is: fn(&Outcome) -> bool| records.iter().filter(|r| is(&r.outcome)).count();
        let mut refused = BTreeMap::new();
        for record in records {
            if let Outcome::Refused(status) = record.outcome {
                *refused.entry(status).or_insert(0) += 1;
            }
        }
        let first_loss = records.iter().find_map(|record| match &record.outcome {
            Outcome::Lost(reason) => Some(reason.clone()),
            _ => None,
        });
        let good = plain.iter().filter(|record| is_good(record, options)).count();
        let tokens = records.iter().map(|record| record.tokens).sum();
        let seconds = elapsed.as_secs_f64().max(1e-9);
        LoadReport {
            requests: records.len(),
            finished: finished.len(),
            left: count(|outcome| *outcome == Outcome::Left),
            refused,
            lost: count(|outcome| matches!(outcome, Outcome::Lost(_))),
            first_loss,
            seconds,
            tokens,
            tokens_per_s: tokens as f64 / seconds,
            requests_per_s: finished.len() as f64 / seconds,
            goodput_per_s: good as f64 / seconds,
            first_token_ms: Quantiles::of(plain.iter().filter_map(|record| record.first_s)),
            first_answer_token_ms: Quantiles::of(plain.iter().filter_map(|r| r.first_answer_s)),
            between_tokens_ms: Quantiles::of(plain.iter().flat_map(|r| r.gaps_s.iter().copied())),
            total_ms: Quantiles::of(plain.iter().map(|record| record.total_s)),
            seed: options.seed,
        }
    }

    /// For people.
    pub fn render(&self) -> String {
        let refused: Vec<String> =
            self.refused.iter().map(|(status, n)| format!("{n} with {status}")).collect();
        let mut text = format!(
            "{} requests in {:.1} s: {} finished, {} left, {} lost, {} refused{}\n\
             {:.0} tok/s, {:.2} requests/s, of them {:.2} good\n",
            self.requests,
            self.seconds,
            self.finished,
            self.left,
            self.lost,
            self.refused.values().sum::<usize>(),
            if refused.is_empty() { String::new() } else { format!(" ({})", refused.join(", ")) },
            self.tokens_per_s,
            self.requests_per_s,
            self.goodput_per_s,
        );
        for (name, quantiles) in [
            ("first token", self.first_token_ms),
            ("first answer token", self.first_answer_token_ms),
            ("between tokens", self.between_tokens_ms),
            ("whole answer", self.total_ms),
        ] {
            let Quantiles { p50, p90, p99, max } = quantiles;
            text.push_str(&format!(
                "{name:20} {p50:9.1} ms median {p90:9.1} p90 {p99:9.1} p99 {max:9.1} max\n"
            ));
        }
        if let Some(reason) = &self.first_loss {
            text.push_str(&format!("the first loss: {reason}\n"));
        }
        text
    }
}

fn is_good(record: &Record, options: &LoadOptions) -> bool {
    let between = record.gaps_s.iter().sum::<f64>() / record.gaps_s.len().max(1) as f64;
    record.first_s.is_some_and(|first| first <= options.good_first.as_secs_f64())
        && between <= options.good_between.as_secs_f64()
}

impl Quantiles {
    /// Of values in seconds; zeros if there are none.
    pub fn of(values: impl Iterator<Item = f64>) -> Quantiles {
        let mut values: Vec<f64> = values.map(|value| value * 1e3).collect();
        values.sort_by(f64::total_cmp);
        let Some(last) = values.len().checked_sub(1) else { return Quantiles::default() };
        // The nearest rank: a value that occurred.
        let at = |share: f64| {
            values[((values.len() as f64 * share).ceil() as usize).clamp(1, last + 1) - 1]
        };
        Quantiles { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: values[last] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_occurred() {
        let quantiles = Quantiles::of((1..=100).map(|n| f64::from(n) / 1e3));
        assert_eq!(quantiles, Quantiles { p50: 50.0, p90: 90.0, p99: 99.0, max: 100.0 });
        assert_eq!(Quantiles::of(std::iter::empty()), Quantiles::default());
        assert_eq!(Quantiles::of([0.5].into_iter()).p99, 500.0);
    }
}
