//! How many parameters a config has, by component, and what follows from that: bytes in each
//! number format, bytes and operations for one token. Everything is summed over the one table of
//! tensors in `checkpoint/expected.rs`.

use crate::checkpoint::expected::{Template, layer_templates, top_templates};
use crate::config::Config;

/// Parameters of the main model and its MTP layers, without the copies of embedding and head.
pub(crate) fn total_parameters(config: &Config) -> u128 {
    let size = |templates: Vec<Template>| -> u128 {
        let kept = templates.iter().filter(|t| !t.is_optional);
        kept.map(|t| t.len() * t.times(config) as u128).sum()
    };
    let n_layers = config.num_hidden_layers + config.num_nextn_predict_layers;
    let layers: u128 = (0..n_layers).map(|i| size(layer_templates(config, i))).sum();
    size(top_templates(config)) + layers
}
