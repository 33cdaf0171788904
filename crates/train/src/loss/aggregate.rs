//! How the losses of tokens become one number.

use serde::{Deserialize, Serialize};

/// The weight of a token. All counts are those of the whole optimizer step, over every micro-batch
/// and machine; answers without a trainable token count nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregation {
    /// `1 / (answers · length)`: GRPO. Long wrong answers are punished less for each token.
    SequenceMean,
    /// `1 / tokens`: DAPO.
    TokenMean,
    /// `1 / (answers · longest)`: Dr. GRPO.
    ConstantLength {
        /// The longest answer that may be sampled.
        max_tokens: usize,
    },
    /// `1 / answers`.
    SequenceSum,
}

/// The weight of each token of each sample, given the samples' lengths.
pub fn weights(aggregation: Aggregation, lengths: impl Iterator<Item = usize>) -> Vec<f64> {
    let lengths: Vec<usize> = lengths.collect();
    let answers = lengths.iter().filter(|n| **n > 0).count() as f64;
    let tokens: usize = lengths.iter().sum();
    let weight = |n: &usize| match aggregation {
        _ if *n == 0 => 0.0,
        Aggregation::SequenceMean => 1.0 / (answers * *n as f64),
        Aggregation::TokenMean => 1.0 / tokens as f64,
        Aggregation::ConstantLength { max_tokens } => 1.0 / (answers * max_tokens as f64),
        Aggregation::SequenceSum => 1.0 / answers,
    };
    lengths.iter().map(weight).collect()
}
