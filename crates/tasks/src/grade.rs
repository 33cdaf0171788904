//! The verifier: decides whether a mathematical answer equals the gold one.

mod ball;
mod clean;
mod expr;
mod form;
mod fuel;
mod lexer;
mod parse;
pub mod policy;
mod text;
mod units;
mod value;
pub use parse::parse;
