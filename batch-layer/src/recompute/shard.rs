//! A shard of a recomputation: some of its files, folded by one thread.

use std::sync::Arc;

use arrow::array::RecordBatch;
use futures::stream::StreamExt;
use futures::{TryStreamExt, stream};
use merganser_core::time::{DAY_US, TimeRange, Timestamp};
use merganser_metric::extract::ExtractedEvents;
use merganser_metric::table::StateTable;

use super::metric_fold::MetricFoldPlan;
use super::{RecomputeCounters, RecomputeTarget};
use crate::manifest::MasterFile;
use crate::master::{self, MasterProjection, MasterStream};
use crate::storage::{Storage, StorageError};
use crate::time_order;

/// Some files, and what is folded of them.
pub(super) struct RecomputeShard {
    folds: Vec<MetricFoldPlan>,
    sources: Vec<MasterFileSource>,
}

/// The events of a file, in order of time.
struct MasterFileSource {
    /// Not before.
    from: Timestamp,
    /// The metrics that are folded from it.
    folds: Vec<usize>,
    events: MasterStream,
    held: Option<UnfoldedRows>,
}

/// Events of a file that were read, and are not folded yet.
struct UnfoldedRows {
    /// The time of the last.
    last: Timestamp,
    /// What is left of them, projected for each metric.
    rows: Vec<RecordBatch>,
}

impl RecomputeShard {
    pub(super) fn new(
        storage: &Storage,
        wanted: &[RecomputeTarget],
        files: &[MasterFile],
        range: TimeRange,
    ) -> Result<Self, StorageError> {
        let folds = wanted.iter().map(|wanted| MetricFoldPlan::new(&wanted.metric));
        let source = |file: &MasterFile| {
            let mine = |(_, wanted): &(usize, &RecomputeTarget)| file.to.epoch <= wanted.to.epoch;
            let folds: Vec<usize> =
                wanted.iter().enumerate().filter(mine).map(|(at, _)| at).collect();
            let metrics = folds.iter().map(|at| Arc::clone(&wanted[*at].metric)).collect();
            let (storage, file) = (storage.clone(), file.clone());
            let from = Timestamp(file.first_day * DAY_US);
            let events = async move {
                master::read(&storage, &file, MasterProjection::Metrics(metrics), range).await
            };
            let events = stream::once(events).try_flatten().boxed();
            MasterFileSource { from, folds, events, held: None }
        };
        let sources = files.iter().map(source).filter(|source| !source.folds.is_empty());
        Ok(Self { sources: sources.collect(), folds: folds.collect::<Result<_, _>>()? })
    }

    /// Reads and folds its events before `to` that are left.
    pub(super) async fn take(&mut self, to: Timestamp) -> Result<(), StorageError> {
        for source in &mut self.sources {
            source.take(to, &mut self.folds).await?;
        }
        for fold in &mut self.folds {
            fold.fold_input().await?;
        }
        Ok(())
    }

    /// Whether events were read that no chunk has taken.
    pub(super) fn has_rest(&self) -> bool {
        self.sources.iter().any(|source| source.held.is_some())
    }

    /// The states of what was read of the chunk.
    pub(super) fn finish_chunk(&mut self, metric: usize) -> Result<StateTable, StorageError> {
        let no_metric = || StorageError::Io(format!("there is no metric {metric} to fold"));
        Ok(self.folds.get_mut(metric).ok_or_else(no_metric)?.finish_chunk())
    }

    /// What was counted, by metric.
    pub(super) fn into_counters(self) -> impl Iterator<Item = RecomputeCounters> {
        self.folds.into_iter().map(|fold| fold.seen)
    }
}

impl MasterFileSource {
    /// Hands on the events before `to` that are left. The file is opened when its first day has
    /// come, and let go of at its end.
    async fn take(
        &mut self,
        to: Timestamp,
        folds: &mut [MetricFoldPlan],
    ) -> Result<(), StorageError> {
        if self.from >= to {
            return Ok(());
        }
        loop {
            let held = match self.held.take() {
                Some(held) => held,
                None => match self.events.try_next().await? {
                    Some(extracted) => self.project(&extracted, folds)?,
                    None => {
                        self.events = stream::empty().boxed();
                        return Ok(());
                    }
                },
            };
            let mut left = Vec::new();
            for (at, rows) in self.folds.iter().zip(&held.rows) {
                let (before, rest) = time_order::cut(rows, to).map_err(master::damaged)?;
                if before.num_rows() > 0 {
                    folds[*at].scan(before).await?;
                }
                left.push(rest);
            }
            if held.last >= to {
                self.held = Some(UnfoldedRows { rows: left, ..held });
                return Ok(());
            }
        }
    }

    fn project(
        &self,
        extracted: &ExtractedEvents,
        folds: &mut [MetricFoldPlan],
    ) -> Result<UnfoldedRows, StorageError> {
        let last = extracted.events.times().values().last().copied();
        let rows = self.folds.iter().map(|at| folds[*at].project(extracted));
        Ok(UnfoldedRows {
            last: Timestamp(last.unwrap_or(i64::MIN)),
            rows: rows.collect::<Result<_, _>>()?,
        })
    }
}
