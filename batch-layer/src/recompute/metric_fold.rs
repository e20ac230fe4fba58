//! The fold of one metric: a DataFusion plan that is executed on the rows that it is given.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion_common::DataFusionError;
use datafusion_execution::{SendableRecordBatchStream, TaskContext};
use datafusion_physical_plan::stream::RecordBatchStreamAdapter;
use datafusion_physical_plan::streaming::{PartitionStream, StreamingTableExec};
use futures::stream;
use merganser_metric::compile::Metric;
use merganser_metric::extract::ExtractedEvents;
use merganser_metric::table::StateTable;

use super::{CHUNK_EVENTS, RecomputeCounters};
use crate::fold_plan::{FoldExec, FoldStage};
use crate::master;
use crate::storage::StorageError;

/// What is folded of one metric.
pub(super) struct MetricFoldPlan {
    metric: Arc<Metric>,
    context: Arc<TaskContext>,
    plan: FoldExec,
    /// What the plan scans next, and how many rows it has.
    input: Arc<Mutex<Vec<RecordBatch>>>,
    input_rows: usize,
    /// The states of the chunk, but for what is to be scanned.
    table: StateTable,
    pub(super) seen: RecomputeCounters,
}

impl MetricFoldPlan {
    pub(super) fn new(metric: &Arc<Metric>) -> Result<Self, StorageError> {
        let (metric, schema) = (Arc::clone(metric), metric.projected_schema());
        let input = Arc::new(Mutex::new(Vec::new()));
        let chunk = ChunkPartition { schema: Arc::clone(&schema), input: Arc::clone(&input) };
        let scan =
            StreamingTableExec::try_new(schema, vec![Arc::new(chunk)], None, [], false, None)
                .map_err(failed)?;
        let plan = FoldExec::new(Arc::clone(&metric), FoldStage::Partial, Arc::new(scan));
        let (context, table) = (Arc::default(), StateTable::new(metric.layout()));
        let seen = RecomputeCounters::default();
        Ok(Self { metric, context, plan, input, input_rows: 0, table, seen })
    }

    /// Projects events, and counts them.
    pub(super) fn project(
        &mut self,
        extracted: &ExtractedEvents,
    ) -> Result<RecordBatch, StorageError> {
        let projected = self.metric.project(extracted).map_err(master::damaged)?;
        self.seen.add(extracted);
        self.seen.mismatches += projected.mismatches;
        self.seen.omissions.merge(&projected.omissions);
        Ok(projected.batch)
    }

    /// Takes projected rows, and folds them once there are enough.
    pub(super) async fn scan(&mut self, rows: RecordBatch) -> Result<(), StorageError> {
        self.input_rows += rows.num_rows();
        self.input.lock().unwrap_or_else(PoisonError::into_inner).push(rows);
        match self.input_rows as f64 >= CHUNK_EVENTS {
            true => self.fold_input().await,
            false => Ok(()),
        }
    }

    /// Folds what it was given and has not folded yet.
    pub(super) async fn fold_input(&mut self) -> Result<(), StorageError> {
        if std::mem::take(&mut self.input_rows) == 0 {
            return Ok(());
        }
        let context = Arc::clone(&self.context);
        self.plan.fold_into(&mut self.table, 0, context).await.map_err(failed)
    }

    /// The states of the chunk; the next one begins with none.
    pub(super) fn finish_chunk(&mut self) -> StateTable {
        std::mem::replace(&mut self.table, StateTable::new(self.metric.layout()))
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
