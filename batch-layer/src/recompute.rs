//! Recomputing states from the master dataset, with a DataFusion plan.
//!
//! Master files are scanned, projected with the metric's compiled definition, and grouped by bucket
//! and dimensions with the aggregates of [`shared::measure::aggregate`]. It is the same fold as the
//! speed layer's: same projection, same state columns.
//!
//! Files are in order of time, so a range is folded in chunks of time of some ten thousand events:
//! the plan is executed once a chunk, and its groups stay in the processor's cache.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::common::{Column, DataFusionError};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, col, lit};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::prelude::{DataFrame, SessionConfig, SessionContext};
use futures::TryStreamExt;
use futures::stream::{self, BoxStream, StreamExt};
use shared::compile::Metric;
use shared::extract::Extracted;
use shared::measure::aggregate;
use shared::omissions::Omissions;
use shared::table::StateTable;
use shared::time::{DAY_US, Grain, HOUR_US, TimeRange, Timestamp};

use crate::manifest::MasterFile;
use crate::master::{self, Want};
use crate::ordered;
use crate::storage::{Storage, StorageError};

/// About how many events a chunk has: their groups fit a processor's cache of second level.
const CHUNK_EVENTS: f64 = 16_384.0;

/// States folded from the events of a chunk.
#[derive(Debug)]
pub struct Chunk {
    /// The states, at the base grain.
    pub table: StateTable,
    /// All its events are before, and those of the next chunk are not.
    pub to: Timestamp,
}

/// What is counted on the way.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Type mismatches of the events.
    pub mismatches: u64,
    /// What each use could not take of them.
    pub omissions: Omissions,
    /// Events that were read, of whatever type.
    pub events: u64,
    /// The UTC days of their times.
    pub days: BTreeSet<i64>,
}

impl Seen {
    fn add(&mut self, extracted: &Extracted) {
        let times = extracted.events.times().values();
        self.events += times.len() as u64;
        // They are in order, so that a day is looked at once for its first event.
        self.days.extend(times.chunk_by(|a, b| day(*a) == day(*b)).map(|times| day(times[0])));
    }
}

fn day(time: i64) -> i64 {
    Timestamp(time).day()
}

/// A recomputation under way, in the thread that polls.
pub struct Recomputation {
    metric: Arc<Metric>,
    context: Arc<TaskContext>,
    plan: Arc<dyn ExecutionPlan>,
    /// What the plan scans next.
    input: Arc<Mutex<Vec<RecordBatch>>>,
    files: Vec<Projected>,
    seen: Arc<Mutex<Seen>>,
    at: Timestamp,
    range: TimeRange,
    step_us: i64,
}

/// The events of a file, projected, in order of time.
struct Projected {
    /// Not before.
    from: Timestamp,
    batches: BoxStream<'static, Result<RecordBatch, StorageError>>,
    held: Option<RecordBatch>,
}

impl fmt::Debug for Recomputation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recomputation({} master files, at {})", self.files.len(), self.at)
    }
}

impl Recomputation {
    /// Begins to fold those events of `files` whose time is in `range`, whole days; about so many.
    ///
    /// # Errors
    /// When the plan cannot be made.
    pub async fn new(
        storage: &Storage,
        metric: &Arc<Metric>,
        files: &[MasterFile],
        range: TimeRange,
        events: f64,
    ) -> Result<Self, StorageError> {
        let input = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::new(Mutex::new(Seen::default()));
        let config = SessionConfig::new().with_target_partitions(1);
        let context = SessionContext::new_with_config(config);
        let scan = Scan { schema: metric.projected_schema(), input: Arc::clone(&input) };
        let plan = plan(&context, metric, scan).map_err(failed)?;
        let plan = plan.create_physical_plan().await.map_err(failed)?;
        let files = files.iter().map(|file| {
            let batches = projected(storage, metric, file.clone(), range, &seen);
            Projected { from: Timestamp(file.first_day * DAY_US), batches, held: None }
        });
        Ok(Self {
            metric: Arc::clone(metric),
            context: context.task_ctx(),
            plan,
            input,
            files: files.collect(),
            seen,
            at: range.from,
            range,
            step_us: step_us(range, events, metric.grain()),
        })
    }

