//! When a writer may call its store: one job at a time, and later and later while it fails.

use std::time::Duration;

use tokio::time::Instant;

const RETRY_MIN: Duration = Duration::from_millis(50);
const RETRY_MAX: Duration = Duration::from_secs(2);

#[derive(Clone, Copy, Debug)]
enum JobState {
    /// None is under way, and the next may start from then on.
    Free { from: Instant },
    /// One is under way.
    Busy { since: Instant },
}

/// See the module's text.
#[derive(Debug)]
pub(super) struct JobPacing {
    state: JobState,
    /// Jobs that failed, one behind the other.
    attempts: u32,
    /// Since when no job has been done by the store, and what it said last.
    failing: Option<(Instant, String)>,
}

impl JobPacing {
    pub(super) fn new(now: Instant) -> Self {
        Self { state: JobState::Free { from: now }, attempts: 0, failing: None }
    }

    /// When the next job may start; `None` while one is under way.
    pub(super) fn free_from(&self) -> Option<Instant> {
        match self.state {
            JobState::Free { from } => Some(from),
            JobState::Busy { .. } => None,
        }
    }

    /// A job starts.
    pub(super) fn start(&mut self, now: Instant) {
        self.state = JobState::Busy { since: now };
    }

    /// The job is answered. Returns when it started.
    pub(super) fn finish(&mut self, now: Instant) -> Instant {
        let since = match self.state {
            JobState::Busy { since } => since,
            JobState::Free { .. } => now,
        };
        self.state = JobState::Free { from: now };
        since
    }

    /// The next job starts later.
    pub(super) fn back_off(&mut self, now: Instant) {
        let pause = RETRY_MAX.min(RETRY_MIN * 2_u32.pow(self.attempts.min(8)));
        self.state = JobState::Free { from: now + pause };
        self.attempts += 1;
    }

    /// The store did a job: the next failure pauses shortly again.
    pub(super) fn reset(&mut self) {
        self.attempts = 0;
    }

    /// A job that started at `since` failed.
    pub(super) fn record_failure(&mut self, since: Instant, reason: &str) {
        let since = self.failing.take().map_or(since, |(since, _)| since);
        self.failing = Some((since, reason.to_owned()));
    }

    /// The store carries out commands again, or gets no more of them.
    pub(super) fn clear_failure(&mut self) {
        self.failing = None;
    }

    /// Since when the store carries out no command, and why, once that has lasted for
    /// `failing_after`. A store that hangs gives no reason.
    pub(super) fn failure(
        &self,
        now: Instant,
        failing_after: Duration,
    ) -> Option<(Instant, String)> {
        let silent = || match self.state {
            JobState::Busy { since } => Some((since, "it does not answer".to_owned())),
            JobState::Free { .. } => None,
        };
        let failure = self.failing.clone().or_else(silent);
        failure.filter(|(since, _)| now.saturating_duration_since(*since) >= failing_after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_their_bound_and_begin_again_after_a_success() {
        let now = Instant::now();
        let mut pacing = JobPacing::new(now);
        let mut pauses = Vec::new();
        for _ in 0..8 {
            pacing.start(now);
            assert_eq!(pacing.free_from(), None, "one at a time");
            pacing.finish(now);
            pacing.back_off(now);
            pauses.push((pacing.free_from().unwrap() - now).as_millis());
        }
        assert_eq!(pauses, [50, 100, 200, 400, 800, 1600, 2000, 2000]);
        pacing.reset();
        pacing.back_off(now);
        assert_eq!(pacing.free_from(), Some(now + RETRY_MIN));
    }

    #[test]
    fn a_store_fails_since_its_first_failure_or_since_it_is_silent() {
        let (now, after) = (Instant::now(), Duration::from_secs(1));
        let mut pacing = JobPacing::new(now);
        assert_eq!(pacing.failure(now + after, after), None, "no command was sent");
        pacing.start(now);
        assert_eq!(pacing.failure(now + after / 2, after), None);
        let silent = pacing.failure(now + after, after).unwrap();
        assert_eq!(silent, (now, "it does not answer".to_owned()));
        let since = pacing.finish(now + after);
        pacing.record_failure(since, "first");
        pacing.record_failure(now + after, "second");
        assert_eq!(pacing.failure(now + after, after), Some((now, "second".to_owned())));
        pacing.clear_failure();
        assert_eq!(pacing.failure(now + after, after), None);
    }
}
