//! Rotary position embedding as the config describes it: frequencies, multiplier, scaling kinds.

use std::f64::consts::PI;

use crate::config::fields::Fields;
use crate::error::Result;

/// Rotary position embedding: the base of its frequencies and how they are stretched.
#[derive(Clone, Debug, PartialEq)]
pub struct Rope {
    /// `rope_theta`, the base of the geometric series of frequencies.
    pub theta: f64,
    /// How the frequencies are changed for contexts beyond those of pre-training.
    pub scaling: RopeScaling,
}

/// The kinds of frequency scaling that occur in R1 and its distilled models.
#[derive(Clone, Debug, PartialEq)]
pub enum RopeScaling {
    /// Plain frequencies.
    None,
    /// YaRN (arXiv 2309.00071), as DeepSeek-V2 and V3 use it.
    Yarn {
        /// Context extension factor.
        factor: f64,
        /// Context length of pre-training.
        original_max_position_embeddings: usize,
        /// Rotations over the original context above which a frequency is kept.
        beta_fast: f64,
        /// Rotations below which a frequency is divided by `factor`.
        beta_slow: f64,
        /// Numerator of the multiplier of cos and sin.
        mscale: f64,
        /// Its denominator; squared, it also scales the softmax of MLA.
        mscale_all_dim: f64,
        /// Replaces the multiplier when the file states it.
        attention_factor: Option<f64>,
    },
    /// The piecewise scaling of Llama 3.1 and later.
    Llama3 {
        /// Divisor of the low frequencies.
        factor: f64,
        /// Wavelengths above `original / low_freq_factor` are divided by `factor`.
        low_freq_factor: f64,
        /// Wavelengths below `original / high_freq_factor` are kept.
        high_freq_factor: f64,
        /// Context length of pre-training.
        original_max_position_embeddings: usize,
    },
}

impl Rope {
    /// Reads `rope_parameters` if present, else `rope_theta` and `rope_scaling`.
    pub(crate) fn read(config: &Fields<'_>) -> Result<Rope> {
        const THETA: std::ops::RangeInclusive<f64> = 1.000001..=1e15;
        if let Some(parameters) = config.object("rope_parameters", "rope_parameters.")? {
            // Some writers keep the theta outside even so.
            let theta = match parameters.optional_number("rope_theta", THETA)? {
                Some(theta) => theta,
                None => config.number("rope_theta", THETA)?,
            };
            return Ok(Rope { theta, scaling: RopeScaling::read(&parameters)? });
        }
        let theta = config.number("rope_theta", THETA)?;
        let scaling = match config.object("rope_scaling", "rope_scaling.")? {
            Some(scaling) => RopeScaling::read(&scaling)?,
            None => RopeScaling::None,
        };
        Ok(Rope { theta, scaling })
    }

    /// `inv_freq[i]`, the angle a position adds to pair `i` of `dim / 2`, computed in f64.
    pub(crate) fn inv_freq(&self, dim: usize) -> Vec<f32> {
        let frequency = |i: usize| self.theta.powf(-2.0 * i as f64 / dim as f64);
        let scaled = |i: usize| match &self.scaling {
            RopeScaling::None => frequency(i),
            RopeScaling::Yarn {
                factor,
                original_max_position_embeddings,
                beta_fast,
                beta_slow,
                ..
            } => {
                let original = *original_max_position_embeddings as f64;
                let ramp = yarn_ramp(dim, self.theta, original, *beta_fast, *beta_slow, i);
                frequency(i) * (1.0 - ramp) + frequency(i) / factor * ramp
            }
            RopeScaling::Llama3 {
                factor,
                low_freq_factor: low,
                high_freq_factor: high,
                original_max_position_embeddings,
            } => {
                let original = *original_max_position_embeddings as f64;
                let rotations = original * frequency(i) / (2.0 * PI);
                let kept = ((rotations - low) / (high - low)).clamp(0.0, 1.0);
                frequency(i) * kept + frequency(i) / factor * (1.0 - kept)
            }
        };
        (0..dim / 2).map(|i| scaled(i) as f32).collect()
    }

