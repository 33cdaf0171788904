//! The weights of DeepSeek-V3 by name.

use super::{Attention, DecoderLayer, DeepseekV3, Mlp, MtpLayer, QueryProjection};
use crate::weights::{Packed, Visit, Visitor};

impl DeepseekV3 {
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
        if let Some(mtp) = &self.mtp {
            let prefix = format!("model.layers.{}", self.layers.len());
            all.under(&prefix, |v| mtp.visit_weights(v));
        }
    }
}

impl DecoderLayer {
    fn visit_weights(&self, v: &mut Visitor) {
        v.norm("input_layernorm", &self.input_layernorm);
        v.under("self_attn", |v| self.self_attn.visit_weights(v));
        v.norm("post_attention_layernorm", &self.post_attention_layernorm);
        match &self.mlp {
            Mlp::Dense(mlp) => v.expert("mlp", mlp),
            Mlp::Moe(moe) => v.under("mlp", |v| {
                v.matrix("gate", &moe.gate);
                v.vector("gate.e_score_correction_bias", &moe.e_score_correction_bias);
                for (idx, expert) in moe.experts.iter().enumerate() {
                    v.expert(&format!("experts.{idx}"), expert);
                }
                if let Some(shared) = &moe.shared_experts {
                    v.expert("shared_experts", shared);
                }
            }),
        }
    }
}

impl Attention {
    fn visit_weights(&self, v: &mut Visitor) {
        match &self.q_proj {
            QueryProjection::Whole(q_proj) => v.matrix("q_proj", q_proj),
            QueryProjection::Compressed { q_a_proj, q_a_layernorm, q_b_proj } => {
                v.matrix("q_a_proj", q_a_proj);
                v.norm("q_a_layernorm", q_a_layernorm);
                v.matrix("q_b_proj", q_b_proj);
            }
        }
        v.matrix("kv_a_proj_with_mqa", &self.kv_a_proj_with_mqa);
        v.norm("kv_a_layernorm", &self.kv_a_layernorm);
        v.weight("kv_b_proj", Packed::Absorbed(&self.k_up[0]));
        v.matrix("o_proj", &self.o_proj);
    }
}

impl MtpLayer {
    fn visit_weights(&self, v: &mut Visitor) {
        v.norm("enorm", &self.enorm);
        v.norm("hnorm", &self.hnorm);
        v.matrix("eh_proj", &self.eh_proj);
        if let Some(table) = &self.embed_tokens {
            v.weight("embed_tokens", Packed::Embedding(table));
        }
        if let Some(head) = &self.head {
            v.matrix("shared_head.head", head);
        }
        self.layer.visit_weights(v);
        v.norm("shared_head.norm", &self.norm);
    }
}
