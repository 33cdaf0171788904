//! The product's promises, kept by the real binary: one module a promise.

mod bad_input;
mod bench;
mod clients;
mod conversation;
mod dialects;
mod embedded;
mod evaluation;
mod golden_probabilities;
mod golden_text;
mod grading;
mod memory;
mod numbers;
mod runs;
mod sandbox;
mod server;
mod serving;
mod support;
mod templates;
mod thinking;
mod tokens;