    /// What multiplies cos and sin (1 for V3 and R1, whose two mscales are equal).
    pub(crate) fn multiplier(&self) -> f64 {
        match &self.scaling {
            RopeScaling::Yarn { factor, mscale, mscale_all_dim, attention_factor, .. } => {
                attention_factor.unwrap_or_else(|| {
                    yarn_mscale(*factor, *mscale) / yarn_mscale(*factor, *mscale_all_dim)
                })
            }
            _ => 1.0,
        }
    }

    /// What multiplies the softmax scale of MLA: `mscale(mscale_all_dim)` squared.
    pub(crate) fn softmax_multiplier(&self) -> f64 {
        match &self.scaling {
            RopeScaling::Yarn { factor, mscale_all_dim, .. } => {
                yarn_mscale(*factor, *mscale_all_dim).powi(2)
            }
            _ => 1.0,
        }
    }
}

impl RopeScaling {
    fn read(fields: &Fields<'_>) -> Result<RopeScaling> {
        const MAX_POSITIONS: usize = 1 << 30;
        let key = if fields.get("rope_type").is_some() { "rope_type" } else { "type" };
        match fields.text(key)? {
            Some("default") => Ok(RopeScaling::None),
            Some("yarn") => Ok(RopeScaling::Yarn {
                factor: fields.number("factor", 1e-3..=1e6)?,
                original_max_position_embeddings: fields
                    .count("original_max_position_embeddings", 1..=MAX_POSITIONS)?,
                beta_fast: fields.optional_number("beta_fast", 1e-6..=1e6)?.unwrap_or(32.0),
                beta_slow: fields.optional_number("beta_slow", 1e-6..=1e6)?.unwrap_or(1.0),
                mscale: fields.optional_number("mscale", 0.0..=100.0)?.unwrap_or(1.0),
                mscale_all_dim: fields
                    .optional_number("mscale_all_dim", 0.0..=100.0)?
                    .unwrap_or(0.0),
                attention_factor: fields.optional_number("attention_factor", 1e-3..=1e3)?,
            }),
            Some("llama3") => {
                let low_freq_factor = fields.number("low_freq_factor", 1e-6..=1e6)?;
                let high_freq_factor = fields.number("high_freq_factor", 1e-6..=1e6)?;
                if high_freq_factor <= low_freq_factor {
                    let expected = format!("more than low_freq_factor, {low_freq_factor}");
                    let hint = "the two borders are probably swapped";
                    return Err(fields.refuse("high_freq_factor", &expected, hint));
                }
                Ok(RopeScaling::Llama3 {
                    factor: fields.number("factor", 1e-3..=1e6)?,
                    low_freq_factor,
                    high_freq_factor,
                    original_max_position_embeddings: fields
                        .count("original_max_position_embeddings", 1..=MAX_POSITIONS)?,
                })
            }
            _ => Err(fields.refuse(
                key,
                "\"default\", \"yarn\" or \"llama3\"",
                "this kind of position scaling is not implemented; running without it would be wrong",
            )),
        }
    }
}

/// YaRN's temperature: `0.1 m ln(factor) + 1`, and 1 when nothing is extended.
fn yarn_mscale(factor: f64, m: f64) -> f64 {
    if factor <= 1.0 { 1.0 } else { 0.1 * m * factor.ln() + 1.0 }
}

/// 0 where frequency `i` is kept, 1 where it is divided, linear between (arXiv 2309.00071, 3.2).
fn yarn_ramp(dim: usize, theta: f64, original: f64, fast: f64, slow: f64, i: usize) -> f64 {
    let pair_with =
        |rotations: f64| dim as f64 * (original / (2.0 * PI * rotations)).ln() / (2.0 * theta.ln());
    let low = pair_with(fast).floor().max(0.0);
    let high = pair_with(slow).ceil().min(dim as f64 - 1.0);
    let high = if low == high { high + 0.001 } else { high };
    ((i as f64 - low) / (high - low)).clamp(0.0, 1.0)
}
