//! The product's promises, kept by the real binary: one module a promise.

mod bad_input;
mod bench;
mod clients;
mod conversation;
mod dialects;
mod embedded;
mod endings;
mod evaluation;
mod golden_probabilities;
mod golden_text;
mod grading;
mod hostile;
#[expect(dead_code, reason = "the hub crate's own tests use the rest")]
#[path = "../../../hub/tests/pull/hub.rs"]
mod hub;
mod load;
mod memory;
mod numbers;
mod origins;
mod pull;
mod recipes;
mod runs;
mod sandbox;
mod server;
mod serving;
mod support;
mod templates;
mod thinking;
mod tokens;
mod traces;
mod transport;
