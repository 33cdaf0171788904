//! How many parameters a config has, by component, and what follows from that: bytes in each
//! number format, bytes and operations for one token. Everything is summed over the one table of
//! tensors in `checkpoint/expected.rs`.

mod bytes;
mod cost;

use serde::Serialize;

pub use bytes::{Storage, WeightFormat, WeightSet, largest_tensor_bytes, weight_bytes};
pub use cost::{
    AttentionForm, attention_flops, distinct_experts, expanded_kv_bytes_per_token,
    kv_bytes_per_token, linear_flops_per_token, read_bytes_per_step, read_bytes_per_token,
};

use crate::checkpoint::expected::{
    Component, Template, TensorKind, layer_templates, top_templates,
};
use crate::config::Config;

/// Parameters of a model, by component and by the ways of counting that are in use.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Parameters {
    /// The main model's components; their totals add up to `total`.
    pub components: Vec<ComponentParameters>,
    /// The main model, without MTP layers.
    pub total: u64,
    /// What one token passes through.
    pub active: ActiveParameters,
    /// One dense layer, if there is any.
    pub dense_layer: Option<u64>,
    /// One layer with all its experts, if there is any.
    pub moe_layer: Option<u64>,
    /// The MTP layers, if there are any.
    pub mtp: Option<MtpParameters>,
}

/// One component's parameters.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ComponentParameters {
    /// Which one.
    pub component: Component,
    /// In all layers.
    pub total: u64,
    /// Those one token passes through.
    pub active: u64,
    /// The tensors it consists of.
    pub tensors: Vec<TensorParameters>,
}

/// Tensors of one role and shape.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TensorParameters {
    /// Name inside a layer, `{e}` standing for the expert.
    pub name: &'static str,
    /// Shape of each.
    pub shape: Vec<usize>,
    /// How many there are.
    pub count: u64,
    /// Parameters of all of them.
    pub total: u64,
}

/// Parameters one token passes through: the conventions differ in embedding and head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ActiveParameters {
    /// As the model's reports count.
    pub with_embedding_and_head: u64,
    /// What is multiplied: fetching an embedding row costs nothing.
    pub with_head: u64,
    /// The layers alone.
    pub with_neither: u64,
}

/// Parameters of the MTP layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct MtpParameters {
    /// Without the copies of embedding and head.
    pub unique: u64,
    /// With them, as the published checkpoint stores it.
    pub with_copies: u64,
    /// Those one token passes through, without embedding and head.
    pub active: u64,
    /// The same with the shared embedding and head.
    pub active_with_embedding_and_head: u64,
}

/// A template with how often it occurs in a model.
pub(crate) struct Part {
    pub template: Template,
    /// Tensors of this form in this layer.
    pub times: u64,
    /// Of those, how many one token passes through.
    pub active_times: u64,
    pub is_mtp: bool,
}

/// Every tensor of the model, experts folded.
pub(crate) fn parts(config: &Config) -> impl Iterator<Item = Part> + '_ {
    let part = move |template: Template, is_mtp| {
        let times = template.times(config) as u64;
        let active_times = match (&config.moe, template.component) {
            (Some(moe), Component::RoutedExperts) => moe.num_experts_per_tok as u64,
            _ => times,
        };
        Part { template, times, active_times, is_mtp }
    };
    let n_layers = config.num_hidden_layers + config.num_nextn_predict_layers;
    let layers = (0..n_layers).flat_map(move |layer_idx| {
        let is_mtp = layer_idx >= config.num_hidden_layers;
        layer_templates(config, layer_idx).into_iter().map(move |t| part(t, is_mtp))
    });
    top_templates(config).into_iter().map(move |t| part(t, false)).chain(layers)
}

impl Part {
    /// Parameters of all its tensors.
    pub fn total(&self) -> u64 {
        self.template.len() as u64 * self.times
    }

    /// Parameters one token passes through.
    pub fn active(&self) -> u64 {
        self.template.len() as u64 * self.active_times
    }
}

/// Parameters of the main model and its MTP layers, without the copies of embedding and head:
/// the one sum that must not overflow on any config.
pub(crate) fn total_parameters(config: &Config) -> u128 {
    let kept = parts(config).filter(|part| !part.template.is_optional);
    kept.map(|part| part.template.len() * u128::from(part.times)).sum()
}

impl Parameters {
    /// Counts a config's parameters.
    pub fn of(config: &Config) -> Parameters {
        let mut components: Vec<ComponentParameters> = Vec::new();
        for part in parts(config).filter(|part| !part.is_mtp) {
            add(&mut components, &part);
        }
        let total = components.iter().map(|c| c.total).sum();
        let all_active: u64 = components.iter().map(|c| c.active).sum();
        let table = (config.vocab_size * config.hidden_size) as u64;
        // A tied head is the embedding: both conventions then count the one table once.
        let with_head = all_active - if config.tie_word_embeddings { 0 } else { table };
        Parameters {
            components,
            total,
            active: ActiveParameters {
                with_embedding_and_head: all_active,
                with_head,
                with_neither: with_head - table,
            },
            dense_layer: layer_size(config, false),
            moe_layer: layer_size(config, true),
            mtp: (config.num_nextn_predict_layers > 0).then(|| mtp_parameters(config, table)),
        }
    }
}

fn add(components: &mut Vec<ComponentParameters>, part: &Part) {
    let template = &part.template;
    let position = components.iter().position(|c| c.component == template.component);
    let position = position.unwrap_or_else(|| {
        let component = template.component;
        components.push(ComponentParameters { component, total: 0, active: 0, tensors: vec![] });
        components.len() - 1
    });
    let component = &mut components[position];
    component.total += part.total();
    component.active += part.active();
    let same = |t: &&mut TensorParameters| t.name == template.suffix && t.shape == template.shape;
    match component.tensors.iter_mut().find(same) {
        Some(tensors) => {
            tensors.count += part.times;
            tensors.total += part.total();
        }
        None => component.tensors.push(TensorParameters {
            name: template.suffix,
            shape: template.shape.clone(),
            count: part.times,
            total: part.total(),
        }),
    }
}

fn layer_size(config: &Config, is_moe: bool) -> Option<u64> {
    let layer_idx = (0..config.num_hidden_layers).find(|i| config.is_moe_layer(*i) == is_moe)?;
    let templates = layer_templates(config, layer_idx);
    Some(templates.iter().map(|t| t.len() as u64 * t.times(config) as u64).sum())
}

fn mtp_parameters(config: &Config, table: u64) -> MtpParameters {
    let mut mtp =
        MtpParameters { unique: 0, with_copies: 0, active: 0, active_with_embedding_and_head: 0 };
    for part in parts(config).filter(|part| part.is_mtp) {
        mtp.with_copies += part.total();
        if !matches!(part.template.kind, TensorKind::Embedding | TensorKind::Head) {
            mtp.unique += part.total();
            mtp.active += part.active();
        }
    }
    mtp.active_with_embedding_and_head = mtp.active + 2 * table;
    mtp
}

#[cfg(test)]
mod tests;
