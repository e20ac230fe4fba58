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
use super::part_source::PartSource;
use super::tracker::{RunCounters, RunTracker};
use super::work::WorkSharing;
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
    /// Who makes the parts of large runs, if it is not this process.
    pub(super) sharing: Option<WorkSharing>,
}

/// How far a run is.
struct RunProgress {
    /// About how many events it reads.
    all: f64,
    done: f64,
    counted: RunCounters,
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
        let result = this.work(runs, between_parts).await;
        // One that is interrupted leaves what was made by others to who does the run after it.
        this.end_works(runs).await;
        result
    }

    async fn work(&self, runs: &[RunRecord], between_parts: YieldHook<'_>) -> Result<(), RunError> {
        if let Some((tasks, mut source)) = self.resume(runs).await? {
            let mut outcome = RunOutcome::default();
            self.go_on(runs, &tasks, &mut source, between_parts, &mut outcome).await?;
            return self.publish(runs, outcome).await;
        }
        // One that cannot be gone on with.
        self.end_works(runs).await;
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
                self.publish_archive(&mut outcome).await?;
                self.backfill(backfills, &files, between_parts, &mut outcome).await?;
            }
        }
        self.publish(runs, outcome).await
    }

    /// Makes what the work of runs that were interrupted still lacks.
    async fn go_on(
        &self,
        runs: &[RunRecord],
        tasks: &[BuildTask],
        source: &mut PartSource,
        between_parts: YieldHook<'_>,
        outcome: &mut RunOutcome,
    ) -> Result<(), RunError> {
        match runs {
            [run] if run.backfill.is_none() => {
                let snapshot = self.catalog.current();
                let (all, counted) = (source.events(), RunCounters::default());
                let mut progress = RunProgress { all, done: 0.0, counted };
                let tasks = (tasks, Boundary::default());
                self.make_views(run, tasks, source, &mut progress, outcome).await?;
                self.compact_master(run, &snapshot, outcome).await
            }
            backfills => self.backfills().make(backfills, source, between_parts, outcome).await,
        }
    }

    async fn backfill(
        &self,
        runs: &[RunRecord],
        files: &[MasterFile],
        between_parts: YieldHook<'_>,
        outcome: &mut RunOutcome,
    ) -> Result<(), RunError> {
        let Some((tasks, parts)) = self.backfills().parts(runs, files)? else {
            return self.tracker.report_step(runs, "nothing to backfill", 0.9);
        };
        let mut source = self.share(runs, &tasks, parts).await?;
        self.backfills().make(runs, &mut source, between_parts, outcome).await
    }

    fn backfills(&self) -> BackfillExecutor<'_> {
        let Self { catalog, builder, tracker, .. } = self;
        BackfillExecutor { catalog, builder, tracker }
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
            pieces.extend(inputs::pieces((from, to), self.builder.compute.part_size()));
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
        let task = |metric: &Arc<MetricVersion>| BuildTask {
            metric: Arc::clone(metric),
            epochs: match run.mode {
                RunMode::Incremental => (metric.boundary, sealed),
                RunMode::Full => (Boundary::default(), sealed),
            },
            audit: Some((Arc::clone(snapshot), run.mode)),
        };
        let mut groups = Vec::new();
        for (from, metrics) in waiting {
            let files = inputs::files_between(files, from, sealed)?;
            let tasks: Vec<BuildTask> = metrics.iter().map(task).collect();
            groups.push((tasks, from, inputs::parts(&files, self.builder.compute.part_size())));
        }
        let all: f64 = groups.iter().flat_map(|(_, _, parts)| parts).map(|part| part.events).sum();
        let mut progress = RunProgress { all, done: 0.0, counted: RunCounters::default() };
        for (tasks, from, parts) in groups {
            let mut source = match run.mode {
                RunMode::Incremental => PartSource::here(&self.builder, parts),
                RunMode::Full => {
                    if self.is_shared(&parts) {
                        self.publish_archive(outcome).await?;
                    }
                    self.share(std::slice::from_ref(run), &tasks, parts).await?
                }
            };
            self.make_views(run, (&tasks, from), &mut source, &mut progress, outcome).await?;
        }
        Ok(())
    }

    /// Publishes what was archived by itself: others can go on with it meanwhile.
    async fn publish_archive(&self, outcome: &mut RunOutcome) -> Result<(), RunError> {
        if outcome.archived.is_some() {
            let archived = std::mem::take(outcome);
            self.catalog.publish(ManifestChange::Run(archived)).await?;
        }
        Ok(())
    }

    /// New views of some metrics, which have the same epochs to take in.
    async fn make_views(
        &self,
        run: &RunRecord,
        (tasks, from): (&[BuildTask], Boundary),
        source: &mut PartSource,
        progress: &mut RunProgress,
        outcome: &mut RunOutcome,
    ) -> Result<(), RunError> {
        let step = match tasks {
            [task] => format!("recompute {}", task.metric.definition.name),
            several => format!("recompute {} metrics", several.len()),
        };
        let runs = std::slice::from_ref(run);
        let mut made = BuildOutcome::of_tasks(tasks.len());
        loop {
            let share = 0.2 + 0.7 * progress.done / progress.all.max(1.0);
            self.tracker.report_distribution(runs, source.distribution()).await;
            self.tracker.report_step(runs, &source.step(&step), share)?;
            let Some(new) = source.next(tasks).await? else { break };
            for ((task, sum), new) in tasks.iter().zip(&mut made).zip(new.outcomes) {
                BuildOutcome::add_part(sum, new);
                if let Some(sum) = sum {
                    self.tracker.report(run, &task.metric, sum, &mut progress.counted);
                }
            }
            progress.done += new.events;
        }
        let (mut metrics, mut updates) = (Vec::new(), Vec::new());
        // Of a metric that was deleted meanwhile nothing is published.
        for (task, made) in tasks.iter().zip(made) {
            let Some(made) = made else { continue };
            made.check(from, task.epochs.1)?;
            updates.push(view_update(run.mode, &task.metric, made, task.epochs.1));
            metrics.push(Arc::clone(&task.metric));
        }
        if run.mode == RunMode::Incremental {
            self.compact_views(run, &metrics, &mut updates).await?;
        }
        outcome.views.extend(updates);
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
