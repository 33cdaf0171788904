//! How a benchmark is run: R1's protocol as a preset, and a cheap variant of it.

use ponder_tasks::random::Random;
use serde::{Deserialize, Serialize};

/// The longest generation in DeepSeek's evaluations of R1 (R1's README, "DeepSeek-R1-Evaluation").
pub const R1_MAX_TOKENS: usize = 32_768;
/// The sampling of the same: greedy decoding repeats itself and differs between checkpoints.
pub const R1_TEMPERATURE: f32 = 0.6;
/// The same.
pub const R1_TOP_P: f32 = 0.95;

/// A named preset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// R1's prompts and sampling, with as many samples a question as DeepSeek drew.
    R1,
    /// The same with one sample a question.
    Single,
    /// The same prompts, the best token each time, one sample a question.
    Greedy,
}

/// How replies are drawn; stored with the run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sampling {
    /// 0 takes the best token each time.
    pub temperature: f32,
    /// The share of probability that is drawn from.
    pub top_p: f32,
    /// The most tokens of a reply, thinking included.
    pub max_tokens: usize,
    /// Samples a question.
    pub samples: usize,
    /// The run's seed, from which every sample's follows.
    pub seed: u64,
}

impl Protocol {
    /// What the preset says; `r1_samples` is the benchmark's k in DeepSeek's evaluations.
    pub fn sampling(self, r1_samples: usize, seed: u64) -> Sampling {
        let samples = if self == Protocol::R1 { r1_samples } else { 1 };
        let temperature = if self == Protocol::Greedy { 0.0 } else { R1_TEMPERATURE };
        Sampling { temperature, top_p: R1_TOP_P, max_tokens: R1_MAX_TOKENS, samples, seed }
    }
}

/// The seed of one sample: a function of the run's seed, the question and the sample's number, and
/// of nothing else. Below 2^31, which every endpoint takes.
pub fn sample_seed(seed: u64, question: &str, sample: usize) -> u64 {
    Random::named(seed, &format!("{question}#{sample}")).below(1 << 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_differ_by_run_question_and_sample() {
        let seeds = [
            sample_seed(0, "a", 0),
            sample_seed(1, "a", 0),
            sample_seed(0, "b", 0),
            sample_seed(0, "a", 1),
        ];
        for (i, a) in seeds.iter().enumerate() {
            assert!(*a < 1 << 31);
            assert!(seeds[i + 1..].iter().all(|b| a != b), "{seeds:?}");
        }
        assert_eq!(seeds[0], sample_seed(0, "a", 0));
    }
}
