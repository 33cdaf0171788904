//! The feed-forward half of a block: SwiGLU networks, routed or not.
//!
//! `out = Σ weight_e · ffn_e(x)` over the chosen experts in ascending order of id, then
//! `+ ffn_shared(x)`, where `ffn(x) = down(silu(gate(x)) * up(x))`. A dense MLP is the case of a
//! shared network alone. Shapes: `x`, `out` `[tokens, hidden_size]`.

use ponder_tensor::Tensor;
use ponder_tensor::format::{Matrix, PANEL_ROWS};

use super::{linear, route::Routing};

/// One SwiGLU network.
#[derive(Clone)]
pub struct Expert {
    /// `gate_proj` and `up_proj` interleaved panel by panel (`Matrix::pack_interleaved`).
    pub gate_up: Matrix,
    /// `down_proj` `[hidden_size, intermediate_size]`.
    pub down: Matrix,
}

/// The networks of one layer.
pub struct Experts<'a> {
    /// Routed experts by id; empty in a dense layer.
    pub routed: &'a [Expert],
    /// The network that every token passes, with weight 1.
    pub shared: Option<&'a Expert>,
}

/// The reference.
#[track_caller]
pub fn forward(out: &mut [f32], x: &Tensor, experts: &Experts, routing: Option<&Routing>) {
    let hidden_size = x.cols();
    for (row, out) in out.chunks_exact_mut(hidden_size).enumerate() {
        out.fill(0.0);
        let mut accumulate = |expert: &Expert, weight: f32| {
            let y = ffn(x.row(row), expert);
            out.iter_mut().zip(y).for_each(|(out, y)| *out += weight * y);
        };
        if let Some(routing) = routing {
            let k = routing.num_experts_per_tok;
            for i in row * k..(row + 1) * k {
                accumulate(&experts.routed[routing.experts[i] as usize], routing.weights[i]);
            }
        }
        if let Some(shared) = experts.shared {
            accumulate(shared, 1.0);
        }
    }
}

fn ffn(x: &[f32], expert: &Expert) -> Vec<f32> {
    let mut gate_up = vec![0.0; expert.gate_up.out_features()];
    linear::forward(&mut gate_up, x, &expert.gate_up, None);
    let panels = gate_up.chunks_exact(2 * PANEL_ROWS).flat_map(|panels| {
        let (gate, up) = panels.split_at(PANEL_ROWS);
        gate.iter().zip(up).map(|(gate, up)| silu(*gate) * up)
    });
    let hidden: Vec<f32> = panels.take(expert.down.in_features()).collect();
    let mut out = vec![0.0; expert.down.out_features()];
    linear::forward(&mut out, &hidden, &expert.down, None);
    out
}

/// `x · sigmoid(x)`.
pub fn silu(x: f32) -> f32 {
    x / (1.0 + (-x).exp())
}
