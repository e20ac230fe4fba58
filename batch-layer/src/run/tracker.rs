//! What the records of runs say: each step, what was folded, what audits found, and how an attempt
//! ended.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use merganser_api::run::{AuditCounts, RunDistribution};
use merganser_core::clock::Clock;
use merganser_core::failpoint;
use merganser_core::time::Timestamp;
use merganser_metric::catalog::MetricVersion;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::build::BuildOutcome;
use super::error::RunError;
use super::instruments;
use crate::job::{RunQueue, RunRecord, RunState};
use crate::storage::Storage;

/// How often a run is tried.
const ATTEMPTS_MAX: u32 = 6;
/// The wait before the second attempt; it doubles with each.
const BACKOFF: Duration = Duration::from_secs(1);

/// Keeps the records of runs, in the queue and on disk.
#[derive(Clone)]
pub(super) struct RunTracker {
    pub(super) queue: RunQueue,
    pub(super) storage: Storage,
    pub(super) clock: Arc<dyn Clock>,
    /// One record is written after the other, so that none replaces a newer one.
    pub(super) turn: Arc<Mutex<()>>,
}

impl RunTracker {
    /// Records that an attempt of a run begins.
    pub(super) async fn record_start(&self, run: &RunRecord, now: Timestamp) {
        let RunRecord { id, mode, trigger, .. } = run;
        self.queue.update(id, |run| {
            run.state = RunState::Running;
            run.attempt += 1;
            run.started_at = run.started_at.or(Some(now));
            (run.events, run.days, run.audit) = (0, 0, None);
        });
        self.record(id).await;
        tracing::info!(run = id, mode = mode.name(), ?trigger, "a run starts");
    }

    /// Records what runs do. It is an error if all of them were cancelled, so that work stops.
    pub(super) fn report_step(
        &self,
        runs: &[RunRecord],
        step: &str,
        progress: f64,
    ) -> Result<(), RunError> {
        if runs.iter().all(|run| self.queue.is_cancelled(&run.id)) {
            return Err(RunError::Cancelled);
        }
        for run in runs {
            self.queue.update(&run.id, |run| {
                run.step = step.to_owned();
                run.progress = progress;
            });
        }
        Ok(())
    }

    /// Records how what runs make is distributed, if it is: in the storage what another leader
    /// needs to go on with it.
    pub(super) async fn report_distribution(
        &self,
        runs: &[RunRecord],
        distribution: Option<RunDistribution>,
    ) {
        let Some(distribution) = distribution else { return };
        let needed = |distribution: &RunDistribution| {
            (distribution.work.clone(), distribution.job.clone(), distribution.submissions)
        };
        for run in runs {
            let before = self.queue.get(&run.id).and_then(|run| run.distribution);
            self.queue.update(&run.id, |run| run.distribution = Some(distribution.clone()));
            if before.as_ref().map(needed) != Some(needed(&distribution)) {
                self.record(&run.id).await;
            }
        }
    }

    /// Records what was folded so far, and what the audits found.
    pub(super) fn report(
        &self,
        run: &RunRecord,
        metric: &MetricVersion,
        made: &mut BuildOutcome,
        counted: &mut RunCounters,
    ) {
        counted.events = counted.events.max(made.events);
        counted.days.extend(&made.days);
        self.queue.update(&run.id, |run| {
            (run.events, run.days) = (counted.events, counted.days.len() as u64);
        });
        for audit in made.audits.drain(..) {
            self.report_audit(run, metric, audit);
        }
    }

    fn report_audit(
        &self,
        run: &RunRecord,
        metric: &MetricVersion,
        audit: Result<AuditCounts, String>,
    ) {
        match audit {
            Ok(audit) => {
                instruments::record_audit(audit);
                self.queue.update(&run.id, |run| {
                    run.audit = Some(run.audit.unwrap_or_default().combine(audit));
                });
            }
            Err(reason) => {
                instruments::record_audit_failure();
                tracing::warn!(metric = metric.definition.name, reason, "a part was not audited");
            }
        }
    }

    /// Of runs that failed together one may be why: they are queued again in halves, and that is no
    /// attempt of any.
    pub(super) async fn requeue_apart(&self, runs: &[RunRecord], error: &str, begun: Instant) {
        let mut again = Vec::new();
        for run in runs {
            if self.queue.is_cancelled(&run.id) {
                self.record_outcome(run, &Err(RunError::Cancelled), begun).await;
                continue;
            }
            self.queue.update(&run.id, |run| {
                run.state = RunState::Queued;
                run.attempt = run.attempt.saturating_sub(1);
                run.distribution = None;
                run.step = "waits to be made with fewer others".to_owned();
            });
            self.record(&run.id).await;
            again.push(&*run.id);
        }
        tracing::info!(runs = again.len(), error, "backfills failed together: again in halves");
        self.queue.requeue_halves(&again);
    }

    /// Records how an attempt went that began then, unless that was recorded before.
    pub(super) async fn record_outcome(
        &self,
        run: &RunRecord,
        result: &Result<(), RunError>,
        begun: Instant,
    ) {
        let (queue, ended) = (&self.queue, self.clock.now());
        let Some(after) = queue.get(&run.id).filter(|run| !run.state.is_final()) else { return };
        let result = match result {
            Err(RunError::Failed(_)) if queue.is_cancelled(&run.id) => &Err(RunError::Cancelled),
            result => result,
        };
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
            if again {
                // Its work is over.
                run.distribution = None;
            }
        });
        self.record(&run.id).await;
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

    /// Runs that the shutdown cut off. Their records say already that they are under way; another
    /// process may do them by now, and write them.
    pub(super) fn note_interrupted(runs: &[RunRecord]) {
        for run in runs {
            tracing::info!(run = run.id, "a run is interrupted by the shutdown");
        }
    }

    pub(super) async fn record(&self, id: &str) {
        let _turn = self.turn.lock().await;
        let Some(run) = self.queue.get(id) else { return };
        failpoint::pass("run.record.before");
        if !run.state.is_final() && self.is_ended_elsewhere(id).await {
            tracing::info!(run = id, "a run was ended by another process");
            return;
        }
        if let Err(error) = self.storage.replace_document(&path(id), &run).await {
            tracing::warn!(run = id, %error, "a run's record was not stored");
        }
    }

    /// Whether another process did the runs while this one was held up, and has ended the run.
    async fn is_ended_elsewhere(&self, id: &str) -> bool {
        let stored = self.storage.read_document::<RunRecord>(&path(id)).await;
        stored.is_ok_and(|stored| stored.state.is_final())
    }

    /// Deletes the records that are too many.
    pub(super) async fn delete_old(&self) {
        for id in self.queue.forget_old() {
            if let Err(error) = self.storage.delete(&path(&id)).await {
                tracing::warn!(run = id, %error, "an old record was not deleted");
            }
        }
    }
}

/// What a run has folded so far, each event once however many metrics are made of it: all of them
/// read the same epochs up to the same end, and the one that stands farthest back reads them all.
#[derive(Default)]
pub(super) struct RunCounters {
    days: BTreeSet<i64>,
    events: u64,
}

fn path(id: &str) -> String {
    format!("runs/{id}.json")
}
