//! Recomputing states from the master dataset, with a DataFusion plan.
//!
//! Master files are scanned, projected with the metric's compiled definition, and folded by
//! [`FoldExec`]: the same projection and the same table of states as in the speed layer.
//!
//! Files are in order of time, so a range is folded in chunks of time of some ten thousand events:
//! the plan is executed once a chunk, and its groups stay in the processor's cache.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion_common::DataFusionError;
use datafusion_execution::{SendableRecordBatchStream, TaskContext};
use datafusion_physical_plan::stream::RecordBatchStreamAdapter;
use datafusion_physical_plan::streaming::{PartitionStream, StreamingTableExec};
use futures::TryStreamExt;
use futures::stream::{self, StreamExt};
use merganser_core::ids::Boundary;
use merganser_core::omissions::MetricOmissions;
use merganser_core::time::{DAY_US, Grain, HOUR_US, TimeRange, Timestamp};
use merganser_metric::compile::Metric;
use merganser_metric::extract::ExtractedEvents;
use merganser_metric::table::StateTable;

use crate::fold_plan::{FoldExec, FoldStage};
use crate::manifest::MasterFile;
use crate::master::{self, MasterProjection, MasterStream};
use crate::storage::{Storage, StorageError};
use crate::time_order;

/// About how many events a chunk has: their groups fit a processor's cache of second level.
const CHUNK_EVENTS: f64 = 16_384.0;

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
}

fn day(time: i64) -> i64 {
    Timestamp(time).day()
}

/// A recomputation under way, in the thread that polls: of several metrics at once, so that what
/// they have in common is read once.
pub struct Recomputation {
    folds: Vec<MetricFoldPlan>,
    sources: Vec<MasterFileSource>,
    at: Timestamp,
    range: TimeRange,
    step_us: i64,
}

/// What is folded of one metric.
struct MetricFoldPlan {
    metric: Arc<Metric>,
    context: Arc<TaskContext>,
    plan: FoldExec,
    /// What the plan scans next.
    input: Arc<Mutex<Vec<RecordBatch>>>,
    seen: RecomputeCounters,
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

impl fmt::Debug for Recomputation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recomputation({} master files, at {})", self.sources.len(), self.at)
    }
}

impl Recomputation {
    /// Begins to fold those events of `files` whose time is in `range`, whole days; about so many.
    ///
    /// # Errors
    /// When a plan cannot be made.
    pub fn new(
        storage: &Storage,
        wanted: &[RecomputeTarget],
        files: &[MasterFile],
        range: TimeRange,
        events: f64,
    ) -> Result<Self, StorageError> {
        let mut folds = Vec::new();
        for RecomputeTarget { metric, .. } in wanted {
            folds.push(MetricFoldPlan::new(metric)?);
        }
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
        let grain =
            wanted.iter().map(|wanted| wanted.metric.grain()).max_by_key(|grain| grain.micros());
        Ok(Self {
            folds,
            sources: sources.collect(),
            at: range.from,
            range,
            step_us: step_us(range, events, grain.unwrap_or(Grain::Hour)),
        })
    }

    /// Reads the next chunk: all its events are before the time that is returned, and those of the
    /// one behind it are not; `None` at the end.
    ///
    /// # Errors
    /// When a file cannot be read. What events hold never fails.
    pub async fn next(&mut self) -> Result<Option<Timestamp>, StorageError> {
        if self.at >= self.range.to {
            return match self.sources.iter().any(|source| source.held.is_some()) {
                true => Err(master::damaged("events of a file are not in order of time")),
                false => Ok(None),
            };
        }
        self.at = self.range.to.min(Timestamp(self.at.0.saturating_add(self.step_us)));
        for source in &mut self.sources {
            source.take(self.at, &mut self.folds).await?;
        }
        Ok(Some(self.at))
    }

    /// The states of the chunk that was read, at the base grain of one of the metrics.
    ///
    /// # Errors
    /// When the plan fails. What events hold never does that.
    pub async fn fold(&mut self, metric: usize) -> Result<StateTable, StorageError> {
        let Some(fold) = self.folds.get(metric) else {
            return Err(StorageError::Io(format!("there is no metric {metric} to fold")));
        };
        fold.plan.fold(0, Arc::clone(&fold.context)).await.map_err(failed)
    }

    /// What was counted, by metric.
    #[must_use]
    pub fn into_counters(self) -> Vec<RecomputeCounters> {
        self.folds.into_iter().map(|fold| fold.seen).collect()
    }
}

impl MetricFoldPlan {
    fn new(metric: &Arc<Metric>) -> Result<Self, StorageError> {
        let (metric, schema) = (Arc::clone(metric), metric.projected_schema());
        let input = Arc::new(Mutex::new(Vec::new()));
        let chunk = ChunkPartition { schema: Arc::clone(&schema), input: Arc::clone(&input) };
        let scan =
            StreamingTableExec::try_new(schema, vec![Arc::new(chunk)], None, [], false, None)
                .map_err(failed)?;
        let plan = FoldExec::new(Arc::clone(&metric), FoldStage::Partial, Arc::new(scan));
        let context = Arc::new(TaskContext::default());
        Ok(Self { metric, context, plan, input, seen: RecomputeCounters::default() })
    }

    /// Projects events, and counts them.
    fn project(&mut self, extracted: &ExtractedEvents) -> Result<RecordBatch, StorageError> {
        let projected = self.metric.project(extracted).map_err(master::damaged)?;
        self.seen.add(extracted);
        self.seen.mismatches += projected.mismatches;
        self.seen.omissions.merge(&projected.omissions);
        Ok(projected.batch)
    }

    fn scan(&self, rows: RecordBatch) {
        self.input.lock().unwrap_or_else(PoisonError::into_inner).push(rows);
    }
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
                    folds[*at].scan(before);
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

/// Where the plan begins: the events of a chunk, projected.
struct ChunkPartition {
    schema: SchemaRef,
    input: Arc<Mutex<Vec<RecordBatch>>>,
}

impl fmt::Debug for ChunkPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scan")
    }
}

impl PartitionStream for ChunkPartition {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let mut input = self.input.lock().unwrap_or_else(PoisonError::into_inner);
        let batches = stream::iter(std::mem::take(&mut *input).into_iter().map(Ok));
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), batches))
    }
}

fn failed(error: DataFusionError) -> StorageError {
    match error {
        DataFusionError::External(inner) => match inner.downcast::<StorageError>() {
            Ok(storage) => *storage,
            Err(other) => StorageError::Io(other.to_string()),
        },
        other => StorageError::Io(other.to_string()),
    }
}
