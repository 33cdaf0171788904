//! Search tasks from outside: what their traces look like, how much patience pays, and that a
//! solution found is a solution graded.

mod curves;
mod round_trip;
