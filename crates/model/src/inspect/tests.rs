use super::*;

fn fixture(name: &str) -> String {
    format!("{}/tests/fixtures/{name}", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn a_built_in_model_is_known_without_weights() {
    let report = InspectReport::of("deepseek-r1").unwrap();
    assert!(report.tensors.is_none() && report.source.is_some());
    let json = serde_json::to_value(&report).unwrap();
    for (pointer, want) in [
        ("/parameters/total", 671_026_419_200u64),
        ("/parameters/active/with_head", 36_625_618_432),
        ("/parameters/mtp/unique", 11_610_068_224),
        ("/weights_bytes/0/bytes", 1_342_052_838_400),
        ("/weights_bytes/1/bytes", 673_150_611_808),
        ("/memory/kv_bytes_per_token", 70_272),
        ("/config/n_routed_experts", 256),
        ("/derived/moe_layers", 58),
    ] {
        assert_eq!(json.pointer(pointer).and_then(Value::as_u64), Some(want), "{pointer}");
    }
    let text = report.render();
    for want in ["671,026,419,200", "36,625,618,432", "673.2 GB", "70,272", "rope_scaling"] {
        assert!(text.contains(want), "{want} is not in\n{text}");
    }
}

#[test]
fn a_folder_shows_its_tensors() {
    let report = InspectReport::of(&fixture("v3-fp8")).unwrap();
    let tensors = report.tensors.as_ref().unwrap();
    let kv_b = tensors.iter().find(|t| t.name == "model.layers.1.self_attn.kv_b_proj.weight");
    assert_eq!((kv_b.unwrap().dtype, kv_b.unwrap().shape.as_slice()), ("F8_E4M3", &[220, 12][..]));
    assert!(report.problems.as_ref().unwrap().is_empty());
    let bytes: u64 = tensors.iter().map(|tensor| tensor.bytes).sum();
    let main = report.weights_bytes.iter().find(|entry| entry.format == WeightFormat::Fp8).unwrap();
    // The files hold the MTP layer too.
    assert!(main.bytes < bytes && bytes < 2 * main.bytes, "{} {bytes}", main.bytes);
    let text = report.render();
    assert!(text.contains("more; --json lists them all"), "{text}");
    assert!(!text.contains("do not match"), "{text}");
}

#[test]
fn the_table_of_tensors_gives_the_bytes_of_the_files() {
    for (name, format) in [
        ("v3-fp8", WeightFormat::Fp8),
        ("qwen2-tied", WeightFormat::Bf16),
        ("llama-f16", WeightFormat::Bf16),
        ("llama-f32", WeightFormat::F32),
    ] {
        let dir = fixture(name);
        let config = Config::from_dir(Path::new(&dir)).unwrap();
        assert_eq!(WeightFormat::of(&config), format, "{name}");
        let stored = Checkpoint::open(Path::new(&dir)).unwrap().total_bytes();
        let counted = weight_bytes(&config, format, Storage::Checkpoint, WeightSet::WithMtp);
        assert_eq!(counted, stored, "{name}");
    }
}

#[test]
fn a_config_alone_is_enough() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config.json");
    std::fs::copy(Path::new(&fixture("llama-f32")).join("config.json"), &path).unwrap();
    for model in [dir.path(), &path] {
        let report = InspectReport::of(model.to_str().unwrap()).unwrap();
        assert!(report.tensors.is_none() && report.problems.is_none());
        assert_eq!(report.architecture, "LlamaForCausalLM");
    }
}

#[test]
fn what_does_not_match_is_shown() {
    let dir = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(fixture("llama-f32")).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, dir.path().join(path.file_name().unwrap())).unwrap();
    }
    let path = dir.path().join("config.json");
    let config = Config::from_dir(dir.path()).unwrap();
    let grown = config.with_values(&[("intermediate_size", 34.into())]).unwrap();
    std::fs::write(&path, grown.raw.to_string()).unwrap();
    let report = InspectReport::of(dir.path().to_str().unwrap()).unwrap();
    assert_eq!(report.problems.as_ref().unwrap().misshaped.count, 6);
    assert!(report.render().contains("6 misshaped"), "{}", report.render());
}

#[test]
fn names_and_paths_are_told_apart() {
    let error = InspectReport::of("deepseek-r3").map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("`deepseek-r3` is no built-in model"), "{error}");
    let error = InspectReport::of("./no/such/folder").map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("No such file"), "{error}");
}
