//! Whether a sequence of tokens ends here.

use crate::request::Stop;

impl Stop {
    /// Whether `id` ends the sequence, wherever it stands.
    pub(crate) fn is_stop_id(&self, id: u32) -> bool {
        self.ids.contains(&id)
    }

    /// Whether the answer, whose last token is new, ends with one of the stop sequences.
    pub(crate) fn ends(&self, answer: &[u32]) -> bool {
        self.sequences.iter().any(|sequence| answer.ends_with(sequence))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_match_at_the_end_only() {
        let sequences = vec![vec![1, 1, 2], vec![7]];
        let stop = Stop { ids: vec![9], sequences, min_tokens: 0 };
        let cases: [(&[u32], bool); 6] = [
            (&[1, 1, 1, 2], true),
            (&[1, 1, 2, 3], false),
            (&[1, 2], false),
            (&[7], true),
            (&[], false),
            (&[9], false),
        ];
        for (answer, expected) in cases {
            assert_eq!(stop.ends(answer), expected, "{answer:?}");
        }
        assert!(stop.is_stop_id(9) && !stop.is_stop_id(7));
    }
}
