//! The header of a safetensors file, read strictly: every byte of the file must belong to exactly
//! one tensor, so that damage shows before anything is computed.
//!
//! Layout: a little-endian u64 with the length of the JSON that follows, the JSON, the data.

use std::fmt;
use std::ops::Range;

use ponder_tensor::Dtype;
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};

/// The longest header that is read: the same limit as the reference implementation's.
pub const MAX_HEADER_BYTES: u64 = 100_000_000;

/// One tensor of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Its number format.
    pub dtype: Dtype,
    /// Its shape, outermost first.
    pub shape: Vec<usize>,
    /// Where its bytes lie in the file.
    pub range: Range<usize>,
}

/// Reads the header of a whole file's bytes. The error says what is wrong, without the path.
pub fn parse(file: &[u8]) -> Result<Vec<Entry>, String> {
    let Some((length, rest)) = file.split_first_chunk::<8>() else {
        return Err(format!(
            "{} bytes long, shorter than the 8-byte length it begins with",
            file.len()
        ));
    };
    let length = u64::from_le_bytes(*length);
    if length > MAX_HEADER_BYTES {
        return Err(format!("its header claims {length} bytes, the limit is {MAX_HEADER_BYTES}"));
    }
    let Some((json, data)) = rest.split_at_checked(length as usize) else {
        return Err(format!("its header claims {length} bytes, the file has {} left", rest.len()));
    };
    let json = std::str::from_utf8(json).map_err(|e| format!("its header is not UTF-8: {e}"))?;
    let header: Header =
        serde_json::from_str(json).map_err(|e| format!("broken JSON in its header: {e}"))?;
    let data_start = 8 + length as usize;
    let mut entries: Vec<Entry> = header
        .0
        .into_iter()
        .map(|(name, raw)| raw.check(name, data_start))
        .collect::<Result<_, _>>()?;
    check_coverage(&mut entries, data_start, data.len())?;
    Ok(entries)
}

/// Sorts the entries by offset and checks that they tile the data without overlap or gap.
fn check_coverage(entries: &mut [Entry], data_start: usize, len: usize) -> Result<(), String> {
    entries.sort_by_key(|e| (e.range.start, e.range.end));
    let (mut end, mut before) = (data_start, "the header");
    let relative = |at: usize| at - data_start;
    for entry in entries.iter() {
        let (name, start) = (&entry.name, entry.range.start);
        if entry.range.end > data_start + len {
            return Err(format!(
                "tensor `{name}` ends at byte {} of the data, the file has {len}: it is truncated",
                relative(entry.range.end)
            ));
        }
        if start < end {
            return Err(format!(
                "tensor `{name}` begins at byte {} of the data, before {before} ends at {}: they overlap",
                relative(start),
                relative(end)
            ));
        }
        if start > end {
            return Err(format!(
                "bytes {} to {} of the data, after {before}, belong to no tensor",
                relative(end),
                relative(start)
            ));
        }
        (end, before) = (entry.range.end, name);
    }
    if end != data_start + len {
        return Err(format!(
            "{} bytes after the last tensor belong to none",
            data_start + len - end
        ));
    }
    Ok(())
}

/// A tensor as the JSON has it.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEntry {
    dtype: String,
    shape: Vec<u64>,
    data_offsets: [u64; 2],
}

impl RawEntry {
    fn check(self, name: String, data_start: usize) -> Result<Entry, String> {
        let Some(dtype) = Dtype::from_name(&self.dtype) else {
            return Err(format!(
                "tensor `{name}` has the number format `{}`; F32, F16, BF16 and F8_E4M3 are read",
                self.dtype.chars().take(40).collect::<String>()
            ));
        };
        let shape: Option<Vec<usize>> =
            self.shape.iter().map(|n| usize::try_from(*n).ok()).collect();
        let bytes = self.shape.iter().try_fold(dtype.size() as u64, |size, n| size.checked_mul(*n));
        let (Some(shape), Some(bytes)) = (shape, bytes) else {
            return Err(format!("tensor `{name}` has the shape {:?}: too large", self.shape));
        };
        let [start, end] = self.data_offsets;
        let Some(stored) = end.checked_sub(start) else {
            return Err(format!(
                "tensor `{name}` ends at byte {end} of the data, before its start {start}"
            ));
        };
        if stored != bytes {
            return Err(format!(
                "tensor `{name}` has {stored} bytes, but {} of shape {shape:?} needs {bytes}",
                dtype.name()
            ));
        }
        let place = |offset: u64| usize::try_from(offset).ok()?.checked_add(data_start);
        match (place(start), place(end)) {
            (Some(start), Some(end)) => Ok(Entry { name, dtype, shape, range: start..end }),
            _ => Err(format!("tensor `{name}` ends at byte {end} of the data: out of range")),
        }
    }
}

/// The header's object, in which a name may stand once.
struct Header(Vec<(String, RawEntry)>);

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(HeaderVisitor)
    }
}

struct HeaderVisitor;

impl<'de> Visitor<'de> for HeaderVisitor {
    type Value = Header;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of tensors")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
        let mut tensors: Vec<(String, RawEntry)> = Vec::new();
        let mut names = std::collections::HashSet::new();
        while let Some(name) = map.next_key::<String>()? {
            if !names.insert(name.clone()) {
                return Err(de::Error::custom(format_args!("`{name}` stands twice")));
            }
            if name == "__metadata__" {
                map.next_value::<std::collections::HashMap<String, String>>()?;
            } else {
                tensors.push((name, map.next_value()?));
            }
        }
        Ok(Header(tensors))
    }
}

#[cfg(test)]
mod tests;
