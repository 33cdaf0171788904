//! What reinforcement learning promises: it learns what is rewarded and nothing else, sampler and
//! trainer agree to the bit, and a killed run goes on as if it had not been.

mod bandit;
#[path = "../killed/mod.rs"]
mod killed;
mod learning;
mod resume;
mod thinker;
mod trl;
mod unbiased;
