//! An attempt of a run, or of backfills together: its record before and after, and what is deleted
//! behind it.

use std::sync::Arc;

use futures::future::BoxFuture;
use merganser_core::failpoint;
use tokio::time::Instant;

use super::error::RunError;
use super::executor::RunExecutor;
use super::worker::TrimFloor;
use crate::catalog::BatchCatalog;
use crate::job::{RunRecord, RunState};

/// Attempts runs.
pub(super) struct RunAttempts {
    pub(super) executor: RunExecutor,
    /// See [`super::RunServiceParts::journal_floor`].
    pub(super) journal_floor: Arc<TrimFloor>,
}

impl RunAttempts {
    /// Tries a run, or several backfills together, and records how it went.
    pub(super) async fn attempt(&self, runs: Vec<RunRecord>) {
        let tracker = &self.executor.tracker;
        let (now, begun) = (tracker.clock.now(), Instant::now());
        for run in &runs {
            tracker.record_start(run, now).await;
        }
        let result = self.executor.execute(&runs, &|| self.run_incremental()).await;
        if let (Err(RunError::Failed(error)), 2..) = (&result, runs.len()) {
            tracker.requeue_apart(&runs, error, begun).await;
            return;
        }
        for run in &runs {
            // What was executed with others, and was cancelled before they published, has not
            // succeeded with them.
            let is_published = |run: RunRecord| matches!(run.state, RunState::Publishing);
            let result = match &result {
                Ok(()) if tracker.queue.get(&run.id).is_some_and(is_published) => Ok(()),
                Ok(()) | Err(RunError::Cancelled) => Err(RunError::Cancelled),
                Err(RunError::Failed(error)) => Err(RunError::Failed(error.clone())),
            };
            tracker.record_outcome(run, &result, begun).await;
        }
    }

    /// Does the incremental or full run that is due: a backfill calls it between its parts, so that
    /// it does not hold it up. The type is written out, since this and an attempt call each
    /// other.
    fn run_incremental(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let is_incremental = |run: &RunRecord| run.backfill.is_none();
            let queue = &self.executor.tracker.queue;
            // One at a time: those that follow each other would keep the backfill waiting.
            if let Ok(runs) = queue.take(Instant::now(), is_incremental) {
                self.attempt(runs).await;
                self.clean_up().await;
            }
        })
    }

    /// Deletes what is no longer needed: old records, objects that no manifest names, journal
    /// segments.
    pub(super) async fn clean_up(&self) {
        let RunExecutor { catalog, journal, tracker, .. } = &self.executor;
        failpoint::pass("gc.before");
        tracker.delete_old().await;
        collect_garbage(catalog).await;
        failpoint::pass("trim.before");
        // Only events that are archived and in every batch view, and that no reader needs any more.
        let Some((floor, permit)) = (self.journal_floor)() else { return };
        let below = catalog.state().covered_boundary().offset.min(floor);
        let journal = Arc::clone(journal);
        let trim = move || {
            let trimmed = journal.trim(below);
            drop(permit);
            trimmed
        };
        match tokio::task::spawn_blocking(trim).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the journal was not trimmed"),
            Err(error) => tracing::warn!(%error, "the journal was not trimmed"),
        }
    }
}

/// Deletes objects that no manifest names. Who cannot delete them can do everything else.
pub(super) async fn collect_garbage(catalog: &BatchCatalog) {
    match catalog.collect_garbage().await {
        Ok(0) => {}
        Ok(deleted) => tracing::debug!(deleted, "deleted objects that no manifest names"),
        Err(error) => tracing::warn!(%error, "objects that no manifest names were not deleted"),
    }
}
