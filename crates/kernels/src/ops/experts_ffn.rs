//! The feed-forward half of a block: SwiGLU networks, routed or not.
//!
//! `out = Σ weight_e · ffn_e(x)` over the chosen experts in ascending order of id, then
//! `+ ffn_shared(x)`, where `ffn(x) = down(silu(gate(x)) * up(x))`. A dense MLP is the case of a
//! shared network alone. Shapes: `x`, `out` `[tokens, hidden_size]`.

use ponder_tensor::format::{Matrix, PANEL_ROWS};
use ponder_tensor::{Arena, Tensor};

use super::backward::{Gradients, Transposes};
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

/// Where the gradients of one network's weights are added, each in the checkpoint's shape.
pub struct ExpertGradients<'a> {
    /// `gate_proj` `[intermediate_size, hidden_size]`.
    pub gate: &'a mut [f32],
    /// `up_proj`, likewise.
    pub up: &'a mut [f32],
    /// `down_proj` `[hidden_size, intermediate_size]`.
    pub down: &'a mut [f32],
}

/// Lends the gradients of one network, by expert id or `None` for the shared one.
pub type Lend<'a> = dyn FnMut(Option<usize>, &mut dyn FnMut(ExpertGradients)) + 'a;

/// What [`swiglu_backward`] gives.
pub struct SwigluGradients {
    /// `weight · silu(gate) · up`, the input of `down_proj` with the row's weight.
    pub hidden: Tensor,
    /// The gradient by gate and up, interleaved as they are.
    pub grad_gate_up: Tensor,
    /// The gradient by each row's weight.
    pub grad_weights: Vec<f32>,
}

/// The way back through `weight · silu(gate) · up`, row by row: `gate_up` interleaved by panels,
/// `grad_hidden` `[rows, intermediate_size]`.
pub fn swiglu_backward(
    arena: &Arena,
    gate_up: &Tensor,
    grad_hidden: &Tensor,
    weights: &[f32],
) -> SwigluGradients {
    let width = grad_hidden.cols();
    let (mut hidden, mut grad_weights) = (Vec::new(), Vec::new());
    let grad_gate_up = arena.tensor(gate_up.rows(), gate_up.cols(), |out| {
        out.fill(0.0);
        for (row, out) in out.chunks_exact_mut(gate_up.cols()).enumerate() {
            let mut grad_weight = 0.0f64;
            for (i, grad) in grad_hidden.row(row).iter().enumerate() {
                let gate_at = i / PANEL_ROWS * 2 * PANEL_ROWS + i % PANEL_ROWS;
                let up_at = gate_at + PANEL_ROWS;
                let (gate, up) = (gate_up.row(row)[gate_at], gate_up.row(row)[up_at]);
                let sigmoid = 1.0 / (1.0 + (-gate).exp());
                let scaled = weights[row] * grad;
                hidden.push(weights[row] * silu(gate) * up);
                grad_weight += (silu(gate) * up) as f64 * *grad as f64;
                out[gate_at] = scaled * up * sigmoid * (1.0 + gate * (1.0 - sigmoid));
                out[up_at] = scaled * silu(gate);
            }
            grad_weights.push(grad_weight as f32);
        }
    });
    let hidden = arena.tensor(gate_up.rows(), width, |out| out.copy_from_slice(&hidden));
    SwigluGradients { hidden, grad_gate_up, grad_weights }
}

