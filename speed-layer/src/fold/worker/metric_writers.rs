//! Which metrics the worker folds, and how each gets to where the others are.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use merganser_core::ids::{MetricId, Offset};
use merganser_core::journal::{CommittedBatch, JournalError};
use merganser_core::time::Timestamp;
use merganser_metric::catalog::MetricVersion;
use merganser_metric::compile::Metric;
use merganser_metric::extract::PropertyExtractor;
use tokio::time::Instant;
use tracing::info;

use super::{FatalFoldError, FoldWorker};
use crate::fold::coalesce::{BatchAlignment, align, coalesce_batches, truncate_at};
use crate::fold::instruments;
use crate::fold::prefetch::prefetch;
use crate::fold::store_verdict;
use crate::fold::view_sync::SyncState;
use crate::fold::writer::SpeedViewWriter;
use crate::store::{JournalPosition, SpeedView, StoredView, ViewId, ViewSpace};

/// What was stored at the start.
#[derive(Debug, Default)]
pub(in crate::fold) struct StoreInventory {
    /// By metric of the snapshot.
    pub(in crate::fold) stored: BTreeMap<MetricId, StoredView>,
    /// Metrics that the store has and the snapshot has not.
    pub(in crate::fold) left_over: Vec<MetricId>,
}

fn unreadable_journal(error: JournalError) -> FatalFoldError {
    FatalFoldError(format!("the journal cannot be read: {error}"))
}

impl From<JournalError> for FatalFoldError {
    fn from(error: JournalError) -> Self {
        unreadable_journal(error)
    }
}

impl FoldWorker {
    /// Folds the journal from the first boundary on.
    pub(super) fn catch_up(&mut self, opened: StoreInventory) -> Result<(), FatalFoldError> {
        let end = self.parts.journal.end();
        let snapshot = Arc::clone(&self.parts.snapshots.borrow_and_update());
        for version in &snapshot.metrics {
            let stored = opened.stored.get(&version.id);
            self.start_writer(version, stored, end)?;
        }
        self.rebuild_extractor();
        let from = self.writers.values().map(|w| w.version.boundary.offset).min();
        let from = from.unwrap_or(end).min(end);
        self.folded = self.mark_at(from)?;
        // What is stored already is not written again.
        let stored = self.writers.values().map(SpeedViewWriter::applied).collect();
        let batches =
            coalesce_batches(self.parts.journal.read(from).map_err(unreadable_journal)?, stored);
        let extractor = self.extractor.clone();
        prefetch(batches, &extractor, |batch| {
            let is_needed = !self.parts.feed.is_closed();
            if is_needed {
                self.fold_next(&batch)?;
            }
            Ok::<_, FatalFoldError>(is_needed)
        })?;
        self.target = self.folded.offset;
        for writer in self.writers.values_mut() {
            writer.safe = self.folded.offset;
        }
        let id = self.parts.journal.id();
        for left in opened.left_over {
            self.drop_left_over(ViewId::new(id, left));
        }
        info!(metrics = self.writers.len(), events = end.since(from), "the fold caught up");
        Ok(())
    }

    fn mark_at(&self, offset: Offset) -> Result<JournalPosition, FatalFoldError> {
        let checksum = self.parts.journal.checksum_at(offset).map_err(unreadable_journal)?;
        Ok(JournalPosition { offset, checksum: checksum.unwrap_or(0) })
    }

    fn start_writer(
        &mut self,
        version: &Arc<MetricVersion>,
        stored: Option<&StoredView>,
        end: Offset,
    ) -> Result<(), FatalFoldError> {
        let view = Arc::new(SpeedView::of(self.parts.journal.id(), version));
        let checksum_at = |offset| self.parts.journal.checksum_at(offset);
        let trust =
            store_verdict::check_resumable(stored, &view, version.boundary, end, checksum_at);
        let state = match trust.map_err(unreadable_journal)? {
            Ok(cursor) => SyncState::Idle(cursor),
            Err(reason) => {
                if stored.is_some() || end > version.boundary.offset {
                    let name = &version.definition.name;
                    info!(metric = %version.id, %name, %reason, "a speed view is written anew");
                }
                self.spaces += 1;
                SyncState::Begin(ViewSpace { fence: self.parts.fence, number: self.spaces })
            }
        };
        let mut writer = self.new_writer(version, view, state);
        if stored.is_some_and(|stored| stored.first < version.boundary.epoch) {
            writer.retire_stored(version.boundary.epoch);
        }
        let view = writer.view.id;
        self.writers.insert(version.id, writer);
        self.sweep(view);
        Ok(())
    }

    fn new_writer(
        &self,
        version: &Arc<MetricVersion>,
        view: Arc<SpeedView>,
        state: SyncState,
    ) -> SpeedViewWriter {
        // A compiled metric counts its failures, so the fold takes one of its own: else those of a
        // batch run at the same time would be counted here too.
        let metric = Metric::compile_as(&version.definition, version.compiled.fold_version())
            .map_or_else(|_| Arc::clone(&version.compiled), Arc::new);
        let (fence, settings) = (self.parts.fence, &self.parts.settings);
        SpeedViewWriter::new(Arc::clone(version), view, metric, state, fence, settings)
    }

