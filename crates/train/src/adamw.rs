//! AdamW (Loshchilov and Hutter, "Decoupled weight decay regularization", algorithm 2): moments and
//! weights in f32, one pass over each parameter.

use ponder_model::checkpoint::TensorKind;
use serde::{Deserialize, Serialize};

use crate::parameters::{GradientStore, Parameter, ParameterId, Parameters};

/// The constants; every field is written out, because a run depends on each.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdamwOptions {
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub eps: f64,
    /// Decay of the weights, times the learning rate; matrices only.
    pub weight_decay: f64,
    /// Gradients are scaled down to this norm over all parameters, if it is exceeded.
    pub clip_norm: Option<f64>,
}

impl AdamwOptions {
    /// DeepSeek-V3's constants (report, section 4.2).
    pub const DEEPSEEK_V3: AdamwOptions = AdamwOptions {
        beta1: 0.9,
        beta2: 0.95,
        eps: 1e-8,
        weight_decay: 0.1,
        clip_norm: Some(1.0),
    };
}

/// The moments of every parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct Adamw {
    /// Steps taken.
    pub steps: u64,
    /// First moments, in the order of the parameters.
    pub first: Vec<Vec<f32>>,
    /// Second moments.
    pub second: Vec<Vec<f32>>,
}

impl Adamw {
    /// Zero moments.
    pub fn new(parameters: &Parameters) -> Adamw {
        let zeros = || parameters.iter().map(|p| vec![0.0; p.values.len()]).collect();
        Adamw { steps: 0, first: zeros(), second: zeros() }
    }

    /// One step at this learning rate on `threads` threads. Returns the norm of the gradients
    /// before clipping.
    pub fn step(
        &mut self,
        options: &AdamwOptions,
        rate: f64,
        parameters: &mut Parameters,
        grads: &GradientStore,
        threads: usize,
    ) -> f64 {
        let norm = grads.norm();
        let clip = match options.clip_norm {
            Some(limit) if norm > limit => limit / norm,
            _ => 1.0,
        };
        self.steps += 1;
        let update = Update::new(options, rate, clip, self.steps);
        let moments = self.first.iter_mut().zip(&mut self.second);
        let mut jobs: Vec<Job> = Vec::new();
        for (i, (parameter, (first, second))) in parameters.iter_mut().zip(moments).enumerate() {
            if !parameter.is_trained() {
                continue;
            }
            let decay = if is_decayed(parameter) { rate * options.weight_decay } else { 0.0 };
            let values = &mut parameter.values;
            let grads = grads.get(ParameterId(i));
            jobs.push(Job { values, first, second, grads, keep: (1.0 - decay) as f32 });
        }
        run(&update, jobs, threads);
        norm
    }
}

/// Norms and biases are few and have no reason to be small.
fn is_decayed(parameter: &Parameter) -> bool {
    !matches!(parameter.kind, TensorKind::Norm | TensorKind::Bias)
}

struct Job<'a> {
    values: &'a mut [f32],
    first: &'a mut [f32],
    second: &'a mut [f32],
    grads: &'a [f32],
    /// What weight decay leaves of a weight.
    keep: f32,
}

/// Each thread takes whole parameters; every value is moved alone, so threads change no bit.
fn run(update: &Update, jobs: Vec<Job>, threads: usize) {
    let total: usize = jobs.iter().map(|job| job.grads.len()).sum();
    let share = total.div_ceil(threads.max(1)).max(1);
    let (mut parts, mut filled) = (vec![Vec::new()], 0);
    for job in jobs {
        if filled >= share {
            parts.push(Vec::new());
            filled = 0;
        }
        filled += job.grads.len();
        parts.last_mut().expect("one to begin with").push(job);
    }
    std::thread::scope(|scope| {
        for part in parts {
            scope.spawn(move || part.into_iter().for_each(|job| update.apply(job)));
        }
    });
}

/// One step's constants in f32.
struct Update {
    beta1: f32,
    beta2: f32,
    clip: f32,
    /// Rate over the first moment's bias correction.
    rate: f32,
    /// One over the root of the second moment's bias correction.
    root: f32,
    eps: f32,
}

impl Update {
    fn new(options: &AdamwOptions, rate: f64, clip: f64, steps: u64) -> Update {
        let correction = |beta: f64| 1.0 - beta.powf(steps as f64);
        Update {
            beta1: options.beta1 as f32,
            beta2: options.beta2 as f32,
            clip: clip as f32,
            rate: (rate / correction(options.beta1)) as f32,
            root: (1.0 / correction(options.beta2).sqrt()) as f32,
            eps: options.eps as f32,
        }
    }

    fn apply(&self, job: Job) {
        let Job { values, first, second, grads, keep } = job;
        let (rest1, rest2) = (1.0 - self.beta1, 1.0 - self.beta2);
        let moments = first.iter_mut().zip(second);
        for ((value, grad), (first, second)) in values.iter_mut().zip(grads).zip(moments) {
            let grad = grad * self.clip;
            *first = self.beta1 * *first + rest1 * grad;
            *second = self.beta2 * *second + rest2 * grad * grad;
            let step = *first / (second.sqrt() * self.root + self.eps);
            *value = *value * keep - self.rate * step;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::init::{Preset, random};

    /// Twenty steps on `Σ scale (w − target)² / 2`, as PyTorch's AdamW takes them.
    fn check(clip_norm: Option<f64>, weight_decay: f64, first: [f32; 4], last: [f32; 4]) {
        let options = AdamwOptions { beta1: 0.9, beta2: 0.95, eps: 1e-8, weight_decay, clip_norm };
        let (target, scale) = ([0.3, 0.1, -0.7, 1.0], [1.0, 4.0, 0.5, 2.0]);
        let mut parameters = random(&Preset::find("smoke").unwrap().config().unwrap(), 1).unwrap();
        let id = parameters.find("lm_head.weight").unwrap();
        parameters.get_mut(id).values[..4].copy_from_slice(&[1.0, -2.0, 0.5, 3.0]);
        let untouched = parameters.find("model.norm.weight").unwrap();
        let mut adamw = Adamw::new(&parameters);
        let mut grads = GradientStore::new(&parameters);
        for step in 0..20 {
            grads.clear();
            let values = parameters.get(id).values[..4].to_vec();
            for (i, grad) in grads.get_mut(id)[..4].iter_mut().enumerate() {
                *grad = scale[i] * (values[i] - target[i]);
            }
            let norm = adamw.step(&options, 0.05, &mut parameters, &grads, 1 + step % 3);
            assert!(step > 0 || (norm - 9.349331).abs() < 1e-5, "{norm}");
            let want = if step == 0 { first } else { last };
            let close = |(a, b): (&f32, &f32)| (a - b).abs() < 2e-6;
            let found = &parameters.get(id).values[..4];
            let agrees = found.iter().zip(&want).all(close);
            assert!(step % 19 != 0 || agrees, "step {step}: {found:?}, PyTorch has {want:?}");
        }
        assert!(parameters.get(untouched).values.iter().all(|x| *x == 1.0), "norms do not decay");
    }

    #[test]
    fn steps_are_those_of_pytorch() {
        check(None, 0.1, [0.945, -1.94, 0.4475, 2.935], [0.152948, -0.882512, -0.444891, 1.793501]);
        check(
            Some(0.5),
            0.0,
            [0.95, -1.95, 0.45, 2.95],
            [0.165707, -0.999637, -0.473161, 2.000764],
        );
    }
}
