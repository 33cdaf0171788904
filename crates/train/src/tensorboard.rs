//! TensorBoard event files: what `metrics.jsonl` says, as scalars.
//!
//! An event file is a sequence of TFRecords, each an `Event` message (tensorflow/core/util/event.proto).
//! The first names the version; event `i` after it holds line `i` of the metrics, every number a
//! scalar. So the file is a function of the metrics but for its wall times, and a resumed run cuts
//! it where the metrics are cut.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value};

use crate::error::{Result, TrainError};

/// The name TensorBoard looks for: anything with `tfevents` in it. One file a run, so no time in it.
pub const FILE_NAME: &str = "events.out.tfevents.0.ponder";

/// The version of the format that TensorBoard reads.
const FILE_VERSION: &str = "brain.Event:2";

/// Bytes around a record's data: its length, and a checksum each of length and data.
const FRAME_BYTES: usize = 8 + 4 + 4;

/// The event file of an open run.
pub struct EventFile {
    path: PathBuf,
    file: File,
}

impl EventFile {
    /// Opens the event file in `dir` and makes it agree with `metrics`, the whole lines of
    /// `metrics.jsonl`: events that agree stay, the rest is cut off, missing ones are added.
    pub fn open(dir: &Path, metrics: &str) -> Result<EventFile> {
        let path = dir.join(FILE_NAME);
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).read(true).write(true);
        let file = options.open(&path).map_err(|e| TrainError::io(&path, e))?;
        let mut events = EventFile { path, file };
        let mut stored = Vec::new();
        let read = events.file.read_to_end(&mut stored);
        events.io(read)?;

        let lines: Vec<Map<String, Value>> =
            metrics.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let (kept_bytes, n_kept) = agreeing(&stored, &lines);
        let cut = events.file.set_len(kept_bytes as u64);
        events.io(cut)?;
        let end = events.file.seek(SeekFrom::End(0));
        events.io(end)?;
        let mut missing = Vec::new();
        if kept_bytes == 0 {
            missing.extend(record(&version_event(wall_time())));
        }
        for line in &lines[n_kept..] {
            missing.extend(record(&scalars_event(wall_time(), line)));
        }
        let written = events.file.write_all(&missing);
        events.io(written)?;
        Ok(events)
    }

    /// Adds a line of metrics.
    pub fn push(&mut self, line: &Map<String, Value>) -> Result<()> {
        let written = self.file.write_all(&record(&scalars_event(wall_time(), line)));
        self.io(written)
    }

    fn io<T>(&self, result: std::io::Result<T>) -> Result<T> {
        result.map_err(|e| TrainError::io(&self.path, e))
    }
}

/// How many bytes of `stored`, and how many of `lines`, say the same.
fn agreeing(stored: &[u8], lines: &[Map<String, Value>]) -> (usize, usize) {
    let Some(version) = next_record(stored) else { return (0, 0) };
    if version != version_event(wall_time_of(version)) {
        return (0, 0);
    }
    let mut bytes = FRAME_BYTES + version.len();
    for (i, line) in lines.iter().enumerate() {
        match next_record(&stored[bytes..]) {
            Some(event) if event == scalars_event(wall_time_of(event), line) => {
                bytes += FRAME_BYTES + event.len();
            }
            _ => return (bytes, i),
        }
    }
    (bytes, lines.len())
}

/// Every number of a line as tag and value: nested ones are joined by `/`, truths are 0 or 1. The
/// step is no scalar of its own.
pub fn scalars(line: &Map<String, Value>) -> Vec<(String, f64)> {
    let mut found = Vec::new();
    for (key, value) in line.iter().filter(|(key, _)| *key != "step") {
        collect(key.clone(), value, &mut found);
    }
    found
}

