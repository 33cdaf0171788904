//! A model's forward pass, remembered: [`Tape`] is an `Ops` that calls the backend, so every
//! result has the bits of inference, and records what each operation read and wrote.
//!
//! Tensors are told apart by their memory, which the tape keeps alive; weights by theirs (see
//! `parameters`). [`Tape::backward`] then walks back.

mod backward;
mod forward;

pub use backward::Balance;

use std::cell::RefCell;

use ponder_kernels::ops::backward::address;
use ponder_kernels::{Batch, Expert, Experts, Gqa, Gradients, Mla, Router, Routing, Span};
use ponder_tensor::Tensor;
use ponder_tensor::format::Matrix;

use crate::parameters::{ParameterId, Weights, vector_place};

/// How experts were chosen before, to be chosen so again (Rollout Routing Replay): for each layer
/// of experts in the order of the pass, `[tokens, num_experts_per_tok]`.
pub type RecordedChoices = Vec<Vec<u32>>;

/// Records operations on the weights of one model.
pub struct Tape<'a> {
    ops: &'a dyn Gradients,
    weights: &'a Weights,
    replay: Option<&'a RecordedChoices>,
    records: RefCell<Vec<Record>>,
    /// Of the latest attention: the sequences that the experts of its layer see.
    spans: RefCell<Vec<Span>>,
    /// Of every choice of experts: its record, and where its weights lie.
    routes: RefCell<Vec<(usize, usize)>>,
}

/// One operation: `out` and what it was made from.
enum Record {
    Embed { out: Tensor, table: ParameterId, token_ids: Vec<u32> },
    RmsNorm { out: Tensor, x: Tensor, id: ParameterId, weight: Vec<f32>, eps: f32 },
    Linear { out: Tensor, x: Tensor, id: ParameterId, weight: Matrix, bias: Option<ParameterId> },
    Add { out: Tensor, a: Tensor, b: Tensor },
    SelectRows { out: Tensor, x: Tensor, rows: Vec<usize> },
    ConcatCols { out: Tensor, a: Tensor, b: Tensor },
    Route(Route),
    Experts { out: Tensor, x: Tensor, networks: Networks, route: Option<usize> },
    Mla { out: Tensor, q: Tensor, kv_a: Tensor, weights: MlaWeights, batch: Batch },
    Gqa { out: Tensor, qkv: [Tensor; 3], gqa: Gqa, batch: Batch },
}

struct Route {
    logits: Tensor,
    routing: Routing,
    bias: Vec<f32>,
    bias_id: ParameterId,
    n_group: usize,
    topk_group: usize,
    norm_topk_prob: bool,
    routed_scaling_factor: f32,
    spans: Vec<Span>,
}

impl Route {
    fn router(&self) -> Router<'_> {
        Router {
            bias: &self.bias,
            n_group: self.n_group,
            topk_group: self.topk_group,
            num_experts_per_tok: self.routing.num_experts_per_tok,
            norm_topk_prob: self.norm_topk_prob,
            routed_scaling_factor: self.routed_scaling_factor,
        }
    }
}

/// The networks of [`Experts`], and gate, up and down of each by id.
struct Networks {
    routed: Vec<Expert>,
    shared: Option<Expert>,
    ids: Vec<[ParameterId; 3]>,
}

/// What [`Mla`] borrows.
struct MlaWeights {
    sizes: [usize; 5],
    kv_a_layernorm: Vec<f32>,
    rms_norm_eps: f32,
    k_up: Vec<Matrix>,
    v_up: Vec<Matrix>,
    softmax_scale: f32,
    /// `kv_a_layernorm` and `kv_b_proj`.
    ids: [ParameterId; 2],
}

impl MlaWeights {
    fn new(mla: &Mla, weights: &Weights) -> MlaWeights {
        MlaWeights {
            sizes: [
                mla.num_attention_heads,
                mla.qk_nope_head_dim,
                mla.qk_rope_head_dim,
                mla.v_head_dim,
                mla.kv_lora_rank,
            ],
            kv_a_layernorm: mla.kv_a_layernorm.to_vec(),
            rms_norm_eps: mla.rms_norm_eps,
            k_up: mla.k_up.to_vec(),
            v_up: mla.v_up.to_vec(),
            softmax_scale: mla.softmax_scale,
            ids: [weights.id(vector_place(mla.kv_a_layernorm)), weights.id(address(&mla.k_up[0]))],
        }
    }

    fn mla(&self) -> Mla<'_> {
        let [num_attention_heads, qk_nope_head_dim, qk_rope_head_dim, v_head_dim, kv_lora_rank] =
            self.sizes;
        Mla {
            num_attention_heads,
            qk_nope_head_dim,
            qk_rope_head_dim,
            v_head_dim,
            kv_lora_rank,
            kv_a_layernorm: &self.kv_a_layernorm,
            rms_norm_eps: self.rms_norm_eps,
            k_up: &self.k_up,
            v_up: &self.v_up,
            softmax_scale: self.softmax_scale,
        }
    }
}

impl<'a> Tape<'a> {
    /// An empty tape. With `replay` experts are chosen as recorded there.
    pub fn new(
        ops: &'a dyn Gradients,
        weights: &'a Weights,
        replay: Option<&'a RecordedChoices>,
    ) -> Tape<'a> {
        Tape {
            ops,
            weights,
            replay,
            records: RefCell::default(),
            spans: RefCell::default(),
            routes: RefCell::default(),
        }
    }

    /// For each layer of experts so far, the parameter of its gate's bias and the choices.
    pub fn choices(&self) -> Vec<(ParameterId, Vec<u32>)> {
        let records = self.records.borrow();
        let routes = records.iter().filter_map(|record| match record {
            Record::Route(route) => Some((route.bias_id, route.routing.experts.clone())),
            _ => None,
        });
        routes.collect()
    }

    fn record(&self, record: Record) {
        self.records.borrow_mut().push(record);
    }

    fn networks(&self, experts: &Experts) -> Networks {
        let ids = |expert: &Expert| {
            let gate_up = self.weights.ids(address(&expert.gate_up));
            [gate_up[0], gate_up[1], self.weights.id(address(&expert.down))]
        };
        Networks {
            routed: experts.routed.to_vec(),
            shared: experts.shared.cloned(),
            ids: experts.routed.iter().chain(experts.shared).map(ids).collect(),
        }
    }

    /// The record that gave `routing`: the latest whose weights lie there, since an earlier one
    /// may have left its memory to it.
    fn route_of(&self, routing: &Routing) -> usize {
        let place = routing.weights.as_ptr() as usize;
        let routes = self.routes.borrow();
        let found = routes.iter().rev().find(|(_, pointer)| *pointer == place);
        found.expect("routing comes from this tape").0
    }
}
