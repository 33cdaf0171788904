//! A checkpoint on disk: safetensors files, mapped, whose tensors are found by name.

pub mod expected;
pub mod header;
pub mod index;
mod problems;
mod view;
pub mod write;

use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::path::{Path, PathBuf};

use ponder_tensor::MappedFile;

pub use expected::{Component, ExpectedTensor, TensorKind, expected_tensors, scale_shape};
pub use problems::TensorProblems;
pub use view::TensorView;

use crate::error::{ModelError, Result};

const SINGLE_FILE: &str = "model.safetensors";
const INDEX_FILE: &str = "model.safetensors.index.json";
const HINT_DAMAGED: &str = "the file is damaged or was not fetched to its end; fetch it again";

/// The mapped weights of a model.
pub struct Checkpoint {
    path: PathBuf,
    shards: Vec<MappedFile>,
    tensors: HashMap<String, Place>,
    /// Every tensor, in the order of the files and of their bytes.
    order: Vec<String>,
}

/// Where a tensor lies.
struct Place {
    shard_idx: usize,
    entry: header::Entry,
}

impl Checkpoint {
    /// Maps the weights of a folder (one file, or shards with an index), or one safetensors file.
    pub fn open(path: &Path) -> Result<Checkpoint> {
        let metadata = std::fs::metadata(path).map_err(|e| ModelError::io(path, e))?;
        if metadata.is_dir() {
            return match choose_weights(path)? {
                Weights::Single(file) => Checkpoint::open_single(path, &file),
                Weights::Indexed(index) => Checkpoint::open_indexed(path, &index),
            };
        }
        if path.extension().is_some_and(|extension| extension == "safetensors") {
            return Checkpoint::open_single(path, path);
        }
        Err(ModelError::Layout {
            path: path.to_owned(),
            problem: "neither a folder nor a .safetensors file".into(),
            hint: "a checkpoint is the folder with config.json and the weights",
        })
    }

    /// The weights of one safetensors file that is built into the program; `path` names it in
    /// messages.
    pub fn built_in(path: &Path, bytes: &'static [u8]) -> Result<Checkpoint> {
        let mut checkpoint = Checkpoint::empty(path);
        for entry in checkpoint.add_shard(MappedFile::built_in(path, bytes))? {
            checkpoint.insert(entry, 0);
        }
        Ok(checkpoint)
    }

    fn open_single(path: &Path, file: &Path) -> Result<Checkpoint> {
        let mut checkpoint = Checkpoint::empty(path);
        for entry in checkpoint.map_shard(file)? {
            checkpoint.insert(entry, 0);
        }
        Ok(checkpoint)
    }

    fn open_indexed(path: &Path, index_path: &Path) -> Result<Checkpoint> {
        let layout = |problem| ModelError::Layout {
            path: index_path.to_owned(),
            problem,
            hint: "the index and the files are not of one checkpoint; fetch them again",
        };
        let index = index::parse(&read_index(index_path)?).map_err(layout)?;
        let mut checkpoint = Checkpoint::empty(path);
        for (shard_idx, shard) in index.shards.iter().enumerate() {
            let file = path.join(shard);
            if !file.exists() {
                let n_tensors = index.weight_map.values().filter(|i| **i == shard_idx).count();
                return Err(layout(format!("{shard} holds {n_tensors} tensors but is not there")));
            }
            for entry in checkpoint.map_shard(&file)? {
                // Where two files hold the same name, the index decides; what it does not name
                // is kept if it is unique, and is then reported as an extra tensor.
                let listed = index.weight_map.get(&entry.name);
                if listed.map_or(!checkpoint.contains(&entry.name), |listed| *listed == shard_idx) {
                    checkpoint.insert(entry, shard_idx);
                }
            }
        }
        let absent = |(name, shard_idx): (&String, &usize)| {
            (!checkpoint.contains(name)).then(|| (name.clone(), index.shards[*shard_idx].clone()))
        };
        match index.weight_map.iter().filter_map(absent).min() {
            Some((name, shard)) => {
                Err(layout(format!("tensor `{name}` should be in {shard} but is not")))
            }
            None => Ok(checkpoint),
        }
    }

    fn empty(path: &Path) -> Checkpoint {
        Checkpoint {
            path: path.to_owned(),
            shards: Vec::new(),
            tensors: HashMap::new(),
            order: Vec::new(),
        }
    }

