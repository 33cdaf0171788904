use super::*;
use crate::checkpoint::Checkpoint;

#[test]
fn what_is_written_is_read_back() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("weights.safetensors");
    let halves: Vec<u8> = (0..12).collect();
    let tensors = [
        NewTensor { name: "odd", dtype: Dtype::F8E4m3, shape: &[3], bytes: &[0x38, 0xb8, 0x7e] },
        NewTensor { name: "a.weight", dtype: Dtype::Bf16, shape: &[2, 3], bytes: &halves },
        NewTensor { name: "empty", dtype: Dtype::F32, shape: &[0], bytes: &[] },
    ];
    write_safetensors(&path, &tensors, &[("format", "pt"), ("step", "7")]).unwrap();
    let checkpoint = Checkpoint::open(dir.path()).unwrap();
    assert_eq!(checkpoint.names().count(), 3);
    assert_eq!(checkpoint.total_bytes(), 15);
    for tensor in &tensors {
        let view = checkpoint.expect(tensor.name, tensor.shape).unwrap();
        assert_eq!((view.dtype, view.bytes), (tensor.dtype, tensor.bytes), "{}", tensor.name);
    }
    assert_eq!(checkpoint.tensor("odd").unwrap().to_f32(), [1.0, -1.0, 448.0]);
}

#[test]
fn an_older_file_stays_when_writing_fails() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("weights.safetensors");
    write_atomically(&path, |file| file.write_all(b"old")).unwrap();
    let error = write_atomically(&path, |file| {
        file.write_all(b"new")?;
        Err(std::io::Error::other("disk full"))
    });
    assert!(error.unwrap_err().to_string().contains("disk full"));
    assert_eq!(std::fs::read(&path).unwrap(), b"old");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
#[should_panic(expected = "a: F32 of shape [2]")]
fn bytes_must_fit_the_shape() {
    header_json(&[NewTensor { name: "a", dtype: Dtype::F32, shape: &[2], bytes: &[0; 4] }], &[]);
}
