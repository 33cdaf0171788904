//! What pre-training and fine-tuning minimise: the cross-entropy of the next token, that of the
//! token after next by the MTP layer, and the balance of the experts (DeepSeek-V3 report, sections
//! 2.1.2 and 2.2). Denominators are those of the whole optimizer step, so a step has the same
//! gradient however it is cut into micro-batches.

use ponder_kernels::Gradients;
use ponder_kernels::ops::cross_entropy::{self, Targets};
use ponder_tensor::Tensor;
use ponder_tensor::format::Matrix;

use crate::loads::{self, Loads};
use crate::pack::{self, Sequence};
use crate::parameters::{GradientStore, Weights};
use crate::tape::{Balance, Tape};

/// The weights of the parts.
#[derive(Clone, Copy, Debug)]
pub struct Objective {
    /// λ of the MTP loss; without effect in models without such a layer.
    pub mtp_factor: f32,
    /// α of the sequence-wise balance loss.
    pub balance_alpha: f32,
}

/// What a step divides by, counted over all its sequences before the first micro-batch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Denominators {
    /// Weights of next tokens.
    pub next: f64,
    /// Weights of tokens after next.
    pub after_next: f64,
    /// Tokens.
    pub n_tokens: usize,
}

impl Denominators {
    /// Counts a step's sequences.
    pub fn of(sequences: &[Sequence]) -> Denominators {
        Denominators {
            next: sequences.iter().map(|s| s.total_weight(1)).sum(),
            after_next: sequences.iter().map(|s| s.total_weight(2)).sum(),
            n_tokens: sequences.iter().map(|s| s.token_ids.len()).sum(),
        }
    }
}

/// The parts of a step's loss, and how its tokens chose their experts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StepLoss {
    /// Mean cross-entropy of the next token.
    pub next: f64,
    /// Mean cross-entropy of the token after next.
    pub after_next: f64,
    /// Balance loss of all layers, 1 for each in perfect balance.
    pub balance: f64,
    /// Tokens that each expert served.
    pub loads: Loads,
}

impl StepLoss {
    /// Adds the share of another micro-batch.
    pub fn add(&mut self, other: &StepLoss) {
        self.next += other.next;
        self.after_next += other.after_next;
        self.balance += other.balance;
        loads::add(&mut self.loads, &other.loads);
    }

    /// The number that is minimised.
    pub fn total(&self, objective: &Objective) -> f64 {
        let Objective { mtp_factor, balance_alpha } = *objective;
        self.next + mtp_factor as f64 * self.after_next + balance_alpha as f64 * self.balance
    }
}

/// One micro-batch: its gradients are added to `store`, its share of the loss is returned.
pub fn accumulate(
    ops: &dyn Gradients,
    weights: &Weights,
    sequences: &[Sequence],
    (objective, denominators): (&Objective, &Denominators),
    store: &mut GradientStore,
) -> StepLoss {
    let mut loss = StepLoss::default();
    let model = &weights.model;
    let tape = Tape::new(ops, weights, None);
    let batch = pack::batch(model, sequences);
    let mut cache = model.new_cache(&tape, pack::n_pages(sequences));
    let hidden = model.hidden(&tape, &batch, &mut cache);
    let drafts = objective.mtp_factor != 0.0 && denominators.after_next > 0.0;
    let drafted = drafts.then(|| {
        let next = pack::batch_of_next(model, sequences);
        model.draft_hidden(&tape, &hidden, &next, &mut cache)
    });
    let mut seeds = Vec::new();
    let head = model.head();
    let aim = Aim { ahead: 1, divisor: denominators.next, factor: 1.0 };
    let (sum, grad) = aim.cross_entropy(ops, weights, &hidden, head, sequences, store);
    loss.next = sum;
    seeds.push((hidden, grad));
    if let (Some(Some(drafted)), Some(head)) = (drafted, model.draft_head()) {
        let factor = objective.mtp_factor;
        let aim = Aim { ahead: 2, divisor: denominators.after_next, factor };
        let (sum, grad) = aim.cross_entropy(ops, weights, &drafted, head, sequences, store);
        loss.after_next = sum;
        seeds.push((drafted, grad));
    }
    loads::count(&mut loss.loads, model, &tape.choices());
    let balance = (objective.balance_alpha != 0.0)
        .then_some(Balance { alpha: objective.balance_alpha, n_tokens: denominators.n_tokens });
    loss.balance = tape.backward(seeds, balance, store);
    loss
}

/// Which token a hidden state is to predict.
struct Aim {
    /// How many places on.
    ahead: usize,
    divisor: f64,
    factor: f32,
}

impl Aim {
    /// The mean's share of these sequences, and `factor` times its gradient by `hidden`.
    fn cross_entropy(
        &self,
        ops: &dyn Gradients,
        weights: &Weights,
        hidden: &Tensor,
        head: &Matrix,
        sequences: &[Sequence],
        store: &mut GradientStore,
    ) -> (f64, Tensor) {
        let (mut rows, mut token_ids, mut shares) = (Vec::new(), Vec::new(), Vec::new());
        let mut first_row = 0;
        for Sequence { token_ids: ids, weights } in sequences {
            for (i, (id, weight)) in ids.iter().zip(weights).enumerate().skip(self.ahead) {
                if *weight != 0.0 {
                    rows.push(first_row + i - self.ahead);
                    token_ids.push(*id);
                    shares.push(*weight as f64 / self.divisor);
                }
            }
            first_row += ids.len();
        }
        let targets = Targets { rows: &rows, token_ids: &token_ids, temperature: 1.0 };
        let id = weights.id(ponder_kernels::ops::backward::address(head));
        let (log_probs, grad) = cross_entropy::backward(
            ops,
            hidden,
            (head, &weights.transposes),
            &targets,
            &|i, _| (-shares[i] * self.factor as f64) as f32,
            store.get_mut(id),
        );
        let losses = log_probs.iter().zip(&shares).map(|(lp, share)| -*lp as f64 * share);
        (losses.sum(), grad)
    }
}
