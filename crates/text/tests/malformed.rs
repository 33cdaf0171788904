//! Broken and hostile tokenizer files are errors, never panics.

mod common;

use ponder_text::{ControlTokens, TextError, Tokenizer};
use serde_json::{Value, json};

/// Mutated files tried by each of the two fuzzing tests.
const N_MUTATIONS: usize = 3000;

/// SplitMix64: reproducible, and enough to choose bytes.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % n as u64) as usize
    }
}

/// Loads and, if that succeeds, uses the tokenizer.
fn exercise(json: &[u8]) -> bool {
    let Ok(tokenizer) = Tokenizer::from_bytes(json, None) else { return false };
    let text = "Hi <｜User｜> 12 你好 </think>\n\n é😀";
    for control in [ControlTokens::Plain, ControlTokens::Parse] {
        if let Ok(ids) = tokenizer.encode(text, control) {
            assert!(ids.iter().all(|&id| (id as usize) < tokenizer.vocab_size()));
            tokenizer.decode(&ids).unwrap();
        }
    }
    true
}

#[test]
fn mutated_bytes() {
    let original = common::read("tokenizer.json").into_bytes();
    let mut random = Random(1);
    let mut n_loaded = 0;
    for _ in 0..N_MUTATIONS {
        let mut json = original.clone();
        for _ in 0..=random.below(4) {
            let at = random.below(json.len());
            match random.below(4) {
                0 => json[at] = random.below(256) as u8,
                1 => json.truncate(at.max(1)),
                2 => drop(json.drain(at..(at + random.below(40)).min(json.len()))),
                _ => json[at] = b"0123456789{}[]\",:"[random.below(17)],
            }
            if json.is_empty() {
                break;
            }
        }
        n_loaded += usize::from(exercise(&json));
    }
    println!("{N_MUTATIONS} mutated files, {n_loaded} still loaded");
    assert!(n_loaded > 0 && n_loaded < N_MUTATIONS);
}

/// Replaces or removes one value somewhere in the tree.
fn mutate(value: &mut Value, random: &mut Random) {
    let go_deeper = random.below(8) != 0;
    match value {
        Value::Object(fields) if go_deeper && !fields.is_empty() => {
            let at = random.below(fields.len());
            let key = fields.keys().nth(at).unwrap().clone();
            if random.below(12) == 0 {
                fields.remove(&key);
            } else {
                mutate(&mut fields[&key], random);
            }
        }
        Value::Array(items) if go_deeper && !items.is_empty() => {
            let at = random.below(items.len());
            match random.below(12) {
                0 => drop(items.remove(at)),
                1 => items.swap(0, at),
                _ => mutate(&mut items[at], random),
            }
        }
        _ => {
            let replacements = [
                json!(null),
                json!(true),
                json!(-1),
                json!(0),
                json!(5),
                json!(4_294_967_295u32),
                json!(1e300),
                json!(""),
                json!("a"),
                json!("<think>"),
                json!("(?<a"),
                json!("(a|a)*$"),
                json!([]),
                json!({}),
                json!("NFKC"),
                json!("Sequence"),
                json!({"String": ""}),
                json!({"Regex": "\\"}),
                json!({"type": "Strip", "content": "é", "start": 9, "stop": 9}),
                json!({"type": "Precompiled", "precompiled_charsmap": "AAAA"}),
                json!("Unigram"),
                json!({"type": "Unigram", "unk_id": 9, "vocab": [["a", -1.0]]}),
                json!("WordLevel"),
                json!({"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": true}),
            ];
            *value = replacements[random.below(replacements.len())].clone();
        }
    }
}

#[test]
fn mutated_values() {
    let original: Value = serde_json::from_str(&common::read("tokenizer.json")).unwrap();
    let mut random = Random(2);
    let mut n_loaded = 0;
    for _ in 0..N_MUTATIONS {
        let mut value = original.clone();
        for _ in 0..=random.below(3) {
            mutate(&mut value, &mut random);
        }
        n_loaded += usize::from(exercise(value.to_string().as_bytes()));
    }
    println!("{N_MUTATIONS} mutated trees, {n_loaded} still loaded");
    assert!(n_loaded > 0 && n_loaded < N_MUTATIONS);
}

