//! Which start of a plan is due, whatever the wall clock does: pure.
//!
//! Starts are times of the wall clock, which can be set. They follow it as it is: what it leaves
//! out when it goes forward is made up for by one run, and when it goes back the starts ahead of it
//! are due anew. None has two runs: one that the clock reaches again is passed over, unless so much
//! time has gone by since its run, by a clock that cannot be set, that passing over would leave
//! more than a gap (decision 17).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use merganser_core::time::Timestamp;

use super::ParsedSchedule;
use crate::job::{RunMode, RunRecord};

/// For how long a start that had its run is passed over, at least; a pattern whose starts lie far
/// apart has half of their distance.
const PASSED_OVER_MIN: Duration = Duration::from_secs(600);
/// Starts that are remembered of each mode. More do not fit into that time unless the clock is set
/// all the time.
const REMEMBERED_MAX: usize = 64;

/// An instant, by the wall clock and by the monotonic one, which cannot be set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClockReading {
    /// The wall clock.
    pub(crate) wall: Timestamp,
    /// The monotonic clock.
    pub(crate) steady: Instant,
}

/// What a look at the clock finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DueRun {
    /// Nothing.
    Nothing,
    /// A run of this mode, for the start at this time.
    Run(RunMode, Timestamp),
    /// A start that had its run before the clock was set back.
    Repeated(Timestamp),
}

/// A plan, and how far it was followed.
#[derive(Debug)]
pub(crate) struct Timetable {
    plan: ParsedSchedule,
    /// The wall clock at the last look.
    looked: Timestamp,
    /// Before this nothing is due, unless the clock is set back.
    next: Option<Timestamp>,
    /// Starts that had their runs, oldest first.
    ran: VecDeque<StartedRun>,
}

#[derive(Clone, Copy, Debug)]
struct StartedRun {
    mode: RunMode,
    start: Timestamp,
    at: Instant,
}

impl Timetable {
    /// A plan that is followed from `now` on.
    pub(crate) fn new(plan: ParsedSchedule, now: Timestamp) -> Self {
        let next = plan.next_any(now);
        Self { plan, looked: now, next, ran: VecDeque::new() }
    }

    /// Follows another plan from `now` on.
    pub(crate) fn change(&mut self, plan: ParsedSchedule, now: Timestamp) {
        self.next = plan.next_any(now);
        (self.plan, self.looked) = (plan, now);
    }

    /// The run that is due at `now` and was not at the last look: the full one where both are, and
    /// of several starts of a mode the last.
    pub(crate) fn poll_due(&mut self, now: ClockReading) -> DueRun {
        let since = std::mem::replace(&mut self.looked, now.wall);
        let is_early = self.next.is_none_or(|next| now.wall < next);
        if since <= now.wall && is_early {
            return DueRun::Nothing;
        }
        self.next = self.plan.next_any(now.wall);
        let mut found = DueRun::Nothing;
        for mode in [RunMode::Full, RunMode::Incremental] {
            match self.plan.last(mode, now.wall).filter(|start| since < *start) {
                Some(start) if !self.has_run(mode, start, now.steady) => {
                    return DueRun::Run(mode, start);
                }
                Some(start) => found = DueRun::Repeated(start),
                None => {}
            }
        }
        found
    }

    /// Notes that the start at `start` has its run, of this mode.
    pub(crate) fn record_start(&mut self, mode: RunMode, start: Timestamp, at: Instant) {
        if self.ran.iter().filter(|ran| ran.mode == mode).count() == REMEMBERED_MAX {
            let oldest = self.ran.iter().position(|ran| ran.mode == mode);
            oldest.map(|oldest| self.ran.remove(oldest));
        }
        self.ran.push_back(StartedRun { mode, start, at });
    }

    /// Takes over what is known of former runs, newest first.
    pub(crate) fn restore(&mut self, runs: &[RunRecord], now: ClockReading) {
        for run in runs.iter().rev() {
            let Some(start) = run.scheduled_for else { continue };
            let ago = Duration::from_millis(now.wall.millis_since(start));
            self.record_start(run.mode, start, now.steady.checked_sub(ago).unwrap_or(now.steady));
        }
    }

    /// When a run of this mode starts next.
    pub(crate) fn next(&self, mode: RunMode, now: ClockReading) -> Option<Timestamp> {
        let mut from = now.wall;
        loop {
            let start = self.plan.next(mode, from)?;
            let wait = Duration::from_millis(start.millis_since(now.wall));
            if !self.has_run(mode, start, now.steady.checked_add(wait)?) {
                return Some(start);
            }
            from = start;
        }
    }

    /// How long the wall clock has to go until something can be due.
    pub(crate) fn wait(&self) -> Option<Duration> {
        self.next.map(|next| Duration::from_millis(next.millis_since(self.looked)))
    }

    /// Whether the start at `start` had its run, and is passed over when it is reached at `at`.
    fn has_run(&self, mode: RunMode, start: Timestamp, at: Instant) -> bool {
        let mut runs = self.ran.iter().rev();
        runs.find(|ran| ran.start == start).is_some_and(|ran| {
            let distance = self.plan.next(mode, start).map(|next| next.millis_since(start));
            let half = Duration::from_millis(distance.unwrap_or(u64::MAX) / 2);
            at.saturating_duration_since(ran.at) < half.max(PASSED_OVER_MIN)
        })
    }
}

#[cfg(test)]
mod tests;