fn collect(tag: String, value: &Value, found: &mut Vec<(String, f64)>) {
    match value {
        Value::Number(number) => found.extend(number.as_f64().map(|x| (tag, x))),
        Value::Bool(is_so) => found.push((tag, f64::from(*is_so))),
        Value::Object(fields) => {
            fields.iter().for_each(|(key, value)| collect(format!("{tag}/{key}"), value, found));
        }
        Value::Array(items) => {
            let items = items.iter().enumerate();
            items.for_each(|(i, value)| collect(format!("{tag}/{i}"), value, found));
        }
        Value::Null | Value::String(_) => {}
    }
}

// Records: tensorflow/core/lib/io/record_writer.h.

/// Length, its checksum, the data, its checksum; all little-endian.
fn record(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    let mut bytes = Vec::with_capacity(FRAME_BYTES + data.len());
    bytes.extend(length);
    bytes.extend(masked_checksum(&length).to_le_bytes());
    bytes.extend(data);
    bytes.extend(masked_checksum(data).to_le_bytes());
    bytes
}

/// The data of the record that `bytes` begin with, if it is whole and unharmed.
fn next_record(bytes: &[u8]) -> Option<&[u8]> {
    let (length, rest) = bytes.split_first_chunk::<8>()?;
    let (length_checksum, rest) = rest.split_first_chunk::<4>()?;
    if u32::from_le_bytes(*length_checksum) != masked_checksum(length) {
        return None;
    }
    let (data, rest) = rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
    let checksum = rest.first_chunk::<4>()?;
    (u32::from_le_bytes(*checksum) == masked_checksum(data)).then_some(data)
}

/// CRC-32C, rotated and shifted, so that a checksum of data that holds checksums stays a good one
/// (tensorflow/core/lib/hash/crc32c.h).
fn masked_checksum(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

// Messages, by hand: two of them with six fields in all (event.proto, summary.proto). A field is its
// number and wire type, then its value.

/// `Event { double wall_time = 1; string file_version = 3; }`
fn version_event(wall_time: f64) -> Vec<u8> {
    let mut event = Vec::new();
    put_double(&mut event, 1, wall_time);
    put_bytes(&mut event, 3, FILE_VERSION.as_bytes());
    event
}

/// `Event { double wall_time = 1; int64 step = 2; Summary summary = 5; }` with
/// `Summary { repeated Value value = 1; }` and `Value { string tag = 1; float simple_value = 2; }`.
fn scalars_event(wall_time: f64, line: &Map<String, Value>) -> Vec<u8> {
    let mut summary = Vec::new();
    for (tag, x) in scalars(line) {
        let mut value = Vec::new();
        put_bytes(&mut value, 1, tag.as_bytes());
        put_key(&mut value, 2, 5);
        value.extend((x as f32).to_le_bytes());
        put_bytes(&mut summary, 1, &value);
    }
    let mut event = Vec::new();
    put_double(&mut event, 1, wall_time);
    put_key(&mut event, 2, 0);
    put_varint(&mut event, line.get("step").and_then(Value::as_u64).unwrap_or(0));
    put_bytes(&mut event, 5, &summary);
    event
}

/// The wall time of an event of ours: its first field.
fn wall_time_of(event: &[u8]) -> f64 {
    event.get(1..9).map_or(0.0, |bytes| f64::from_le_bytes(bytes.try_into().expect("eight")))
}

fn put_double(out: &mut Vec<u8>, field: u8, value: f64) {
    put_key(out, field, 1);
    out.extend(value.to_le_bytes());
}

fn put_bytes(out: &mut Vec<u8>, field: u8, bytes: &[u8]) {
    put_key(out, field, 2);
    put_varint(out, bytes.len() as u64);
    out.extend(bytes);
}

/// Fields below 16 have keys of one byte.
fn put_key(out: &mut Vec<u8>, field: u8, wire_type: u8) {
    out.push(field << 3 | wire_type);
}

/// Seven bits a byte, the lowest first, the top bit on all but the last.
fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Seconds since 1970.
fn wall_time() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64())
}

#[cfg(test)]
mod tests;
