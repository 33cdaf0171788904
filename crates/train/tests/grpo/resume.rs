//! A killed run goes on with the same bits.

use std::path::Path;

use ponder_train::curriculum::CurriculumOptions;
use ponder_train::grpo::{GrpoOptions, GrpoReport, Reference};
use ponder_train::loss::Kl;

use crate::bandit::{base, cpu, options, run};
use crate::killed;

/// Everything that has a state: a curriculum, a reference that is refreshed, refills.
fn stateful() -> GrpoOptions {
    GrpoOptions {
        refill_rounds: 1,
        mini_batches: 2,
        prompts_per_step: 6,
        reference: Some(Reference { kl: Kl::K3, beta: 0.01, refresh_every: 3 }),
        curriculum: CurriculumOptions { window: 3, raise_above: 0.2, ..CurriculumOptions::EDGE },
        checkpoint_every: 4,
        ..options(14)
    }
}

const FILES: [&str; 7] = [
    "run.toml",
    "metrics.jsonl",
    "samples.jsonl",
    "checkpoints/step-00000014/trainer.safetensors",
    "checkpoints/step-00000014/trainer.json",
    "checkpoints/step-00000014/grpo.json",
    "checkpoints/step-00000014/reference/model.safetensors",
];

#[track_caller]
fn same(a: &Path, b: &Path) {
    for file in FILES {
        let read = |dir: &Path| std::fs::read(dir.join(file)).unwrap();
        if file.ends_with("jsonl") {
            let lines = |dir: &Path| std::fs::read_to_string(dir.join(file)).unwrap();
            for (a, b) in lines(a).lines().zip(lines(b).lines()) {
                assert_eq!(a, b, "{file}");
            }
        }
        assert!(read(a) == read(b), "{file} differs");
        assert!(!read(a).is_empty(), "{file} is empty");
    }
}

#[test]
fn a_killed_run_goes_on_with_the_same_bits() {
    let (folder, base) = (tempfile::tempdir().unwrap(), base());
    let train = |name: &str, kill_after: u64| {
        let mut left = kill_after;
        let proceed: &mut dyn FnMut(&GrpoReport) -> bool = &mut |_| {
            left -= 1;
            assert!(left > 0, "killed");
            true
        };
        run(&cpu(), &folder.path().join(name), &base, 4, stateful(), proceed).unwrap();
    };
    train("whole", u64::MAX);
    // After the metrics of a step and before its checkpoint, at different places.
    for steps in [6, 3] {
        let killed = std::panic::AssertUnwindSafe(|| train("killed", steps));
        assert!(std::panic::catch_unwind(killed).is_err());
    }
    train("killed", u64::MAX);
    same(&folder.path().join("killed"), &folder.path().join("whole"));
}

/// The folder that a child process of the next test is to train in.
const CHILD_FOLDER: &str = "PONDER_GRPO_TEST_FOLDER";

/// Not a test of its own: what the children of the next test run, one line for each step.
#[test]
fn child() {
    let Some(dir) = std::env::var_os(CHILD_FOLDER) else { return };
    let proceed: &mut dyn FnMut(&GrpoReport) -> bool = &mut |report| {
        println!("step {}", report.step);
        true
    };
    run(&cpu(), Path::new(&dir), &base(), 4, stateful(), proceed).unwrap();
}

#[test]
fn a_run_killed_by_the_system_goes_on_with_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let train = |name: &str, kill_after: usize| {
        let dir = folder.path().join(name);
        killed::train("resume::child", (CHILD_FOLDER, &dir), kill_after);
    };
    train("whole", usize::MAX);
    for steps in [3, 5, 1] {
        train("killed", steps);
    }
    train("killed", usize::MAX);
    same(&folder.path().join("killed"), &folder.path().join("whole"));
}

#[test]
fn a_run_does_not_go_on_with_other_options() {
    let (folder, base) = (tempfile::tempdir().unwrap(), base());
    run(&cpu(), folder.path(), &base, 4, options(2), &mut |_| true).unwrap();
    let other = GrpoOptions { group_size: 4, ..options(2) };
    let error = run(&cpu(), folder.path(), &base, 4, other, &mut |_| true).map(drop).unwrap_err();
    assert!(error.to_string().contains("hint:"), "{error}");
    let none = GrpoOptions { group_size: 0, ..options(2) };
    let error = run(&cpu(), &folder.path().join("b"), &base, 4, none, &mut |_| true).map(drop);
    assert!(error.unwrap_err().to_string().contains("group_size"));
    let mut unknown = options(2);
    unknown.tasks[0].task = "nothing".into();
    let error = run(&cpu(), &folder.path().join("c"), &base, 4, unknown, &mut |_| true).map(drop);
    assert!(error.unwrap_err().to_string().contains("tasks"));
}
