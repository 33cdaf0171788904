use std::path::Path;

use serde_json::{Value, json};

use super::*;

fn r1() -> Value {
    serde_json::from_str(include_str!("../known/deepseek-r1.json")).unwrap()
}

/// A dense config in the newer spelling.
fn llama() -> Value {
    json!({
        "architectures": ["LlamaForCausalLM"], "vocab_size": 128256, "hidden_size": 4096,
        "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32,
        "num_key_value_heads": 8, "rms_norm_eps": 1e-5, "max_position_embeddings": 131072,
        "rope_parameters": {"rope_type": "llama3", "rope_theta": 500000.0, "factor": 8.0,
            "low_freq_factor": 1.0, "high_freq_factor": 4.0,
            "original_max_position_embeddings": 8192},
        "dtype": "bfloat16", "bos_token_id": 128000, "eos_token_id": [128001, 128009]
    })
}

fn read(value: &Value) -> Result<Config> {
    Config::from_json(&value.to_string(), Path::new("config.json"))
}

fn with(mut config: Value, pointer: &str, value: Value) -> Value {
    let (object, key) = pointer.rsplit_once('/').unwrap();
    config.pointer_mut(object).unwrap()[key] = value;
    config
}

fn close(found: f64, want: f64) -> bool {
    (found - want).abs() <= want.abs() * 1e-6
}

#[test]
fn r1_reads_as_published() {
    let config = read(&r1()).unwrap();
    assert_eq!(config.architecture, Architecture::DeepseekV3);
    assert_eq!(config.head_dim, 192);
    assert_eq!(config.rope_dim(), 64);
    assert_eq!(config.eos_token_ids, [1]);
    assert_eq!(config.bos_token_id, Some(0));
    assert_eq!(config.weight_block_size, Some([128, 128]));
    assert_eq!(config.mla.as_ref().unwrap().latent_dim(), 576);
    assert_eq!(config.moe.as_ref().unwrap().group_size(), 32);
    assert_eq!((0..=61).filter(|i| config.is_moe_layer(*i)).count(), 59);
    assert!(!config.is_moe_layer(2) && config.is_moe_layer(3));
}

#[test]
fn yarn_gives_the_published_frequencies() {
    let config = read(&r1()).unwrap();
    let inv_freq = config.inv_freq();
    assert_eq!(inv_freq.len(), 32);
    for (i, want) in [
        (0, 1.0),
        (10, 5.623413252e-02),
        (11, 3.900692657e-02),
        (12, 2.687936011e-02),
        (16, 5.5e-03),
        (20, 7.905694150e-04),
        (22, 1.778279410e-04),
        (23, 3.333803580e-05),
        (31, 3.333803580e-06),
    ] {
        assert!(close(inv_freq[i] as f64, want), "{i}: {} not {want}", inv_freq[i]);
    }
    assert_eq!(config.rope_multiplier(), 1.0);
    assert!(close(config.softmax_scale() as f64, 0.1352337788637));
}

#[test]
fn yarn_with_unequal_mscales_multiplies_cos_and_sin() {
    let config = with(r1(), "/rope_scaling/mscale_all_dim", json!(0.707));
    let config = read(&config).unwrap();
    assert!(close(config.rope_multiplier() as f64, 1.3688879454 / 1.2608037774));
    assert!(close(config.softmax_scale() as f64, 0.1147213868));
    // Left out, mscale_all_dim is 0: the softmax keeps its plain scale.
    let mut config = r1();
    config["rope_scaling"].as_object_mut().unwrap().remove("mscale_all_dim");
    let config = read(&config).unwrap();
    assert!(close(config.softmax_scale() as f64, 0.0721687836));
    assert!(close(config.rope_multiplier() as f64, 1.3688879454));
}

#[test]
fn llama3_gives_the_published_frequencies() {
    let config = read(&llama()).unwrap();
    let inv_freq = config.inv_freq();
    assert_eq!(inv_freq.len(), 64);
    for (i, want) in [
        (28, 3.211446e-03),
        (29, 2.166571e-03),
        (30, 1.371894e-03),
        (32, 5.248462e-04),
        (34, 1.785078e-04),
        (36, 7.784655e-05),
    ] {
        assert!((inv_freq[i] as f64 - want).abs() < want * 1e-6, "{i}: {}", inv_freq[i]);
    }
    assert!(close(config.softmax_scale() as f64, 128f64.powf(-0.5)));
}

