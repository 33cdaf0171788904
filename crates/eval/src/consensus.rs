//! Majority vote: the answers to a question are sorted into classes of verified equality, so that
//! `1/2` and `0.5` vote together and `1.0000001` does not vote with `1`.

use ponder_tasks::grade::value::Value;

use crate::maths;
use crate::question::{Gold, Question};
use crate::score::Score;
use crate::statistics::consensus;
use crate::summary::Consensus;

/// Classes of a question's answers beyond which new ones are not told apart any more: a bound on
/// the comparisons, far above what a majority needs.
const MAX_CLASSES: usize = 256;

/// cons@k over the questions that have a sample, with all their samples; `None` for benchmarks
/// whose answers cannot be compared with each other.
pub fn vote(questions: &[Question], scores: &[Vec<Score>]) -> Option<Consensus> {
    let answered: Vec<(&Question, &Vec<Score>)> =
        questions.iter().zip(scores).filter(|(_, scores)| !scores.is_empty()).collect();
    let k = answered.iter().map(|(_, scores)| scores.len()).max()?;
    let mut sum = 0.0;
    for (question, scores) in &answered {
        sum += consensus(&classes(&question.gold, scores)?);
    }
    Some(Consensus { k, value: sum / answered.len() as f64 })
}

/// Sizes of the classes, and whether their first member is right. Samples without an answer that
/// can be read form no class.
fn classes(gold: &Gold, scores: &[Score]) -> Option<Vec<(usize, bool)>> {
    let answers = scores.iter().filter_map(|score| Some((score, score.answer.as_deref()?)));
    Some(match gold {
        Gold::Maths { .. } => {
            let read = answers.filter_map(|(score, text)| Some((score, maths::read(text)?)));
            sort(read, |a: &Value, b: &Value| maths::is_same(a, b))
        }
        Gold::Choice { .. } => sort(answers, |a, b| a == b),
        Gold::Instructions { .. } | Gold::Program(_) => return None,
        // An expression is not its value here: 7*3+12 and 33 answer different questions.
        Gold::Own(_) => sort(answers.map(|(score, text)| (score, squeezed(text))), |a, b| a == b),
    })
}

fn sort<'s, A>(
    answers: impl Iterator<Item = (&'s Score, A)>,
    is_same: impl Fn(&A, &A) -> bool,
) -> Vec<(usize, bool)> {
    let mut classes: Vec<(A, usize, bool)> = Vec::new();
    for (score, answer) in answers {
        match classes.iter().position(|(first, _, _)| is_same(first, &answer)) {
            Some(place) => classes[place].1 += 1,
            None if classes.len() < MAX_CLASSES => classes.push((answer, 1, score.is_right())),
            None => {}
        }
    }
    classes.into_iter().map(|(_, size, is_right)| (size, is_right)).collect()
}

fn squeezed(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::Outcome;

    fn scores(answers: &[(&str, bool)]) -> Vec<Score> {
        let score = |(answer, is_right): &(&str, bool)| Score {
            outcome: if *is_right { Outcome::Right } else { Outcome::Wrong },
            answer: (!answer.is_empty()).then(|| (*answer).to_owned()),
            reason: String::new(),
        };
        answers.iter().map(score).collect()
    }

    #[test]
    fn equal_values_vote_together() {
        let gold = Gold::Maths { answer: "1/2".into() };
        let votes = scores(&[("0.5", true), ("3", false), (r"\frac12", true), ("3.01", false)]);
        assert_eq!(classes(&gold, &votes).unwrap(), [(2, true), (1, false), (1, false)]);
        let unread = scores(&[("", false), ("((", false), ("((", false), ("1/2", true)]);
        assert_eq!(classes(&gold, &unread).unwrap(), [(1, true)]);
    }
}
