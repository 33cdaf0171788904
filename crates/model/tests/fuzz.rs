//! Random damage to everything that is parsed: 60,000 inputs made from valid ones with fixed
//! seeds. None may panic, and whatever is accepted must be consistent.

use std::path::Path;

use ponder_model::checkpoint::{expected_tensors, header, index};
use ponder_model::config::{Config, GenerationConfig};
use ponder_model::count::Parameters;
use ponder_model::known::KNOWN;

/// Inputs tried on each of the three parsers.
const INPUTS: usize = 20_000;

/// SplitMix64: the same inputs on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    fn choose<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }
}

/// Pieces that parsers tend to trip over.
const TOKENS: &[&str] = &[
    "0",
    "-1",
    "1e999",
    "18446744073709551615",
    "1000000000000",
    "0.5",
    "null",
    "true",
    "\"\"",
    "\"F8_E4M3\"",
    "\"BF16\"",
    "[]",
    "{}",
    "[0,0]",
    "\"../x\"",
    "NaN",
    "[[[[[[",
    "\\u0000",
    "\u{ff5c}",
    ",",
    ":",
    "}",
    "{",
    "\"",
    "4294967296",
];

/// A few random edits: bytes flipped, stretches cut, doubled or moved, numbers replaced.
fn mutate(random: &mut Random, original: &[u8]) -> Vec<u8> {
    let mut bytes = original.to_vec();
    for _ in 0..1 + random.below(4) {
        let at = random.below(bytes.len() + 1);
        let end = (at + random.below(40)).min(bytes.len());
        match random.below(7) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            1 => drop(bytes.drain(at..end)),
            2 => {
                let piece = bytes[at..end].to_vec();
                let to = random.below(bytes.len() + 1);
                bytes.splice(to..to, piece);
            }
            3 => bytes.truncate(at),
            4 => drop(bytes.splice(at..at, random.choose(TOKENS).bytes())),
            _ => replace_number(random, &mut bytes),
        }
    }
    bytes
}

/// Replaces one whole number or word by a token, so that the JSON often stays valid.
fn replace_number(random: &mut Random, bytes: &mut Vec<u8>) {
    let from = random.below(bytes.len());
    let is_digit = |b: &u8| b.is_ascii_digit() || *b == b'.' || *b == b'-';
    let Some(start) = bytes[from..].iter().position(is_digit).map(|i| from + i) else { return };
    let len = bytes[start..].iter().take_while(|b| is_digit(b)).count();
    drop(bytes.splice(start..start + len, random.choose(TOKENS).bytes()));
}

#[test]
fn damaged_headers() {
    let mut random = Random(1);
    let file = std::fs::read(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/llama-f32/model.safetensors"),
    )
    .unwrap();
    let header_len = u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
    let (header, data) = file[8..].split_at(header_len);
    let (mut accepted, mut rejected) = (0, 0);
    for _ in 0..INPUTS {
        let header = mutate(&mut random, header);
        let claimed = match random.below(20) {
            0 => random.next() >> random.below(64),
            _ => header.len() as u64,
        };
        let mut file = claimed.to_le_bytes().to_vec();
        file.extend_from_slice(&header);
        file.extend_from_slice(data);
        match header::parse(&file) {
            Err(problem) => {
                assert!(!problem.is_empty());
                rejected += 1;
            }
            Ok(entries) => {
                for entry in entries {
                    let bytes = entry.shape.iter().product::<usize>() * entry.dtype.size();
                    assert_eq!(file[entry.range].len(), bytes, "{}", entry.name);
                }
                accepted += 1;
            }
        }
    }
    println!("{accepted} headers accepted, {rejected} refused");
    assert!(accepted > INPUTS / 100 && rejected > INPUTS / 2, "{accepted}, {rejected}");
}

#[test]
fn damaged_configs() {
    let mut random = Random(2);
    let originals: Vec<String> = KNOWN.iter().map(|known| known.config().raw.to_string()).collect();
    let (mut accepted, mut rejected) = (0, 0);
    for i in 0..INPUTS {
        let bytes = mutate(&mut random, originals[i % originals.len()].as_bytes());
        let text = String::from_utf8_lossy(&bytes);
        let origin = Path::new("config.json");
        let _ = GenerationConfig::from_json(&text, origin, 1000);
        match Config::from_json(&text, origin) {
            Err(error) => {
                assert!(error.to_string().contains("\nhint: "), "{error}");
                rejected += 1;
            }
            Ok(config) => {
                // Everything that follows from an accepted config must be computable.
                assert!(Parameters::of(&config).total > 0);
                assert!(config.inv_freq().iter().all(|f| f.is_finite()), "{text}");
                assert!(config.softmax_scale().is_finite() && config.rope_multiplier().is_finite());
                assert!(expected_tensors(&config).take(100).count() > 10);
                accepted += 1;
            }
        }
    }
    println!("{accepted} configs accepted, {rejected} refused");
    assert!(accepted > INPUTS / 100 && rejected > INPUTS / 2, "{accepted}, {rejected}");
}

#[test]
fn damaged_indexes() {
    let mut random = Random(3);
    let original = r#"{"metadata":{"total_size":1},"weight_map":{"a.weight":"model-00001-of-000002.safetensors",
        "b.weight":"model-00002-of-000002.safetensors","c":"model-00001-of-000002.safetensors"}}"#;
    let (mut accepted, mut rejected) = (0, 0);
    for _ in 0..INPUTS {
        let bytes = mutate(&mut random, original.as_bytes());
        match index::parse(&String::from_utf8_lossy(&bytes)) {
            Err(_) => rejected += 1,
            Ok(index) => {
                for shard in &index.shards {
                    assert_eq!(Path::new(shard).components().count(), 1, "{shard}");
                }
                assert!(index.weight_map.values().all(|i| *i < index.shards.len()));
                accepted += 1;
            }
        }
    }
    println!("{accepted} indexes accepted, {rejected} refused");
    assert!(accepted > INPUTS / 100 && rejected > INPUTS / 2, "{accepted}, {rejected}");
}
