//! A user asks what a model is before fetching it: the numbers are those of the published one.

use crate::support::{arg, fixture, ponder};

#[test]
fn deepseek_r1_has_its_published_numbers() {
    let report = ponder(&["inspect", "deepseek-r1", "--json"], "").json();
    assert_eq!(report["architecture"], "DeepseekV3ForCausalLM");
    assert_eq!(report["config"]["vocab_size"], 129_280);
    let parameters = &report["parameters"];
    assert_eq!(parameters["total"], 671_026_419_200u64);
    assert_eq!(parameters["active"]["with_embedding_and_head"], 37_552_297_472u64);
    assert_eq!(parameters["active"]["with_head"], 36_625_618_432u64);
    let components = parameters["components"].as_array().unwrap();
    let sum: u64 = components.iter().map(|c| c["total"].as_u64().unwrap()).sum();
    assert_eq!(sum, 671_026_419_200);
    assert_eq!(report["memory"]["kv_bytes_per_token"], 70_272);
    let text = ponder(&["inspect", "deepseek-r1"], "").ok();
    for want in ["671,026,419,200", "37,552,297,472", "36,625,618,432"] {
        assert!(text.contains(want), "{want} is not in\n{text}");
    }
}

#[test]
fn a_folder_and_a_bare_config_are_inspected() {
    let dir = fixture("v3-fp8");
    let report = ponder(&["inspect", arg(&dir), "--json"], "").json();
    let tensors = report["tensors"].as_array().unwrap();
    assert!(
        tensors.len() > 20 && tensors[0]["shape"].is_array() && tensors[0]["dtype"].is_string()
    );
    let config = dir.join("config.json");
    let bare = ponder(&["inspect", arg(&config), "--json"], "").json();
    assert!(bare["tensors"].is_null());
    assert_eq!(bare["parameters"], report["parameters"]);
}

#[test]
fn a_plan_says_what_fits_how_fast_and_why() {
    let machine = ["--memory", "768GB", "--bandwidth", "500", "--rate", "60", "--usable", "1"];
    let args = ["plan", "deepseek-r1", "--context", "0", "--json"];
    let report = ponder(&[&args[..], &machine].concat(), "").json();
    let fp8 = &report["formats"].as_array().unwrap()[1];
    assert_eq!((&fp8["format"], &fp8["fit"]["fits"]), (&"fp8".into(), &true.into()));
    assert_eq!(fp8["decode"]["limit"], "read_bandwidth");
    let speed = fp8["decode"]["tokens_per_s"].as_f64().unwrap();
    assert!((12.0..14.0).contains(&speed), "{speed}");
    let text = ponder(&["plan", "deepseek-r1", "--memory", "24GiB"], "").ok();
    assert!(text.contains("the weights alone take 673.9 GB of 23.2 GB usable"), "{text}");
}
