//! DeepSeek-V3, which R1 is: multi-head latent attention, a mixture of experts with sigmoid gate
//! and shared experts, and multi-token prediction (DeepSeek-V3 report, section 2).

mod weights;

use ponder_kernels::{Batch, Expert, Experts, KvCache, Mla, Ops, Router};
use ponder_tensor::Tensor;
use ponder_tensor::format::{Embedding, Matrix};

use crate::checkpoint::TensorKind;
use crate::config::{Config, MlaConfig, MoeConfig};
use crate::error::Result;
use crate::load::Loader;

pub(super) struct DeepseekV3 {
    rms_norm_eps: f32,
    embed_tokens: Embedding,
    layers: Vec<DecoderLayer>,
    norm: Vec<f32>,
    lm_head: Matrix,
    /// Multi-token prediction, depth 1.
    mtp: Option<MtpLayer>,
    cache_width: usize,
}

struct DecoderLayer {
    rms_norm_eps: f32,
    input_layernorm: Vec<f32>,
    self_attn: Attention,
    post_attention_layernorm: Vec<f32>,
    mlp: Mlp,
}

struct Attention {
    config: MlaConfig,
    num_attention_heads: usize,
    softmax_scale: f32,
    q_proj: QueryProjection,
    kv_a_proj_with_mqa: Matrix,
    kv_a_layernorm: Vec<f32>,
    /// The halves of `kv_b_proj`, head by head (see [`Mla`]).
    k_up: Vec<Matrix>,
    v_up: Vec<Matrix>,
    o_proj: Matrix,
}

enum QueryProjection {
    Whole(Matrix),
    Compressed { q_a_proj: Matrix, q_a_layernorm: Vec<f32>, q_b_proj: Matrix },
}

enum Mlp {
    Dense(Expert),
    Moe(Box<Moe>),
}

struct Moe {
    config: MoeConfig,
    gate: Matrix,
    e_score_correction_bias: Vec<f32>,
    experts: Vec<Expert>,
    shared_experts: Option<Expert>,
}

struct MtpLayer {
    enorm: Vec<f32>,
    hnorm: Vec<f32>,
    eh_proj: Matrix,
    /// The layer's own copies, where the checkpoint has them.
    embed_tokens: Option<Embedding>,
    head: Option<Matrix>,
    layer: DecoderLayer,
    norm: Vec<f32>,
}

impl DeepseekV3 {
    pub fn load(config: &Config, loader: &mut Loader) -> Result<DeepseekV3> {
        let (embed_tokens, lm_head) = loader.embedding_and_head(config)?;
        let layer = |idx| format!("model.layers.{idx}");
        let layers = (0..config.num_hidden_layers)
            .map(|idx| DecoderLayer::load(config, loader, &layer(idx), config.is_moe_layer(idx)));
        let layers = layers.collect::<Result<_>>()?;
        let norm = loader.vector("model.norm.weight", config.hidden_size, TensorKind::Norm)?;
        let mtp = (config.num_nextn_predict_layers > 0)
            .then(|| MtpLayer::load(config, loader, &layer(config.num_hidden_layers)))
            .transpose()?;
        let mla = config.mla.as_ref().expect("a DeepSeek-V3 config has latent attention");
        let cache_width = Mla::cache_width(mla.kv_lora_rank, mla.qk_rope_head_dim);
        let rms_norm_eps = config.rms_norm_eps;
        Ok(DeepseekV3 { rms_norm_eps, embed_tokens, layers, norm, lm_head, mtp, cache_width })
    }

    pub fn hidden(&self, ops: &dyn Ops, batch: &Batch, cache: &mut KvCache) -> Tensor {
        let mut x = ops.embed(&self.embed_tokens, &batch.token_ids);
        for (layer_idx, layer) in self.layers.iter().enumerate() {
            x = layer.forward(ops, &x, batch, cache, layer_idx);
        }
        ops.rms_norm(&x, &self.norm, self.rms_norm_eps)
    }

    /// Report, equations 21 to 23, in the order of the checkpoint: the embedding of the next token
    /// comes first in `eh_proj`'s input.
    pub fn draft_hidden(
        &self,
        ops: &dyn Ops,
        hidden: &Tensor,
        batch: &Batch,
        cache: &mut KvCache,
    ) -> Option<Tensor> {
        let mtp = self.mtp.as_ref()?;
        let eps = self.rms_norm_eps;
        let table = mtp.embed_tokens.as_ref().unwrap_or(&self.embed_tokens);
        let e = ops.rms_norm(&ops.embed(table, &batch.token_ids), &mtp.enorm, eps);
        let h = ops.rms_norm(hidden, &mtp.hnorm, eps);
        let x = ops.linear(&ops.concat_cols(&e, &h), &mtp.eh_proj, None);
        let x = mtp.layer.forward(ops, &x, batch, cache, self.layers.len());
        Some(ops.rms_norm(&x, &mtp.norm, eps))
    }

