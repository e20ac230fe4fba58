//! Making a view's parts: each folded from the master dataset, compared with what was served of it,
//! and written. Parts hold different days, so that several are made at once, each by one thread, or
//! by more if it is large; and several metrics are made of a part at once, so that it is read once.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::RecordBatch;
use merganser_api::run::AuditCounts;
use merganser_core::failpoint;
use merganser_core::ids::Boundary;
use merganser_core::omissions::MetricOmissions;
use merganser_metric::catalog::{CatalogSnapshot, MetricVersion, ViewFile};
use merganser_metric::views::SpeedViews;
use serde::{Deserialize, Serialize};

use super::audit_baseline::AuditBaseline;
use super::compute_pool::ComputePool;
use super::error::RunError;
use crate::job::RunMode;
use crate::recompute::{MasterPart, Recomputation, RecomputeCounters, RecomputeTarget};
use crate::storage::Storage;
use crate::view::{self, ParquetViews, ViewFileBuilder, ViewSchema};

/// What a part is made for.
#[derive(Clone)]
pub(super) struct BuildTask {
    pub(super) metric: Arc<MetricVersion>,
    /// The epochs that its files are about.
    pub(super) epochs: (Boundary, Boundary),
    /// What was served, in which mode, when it is to be compared.
    pub(super) audit: Option<(Arc<CatalogSnapshot>, RunMode)>,
}

/// What was made of some parts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BuildOutcome {
    pub(super) files: Vec<ViewFile>,
    pub(super) mismatches: u64,
    pub(super) omissions: MetricOmissions,
    pub(super) events: u64,
    pub(super) days: BTreeSet<i64>,
    /// One a part.
    pub(super) audits: Vec<Result<AuditCounts, String>>,
}

impl BuildOutcome {
    pub(super) fn add(&mut self, other: Self) {
        self.files.extend(other.files);
        self.mismatches += other.mismatches;
        self.omissions.merge(&other.omissions);
        self.events += other.events;
        self.days.extend(other.days);
        self.audits.extend(other.audits);
    }

    /// Nothing yet, of so many tasks that are all there.
    pub(super) fn of_tasks(count: usize) -> Vec<Option<Self>> {
        vec![Some(Self::default()); count]
    }

    /// Adds to what was made of a task; none of it counts once a part of it is none.
    pub(super) fn add_part(sum: &mut Option<Self>, part: Option<Self>) {
        *sum = sum.take().zip(part).map(|(mut sum, part)| {
            sum.add(part);
            sum
        });
    }

    /// Whether each event that the journal had there was read once.
    pub(super) fn check(&self, from: Boundary, to: Boundary) -> Result<(), RunError> {
        let expected = to.offset.since(from.offset);
        if self.events == expected {
            return Ok(());
        }
        let (events, from, to) = (self.events, from.epoch, to.epoch);
        Err(RunError::Failed(format!(
            "{events} events were folded of the epochs from {from} to {to}, which have {expected}"
        )))
    }
}

/// Bytes of states that a thread holds of a part, all its metrics together, before it writes files
/// of what is there; the rest of the part has files of its own. Rollups come to as much again at
/// most.
const HELD_BYTES_MAX: usize = 256 << 20;

/// What makes parts of views.
#[derive(Clone)]
pub(super) struct ViewBuilder {
    pub(super) storage: Storage,
    /// What was served by the batch layer, for audits and compaction.
    pub(super) views: Arc<ParquetViews>,
    /// What was served by the speed layer, for audits.
    pub(super) speed: Arc<dyn SpeedViews>,
    pub(super) compute: Arc<ComputePool>,
}

impl ViewBuilder {
    /// The same builder for one attempt of a run: what it writes is not collected as garbage until
    /// it is published, or the attempt is over.
    pub(super) fn for_work(&self) -> Self {
        Self { storage: self.storage.for_work(), ..self.clone() }
    }

