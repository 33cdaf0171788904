//! How fast stages go: as measured in their own run, else as a trial on this machine says.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Instant;

use ponder_model::config::Config;
use ponder_tensor::Dtype;
use ponder_train::objective::{self, Denominators, Objective};
use ponder_train::pack::Sequence;
use ponder_train::parameters::GradientStore;
use ponder_train::record::Record;
use ponder_train::{init, random::Random};

use crate::backend::BackendArgs;
use crate::train::Amount;

/// Tokens of a trial step: enough for long products.
const TRIAL_TOKENS: usize = 2048;
/// Tokens of each of its texts.
const TRIAL_TEXT: usize = 256;

/// The time of sampling a token, as a share of that of learning from one in pre-training: 13,100
/// tokens a second sampled beside 10,000 learnt from, with preset `nano` on two cores with tiles.
const SAMPLING_COST: f64 = 0.77;

/// Tokens a second of models by the number of their parameters.
pub struct Speeds {
    threads: Option<usize>,
    /// Tokens learnt from in a second, by the model's config.
    trials: BTreeMap<String, f64>,
}

impl Speeds {
    /// Nothing measured yet; trials use so many threads.
    pub fn new(threads: Option<usize>) -> Speeds {
        Speeds { threads, trials: BTreeMap::new() }
    }

    /// Seconds that remain of a stage with this record, if it has begun.
    pub fn seconds(
        &mut self,
        amount: &Amount,
        record: Option<&Record>,
        config: Option<&Config>,
    ) -> anyhow::Result<Option<f64>> {
        if let Some(left) = record.and_then(Record::seconds_left) {
            return Ok(Some(left));
        }
        let Some(config) = config else { return Ok(None) };
        let learning = self.learning(config)?;
        let sampled = amount.sampled_tokens as f64 * SAMPLING_COST;
        Ok(Some((amount.learnt_tokens as f64 + sampled) / learning))
    }

    /// Tokens a second that a model of `config` learns from.
    fn learning(&mut self, config: &Config) -> anyhow::Result<f64> {
        let key = config.raw.to_string();
        if let Some(speed) = self.trials.get(&key) {
            return Ok(*speed);
        }
        let speed = trial(config, self.threads)?;
        self.trials.insert(key, speed);
        Ok(speed)
    }
}

/// A step on random tokens with random weights, after one that warms up.
fn trial(config: &Config, threads: Option<usize>) -> anyhow::Result<f64> {
    let backend = BackendArgs { isa: None, threads, chunk: TRIAL_TOKENS };
    let ops = backend.open_for_training()?;
    let parameters = init::random(config, 1)?;
    let weights = parameters.pack(Dtype::Bf16)?;
    let mut random = Random::new(1, 0);
    let text = |_| {
        let ids = (0..TRIAL_TEXT).map(|_| random.below(config.vocab_size as u64) as u32);
        Sequence::whole(ids.collect())
    };
    let sequences: Vec<Sequence> = (0..TRIAL_TOKENS / TRIAL_TEXT).map(text).collect();
    let aim = (&Objective { mtp_factor: 0.3, balance_alpha: 1e-4 }, &Denominators::of(&sequences));
    // Micro-batches go side by side, as they do in a step.
    let stores: Vec<Mutex<GradientStore>> =
        (0..ops.threads()).map(|_| Mutex::new(GradientStore::new(&parameters))).collect();
    let step = || {
        let start = Instant::now();
        ops.side_by_side(stores.len(), &|i| {
            let mut store = stores[i].lock().expect("each is one task's");
            objective::accumulate(&*ops, &weights, &sequences, aim, &mut store);
        });
        start.elapsed().as_secs_f64()
    };
    step();
    Ok((stores.len() * TRIAL_TOKENS) as f64 / step())
}