    /// The head of the MTP layer: its own copy, or the model's.
    pub fn draft_head(&self) -> &Matrix {
        let own = self.mtp.as_ref().and_then(|mtp| mtp.head.as_ref());
        own.unwrap_or(&self.lm_head)
    }

    pub fn lm_head(&self) -> &Matrix {
        &self.lm_head
    }

    pub fn cache_width(&self) -> usize {
        self.cache_width
    }

    pub fn has_draft_layer(&self) -> bool {
        self.mtp.is_some()
    }

    pub fn weights_bytes(&self) -> usize {
        let layers: usize = self.layers.iter().map(DecoderLayer::weights_bytes).sum();
        layers + self.lm_head.bytes()
    }
}

impl DecoderLayer {
    fn load(config: &Config, loader: &mut Loader, name: &str, is_moe: bool) -> Result<Self> {
        let hidden = config.hidden_size;
        let mut norm =
            |part: &str| loader.vector(&format!("{name}.{part}.weight"), hidden, TensorKind::Norm);
        let input_layernorm = norm("input_layernorm")?;
        let post_attention_layernorm = norm("post_attention_layernorm")?;
        let self_attn = Attention::load(config, loader, &format!("{name}.self_attn"))?;
        let mlp = format!("{name}.mlp");
        let mlp = match &config.moe {
            Some(moe) if is_moe => Mlp::Moe(Box::new(Moe::load(moe, hidden, loader, &mlp)?)),
            _ => Mlp::Dense(loader.expert(&mlp, hidden, config.intermediate_size)?),
        };
        let rms_norm_eps = config.rms_norm_eps;
        Ok(DecoderLayer { rms_norm_eps, input_layernorm, self_attn, post_attention_layernorm, mlp })
    }

    fn forward(
        &self,
        ops: &dyn Ops,
        x: &Tensor,
        batch: &Batch,
        cache: &mut KvCache,
        layer_idx: usize,
    ) -> Tensor {
        let normed = ops.rms_norm(x, &self.input_layernorm, self.rms_norm_eps);
        let x = ops.add(x, &self.self_attn.forward(ops, &normed, batch, cache, layer_idx));
        let normed = ops.rms_norm(&x, &self.post_attention_layernorm, self.rms_norm_eps);
        ops.add(&x, &self.mlp.forward(ops, &normed))
    }

    fn weights_bytes(&self) -> usize {
        self.self_attn.weights_bytes() + self.mlp.weights_bytes()
    }
}

impl Attention {
    fn load(config: &Config, loader: &mut Loader, name: &str) -> Result<Attention> {
        let mla = config.mla.clone().expect("a DeepSeek-V3 config has latent attention");
        let (hidden, heads) = (config.hidden_size, config.num_attention_heads);
        let q_width = heads * (mla.qk_nope_head_dim + mla.qk_rope_head_dim);
        let weight = |part: &str| format!("{name}.{part}.weight");
        let q_proj = match mla.q_lora_rank {
            None => QueryProjection::Whole(loader.matrix(&weight("q_proj"), [q_width, hidden])?),
            Some(rank) => QueryProjection::Compressed {
                q_a_proj: loader.matrix(&weight("q_a_proj"), [rank, hidden])?,
                q_a_layernorm: loader.vector(&weight("q_a_layernorm"), rank, TensorKind::Norm)?,
                q_b_proj: loader.matrix(&weight("q_b_proj"), [q_width, rank])?,
            },
        };
        let latent = mla.kv_lora_rank;
        let kv_a = weight("kv_a_proj_with_mqa");
        let kv_a_proj_with_mqa = loader.matrix(&kv_a, [mla.latent_dim(), hidden])?;
        let kv_a_layernorm = loader.vector(&weight("kv_a_layernorm"), latent, TensorKind::Norm)?;
        let sizes = [mla.qk_nope_head_dim, mla.v_head_dim, latent];
        let [k_up, v_up] = loader.kv_b_proj(&weight("kv_b_proj"), heads, sizes)?;
        let o_proj = loader.matrix(&weight("o_proj"), [hidden, heads * mla.v_head_dim])?;
        Ok(Attention {
            config: mla,
            num_attention_heads: heads,
            softmax_scale: config.softmax_scale(),
            q_proj,
            kv_a_proj_with_mqa,
            kv_a_layernorm,
            k_up,
            v_up,
            o_proj,
        })
    }

    fn forward(
        &self,
        ops: &dyn Ops,
        x: &Tensor,
        batch: &Batch,
        cache: &mut KvCache,
        layer_idx: usize,
    ) -> Tensor {
        let q = match &self.q_proj {
            QueryProjection::Whole(q_proj) => ops.linear(x, q_proj, None),
            QueryProjection::Compressed { q_a_proj, q_a_layernorm, q_b_proj } => {
                let q_a = ops.linear(x, q_a_proj, None);
                ops.linear(&ops.rms_norm(&q_a, q_a_layernorm, MlaConfig::NORM_EPS), q_b_proj, None)
            }
        };
        let kv_a = ops.linear(x, &self.kv_a_proj_with_mqa, None);
        let mla = Mla {
            num_attention_heads: self.num_attention_heads,
            qk_nope_head_dim: self.config.qk_nope_head_dim,
            qk_rope_head_dim: self.config.qk_rope_head_dim,
            v_head_dim: self.config.v_head_dim,
            kv_lora_rank: self.config.kv_lora_rank,
            kv_a_layernorm: &self.kv_a_layernorm,
            rms_norm_eps: MlaConfig::NORM_EPS,
            k_up: &self.k_up,
            v_up: &self.v_up,
            softmax_scale: self.softmax_scale,
        };
        let heads = ops.mla_attention(&q, &kv_a, &mla, batch, cache, layer_idx);
        ops.linear(&heads, &self.o_proj, None)
    }

