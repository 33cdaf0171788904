//! How many tokens each expert served, layer by layer.

use std::collections::BTreeMap;

use ponder_model::Model;

use crate::parameters::ParameterId;

/// Tokens that each expert served, by the parameter of its layer's bias.
pub type Loads = BTreeMap<ParameterId, Vec<u64>>;

/// Adds the choices of a pass (see [`crate::tape::Tape::choices`]).
pub fn count(loads: &mut Loads, model: &Model, choices: &[(ParameterId, Vec<u32>)]) {
    let n_experts = model.config().moe.as_ref().map_or(0, |moe| moe.n_routed_experts);
    for (bias, chosen) in choices {
        let counts = loads.entry(*bias).or_insert_with(|| vec![0; n_experts]);
        chosen.iter().for_each(|expert| counts[*expert as usize] += 1);
    }
}

/// Adds the loads of another pass.
pub fn add(loads: &mut Loads, others: &Loads) {
    for (bias, others) in others {
        let counts = loads.entry(*bias).or_insert_with(|| vec![0; others.len()]);
        counts.iter_mut().zip(others).for_each(|(count, other)| *count += other);
    }
}

/// The largest load of any expert over the mean of its layer; 0 without experts.
pub fn largest(loads: &Loads) -> f64 {
    let of_layer = |loads: &Vec<u64>| {
        let mean = loads.iter().sum::<u64>() as f64 / loads.len() as f64;
        loads.iter().copied().max().unwrap_or(0) as f64 / mean.max(1.0)
    };
    loads.values().map(of_layer).fold(0.0, f64::max)
}
