//! Recomputing states from the master dataset, as a DataFusion plan.
//!
//! The plan scans master files, projects them with the metric's compiled definition, and groups
//! them by bucket and dimensions with the aggregates of [`shared::measure::aggregate`]. It is the
//! same fold as the speed layer's: same projection, same state columns.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::datatypes::SchemaRef;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::common::{Column, DataFusionError};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, col, lit};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use datafusion::prelude::{DataFrame, SessionConfig, SessionContext};
use futures::{StreamExt, TryStreamExt};
use shared::compile::Metric;
use shared::extract::Extracted;
use shared::measure::aggregate;
use shared::table::StateTable;
use shared::time::{TimeRange, Timestamp};

use crate::manifest::MasterFile;
use crate::master::{self, Want};
use crate::storage::{Storage, StorageError};

/// States folded from events.
#[derive(Debug)]
pub struct Recomputed {
    /// The states, at the base grain.
    pub table: StateTable,
    /// Type mismatches of the events.
    pub mismatches: u64,
    /// Events that were read, of whatever type.
    pub events: u64,
    /// The UTC days of their times.
    pub days: BTreeSet<i64>,
}

/// What a scan counts on its way.
#[derive(Debug, Default)]
struct Seen {
    mismatches: u64,
    events: u64,
    days: BTreeSet<i64>,
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

/// Folds those events of `files` whose time is in `range`, in the thread that polls.
///
/// # Errors
/// When a file cannot be read. What events hold never fails.
pub async fn recompute(
    storage: &Storage,
    metric: &Arc<Metric>,
    files: &[MasterFile],
    range: TimeRange,
) -> Result<Recomputed, StorageError> {
    let seen = Arc::new(Mutex::new(Seen::default()));
    let config = SessionConfig::new().with_target_partitions(1);
    let context = SessionContext::new_with_config(config);
    let scan = Scan {
        schema: metric.projected_schema(),
        storage: storage.clone(),
        metric: Arc::clone(metric),
        files: files.to_vec(),
        range,
        seen: Arc::clone(&seen),
    };
    let plan = plan(&context, metric, scan).map_err(failed)?;
    let mut batches = plan.execute_stream().await.map_err(failed)?;
    let mut table = StateTable::new(metric.layout());
    while let Some(batch) = batches.try_next().await.map_err(failed)? {
        table.merge(&batch).map_err(crate::view::unmerged)?;
    }
    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    let Seen { mismatches, events, days } = std::mem::take(&mut *seen);
    Ok(Recomputed { table, mismatches, events, days })
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

/// Where the plan begins: master files, projected.
struct Scan {
    schema: SchemaRef,
    storage: Storage,
    metric: Arc<Metric>,
    files: Vec<MasterFile>,
    range: TimeRange,
    seen: Arc<Mutex<Seen>>,
}

impl fmt::Debug for Scan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scan({} master files)", self.files.len())
    }
}

impl PartitionStream for Scan {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let (storage, metric) = (self.storage.clone(), Arc::clone(&self.metric));
        let (range, seen) = (self.range, Arc::clone(&self.seen));
        let want = Want::Metric(Arc::clone(&metric));
        let batches = futures::stream::iter(self.files.clone())
            .then(move |file| {
                let (storage, want) = (storage.clone(), want.clone());
                async move { master::read(&storage, &file, want, range).await }
            })
            .try_flatten()
            .map_err(external)
            .map(move |extracted| {
                let extracted = extracted?;
                let projected = metric.project(&extracted).map_err(external)?;
                let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
                seen.add(&extracted);
                seen.mismatches += projected.mismatches;
                Ok(projected.batch)
            });
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), batches))
    }
}

fn external(error: impl std::error::Error + Send + Sync + 'static) -> DataFusionError {
    DataFusionError::External(Box::new(error))
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
