//! Compares the tensors of a checkpoint with those its config asks for, and tells everything that
//! differs in one message.

use std::collections::HashSet;
use std::fmt;

use ponder_tensor::Dtype;
use serde::Serialize;

use crate::checkpoint::expected::{TensorKind, expected_tensors, is_ignorable};
use crate::checkpoint::{Checkpoint, TensorView};
use crate::config::Config;
use crate::error::{ModelError, Result};

/// How many of each kind are kept by name; beyond that only the count goes on.
const NAMED: usize = 8;

/// Everything in which a checkpoint differs from its config.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TensorProblems {
    /// Tensors that are asked for and not there.
    pub missing: Names,
    /// Tensors of another shape, as `name [found] instead of [expected]`.
    pub misshaped: Names,
    /// Tensors in a number format that their role does not allow.
    pub mistyped: Names,
    /// Tensors that nothing asks for.
    pub extra: Names,
}

/// The first few of many names, and how many there are.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Names {
    /// How many in all.
    pub count: usize,
    /// The first of them.
    pub first: Vec<String>,
}

impl Names {
    fn push(&mut self, name: impl FnOnce() -> String) {
        self.count += 1;
        if self.first.len() < NAMED {
            self.first.push(name());
        }
    }
}

impl TensorProblems {
    /// Compares every tensor of `checkpoint` with what `config` asks for.
    pub fn find(checkpoint: &Checkpoint, config: &Config) -> TensorProblems {
        let mut problems = TensorProblems::default();
        let mut used = HashSet::new();
        for expected in expected_tensors(config) {
            let Some(view) = checkpoint.get(&expected.name) else {
                if !expected.is_optional {
                    problems.missing.push(|| expected.name);
                }
                continue;
            };
            if view.shape != expected.shape {
                problems.misshaped.push(|| {
                    let (name, found) = (&expected.name, view.shape);
                    format!("{name} {found:?} instead of {:?}", expected.shape)
                });
            }
            problems.check_dtype(checkpoint, &view, expected.kind);
            used.insert(expected.name);
        }
        for name in checkpoint.unused(&used) {
            if !is_ignorable(config, name) {
                problems.extra.push(|| name.to_owned());
            }
        }
        problems
    }

    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        [&self.missing, &self.misshaped, &self.mistyped, &self.extra].iter().all(|n| n.count == 0)
    }

    fn check_dtype(&mut self, checkpoint: &Checkpoint, view: &TensorView<'_>, kind: TensorKind) {
        let name = view.name;
        let is_fp8 = view.dtype == Dtype::F8E4m3;
        match kind {
            TensorKind::Linear if is_fp8 => {
                let scale = format!("{name}_scale_inv");
                if !checkpoint.contains(&scale) {
                    self.missing.push(|| scale);
                }
            }
            TensorKind::Scale if view.dtype != Dtype::F32 => {
                self.mistyped.push(|| format!("{name} is {} instead of F32", view.dtype.name()));
            }
            TensorKind::Linear | TensorKind::Scale => {}
            _ if is_fp8 => {
                self.mistyped.push(|| format!("{name} is F8_E4M3, which only matrices may be"));
            }
            _ => {}
        }
    }
}

impl Checkpoint {
    /// Refuses a checkpoint whose tensors are not those of `config`, naming all that differs.
    pub fn check(&self, config: &Config) -> Result<()> {
        let problems = TensorProblems::find(self, config);
        match problems.is_empty() {
            true => Ok(()),
            false => Err(ModelError::Tensors {
                path: self.path().to_owned(),
                problems: Box::new(problems),
            }),
        }
    }
}

impl fmt::Display for TensorProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = [
            (&self.missing, "missing"),
            (&self.misshaped, "misshaped"),
            (&self.mistyped, "in a wrong number format"),
            (&self.extra, "extra"),
        ];
        let mut separator = "";
        for (names, kind) in kinds.into_iter().filter(|(names, _)| names.count > 0) {
            write!(f, "{separator}{} {kind} ({}", names.count, names.first.join(", "))?;
            f.write_str(if names.count > names.first.len() { ", …)" } else { ")" })?;
            separator = "; ";
        }
        Ok(())
    }
}
