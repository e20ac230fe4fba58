//! One run, from sealing to publication.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use merganser_core::failpoint::{self, is_bug_planted};
use merganser_core::ids::Boundary;
use merganser_core::journal::Journal;
use merganser_metric::catalog::{Catalog, CatalogSnapshot, MetricVersion};
use merganser_metric::extract::PropertyExtractor;

use super::backfill::{BackfillExecutor, YieldHook};
use super::build::{BuildOutcome, BuildTask, ViewBuilder};
use super::error::RunError;
use super::inputs::{self, JournalPiece};
use super::tracker::{RunCounters, RunTracker};
use crate::catalog::BatchCatalog;
use crate::job::{RunMode, RunRecord, RunState};
use crate::manifest::{ManifestChange, MasterFile, RunOutcome, ViewUpdate};

/// How long a run waits for the speed layer to take in what was sealed, before its audit.
const APPLIED_TIMEOUT: Duration = Duration::from_secs(30);

/// What runs work with.
#[derive(Clone)]
pub(super) struct RunExecutor {
    pub(super) catalog: Arc<BatchCatalog>,
    pub(super) journal: Arc<dyn Journal>,
    pub(super) builder: ViewBuilder,
    pub(super) tracker: RunTracker,
}

impl RunExecutor {
    /// Does what a run is for, or several backfills together; those of them that do not publish by
    /// then were cancelled. What runs that do not succeed have written is given up.
    /// `between_parts` is called by backfills, see [`YieldHook`].
    pub(super) async fn execute<'a>(
        &'a self,
        runs: &[RunRecord],
        between_parts: YieldHook<'a>,
    ) -> Result<(), RunError> {
        // Dropped at the end of this attempt: what was written and not published is garbage then.
        let builder = self.builder.for_work();
        let this = Self { builder, ..self.clone() };
        this.work(runs, between_parts).await
    }

    async fn work(&self, runs: &[RunRecord], between_parts: YieldHook<'_>) -> Result<(), RunError> {
        // Sealed first: all that follows is about the epochs below `sealed`, while intake goes on
        // with the next one.
        self.tracker.report_step(runs, "seal", 0.0)?;
        failpoint::hit("run.seal.before")?;
        let (sealed, snapshot) = self.catalog.seal().await?;
        failpoint::hit("run.archive.before")?;
        let mut outcome = self.archive(runs, &snapshot, sealed).await?;
        failpoint::hit("run.archive.after")?;
        // What this run archived is not published yet: it reads it beside the published files.
        let mut files = self.catalog.state().master.to_vec();
        files.extend(outcome.master_added.iter().cloned());
        match runs {
            [run] if run.backfill.is_none() => {
                self.refresh(run, &snapshot, sealed, &files, &mut outcome).await?;
                self.compact_master(run, &snapshot, &mut outcome).await?;
            }
            backfills => {
                // What is archived is published by itself, so that other runs can go on meanwhile.
                if outcome.archived.is_some() {
                    let archived = std::mem::take(&mut outcome);
                    self.catalog.publish(ManifestChange::Run(archived)).await?;
                }
                let Self { catalog, builder, tracker, .. } = self;
                let executor = BackfillExecutor { catalog, builder, tracker };
                executor.execute(backfills, &files, between_parts, &mut outcome).await?;
            }
        }
        self.publish(runs, outcome).await
    }

    async fn archive(
        &self,
        runs: &[RunRecord],
        snapshot: &CatalogSnapshot,
        sealed: Boundary,
    ) -> Result<RunOutcome, RunError> {
        let mut outcome = RunOutcome::default();
        let archived = self.catalog.state().manifest.archived;
        if sealed.epoch <= archived.epoch {
            return Ok(outcome);
        }
        let columns = snapshot.extractor();
        let all = sealed.offset.since(archived.offset).max(1);
        let (mut pieces, mut from) = (Vec::new(), archived);
        for to in inputs::cuts(snapshot, archived, sealed) {
            pieces.extend(inputs::pieces((from, to), self.builder.compute.threads()));
            from = to;
        }
        for pieces in pieces.chunks(self.builder.compute.threads()) {
            let done = pieces[0].from.since(archived.offset);
            self.tracker.report_step(runs, "archive", 0.2 * done as f64 / all as f64)?;
            outcome.master_added.extend(self.archive_pieces(pieces, &columns).await?);
        }
        outcome.archived = Some((archived, sealed));
        Ok(outcome)
    }

    /// Archives pieces of the journal, all at the same time.
    async fn archive_pieces(
        &self,
        pieces: &[JournalPiece],
        columns: &PropertyExtractor,
    ) -> Result<Vec<MasterFile>, RunError> {
        let jobs = pieces.iter().map(|piece| {
            let (storage, journal) = (self.builder.storage.clone(), Arc::clone(&self.journal));
            let (columns, piece) = (columns.clone(), *piece);
            async move { inputs::archive(&storage, &journal, &columns, piece).await }
        });
        let files = self.builder.compute.run_all(jobs).await?;
        Ok(files.into_iter().flatten().collect())
    }

    /// New views for all active metrics, up to what was sealed. Those that have the same epochs to
    /// take in are made together, so that what they have in common is read once.
    async fn refresh(
        &self,
        run: &RunRecord,
        snapshot: &Arc<CatalogSnapshot>,
        sealed: Boundary,
        files: &[MasterFile],
        outcome: &mut RunOutcome,
    ) -> Result<(), RunError> {
        let metrics = inputs::metric_versions(snapshot, run.metrics.as_deref());
        self.tracker.report_step(std::slice::from_ref(run), "wait for the speed layer", 0.2)?;
        // Audits compare with the speed states up to `sealed`, so these have to be there. After the
        // time-out the run goes on, and what cannot be compared is reported as not audited.
        self.builder.speed.wait_applied(sealed.offset, APPLIED_TIMEOUT).await;
        let mut waiting: BTreeMap<Boundary, Vec<Arc<MetricVersion>>> = BTreeMap::new();
        for metric in metrics {
            let from = match run.mode {
                RunMode::Incremental if metric.boundary.epoch >= sealed.epoch => continue,
                RunMode::Incremental if is_bug_planted("epoch_twice") => Boundary::default(),
                RunMode::Incremental => metric.boundary,
                RunMode::Full => Boundary::default(),
            };
            waiting.entry(from).or_default().push(metric);
        }
        let mut work = Vec::new();
        for (from, metrics) in waiting {
            let files = inputs::files_between(files, from, sealed)?;
            work.push((metrics, from, inputs::parts(&files, self.builder.compute.threads())));
        }
        let all: f64 = work.iter().flat_map(|(_, _, parts)| parts).map(|part| part.events).sum();
        let (mut done, mut counted) = (0.0, RunCounters::default());
        for (metrics, from, parts) in work {
            let step = match &*metrics {
                [metric] => format!("recompute {}", metric.definition.name),
                several => format!("recompute {} metrics", several.len()),
            };
            let task = |metric: &Arc<MetricVersion>| BuildTask {
                metric: Arc::clone(metric),
                epochs: match run.mode {
                    RunMode::Incremental => (metric.boundary, sealed),
                    RunMode::Full => (Boundary::default(), sealed),
                },
                audit: Some((Arc::clone(snapshot), run.mode)),
            };
            let tasks: Vec<BuildTask> = metrics.iter().map(task).collect();
            let mut made: Vec<BuildOutcome> =
                metrics.iter().map(|_| BuildOutcome::default()).collect();
            for parts in parts.chunks(self.builder.compute.threads()) {
                let progress = 0.2 + 0.7 * done / all.max(1.0);
                self.tracker.report_step(std::slice::from_ref(run), &step, progress)?;
                let outcomes = self.builder.build_parts(&tasks, parts).await?;
                for ((metric, made), part) in metrics.iter().zip(&mut made).zip(outcomes) {
                    made.add(part);
                    self.tracker.report(run, metric, made, &mut counted);
                }
                done += parts.iter().map(|part| part.events).sum::<f64>();
            }
            let mut updates = Vec::new();
            for (metric, made) in metrics.iter().zip(made) {
                made.check(from, sealed)?;
                updates.push(view_update(run.mode, metric, made, sealed));
            }
            if run.mode == RunMode::Incremental {
                self.compact_views(run, &metrics, &mut updates).await?;
            }
            outcome.views.extend(updates);
        }
        Ok(())
    }

    async fn publish(&self, runs: &[RunRecord], mut outcome: RunOutcome) -> Result<(), RunError> {
        // From this update on a run can no longer be cancelled. Those that were cancelled before
        // are left out of what is published.
        let begin = |run: &&RunRecord| {
            self.tracker.queue.update(&run.id, |run| {
                run.state = RunState::Publishing;
                run.step = "publish".to_owned();
                run.progress = 0.95;
            })
        };
        let (publishing, cancelled): (Vec<&RunRecord>, Vec<&RunRecord>) =
            runs.iter().partition(begin);
        if publishing.is_empty() {
            return Err(RunError::Cancelled);
        }
        outcome.views.retain(|view| cancelled.iter().all(|run| run.backfill != Some(view.id)));
        failpoint::hit("run.publish.before")?;
        if let (Some((_, archived)), true) =
            (outcome.archived, is_bug_planted("retire_before_publish"))
        {
            self.journal.trim(archived.offset)?;
        }
        let changes = outcome.archived.is_some()
            || !outcome.views.is_empty()
            || !outcome.master_added.is_empty();
        let generation = if changes {
            self.catalog.publish(ManifestChange::Run(outcome)).await?.generation
        } else {
            self.catalog.current().generation
        };
        failpoint::hit("run.publish.after")?;
        for run in publishing {
            self.tracker.queue.update(&run.id, |run| {
                run.generation = Some(generation);
                run.audit = Some(run.audit.unwrap_or_default());
            });
        }
        Ok(())
    }
}

/// What is to be published of a metric's view, of what was made of the epochs up to `sealed`.
fn view_update(
    mode: RunMode,
    metric: &MetricVersion,
    mut made: BuildOutcome,
    sealed: Boundary,
) -> ViewUpdate {
    if mode == RunMode::Incremental {
        made.files.extend(metric.files.iter().cloned());
        made.mismatches += metric.mismatches;
        made.omissions.merge(&metric.omissions);
    }
    ViewUpdate {
        id: metric.id,
        expected: metric.boundary,
        boundary: sealed,
        files: made.files,
        mismatches: made.mismatches,
        omissions: made.omissions,
    }
}
