//! Beginning works, going on with them, and ending them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use merganser_api::run::RunDistribution;
use merganser_core::ids::MetricId;
use merganser_metric::catalog::Catalog;

use super::{PartCluster, PartMaker, SharedWork, Work, WorkPlan, WorkSettings};
use crate::catalog::BatchCatalog;
use crate::job::RunRecord;
use crate::recompute::MasterPart;
use crate::run::build::BuildTask;
use crate::run::error::RunError;
use crate::run::executor::RunExecutor;
use crate::run::part_source::PartSource;
use crate::storage::StorageError;

/// Who makes the parts of large runs.
#[derive(Clone)]
pub(in crate::run) struct WorkSharing {
    pub(in crate::run) cluster: Arc<dyn PartCluster>,
    /// For what nobody else makes.
    pub(in crate::run) maker: Arc<PartMaker>,
    pub(in crate::run) settings: WorkSettings,
}

impl RunExecutor {
    /// The parts of a full run or of backfills: large ones are made by other processes, if there
    /// are any.
    pub(in crate::run) async fn share(
        &self,
        runs: &[RunRecord],
        tasks: &[BuildTask],
        parts: Vec<MasterPart>,
    ) -> Result<PartSource, RunError> {
        let Some(sharing) = self.sharing.as_ref().filter(|_| self.is_shared(&parts)) else {
            return Ok(PartSource::here(&self.builder, parts));
        };
        let plan = WorkPlan::new(tasks, self.catalog.current().generation, parts.len());
        let work = Work::new(self.catalog.storage());
        self.catalog.reserve(work.name(), work.reservation(&plan, &parts));
        let shared = SharedWork::new(work, &plan, parts, sharing, None);
        // Before there is anything of it, so that whoever ends the run ends it.
        self.tracker.report_distribution(runs, Some(shared.distribution())).await;
        shared.describe(&plan).await?;
        Ok(PartSource::Elsewhere(Box::new(shared)))
    }

    /// Whether a run of these parts is one that other processes make.
    pub(in crate::run) fn is_shared(&self, parts: &[MasterPart]) -> bool {
        let events: f64 = parts.iter().map(|part| part.events).sum();
        self.sharing.as_ref().is_some_and(|s| events >= s.settings.min_events.max(1) as f64)
    }

    /// The work of runs that were interrupted, where it can be gone on with.
    pub(in crate::run) async fn resume(
        &self,
        runs: &[RunRecord],
    ) -> Result<Option<(Vec<BuildTask>, PartSource)>, RunError> {
        let mut works = runs.iter().map(|run| self.distribution_of(run));
        let before = works.next().flatten();
        let name = |one: &Option<RunDistribution>| one.as_ref().map(|one| one.work.clone());
        let is_one = works.all(|other| name(&other) == name(&before));
        let (Some(sharing), Some(name), true) = (&self.sharing, name(&before), is_one) else {
            return Ok(None);
        };
        let Some(InterruptedWork { work, plan, tasks, parts }) =
            InterruptedWork::reserve(&self.catalog, &name).await?
        else {
            return Ok(None);
        };
        // One of them may have been cancelled since.
        let planned: BTreeSet<MetricId> = plan.metrics().collect();
        if runs.iter().filter_map(|run| run.backfill).any(|metric| !planned.contains(&metric)) {
            return Ok(None);
        }
        tracing::info!(work = work.name(), parts = parts.len(), "a work is gone on with");
        let work = SharedWork::new(work, &plan, parts, sharing, before);
        Ok(Some((tasks, PartSource::Elsewhere(Box::new(work)))))
    }

    /// Runs have ended, well or not: what they shared is over, unless others share it still.
    pub(in crate::run) async fn end_works(&self, runs: &[RunRecord]) {
        let works = runs.iter().filter_map(|run| self.distribution_of(run));
        let mut works: BTreeMap<String, Option<String>> =
            works.map(|distribution| (distribution.work, distribution.job)).collect();
        if works.is_empty() {
            return;
        }
        for other in self.tracker.queue.list() {
            let is_one_of_them = runs.iter().any(|run| run.id == other.id);
            if let (false, false, Some(shared)) =
                (is_one_of_them, other.state.is_final(), other.distribution)
            {
                works.remove(&shared.work);
            }
        }
        for (name, job) in works {
            let work = Work::named(self.catalog.storage(), &name);
            if let Err(error) = work.delete().await {
                tracing::warn!(work = name, %error, "a work's objects are left to be collected");
            }
            self.catalog.release(&name);
            if let (Some(sharing), Some(job)) = (&self.sharing, job) {
                sharing.cluster.cancel(&job).await;
            }
        }
    }

    fn distribution_of(&self, run: &RunRecord) -> Option<RunDistribution> {
        self.tracker.queue.get(&run.id)?.distribution
    }
}

/// A work that was interrupted, and can be gone on with.
struct InterruptedWork {
    work: Work,
    plan: WorkPlan,
    tasks: Vec<BuildTask>,
    parts: Vec<MasterPart>,
}

impl InterruptedWork {
    /// Keeps what it needs from being collected; none where it is over, or its metrics stand
    /// elsewhere by now.
    async fn reserve(catalog: &BatchCatalog, name: &str) -> Result<Option<Self>, StorageError> {
        let work = Work::named(catalog.storage(), name);
        let Some(plan) = work.plan().await? else { return Ok(None) };
        let Some(tasks) = plan.resumed(&catalog.current()) else { return Ok(None) };
        let parts = work.parts(&plan).await?;
        catalog.reserve(work.name(), work.reservation(&plan, &parts));
        Ok(Some(Self { work, plan, tasks, parts }))
    }
}

/// Keeps what the work of an interrupted run needs from being collected. Whether there is one that
/// can be gone on with.
pub(in crate::run) async fn reserve(
    catalog: &BatchCatalog,
    run: &RunRecord,
) -> Result<bool, StorageError> {
    let Some(distribution) = &run.distribution else { return Ok(false) };
    Ok(InterruptedWork::reserve(catalog, &distribution.work).await?.is_some())
}
