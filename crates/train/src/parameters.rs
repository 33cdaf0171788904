//! The master copy of a model's weights in f32, their gradients, and the packed model that runs.
//!
//! A model is a value: every optimizer step makes a new one from the masters, and whoever still
//! holds the old one (a rollout, say) goes on with it unharmed.

use std::collections::HashMap;
use std::path::Path;

use ponder_kernels::Transposes;
use ponder_kernels::ops::backward::address;
use ponder_model::Model;
use ponder_model::checkpoint::{Checkpoint, TensorKind, expected_tensors};
use ponder_model::config::Config;
use ponder_model::weights::Packed;
use ponder_tensor::Dtype;
use ponder_tensor::format::Embedding;

use crate::error::Result;

/// A tensor of the checkpoint, by its place in [`Parameters`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ParameterId(pub usize);

/// One tensor of the checkpoint.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Its name there.
    pub name: String,
    /// Its shape, outermost first.
    pub shape: Vec<usize>,
    /// What it is for.
    pub kind: TensorKind,
    /// Its values, row-major.
    pub values: Vec<f32>,
}

impl Parameter {
    /// Whether gradients move it. The gate's bias is moved by the load of its experts alone.
    pub fn is_trained(&self) -> bool {
        self.kind != TensorKind::RouterBias
    }
}

/// All weights of a model.
#[derive(Clone, Debug)]
pub struct Parameters {
    config: Config,
    list: Vec<Parameter>,
    by_name: HashMap<String, ParameterId>,
}

impl Parameters {
    /// The weights of `config`, each filled by `values(name, shape, kind)`. Copies of embedding
    /// and head in an MTP layer are left out: the layer shares the model's.
    pub fn new(
        config: &Config,
        mut values: impl FnMut(&str, &[usize], TensorKind) -> Result<Vec<f32>>,
    ) -> Result<Parameters> {
        let (mut list, mut by_name) = (Vec::new(), HashMap::new());
        for tensor in expected_tensors(config).filter(|tensor| !tensor.is_optional) {
            let values = values(&tensor.name, &tensor.shape, tensor.kind)?;
            assert_eq!(values.len(), tensor.shape.iter().product::<usize>(), "{}", tensor.name);
            by_name.insert(tensor.name.clone(), ParameterId(list.len()));
            let (name, shape, kind) = (tensor.name, tensor.shape, tensor.kind);
            list.push(Parameter { name, shape, kind, values });
        }
        Ok(Parameters { config: config.clone(), list, by_name })
    }

    /// The weights of a published checkpoint, widened.
    pub fn load(dir: &Path) -> Result<Parameters> {
        let config = Config::from_dir(dir)?;
        let checkpoint = Checkpoint::open(dir)?;
        checkpoint.check(&config)?;
        Parameters::new(&config, |name, shape, _| Ok(checkpoint.expect(name, shape)?.to_f32()))
    }

    /// The model's configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Every parameter; the index is its id.
    pub fn iter(&self) -> impl Iterator<Item = &Parameter> {
        self.list.iter()
    }

    /// Every parameter, to change its values.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Parameter> {
        self.list.iter_mut()
    }

    /// Number of parameters.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// One parameter.
    pub fn get(&self, id: ParameterId) -> &Parameter {
        &self.list[id.0]
    }

    /// One parameter, to change its values.
    pub fn get_mut(&mut self, id: ParameterId) -> &mut Parameter {
        &mut self.list[id.0]
    }

    /// The parameter of this name.
    pub fn find(&self, name: &str) -> Option<ParameterId> {
        self.by_name.get(name).copied()
    }

    /// The model of these weights rounded to `dtype` (BF16, or F32 to check gradients), ready to
    /// run and to train.
    pub fn pack(&self, dtype: Dtype) -> Result<Weights> {
        let values = |name: &str| self.find(name).map(|id| &self.list[id.0].values[..]);
        let model = Model::from_values(&self.config, dtype, &values)?;
        let mut places = HashMap::new();
        model.visit_weights(&mut |names, packed| {
            let ids = names.iter().map(|name| self.by_name[name]).collect::<Vec<_>>();
            places.insert(place(packed), ids);
        });
        Ok(Weights { model, places, transposes: Transposes::default() })
    }
}

