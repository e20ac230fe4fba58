//! Backfills: the views of new versions, of all that lies before their own fold.
//!
//! Those that wait at the same time are made together, so that what they all read is read once and
//! published once. Each is a run of its own all the same: it has its own record, may be cancelled,
//! and is left out where its metric was deleted meanwhile. What several cannot do together, since
//! one of them fails, they try again in halves.

use std::sync::Arc;

use futures::future::BoxFuture;
use merganser_core::ids::Boundary;
use merganser_metric::catalog::{Catalog, CatalogSnapshot, LifecycleStage, MetricVersion};
use tokio::time::Instant;

use super::build::{BuildOutcome, BuildTask, ViewBuilder};
use super::error::RunError;
use super::inputs;
use super::tracker::{RunCounters, RunTracker};
use crate::catalog::BatchCatalog;
use crate::job::RunRecord;
use crate::manifest::{MasterFile, RunOutcome, ViewUpdate};

/// A backfill that is being executed.
struct BackfillJob {
    run: RunRecord,
    task: BuildTask,
    made: BuildOutcome,
    counted: RunCounters,
}

impl BackfillJob {
    /// What a run has to make; `None` when its metric is there no longer, or made already.
    fn of(run: &RunRecord, snapshot: &CatalogSnapshot) -> Option<Self> {
        let metric = pending(run, snapshot)?;
        let epochs = (Boundary::default(), metric.boundary);
        let task = BuildTask { metric: Arc::clone(metric), epochs, audit: None };
        Some(Self {
            run: run.clone(),
            task,
            made: BuildOutcome::default(),
            counted: RunCounters::default(),
        })
    }

    fn update(self) -> ViewUpdate {
        let Self { task: BuildTask { metric, .. }, made, .. } = self;
        ViewUpdate {
            id: metric.id,
            expected: metric.boundary,
            boundary: metric.boundary,
            files: made.files,
            mismatches: made.mismatches,
            omissions: made.omissions,
        }
    }
}

fn pending<'a>(run: &RunRecord, snapshot: &'a CatalogSnapshot) -> Option<&'a Arc<MetricVersion>> {
    let metric = run.backfill.and_then(|id| snapshot.by_id(id));
    metric.filter(|metric| metric.stage == LifecycleStage::Backfilling)
}

/// What backfills work with.
pub(super) struct BackfillExecutor<'a> {
    pub(super) catalog: &'a BatchCatalog,
    pub(super) builder: &'a ViewBuilder,
    pub(super) tracker: &'a RunTracker,
}

/// What is called between the parts of a backfill: it does the other runs that are due.
pub(super) type YieldHook<'a> = &'a (dyn Fn() -> BoxFuture<'a, ()> + Send + Sync);

impl BackfillExecutor<'_> {
    /// Makes backfills together, newest days first, and calls `between_parts` after each part, so
    /// that other runs that become due meanwhile do not wait for the end.
    pub(super) async fn execute(
        &self,
        runs: &[RunRecord],
        files: &[MasterFile],
        between_parts: YieldHook<'_>,
        outcome: &mut RunOutcome,
    ) -> Result<(), RunError> {
        let (snapshot, begun) = (self.catalog.current(), Instant::now());
        let mut backfills: Vec<BackfillJob> =
            runs.iter().filter_map(|run| BackfillJob::of(run, &snapshot)).collect();
        let boundaries = backfills.iter().map(|backfill| backfill.task.epochs.1);
        let Some(to) = boundaries.max_by_key(|boundary| boundary.epoch) else {
            return self.tracker.report_step(runs, "nothing to backfill", 0.9);
        };
        let files = inputs::files_between(files, Boundary::default(), to)?;
        let parts = inputs::parts(&files, self.builder.compute.threads());
        let all: f64 = parts.iter().map(|part| part.events).sum();
        let mut done = 0.0;
        for parts in parts.rchunks(self.builder.compute.threads()) {
            self.begin_parts(&backfills, 0.2 + 0.7 * done / all.max(1.0))?;
            let tasks: Vec<BuildTask> =
                backfills.iter().map(|backfill| backfill.task.clone()).collect();
            let made = self.builder.build_parts(&tasks, parts).await?;
            for (BackfillJob { run, task, made, counted }, part) in backfills.iter_mut().zip(made) {
                made.add(part);
                self.tracker.report(run, &task.metric, made, counted);
            }
            done += parts.iter().map(|part| part.events).sum::<f64>();
            between_parts().await;
            backfills = self.retain_active(backfills, begun).await;
        }
        for backfill in backfills {
            let (from, to) = backfill.task.epochs;
            backfill.made.check(from, to)?;
            outcome.views.push(backfill.update());
        }
        Ok(())
    }

    /// Says of each what it does.
    fn begin_parts(&self, backfills: &[BackfillJob], progress: f64) -> Result<(), RunError> {
        let others = match backfills.len().saturating_sub(1) {
            0 => String::new(),
            1 => ", together with another metric".to_owned(),
            others => format!(", together with {others} other metrics"),
        };
        let mut is_wanted = backfills.is_empty();
        for BackfillJob { run, task, .. } in backfills {
            let step = format!("backfill {}{others}", task.metric.definition.name);
            is_wanted |=
                self.tracker.report_step(std::slice::from_ref(run), &step, progress).is_ok();
        }
        if is_wanted { Ok(()) } else { Err(RunError::Cancelled) }
    }

    /// Leaves out what was cancelled, and what was deleted.
    async fn retain_active(&self, backfills: Vec<BackfillJob>, begun: Instant) -> Vec<BackfillJob> {
        let snapshot = self.catalog.current();
        let mut wanted = Vec::new();
        for backfill in backfills {
            if self.tracker.queue.is_cancelled(&backfill.run.id) {
                let cancelled = Err(RunError::Cancelled);
                self.tracker.record_outcome(&backfill.run, &cancelled, begun).await;
            } else if pending(&backfill.run, &snapshot).is_some() {
                wanted.push(backfill);
            }
        }
        wanted
    }
}