    /// Makes parts, all at the same time; for each task what was made of them.
    pub(super) async fn build_parts(
        &self,
        tasks: &[BuildTask],
        parts: &[MasterPart],
    ) -> Result<Vec<BuildOutcome>, RunError> {
        let all: f64 = parts.iter().map(|part| part.events).sum();
        let jobs = parts.iter().map(|part| {
            let (this, tasks, part) = (self.clone(), tasks.to_vec(), part.clone());
            // A day with most of the events would keep one thread while the others have no work.
            let share = self.compute.threads() as f64 * part.events / all.max(1.0);
            let threads = (share.round() as usize).max(1);
            async move { this.build_part(&tasks, &part, threads).await }
        });
        let mut made: Vec<BuildOutcome> = tasks.iter().map(|_| BuildOutcome::default()).collect();
        for part in self.compute.run_all(jobs).await? {
            made.iter_mut().zip(part).for_each(|(made, part)| made.add(part));
        }
        Ok(made)
    }

    pub(super) async fn build_part(
        &self,
        tasks: &[BuildTask],
        part: &MasterPart,
        threads: usize,
    ) -> Result<Vec<BuildOutcome>, RunError> {
        failpoint::hit("run.recompute.before")?;
        let wanted = |task: &BuildTask| RecomputeTarget {
            metric: Arc::clone(&task.metric.compiled),
            to: task.epochs.1,
        };
        let wanted: Vec<RecomputeTarget> = tasks.iter().map(wanted).collect();
        let mut folded = Recomputation::new(&self.storage, &wanted, part, threads)?;
        failpoint::hit("run.audit.before")?;
        let mut views = Vec::new();
        for task in tasks {
            let served = match &task.audit {
                Some((_, mode)) => {
                    let served = (&*self.speed, &*self.views);
                    let (metric, sealed) = (&task.metric, task.epochs.1);
                    Some(AuditBaseline::read(served, *mode, metric, sealed, part.range).await)
                }
                None => None,
            };
            let files = ViewFileBuilder::new(view_schema(&task.metric));
            views.push(PartView { served, files, written: Vec::new() });
        }
        let mut held_bytes = 0;
        while let Some(to) = folded.next().await? {
            for (at, PartView { served, files, .. }) in views.iter_mut().enumerate() {
                let table = folded.states(at)?;
                let sorted = view::rows(&table);
                if let Some(Ok(rows)) = served
                    && let Err(reason) = rows.compare(&table, &sorted, to)
                {
                    *served = Some(Err(reason));
                }
                held_bytes += sorted.iter().map(RecordBatch::get_array_memory_size).sum::<usize>();
                files.add(table, sorted, to)?;
            }
            if held_bytes > HELD_BYTES_MAX {
                self.write_files(tasks, &mut views).await?;
                held_bytes = 0;
            }
        }
        self.write_files(tasks, &mut views).await?;
        let mut made = Vec::new();
        for ((task, view), seen) in tasks.iter().zip(views).zip(folded.into_counters()) {
            let RecomputeCounters { mismatches, omissions, events, days } = seen;
            let audits = view.served.into_iter().zip(&task.audit);
            let audits = audits
                .map(|(served, (snapshot, _))| served.map(|rows| rows.finish_audit(snapshot)));
            let (files, audits) = (view.written, audits.collect());
            made.push(BuildOutcome { files, mismatches, omissions, events, days, audits });
        }
        Ok(made)
    }

    /// Writes what is held of each metric, and begins with its next files.
    async fn write_files(
        &self,
        tasks: &[BuildTask],
        views: &mut [PartView],
    ) -> Result<(), RunError> {
        failpoint::hit("run.view.before")?;
        for (task, PartView { files, written, .. }) in tasks.iter().zip(views) {
            let next = ViewFileBuilder::new(view_schema(&task.metric));
            let held = std::mem::replace(files, next);
            for file in held.write(&self.storage, task.epochs).await? {
                self.views.open(task.metric.id, &file).await?;
                written.push(file);
            }
        }
        Ok(())
    }
}

/// A part of one metric's view in the making.
struct PartView {
    /// What was served of it, if that is compared; or why it could not be.
    served: Option<Result<AuditBaseline, String>>,
    files: ViewFileBuilder,
    written: Vec<ViewFile>,
}

/// Whose states a view's files hold.
pub(super) fn view_schema(metric: &MetricVersion) -> ViewSchema {
    ViewSchema {
        id: metric.id,
        layout: metric.compiled.layout().clone(),
        base: metric.compiled.grain(),
    }
}
