//! The backlog, which is what no run has archived: how large it is, and the turns that intake gives
//! to requests while it is over its bound.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use merganser_core::failpoint::is_bug_planted;
use merganser_core::journal::Journal;
use merganser_metric::catalog::CatalogSnapshot;
use tokio::sync::watch;

use super::error::IntakeError;
use super::instruments;
use super::pace::{Pace, Progress};

/// Compares the journal's end with what the newest snapshot has archived.
pub(super) struct Backlog {
    journal: Arc<dyn Journal>,
    snapshots: watch::Receiver<Arc<CatalogSnapshot>>,
    max_events: u64,
    pace: Mutex<Pace>,
}

impl Backlog {
    pub(super) fn new(
        journal: Arc<dyn Journal>,
        snapshots: watch::Receiver<Arc<CatalogSnapshot>>,
        max_events: u64,
    ) -> Self {
        let archived = snapshots.borrow().archived.offset;
        let pace = Mutex::new(Pace::new(max_events, archived, Instant::now()));
        Self { journal, snapshots, max_events, pace }
    }

    /// How large it is now. To be called every now and then, so that it is known how long runs
    /// take.
    pub(super) fn observe(&self) -> u64 {
        let progress = self.progress();
        self.pace().observe(Instant::now(), progress);
        progress.backlog()
    }

    /// Refuses what would be refused once its body was there.
    pub(super) fn admit(&self) -> Result<(), IntakeError> {
        self.turn(0).map(|_| ())
    }

    /// Waits for the turn of a request of so many events.
    pub(super) async fn wait_turn(&self, events: usize) -> Result<(), IntakeError> {
        let turn = self.turn(events as u64)?;
        let wait = turn.saturating_duration_since(Instant::now());
        if wait > Duration::ZERO {
            instruments::backlog_wait();
            tokio::time::sleep(wait).await;
        }
        Ok(())
    }

    fn turn(&self, events: u64) -> Result<Instant, IntakeError> {
        let progress = self.progress();
        let now = Instant::now();
        if is_bug_planted("no_back_pressure") {
            return Ok(now);
        }
        self.pace().turn(now, progress, events).map_err(|retry_after| {
            instruments::backlog_refused();
            IntakeError::BacklogFull {
                backlog: progress.backlog(),
                max_events: self.max_events,
                retry_after_s: retry_after.as_secs_f64().ceil() as u64,
            }
        })
    }

    fn progress(&self) -> Progress {
        let archived = self.snapshots.borrow().archived.offset;
        // Looked at last, so that nothing is ahead of it.
        Progress { end: self.journal.end(), archived }
    }

    fn pace(&self) -> MutexGuard<'_, Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
