//! Which problems are trained on and which are kept apart: by a hash of the problem itself, never by
//! seeds, so that no problem can be on two sides.

use crate::random::Random;

/// A side of the division.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// 96 % of problems: what a model may learn from.
    Train,
    /// 2 %: what decisions during training may look at.
    Validation,
    /// 2 %: what reported numbers are measured on.
    Test,
}

impl Split {
    /// Where the problem of this canonical text belongs.
    pub fn of(canonical: &str) -> Split {
        match Random::named(0, canonical).below(1000) {
            0..20 => Split::Test,
            20..40 => Split::Validation,
            _ => Split::Train,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_two_two_and_ninety_six_percent() {
        let mut counts = [0; 3];
        for i in 0..100_000 {
            counts[Split::of(&format!("problem {i}")) as usize] += 1;
        }
        assert!((95_700..96_300).contains(&counts[0]), "{counts:?}");
        assert!(counts[1..].iter().all(|count| (1800..2200).contains(count)), "{counts:?}");
    }
}
