//! The bandit with a thought: what rejection sampling and evaluation need.

use ponder_kernels::cpu::Cpu;
use ponder_train::curriculum::TaskShare;
use ponder_train::dialogues;
use ponder_train::evaluate::{EvaluateOptions, evaluate};
use ponder_train::init;
use ponder_train::pack::Sequence;
use ponder_train::parameters::{Parameters, Weights};
use ponder_train::pretrain;
use ponder_train::prompt::{Prompt, Source};
use ponder_train::random::Random;
use ponder_train::reject::{self, Questions, RejectOptions, RejectReport};
use ponder_train::trainer::{Documents, Trainer};

use crate::bandit::{END, FIRST_ANSWER, N_ANSWERS, N_CLASSES, config, cpu, draw, marks};

/// One answer thought, any answer given.
struct Form;

impl Documents for Form {
    fn document(&self, index: u64) -> Option<Sequence> {
        let mut random = Random::new(3, index);
        let class = 4 + random.below(N_CLASSES) as u32;
        let mut answer = || (FIRST_ANSWER + random.below(N_ANSWERS)) as u32;
        Some(Sequence::whole(vec![0, class, 2, answer(), 3, answer(), END]))
    }
}

fn thinker() -> Parameters {
    let options = pretrain::options(1, 1e-2, 100, 512);
    let mut trainer = Trainer::new(init::random(&config(), 1).unwrap(), options).unwrap();
    let ops = cpu();
    for _ in 0..100 {
        let sequences = trainer.gather(&Form).unwrap();
        trainer.step(&ops, &sequences).unwrap();
    }
    trainer.parameters().clone()
}

/// The bandit's prompt with the thought opened.
fn thinking(seed: u64) -> impl Fn(&str, u8, &mut Random) -> Option<Prompt> {
    let draw = draw(seed);
    move |task, level, random| {
        let mut prompt = draw(task, level, random)?;
        prompt.token_ids.push(2);
        Some(prompt)
    }
}

fn model() -> (Cpu, Weights) {
    (cpu(), thinker().pack(ponder_tensor::Dtype::Bf16).unwrap())
}

#[test]
fn right_answers_are_kept_and_a_stopped_run_keeps_the_same() {
    let (ops, weights) = model();
    let draw = thinking(5);
    let draw = move |random: &mut Random| Ok(draw("bandit", 0, random).expect("a prompt"));
    let questions = Questions { marks: marks(), draw: Box::new(draw) };
    let options = RejectOptions {
        prompts_per_step: 24,
        samples: 8,
        total_steps: 3,
        keep: 5,
        repetition_run: 2,
        ..reject::options(9, 1, 6)
    };
    let folder = tempfile::tempdir().unwrap();
    let run = |name: &str, n_rounds: usize| {
        let mut reports: Vec<RejectReport> = Vec::new();
        let proceed: &mut dyn FnMut(&RejectReport) -> bool = &mut |report| {
            reports.push(report.clone());
            reports.len() < n_rounds
        };
        let dir = folder.path().join(name);
        reject::run(&ops, &weights.model, &questions, options.clone(), &dir, proceed).unwrap();
        reports
    };
    let reports = run("whole", usize::MAX);
    assert_eq!(reports.len(), 3);
    let kept = dialogues::read(&folder.path().join("whole/dialogues.jsonl")).unwrap();
    assert!(!kept.is_empty() && kept.len() as u64 == reports[2].kept_in_all, "{reports:?}");
    for class in 0..N_CLASSES {
        let canonical = format!("class {class}");
        let of_class: Vec<_> = kept.iter().filter(|kept| kept.canonical == canonical).collect();
        assert!(of_class.len() <= 5, "{of_class:?}");
        let right = crate::bandit::letter(crate::bandit::hidden(5, class));
        assert!(of_class.iter().all(|kept| kept.reply == right && kept.thinking.len() == 1));
    }
    // Stopped after a round, and with half a line of a round that was not finished.
    run("stopped", 1);
    let path = folder.path().join("stopped/dialogues.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text + "{\"task\":\"ban").unwrap();
    run("stopped", usize::MAX);
    for file in ["dialogues.jsonl", "metrics.jsonl"] {
        let read = |name: &str| std::fs::read(folder.path().join(name).join(file)).unwrap();
        assert!(read("stopped") == read("whole"), "{file} differs");
    }
}

#[test]
fn scores_count_what_is_right_over_different_problems() {
    let (ops, weights) = model();
    let source = Source { marks: marks(), draw: Box::new(thinking(5)) };
    let share = TaskShare { task: "bandit".into(), share: 1.0, first_level: 0, levels: [0, 0] };
    let options = EvaluateOptions {
        seed: 3,
        problems: 64,
        samples: 64,
        temperature: 1.0,
        top_p: 1.0,
        max_tokens: 6,
        streams: 32,
    };
    let found =
        evaluate(&ops, &weights.model, &source, std::slice::from_ref(&share), &options).unwrap();
    let score = &found.tasks["bandit"];
    assert_eq!((score.problems, score.samples), (N_CLASSES as usize, 64), "no problem twice");
    assert!(score.pass_at_1 > 0.03 && score.pass_at_1 < 0.3, "one of eight: {score:?}");
    assert!(score.interval[0] < score.pass_at_1 && score.pass_at_1 < score.interval[1]);
    assert!(score.pass_at_samples > 0.9 && score.length > 3.9, "{score:?}");
    assert_eq!(found.all, *score);
    assert_eq!(
        evaluate(&ops, &weights.model, &source, std::slice::from_ref(&share), &options).unwrap(),
        found
    );
    let unknown = TaskShare { task: "x".into(), share: 1.0, first_level: 0, levels: [0, 0] };
    let error = evaluate(&ops, &weights.model, &source, &[unknown], &options).unwrap_err();
    assert!(error.to_string().contains("hint:"), "{error}");
}
