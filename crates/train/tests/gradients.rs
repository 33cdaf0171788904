//! The loss and the gradient of every parameter against PyTorch's (bench/fixtures/
//! make_gradients.py), and their independence of micro-batches and threads.

use std::path::{Path, PathBuf};

use ponder_kernels::Gradients;
use ponder_kernels::cpu::{Cpu, CpuOptions, Isa};
use ponder_kernels::reference::Reference;
use ponder_model::checkpoint::{Checkpoint, TensorKind};
use ponder_tensor::Dtype;
use ponder_train::objective::{Denominators, Objective, StepLoss, accumulate};
use ponder_train::pack::{Sequence, micro_batches};
use ponder_train::parameters::{GradientStore, ParameterId, Parameters};
use serde_json::Value;

struct Fixture {
    dir: PathBuf,
    parameters: Parameters,
    objective: Objective,
    sequences: Vec<Sequence>,
    record: Value,
}

impl Fixture {
    fn load(name: &str) -> Fixture {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
        let text = std::fs::read_to_string(dir.join("loss.json")).unwrap();
        let record: Value = serde_json::from_str(&text).unwrap();
        // As written in JSON, so that f32 rounds what was exact there.
        let number = |key: &str| record[key].as_f64().unwrap() as f32;
        let objective =
            Objective { mtp_factor: number("mtp_factor"), balance_alpha: number("balance_alpha") };
        let sequences = record["sequences"].as_array().unwrap().iter();
        let sequences = sequences.map(|s| Sequence {
            token_ids: serde_json::from_value(s["token_ids"].clone()).unwrap(),
            weights: serde_json::from_value(s["weights"].clone()).unwrap(),
        });
        let parameters = Parameters::load(&dir).unwrap();
        Fixture { sequences: sequences.collect(), parameters, objective, record, dir }
    }

    fn step(
        &self,
        ops: &dyn Gradients,
        dtype: Dtype,
        max_tokens: usize,
    ) -> (StepLoss, GradientStore) {
        let weights = self.parameters.pack(dtype).unwrap();
        let denominators = Denominators::of(&self.sequences);
        let mut store = GradientStore::new(&self.parameters);
        let mut loss = StepLoss::default();
        for sequences in micro_batches(&self.sequences, max_tokens) {
            let aim = (&self.objective, &denominators);
            loss.add(&accumulate(ops, &weights, sequences, aim, &mut store));
        }
        (loss, store)
    }

    /// The largest error of any parameter's gradient, relative to the largest value of it.
    fn worst(&self, store: &GradientStore) -> (f32, String) {
        let recorded = Checkpoint::open(&self.dir.join("gradients.safetensors")).unwrap();
        let mut worst = (0.0, String::new());
        let mut n_compared = 0;
        for (i, parameter) in self.parameters.iter().enumerate() {
            if parameter.kind == TensorKind::RouterBias {
                assert!(!recorded.contains(&parameter.name));
                continue;
            }
            // PyTorch gives none to an expert that no token chose; ours stays zero.
            let want = recorded.get(&parameter.name).map(|view| view.to_f32());
            let want = want.unwrap_or_else(|| vec![0.0; parameter.values.len()]);
            n_compared += 1;
            let got = store.get(ParameterId(i));
            let scale = want.iter().fold(1e-4f32, |max, x| max.max(x.abs()));
            let errors = got.iter().zip(&want).map(|(a, b)| (a - b).abs() / scale);
            let error = errors.fold(0.0, f32::max);
            if error > worst.0 {
                worst = (error, parameter.name.clone());
            }
        }
        assert!(n_compared > 20);
        worst
    }

