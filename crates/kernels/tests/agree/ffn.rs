use ponder_kernels::reference::Reference;
use ponder_kernels::{Expert, Experts, Ops, Router, Routing};
use ponder_tensor::format::Format;

use super::sample::Random;
use super::{assert_close, assert_same_bits, backends};

struct Case {
    hidden: usize,
    intermediate: usize,
    n_experts: usize,
    k: usize,
    has_shared: bool,
    format: Format,
}

const CASES: &[Case] = &[
    Case {
        hidden: 256,
        intermediate: 128,
        n_experts: 8,
        k: 2,
        has_shared: true,
        format: Format::Fp8,
    },
    Case {
        hidden: 192,
        intermediate: 96,
        n_experts: 8,
        k: 3,
        has_shared: true,
        format: Format::Bf16,
    },
    Case {
        hidden: 65,
        intermediate: 33,
        n_experts: 4,
        k: 4,
        has_shared: false,
        format: Format::Fp8,
    },
    Case {
        hidden: 128,
        intermediate: 80,
        n_experts: 0,
        k: 0,
        has_shared: true,
        format: Format::F32,
    },
    Case {
        hidden: 96,
        intermediate: 352,
        n_experts: 0,
        k: 0,
        has_shared: true,
        format: Format::F16,
    },
];

fn expert(random: &mut Random, case: &Case, intermediate: usize) -> Expert {
    Expert {
        gate_up: random.interleaved(case.format, 2, intermediate, case.hidden),
        down: random.matrix(case.format, case.hidden, intermediate),
    }
}

#[test]
fn experts_agree_and_tokens_are_independent() {
    const N_TOKENS: usize = 45;
    for case in CASES {
        let mut random = Random::new((case.hidden + case.k) as u64);
        let routed: Vec<Expert> =
            (0..case.n_experts).map(|_| expert(&mut random, case, case.intermediate)).collect();
        let shared = case.has_shared.then(|| expert(&mut random, case, 2 * case.intermediate));
        let experts = Experts { routed: &routed, shared: shared.as_ref() };
        let x = random.tensor(N_TOKENS, case.hidden);
        let bias = random.vector(case.n_experts);
        let route = |rows: &[usize]| {
            (case.k > 0).then(|| {
                let logits = Random::new(7).tensor(N_TOKENS, case.n_experts);
                let logits = Reference::default().select_rows(&logits, rows);
                Reference::default().route(&logits, &router(&bias, case))
            })
        };
        let all: Vec<usize> = (0..N_TOKENS).collect();
        let routing: Option<Routing> = route(&all);
        let want = Reference::default().experts_ffn(&x, &experts, routing.as_ref());
        let tolerance = if matches!(case.format, Format::F32 | Format::F16) { 1e-5 } else { 2e-2 };
        for ops in backends() {
            let what = format!("experts_ffn {:?} of {}", case.format, case.hidden);
            let got = ops.experts_ffn(&x, &experts, routing.as_ref());
            assert_close(&what, &ops, &got, &want, tolerance);
            for rows in [&all[44..], &all[..1], &all[3..12], &all[20..41]] {
                let x = ops.select_rows(&x, rows);
                let part = ops.experts_ffn(&x, &experts, route(rows).as_ref());
                let want = ops.select_rows(&got, rows);
                assert_same_bits(&what, &ops, part.data(), want.data());
            }
        }
    }
}

fn router<'a>(bias: &'a [f32], case: &Case) -> Router<'a> {
    Router {
        bias,
        n_group: 1,
        topk_group: 1,
        num_experts_per_tok: case.k,
        norm_topk_prob: true,
        routed_scaling_factor: 1.7,
    }
}