/// A packed model with the way back from its weights to the parameters.
pub struct Weights {
    /// The model.
    pub model: Model,
    places: HashMap<usize, Vec<ParameterId>>,
    /// What the backward pass multiplies with.
    pub transposes: Transposes,
}

impl Weights {
    /// The parameters that the packed weight at `place` holds.
    #[track_caller]
    pub(crate) fn ids(&self, place: usize) -> &[ParameterId] {
        self.places.get(&place).expect("an operation on the tape uses this model's weights")
    }

    /// The parameter at `place`, which holds one.
    #[track_caller]
    pub(crate) fn id(&self, place: usize) -> ParameterId {
        self.ids(place)[0]
    }
}

/// What tells weights apart while the model lives.
fn place(packed: Packed) -> usize {
    match packed {
        Packed::Vector(values) => vector_place(values),
        Packed::Matrix(matrix) | Packed::Absorbed(matrix) => address(matrix),
        Packed::Embedding(table) => table_place(table),
    }
}

pub(crate) fn vector_place(values: &[f32]) -> usize {
    values.as_ptr() as usize
}

pub(crate) fn table_place(table: &Embedding) -> usize {
    match table {
        Embedding::Rows { values, .. } => values.as_slice::<u8>().as_ptr() as usize,
        Embedding::Tied(matrix) => address(matrix),
    }
}

/// The gradient of every parameter, added up over the micro-batches of a step.
pub struct GradientStore {
    values: Vec<Vec<f32>>,
}

impl GradientStore {
    /// Zeros for all of `parameters`.
    pub fn new(parameters: &Parameters) -> GradientStore {
        GradientStore { values: parameters.iter().map(|p| vec![0.0; p.values.len()]).collect() }
    }

    /// Zeros of the same shape.
    pub(crate) fn zeros(&self) -> GradientStore {
        GradientStore { values: self.values.iter().map(|values| vec![0.0; values.len()]).collect() }
    }

    /// Adds another one of the same shape.
    pub(crate) fn add(&mut self, other: &GradientStore) {
        for (values, others) in self.values.iter_mut().zip(&other.values) {
            values.iter_mut().zip(others).for_each(|(value, other)| *value += other);
        }
    }

    /// Back to zero.
    pub fn clear(&mut self) {
        self.values.iter_mut().for_each(|values| values.fill(0.0));
    }

    /// The gradient of one parameter.
    pub fn get(&self, id: ParameterId) -> &[f32] {
        &self.values[id.0]
    }

    /// The same, to add to it.
    pub fn get_mut(&mut self, id: ParameterId) -> &mut [f32] {
        &mut self.values[id.0]
    }

    /// Several at once, each a different one.
    #[track_caller]
    pub(crate) fn lend<const N: usize>(
        &mut self,
        ids: [ParameterId; N],
        body: impl FnOnce([&mut [f32]; N]),
    ) {
        let mut taken = ids.map(|id| std::mem::take(&mut self.values[id.0]));
        body(taken.each_mut().map(|values| &mut values[..]));
        for (id, values) in ids.into_iter().zip(taken) {
            self.values[id.0] = values;
        }
    }

    /// The Euclidean norm over all parameters, summed in f64 in their order.
    pub fn norm(&self) -> f64 {
        self.values.iter().map(|values| sum_of_squares(values)).sum::<f64>().sqrt()
    }
}

/// Eight partial sums, so that one does not wait for the other.
fn sum_of_squares(values: &[f32]) -> f64 {
    let mut sums = [0.0f64; 8];
    let (chunks, rest) = values.as_chunks::<8>();
    for chunk in chunks {
        for (sum, x) in sums.iter_mut().zip(chunk) {
            *sum += *x as f64 * *x as f64;
        }
    }
    sums.iter().sum::<f64>() + rest.iter().map(|x| *x as f64 * *x as f64).sum::<f64>()
}
