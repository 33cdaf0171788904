//! Problems and their graders. The same functions score an evaluation and reward a rollout, so
//! that a number in a report and a number in training can never mean different things.

#![forbid(unsafe_code)]

pub mod grade;
