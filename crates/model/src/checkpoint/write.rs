//! Writes safetensors files: beside the target, synced, then renamed over it, so that a reader
//! sees the old file or the new one and never half of one.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use ponder_tensor::Dtype;

use crate::error::{ModelError, Result};

/// A tensor to write.
#[derive(Clone, Debug)]
pub struct NewTensor<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its number format.
    pub dtype: Dtype,
    /// Its shape, outermost first.
    pub shape: &'a [usize],
    /// Its values, row-major, little-endian.
    pub bytes: &'a [u8],
}

/// Writes `tensors` to `path`, in the given order; `metadata` goes into the header.
///
/// # Panics
/// If the bytes of a tensor do not fit its shape, or a name stands twice.
pub fn write_safetensors(
    path: &Path,
    tensors: &[NewTensor<'_>],
    metadata: &[(&str, &str)],
) -> Result<()> {
    let header = header_json(tensors, metadata);
    write_atomically(path, |file| {
        // Spaces bring the data to a multiple of 8 bytes; readers may rely on it.
        let padded = header.len().next_multiple_of(8);
        file.write_all(&(padded as u64).to_le_bytes())?;
        file.write_all(header.as_bytes())?;
        file.write_all(&b"       "[..padded - header.len()])?;
        tensors.iter().try_for_each(|tensor| file.write_all(tensor.bytes))
    })
}

/// Writes a file through `fill` beside `path`, syncs it and renames it over `path`.
pub fn write_atomically(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<File>) -> std::io::Result<()>,
) -> Result<()> {
    let part = partial_path(path);
    let write = || -> std::io::Result<()> {
        let mut file = BufWriter::with_capacity(1 << 20, File::create(&part)?);
        fill(&mut file)?;
        file.into_inner().map_err(|e| e.into_error())?.sync_all()?;
        std::fs::rename(&part, path)?;
        // The new name is durable once its folder is.
        match path.parent().filter(|dir| !dir.as_os_str().is_empty()) {
            Some(dir) => File::open(dir)?.sync_all(),
            None => Ok(()),
        }
    };
    write().map_err(|e| {
        // The half-written file is of no use; that it may not go away changes nothing.
        let _ = std::fs::remove_file(&part);
        ModelError::io(path, e)
    })
}

/// The name a file has until it is whole.
fn partial_path(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    path.with_file_name(name)
}

fn header_json(tensors: &[NewTensor<'_>], metadata: &[(&str, &str)]) -> String {
    let mut header = serde_json::Map::new();
    if !metadata.is_empty() {
        let metadata: serde_json::Map<_, _> =
            metadata.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        header.insert("__metadata__".into(), metadata.into());
    }
    let mut offset = 0;
    for tensor in tensors {
        let NewTensor { name, dtype, shape, bytes } = tensor;
        let needed = shape.iter().product::<usize>() * dtype.size();
        assert_eq!(bytes.len(), needed, "{name}: {} of shape {shape:?}", dtype.name());
        let entry = serde_json::json!({
            "dtype": dtype.name(),
            "shape": shape,
            "data_offsets": [offset, offset + bytes.len()],
        });
        offset += bytes.len();
        assert!(header.insert((*name).into(), entry).is_none(), "{name} stands twice");
    }
    serde_json::Value::Object(header).to_string()
}

#[cfg(test)]
mod tests;
