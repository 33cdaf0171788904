//! Ctrl-C: ends the program, or only the answer while one is being written.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use anyhow::Context;

use crate::exit::INTERRUPTED;

/// Ctrl-C ends the program at once.
const EXIT: u8 = 0;
/// Ctrl-C asks the answer to stop.
const WATCHED: u8 = 1;
/// It was asked to.
const STOPPED: u8 = 2;

/// What Ctrl-C does at the moment.
#[derive(Clone)]
pub struct Interrupt {
    state: Arc<AtomicU8>,
}

impl Interrupt {
    /// Takes over SIGINT. A second Ctrl-C, while the answer is still stopping, ends the program
    /// if `is_impatient`: a long prompt is computed in steps that nothing breaks off.
    pub fn install(is_impatient: bool) -> anyhow::Result<Interrupt> {
        let state = Arc::new(AtomicU8::new(EXIT));
        let shared = state.clone();
        ctrlc::set_handler(move || {
            let was = shared.compare_exchange(WATCHED, STOPPED, Ordering::SeqCst, Ordering::SeqCst);
            if was == Err(EXIT) || (was == Err(STOPPED) && is_impatient) {
                eprintln!();
                std::process::exit(i32::from(INTERRUPTED));
            }
        })
        .context("cannot take over Ctrl-C")?;
        Ok(Interrupt { state })
    }

    /// From here on Ctrl-C asks for a stop.
    pub fn watch(&self) {
        self.state.store(WATCHED, Ordering::SeqCst);
    }

    /// Whether a stop was asked for.
    pub fn is_stopped(&self) -> bool {
        self.state.load(Ordering::SeqCst) == STOPPED
    }

    /// From here on Ctrl-C ends the program. Returns whether a stop was asked for.
    pub fn unwatch(&self) -> bool {
        self.state.swap(EXIT, Ordering::SeqCst) == STOPPED
    }
}
