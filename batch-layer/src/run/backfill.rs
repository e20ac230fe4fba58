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
use super::part_source::PartSource;
use super::tracker::{RunCounters, RunTracker};
use crate::catalog::BatchCatalog;
use crate::job::RunRecord;
use crate::manifest::{MasterFile, RunOutcome, ViewUpdate};
use crate::recompute::MasterPart;

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

/// What is made of the metrics, and of which parts.
type PlannedBackfills = (Vec<BuildTask>, Vec<MasterPart>);

/// What backfills work with.
pub(super) struct BackfillExecutor<'a> {
    pub(super) catalog: &'a BatchCatalog,
    pub(super) builder: &'a ViewBuilder,
    pub(super) tracker: &'a RunTracker,
}

/// What is called between the parts of a backfill: it does the other runs that are due.
pub(super) type YieldHook<'a> = &'a (dyn Fn() -> BoxFuture<'a, ()> + Send + Sync);

impl BackfillExecutor<'_> {
    /// What backfills have to make together, newest days first; none when there is nothing to do.
    pub(super) fn parts(
        &self,
        runs: &[RunRecord],
        files: &[MasterFile],
    ) -> Result<Option<PlannedBackfills>, RunError> {
        let tasks: Vec<BuildTask> = self.jobs(runs).into_iter().map(|job| job.task).collect();
        let boundaries = tasks.iter().map(|task| task.epochs.1);
        let Some(to) = boundaries.max_by_key(|boundary| boundary.epoch) else { return Ok(None) };
        let files = inputs::files_between(files, Boundary::default(), to)?;
        let mut parts = inputs::parts(&files, self.builder.compute.part_size());
        parts.reverse();
        Ok(Some((tasks, parts)))
    }

    /// Makes backfills together, and calls `between_parts` now and then, so that other runs that
    /// become due meanwhile do not wait for the end.
    pub(super) async fn make(
        &self,
        runs: &[RunRecord],
        source: &mut PartSource,
        between_parts: YieldHook<'_>,
        outcome: &mut RunOutcome,
    ) -> Result<(), RunError> {
        let (begun, all) = (Instant::now(), source.events().max(1.0));
        let (mut backfills, mut done) = (self.jobs(runs), 0.0);
        loop {
            self.tracker.report_distribution(runs, source.distribution()).await;
            self.begin_parts(&backfills, source, 0.2 + 0.7 * done / all)?;
            let tasks: Vec<BuildTask> =
                backfills.iter().map(|backfill| backfill.task.clone()).collect();
            let Some(new) = source.next(&tasks).await? else { break };
            for (BackfillJob { run, task, made, counted }, part) in
                backfills.iter_mut().zip(new.outcomes)
            {
                // One that was deleted meanwhile is left out below.
                made.add(part.unwrap_or_default());
                self.tracker.report(run, &task.metric, made, counted);
            }
            done += new.events;
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

    fn jobs(&self, runs: &[RunRecord]) -> Vec<BackfillJob> {
        let snapshot = self.catalog.current();
        runs.iter().filter_map(|run| BackfillJob::of(run, &snapshot)).collect()
    }

    /// Says of each what it does.
    fn begin_parts(
        &self,
        backfills: &[BackfillJob],
        source: &PartSource,
        progress: f64,
    ) -> Result<(), RunError> {
        let others = match backfills.len().saturating_sub(1) {
            0 => String::new(),
            1 => ", together with another metric".to_owned(),
            others => format!(", together with {others} other metrics"),
        };
        let mut is_wanted = backfills.is_empty();
        for BackfillJob { run, task, .. } in backfills {
            let step = format!("backfill {}{others}", task.metric.definition.name);
            let step = source.step(&step);
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
