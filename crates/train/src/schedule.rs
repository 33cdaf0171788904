//! The learning rate over a run: linear warm-up, then a form of decay.

use serde::{Deserialize, Serialize};

/// How the rate falls after the warm-up.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decay {
    /// Not at all.
    Constant,
    /// In a straight line to `final_share` of the peak at the last step.
    Linear,
    /// Along half a cosine to `final_share` of the peak at the last step.
    Cosine,
    /// Warm-up, stable, decay: at the peak, then in a straight line over the last `decay_share` of
    /// the steps.
    Stable {
        /// Share of all steps that the decay takes.
        decay_share: f64,
    },
}

/// A schedule; every field is written out, because a run depends on each.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    /// The highest rate.
    pub peak: f64,
    /// Steps of the warm-up; the first step has `peak / warmup_steps`.
    pub warmup_steps: u64,
    /// Steps in all.
    pub total_steps: u64,
    /// Share of the peak that is left at the end.
    pub final_share: f64,
    /// The form of the decay.
    pub decay: Decay,
}

impl Schedule {
    /// The rate of a step, counted from 0.
    pub fn rate(&self, step: u64) -> f64 {
        if step < self.warmup_steps {
            return self.peak * (step + 1) as f64 / self.warmup_steps as f64;
        }
        let steps = self.total_steps.saturating_sub(self.warmup_steps).max(1);
        let done = ((step - self.warmup_steps) as f64 / steps as f64).min(1.0);
        let left = match self.decay {
            Decay::Constant => return self.peak,
            Decay::Linear => 1.0 - done,
            Decay::Cosine => 0.5 * (1.0 + (std::f64::consts::PI * done).cos()),
            Decay::Stable { decay_share } => {
                let decaying = (self.total_steps as f64 * decay_share).max(1.0);
                ((self.total_steps as f64 - step as f64) / decaying).clamp(0.0, 1.0)
            }
        };
        self.peak * (self.final_share + (1.0 - self.final_share) * left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_pass_through_their_corners() {
        let check = |decay, cases: &[(u64, f64)]| {
            let schedule =
                Schedule { peak: 2.0, warmup_steps: 4, total_steps: 104, final_share: 0.1, decay };
            for (step, rate) in cases {
                let found = schedule.rate(*step);
                assert!((found - rate).abs() < 1e-12, "{decay:?} at {step}: {found}, not {rate}");
            }
        };
        check(Decay::Constant, &[(0, 0.5), (3, 2.0), (50, 2.0), (1000, 2.0)]);
        check(Decay::Linear, &[(4, 2.0), (54, 1.1), (104, 0.2), (1000, 0.2)]);
        check(Decay::Cosine, &[(4, 2.0), (54, 1.1), (104, 0.2), (1000, 0.2)]);
        let stable = Decay::Stable { decay_share: 0.25 };
        check(stable, &[(1, 1.0), (4, 2.0), (78, 2.0), (91, 1.1), (104, 0.2)]);
    }
}
