//! Recomputing states from the master dataset, with DataFusion plans.
//!
//! Master files are scanned, projected with the metric's compiled definition, and folded by
//! [`crate::fold_plan::FoldExec`]: the same projection and the same table of states as in the speed
//! layer.
//!
//! Files are in order of time, so a range is folded in chunks of time of some ten thousand events:
//! the plan is executed once a chunk, and its groups stay in the processor's cache. An hour with
//! more events is one chunk, for which the plan is executed several times.
//!
//! The files of a large part are dealt out to several threads, and the states that each has of a
//! chunk are merged: to the same bits, whatever file was whose.

mod metric_fold;
mod shard;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use futures::future::try_join_all;
use merganser_core::ids::Boundary;
use merganser_core::omissions::MetricOmissions;
use merganser_core::time::{DAY_US, Grain, HOUR_US, TimeRange, Timestamp};
use merganser_metric::compile::Metric;
use merganser_metric::extract::ExtractedEvents;
use merganser_metric::table::StateTable;
use serde::{Deserialize, Serialize};

use self::shard::RecomputeShard;
use crate::manifest::MasterFile;
use crate::master;
use crate::storage::{Storage, StorageError};
use crate::view;

/// About how many events a chunk has: their groups fit a processor's cache of second level.
const CHUNK_EVENTS: f64 = 16_384.0;

/// Some whole days of the master dataset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MasterPart {
    /// The days.
    pub range: TimeRange,
    /// The files that have events of them.
    pub files: Vec<MasterFile>,
    /// About how many events it has.
    pub events: f64,
}

/// A metric to be folded, from the files of the epochs before a boundary.
#[derive(Clone, Debug)]
pub struct RecomputeTarget {
    /// The metric.
    pub metric: Arc<Metric>,
    /// Where its files end.
    pub to: Boundary,
}

/// What is counted on the way.
#[derive(Clone, Debug, Default)]
pub struct RecomputeCounters {
    /// Type mismatches of the events.
    pub mismatches: u64,
    /// What each use could not take of them.
    pub omissions: MetricOmissions,
    /// Events that were read, of whatever type.
    pub events: u64,
    /// The UTC days of their times.
    pub days: BTreeSet<i64>,
}

impl RecomputeCounters {
    fn add(&mut self, extracted: &ExtractedEvents) {
        let times = extracted.events.times().values();
        self.events += times.len() as u64;
        // They are in order, so that a day is looked at once for its first event.
        self.days.extend(times.chunk_by(|a, b| day(*a) == day(*b)).map(|times| day(times[0])));
    }

    fn merge(&mut self, other: Self) {
        self.mismatches += other.mismatches;
        self.omissions.merge(&other.omissions);
        self.events += other.events;
        self.days.extend(other.days);
    }
}

fn day(time: i64) -> i64 {
    Timestamp(time).day()
}

/// A recomputation under way: of several metrics at once, so that what they have in common is read
/// once.
pub struct Recomputation {
    /// One works in the thread that polls; several are tasks of their own.
    shards: Vec<RecomputeShard>,
    at: Timestamp,
    range: TimeRange,
    step_us: i64,
}

impl fmt::Debug for Recomputation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recomputation({} shards, at {})", self.shards.len(), self.at)
    }
}

impl Recomputation {
    /// Begins to fold the events of a part, in so many threads.
    ///
    /// # Errors
    /// When a plan cannot be made.
    pub fn new(
        storage: &Storage,
        wanted: &[RecomputeTarget],
        part: &MasterPart,
        threads: usize,
    ) -> Result<Self, StorageError> {
        let range = part.range;
        let shards = deal_out(&part.files, threads);
        let shards = shards.iter().map(|files| RecomputeShard::new(storage, wanted, files, range));
        let grain =
            wanted.iter().map(|wanted| wanted.metric.grain()).max_by_key(|grain| grain.micros());
        Ok(Self {
            shards: shards.collect::<Result<_, _>>()?,
            at: range.from,
            range,
            step_us: step_us(range, part.events, grain.unwrap_or(Grain::Hour)),
        })
    }

    /// Reads and folds the next chunk: all its events are before the time that is returned, and
    /// those of the one behind it are not; `None` at the end.
    ///
    /// # Errors
    /// When a file cannot be read. What events hold never fails.
    pub async fn next(&mut self) -> Result<Option<Timestamp>, StorageError> {
        if self.at >= self.range.to {
            return match self.shards.iter().any(RecomputeShard::has_rest) {
                true => Err(master::damaged("events of a file are not in order of time")),
                false => Ok(None),
            };
        }
        self.at = self.range.to.min(Timestamp(self.at.0.saturating_add(self.step_us)));
        match &mut *self.shards {
            [only] => only.take(self.at).await?,
            _ => self.take_beside_each_other().await?,
        }
        Ok(Some(self.at))
    }

    /// Each shard in a task, so that threads share them.
    async fn take_beside_each_other(&mut self) -> Result<(), StorageError> {
        let to = self.at;
        let take = |mut shard: RecomputeShard| {
            tokio::spawn(async move { shard.take(to).await.map(|()| shard) })
        };
        let tasks: Vec<_> = std::mem::take(&mut self.shards).into_iter().map(take).collect();
        let shards = try_join_all(tasks).await.map_err(master::damaged)?;
        self.shards = shards.into_iter().collect::<Result<_, _>>()?;
        Ok(())
    }

    /// The states of the chunk, at the base grain of one of the metrics.
    ///
    /// # Errors
    /// When an earlier chunk failed, or there is no such metric.
    pub fn states(&mut self, metric: usize) -> Result<StateTable, StorageError> {
        let Some((first, others)) = self.shards.split_first_mut() else {
            return Err(StorageError::Io("an earlier chunk failed".to_owned()));
        };
        let mut table = first.finish_chunk(metric)?;
        for other in others {
            for rows in view::rows(&other.finish_chunk(metric)?) {
                table.merge(&rows).map_err(master::damaged)?;
            }
        }
        Ok(table)
    }

    /// What was counted, by metric.
    #[must_use]
    pub fn into_counters(self) -> Vec<RecomputeCounters> {
        let mut counted: Vec<RecomputeCounters> = Vec::new();
        for shard in self.shards {
            for (metric, seen) in shard.into_counters().enumerate() {
                match counted.get_mut(metric) {
                    Some(sum) => sum.merge(seen),
                    None => counted.push(seen),
                }
            }
        }
        counted
    }
}

/// The files for each thread, about as many events for one as for the other: the largest file goes
/// first, each to who has least.
fn deal_out(files: &[MasterFile], threads: usize) -> Vec<Vec<MasterFile>> {
    let mut shards = vec![(0, Vec::new()); threads.clamp(1, files.len().max(1))];
    let mut files: Vec<&MasterFile> = files.iter().collect();
    files.sort_by_key(|file| std::cmp::Reverse(file.rows));
    for file in files {
        if let Some((rows, shard)) = shards.iter_mut().min_by_key(|(rows, _)| *rows) {
            *rows += file.rows;
            shard.push(file.clone());
        }
    }
    shards.into_iter().map(|(_, files)| files).collect()
}

/// The length of a chunk: so that it has about [`CHUNK_EVENTS`], of whole buckets.
fn step_us(range: TimeRange, events: f64, grain: Grain) -> i64 {
    let days = (range.to.0 - range.from.0) / DAY_US;
    let chunk_days = (CHUNK_EVENTS * days as f64 / events.max(1.0)) as i64;
    match chunk_days {
        0 => HOUR_US.max(grain.micros()),
        _ => chunk_days.min(days.max(1)) * DAY_US,
    }
}
