//! The published and computed numbers of R1 and its relatives.

use super::*;
use crate::checkpoint::expected_tensors;
use crate::known::{cut_shape, known_config};

fn r1() -> Config {
    known_config("deepseek-r1").unwrap()
}

#[test]
fn r1_by_component() {
    let parameters = Parameters::of(&r1());
    let total =
        |component| parameters.components.iter().find(|c| c.component == component).unwrap().total;
    for (component, want) in [
        (Component::Attention, 11_413_547_008),
        (Component::DenseMlp, 1_189_085_184),
        (Component::RoutedExperts, 653_908_770_816),
        (Component::SharedExperts, 2_554_331_136),
        (Component::Gate, 106_445_312),
        (Component::Norms, 881_664),
        (Component::Embedding, 926_679_040),
        (Component::Head, 926_679_040),
    ] {
        assert_eq!(total(component), want, "{component:?}");
    }
    assert_eq!(parameters.total, 671_026_419_200);
    assert_eq!(parameters.dense_layer, Some(583_483_392));
    assert_eq!(parameters.moe_layer, Some(11_507_286_272));
    assert_eq!(parameters.active.with_embedding_and_head, 37_552_297_472);
    assert_eq!(parameters.active.with_head, 36_625_618_432);
    assert_eq!(parameters.active.with_neither, 35_698_939_392);
}

#[test]
fn r1_attention_by_tensor() {
    let parameters = Parameters::of(&r1());
    let is_attention = |c: &&ComponentParameters| c.component == Component::Attention;
    let attention = parameters.components.iter().find(is_attention).unwrap();
    for (name, each) in [
        ("self_attn.q_a_proj.weight", 11_010_048),
        ("self_attn.q_a_layernorm.weight", 1_536),
        ("self_attn.q_b_proj.weight", 37_748_736),
        ("self_attn.kv_a_proj_with_mqa.weight", 4_128_768),
        ("self_attn.kv_a_layernorm.weight", 512),
        ("self_attn.kv_b_proj.weight", 16_777_216),
        ("self_attn.o_proj.weight", 117_440_512),
    ] {
        let tensors = attention.tensors.iter().find(|t| t.name == name).unwrap();
        assert_eq!((tensors.count, tensors.total), (61, each * 61), "{name}");
    }
}

#[test]
fn r1_mtp() {
    let parameters = Parameters::of(&r1());
    let mtp = parameters.mtp.unwrap();
    assert_eq!(mtp.unique, 11_610_068_224);
    assert_eq!(mtp.with_copies, 13_463_426_304);
    assert_eq!(mtp.active, 688_100_608);
    assert_eq!(mtp.active_with_embedding_and_head, 2_541_458_688);
    assert_eq!(parameters.total + mtp.unique, 682_636_487_424);
    assert_eq!(parameters.total + mtp.with_copies, 684_489_845_504);
}

#[test]
fn relatives() {
    for (name, total, kv_bytes) in [
        ("deepseek-r1-distill-qwen-1.5b", 1_777_088_000, 28_672),
        ("deepseek-r1-distill-qwen-7b", 7_615_616_512, 57_344),
        ("deepseek-r1-distill-qwen-14b", 14_770_033_664, 196_608),
        ("deepseek-r1-distill-qwen-32b", 32_763_876_352, 262_144),
        ("deepseek-r1-distill-llama-8b", 8_030_261_248, 131_072),
        ("deepseek-r1-distill-llama-70b", 70_553_706_496, 327_680),
        ("moonlight-16b-a3b", 15_960_110_208, 31_104),
        ("deepseek-v3", 671_026_419_200, 70_272),
    ] {
        let config = known_config(name).unwrap();
        assert_eq!(Parameters::of(&config).total, total, "{name}");
        assert_eq!(kv_bytes_per_token(&config, false), kv_bytes, "{name}");
    }
    let active = Parameters::of(&known_config("moonlight-16b-a3b").unwrap()).active;
    assert_eq!(active.with_embedding_and_head, 2_914_776_192);
    assert_eq!(active.with_head, 2_579_231_872);
    assert_eq!(active.with_neither, 2_243_687_552);
}

