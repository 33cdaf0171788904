//! Which tensors a checkpoint of a config holds, under which names and in which shapes: the one
//! table that loading, counting and `inspect` read.

use crate::config::{Architecture, Config, MlaConfig, MoeConfig};

/// What a tensor is for; it decides which number formats are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TensorKind {
    /// `embed_tokens`: a row a token.
    Embedding,
    /// `lm_head`.
    Head,
    /// The weight of an RMS norm.
    Norm,
    /// A matrix `[out, in]`, which FP8 checkpoints quantise.
    Linear,
    /// A bias of q, k or v.
    Bias,
    /// The gate's matrix, never quantised.
    Router,
    /// `e_score_correction_bias`, kept in f32.
    RouterBias,
    /// `eh_proj` of an MTP layer, never quantised.
    MtpProjection,
    /// `weight_scale_inv` of a quantised matrix, f32.
    Scale,
}

/// The part of a model that a tensor's parameters are counted under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Component {
    /// The input embedding.
    Embedding,
    /// Projections of attention with the norms and biases inside it.
    Attention,
    /// The MLPs of dense layers.
    DenseMlp,
    /// The experts that are chosen.
    RoutedExperts,
    /// The experts that always run.
    SharedExperts,
    /// Gate matrix and bias.
    Gate,
    /// Norms around the blocks and the last one.
    Norms,
    /// The output head.
    Head,
    /// What an MTP layer has beside a decoder layer.
    Mtp,
}

/// One tensor that a config asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedTensor {
    /// Its name in the checkpoint.
    pub name: String,
    /// Its shape, outermost first.
    pub shape: Vec<usize>,
    /// What it is for.
    pub kind: TensorKind,
    /// Whether a checkpoint may lack it: the copies of embedding and head in an MTP layer, and the
    /// scales of a matrix that is stored unquantised.
    pub is_optional: bool,
}

/// A tensor, or one tensor of every expert, before its name is spelled out.
pub(crate) struct Template {
    /// The name after the layer's prefix; `{e}` stands for the expert.
    pub suffix: &'static str,
    pub shape: Vec<usize>,
    pub kind: TensorKind,
    pub component: Component,
    pub is_optional: bool,
}

impl Template {
    /// Values in one such tensor.
    pub fn len(&self) -> u128 {
        self.shape.iter().map(|n| *n as u128).product()
    }

    /// How many tensors of this form a layer has.
    pub fn times(&self, config: &Config) -> usize {
        match (&config.moe, self.component) {
            (Some(moe), Component::RoutedExperts) => moe.n_routed_experts,
            _ => 1,
        }
    }
}

/// Every tensor that `config` asks for, layer by layer, MTP layers included.
pub fn expected_tensors(config: &Config) -> impl Iterator<Item = ExpectedTensor> + '_ {
    let n_layers = config.num_hidden_layers + config.num_nextn_predict_layers;
    let layers = (0..n_layers).flat_map(move |layer_idx| {
        let prefix = format!("model.layers.{layer_idx}.");
        let templates = layer_templates(config, layer_idx).into_iter();
        templates.flat_map(move |template| spell_out(config, &prefix, template))
    });
    let top = top_templates(config).into_iter();
    top.flat_map(move |template| spell_out(config, "", template)).chain(layers)
}

/// The tensors outside the layers.
pub(crate) fn top_templates(config: &Config) -> Vec<Template> {
    let vocab = vec![config.vocab_size, config.hidden_size];
    let mut top = vec![
        one(
            "model.embed_tokens.weight",
            vocab.clone(),
            TensorKind::Embedding,
            Component::Embedding,
        ),
        one("model.norm.weight", vec![config.hidden_size], TensorKind::Norm, Component::Norms),
    ];
    if !config.tie_word_embeddings {
        top.push(one("lm_head.weight", vocab, TensorKind::Head, Component::Head));
    }
    top
}