    fn check_loss(&self, loss: &StepLoss, tolerance: f64) {
        let parts = &self.record["parts"];
        let total = (loss.total(&self.objective), self.record["loss"].as_f64().unwrap());
        for (what, (got, want)) in [
            ("next", (loss.next, parts["main"].as_f64().unwrap())),
            ("after_next", (loss.after_next, parts["mtp"].as_f64().unwrap())),
            ("balance", (loss.balance, parts["balance"].as_f64().unwrap())),
            ("total", total),
        ] {
            assert!((got - want).abs() < tolerance, "{what}: {got}, PyTorch has {want}");
        }
    }
}

#[test]
fn the_reference_gives_the_gradients_of_pytorch() {
    for name in ["deepseek-v3", "qwen2"] {
        let fixture = Fixture::load(name);
        let (loss, store) = fixture.step(&Reference::default(), Dtype::F32, 1000);
        fixture.check_loss(&loss, 2e-5);
        let (error, parameter) = fixture.worst(&store);
        println!("{name}: worst error {error:e} in {parameter}");
        assert!(error < 1e-4, "{name}: {error:e} in {parameter}");
    }
}

#[test]
fn every_instruction_set_comes_as_close_as_bf16_allows() {
    for name in ["deepseek-v3", "qwen2"] {
        let fixture = Fixture::load(name);
        for isa in Isa::available() {
            let cpu = Cpu::new(CpuOptions { isa, threads: 2, pin: false }).unwrap();
            let (loss, store) = fixture.step(&cpu, Dtype::F32, 1000);
            fixture.check_loss(&loss, 5e-3);
            let (error, parameter) = fixture.worst(&store);
            println!("{name} {} F32: worst error {error:e} in {parameter}", isa.name());
            // The cache rounds keys and values to bf16 even here.
            assert!(error < 5e-2, "{name} {}: {error:e} in {parameter}", isa.name());
            let (loss, store) = fixture.step(&cpu, Dtype::Bf16, 1000);
            fixture.check_loss(&loss, 5e-2);
            let norm = |store: &GradientStore| store.norm();
            let (_, exact) = fixture.step(&Reference::default(), Dtype::F32, 1000);
            let ratio = norm(&store) / norm(&exact);
            assert!((ratio - 1.0).abs() < 2e-2, "{name} {}: {ratio}", isa.name());
        }
    }
}

#[test]
fn micro_batches_do_not_change_the_gradient() {
    let fixture = Fixture::load("deepseek-v3");
    let ops = Reference::default();
    let (whole_loss, whole) = fixture.step(&ops, Dtype::F32, 1000);
    for max_tokens in [1, 13] {
        let (loss, store) = fixture.step(&ops, Dtype::F32, max_tokens);
        assert!(
            (loss.total(&fixture.objective) - whole_loss.total(&fixture.objective)).abs() < 1e-6
        );
        assert_eq!(loss.loads, whole_loss.loads);
        for i in 0..fixture.parameters.len() {
            let (a, b) = (store.get(ParameterId(i)), whole.get(ParameterId(i)));
            let scale = b.iter().fold(1e-4f32, |max, x| max.max(x.abs()));
            let error = a.iter().zip(b).map(|(a, b)| (a - b).abs() / scale).fold(0.0, f32::max);
            assert!(error < 2e-5, "{max_tokens}: {error:e}");
        }
    }
}

#[test]
fn threads_do_not_change_a_bit() {
    let fixture = Fixture::load("deepseek-v3");
    for isa in Isa::available() {
        let step = |threads| {
            let cpu = Cpu::new(CpuOptions { isa, threads, pin: false }).unwrap();
            fixture.step(&cpu, Dtype::Bf16, 1000)
        };
        let ((loss_1, store_1), (loss_3, store_3)) = (step(1), step(3));
        assert_eq!(loss_1, loss_3);
        for i in 0..fixture.parameters.len() {
            let bits = |store: &GradientStore| -> Vec<u32> {
                store.get(ParameterId(i)).iter().map(|x| x.to_bits()).collect()
            };
            assert_eq!(bits(&store_1), bits(&store_3));
        }
    }
}
