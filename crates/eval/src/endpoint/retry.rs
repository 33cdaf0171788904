//! What is tried again, and after how long.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ponder_tasks::random::Random;

/// Why a try gave no reply.
#[derive(Debug, PartialEq)]
pub(super) enum Attempt {
    /// It may go well later, not before `after` if the server says so.
    Again {
        /// What went wrong.
        reason: String,
        /// What the server asked for.
        after: Option<Duration>,
    },
    /// This request is refused, and will be again.
    Refused(String),
    /// So will every other.
    Hopeless(String),
}

/// The first pause; each further one is twice as long, up to the longest.
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(120);
/// A server that asks for more is not waited for any longer than this at once.
const LONGEST_ASKED: Duration = Duration::from_secs(3600);
/// How often a pause looks whether the run is over.
const GLANCE: Duration = Duration::from_millis(100);

/// Growing pauses with a random part, so that requests which failed together do not return together.
pub(super) struct Pauses {
    next: Duration,
    random: Random,
}

impl Pauses {
    pub(super) fn new(seed: u64) -> Pauses {
        Pauses { next: FIRST, random: Random::named(seed, "pauses") }
    }

    /// How long to wait now.
    pub(super) fn next(&mut self, asked: Option<Duration>) -> Duration {
        let own = self.next.mul_f64(0.5 + self.random.uniform());
        self.next = (self.next * 2).min(LONGEST);
        asked.map_or(own, |asked| asked.min(LONGEST_ASKED).max(own))
    }

    /// Waits, unless the run is over.
    pub(super) fn wait(&mut self, asked: Option<Duration>, is_over: &AtomicBool) {
        let (start, pause) = (Instant::now(), self.next(asked));
        while start.elapsed() < pause && !is_over.load(Ordering::Relaxed) {
            std::thread::sleep(GLANCE.min(pause.saturating_sub(start.elapsed())));
        }
    }
}

/// What `Retry-After` asks for. Its form as a date is not read: the pauses grow anyway.
pub(super) fn seconds(text: &str) -> Option<Duration> {
    text.trim().parse::<f64>().ok().and_then(|s| Duration::try_from_secs_f64(s).ok())
}

/// An answer that is no success.
pub(super) fn of_status(status: u16, after: Option<Duration>, text: &str) -> Attempt {
    const MOST: usize = 300;
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let end = text.char_indices().nth(MOST).map_or(text.len(), |(end, _)| end);
    let reason = format!("status {status}: {}", &text[..end]);
    match status {
        408 | 409 | 425 | 429 | 500..=599 => Attempt::Again { reason, after },
        401..=405 => Attempt::Hopeless(format!("the endpoint refuses every request: {reason}")),
        _ => Attempt::Refused(reason),
    }
}

/// A failure before there was an answer.
pub(super) fn of_transport(error: &ureq::Error) -> Attempt {
    let reason = error.to_string();
    match error {
        ureq::Error::BadUri(_) | ureq::Error::Http(_) => {
            Attempt::Hopeless(format!("the endpoint's address is wrong: {reason}"))
        }
        _ => Attempt::Again { reason, after: None },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_heed_the_server() {
        let mut pauses = Pauses::new(1);
        let own: Vec<f64> = (0..12).map(|_| pauses.next(None).as_secs_f64()).collect();
        for (i, pause) in own.iter().enumerate() {
            let middle = f64::from(1u32 << i).min(120.0);
            assert!((0.5 * middle..1.5 * middle).contains(pause), "{own:?}");
        }
        let mut pauses = Pauses::new(1);
        assert_eq!(pauses.next(seconds("7")), Duration::from_secs(7));
        assert!(pauses.next(seconds("1e9")) == LONGEST_ASKED);
        assert_eq!((seconds("soon"), seconds("-1")), (None, None));
    }

    #[test]
    fn statuses_are_sorted_by_what_helps() {
        let kind = |status| match of_status(status, None, "x") {
            Attempt::Again { .. } => "again",
            Attempt::Refused(_) => "refused",
            Attempt::Hopeless(_) => "hopeless",
        };
        for (status, want) in
            [(429, "again"), (503, "again"), (400, "refused"), (401, "hopeless"), (404, "hopeless")]
        {
            assert_eq!(kind(status), want, "{status}");
        }
    }
}