    fn weights_bytes(&self) -> usize {
        let q = match &self.q_proj {
            QueryProjection::Whole(q_proj) => q_proj.bytes(),
            QueryProjection::Compressed { q_a_proj, q_b_proj, .. } => {
                q_a_proj.bytes() + q_b_proj.bytes()
            }
        };
        let kv_b: usize = self.k_up.iter().chain(&self.v_up).map(Matrix::bytes).sum();
        q + self.kv_a_proj_with_mqa.bytes() + kv_b + self.o_proj.bytes()
    }
}

impl Mlp {
    fn forward(&self, ops: &dyn Ops, x: &Tensor) -> Tensor {
        match self {
            Mlp::Dense(mlp) => {
                ops.experts_ffn(x, &Experts { routed: &[], shared: Some(mlp) }, None)
            }
            Mlp::Moe(moe) => moe.forward(ops, x),
        }
    }

    fn weights_bytes(&self) -> usize {
        let bytes = |expert: &Expert| expert.gate_up.bytes() + expert.down.bytes();
        match self {
            Mlp::Dense(mlp) => bytes(mlp),
            Mlp::Moe(moe) => {
                let experts = moe.experts.iter().chain(&moe.shared_experts);
                experts.map(bytes).sum::<usize>() + moe.gate.bytes()
            }
        }
    }
}

impl Moe {
    fn load(moe: &MoeConfig, hidden: usize, loader: &mut Loader, name: &str) -> Result<Moe> {
        let n_experts = moe.n_routed_experts;
        let width = moe.moe_intermediate_size;
        let gate = format!("{name}.gate");
        let bias = format!("{gate}.e_score_correction_bias");
        Ok(Moe {
            gate: loader.matrix_of(
                &format!("{gate}.weight"),
                [n_experts, hidden],
                TensorKind::Router,
            )?,
            e_score_correction_bias: loader.vector(&bias, n_experts, TensorKind::RouterBias)?,
            experts: (0..n_experts)
                .map(|e| loader.expert(&format!("{name}.experts.{e}"), hidden, width))
                .collect::<Result<_>>()?,
            shared_experts: (moe.n_shared_experts > 0)
                .then(|| {
                    let width = moe.n_shared_experts * width;
                    loader.expert(&format!("{name}.shared_experts"), hidden, width)
                })
                .transpose()?,
            config: moe.clone(),
        })
    }

    fn forward(&self, ops: &dyn Ops, x: &Tensor) -> Tensor {
        let logits = ops.linear(x, &self.gate, None);
        let router = Router {
            bias: &self.e_score_correction_bias,
            n_group: self.config.n_group,
            topk_group: self.config.topk_group,
            num_experts_per_tok: self.config.num_experts_per_tok,
            norm_topk_prob: self.config.norm_topk_prob,
            routed_scaling_factor: self.config.routed_scaling_factor,
        };
        let routing = ops.route(&logits, &router);
        let experts = Experts { routed: &self.experts, shared: self.shared_experts.as_ref() };
        ops.experts_ffn(x, &experts, Some(&routing))
    }
}

impl MtpLayer {
    fn load(config: &Config, loader: &mut Loader, name: &str) -> Result<MtpLayer> {
        let hidden = config.hidden_size;
        let table = [config.vocab_size, hidden];
        let mut norm =
            |part: &str| loader.vector(&format!("{name}.{part}.weight"), hidden, TensorKind::Norm);
        let (enorm, hnorm) = (norm("enorm")?, norm("hnorm")?);
        let shared_norm = norm("shared_head.norm")?;
        let eh_proj = format!("{name}.eh_proj.weight");
        let embed_tokens = format!("{name}.embed_tokens.weight");
        let head = format!("{name}.shared_head.head.weight");
        Ok(MtpLayer {
            enorm,
            hnorm,
            eh_proj: loader.matrix_of(&eh_proj, [hidden, 2 * hidden], TensorKind::MtpProjection)?,
            embed_tokens: loader
                .contains(&embed_tokens)
                .then(|| loader.embedding(&embed_tokens, table))
                .transpose()?,
            head: loader
                .contains(&head)
                .then(|| loader.matrix_of(&head, table, TensorKind::Head))
                .transpose()?,
            layer: DecoderLayer::load(config, loader, name, config.moe.is_some())?,
            norm: shared_norm,
        })
    }
}
