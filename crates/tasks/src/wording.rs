//! Lists of numbers as questions and thoughts write them.

use std::fmt::Display;

/// `3 8 8 1`.
pub(crate) fn spaced<T: Display>(items: &[T]) -> String {
    items.iter().map(T::to_string).collect::<Vec<_>>().join(" ")
}

/// `3, 8, 8, 1`.
pub(crate) fn with_commas<T: Display>(items: &[T]) -> String {
    items.iter().map(T::to_string).collect::<Vec<_>>().join(", ")
}

/// `3, 8, 8 and 1`.
pub(crate) fn with_and<T: Display>(items: &[T]) -> String {
    match items {
        [] => String::new(),
        [only] => only.to_string(),
        [first @ .., last] => format!("{} and {last}", with_commas(first)),
    }
}