/// The gradients by `x` and by the routing weights (in their places); gate and up are recomputed.
/// Networks follow in ascending order of id, the shared one last.
pub fn backward(
    ops: &dyn Gradients,
    grad_out: &Tensor,
    x: &Tensor,
    (experts, routing): (&Experts, Option<&Routing>),
    transposes: &Transposes,
    lend: &mut Lend,
) -> (Tensor, Vec<f32>) {
    let mut grad_weights = vec![0.0; routing.map_or(0, |routing| routing.weights.len())];
    // For each token the rows of `parts` that it gets back, in the order of the experts.
    let mut places: Vec<Vec<(usize, usize)>> = vec![Vec::new(); x.rows()];
    let mut parts = Vec::new();
    for Share { id, expert, slots, rows, weights } in shares(x.rows(), experts, routing) {
        let gather = |from: &Tensor| {
            ops.map_rows(rows.len(), from.cols(), &|i, out| out.copy_from_slice(from.row(rows[i])))
        };
        let (x, grad_out) = (gather(x), gather(grad_out));
        let gate_up = ops.linear(&x, &expert.gate_up, None);
        // Not yet times the weight: its product with `hidden` is the gradient by the weight.
        let grad_hidden = ops.linear(&grad_out, &transposes.of(&expert.down), None);
        let back = ops.swiglu_backward(&gate_up, &grad_hidden, &weights);
        lend(id, &mut |into| add_weight_gradients(ops, [&grad_out, &x], expert, &back, into));
        for (slot, grad) in slots.iter().zip(&back.grad_weights) {
            grad_weights[*slot] = *grad;
        }
        rows.iter().enumerate().for_each(|(i, row)| places[*row].push((parts.len(), i)));
        parts.push(ops.linear(&back.grad_gate_up, &transposes.of(&expert.gate_up), None));
    }
    let grad_x = ops.map_rows(x.rows(), x.cols(), &|row, out| {
        out.fill(0.0);
        for (part, i) in &places[row] {
            out.iter_mut().zip(parts[*part].row(*i)).for_each(|(out, grad)| *out += grad);
        }
    });
    (grad_x, grad_weights)
}

/// One network and the tokens that pass it.
struct Share<'a> {
    id: Option<usize>,
    expert: &'a Expert,
    /// Places in the routing, ascending; none for the shared network.
    slots: Vec<usize>,
    rows: Vec<usize>,
    weights: Vec<f32>,
}

/// The networks in use in ascending order of id, the shared one last.
fn shares<'a>(n_tokens: usize, experts: &Experts<'a>, routing: Option<&Routing>) -> Vec<Share<'a>> {
    let empty = |(id, expert)| {
        let (slots, rows, weights) = (Vec::new(), Vec::new(), Vec::new());
        Share { id: Some(id), expert, slots, rows, weights }
    };
    let mut shares: Vec<Share> = experts.routed.iter().enumerate().map(empty).collect();
    if let Some(routing) = routing {
        for (slot, (expert, weight)) in routing.experts.iter().zip(&routing.weights).enumerate() {
            let share = &mut shares[*expert as usize];
            share.slots.push(slot);
            share.rows.push(slot / routing.num_experts_per_tok);
            share.weights.push(*weight);
        }
    }
    shares.retain(|share| !share.slots.is_empty());
    shares.extend(experts.shared.map(|expert| Share {
        id: None,
        expert,
        slots: Vec::new(),
        rows: (0..n_tokens).collect(),
        weights: vec![1.0; n_tokens],
    }));
    shares
}

fn add_weight_gradients(
    ops: &dyn Gradients,
    [grad_out, x]: [&Tensor; 2],
    expert: &Expert,
    back: &SwigluGradients,
    into: ExpertGradients,
) {
    ops.weight_gradient(into.down, grad_out, &back.hidden, expert.down.format());
    let hidden_size = x.cols();
    let interleaved = ops.arena().tensor(back.grad_gate_up.cols(), hidden_size, |out| {
        out.fill(0.0);
        ops.weight_gradient(out, &back.grad_gate_up, x, expert.gate_up.format());
    });
    let panel = PANEL_ROWS * hidden_size;
    let pairs = interleaved.data().chunks_exact(2 * panel);
    let targets = into.gate.chunks_mut(panel).zip(into.up.chunks_mut(panel));
    for (pair, (gate, up)) in pairs.zip(targets) {
        gate.iter_mut().zip(pair).for_each(|(gate, grad)| *gate += grad);
        up.iter_mut().zip(&pair[panel..]).for_each(|(up, grad)| *up += grad);
    }
}