    /// The states of the next chunk; `None` at the end.
    ///
    /// # Errors
    /// When a file cannot be read. What events hold never fails.
    pub async fn next(&mut self) -> Result<Option<Chunk>, StorageError> {
        if self.at >= self.range.to {
            return match self.files.iter().any(|file| file.held.is_some()) {
                true => Err(master::damaged("events of a file are not in order of time")),
                false => Ok(None),
            };
        }
        self.at = self.range.to.min(Timestamp(self.at.0.saturating_add(self.step_us)));
        let mut events = Vec::new();
        for file in &mut self.files {
            file.take(self.at, &mut events).await?;
        }
        *self.input.lock().unwrap_or_else(PoisonError::into_inner) = events;
        let plan = Arc::clone(&self.plan);
        let mut states = execute_stream(plan, Arc::clone(&self.context)).map_err(failed)?;
        let mut table = StateTable::new(self.metric.layout());
        while let Some(batch) = states.try_next().await.map_err(failed)? {
            table.merge(&batch).map_err(crate::view::unmerged)?;
        }
        Ok(Some(Chunk { table, to: self.at }))
    }

    /// What was counted so far.
    #[must_use]
    pub fn seen(&self) -> Seen {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
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

impl Projected {
    /// Adds the events before `to` that are left. The file is opened when its first day has come,
    /// and let go of at its end.
    async fn take(
        &mut self,
        to: Timestamp,
        events: &mut Vec<RecordBatch>,
    ) -> Result<(), StorageError> {
        if self.from >= to {
            return Ok(());
        }
        loop {
            let batch = match self.held.take() {
                Some(batch) => batch,
                None => match self.batches.try_next().await? {
                    Some(batch) => batch,
                    None => {
                        self.batches = stream::empty().boxed();
                        return Ok(());
                    }
                },
            };
            let (before, rest) = ordered::cut(&batch, to).map_err(master::damaged)?;
            events.push(before);
            if rest.num_rows() > 0 {
                self.held = Some(rest);
                return Ok(());
            }
        }
    }
}

fn projected(
    storage: &Storage,
    metric: &Arc<Metric>,
    file: MasterFile,
    range: TimeRange,
    seen: &Arc<Mutex<Seen>>,
) -> BoxStream<'static, Result<RecordBatch, StorageError>> {
    let (storage, metric, seen) = (storage.clone(), Arc::clone(metric), Arc::clone(seen));
    let want = Want::Metric(Arc::clone(&metric));
    let events = async move { master::read(&storage, &file, want, range).await };
    let batches = stream::once(events).try_flatten().map(move |extracted| {
        let extracted = extracted?;
        let projected = metric.project(&extracted).map_err(master::damaged)?;
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.add(&extracted);
        seen.mismatches += projected.mismatches;
        seen.omissions.merge(&projected.omissions);
        Ok(projected.batch)
    });
    batches.boxed()
}

fn plan(
    context: &SessionContext,
    metric: &Metric,
    scan: Scan,
) -> Result<DataFrame, DataFusionError> {
    let schema = metric.projected_schema();
    let partitions = vec![Arc::new(scan) as Arc<dyn PartitionStream>];
    let scan = context.read_table(Arc::new(StreamingTable::try_new(schema, partitions)?))?;
    let layout = metric.layout();
    let named = |name: &str| Expr::Column(Column::new_unqualified(name));
    let groups: Vec<Expr> = std::iter::once(col("time"))
        .chain(layout.dimensions.iter().map(|dimension| named(dimension)))
        .collect();
    let states = layout.states.iter().zip(metric.argument_names()).enumerate();
    let states: Vec<Expr> = states
        .map(|(at, (kind, argument))| {
            let argument = argument.map_or_else(|| lit(true), |name| named(&name));
            aggregate::fold(*kind).call(vec![argument]).alias(layout.state_name(at))
        })
        .collect();
    scan.aggregate(groups, states)
}

/// Where the plan begins: the events of a chunk, projected.
struct Scan {
    schema: SchemaRef,
    input: Arc<Mutex<Vec<RecordBatch>>>,
}

impl fmt::Debug for Scan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scan")
    }
}

impl PartitionStream for Scan {
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
