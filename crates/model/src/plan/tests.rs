use super::*;
use crate::known::known_config;

fn request() -> PlanRequest {
    PlanRequest {
        memory_bytes: None,
        usable_share: 0.9,
        context: 4096,
        streams: 1,
        prompt: 512,
        machine: Machine::default(),
        format: None,
        with_mtp: false,
    }
}

fn r1() -> Config {
    known_config("deepseek-r1").unwrap()
}

#[test]
fn what_fits_on_known_machines() {
    // Accelerators of 80, 96, 141 and 192 GB, eight each, all of it usable.
    for (memory, fits) in [(640e9, false), (768e9, true), (1128e9, true), (1536e9, true)] {
        let request = PlanRequest {
            memory_bytes: Some(memory as u64),
            usable_share: 1.0,
            format: Some(WeightFormat::Fp8),
            ..request()
        };
        let report = plan(&r1(), &request);
        let fit = report.formats[0].fit.clone().unwrap();
        assert_eq!(fit.fits, fits, "{memory}: {}", fit.reason);
    }
}

#[test]
fn cache_tokens_beside_the_weights() {
    let request = PlanRequest {
        memory_bytes: Some(1_128_000_000_000),
        format: Some(WeightFormat::Fp8),
        with_mtp: true,
        ..request()
    };
    let report = plan(&r1(), &request);
    assert_eq!(report.kv_bytes_per_token, 71_424);
    let fit = report.formats[0].fit.clone().unwrap();
    // 4.57 million beside the published files; their copies of embedding and head, which take
    // 52 thousand tokens, are shared here.
    assert!((4_550_000..4_640_000).contains(&fit.kv_tokens), "{}", fit.kv_tokens);
    assert_eq!(fit.streams, fit.kv_tokens / 4096);
}

#[test]
fn the_reason_names_what_is_too_large() {
    let small = PlanRequest { memory_bytes: Some(24 << 30), ..request() };
    let report = plan(&r1(), &small);
    assert_eq!(report.formats.len(), 4);
    for plan in &report.formats {
        let fit = plan.fit.as_ref().unwrap();
        assert!(!fit.fits && fit.free_bytes < 0 && fit.kv_tokens == 0);
        assert!(fit.reason.starts_with("the weights alone take"), "{}", fit.reason);
    }
    let qwen = known_config("deepseek-r1-distill-qwen-1.5b").unwrap();
    let long = PlanRequest { context: 131_072, streams: 64, ..small };
    let fit = plan(&qwen, &long).formats[0].fit.clone().unwrap();
    assert!(!fit.fits && fit.kv_tokens > 0, "{fit:?}");
    assert!(fit.reason.contains("64 streams of 131072 tokens need 240.5 GB"), "{}", fit.reason);
}

#[test]
fn decode_is_bound_by_bandwidth() {
    let machine = Machine { read_bytes_per_s: Some(500e9), flops_per_s: Some(60e12) };
    let request = PlanRequest { machine, context: 0, ..request() };
    for (format, want) in [
        (WeightFormat::Fp8, 13.3),
        (WeightFormat::FourBitExperts, 18.0),
        (WeightFormat::FourBit, 23.0),
    ] {
        let report = plan(&r1(), &PlanRequest { format: Some(format), ..request.clone() });
        let speed = report.formats[0].decode.clone().unwrap();
        assert!((speed.tokens_per_s - want).abs() < 0.03 * want, "{format:?}: {speed:?}");
        assert_eq!(speed.limit, Limit::ReadBandwidth);
        assert!(speed.reason.starts_with("memory bandwidth: a token reads"), "{}", speed.reason);
    }
}

#[test]
fn a_slow_core_is_bound_by_arithmetic() {
    let machine = Machine { read_bytes_per_s: Some(500e9), flops_per_s: Some(0.2e12) };
    let speed = decode_speed(&r1(), WeightFormat::Fp8, 1, 16384, machine).unwrap();
    assert_eq!(speed.limit, Limit::TileRate);
    // 73.25 GFLOP of products and 278.3 of attention over 16,384 tokens.
    assert!((speed.flops_per_token / 1e9 - 351.6).abs() < 0.2, "{speed:?}");
    assert!((speed.tokens_per_s - 0.2e12 / speed.flops_per_token).abs() < 1e-9);
    assert!(speed.reason.contains("memory bandwidth would allow"), "{}", speed.reason);
}

#[test]
fn batches_amortise_attention_before_experts() {
    let machine = Machine { read_bytes_per_s: Some(500e9), flops_per_s: None };
    let per_s =
        |streams| decode_speed(&r1(), WeightFormat::Fp8, streams, 0, machine).unwrap().tokens_per_s;
    assert!((per_s(8) - 500.0 / 20.5).abs() < 0.3, "{}", per_s(8));
    assert!((per_s(32) - 500.0 / 13.5).abs() < 0.5, "{}", per_s(32));
}

#[test]
fn long_prompts_are_bound_by_arithmetic_and_short_ones_by_bandwidth() {
    let machine = Machine { read_bytes_per_s: Some(500e9), flops_per_s: Some(60e12) };
    let limit = |n| prefill_speed(&r1(), WeightFormat::Fp8, n, machine).unwrap().limit;
    assert_eq!((limit(512), limit(4096)), (Limit::ReadBandwidth, Limit::TileRate));
}

#[test]
fn an_unknown_machine_gives_no_speed() {
    let report = plan(&r1(), &request());
    assert!(report.formats.iter().all(|plan| plan.decode.is_none() && plan.fit.is_none()));
    assert!(!report.render().contains("Speed"));
}

#[test]
fn the_report_reads_well_and_serialises() {
    let machine = Machine { read_bytes_per_s: Some(32e9), flops_per_s: Some(3e12) };
    let request = PlanRequest {
        memory_bytes: Some(24_000_000_000),
        machine,
        context: 200_000,
        streams: 2,
        ..request()
    };
    let report = plan(&r1(), &request);
    let text = report.render();
    for want in ["671,026,419,200", "36,625,618,432", "70,272", "note: the model accepts 163840"] {
        assert!(text.contains(want), "{want} not in\n{text}");
    }
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["formats"][1]["format"], "fp8");
    assert_eq!(json["formats"][1]["decode"]["limit"], "read_bandwidth");
    assert_eq!(json["parameters"]["total"], 671_026_419_200u64);
}

#[test]
#[should_panic(expected = "a machine that does -1 a second")]
fn a_rate_must_be_positive() {
    let machine = Machine { read_bytes_per_s: Some(-1.0), flops_per_s: None };
    decode_speed(&r1(), WeightFormat::Fp8, 1, 0, machine);
}
