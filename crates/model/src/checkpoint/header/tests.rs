use super::*;

/// A file of this header and `len` bytes of data.
fn file(header: &str, len: usize) -> Vec<u8> {
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend_from_slice(header.as_bytes());
    file.resize(file.len() + len, 7);
    file
}

#[test]
fn tensors_come_in_the_order_of_their_bytes() {
    let header = r#"{"__metadata__":{"format":"pt"},
        "b":{"dtype":"BF16","shape":[2,3],"data_offsets":[4,16]},
        "empty":{"dtype":"F16","shape":[0,5],"data_offsets":[4,4]},
        "scalar":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}"#;
    let entries = parse(&file(header, 16)).unwrap();
    let names: Vec<&str> = entries.iter().map(|e| e.name.as_str()).collect();
    assert_eq!(names, ["scalar", "empty", "b"]);
    let start = 8 + header.len();
    assert_eq!(entries[2].range, start + 4..start + 16);
    assert_eq!(entries[2].shape, [2, 3]);
    assert_eq!(entries[2].dtype, Dtype::Bf16);
}

#[test]
fn a_file_without_tensors_is_valid() {
    assert_eq!(parse(&file("{}", 0)), Ok(Vec::new()));
}

#[test]
fn damage_is_named() {
    let one = |entry: &str| format!(r#"{{"a":{entry}}}"#);
    let f32s = |range: &str| format!(r#"{{"dtype":"F32","shape":[2],"data_offsets":{range}}}"#);
    let two = |a: &str, b: &str| format!(r#"{{"a":{},"b":{}}}"#, f32s(a), f32s(b));
    for (header, len, want) in [
        (one(&f32s("[0,8]")), 7, "`a` ends at byte 8 of the data, the file has 7: it is truncated"),
        (one(&f32s("[0,8]")), 9, "1 bytes after the last tensor"),
        (one(&f32s("[0,4]")), 4, "has 4 bytes, but F32 of shape [2] needs 8"),
        (one(&f32s("[8,0]")), 8, "before its start 8"),
        (one(&f32s("[-8,0]")), 8, "broken JSON in its header: invalid value: integer `-8`"),
        (one(&f32s("[0,8,9]")), 8, "broken JSON in its header"),
        (one(&f32s("[18446744073709551607,18446744073709551615]")), 8, "out of range"),
        (two("[0,8]", "[4,12]"), 12, "they overlap"),
        (two("[0,8]", "[0,8]"), 8, "they overlap"),
        (two("[0,8]", "[12,20]"), 20, "bytes 8 to 12 of the data, after a, belong to no tensor"),
        (two("[4,12]", "[12,20]"), 20, "bytes 0 to 4 of the data, after the header"),
        (one(r#"{"dtype":"I4","shape":[2],"data_offsets":[0,1]}"#), 1, "number format `I4`"),
        (one(r#"{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}"#), 4, "integer `-1`"),
        (
            one(r#"{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}"#),
            4,
            "too large",
        ),
        (one(r#"{"dtype":"F32","shape":[1e30],"data_offsets":[0,4]}"#), 4, "broken JSON"),
        (one(r#"{"dtype":"F32","data_offsets":[0,4]}"#), 4, "missing field `shape`"),
        (one("3"), 0, "broken JSON"),
        (r#"{"a":1,"#.into(), 0, "broken JSON"),
        ("[]".into(), 0, "an object of tensors"),
        (format!(r#"{{"a":{0},"a":{0}}}"#, f32s("[0,8]")), 8, "`a` stands twice"),
        (r#"{"__metadata__":{"a":1}}"#.into(), 0, "broken JSON"),
        ("[".repeat(10_000), 0, "broken JSON"),
    ] {
        let error = parse(&file(&header, len)).expect_err(&header);
        assert!(error.contains(want), "{header}: {error}");
    }
}

#[test]
fn a_header_longer_than_the_file_is_refused() {
    let mut bytes = file("{}", 0);
    bytes[0] = 200;
    let error = parse(&bytes).unwrap_err();
    assert_eq!(error, "its header claims 200 bytes, the file has 2 left");
    bytes[..8].copy_from_slice(&u64::MAX.to_le_bytes());
    assert!(parse(&bytes).unwrap_err().contains("the limit is 100000000"));
}

#[test]
fn short_and_binary_files_are_refused() {
    for len in 0..8 {
        assert!(parse(&vec![0; len]).unwrap_err().contains("shorter than the 8-byte length"));
    }
    let mut bytes = file("{}", 0);
    bytes[8] = 0xff;
    assert!(parse(&bytes).unwrap_err().contains("not UTF-8"));
}
