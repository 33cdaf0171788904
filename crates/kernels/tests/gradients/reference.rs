//! References against finite differences.

use std::cell::Cell;

use ponder_kernels::ops::cross_entropy::{self, Targets};
use ponder_kernels::ops::{embed, gqa_attention, linear, route};
use ponder_kernels::reference::Reference;
use ponder_kernels::{Gradients, Ops, Router, Routing, Transposes};
use ponder_tensor::Arena;
use ponder_tensor::format::Format;

use super::difference::{check, inner};
use super::layers::{FfnSizes, MlaSizes, batch, gqa, gqa_forward, gqa_inputs, matrix, tensor};
use super::sample::Random;

#[test]
fn rms_norm() {
    let (ops, mut random) = (Reference::default(), Random::new(1));
    let (x, weight, grad_out) = (random.vector(21), random.vector(7), random.vector(21));
    let forward = |x: &[f32], weight: &[f32]| {
        inner(ops.rms_norm(&tensor(x, 7), weight, 1e-3).data(), &grad_out)
    };
    let mut grad_weight = vec![0.0; 7];
    let (grad, x_) = (tensor(&grad_out, 7), tensor(&x, 7));
    let grad_x = ops.rms_norm_backward(&grad, &x_, &weight, 1e-3, &mut grad_weight);
    check("x", &x, grad_x.data(), |x| forward(x, &weight));
    check("weight", &weight, &grad_weight, |weight| forward(&x, weight));
}

#[test]
fn linear_layer() {
    let (ops, mut random) = (Reference::default(), Random::new(2));
    let (x, weight, bias) = (random.vector(3 * 5), random.vector(4 * 5), random.vector(4));
    let grad_out = random.vector(3 * 4);
    let forward = |x: &[f32], weight: &[f32], bias: &[f32]| {
        let out = ops.linear(&tensor(x, 5), &matrix(weight, 5, Format::F32), Some(bias));
        inner(out.data(), &grad_out)
    };
    let grad = tensor(&grad_out, 4);
    let transposed = Transposes::default().of(&matrix(&weight, 5, Format::F32));
    let grad_x = ops.linear(&grad, &transposed, None);
    let (mut grad_weight, mut grad_bias) = (vec![0.0; 20], vec![0.0; 4]);
    ops.weight_gradient(&mut grad_weight, &grad, &tensor(&x, 5), Format::F32);
    linear::bias_gradient(&mut grad_bias, &grad);
    check("x", &x, grad_x.data(), |x| forward(x, &weight, &bias));
    check("weight", &weight, &grad_weight, |weight| forward(&x, weight, &bias));
    check("bias", &bias, &grad_bias, |bias| forward(&x, &weight, bias));
    let before = grad_weight.clone();
    ops.weight_gradient(&mut grad_weight, &grad, &tensor(&x, 5), Format::F32);
    assert!(grad_weight.iter().zip(before).all(|(sum, once)| (sum - 2.0 * once).abs() < 1e-5));
}

#[test]
fn embedding() {
    let grad_out = tensor(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 2);
    let mut table = vec![0.0; 8];
    embed::backward(&mut table, &grad_out, &[3, 0, 3]);
    assert_eq!(table, [3.0, 4.0, 0.0, 0.0, 0.0, 0.0, 6.0, 8.0]);
}

fn routing(logits: &[f32], router: &Router) -> Routing {
    route::forward(&tensor(logits, router.bias.len()), router)
}

#[test]
fn router() {
    let mut random = Random::new(3);
    let (logits, bias) = (random.vector(5 * 6), random.vector(6));
    for norm_topk_prob in [true, false] {
        let router = Router {
            bias: &bias,
            n_group: 2,
            topk_group: 1,
            num_experts_per_tok: 2,
            norm_topk_prob,
            routed_scaling_factor: 1.7,
        };
        let chosen = routing(&logits, &router);
        let grad_weights = random.vector(10);
        let logits_ = tensor(&logits, 6);
        let grad = route::backward(&Arena::new(), &logits_, &router, &chosen, &grad_weights);
        check("logits", &logits, grad.data(), |logits| {
            let routing = route::replay(&tensor(logits, 6), &router, &chosen.experts);
            assert_eq!(routing.experts, chosen.experts);
            inner(&routing.weights, &grad_weights)
        });
    }
}

#[test]
fn replayed_choices_stand_and_missing_ones_are_made() {
    let logits = tensor(&Random::new(4).vector(3 * 6), 6);
    let router = Router {
        bias: &[0.0; 6],
        n_group: 1,
        topk_group: 1,
        num_experts_per_tok: 2,
        norm_topk_prob: true,
        routed_scaling_factor: 1.0,
    };
    let free = route::forward(&logits, &router);
    let missing = route::NOT_RECORDED;
    let routing = route::replay(&logits, &router, &[1, 4, missing, missing]);
    assert_eq!(routing.experts[..2], [1, 4]);
    assert_eq!(routing.experts[2..], free.experts[2..]);
    assert_eq!(routing.weights[2..], free.weights[2..]);
}

#[test]
fn balance() {
    let logits = Random::new(5).vector(7 * 4);
    let mut grad = vec![0.0; logits.len()];
    // Only rows 2 to 6 belong to the sequence.
    let loss = route::balance_loss(&tensor(&logits, 4), 2..7, 2, 0.5, &mut grad);
    assert!(loss > 0.5 && loss < 2.0, "{loss}");
    check("logits", &logits, &grad, |logits| {
        let loss = route::balance_loss(&tensor(logits, 4), 2..7, 2, 1.0, &mut [0.0; 28]);
        0.5 * loss as f64
    });
    let even = [3.0, -3.0, -3.0, 3.0];
    let loss = route::balance_loss(&tensor(&even, 2), 0..2, 1, 1.0, &mut [0.0; 4]);
    assert!((loss - 1.0).abs() < 1e-6, "perfect balance gives 1, not {loss}");
}

