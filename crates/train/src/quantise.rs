//! A trained model in R1's number formats: matrices in FP8 e4m3 with a scale for each block of
//! 128×128 (DeepSeek-V3 report, section 3.3), and what R1 keeps in BF16 kept so: embedding, head,
//! norms, gates and the MTP projection.

use ponder_model::checkpoint::{TensorKind, scale_shape};
use ponder_tensor::e4m3_from_f32;
use serde_json::json;

use crate::parameters::Parameter;

/// Rows and columns that share a scale.
pub const BLOCK: [usize; 2] = [128, 128];

/// The largest value of e4m3.
const E4M3_MAX: f32 = 448.0;

/// What `config.json` says of a model in these formats.
pub fn config() -> serde_json::Value {
    json!({
        "quant_method": "fp8",
        "fmt": "e4m3",
        "activation_scheme": "dynamic",
        "weight_block_size": BLOCK,
    })
}

/// Whether R1's format quantises a parameter.
pub fn is_quantised(parameter: &Parameter) -> bool {
    parameter.kind == TensorKind::Linear
}

/// The e4m3 codes of a matrix `[rows, cols]`, and its `weight_scale_inv`, a scale for each block:
/// a value is its code times its block's scale.
pub fn blocks(parameter: &Parameter) -> (Vec<u8>, Vec<f32>) {
    let [rows, cols] = parameter.shape[..] else { panic!("{} is no matrix", parameter.name) };
    let [_, block_cols] = scale_shape(&parameter.shape, BLOCK)[..] else { unreachable!() };
    let block_of = |i: usize| i / cols / BLOCK[0] * block_cols + i % cols / BLOCK[1];
    let mut scales = vec![0f32; rows.div_ceil(BLOCK[0]) * block_cols];
    for (i, value) in parameter.values.iter().enumerate() {
        let scale = &mut scales[block_of(i)];
        *scale = scale.max(value.abs() / E4M3_MAX);
    }
    let code = |(i, value): (usize, &f32)| {
        // A block of zeros has scale 0 and codes 0.
        let scale = scales[block_of(i)];
        e4m3_from_f32(if scale == 0.0 { 0.0 } else { value / scale })
    };
    (parameter.values.iter().enumerate().map(code).collect(), scales)
}

#[cfg(test)]
mod tests {
    use ponder_tensor::e4m3_to_f32;

    use super::*;
    use crate::random::Random;

    #[test]
    fn every_value_is_near_its_code_times_its_scale() {
        let shape = vec![130, 200];
        let mut random = Random::new(4, 4);
        let mut values: Vec<f32> = (0..130 * 200).map(|_| random.normal() as f32).collect();
        // The last block, of 2 rows and 72 columns, is all zero.
        let in_last = |i: usize| i / 200 >= 128 && i % 200 >= 128;
        values.iter_mut().enumerate().filter(|(i, _)| in_last(*i)).for_each(|(_, x)| *x = 0.0);
        let name = "model.layers.0.mlp.up_proj.weight".to_owned();
        let parameter = Parameter { name, kind: TensorKind::Linear, shape, values };
        let (codes, scales) = blocks(&parameter);
        assert_eq!((codes.len(), scales.len()), (130 * 200, 4));
        assert_eq!(scales[3], 0.0);
        for (i, (value, code)) in parameter.values.iter().zip(&codes).enumerate() {
            let scale = scales[i / 200 / 128 * 2 + i % 200 / 128];
            let found = e4m3_to_f32(*code) * scale;
            // Three bits of mantissa: within a sixteenth, or half the smallest step.
            let limit = (value.abs() / 16.0).max(scale * 2f32.powi(-10)) * 1.001;
            assert!((found - value).abs() <= limit, "{value} became {found}");
        }
    }
}