    /// A metric that the snapshot has no more needs no fold; what is stored of it goes.
    fn drop_left_over(&mut self, id: ViewId) {
        let (store, fence) = (Arc::clone(&self.parts.store), self.parts.fence);
        self.running.push(Box::pin(async move {
            // If it fails, the next start tries again.
            let _ = store.drop_view(id, fence).await;
            super::BackgroundResult::Dropped(id)
        }));
    }

    /// Takes batches of the feed.
    pub(super) fn fold_batches(
        &mut self,
        batches: &mut Vec<Arc<CommittedBatch>>,
    ) -> Result<(), FatalFoldError> {
        let batches = batches.drain(..).map(Ok::<_, Infallible>);
        for batch in coalesce_batches(batches, BTreeSet::new()) {
            let Ok(batch) = batch;
            match align(&batch, self.folded.offset) {
                BatchAlignment::Old => {}
                BatchAlignment::Next(batch) => self.fold_next(&batch)?,
                BatchAlignment::Gap => self.read_gap(&batch)?,
            }
        }
        self.publish_progress();
        Ok(())
    }

    /// Folds what the feed left out, and the batch after it.
    fn read_gap(&mut self, batch: &Arc<CommittedBatch>) -> Result<(), FatalFoldError> {
        let batches = self.parts.journal.read(self.folded.offset).map_err(unreadable_journal)?;
        for missed in coalesce_batches(batches, BTreeSet::new()) {
            let missed = missed.map_err(unreadable_journal)?;
            self.fold_next(&missed)?;
        }
        match align(batch, self.folded.offset) {
            BatchAlignment::Old => Ok(()),
            BatchAlignment::Next(batch) => self.fold_next(&batch),
            BatchAlignment::Gap => Err(FatalFoldError(format!(
                "events {} to {} are missing",
                self.folded.offset, batch.first
            ))),
        }
    }

    fn fold_next(&mut self, batch: &CommittedBatch) -> Result<(), FatalFoldError> {
        if batch.first != self.folded.offset {
            let (have, got) = (self.folded.offset, batch.first);
            return Err(FatalFoldError(format!(
                "the journal goes on at {got} where {have} is next"
            )));
        }
        let started = Instant::now();
        let extracted = self.extractor.extract(&batch.events, batch.places());
        self.writers.values_mut().for_each(|writer| writer.fold(batch, &extracted));
        self.folded = JournalPosition { offset: batch.end(), checksum: batch.checksum };
        let arrivals = batch.events.arrivals();
        if !arrivals.is_empty() && batch.end() > self.applied() {
            let arrived = Timestamp(arrivals.value(0));
            // By the wall clock, since it may have arrived at an earlier process.
            let age_ms = self.parts.clock.now().millis_since(arrived);
            self.parts.progress.arrived(batch.end(), Duration::from_millis(age_ms));
        }
        instruments::record_fold(batch.events.len(), started.elapsed());
        Ok(())
    }

    /// Takes the newest snapshot.
    pub(super) fn follow_snapshot(&mut self) -> Result<(), FatalFoldError> {
        let snapshot = Arc::clone(&self.parts.snapshots.borrow_and_update());
        let until = Instant::now() + self.parts.settings.retire_grace;
        for version in &snapshot.metrics {
            match self.writers.get_mut(&version.id) {
                Some(writer) => writer.update(version, until),
                None => self.add(version)?,
            }
        }
        let known: BTreeSet<MetricId> = snapshot.metrics.iter().map(|m| m.id).collect();
        for (_, writer) in self.writers.iter_mut().filter(|(id, _)| !known.contains(id)) {
            writer.gone_at.get_or_insert(until);
        }
        self.rebuild_extractor();
        self.publish_progress();
        Ok(())
    }

    /// Adds a metric, and brings it to where the others are.
    fn add(&mut self, version: &Arc<MetricVersion>) -> Result<(), FatalFoldError> {
        let view = Arc::new(SpeedView::of(self.parts.journal.id(), version));
        self.spaces += 1;
        let space = ViewSpace { fence: self.parts.fence, number: self.spaces };
        let mut writer = self.new_writer(version, view, SyncState::Begin(space));
        let (from, to) = (version.boundary.offset, self.folded.offset);
        if from < to {
            let extractor = PropertyExtractor::new(writer.tables.metric().properties().cloned());
            let batches = self.parts.journal.read(from).map_err(unreadable_journal)?;
            for batch in coalesce_batches(batches, BTreeSet::new()) {
                let Some(batch) = truncate_at(&batch.map_err(unreadable_journal)?, to) else {
                    break;
                };
                writer.fold(&batch, &extractor.extract(&batch.events, batch.places()));
            }
        }
        writer.safe = to;
        self.writers.insert(version.id, writer);
        Ok(())
    }

    /// Properties are read once for all metrics.
    pub(super) fn rebuild_extractor(&mut self) {
        let metrics = self.writers.values().map(|writer| writer.tables.metric());
        let properties: Vec<_> = metrics.flat_map(|m| m.properties().cloned()).collect();
        self.extractor = PropertyExtractor::new(properties);
    }
}
