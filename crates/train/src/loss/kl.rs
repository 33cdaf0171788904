//! Estimates of the divergence from a reference model, by the difference `Δ` of its
//! log-probability to the trainer's (Schulman, "Approximating KL divergence").

use serde::{Deserialize, Serialize};

use super::Sample;

/// An estimate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kl {
    /// `−Δ`: unbiased, and as a loss without expected gradient.
    K1,
    /// `Δ² / 2`.
    K2,
    /// `exp Δ − Δ − 1`: what GRPO uses.
    K3,
    /// The ratio times k3, whose gradient is that of the true divergence (DeepSeek-V3.2).
    K3Unbiased,
}

impl Kl {
    /// The value for one token and its derivative by the log-probability.
    pub fn term(self, sample: &Sample, token: usize) -> (f64, f64) {
        let delta = sample.reference[token] as f64 - sample.now[token] as f64;
        let k3 = delta.exp() - delta - 1.0;
        match self {
            Kl::K1 => (-delta, 1.0),
            Kl::K2 => (0.5 * delta * delta, -delta),
            Kl::K3 => (k3, 1.0 - delta.exp()),
            Kl::K3Unbiased => (sample.ratio(token) * k3, -sample.ratio(token) * delta),
        }
    }
}
