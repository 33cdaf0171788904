//! Every tensor of a checkpoint is found in memory by its name, once.

use std::collections::HashMap;
use std::path::Path;

use ponder_model::Model;
use ponder_model::checkpoint::{Checkpoint, expected_tensors};
use ponder_model::config::Config;
use ponder_model::weights::Packed;
use ponder_tensor::Dtype;

#[test]
fn weights_are_found_by_name_and_models_are_built_from_values() {
    for name in ["v3-fp8", "v3-bf16", "qwen2-tied", "llama-f32"] {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
        let config = Config::from_dir(&dir).unwrap();
        let config =
            config.with_values(&[("quantization_config", serde_json::Value::Null)]).unwrap();
        let checkpoint = Checkpoint::open(&dir).unwrap();
        // Values need not be the checkpoint's, only of its shapes.
        let values: HashMap<String, Vec<f32>> = expected_tensors(&config)
            .filter(|tensor| checkpoint.contains(&tensor.name))
            .map(|tensor| (tensor.name, vec![0.5; tensor.shape.iter().product()]))
            .collect();
        let find = |name: &str| values.get(name).map(|values| &values[..]);
        let model = Model::from_values(&config, Dtype::Bf16, &find).unwrap();
        let mut seen = Vec::new();
        model.visit_weights(&mut |names, packed| {
            seen.extend_from_slice(names);
            match packed {
                Packed::Vector(values) => assert!(values.iter().all(|x| *x == 0.5), "{names:?}"),
                Packed::Matrix(matrix) => {
                    let rows: usize =
                        names.iter().map(|n| values[n].len() / matrix.in_features()).sum();
                    assert!(matrix.out_features() >= rows, "{names:?}");
                }
                Packed::Embedding(table) => assert_eq!(table.vocab_size(), config.vocab_size),
                Packed::Absorbed(k_up) => {
                    assert_eq!(k_up.out_features(), config.mla.as_ref().unwrap().kv_lora_rank);
                }
            }
        });
        seen.sort_unstable();
        let mut expected: Vec<String> = values.keys().cloned().collect();
        expected.sort_unstable();
        assert_eq!(seen, expected, "{name}");
    }
}