/// The V2 family has no bias in the gate; apart from that its formulas are those of V3.
#[test]
fn v2_family_up_to_its_missing_gate_bias() {
    let v2 = |base: &str, values: &[(&str, u64)]| {
        let values: Vec<_> = values.iter().map(|(key, n)| (*key, (*n).into())).collect();
        let config = known_config(base).unwrap().with_values(&values).unwrap();
        let parameters = Parameters::of(&config);
        let moe_layers = (0..config.num_hidden_layers).filter(|i| config.is_moe_layer(*i)).count();
        let biases = (moe_layers * config.moe.unwrap().n_routed_experts) as u64;
        (parameters.total - biases, parameters.active.with_head - biases)
    };
    let lite = [("vocab_size", 102400), ("intermediate_size", 10944)];
    assert_eq!(v2("moonlight-16b-a3b", &lite), (15_706_484_224, 2_451_435_008));
    let large = [
        ("vocab_size", 102400),
        ("hidden_size", 5120),
        ("intermediate_size", 12288),
        ("moe_intermediate_size", 1536),
        ("num_hidden_layers", 60),
        ("first_k_dense_replace", 1),
        ("n_routed_experts", 160),
        ("n_shared_experts", 2),
        ("num_experts_per_tok", 6),
        ("topk_group", 3),
    ];
    assert_eq!(v2("deepseek-r1", &large), (235_741_434_880, 20_851_512_320));
}

#[test]
fn r1_bytes_in_the_published_files() {
    use Storage::Checkpoint;
    let bytes = |format, set| weight_bytes(&r1(), format, Checkpoint, set);
    assert_eq!(bytes(WeightFormat::Fp8, WeightSet::Main), 673_150_611_808);
    assert_eq!(bytes(WeightFormat::Fp8, WeightSet::WithMtpCopies), 688_574_839_360);
    let with_mtp = bytes(WeightFormat::Fp8, WeightSet::WithMtp);
    assert_eq!(with_mtp - bytes(WeightFormat::Fp8, WeightSet::Main), 11_717_511_392);
    let copies = bytes(WeightFormat::Fp8, WeightSet::WithMtpCopies) - with_mtp;
    assert_eq!(copies, 3_706_716_160);
    assert_eq!(bytes(WeightFormat::Bf16, WeightSet::Main), 1_342_052_838_400);
}

#[test]
fn distills_in_bf16() {
    for (name, want) in [("qwen-1.5b", 3.55), ("qwen-32b", 65.53), ("llama-70b", 141.1)] {
        let config = known_config(&format!("deepseek-r1-distill-{name}")).unwrap();
        let bytes = weight_bytes(&config, WeightFormat::Bf16, Storage::Checkpoint, WeightSet::Main);
        assert!((bytes as f64 / 1e9 - want).abs() < 0.005 * want, "{name}: {bytes}");
    }
}

#[test]
fn r1_tensors_in_the_published_files() {
    let config = r1();
    let count = |prefix: &str| {
        expected_tensors(&config).filter(|tensor| tensor.name.starts_with(prefix)).count()
    };
    assert_eq!(count("model.layers.0."), 20);
    assert_eq!(count("model.layers.3."), 1558);
    assert_eq!(count("model.layers.61."), 1558 + 6);
    assert_eq!(count(""), 91_991);
    let main = config.with_values(&[("num_nextn_predict_layers", 0.into())]).unwrap();
    assert_eq!(expected_tensors(&main).count(), 90_427);
    let of_kind = |wanted| {
        let tensors = expected_tensors(&config).filter(move |tensor| tensor.kind == wanted);
        tensors.map(|tensor| tensor.shape.iter().product::<usize>()).sum::<usize>()
    };
    assert_eq!(of_kind(TensorKind::Linear), 680_571_043_840);
    assert_eq!(of_kind(TensorKind::Scale), 41_540_496);
    assert_eq!(of_kind(TensorKind::RouterBias), 15_104);
}

#[test]
fn scales_cover_partial_blocks() {
    let config = r1();
    let find = |name: &str| expected_tensors(&config).find(|t| t.name == name).unwrap();
    let scale = find("model.layers.0.self_attn.kv_a_proj_with_mqa.weight_scale_inv");
    assert_eq!((scale.shape, scale.is_optional), (vec![5, 56], true));
    assert_eq!(find("model.layers.61.embed_tokens.weight").shape, [129280, 7168]);
}

