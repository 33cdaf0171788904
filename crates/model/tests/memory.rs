//! The memory that `inspect` and `plan` state is the memory that a loaded model takes.

use std::path::Path;

use ponder_model::Model;
use ponder_model::checkpoint::{TensorKind, expected_tensors};
use ponder_model::config::Config;
use ponder_model::count::{Storage, WeightFormat, WeightSet, weight_bytes};

#[test]
fn packed_bytes_are_counted_exactly() {
    for name in ["v3-fp8", "v3-bf16", "qwen2-tied", "llama-f16", "llama-f32"] {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
        let model = Model::load(&dir, &mut |_, _| {}).unwrap();
        let config = Config::from_dir(&dir).unwrap();
        let config = config.with_values(&[("num_nextn_predict_layers", 0.into())]).unwrap();
        let format = WeightFormat::of(&config);
        let counted = weight_bytes(&config, format, Storage::Packed, WeightSet::Main);
        // The model counts the matrices that a token is multiplied with.
        let beside: usize = expected_tensors(&config)
            .map(|tensor| {
                let values = tensor.shape.iter().product::<usize>();
                match tensor.kind {
                    TensorKind::Norm | TensorKind::Bias | TensorKind::RouterBias => values * 4,
                    TensorKind::Embedding if !config.tie_word_embeddings => {
                        values * config.torch_dtype.size()
                    }
                    _ => 0,
                }
            })
            .sum();
        assert_eq!(counted as usize, model.weights_bytes() + beside, "{name}");
    }
}
