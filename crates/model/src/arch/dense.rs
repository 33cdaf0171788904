//! The dense models that R1 was distilled into: Qwen2 (biases on q, k and v) and Llama.

mod weights;

use ponder_kernels::{Batch, Expert, Experts, Gqa, KvCache, Ops};
use ponder_tensor::Tensor;
use ponder_tensor::format::{Embedding, Matrix};

use crate::checkpoint::TensorKind;
use crate::config::Config;
use crate::error::Result;
use crate::load::Loader;

pub(super) struct Dense {
    rms_norm_eps: f32,
    gqa: Gqa,
    embed_tokens: Embedding,
    layers: Vec<DecoderLayer>,
    norm: Vec<f32>,
    lm_head: Matrix,
}

struct DecoderLayer {
    input_layernorm: Vec<f32>,
    q_proj: Projection,
    k_proj: Projection,
    v_proj: Projection,
    o_proj: Matrix,
    post_attention_layernorm: Vec<f32>,
    mlp: Expert,
}

struct Projection {
    weight: Matrix,
    bias: Option<Vec<f32>>,
}

impl Dense {
    pub fn load(config: &Config, loader: &mut Loader) -> Result<Dense> {
        let (embed_tokens, lm_head) = loader.embedding_and_head(config)?;
        let layers = (0..config.num_hidden_layers)
            .map(|idx| DecoderLayer::load(config, loader, &format!("model.layers.{idx}")));
        Ok(Dense {
            rms_norm_eps: config.rms_norm_eps,
            gqa: Gqa {
                num_attention_heads: config.num_attention_heads,
                num_key_value_heads: config.num_key_value_heads,
                head_dim: config.head_dim,
                softmax_scale: config.softmax_scale(),
            },
            embed_tokens,
            layers: layers.collect::<Result<_>>()?,
            norm: loader.vector("model.norm.weight", config.hidden_size, TensorKind::Norm)?,
            lm_head,
        })
    }

    pub fn hidden(&self, ops: &dyn Ops, batch: &Batch, cache: &mut KvCache) -> Tensor {
        let mut x = ops.embed(&self.embed_tokens, &batch.token_ids);
        for (layer_idx, layer) in self.layers.iter().enumerate() {
            let normed = ops.rms_norm(&x, &layer.input_layernorm, self.rms_norm_eps);
            let q = layer.q_proj.forward(ops, &normed);
            let k = layer.k_proj.forward(ops, &normed);
            let v = layer.v_proj.forward(ops, &normed);
            let heads = ops.gqa_attention([&q, &k, &v], &self.gqa, batch, cache, layer_idx);
            x = ops.add(&x, &ops.linear(&heads, &layer.o_proj, None));
            let normed = ops.rms_norm(&x, &layer.post_attention_layernorm, self.rms_norm_eps);
            let mlp = Experts { routed: &[], shared: Some(&layer.mlp) };
            x = ops.add(&x, &ops.experts_ffn(&normed, &mlp, None));
        }
        ops.rms_norm(&x, &self.norm, self.rms_norm_eps)
    }

    pub fn lm_head(&self) -> &Matrix {
        &self.lm_head
    }

    pub fn cache_width(&self) -> usize {
        self.gqa.cache_width()
    }

    pub fn weights_bytes(&self) -> usize {
        let layer = |layer: &DecoderLayer| {
            let projections = [&layer.q_proj, &layer.k_proj, &layer.v_proj];
            projections.iter().map(|p| p.weight.bytes()).sum::<usize>()
                + layer.o_proj.bytes()
                + layer.mlp.gate_up.bytes()
                + layer.mlp.down.bytes()
        };
        self.layers.iter().map(layer).sum::<usize>() + self.lm_head.bytes()
    }
}

impl DecoderLayer {
    fn load(config: &Config, loader: &mut Loader, name: &str) -> Result<DecoderLayer> {
        let hidden = config.hidden_size;
        let q_width = config.num_attention_heads * config.head_dim;
        let kv_width = config.num_key_value_heads * config.head_dim;
        let mut norm =
            |part: &str| loader.vector(&format!("{name}.{part}.weight"), hidden, TensorKind::Norm);
        let input_layernorm = norm("input_layernorm")?;
        let post_attention_layernorm = norm("post_attention_layernorm")?;
        let mut projection = |part: &str, width| {
            let name = format!("{name}.self_attn.{part}");
            let weight = loader.matrix(&format!("{name}.weight"), [width, hidden])?;
            let bias = config
                .attention_bias
                .then(|| loader.vector(&format!("{name}.bias"), width, TensorKind::Bias))
                .transpose()?;
            Ok(Projection { weight, bias })
        };
        Ok(DecoderLayer {
            input_layernorm,
            q_proj: projection("q_proj", q_width)?,
            k_proj: projection("k_proj", kv_width)?,
            v_proj: projection("v_proj", kv_width)?,
            o_proj: loader.matrix(&format!("{name}.self_attn.o_proj.weight"), [hidden, q_width])?,
            post_attention_layernorm,
            mlp: loader.expert(&format!("{name}.mlp"), hidden, config.intermediate_size)?,
        })
    }
}

impl Projection {
    fn forward(&self, ops: &dyn Ops, x: &Tensor) -> Tensor {
        ops.linear(x, &self.weight, self.bias.as_deref())
    }
}
