//! Recomputing states from the master dataset, as a DataFusion plan.
//!
//! The plan scans master files, projects them with the metric's compiled definition, and groups
//! them by bucket and dimensions with the aggregates of [`shared::measure::aggregate`]. It is the
//! same fold as the speed layer's: same projection, same state columns.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

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
use shared::extract::Extractor;
use shared::measure::aggregate;
use shared::table::StateTable;

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
}

/// Folds all events of `files`. The work is done on `threads` partitions of the plan.
///
/// # Errors
/// When a file cannot be read. What events hold never fails.
pub async fn recompute(
    storage: &Storage,
    metric: &Arc<Metric>,
    files: &[MasterFile],
    threads: usize,
) -> Result<Recomputed, StorageError> {
    let mismatches = Arc::new(AtomicU64::new(0));
    let config = SessionConfig::new().with_target_partitions(threads.max(1));
    let context = SessionContext::new_with_config(config);
    let plan = plan(&context, storage, metric, files, threads, &mismatches).map_err(failed)?;
    let mut batches = plan.execute_stream().await.map_err(failed)?;
    let mut table = StateTable::new(metric.layout());
    while let Some(batch) = batches.try_next().await.map_err(failed)? {
        table.merge(&batch).map_err(crate::view::unmerged)?;
    }
    Ok(Recomputed { table, mismatches: mismatches.load(Ordering::Relaxed) })
}

fn plan(
    context: &SessionContext,
    storage: &Storage,
    metric: &Arc<Metric>,
    files: &[MasterFile],
    threads: usize,
    mismatches: &Arc<AtomicU64>,
) -> Result<DataFrame, DataFusionError> {
    let schema = metric.projected_schema();
    let partitions = split(files, threads)
        .into_iter()
        .map(|files| {
            let scan = Scan {
                schema: Arc::clone(&schema),
                storage: storage.clone(),
                metric: Arc::clone(metric),
                files,
                mismatches: Arc::clone(mismatches),
            };
            Arc::new(scan) as Arc<dyn PartitionStream>
        })
        .collect();
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

/// The files in as many parts, of about the same number of events.
fn split(files: &[MasterFile], parts: usize) -> Vec<Vec<MasterFile>> {
    let mut parts = vec![(0_u64, Vec::new()); parts.clamp(1, files.len().max(1))];
    let mut files: Vec<&MasterFile> = files.iter().collect();
    files.sort_by_key(|file| std::cmp::Reverse(file.rows));
    for file in files {
        if let Some(least) = parts.iter_mut().min_by_key(|part| part.0) {
            least.0 += file.rows;
            least.1.push(file.clone());
        }
    }
    parts.into_iter().map(|part| part.1).collect()
}

/// One partition of the plan: some master files, projected.
struct Scan {
    schema: SchemaRef,
    storage: Storage,
    metric: Arc<Metric>,
    files: Vec<MasterFile>,
    mismatches: Arc<AtomicU64>,
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
        let mismatches = Arc::clone(&self.mismatches);
        let columns = Extractor::new(metric.properties().cloned());
        let batches = futures::stream::iter(self.files.clone())
            .then(move |file| {
                let (storage, want) = (storage.clone(), Want::Properties(columns.clone()));
                async move { master::read(&storage, &file, want).await }
            })
            .try_flatten()
            .map_err(external)
            .map(move |extracted| {
                let projected = metric.project(&extracted?).map_err(external)?;
                mismatches.fetch_add(projected.mismatches, Ordering::Relaxed);
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