#[test]
fn r1_cache() {
    let config = r1();
    assert_eq!(kv_bytes_per_token(&config, false), 70_272);
    assert_eq!(kv_bytes_per_token(&config, true), 71_424);
    assert_eq!(expanded_kv_bytes_per_token(&config), 4_997_120);
    for (context, gib) in
        [(4096, 0.268), (32768, 2.145), (65536, 4.289), (131072, 8.578), (163840, 10.723)]
    {
        let bytes = kv_bytes_per_token(&config, false) * context;
        assert!((bytes as f64 / (1u64 << 30) as f64 - gib).abs() < 6e-4, "{context}");
    }
}

#[test]
fn r1_reads_for_one_token() {
    use Storage::Checkpoint;
    let gb = |format| read_bytes_per_token(&r1(), format, Checkpoint) as f64 / 1e9;
    assert!((gb(WeightFormat::Fp8) - 37.67).abs() < 0.02, "{}", gb(WeightFormat::Fp8));
    let four_bit_experts = gb(WeightFormat::FourBitExperts);
    assert!((four_bit_experts - 27.6).abs() < 0.1, "{four_bit_experts}");
    assert!((gb(WeightFormat::FourBit) - 22.0).abs() < 0.1, "{}", gb(WeightFormat::FourBit));
}

#[test]
fn r1_reads_in_batches() {
    let config = r1();
    for (n_tokens, experts, gb_per_token) in
        [(1, 8.0, 37.6), (2, 15.75, 28.8), (8, 57.4, 20.5), (32, 163.0, 13.5), (128, 252.0, 5.2)]
    {
        let found = distinct_experts(&config, n_tokens);
        assert!((found - experts).abs() < 0.006 * experts, "{n_tokens}: {found} experts");
        let bytes = read_bytes_per_step(&config, WeightFormat::Fp8, Storage::Checkpoint, n_tokens);
        let found = bytes / 1e9 / n_tokens as f64;
        assert!((found - gb_per_token).abs() < 0.1, "{n_tokens}: {found} GB");
    }
}

#[test]
fn r1_operations() {
    let config = r1();
    assert_eq!(linear_flops_per_token(&config), 2 * 36_624_596_992);
    for (context, absorbed, expanded) in
        [(4096, 69.6, 20.5), (32768, 556.7, 163.7), (131072, 2227.0, 655.0)]
    {
        for (form, want) in
            [(AttentionForm::Absorbed, absorbed), (AttentionForm::Expanded, expanded)]
        {
            let found = attention_flops(&config, context, form) as f64 / 1e9;
            assert!(
                (found - want).abs() < 0.06_f64.max(1e-3 * want),
                "{context} {form:?}: {found}"
            );
        }
    }
}

#[test]
fn packed_bytes_stay_close_to_the_files() {
    for config in
        [r1(), known_config("moonlight-half").unwrap(), cut_shape("deepseek-r1", 2).unwrap()]
    {
        let bytes = |storage| {
            weight_bytes(&config, WeightFormat::of(&config), storage, WeightSet::Main) as f64
        };
        let ratio = bytes(Storage::Packed) / bytes(Storage::Checkpoint);
        assert!((1.0..1.02).contains(&ratio), "{ratio}");
    }
}

#[test]
fn a_tied_head_is_counted_once() {
    let untied = known_config("deepseek-r1-distill-qwen-1.5b").unwrap();
    let tied = untied.with_values(&[("tie_word_embeddings", true.into())]).unwrap();
    let table = (untied.vocab_size * untied.hidden_size) as u64;
    let (untied_count, tied_count) = (Parameters::of(&untied), Parameters::of(&tied));
    assert_eq!(tied_count.total, untied_count.total - table);
    assert_eq!(tied_count.active.with_head, untied_count.active.with_head);
    assert_eq!(tied_count.active.with_embedding_and_head, tied_count.active.with_head);
    assert_eq!(linear_flops_per_token(&tied), linear_flops_per_token(&untied));
    let read = |config| read_bytes_per_token(config, WeightFormat::Bf16, Storage::Checkpoint);
    assert_eq!(read(&tied), read(&untied));
}

#[test]
fn names_of_formats_read_back() {
    for format in WeightFormat::PLANNED {
        assert_eq!(WeightFormat::from_name(format.name()), Some(format));
        assert_eq!(serde_json::to_value(format).unwrap(), format.name());
    }
}
