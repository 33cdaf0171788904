//! The speed of a whole model, from a few of its layers: what a machine too small for it can say.

use ponder_model::config::Config;
use serde::Serialize;

/// Layers measured, one of them first if any is dense, and what follows for all.
#[derive(Serialize)]
pub struct Projection {
    /// Layers of the whole model.
    layers: usize,
    /// Milliseconds of a dense layer for one step, if the model has any.
    dense_layer_ms: Option<f64>,
    /// Milliseconds of a layer of experts for one step, if the model has any.
    moe_layer_ms: Option<f64>,
    /// Milliseconds of the head, from its bytes and the bandwidth.
    head_ms: f64,
    /// Of the whole model.
    tokens_per_s: f64,
}

/// Seconds of a step (one token of every stream, or one prompt) in two cuts of a model.
pub struct Measured {
    /// Cut to one layer.
    pub one_layer_s: f64,
    /// Cut to `layers` layers.
    pub layers_s: f64,
    /// Layers of the second cut.
    pub layers: usize,
    /// Tokens of a step.
    pub tokens: usize,
    /// Vocabulary of the cuts.
    pub vocab_size: usize,
}

/// Bytes of a value of the head, which is never quantised.
const HEAD_VALUE_BYTES: usize = 2;

/// Projects to all layers of `full`, with memory read at `bandwidth` GB/s. `None` if one layer was
/// measured of a model that has two kinds.
pub fn project(full: &Config, measured: &Measured, bandwidth: f64) -> Option<Projection> {
    let head_s = |vocab_size: usize| {
        (vocab_size * full.hidden_size * HEAD_VALUE_BYTES) as f64 / (bandwidth * 1e9)
    };
    let first_s = measured.one_layer_s - head_s(measured.vocab_size);
    let n_more = measured.layers - 1;
    let more_s = (n_more > 0).then(|| (measured.layers_s - measured.one_layer_s) / n_more as f64);
    let n_moe = (0..full.num_hidden_layers).filter(|i| full.is_moe_layer(*i)).count();
    let n_dense = full.num_hidden_layers - n_moe;
    let (dense_s, moe_s) = match (n_dense > 0, n_moe > 0) {
        (true, true) => (Some(first_s), Some(more_s?)),
        (true, false) => (Some(more_s.unwrap_or(first_s)), None),
        _ => (None, Some(more_s.unwrap_or(first_s))),
    };
    let layers_s = dense_s.unwrap_or(0.0) * n_dense as f64 + moe_s.unwrap_or(0.0) * n_moe as f64;
    let head = head_s(full.vocab_size);
    Some(Projection {
        layers: full.num_hidden_layers,
        dense_layer_ms: dense_s.map(|s| s * 1e3),
        moe_layer_ms: moe_s.map(|s| s * 1e3),
        head_ms: head * 1e3,
        tokens_per_s: measured.tokens as f64 / (layers_s + head),
    })
}

impl Projection {
    /// One line for people.
    pub fn render(&self) -> String {
        let layer = |what, ms: Option<f64>| ms.map(|ms| format!("{what} layer {ms:.1} ms, "));
        format!(
            "a step: {}{}head {:.1} ms; all {} layers: {:.2} tok/s\n",
            layer("dense", self.dense_layer_ms).unwrap_or_default(),
            layer("expert", self.moe_layer_ms).unwrap_or_default(),
            self.head_ms,
            self.layers,
            self.tokens_per_s
        )
    }
}

#[cfg(test)]
mod tests {
    use ponder_model::known::known_config;

    use super::*;

    fn measured(layers: usize, layers_s: f64) -> Measured {
        Measured { one_layer_s: 0.02, layers_s, layers, tokens: 1, vocab_size: 4096 }
    }

    #[test]
    fn dense_and_expert_layers_are_told_apart() {
        let r1 = known_config("deepseek-r1").unwrap();
        let projection = project(&r1, &measured(3, 0.06), 1000.0).unwrap();
        let head_cut_s = (4096 * 7168 * 2) as f64 / 1e12;
        let head_s = (129_280 * 7168 * 2) as f64 / 1e12;
        let want = 3.0 * (0.02 - head_cut_s) + 58.0 * 0.02 + head_s;
        assert!((projection.tokens_per_s - 1.0 / want).abs() < 1e-9);
        assert!((projection.moe_layer_ms.unwrap() - 20.0).abs() < 1e-9);
        assert!(project(&r1, &measured(1, 0.02), 1000.0).is_none());
    }

    #[test]
    fn equal_layers_need_only_one() {
        let qwen = known_config("deepseek-r1-distill-qwen-1.5b").unwrap();
        let one = project(&qwen, &measured(1, 0.02), 1e6).unwrap();
        let two = project(&qwen, &measured(2, 0.04), 1e6).unwrap();
        assert!((one.tokens_per_s / two.tokens_per_s - 1.0).abs() < 0.01);
        assert!(two.moe_layer_ms.is_none());
    }
}
