//! Waiting between tries: longer each time, and not for ever.

use std::thread;
use std::time::{Duration, Instant};

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(5);

/// How long to wait before the next try. The waits double from 100 ms to 5 s.
#[derive(Debug)]
pub(super) struct Backoff {
    next: Duration,
    until: Instant,
}

impl Backoff {
    /// Tries for `limit` at most, from now on.
    pub(super) fn with_deadline(limit: Duration) -> Self {
        Self { next: FIRST, until: Instant::now() + limit }
    }

    /// The next wait, at least as long as the server said; none when the time is over.
    pub(super) fn next(&mut self, at_least: Option<Duration>) -> Option<Duration> {
        let pause = self.next.max(at_least.unwrap_or_default()).min(LONGEST);
        if Instant::now() + pause > self.until {
            return None;
        }
        self.next = (self.next * 2).min(LONGEST);
        Some(pause)
    }

    /// Waits, at least for as long as the server said; false when the time is over.
    pub(super) fn wait(&mut self, at_least: Option<Duration>) -> bool {
        self.next(at_least).map(thread::sleep).is_some()
    }
}
