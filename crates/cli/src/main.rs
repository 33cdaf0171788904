//! The ponder command.

fn main() {}
