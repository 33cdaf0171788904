//! What a run promises: it learns, it resumes with the same bits, it balances its experts, and its
//! checkpoints are models like any other.

mod killed;

use std::path::Path;

use ponder_kernels::cpu::{Cpu, CpuOptions, Isa};
use ponder_model::Model;
use ponder_model::config::Config;
use ponder_train::init::{self, Preset};
use ponder_train::pack::Sequence;
use ponder_train::parameters::Parameters;
use ponder_train::random::Random;
use ponder_train::trainer::{self, Documents, Options, StepReport, Trainer};
use ponder_train::{pretrain, publish, sft};

/// A Markov source: from each token one of two followers, with probabilities 3/4 and 1/4.
struct Markov {
    n_documents: u64,
}

const VOCAB: u64 = 32;

impl Markov {
    /// Nats a token, known.
    fn entropy() -> f64 {
        0.75 * (4.0f64 / 3.0).ln() + 0.25 * 4.0f64.ln()
    }
}

impl Documents for Markov {
    fn document(&self, index: u64) -> Option<Sequence> {
        let mut random = Random::new(11, index);
        let mut token = random.below(VOCAB);
        let mut token_ids = vec![token as u32];
        for _ in 0..30 + random.below(20) {
            let step = if random.uniform() < 0.75 { 5 * token + 1 } else { 3 * token + 2 };
            token = step % VOCAB;
            token_ids.push(token as u32);
        }
        (index < self.n_documents).then(|| Sequence::whole(token_ids))
    }
}

fn cpu() -> Cpu {
    cpu_with(2)
}

fn cpu_with(threads: usize) -> Cpu {
    let isa = *Isa::available().last().expect("AVX2 at least");
    Cpu::new(CpuOptions { isa, threads, pin: false }).unwrap()
}

fn config() -> Config {
    let sizes = [("hidden_size", 32), ("intermediate_size", 64), ("vocab_size", 32)];
    let values = sizes.map(|(key, value)| (key, value.into()));
    Preset::find("smoke").unwrap().config().unwrap().with_values(&values).unwrap()
}

/// Random weights, by the seed of [`options`].
fn initial() -> ponder_train::Result<Parameters> {
    init::random(&config(), 3)
}

fn options(steps: u64) -> Options {
    Options {
        checkpoint_every: 4,
        micro_batch_tokens: 300,
        bias_update_speed: 0.01,
        ..pretrain::options(3, 1e-2, steps, 600)
    }
}

fn values(parameters: &Parameters) -> Vec<u32> {
    parameters.iter().flat_map(|p| p.values.iter().map(|x| x.to_bits())).collect()
}

#[test]
fn a_model_learns_a_source_down_to_its_entropy_and_not_below() {
    let mut trainer = Trainer::new(init::random(&config(), 1).unwrap(), options(150)).unwrap();
    let (ops, source) = (cpu(), Markov { n_documents: u64::MAX });
    let mut last = Vec::new();
    for step in 0..150 {
        let sequences = trainer.gather(&source).unwrap();
        let report = trainer.step(&ops, &sequences).unwrap();
        if step == 0 {
            assert!((report.loss - (VOCAB as f64).ln()).abs() < 0.1, "{report:?}");
            assert!((report.balance - 1.0).abs() < 0.2, "{report:?}");
        }
        if step >= 130 {
            last.push(report);
        }
    }
    let mean = |of: fn(&StepReport) -> f64| last.iter().map(of).sum::<f64>() / last.len() as f64;
    let (loss, mtp_loss) = (mean(|r| r.loss), mean(|r| r.mtp_loss));
    let entropy = Markov::entropy();
    println!("loss {loss:.4}, of the token after next {mtp_loss:.4}, entropy {entropy:.4}");
    assert!(loss > entropy - 0.02 && loss < entropy + 0.12, "{loss}, entropy {entropy}");
    assert!(mtp_loss < 0.8 * (VOCAB as f64).ln(), "{mtp_loss}");
}