#[test]
fn both_spellings_read_alike() {
    let mut older = llama();
    let mut scaling = older["rope_parameters"].take();
    older.as_object_mut().unwrap().remove("rope_parameters");
    older["rope_theta"] = scaling["rope_theta"].take();
    older["rope_scaling"] = scaling;
    older["torch_dtype"] = older["dtype"].take();
    let (newer, older) = (read(&llama()).unwrap(), read(&older).unwrap());
    assert_eq!(newer.rope, older.rope);
    assert_eq!(newer.torch_dtype, older.torch_dtype);
    assert_eq!(newer.eos_token_ids, [128001, 128009]);
    let plain =
        with(llama(), "/rope_parameters", json!({"rope_type": "default", "rope_theta": 1e4}));
    assert_eq!(read(&plain).unwrap().rope, Rope { theta: 1e4, scaling: RopeScaling::None });
    let plain = with(r1(), "/rope_scaling", Value::Null);
    let plain = read(&plain).unwrap();
    assert_eq!(plain.rope.scaling, RopeScaling::None);
    assert!(close(plain.softmax_scale() as f64, 0.0721687836));
}

#[test]
fn absent_or_zero_query_rank_means_no_compression() {
    for rank in [json!(0), Value::Null] {
        let config = read(&with(r1(), "/q_lora_rank", rank)).unwrap();
        assert_eq!(config.mla.unwrap().q_lora_rank, None);
    }
}

#[test]
fn layers_can_be_cut() {
    let config = read(&r1()).unwrap().with_layers(2).unwrap();
    assert_eq!(config.num_hidden_layers, 2);
    assert_eq!(config.num_nextn_predict_layers, 0);
    assert!(!config.is_moe_layer(0) && config.is_moe_layer(1));
    assert!(read(&r1()).unwrap().with_layers(0).is_err());
}

#[test]
fn unknown_architectures_are_named() {
    for (value, want) in [
        (json!(["MistralForCausalLM"]), "`MistralForCausalLM`"),
        (json!([]), "none declared"),
        (json!("LlamaForCausalLM"), "none declared"),
        (Value::Null, "none declared"),
    ] {
        let error = read(&with(llama(), "/architectures", value)).unwrap_err().to_string();
        assert!(error.contains(want) && error.contains("Qwen2ForCausalLM"), "{error}");
        assert!(error.contains("\nhint: "), "{error}");
    }
}

#[test]
fn absurd_values_are_refused_by_name() {
    for (field, value) in [
        ("num_attention_heads", json!(0)),
        ("num_attention_heads", json!(-4)),
        ("num_hidden_layers", json!(0)),
        ("num_hidden_layers", json!(1_000_000_000_000u64)),
        ("num_hidden_layers", json!(2.5)),
        ("hidden_size", json!("7168")),
        ("hidden_size", json!(u64::MAX)),
        ("vocab_size", json!(0)),
        ("rms_norm_eps", json!(0)),
        ("rms_norm_eps", json!(-1e-6)),
        ("rope_theta", json!(0.5)),
        ("max_position_embeddings", Value::Null),
        ("qk_rope_head_dim", json!(63)),
        ("num_key_value_heads", json!(8)),
        ("n_group", json!(7)),
        ("topk_group", json!(9)),
        ("num_experts_per_tok", json!(257)),
        ("num_experts_per_tok", json!(129)),
        ("norm_topk_prob", Value::Null),
        ("norm_topk_prob", json!("yes")),
        ("routed_scaling_factor", json!(0)),
        ("scoring_func", json!("softmax")),
        ("topk_method", json!("greedy")),
        ("hidden_act", json!("gelu")),
        ("attention_bias", json!(true)),
        ("bos_token_id", json!(129280)),
        ("eos_token_id", json!([1, -1])),
        ("torch_dtype", json!("int8")),
        ("rope_interleave", json!(false)),
        ("num_nextn_predict_layers", json!(1000)),
        ("rope_scaling", json!(3)),
        ("quantization_config", json!({"quant_method": "gptq"})),
    ] {
        refused(&with(r1(), &format!("/{field}"), value), field);
    }
}

