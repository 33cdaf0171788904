//! Event files against known bytes, and against the metrics they come from.

use super::*;

/// Tags and values of every event after the first, with its step.
fn read(bytes: &[u8]) -> Vec<(u64, Vec<(String, f32)>)> {
    let mut events = Vec::new();
    let mut rest = bytes;
    while let Some(event) = next_record(rest) {
        rest = &rest[FRAME_BYTES + event.len()..];
        events.push(decode(event));
    }
    assert!(rest.is_empty(), "{} bytes are no record", rest.len());
    events.remove(0);
    events
}

/// A decoder of its own: any order of fields, unlike what is written.
fn decode(event: &[u8]) -> (u64, Vec<(String, f32)>) {
    let (mut step, mut scalars) = (0, Vec::new());
    for (field, value) in fields(event) {
        match (field, value) {
            (2, Field::Number(n)) => step = n,
            (5, Field::Bytes(summary)) => {
                for (_, value) in fields(summary) {
                    let Field::Bytes(value) = value else { panic!("a value is a message") };
                    let (mut tag, mut x) = (String::new(), f32::NAN);
                    for part in fields(value) {
                        match part {
                            (1, Field::Bytes(text)) => {
                                tag = String::from_utf8(text.into()).unwrap()
                            }
                            (2, Field::Number(bits)) => x = f32::from_bits(bits as u32),
                            other => panic!("{other:?}"),
                        }
                    }
                    scalars.push((tag, x));
                }
            }
            _ => {}
        }
    }
    (step, scalars)
}

#[derive(Debug)]
enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

fn fields(mut bytes: &[u8]) -> Vec<(u8, Field<'_>)> {
    fn varint(bytes: &mut &[u8]) -> u64 {
        let n = bytes.iter().position(|byte| byte & 0x80 == 0).unwrap() + 1;
        let value =
            bytes[..n].iter().rev().fold(0, |value, byte| value << 7 | u64::from(byte & 0x7f));
        *bytes = &bytes[n..];
        value
    }
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let size = match key & 7 {
            0 => {
                fields.push(((key >> 3) as u8, Field::Number(varint(&mut bytes))));
                continue;
            }
            1 => 8,
            2 => varint(&mut bytes) as usize,
            5 => 4,
            other => panic!("wire type {other}"),
        };
        let (value, rest) = bytes.split_at(size);
        bytes = rest;
        let value = match key & 7 {
            2 => Field::Bytes(value),
            _ => Field::Number(value.iter().rev().fold(0, |n, byte| n << 8 | u64::from(*byte))),
        };
        fields.push(((key >> 3) as u8, value));
    }
    fields
}

#[test]
fn checksums_are_masked_as_published() {
    // CRC-32C of "123456789" is 0xe3069283 (RFC 3720's polynomial); the mask is TensorFlow's.
    assert_eq!(crc32c::crc32c(b"123456789"), 0xe306_9283);
    assert_eq!(masked_checksum(b"123456789"), 0xc78a_b0e5);
}

#[test]
fn numbers_of_any_depth_are_scalars() {
    let line = serde_json::from_str(
        r#"{"step":7,"loss":1.5,"reward":{"total":0.25,"parts":{"format":1}},"load":[1,2.5],
            "is_last":true,"task":"gcd","absent":null}"#,
    );
    let expected = [
        ("loss", 1.5),
        ("reward/total", 0.25),
        ("reward/parts/format", 1.0),
        ("load/0", 1.0),
        ("load/1", 2.5),
        ("is_last", 1.0),
    ];
    let expected: Vec<(String, f64)> = expected.map(|(tag, x)| (tag.to_owned(), x)).into();
    assert_eq!(scalars(&line.unwrap()), expected);
}

fn metrics(steps: std::ops::Range<u64>, scale: f64) -> String {
    steps
        .map(|i| format!("{{\"step\":{i},\"loss\":{},\"tokens\":{}}}\n", i as f64 * scale, i << 9))
        .collect()
}

fn expected(text: &str) -> Vec<(u64, Vec<(String, f32)>)> {
    let lines = text.lines().map(|line| serde_json::from_str::<Map<String, Value>>(line).unwrap());
    lines
        .map(|line| {
            let step = line["step"].as_u64().unwrap();
            (step, scalars(&line).into_iter().map(|(tag, x)| (tag, x as f32)).collect())
        })
        .collect()
}

#[test]
fn what_is_written_is_read_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut events = EventFile::open(dir.path(), &metrics(0..3, 0.1)).unwrap();
    let text = metrics(3..300, 0.1);
    for line in text.lines() {
        events.push(&serde_json::from_str(line).unwrap()).unwrap();
    }
    let stored = std::fs::read(dir.path().join(FILE_NAME)).unwrap();
    assert_eq!(read(&stored), expected(&metrics(0..300, 0.1)));
}

#[test]
fn a_rewound_run_has_every_step_once_and_keeps_what_agrees() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(FILE_NAME);
    drop(EventFile::open(dir.path(), &metrics(0..9, 1.0)).unwrap());
    let before = std::fs::read(&path).unwrap();

    let rewound = metrics(0..5, 1.0);
    let mut events = EventFile::open(dir.path(), &rewound).unwrap();
    let kept = std::fs::read(&path).unwrap();
    assert!(before.starts_with(&kept), "events that agree are not written again");
    events.push(&serde_json::from_str(metrics(5..6, 3.0).trim()).unwrap()).unwrap();
    let whole = rewound + &metrics(5..6, 3.0);
    assert_eq!(read(&std::fs::read(&path).unwrap()), expected(&whole));

    // A tail that a kill left half written, a flipped bit, a file of something else.
    let good = std::fs::read(&path).unwrap();
    let mut flipped = good.clone();
    flipped[good.len() / 2] ^= 1;
    let huge = [&good[..], &[0xff; 40][..]].concat();
    for damaged in [&good[..good.len() - 3], &flipped, &huge, b"nonsense".as_slice(), b""] {
        std::fs::write(&path, damaged).unwrap();
        drop(EventFile::open(dir.path(), &whole).unwrap());
        assert_eq!(read(&std::fs::read(&path).unwrap()), expected(&whole));
    }
}
