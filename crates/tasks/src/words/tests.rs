use super::graph::{Node, Term, Value};
use super::*;
use crate::answer::tests::refuses_hostile_replies;

fn node(name: &str, value: Value) -> Node {
    Node { name: name.to_string(), value }
}

fn graph() -> Graph {
    let nodes = vec![
        node("anna", Value::Given(3)),
        node("idle", Value::Given(9)),
        node("ben", Value::Binary(Term::Number(2), '*', Term::Node(0))),
        node("all", Value::Binary(Term::Node(2), '+', Term::Node(0))),
    ];
    Graph { nodes, asked: 3 }
}

#[test]
fn steps_name_and_compute_what_is_needed() {
    let (graph, values) = (graph(), graph().values(None));
    assert_eq!(graph.steps(&values, 0), "anna=3; ben=2*anna=2*3=6; all=ben+anna=6+3=9 -> 9");
    let (check, failed) = graph.check(&values, Language::English);
    assert_eq!((check.as_str(), failed), ("check 3*2=6 ok; 9-3=6 ok", None));
    assert_eq!(graph.expression().canonical(), "+2*3+3");
}

#[test]
fn the_first_wrong_step_is_found() {
    let values = graph().values(Some((2, 1)));
    let (check, failed) = graph().check(&values, Language::English);
    assert_eq!((check.as_str(), failed), ("check 3*2=6 no", Some(2)));
}

#[test]
fn levels_have_the_operations_they_promise() {
    for (level, (n_operations, ..)) in SIZES.iter().enumerate() {
        for i in 0..500 {
            let mut random = Random::new(i, level as u64);
            let problem = Words.draw(level as u8, &mut random);
            let thinking = problem.work(Style::Straight, &mut random).thinking;
            let steps = thinking.split("; ").filter(|step| step.contains(['+', '*', '/', '-']));
            let n_steps = steps.count();
            // Sharing may need one more to come out even.
            assert!((*n_operations..=n_operations + 1).contains(&n_steps), "{level}: {thinking}");
        }
    }
}

#[test]
fn slips_are_found_and_mended() {
    let mut n_slips = 0;
    for i in 0..1000 {
        let mut random = Random::new(i, 0);
        let problem = Words.draw((i % 10) as u8, &mut random);
        let work = problem.work(Style::Slip, &mut random);
        assert!(problem.grade(&work.reply));
        n_slips +=
            usize::from(work.thinking.contains(" no\nwait ") || work.thinking.contains("\nhalt "));
    }
    assert!(n_slips > 700, "{n_slips}");
}

#[test]
fn graders_refuse_what_is_no_answer() {
    for i in 0..10 {
        let problem = Words.draw(i as u8, &mut Random::new(i, 0));
        let reply = problem.work(Style::Short, &mut Random::new(0, 0)).reply;
        refuses_hostile_replies(problem.as_ref(), boxed_integer(&reply).unwrap());
    }
}
