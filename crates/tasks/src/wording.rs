//! Lists of numbers as questions and thoughts write them.

use std::fmt::Display;

use crate::random::Random;

/// `3 8 8 1`.
pub(crate) fn spaced<T: Display>(items: &[T]) -> String {
    items.iter().map(T::to_string).collect::<Vec<_>>().join(" ")
}

/// `3, 8, 8, 1`.
pub(crate) fn with_commas<T: Display>(items: &[T]) -> String {
    items.iter().map(T::to_string).collect::<Vec<_>>().join(", ")
}

/// A list in one of the three ways.
pub(crate) fn listed<T: Display>(items: &[T], random: &mut Random) -> String {
    match random.below(3) {
        0 => with_commas(items),
        1 => with_and(items),
        _ => spaced(items),
    }
}

/// The list in ascending order: the same for every order of its numbers.
pub(crate) fn ascending(numbers: &[u64]) -> String {
    let mut numbers = numbers.to_vec();
    numbers.sort_unstable();
    spaced(&numbers)
}

/// `3, 8, 8 and 1`.
pub(crate) fn with_and<T: Display>(items: &[T]) -> String {
    match items {
        [] => String::new(),
        [only] => only.to_string(),
        [first @ .., last] => format!("{} and {last}", with_commas(first)),
    }
}