    fn map_shard(&mut self, file: &Path) -> Result<Vec<header::Entry>> {
        self.add_shard(MappedFile::open(file).map_err(|e| ModelError::io(file, e))?)
    }

    fn add_shard(&mut self, mapped: MappedFile) -> Result<Vec<header::Entry>> {
        let entries = header::parse(mapped.bytes()).map_err(|problem| ModelError::Safetensors {
            path: mapped.path().to_owned(),
            problem,
            hint: HINT_DAMAGED,
        })?;
        self.shards.push(mapped);
        Ok(entries)
    }

    fn insert(&mut self, entry: header::Entry, shard_idx: usize) {
        self.order.push(entry.name.clone());
        self.tensors.insert(entry.name.clone(), Place { shard_idx, entry });
    }

    /// The folder or file this was opened from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Every tensor's name, in the order of the files and of their bytes.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.order.iter().map(String::as_str)
    }

    /// Whether there is a tensor of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// Bytes of all tensors.
    pub fn total_bytes(&self) -> u64 {
        self.tensors.values().map(|place| place.entry.range.len() as u64).sum()
    }

    /// A tensor, if there is one of this name.
    pub fn get(&self, name: &str) -> Option<TensorView<'_>> {
        let place = self.tensors.get(name)?;
        let shard = &self.shards[place.shard_idx];
        Some(TensorView::new(&place.entry, place.shard_idx, shard))
    }

    /// A tensor that must be there.
    pub fn tensor(&self, name: &str) -> Result<TensorView<'_>> {
        let missing = || ModelError::MissingTensor { path: self.path.clone(), name: name.into() };
        self.get(name).ok_or_else(missing)
    }

    /// A tensor that must be there in this shape.
    pub fn expect(&self, name: &str, shape: &[usize]) -> Result<TensorView<'_>> {
        let view = self.tensor(name)?;
        if view.shape == shape {
            return Ok(view);
        }
        Err(ModelError::TensorShape {
            path: view.path.to_owned(),
            name: name.into(),
            found: view.shape.to_vec(),
            expected: shape.to_vec(),
        })
    }

    /// Gives a tensor's mapped pages back, once it was copied into the packed form.
    pub fn release(&self, view: &TensorView<'_>) {
        self.shards[view.shard_idx].release(view.range.clone());
    }

    /// Names of the tensors that `used` does not name, sorted.
    pub fn unused(&self, used: &HashSet<String>) -> Vec<&str> {
        let mut unused: Vec<&str> = self.names().filter(|name| !used.contains(*name)).collect();
        unused.sort_unstable();
        unused
    }
}

/// How a folder stores its weights.
enum Weights {
    Single(PathBuf),
    Indexed(PathBuf),
}

fn choose_weights(dir: &Path) -> Result<Weights> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(|e| ModelError::io(dir, e))? {
        let path = entry.map_err(|e| ModelError::io(dir, e))?.path();
        if path.extension().is_some_and(|extension| extension == "safetensors") {
            files.push(path);
        }
    }
    if dir.join(SINGLE_FILE).exists() {
        return Ok(Weights::Single(dir.join(SINGLE_FILE)));
    }
    if dir.join(INDEX_FILE).exists() {
        return Ok(Weights::Indexed(dir.join(INDEX_FILE)));
    }
    match files.as_slice() {
        [file] => Ok(Weights::Single(file.clone())),
        _ => Err(ModelError::Layout {
            path: dir.to_owned(),
            problem: match files.len() {
                0 => "no *.safetensors file".into(),
                n => format!("{n} *.safetensors files but no {INDEX_FILE}"),
            },
            hint: "fetch the whole checkpoint: config.json, every *.safetensors and the index",
        }),
    }
}

fn read_index(path: &Path) -> Result<String> {
    let file = std::fs::File::open(path).map_err(|e| ModelError::io(path, e))?;
    let mut text = String::new();
    let limit = index::MAX_INDEX_BYTES;
    file.take(limit + 1).read_to_string(&mut text).map_err(|e| ModelError::io(path, e))?;
    if text.len() as u64 > limit {
        return Err(ModelError::Layout {
            path: path.to_owned(),
            problem: format!("longer than the {limit} bytes an index may have"),
            hint: HINT_DAMAGED,
        });
    }
    Ok(text)
}
