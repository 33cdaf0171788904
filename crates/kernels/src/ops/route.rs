//! Expert choice of DeepSeek-V3 (`noaux_tc`; report section 2.1.2): sigmoid scores, a bias that
//! counts for the choice only, and choice within the best groups.

use std::ops::Range;

use ponder_tensor::{Arena, Tensor};

/// How experts are chosen and weighted; names as in config.json.
pub struct Router<'a> {
    /// `e_score_correction_bias` `[n_routed_experts]`: added for the choice, not for the weights.
    pub bias: &'a [f32],
    /// Groups of consecutive expert ids.
    pub n_group: usize,
    /// Groups that stay in the choice.
    pub topk_group: usize,
    /// Experts chosen for a token.
    pub num_experts_per_tok: usize,
    /// Whether the chosen weights are normalised to sum 1.
    pub norm_topk_prob: bool,
    /// Multiplies every weight.
    pub routed_scaling_factor: f32,
}

/// The experts of every token, in ascending order of id.
#[derive(Clone, Debug, PartialEq)]
pub struct Routing {
    /// Experts chosen for each token.
    pub num_experts_per_tok: usize,
    /// Expert ids `[tokens, num_experts_per_tok]`.
    pub experts: Vec<u32>,
    /// Their weights, in the same places.
    pub weights: Vec<f32>,
}

impl Routing {
    /// Number of tokens.
    pub fn n_tokens(&self) -> usize {
        self.experts.len() / self.num_experts_per_tok
    }

    /// The experts of one token.
    pub fn experts_of(&self, token: usize) -> &[u32] {
        &self.experts[token * self.num_experts_per_tok..][..self.num_experts_per_tok]
    }
}

/// Routes every row of `logits` `[tokens, n_routed_experts]`.
#[track_caller]
pub fn forward(logits: &Tensor, router: &Router) -> Routing {
    replay(logits, router, &[])
}

/// A place of a recorded choice that was not recorded: the token is routed anew.
pub const NOT_RECORDED: u32 = u32::MAX;

/// Routes every row to the experts chosen before, `[tokens, num_experts_per_tok]` in ascending
/// order of id; scores and weights are computed anew. Rows beyond `chosen`, and those that hold
/// [`NOT_RECORDED`], are routed by their scores.
///
/// Rollout Routing Replay (arXiv 2510.11370): no group limit and no bias bears on a replayed row.
#[track_caller]
pub fn replay(logits: &Tensor, router: &Router, chosen: &[u32]) -> Routing {
    assert_eq!(logits.cols(), router.bias.len());
    let k = router.num_experts_per_tok;
    let (mut experts, mut weights) = (Vec::new(), Vec::new());
    for row in 0..logits.rows() {
        let scores: Vec<f32> = logits.row(row).iter().map(|z| sigmoid(*z)).collect();
        let recorded = chosen.get(row * k..(row + 1) * k).filter(|c| !c.contains(&NOT_RECORDED));
        let chosen = match recorded {
            Some(chosen) => chosen.iter().map(|e| *e as usize).collect(),
            None => choose(&scores, router),
        };
        let sum: f32 = chosen.iter().map(|e| scores[*e]).sum();
        let norm = if router.norm_topk_prob { 1.0 / (sum + 1e-20) } else { 1.0 };
        let scale = norm * router.routed_scaling_factor;
        weights.extend(chosen.iter().map(|e| scores[*e] * scale));
        experts.extend(chosen.iter().map(|e| *e as u32));
    }
    Routing { num_experts_per_tok: k, experts, weights }
}

fn sigmoid(z: f32) -> f32 {
    1.0 / (1.0 + (-z).exp())
}

/// The best experts by biased score within the best groups, ascending. Ties go to the lower id.
fn choose(scores: &[f32], router: &Router) -> Vec<usize> {
    let biased: Vec<f32> = scores.iter().zip(router.bias).map(|(s, b)| s + b).collect();
    let group_size = scores.len() / router.n_group;
    let group_scores: Vec<f32> = biased.chunks_exact(group_size).map(top_two_sum).collect();
    let groups = top_k(&group_scores, 0..router.n_group, router.topk_group);
    let candidates = groups.iter().flat_map(|g| g * group_size..(g + 1) * group_size);
    top_k(&biased, candidates, router.num_experts_per_tok)
}

fn top_two_sum(scores: &[f32]) -> f32 {
    let (mut first, mut second) = (f32::NEG_INFINITY, f32::NEG_INFINITY);
    for score in scores {
        if *score > first {
            (first, second) = (*score, first);
        } else if *score > second {
            second = *score;
        }
    }
    if scores.len() == 1 { first } else { first + second }
}

