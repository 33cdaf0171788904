//! `model.safetensors.index.json`: which file of a folder holds which tensor.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};

/// The longest index that is read; R1's has 9 MB.
pub const MAX_INDEX_BYTES: u64 = 100_000_000;

/// The index of a sharded checkpoint.
#[derive(Debug)]
pub struct Index {
    /// File names, each once, in the order of their first mention.
    pub shards: Vec<String>,
    /// For each tensor the position of its file in `shards`.
    pub weight_map: HashMap<String, usize>,
}

/// Reads the text of an index. The error says what is wrong, without the path.
pub fn parse(text: &str) -> Result<Index, String> {
    let file: IndexFile = serde_json::from_str(text).map_err(|e| format!("broken index: {e}"))?;
    let mut positions: HashMap<String, usize> = HashMap::new();
    let mut index = Index { shards: Vec::new(), weight_map: HashMap::new() };
    for (tensor, shard) in file.weight_map.0 {
        let position = match positions.get(&shard) {
            Some(position) => *position,
            None => {
                check_name(&shard)?;
                index.shards.push(shard.clone());
                positions.insert(shard, index.shards.len() - 1);
                index.shards.len() - 1
            }
        };
        if index.weight_map.contains_key(&tensor) {
            return Err(format!("weight_map names `{tensor}` twice"));
        }
        index.weight_map.insert(tensor, position);
    }
    match index.shards.is_empty() {
        true => Err("its weight_map is empty".into()),
        false => Ok(index),
    }
}

/// An index must not lead out of its folder.
fn check_name(shard: &str) -> Result<(), String> {
    let is_plain = Path::new(shard).file_name().is_some_and(|name| name == shard)
        && !shard.contains(['/', '\\', '\0'])
        && shard.ends_with(".safetensors");
    match is_plain {
        true => Ok(()),
        false => Err(format!(
            "weight_map names the file {shard:?}, expected the plain name of a .safetensors file"
        )),
    }
}

#[derive(serde::Deserialize)]
struct IndexFile {
    weight_map: WeightMap,
}

/// The map as written, repetitions included: JSON parsers would silently keep the last.
struct WeightMap(Vec<(String, String)>);

impl<'de> Deserialize<'de> for WeightMap {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(WeightMapVisitor)
    }
}

struct WeightMapVisitor;

impl<'de> Visitor<'de> for WeightMapVisitor {
    type Value = WeightMap;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object from tensor names to file names")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<WeightMap, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry().map_err(de::Error::custom)? {
            entries.push(entry);
        }
        Ok(WeightMap(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_listed_once() {
        let text = r#"{"metadata":{"total_size":1},"weight_map":{"a":"x.safetensors","b":"y.safetensors","c":"x.safetensors"}}"#;
        let index = parse(text).unwrap();
        assert_eq!(index.shards, ["x.safetensors", "y.safetensors"]);
        assert_eq!(index.weight_map["c"], 0);
        assert_eq!(index.weight_map["b"], 1);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, want) in [
            (r#"{"weight_map":{"a":"../x.safetensors"}}"#, "../x.safetensors"),
            (r#"{"weight_map":{"a":"/etc/x.safetensors"}}"#, "/etc/x.safetensors"),
            (r#"{"weight_map":{"a":"..\\x.safetensors"}}"#, "plain name"),
            (r#"{"weight_map":{"a":".."}}"#, "plain name"),
            (r#"{"weight_map":{"a":"passwd"}}"#, "plain name"),
            (r#"{"weight_map":{"a":"x.safetensors","a":"y.safetensors"}}"#, "`a` twice"),
            (r#"{"weight_map":{"a":3}}"#, "expected a string"),
            (r#"{"weight_map":{}}"#, "empty"),
            (r#"{"weight_map":[]}"#, "from tensor names to file names"),
            (r#"{}"#, "missing field `weight_map`"),
            (r#"{"weight_map":{"a":"#, "EOF"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(want), "{text}: {error}");
        }
    }
}
