//! What people on the island say, in full, in short, and whether it is true.

use crate::random::Random;

/// What is said of whom; people are their places in the list of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// The person is a knight, or not.
    Is(usize, bool),
    /// Both are of the same kind.
    Same(usize, usize),
    /// They are of different kinds.
    Different(usize, usize),
    /// Both are knights, or both are knaves.
    Both(usize, usize, bool),
    /// At least one is a knight, or a knave.
    Some(usize, usize, bool),
}

/// A claim and who makes it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Statement {
    pub(crate) speaker: usize,
    pub(crate) claim: Claim,
}

/// Every way in which people can be knights (true) and knaves.
pub(crate) fn all_kinds(n_people: usize) -> impl Iterator<Item = Vec<bool>> {
    (0..1u32 << n_people).map(move |bits| (0..n_people).map(|i| bits >> i & 1 == 1).collect())
}

/// Whether exactly the knights tell the truth.
pub(crate) fn is_consistent(statements: &[Statement], kinds: &[bool]) -> bool {
    statements.iter().all(|s| s.claim.is_true(kinds) == kinds[s.speaker])
}

/// What one is called.
pub(crate) fn word(is_knight: bool) -> &'static str {
    if is_knight { "knight" } else { "knave" }
}

impl Claim {
    /// A claim of one of the first `n_kinds` kinds, about others or the speaker and another.
    pub(crate) fn random(
        speaker: usize,
        n_people: usize,
        n_kinds: u64,
        random: &mut Random,
    ) -> Claim {
        let mut people: Vec<usize> = (0..n_people).collect();
        random.shuffle(&mut people);
        let other = people[usize::from(people[0] == speaker)];
        let (mut a, mut b) = (people[0], people[1]);
        if a > b {
            (a, b) = (b, a);
        }
        match random.below(n_kinds) {
            0 => Claim::Is(other, random.chance(0.4)),
            1 => Claim::Same(a, b),
            2 => Claim::Different(a, b),
            3 => Claim::Some(a, b, false),
            4 => Claim::Both(a, b, false),
            5 => Claim::Some(a, b, true),
            _ => Claim::Both(a, b, true),
        }
    }

    /// Whether it is true.
    pub(crate) fn is_true(&self, kinds: &[bool]) -> bool {
        match *self {
            Claim::Is(a, is_knight) => kinds[a] == is_knight,
            Claim::Same(a, b) => kinds[a] == kinds[b],
            Claim::Different(a, b) => kinds[a] != kinds[b],
            Claim::Both(a, b, is_knight) => kinds[a] == is_knight && kinds[b] == is_knight,
            Claim::Some(a, b, is_knight) => kinds[a] == is_knight || kinds[b] == is_knight,
        }
    }

    /// Whom it is about.
    pub(crate) fn people(&self) -> Vec<usize> {
        match *self {
            Claim::Is(a, _) => vec![a],
            Claim::Same(a, b)
            | Claim::Different(a, b)
            | Claim::Both(a, b, _)
            | Claim::Some(a, b, _) => vec![a, b],
        }
    }

    /// As a person says it.
    pub(crate) fn sentence(&self, names: &[&str]) -> String {
        match *self {
            Claim::Is(a, kind) => format!("{} is a {}", names[a], word(kind)),
            Claim::Same(a, b) => format!("{} and {} are the same", names[a], names[b]),
            Claim::Different(a, b) => format!("{} and {} are different", names[a], names[b]),
            Claim::Both(a, b, kind) => {
                format!("{} and {} are both {}s", names[a], names[b], word(kind))
            }
            Claim::Some(a, b, kind) => format!("{} or {} is a {}", names[a], names[b], word(kind)),
        }
    }

    /// In short, as thoughts write it.
    pub(crate) fn short(&self, names: &[&str]) -> String {
        match *self {
            Claim::Is(a, kind) => format!("{} {}", names[a], word(kind)),
            Claim::Same(a, b) => format!("{} same {}", names[a], names[b]),
            Claim::Different(a, b) => format!("{} different {}", names[a], names[b]),
            Claim::Both(a, b, kind) => format!("{} and {} {}", names[a], names[b], word(kind)),
            Claim::Some(a, b, kind) => format!("{} or {} {}", names[a], names[b], word(kind)),
        }
    }
}

impl Statement {
    /// The statement with other numbers for the people, pairs in ascending order.
    pub(crate) fn renamed(&self, places: &[usize]) -> String {
        let mut people = self.claim.people();
        people.iter_mut().for_each(|person| *person = places[*person]);
        people.sort_unstable();
        let kind = match self.claim {
            Claim::Is(_, kind) => word(kind).to_string(),
            Claim::Same(..) => "same".to_string(),
            Claim::Different(..) => "different".to_string(),
            Claim::Both(_, _, kind) => format!("both {}", word(kind)),
            Claim::Some(_, _, kind) => format!("some {}", word(kind)),
        };
        format!("{} {kind} {people:?}", places[self.speaker])
    }
}