/// The `k` candidates of the largest values, in ascending order of index.
fn top_k(values: &[f32], candidates: impl Iterator<Item = usize>, k: usize) -> Vec<usize> {
    let mut best: Vec<usize> = candidates.collect();
    best.sort_by(|a, b| values[*b].total_cmp(&values[*a]).then(a.cmp(b)));
    best.truncate(k);
    best.sort_unstable();
    best
}

/// The gradient by the logits of a loss whose gradient by `routing.weights` is `grad_weights`. The
/// choice of experts is fixed; scores of experts that were not chosen have no gradient here.
#[track_caller]
pub fn backward(
    arena: &Arena,
    logits: &Tensor,
    router: &Router,
    routing: &Routing,
    grad_weights: &[f32],
) -> Tensor {
    let k = routing.num_experts_per_tok;
    assert_eq!(grad_weights.len(), routing.experts.len());
    arena.tensor(logits.rows(), logits.cols(), |out| {
        out.fill(0.0);
        for (row, out) in out.chunks_exact_mut(logits.cols()).enumerate() {
            let chosen = &routing.experts[row * k..][..k];
            let grad = &grad_weights[row * k..][..k];
            let scores: Vec<f32> =
                chosen.iter().map(|e| sigmoid(logits.row(row)[*e as usize])).collect();
            let sum = scores.iter().sum::<f32>() + 1e-20;
            let mean: f32 = grad.iter().zip(&scores).map(|(g, s)| g * s).sum::<f32>() / sum;
            for i in 0..k {
                let by_score = match router.norm_topk_prob {
                    true => (grad[i] - mean) / sum,
                    false => grad[i],
                };
                let slope = scores[i] * (1.0 - scores[i]);
                out[chosen[i] as usize] = by_score * router.routed_scaling_factor * slope;
            }
        }
    })
}

/// The sequence-wise balance loss (DeepSeek-V3 report, equations 17 to 20) of one sequence, the
/// rows `rows`: `Σ_i f_i P_i`, which is 1 in perfect balance. `factor` times its gradient is added
/// to `grad_logits` `[tokens, n_routed_experts]`.
pub fn balance_loss(
    logits: &Tensor,
    rows: Range<usize>,
    num_experts_per_tok: usize,
    factor: f32,
    grad_logits: &mut [f32],
) -> f32 {
    let n_experts = logits.cols();
    let n_tokens = rows.len() as f32;
    let mut share = vec![0.0f32; n_experts];
    let mut affinity = vec![0.0f32; n_experts];
    for row in rows.clone() {
        let scores: Vec<f32> = logits.row(row).iter().map(|z| sigmoid(*z)).collect();
        let sum: f32 = scores.iter().sum();
        for expert in top_k(&scores, 0..n_experts, num_experts_per_tok) {
            share[expert] += n_experts as f32 / (num_experts_per_tok as f32 * n_tokens);
        }
        affinity.iter_mut().zip(&scores).for_each(|(p, s)| *p += s / sum / n_tokens);
    }
    for row in rows {
        let scores: Vec<f32> = logits.row(row).iter().map(|z| sigmoid(*z)).collect();
        let sum: f32 = scores.iter().sum();
        let mean: f32 = share.iter().zip(&scores).map(|(f, s)| f * s).sum::<f32>() / sum;
        let grad = &mut grad_logits[row * n_experts..][..n_experts];
        for (i, grad) in grad.iter_mut().enumerate() {
            let slope = scores[i] * (1.0 - scores[i]);
            *grad += factor * (share[i] - mean) / (sum * n_tokens) * slope;
        }
    }
    share.iter().zip(&affinity).map(|(f, p)| f * p).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_vector_is_routed() {
        let logits =
            [0.9, -0.3, 0.1, 1.2, 0.8, 0.7, -1.0, 0.2, -0.5, 1.5, -0.6, 0.0, 0.4, 0.3, 0.6, -0.2];
        let bias =
            [0.0, 0.1, -0.05, -0.3, 0.0, 0.05, 0.2, 0.0, 0.3, -0.4, 0.1, 0.0, 0.0, 0.1, 0.0, 0.2];
        let router = Router {
            bias: &bias,
            n_group: 4,
            topk_group: 2,
            num_experts_per_tok: 4,
            norm_topk_prob: true,
            routed_scaling_factor: 2.5,
        };
        let routing = forward(&Arena::new().tensor(1, 16, |x| x.copy_from_slice(&logits)), &router);
        assert_eq!(routing.experts, [4, 5, 13, 15]);
        let want = [0.723920, 0.701062, 0.602704, 0.472314];
        let close = routing.weights.iter().zip(want).all(|(a, b)| (a - b).abs() < 1e-5);
        assert!(close, "{:?}", routing.weights);
    }
}