#[test]
fn errors_name_the_damage() {
    let with_model = |model: Value| json!({"decoder": {"type": "ByteLevel"}, "model": model});
    let cases = [
        (json!([]), "expected"),
        (json!({}), "model"),
        (with_model(json!({"type": "BPE", "vocab": {"a": 0}, "merges": ["a b"]})), "`b`"),
        (with_model(json!({"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": ["a b"]})), "`ab`"),
        (with_model(json!({"type": "BPE", "vocab": {"a": 0}, "merges": ["aa"]})), "no pair"),
        (with_model(json!({"type": "BPE", "vocab": {"a": 0, "b": 0}, "merges": []})), "id 0"),
        (
            with_model(json!({"type": "BPE", "vocab": {"a": 4_000_000_000u32}, "merges": []})),
            "limit",
        ),
        (with_model(json!({"type": "BPE", "vocab": {}, "merges": [], "unk_token": "u"})), "`u`"),
        (
            with_model(json!({"type": "BPE", "vocab": {"a": 0, "é": 1}, "merges": ["a é"],
                "continuing_subword_prefix": "#"})),
            "continuing_subword_prefix",
        ),
        (with_model(json!({"type": "WordPiece", "vocab": {}})), "WordPiece"),
        (
            json!({"normalizer": {"type": "Sequence", "normalizers": [{"type": "Precompiled"}]},
                "decoder": {"type": "ByteLevel"}, "model": {"vocab": {}, "merges": []}}),
            "Precompiled",
        ),
        (json!({"decoder": {"type": "CTC"}, "model": {"vocab": {}, "merges": []}}), "CTC"),
        (
            json!({"decoder": {"type": "ByteLevel"}, "model": {"vocab": {}, "merges": []},
                "pre_tokenizer": {"type": "Split", "pattern": {"Regex": "("}, "behavior": "Isolated", "invert": false}}),
            "pre_tokenizer",
        ),
    ];
    for (value, want) in cases {
        let error = Tokenizer::from_bytes(value.to_string().as_bytes(), None).unwrap_err();
        assert!(matches!(error, TextError::BadFile { .. } | TextError::Unsupported { .. }));
        let text = error.to_string();
        assert!(text.contains(want) && text.starts_with("tokenizer.json: "), "{text}");
        assert!(text.contains("\nhint: "), "{text}");
    }
    let folder = tempfile::tempdir().unwrap();
    let error = Tokenizer::from_dir(folder.path()).unwrap_err();
    assert!(matches!(&error, TextError::Read { path, .. } if path.ends_with("tokenizer.json")));
}

#[test]
fn other_configurations() {
    let tokenizer = common::read("tokenizer.json");
    let load = |config: Value| {
        Tokenizer::from_bytes(tokenizer.as_bytes(), Some(config.to_string().as_bytes()))
    };
    // No rule in the config: LLaMA's class adds BOS, others ask the post-processor.
    let llama = load(json!({"tokenizer_class": "LlamaTokenizerFast", "bos_token": common::BOS}));
    assert_eq!(llama.unwrap().bos_prefix(), Some(0));
    let other =
        load(json!({"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": common::BOS}));
    assert_eq!(other.unwrap().bos_prefix(), None);
    let unknown = load(json!({"bos_token": "<nope>", "add_bos_token": true})).unwrap();
    assert_eq!((unknown.add_bos(), unknown.bos_prefix()), (true, None));
    assert!(load(json!([])).is_err());
    let mut value: Value = serde_json::from_str(&tokenizer).unwrap();
    value["post_processor"] = json!({"type": "Sequence", "processors": [{"type": "TemplateProcessing",
        "single": [{"SpecialToken": {"id": common::BOS, "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}]}]});
    let tokenizer = Tokenizer::from_bytes(value.to_string().as_bytes(), None).unwrap();
    assert_eq!(tokenizer.bos_prefix(), Some(0));
}
