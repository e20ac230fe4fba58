//! An attempt of a run, or of backfills together: its record before and after, and what is tidied
//! up behind it.

use std::sync::Arc;
use std::time::Duration;

use merganser_core::failpoint;
use tokio::time::Instant;

use super::error::RunError;
use super::executor::RunExecutor;
use super::instruments;
use crate::job::{RunRecord, RunState};
use crate::storage::Storage;

/// How often a run is tried.
const ATTEMPTS_MAX: u32 = 6;
/// The wait before the second attempt; it doubles with each.
const BACKOFF: Duration = Duration::from_secs(1);

/// Tries a run, or several backfills together, and records how it went.
pub(super) async fn attempt(executor: &RunExecutor, runs: Vec<RunRecord>) {
    let (queue, now, begun) = (&executor.queue, executor.clock.now(), Instant::now());
    for RunRecord { id, mode, trigger, .. } in &runs {
        queue.update(id, |run| {
            run.state = RunState::Running;
            run.attempt += 1;
            run.started_at = run.started_at.or(Some(now));
            (run.events, run.days, run.audit) = (0, 0, None);
        });
        record(executor, id).await;
        tracing::info!(run = id, mode = mode.name(), ?trigger, "a run starts");
    }
    let result = executor.execute(&runs).await;
    if let (Err(RunError::Failed(error)), 2..) = (&result, runs.len()) {
        requeue_apart(executor, &runs, error, begun).await;
        return;
    }
    for run in &runs {
        let is_published = |run: RunRecord| matches!(run.state, RunState::Publishing);
        let result = match &result {
            Ok(()) if queue.get(&run.id).is_some_and(is_published) => Ok(()),
            Ok(()) | Err(RunError::Cancelled) => Err(RunError::Cancelled),
            Err(RunError::Failed(error)) => Err(RunError::Failed(error.clone())),
        };
        record_outcome(executor, run, &result, begun).await;
    }
}

/// Of runs that failed together one may be why: they are queued again in halves, and that is no
/// attempt of any.
async fn requeue_apart(executor: &RunExecutor, runs: &[RunRecord], error: &str, begun: Instant) {
    let mut again = Vec::new();
    for run in runs {
        if executor.queue.is_cancelled(&run.id) {
            record_outcome(executor, run, &Err(RunError::Cancelled), begun).await;
            continue;
        }
        executor.queue.update(&run.id, |run| {
            run.state = RunState::Queued;
            run.attempt = run.attempt.saturating_sub(1);
            run.step = "waits to be made with fewer others".to_owned();
        });
        record(executor, &run.id).await;
        again.push(&*run.id);
    }
    tracing::info!(runs = again.len(), error, "backfills failed together: again in halves");
    executor.queue.requeue_halves(&again);
}

/// Records how an attempt went that began then, unless that was recorded before.
pub(super) async fn record_outcome(
    executor: &RunExecutor,
    run: &RunRecord,
    result: &Result<(), RunError>,
    begun: Instant,
) {
    let (queue, ended) = (&executor.queue, executor.clock.now());
    let Some(after) = queue.get(&run.id).filter(|run| !run.state.is_final()) else { return };
    let seconds = begun.elapsed().as_secs_f64();
    let outcome = match result {
        Ok(()) => "succeeded",
        Err(RunError::Cancelled) => "cancelled",
        Err(RunError::Failed(_)) => "failed",
    };
    instruments::record_attempt(run, outcome, seconds);
    let again = matches!(result, Err(RunError::Failed(_))) && after.attempt < ATTEMPTS_MAX;
    queue.update(&run.id, |run| {
        run.state = match result {
            Ok(()) => RunState::Succeeded,
            Err(RunError::Cancelled) => RunState::Cancelled,
            Err(RunError::Failed(_)) if again => RunState::Queued,
            Err(RunError::Failed(_)) => RunState::Failed,
        };
        run.error = result.as_ref().err().map(ToString::to_string);
        run.ended_at = (!again).then_some(ended);
        run.step = if again { "waits for its next attempt" } else { outcome }.to_owned();
        if result.is_ok() {
            run.progress = 1.0;
        }
    });
    record(executor, &run.id).await;
    match result {
        Ok(()) => {
            instruments::record_success(run, ended);
            tracing::info!(run = run.id, seconds, "a run succeeded");
        }
        Err(RunError::Cancelled) => tracing::info!(run = run.id, "a run was cancelled"),
        Err(RunError::Failed(error)) => {
            tracing::warn!(run = run.id, error, attempt = after.attempt, again, "a run failed");
        }
    }
    if again {
        let wait = BACKOFF * 2_u32.saturating_pow(after.attempt.saturating_sub(1));
        queue.retry(&run.id, Instant::now() + wait);
    }
}

/// Runs that the shutdown cut off; the next start finds their records and starts them anew.
pub(super) async fn record_interrupted(executor: &RunExecutor, runs: &[RunRecord]) {
    for run in runs {
        tracing::info!(run = run.id, "a run is interrupted by the shutdown");
        record(executor, &run.id).await;
    }
}

async fn record(executor: &RunExecutor, id: &str) {
    let Some(run) = executor.queue.get(id) else { return };
    failpoint::pass("run.record.before");
    let storage: &Storage = executor.catalog.storage();
    if let Err(error) = storage.replace_document(&path(id), &run).await {
        tracing::warn!(run = id, %error, "a run's record was not stored");
    }
}

fn path(id: &str) -> String {
    format!("runs/{id}.json")
}

/// Deletes what is no longer needed: old records, objects that no manifest names, journal segments.
pub(super) async fn clean_up(executor: &RunExecutor) {
    failpoint::pass("gc.before");
    for id in executor.queue.forget_old() {
        if let Err(error) = executor.catalog.storage().delete(&path(&id)).await {
            tracing::warn!(run = id, %error, "an old record was not deleted");
        }
    }
    if let Err(error) = executor.catalog.collect_garbage().await {
        tracing::warn!(%error, "objects that no manifest names were not deleted");
    }
    failpoint::pass("trim.before");
    let covered = executor.catalog.state().covered_boundary().offset;
    let below = covered.min((executor.journal_floor)());
    let journal = Arc::clone(&executor.journal);
    match tokio::task::spawn_blocking(move || journal.trim(below)).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => tracing::warn!(%error, "the journal was not trimmed"),
        Err(error) => tracing::warn!(%error, "the journal was not trimmed"),
    }
}
