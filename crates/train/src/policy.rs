//! Policy gradients on sampled answers: the log-probabilities of tokens under the model as it is,
//! and the gradient of any loss on them (see `loss`). What reinforcement learning is built from.
//!
//! Log-probabilities are the sampler's bit for bit when rollouts run on the same backend, because
//! the same kernels compute them; experts can be chosen as they were then.

use ponder_kernels::Gradients;
use ponder_kernels::ops::backward::address;
use ponder_kernels::ops::cross_entropy::{self, Targets};
use ponder_tensor::Tensor;

use crate::pack::{self, Sequence};
use crate::parameters::{GradientStore, ParameterId, Weights};
use crate::tape::{RecordedChoices, Tape};

/// A micro-batch of answers. Trainable are the tokens of weight other than 0 (see [`Sequence`]);
/// results list them in order, sequence after sequence.
#[derive(Clone, Copy)]
pub struct Answers<'a> {
    /// Prompts with their answers.
    pub sequences: &'a [Sequence],
    /// What the sampler divided logits by.
    pub temperature: f32,
    /// How the sampler chose experts, to choose them so again.
    pub choices: Option<&'a RecordedChoices>,
}

impl Answers<'_> {
    /// The row that predicts each trainable token, and the token.
    fn targets(&self) -> (Vec<usize>, Vec<u32>) {
        let (mut rows, mut token_ids, mut first_row) = (Vec::new(), Vec::new(), 0);
        for Sequence { token_ids: ids, weights } in self.sequences {
            for (i, id) in ids.iter().enumerate().skip(1).filter(|(i, _)| weights[*i] != 0.0) {
                rows.push(first_row + i - 1);
                token_ids.push(*id);
            }
            first_row += ids.len();
        }
        (rows, token_ids)
    }
}

/// What a pass over answers found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evaluation {
    /// The log-probability of every trainable token.
    pub log_probs: Vec<f32>,
    /// For each layer of experts, the parameter of its gate's bias and the experts that every
    /// token chose, `[tokens, num_experts_per_tok]`.
    pub choices: Vec<(ParameterId, Vec<u32>)>,
}

/// The log-probability of every trainable token.
pub fn log_probs(ops: &dyn Gradients, weights: &Weights, answers: &Answers) -> Vec<f32> {
    evaluate(ops, weights, answers).log_probs
}

/// The same, and how experts were chosen.
pub fn evaluate(ops: &dyn Gradients, weights: &Weights, answers: &Answers) -> Evaluation {
    let (tape, hidden) = forward(ops, weights, answers);
    let (rows, token_ids) = answers.targets();
    let temperature = answers.temperature;
    let targets = Targets { rows: &rows, token_ids: &token_ids, temperature };
    let log_probs = cross_entropy::forward(ops, &hidden, weights.model.head(), &targets);
    Evaluation { log_probs, choices: tape.choices() }
}

/// The way to the last hidden states `[tokens, hidden_size]`, remembered.
fn forward<'a>(
    ops: &'a dyn Gradients,
    weights: &'a Weights,
    answers: &Answers<'a>,
) -> (Tape<'a>, Tensor) {
    let model = &weights.model;
    let tape = Tape::new(ops, weights, answers.choices);
    let batch = pack::batch(model, answers.sequences);
    let mut cache = model.new_cache(&tape, pack::n_pages(answers.sequences));
    let hidden = model.hidden(&tape, &batch, &mut cache);
    (tape, hidden)
}

/// Adds to `store` the gradient of a loss whose derivative by the log-probability `lp` of trainable
/// token `i` is `slope(i, lp)`. Returns the log-probabilities and the choices of experts.
pub fn accumulate(
    ops: &dyn Gradients,
    weights: &Weights,
    answers: &Answers,
    slope: &dyn Fn(usize, f32) -> f32,
    store: &mut GradientStore,
) -> Evaluation {
    let (tape, hidden) = forward(ops, weights, answers);
    let (rows, token_ids) = answers.targets();
    let temperature = answers.temperature;
    let targets = Targets { rows: &rows, token_ids: &token_ids, temperature };
    let head = weights.model.head();
    let into = store.get_mut(weights.id(address(head)));
    let head = (head, &weights.transposes);
    let (log_probs, grad) = cross_entropy::backward(ops, &hidden, head, &targets, slope, into);
    let choices = tape.choices();
    tape.backward(vec![(hidden, grad)], None, store);
    Evaluation { log_probs, choices }
}
