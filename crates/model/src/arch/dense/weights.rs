//! The weights of the dense models by name.

use super::{DecoderLayer, Dense, Projection};
use crate::weights::{Packed, Visit, Visitor};

impl Dense {
    pub fn visit_weights(&self, visit: &mut Visit) {
        let mut all = Visitor::new("", visit);
        all.weight("model.embed_tokens", Packed::Embedding(&self.embed_tokens));
        for (idx, layer) in self.layers.iter().enumerate() {
            all.under(&format!("model.layers.{idx}"), |v| layer.visit_weights(v));
        }
        all.norm("model.norm", &self.norm);
        // A tied head was visited as the embedding.
        if !matches!(self.embed_tokens, ponder_tensor::format::Embedding::Tied(_)) {
            all.matrix("lm_head", &self.lm_head);
        }
    }
}

impl DecoderLayer {
    fn visit_weights(&self, v: &mut Visitor) {
        v.norm("input_layernorm", &self.input_layernorm);
        v.under("self_attn", |v| {
            for (part, Projection { weight, bias }) in
                [("q_proj", &self.q_proj), ("k_proj", &self.k_proj), ("v_proj", &self.v_proj)]
            {
                v.matrix(part, weight);
                if let Some(bias) = bias {
                    v.vector(&format!("{part}.bias"), bias);
                }
            }
            v.matrix("o_proj", &self.o_proj);
        });
        v.norm("post_attention_layernorm", &self.post_attention_layernorm);
        v.expert("mlp", &self.mlp);
    }
}