/// The tensors of one layer; an index past the last is an MTP layer.
pub(crate) fn layer_templates(config: &Config, layer_idx: usize) -> Vec<Template> {
    let hidden = config.hidden_size;
    let norm = |suffix| one(suffix, vec![hidden], TensorKind::Norm, Component::Norms);
    let mut layer = vec![norm("input_layernorm.weight"), norm("post_attention_layernorm.weight")];
    match &config.mla {
        Some(mla) => latent_attention(&mut layer, config, mla),
        None => grouped_attention(&mut layer, config),
    }
    match &config.moe {
        Some(moe) if config.is_moe_layer(layer_idx) => experts(&mut layer, config, moe),
        _ => {
            let names = ["mlp.gate_proj.weight", "mlp.up_proj.weight", "mlp.down_proj.weight"];
            mlp(&mut layer, names, hidden, config.intermediate_size, Component::DenseMlp);
        }
    }
    if layer_idx >= config.num_hidden_layers {
        mtp_extras(&mut layer, config);
    }
    layer
}

fn one(
    suffix: &'static str,
    shape: Vec<usize>,
    kind: TensorKind,
    component: Component,
) -> Template {
    Template { suffix, shape, kind, component, is_optional: false }
}

fn linear(suffix: &'static str, out: usize, input: usize, component: Component) -> Template {
    one(suffix, vec![out, input], TensorKind::Linear, component)
}

fn latent_attention(layer: &mut Vec<Template>, config: &Config, mla: &MlaConfig) {
    let part = Component::Attention;
    let (hidden, heads) = (config.hidden_size, config.num_attention_heads);
    let norm = |suffix, width| one(suffix, vec![width], TensorKind::Norm, part);
    let q_dim = heads * config.head_dim;
    match mla.q_lora_rank {
        Some(rank) => layer.extend([
            linear("self_attn.q_a_proj.weight", rank, hidden, part),
            norm("self_attn.q_a_layernorm.weight", rank),
            linear("self_attn.q_b_proj.weight", q_dim, rank, part),
        ]),
        None => layer.push(linear("self_attn.q_proj.weight", q_dim, hidden, part)),
    }
    let kv_dim = heads * (mla.qk_nope_head_dim + mla.v_head_dim);
    layer.extend([
        linear("self_attn.kv_a_proj_with_mqa.weight", mla.latent_dim(), hidden, part),
        norm("self_attn.kv_a_layernorm.weight", mla.kv_lora_rank),
        linear("self_attn.kv_b_proj.weight", kv_dim, mla.kv_lora_rank, part),
        linear("self_attn.o_proj.weight", hidden, heads * mla.v_head_dim, part),
    ]);
}

fn grouped_attention(layer: &mut Vec<Template>, config: &Config) {
    let part = Component::Attention;
    let hidden = config.hidden_size;
    let q_dim = config.num_attention_heads * config.head_dim;
    let kv_dim = config.num_key_value_heads * config.head_dim;
    layer.extend([
        linear("self_attn.q_proj.weight", q_dim, hidden, part),
        linear("self_attn.k_proj.weight", kv_dim, hidden, part),
        linear("self_attn.v_proj.weight", kv_dim, hidden, part),
        linear("self_attn.o_proj.weight", hidden, q_dim, part),
    ]);
    if config.attention_bias {
        layer.extend([
            one("self_attn.q_proj.bias", vec![q_dim], TensorKind::Bias, part),
            one("self_attn.k_proj.bias", vec![kv_dim], TensorKind::Bias, part),
            one("self_attn.v_proj.bias", vec![kv_dim], TensorKind::Bias, part),
        ]);
    }
}

