//! Where a model's weights lie in memory, by the names of its checkpoint: what a trainer needs to
//! tell which tensors an operation used.

use ponder_kernels::Expert;
use ponder_tensor::format::{Embedding, Matrix};

/// A packed weight.
#[derive(Clone, Copy)]
pub enum Packed<'a> {
    /// The norm, bias or gate bias of one name.
    Vector(&'a [f32]),
    /// The matrix of one name, or `gate_proj` and `up_proj` interleaved.
    Matrix(&'a Matrix),
    /// The embedding table.
    Embedding(&'a Embedding),
    /// The first head of `kv_b_proj`, absorbed.
    Absorbed(&'a Matrix),
}

/// Called with the names of the tensors that a packed weight holds, in their order.
pub type Visit<'a> = dyn FnMut(&[String], Packed) + 'a;

/// Visits the weights under one prefix.
pub(crate) struct Visitor<'a, 'b> {
    prefix: &'a str,
    visit: &'a mut Visit<'b>,
}

impl<'a, 'b> Visitor<'a, 'b> {
    pub fn new(prefix: &'a str, visit: &'a mut Visit<'b>) -> Visitor<'a, 'b> {
        Visitor { prefix, visit }
    }

    /// The same for names that begin with one more part.
    pub fn under(&mut self, part: &str, body: impl FnOnce(&mut Visitor<'_, 'b>)) {
        let prefix = self.name(part);
        body(&mut Visitor { prefix: &prefix, visit: self.visit });
    }

    fn name(&self, part: &str) -> String {
        if self.prefix.is_empty() { part.to_owned() } else { format!("{}.{part}", self.prefix) }
    }

    pub fn weight(&mut self, part: &str, packed: Packed) {
        let name = self.name(&format!("{part}.weight"));
        (self.visit)(&[name], packed);
    }

    pub fn norm(&mut self, part: &str, weight: &[f32]) {
        self.weight(part, Packed::Vector(weight));
    }

    pub fn matrix(&mut self, part: &str, weight: &Matrix) {
        self.weight(part, Packed::Matrix(weight));
    }

    pub fn vector(&mut self, part: &str, values: &[f32]) {
        let name = self.name(part);
        (self.visit)(&[name], Packed::Vector(values));
    }

    pub fn expert(&mut self, part: &str, expert: &Expert) {
        let names = ["gate_proj", "up_proj"].map(|w| self.name(&format!("{part}.{w}.weight")));
        (self.visit)(&names, Packed::Matrix(&expert.gate_up));
        self.matrix(&format!("{part}.down_proj"), &expert.down);
    }
}