#[test]
fn absurd_nested_values_are_refused_by_name() {
    for (pointer, value, field) in [
        ("/rope_scaling/type", json!("dynamic"), "rope_scaling.type"),
        ("/rope_scaling/type", Value::Null, "rope_scaling.type"),
        ("/rope_scaling/rope_type", json!("longrope"), "rope_scaling.rope_type"),
        ("/rope_scaling/factor", json!(0), "rope_scaling.factor"),
        ("/rope_scaling/factor", json!("NaN"), "rope_scaling.factor"),
        (
            "/rope_scaling/original_max_position_embeddings",
            Value::Null,
            "rope_scaling.original_max_position_embeddings",
        ),
        (
            "/quantization_config/weight_block_size",
            json!([128]),
            "quantization_config.weight_block_size",
        ),
        (
            "/quantization_config/weight_block_size",
            json!([0, 128]),
            "quantization_config.weight_block_size",
        ),
        ("/quantization_config/fmt", json!("e5m2"), "quantization_config.fmt"),
    ] {
        refused(&with(r1(), pointer, value), field);
    }
}

#[test]
fn dense_variants_that_would_compute_something_else_are_refused() {
    for (field, value) in [
        ("mlp_bias", json!(true)),
        ("attention_bias", json!(true)),
        ("use_sliding_window", json!(true)),
        ("layer_types", json!(["full_attention", "sliding_attention"])),
        ("num_key_value_heads", json!(5)),
        ("head_dim", json!(127)),
        ("partial_rotary_factor", json!(0.5)),
        ("hidden_size", json!(4100)),
    ] {
        refused(&with(llama(), &format!("/{field}"), value), field);
    }
    let swapped = with(llama(), "/rope_parameters/high_freq_factor", json!(0.5));
    refused(&swapped, "rope_parameters.high_freq_factor");
}

#[test]
fn products_beyond_any_machine_are_refused() {
    let mut config = r1();
    for (field, value) in [
        ("hidden_size", 1 << 20),
        ("moe_intermediate_size", 1 << 20),
        ("n_routed_experts", 4096),
        ("num_hidden_layers", 1024),
    ] {
        config[field] = json!(value);
    }
    refused(&config, "parameters");
}

#[test]
fn broken_json_is_located() {
    for (text, want) in [
        ("", "line 1"),
        ("{\"a\": 1", "EOF"),
        ("{\"rms_norm_eps\": NaN}", "expected value at line 1"),
        ("{\"a\": 1e999}", "number out of range"),
        ("{} trailing", "trailing characters"),
    ] {
        let error = Config::from_json(text, Path::new("here/config.json")).unwrap_err().to_string();
        assert!(error.starts_with("here/config.json: broken JSON"), "{error}");
        assert!(error.contains(want), "{error}");
    }
    let deep = "[".repeat(100_000);
    assert!(Config::from_json(&deep, Path::new("c")).is_err());
    let error = Config::from_json("[]", Path::new("c")).unwrap_err().to_string();
    assert!(error.contains("expected a JSON object"), "{error}");
}

#[test]
fn generation_config_reads() {
    let read = |text| GenerationConfig::from_json(text, Path::new("generation_config.json"), 100);
    let config = read(r#"{"temperature": 0.6, "top_p": 0.95, "eos_token_id": [1, 7]}"#).unwrap();
    assert_eq!((config.temperature, config.top_p, config.top_k), (Some(0.6), Some(0.95), None));
    assert_eq!(config.eos_token_ids, [1, 7]);
    assert_eq!(read("{}").unwrap(), GenerationConfig::default());
    for text in [r#"{"temperature": -1}"#, r#"{"eos_token_id": 100}"#, r#"{"top_p": 2}"#, "3"] {
        assert!(read(text).is_err(), "{text}");
    }
}

#[track_caller]
fn refused(config: &Value, field: &str) {
    let error = read(config).map(|_| ()).expect_err(field).to_string();
    assert!(error.contains(field), "{field}: {error}");
    assert!(error.contains("expected ") && error.contains("\nhint: "), "{error}");
}
