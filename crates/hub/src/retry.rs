//! Trying again: what may pass, how long to wait, when to give up.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::error::{HubError, Result};

/// How long to put up with a hub that fails.
#[derive(Clone, Debug)]
pub struct Patience {
    /// Tries without a byte of progress before giving up.
    pub n_tries: u32,
    /// The wait after the first failure; it doubles from try to try.
    pub first_wait: Duration,
    /// No wait is longer, also when the hub asks for more (`Retry-After`): then we give up.
    pub longest_wait: Duration,
    /// How long a connection may be silent.
    pub silence: Duration,
}

impl Patience {
    /// Fit for the internet: seven tries over about a minute, silent for at most a minute.
    pub const ORDINARY: Patience = Patience {
        n_tries: 7,
        first_wait: Duration::from_secs(1),
        longest_wait: Duration::from_secs(300),
        silence: Duration::from_secs(60),
    };
}

/// Why a try failed.
pub(crate) enum Failure {
    /// Trying again would not help.
    Final(HubError),
    /// It may pass.
    Passing {
        /// What happened.
        why: String,
        /// What the hub asks for.
        retry_after: Option<Duration>,
    },
}

impl From<HubError> for Failure {
    fn from(error: HubError) -> Failure {
        Failure::Final(error)
    }
}

impl Failure {
    /// One that may pass, of which the hub says nothing.
    pub fn passing(why: impl Into<String>) -> Failure {
        Failure::Passing { why: why.into(), retry_after: None }
    }
}

/// Who may end the waiting, and who hears of it.
#[derive(Clone, Copy)]
pub(crate) struct Watch<'a> {
    /// Set when another transfer failed for good.
    pub stop: &'a AtomicBool,
    /// Told what failed and how long we wait.
    pub on_wait: &'a (dyn Fn(&str, Duration) + Sync),
}

/// The tries of one thing.
pub(crate) struct Tries<'a> {
    what: String,
    patience: &'a Patience,
    watch: Watch<'a>,
    n_failed: u32,
}

impl<'a> Tries<'a> {
    /// None yet.
    pub fn new(what: String, patience: &'a Patience, watch: Watch<'a>) -> Tries<'a> {
        Tries { what, patience, watch, n_failed: 0 }
    }

    /// There was progress: failures are counted anew.
    pub fn start_over(&mut self) {
        self.n_failed = 0;
    }

    /// Waits after a failure, or gives up.
    pub fn pause(&mut self, failure: Failure) -> Result<()> {
        let (why, retry_after) = match failure {
            Failure::Final(error) => return Err(error),
            Failure::Passing { why, retry_after } => (why, retry_after),
        };
        self.n_failed += 1;
        let Patience { n_tries, first_wait, longest_wait, .. } = *self.patience;
        let is_too_long = retry_after.is_some_and(|wait| wait > longest_wait);
        if self.n_failed >= n_tries || is_too_long {
            let why = match retry_after.filter(|_| is_too_long) {
                Some(wait) => format!("{why}, and asks to wait {} s", wait.as_secs()),
                None => why,
            };
            return Err(HubError::Unfinished {
                what: self.what.clone(),
                why,
                n_tries: self.n_failed,
            });
        }
        let wait = retry_after.unwrap_or_else(|| {
            // From one half to the whole, by the name: transfers that failed together come back
            // one after another.
            let doubled = first_wait.saturating_mul(1 << (self.n_failed - 1).min(16));
            let sum: u32 = self.what.bytes().map(u32::from).sum();
            doubled.min(longest_wait).mul_f64(0.5 + f64::from(sum % 64) / 128.0)
        });
        (self.watch.on_wait)(&format!("{}: {why}", self.what), wait);
        sleep(wait, self.watch.stop)
    }

    /// Tries until it succeeds or is given up.
    pub fn run<T>(
        mut self,
        mut attempt: impl FnMut() -> std::result::Result<T, Failure>,
    ) -> Result<T> {
        loop {
            match attempt() {
                Ok(value) => return Ok(value),
                Err(failure) => self.pause(failure)?,
            }
        }
    }
}

/// Sleeps in slices, so that a stop is seen.
pub(crate) fn sleep(wait: Duration, stop: &AtomicBool) -> Result<()> {
    const SLICE: Duration = Duration::from_millis(50);
    let end = Instant::now() + wait;
    loop {
        if stop.load(Ordering::Relaxed) {
            return Err(HubError::Stopped);
        }
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        std::thread::sleep(left.min(SLICE));
    }
}