/// `names`: gate, up and down.
fn mlp(
    layer: &mut Vec<Template>,
    names: [&'static str; 3],
    hidden: usize,
    width: usize,
    part: Component,
) {
    let [gate, up, down] = names;
    layer.extend([
        linear(gate, width, hidden, part),
        linear(up, width, hidden, part),
        linear(down, hidden, width, part),
    ]);
}

fn experts(layer: &mut Vec<Template>, config: &Config, moe: &MoeConfig) {
    let (hidden, n_experts) = (config.hidden_size, moe.n_routed_experts);
    let (gate, bias) = ("mlp.gate.weight", "mlp.gate.e_score_correction_bias");
    layer.extend([
        one(gate, vec![n_experts, hidden], TensorKind::Router, Component::Gate),
        one(bias, vec![n_experts], TensorKind::RouterBias, Component::Gate),
    ]);
    let routed = [
        "mlp.experts.{e}.gate_proj.weight",
        "mlp.experts.{e}.up_proj.weight",
        "mlp.experts.{e}.down_proj.weight",
    ];
    mlp(layer, routed, hidden, moe.moe_intermediate_size, Component::RoutedExperts);
    if moe.n_shared_experts > 0 {
        let shared = [
            "mlp.shared_experts.gate_proj.weight",
            "mlp.shared_experts.up_proj.weight",
            "mlp.shared_experts.down_proj.weight",
        ];
        let width = moe.n_shared_experts * moe.moe_intermediate_size;
        mlp(layer, shared, hidden, width, Component::SharedExperts);
    }
}

fn mtp_extras(layer: &mut Vec<Template>, config: &Config) {
    let hidden = config.hidden_size;
    let norm = |suffix| one(suffix, vec![hidden], TensorKind::Norm, Component::Mtp);
    let copy = |suffix, kind| Template {
        is_optional: true,
        ..one(suffix, vec![config.vocab_size, hidden], kind, Component::Mtp)
    };
    let eh_proj = vec![hidden, 2 * hidden];
    layer.extend([
        norm("enorm.weight"),
        norm("hnorm.weight"),
        one("eh_proj.weight", eh_proj, TensorKind::MtpProjection, Component::Mtp),
        norm("shared_head.norm.weight"),
        copy("shared_head.head.weight", TensorKind::Head),
        copy("embed_tokens.weight", TensorKind::Embedding),
    ]);
}

/// The tensors of a template with full names, each quantised matrix followed by its scales.
fn spell_out(
    config: &Config,
    prefix: &str,
    template: Template,
) -> impl Iterator<Item = ExpectedTensor> + use<> {
    let stem = format!("{prefix}{}", template.suffix);
    let blocks = config.weight_block_size.filter(|_| template.kind == TensorKind::Linear);
    (0..template.times(config)).flat_map(move |expert_idx| {
        let name = stem.replace("{e}", &expert_idx.to_string());
        let scale = blocks.map(|blocks| ExpectedTensor {
            name: format!("{name}_scale_inv"),
            shape: scale_shape(&template.shape, blocks),
            kind: TensorKind::Scale,
            is_optional: true,
        });
        let tensor = ExpectedTensor {
            name,
            shape: template.shape.clone(),
            kind: template.kind,
            is_optional: template.is_optional,
        };
        std::iter::once(tensor).chain(scale)
    })
}

/// Shape of the scales of a matrix: one for each block, the last of a row or column cut short.
pub fn scale_shape(shape: &[usize], block: [usize; 2]) -> Vec<usize> {
    shape.iter().zip(block).map(|(n, block)| n.div_ceil(block)).collect()
}

/// Names that some published checkpoints carry and nothing needs.
pub(crate) fn is_ignorable(config: &Config, name: &str) -> bool {
    name.ends_with(".rotary_emb.inv_freq")
        || config.tie_word_embeddings && name == "lm_head.weight"
        || config.architecture == Architecture::DeepseekV3 && is_undeclared_mtp(config, name)
}

/// Whether `name` belongs to an MTP layer of which the config says nothing: published loaders skip
/// that layer.
fn is_undeclared_mtp(config: &Config, name: &str) -> bool {
    let rest = name.strip_prefix("model.layers.").and_then(|rest| rest.split_once('.'));
    let layer = rest.and_then(|(layer, _)| layer.parse().ok());
    config.num_nextn_predict_layers == 0 && layer == Some(config.num_hidden_layers)
}