/// Micro-batches of one to three documents go side by side, at most as many as threads.
#[test]
fn threads_do_not_change_a_step() {
    let trained = [1, 2, 5].map(|threads| {
        let mut trainer = Trainer::new(initial().unwrap(), options(3)).unwrap();
        let (ops, source) = (cpu_with(threads), Markov { n_documents: u64::MAX });
        let step = |_| {
            let sequences = trainer.gather(&source).unwrap();
            trainer.step(&ops, &sequences).unwrap()
        };
        let reports: Vec<StepReport> = (0..3).map(step).collect();
        (reports, values(trainer.parameters()))
    });
    assert!(trained.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn a_killed_run_goes_on_with_the_same_bits() {
    let (ops, source) = (cpu(), Markov { n_documents: u64::MAX });
    let folder = tempfile::tempdir().unwrap();
    let run = |name: &str, kill_after: u64| {
        let dir = folder.path().join(name);
        let mut left = kill_after;
        let proceed: &mut dyn FnMut(&StepReport) -> bool = &mut |_| {
            left -= 1;
            assert!(left > 0, "killed");
            true
        };
        trainer::run(&ops, initial, &source, options(11), &dir, proceed)
    };
    let whole = run("whole", u64::MAX).unwrap();
    // Killed after the metrics of a step and before its checkpoint, twice, at different places.
    for steps in [6, 3] {
        let killed = std::panic::AssertUnwindSafe(|| run("killed", steps).map(drop));
        assert!(std::panic::catch_unwind(killed).is_err());
    }
    let resumed = run("killed", u64::MAX).unwrap();
    assert_eq!(resumed.progress(), whole.progress());
    assert_eq!(values(resumed.parameters()), values(whole.parameters()));
    for file in ["metrics.jsonl", "run.toml", "checkpoints/step-00000011/trainer.safetensors"] {
        let read = |name| std::fs::read(folder.path().join(name).join(file)).unwrap();
        assert!(read("killed") == read("whole"), "{file} differs");
    }
    let kept = std::fs::read_dir(folder.path().join("whole/checkpoints")).unwrap().count();
    assert_eq!(kept, 2);
}

/// The folder of the run that a child process of this test is to train in.
const CHILD_FOLDER: &str = "PONDER_TRAIN_TEST_FOLDER";

/// Not a test of its own: what the children of the next test run, one line for each step.
#[test]
fn child() {
    let Some(dir) = std::env::var_os(CHILD_FOLDER) else { return };
    let proceed: &mut dyn FnMut(&StepReport) -> bool = &mut |report| {
        println!("step {}", report.step);
        true
    };
    let source = Markov { n_documents: u64::MAX };
    trainer::run(&cpu(), initial, &source, options(25), Path::new(&dir), proceed).unwrap();
}

#[test]
fn a_run_killed_by_the_system_goes_on_with_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let train = |name: &str, kill_after: usize| {
        let dir = folder.path().join(name);
        killed::train("child", (CHILD_FOLDER, &dir), kill_after);
    };
    train("whole", usize::MAX);
    let mut random = Random::new(std::process::id() as u64, 0);
    for _ in 0..4 {
        train("killed", 1 + random.below(7) as usize);
    }
    train("killed", usize::MAX);
    for file in ["metrics.jsonl", "run.toml", "checkpoints/step-00000025/trainer.safetensors"] {
        let read = |name| std::fs::read(folder.path().join(name).join(file)).unwrap();
        assert!(read("killed") == read("whole"), "{file} differs");
    }
}

#[test]
fn a_run_refuses_other_options() {
    let (ops, source) = (cpu(), Markov { n_documents: 40 });
    let folder = tempfile::tempdir().unwrap();
    let run = |options| {
        trainer::run(&ops, initial, &source, options, folder.path(), &mut |_| false).map(drop)
    };
    run(options(2)).unwrap();
    let error = run(options(3)).unwrap_err().to_string();
    assert!(error.contains("run.toml") && error.contains("hint:"), "{error}");
}

#[test]
fn a_checkpoint_is_a_published_model() {
    let folder = tempfile::tempdir().unwrap();
    let mut trainer = Trainer::new(init::random(&config(), 2).unwrap(), options(2)).unwrap();
    let sequences = trainer.gather(&Markov { n_documents: 9 }).unwrap();
    trainer.step(&cpu(), &sequences).unwrap();
    publish::publish(trainer.parameters(), folder.path()).unwrap();
    let published = Model::load(folder.path(), &mut |_, _| {}).unwrap();
    let ops = cpu();
    let logits = |model: &Model| {
        let batch = ponder_train::pack::batch(model, &sequences[..1]);
        let mut cache = model.new_cache(&ops, 1);
        let logits = model.forward(&ops, &batch, &mut cache, &[0, 5]);
        logits.data().iter().map(|x| x.to_bits()).collect::<Vec<_>>()
    };
    assert_eq!(logits(&published), logits(&trainer.weights().model));
    let masters = Parameters::load(folder.path()).unwrap();
    let rounded = masters.iter().zip(trainer.parameters().iter());
    for (a, b) in rounded {
        let close = a.values.iter().zip(&b.values).all(|(a, b)| (a - b).abs() <= b.abs() / 256.0);
        assert!(close, "{}", a.name);
    }
}

#[test]
fn the_bias_balances_skewed_experts() {
    let skewed = |speed: f32| {
        let mut parameters = init::random(&config(), 5).unwrap();
        // One expert is favoured from the start.
        let bias = parameters.find("model.layers.1.mlp.gate.e_score_correction_bias").unwrap();
        parameters.get_mut(bias).values[0] = 0.3;
        let options = Options { bias_update_speed: speed, ..options(60) };
        let mut trainer = Trainer::new(parameters, options).unwrap();
        let (ops, source) = (cpu(), Markov { n_documents: u64::MAX });
        let mut loads = Vec::new();
        for _ in 0..60 {
            let sequences = trainer.gather(&source).unwrap();
            loads.push(trainer.step(&ops, &sequences).unwrap().max_load);
        }
        loads[50..].iter().sum::<f64>() / 10.0
    };
    let (balanced, unbalanced) = (skewed(0.02), skewed(0.0));
    assert!(balanced < 1.5 && unbalanced > 1.7, "{balanced} with the bias, {unbalanced} without");
}

#[test]
fn fine_tuning_learns_answers_alone() {
    let dialogues: Vec<sft::Dialogue> = (2..30)
        .map(|i| sft::Dialogue { prompt: vec![0, i], answer: vec![(7 * i + 3) % 32, 1] })
        .collect();
    let documents = sft::Epochs::new(&dialogues, 200, 64, 4);
    let folder = tempfile::tempdir().unwrap();
    let base = || init::random(&config(), 9);
    let options =
        Options { adamw: pretrain::options(0, 0.0, 1, 1).adamw, ..sft::options(1, 1e-2, 120, 112) };
    let mut losses = Vec::new();
    let proceed: &mut dyn FnMut(&StepReport) -> bool = &mut |report| {
        losses.push(report.loss);
        true
    };
    trainer::run(&cpu(), base, &documents, options, folder.path(), proceed).unwrap();
    let last = losses.last().unwrap();
    assert!(losses[0] > 3.0 && *last < 0.1, "from {} to {last}", losses[0]);
    assert!(Path::new(&folder.path().join("checkpoints/step-00000120/config.json")).exists());
}
