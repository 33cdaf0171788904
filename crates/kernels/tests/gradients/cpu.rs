//! The CPU backend against the references, and the same bits on one thread and on three.

use ponder_kernels::cpu::{Cpu, CpuOptions, Isa};
use ponder_kernels::ops::cross_entropy::{self, Targets};
use ponder_kernels::ops::gqa_attention;
use ponder_kernels::reference::Reference;
use ponder_kernels::{Gradients, Routing, Transposes};
use ponder_tensor::format::Format;

use super::compare::{assert_close, assert_same_bits};
use super::layers::{FfnSizes, MlaSizes, batch, gqa, gqa_inputs, matrix, tensor};
use super::sample::Random;

/// Runs `gradients` everywhere. `tolerance` is relative to the largest value of each result.
fn check(what: &str, tolerance: f32, gradients: impl Fn(&dyn Gradients) -> Vec<Vec<f32>>) {
    let want = gradients(&Reference::default());
    for isa in Isa::available() {
        let cpu = |threads| Cpu::new(CpuOptions { isa, threads, pin: false }).unwrap();
        let (one, three) = (cpu(1), cpu(3));
        let (got, again) = (gradients(&one), gradients(&three));
        assert_eq!(got.len(), want.len());
        for (i, (got, want)) in got.iter().zip(&want).enumerate() {
            let what = format!("{what}, result {i}");
            if !want.is_empty() {
                assert_close(
                    &what,
                    &one,
                    &tensor(got, got.len()),
                    &tensor(want, want.len()),
                    tolerance,
                );
            }
            assert_same_bits(&what, &three, &again[i], got);
        }
    }
}

fn tolerance(format: Format) -> f32 {
    if format == Format::Bf16 { 1.5e-2 } else { 1e-5 }
}

#[test]
fn weight_gradients_agree() {
    for (n_tokens, n_in, n_out) in [(1, 1, 1), (70, 40, 33), (64, 64, 32), (300, 17, 300)] {
        for format in [Format::Bf16, Format::F32] {
            let mut random = Random::new((n_tokens + n_in) as u64);
            let (x, grad) = (random.tensor(n_tokens, n_in), random.tensor(n_tokens, n_out));
            let before = random.vector(n_in * n_out);
            let what = format!("weight gradient {format:?} {n_tokens}x{n_in}x{n_out}");
            check(&what, tolerance(format), |ops| {
                let mut grad_weight = before.clone();
                ops.weight_gradient(&mut grad_weight, &grad, &x, format);
                vec![grad_weight]
            });
        }
    }
}

#[test]
fn rms_norms_agree() {
    for (rows, cols) in [(1, 2), (3, 7), (200, 48), (65, 100)] {
        let mut random = Random::new(cols as u64);
        let (x, grad, weight) =
            (random.tensor(rows, cols), random.tensor(rows, cols), random.vector(cols));
        check(&format!("rms_norm {rows}x{cols}"), 1e-5, |ops| {
            let mut grad_weight = vec![1.0; cols];
            let grad_x = ops.rms_norm_backward(&grad, &x, &weight, 1e-6, &mut grad_weight);
            vec![grad_x.data().to_vec(), grad_weight]
        });
    }
}

#[test]
fn experts_agree() {
    for (n_routed, has_shared, hidden, intermediate) in
        [(6, true, 64, 96), (4, false, 33, 40), (0, true, 128, 65)]
    {
        for format in [Format::Bf16, Format::F32] {
            const N: usize = 90;
            let mut random = Random::new(n_routed as u64);
            let sizes = FfnSizes { hidden, intermediate, n_routed, has_shared, format };
            let (x, grad) = (random.vector(N * hidden), random.vector(N * hidden));
            let weights: Vec<f32> =
                random.vector(sizes.weights_len()).iter().map(|w| w * 0.1).collect();
            let routing = (n_routed > 0).then(|| {
                // The last expert is never chosen.
                let experts = (0..N as u32).flat_map(|t| [t % 2, 2]).collect();
                Routing { num_experts_per_tok: 2, experts, weights: random.vector(2 * N) }
            });
            check(&format!("experts {format:?} {hidden}"), tolerance(format), |ops| {
                sizes.backward(ops, &grad, &x, &weights, routing.as_ref()).into()
            });
        }
    }
}

#[test]
fn latent_attention_agrees() {
    for (heads, nope, rope, value, rank) in [(4, 32, 16, 32, 64), (3, 10, 6, 12, 18)] {
        for format in [Format::Bf16, Format::F32] {
            let sizes = MlaSizes { heads, nope, rope, value, rank, format };
            let batch = batch(&[70, 1, 33, 129], rope);
            let n = batch.n_tokens();
            let mut random = Random::new(heads as u64);
            let lens = [n * heads * (nope + rope), n * (rank + rope), rank, sizes.kv_b_len()];
            let mut inputs = lens.map(|len| random.vector(len));
            inputs[3].iter_mut().for_each(|w| *w *= 0.1);
            let grad = random.vector(n * heads * value);
            check(&format!("mla {format:?} of {heads} heads"), 2.0 * tolerance(format), |ops| {
                let inputs = inputs.each_ref().map(|x| &x[..]);
                sizes.backward(ops, &grad, inputs, &batch).into()
            });
        }
    }
}

#[test]
fn grouped_attention_agrees() {
    for (heads, kv_heads, dim) in [(8, 2, 32), (3, 3, 10), (5, 1, 6)] {
        let batch = batch(&[20, 41, 100], dim);
        let n = batch.n_tokens();
        let mut random = Random::new(dim as u64);
        let gqa = gqa(heads, kv_heads, dim);
        let inputs = [heads, kv_heads, kv_heads].map(|heads| random.vector(n * heads * dim));
        let [q, k, v] = gqa_inputs(inputs.each_ref().map(|x| &x[..]), &gqa);
        let grad = random.tensor(n, heads * dim);
        check(&format!("gqa of {heads} heads"), 1e-5, |ops| {
            let grads = gqa_attention::backward(ops, &grad, [&q, &k, &v], &gqa, &batch);
            grads.map(|grad| grad.data().to_vec()).into()
        });
    }
}

#[test]
fn losses_on_tokens_agree() {
    let (n, width, vocab) = (50, 48, 1000);
    let mut random = Random::new(3);
    let hidden = random.tensor(n, width);
    let head = random.vector(vocab * width);
    let rows: Vec<usize> = (0..n).filter(|row| row % 7 != 3).collect();
    let token_ids: Vec<u32> = rows.iter().map(|row| (row * 31 % vocab) as u32).collect();
    for (format, temperature) in [(Format::Bf16, 1.0), (Format::F32, 0.7)] {
        let head = matrix(&head, width, format);
        let targets = Targets { rows: &rows, token_ids: &token_ids, temperature };
        check(&format!("log-probabilities {format:?}"), tolerance(format), |ops| {
            let mut grad_head = vec![0.0; vocab * width];
            let weights = (&head, &Transposes::default());
            let weigh = |i: usize, lp: f32| lp * (i % 3) as f32;
            let (log_probs, grad) =
                cross_entropy::backward(ops, &hidden, weights, &targets, &weigh, &mut grad_head);
            let alone = cross_entropy::forward(ops, &hidden, &head, &targets);
            assert_same_bits("forward and backward", ops, &alone, &log_probs);
            vec![log_probs, grad.data().to_vec(), grad_head]
        });
    }
}