#[test]
fn experts() {
    let ops = Reference::default();
    for (n_routed, has_shared) in [(3, true), (3, false), (0, true)] {
        let mut random = Random::new(6 + n_routed as u64);
        let sizes =
            FfnSizes { hidden: 3, intermediate: 33, n_routed, has_shared, format: Format::F32 };
        let x = random.vector(6 * 3);
        let weights: Vec<f32> =
            random.vector(sizes.weights_len()).iter().map(|w| w * 0.4).collect();
        let routing = (n_routed > 0).then(|| {
            let experts = (0..6u32).flat_map(|t| [t % 2, 2]).collect();
            Routing { num_experts_per_tok: 2, experts, weights: random.vector(12) }
        });
        let grad_out = random.vector(6 * 3);
        let forward = |x: &[f32], weights: &[f32], routing: Option<&Routing>| {
            inner(sizes.forward(&ops, x, weights, routing).data(), &grad_out)
        };
        let [grad_x, grad_weights, grad_routing] =
            sizes.backward(&ops, &grad_out, &x, &weights, routing.as_ref());
        check("x", &x, &grad_x, |x| forward(x, &weights, routing.as_ref()));
        check("weights", &weights, &grad_weights, |w| forward(&x, w, routing.as_ref()));
        let Some(routing) = routing else { continue };
        check("routing", &routing.weights, &grad_routing, |changed| {
            let routing = Routing { weights: changed.to_vec(), ..routing.clone() };
            forward(&x, &weights, Some(&routing))
        });
    }
}

#[test]
fn latent_attention() {
    let (ops, mut random) = (Reference::default(), Random::new(9));
    let sizes = MlaSizes { heads: 2, nope: 3, rope: 4, value: 5, rank: 6, format: Format::F32 };
    let batch = batch(&[4, 1, 3], sizes.rope);
    let inputs = [8 * 2 * 7, 8 * 10, 6, sizes.kv_b_len()].map(|len| random.vector(len));
    let grad_out = random.vector(8 * 10);
    let grads = sizes.backward(&ops, &grad_out, inputs.each_ref().map(|x| &x[..]), &batch);
    for (i, what) in ["q", "kv_a", "kv_a_layernorm", "kv_b_proj"].into_iter().enumerate() {
        check(what, &inputs[i], &grads[i], |changed| {
            let mut inputs = inputs.each_ref().map(|x| &x[..]);
            inputs[i] = changed;
            inner(sizes.forward(&ops, inputs, &batch).data(), &grad_out)
        });
    }
}

#[test]
fn grouped_attention() {
    let (ops, mut random) = (Reference::default(), Random::new(10));
    let gqa = gqa(4, 2, 6);
    let batch = batch(&[3, 5], 6);
    let inputs = [8 * 24, 8 * 12, 8 * 12].map(|len| random.vector(len));
    let grad_out = random.vector(8 * 24);
    let [q, k, v] = gqa_inputs(inputs.each_ref().map(|x| &x[..]), &gqa);
    let grad = tensor(&grad_out, 24);
    let grads = gqa_attention::backward(&ops, &grad, [&q, &k, &v], &gqa, &batch);
    for (i, what) in ["q", "k", "v"].into_iter().enumerate() {
        check(what, &inputs[i], grads[i].data(), |changed| {
            let mut inputs = inputs.each_ref().map(|x| &x[..]);
            inputs[i] = changed;
            inner(gqa_forward(&ops, inputs, &gqa, &batch).data(), &grad_out)
        });
    }
}

#[test]
fn losses_on_tokens() {
    let (ops, mut random) = (Reference::default(), Random::new(11));
    let (hidden, head) = (random.vector(4 * 5), random.vector(9 * 5));
    // A loss that bends: Σ w (lp² + lp).
    let weights = random.vector(3);
    for temperature in [1.0, 0.6] {
        let targets = Targets { rows: &[0, 2, 3], token_ids: &[8, 0, 4], temperature };
        let forward = |hidden: &[f32], head: &[f32]| {
            let head = matrix(head, 5, Format::F32);
            let log_probs = cross_entropy::forward(&ops, &tensor(hidden, 5), &head, &targets);
            let each = log_probs.iter().zip(&weights);
            each.map(|(lp, w)| *w as f64 * (*lp as f64 * *lp as f64 + *lp as f64)).sum::<f64>()
        };
        let mut grad_head = vec![0.0; head.len()];
        let asked = Cell::new(0);
        let (log_probs, grad_hidden) = cross_entropy::backward(
            &ops,
            &tensor(&hidden, 5),
            (&matrix(&head, 5, Format::F32), &Transposes::default()),
            &targets,
            &|i, lp| {
                asked.set(asked.get() + 1);
                weights[i] * (2.0 * lp + 1.0)
            },
            &mut grad_head,
        );
        assert_eq!((asked.get(), log_probs.len()), (3, 3));
        check("hidden", &hidden, grad_hidden.data(), |hidden| forward(hidden, &head));
        check("head", &head, &grad_head, |head| forward(&hidden, head));
    }
}
