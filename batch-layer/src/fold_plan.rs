//! The fold as a node of a DataFusion plan.
//!
//! [`FoldExec`] aggregates with the table that the speed layer folds into, so that there is one
//! fold and not two that agree. A plan of several tasks folds the rows of each partition
//! ([`FoldStage::Partial`]) and merges the states of all partitions ([`FoldStage::Final`]); states
//! merge to the same bits in any order, so that it does not show how rows were spread.

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion_common::tree_node::TreeNodeRecursion;
use datafusion_common::{DataFusionError, Result};
use datafusion_execution::{SendableRecordBatchStream, TaskContext};
use datafusion_physical_expr::{EquivalenceProperties, Partitioning, PhysicalExpr};
use datafusion_physical_plan::execution_plan::{
    Boundedness, ChildrenPropertiesMode, EmissionType, ReplaceChildrenOptions,
};
use datafusion_physical_plan::stream::RecordBatchStreamAdapter;
use datafusion_physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties,
    validate_child_count,
};
use futures::{StreamExt, TryStreamExt, stream};
use merganser_metric::compile::Metric;
use merganser_metric::table::StateTable;

use crate::view;

/// What a node is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FoldStage {
    /// Projected rows ([`Metric::projected_schema`]); a table for each partition.
    Partial,
    /// States, of any number of partitions; one table.
    Final,
}

/// Folds its input to the states of a metric, sorted by time and dimensions.
#[derive(Clone)]
pub struct FoldExec {
    metric: Arc<Metric>,
    stage: FoldStage,
    input: Arc<dyn ExecutionPlan>,
    properties: Arc<PlanProperties>,
}

impl FoldExec {
    /// A node above `input`.
    #[must_use]
    pub fn new(metric: Arc<Metric>, stage: FoldStage, input: Arc<dyn ExecutionPlan>) -> Self {
        let partitions = match stage {
            FoldStage::Partial => input.output_partitioning().partition_count(),
            FoldStage::Final => 1,
        };
        let properties = Arc::new(PlanProperties::new(
            EquivalenceProperties::new(metric.layout().schema()),
            Partitioning::UnknownPartitioning(partitions),
            EmissionType::Final,
            Boundedness::Bounded,
        ));
        Self { metric, stage, input, properties }
    }

    /// The states of one of its partitions, as the table that they are folded into, so that a
    /// merge in the same process need not decode them.
    ///
    /// # Errors
    /// When the input fails, or is not what the stage takes.
    pub async fn fold(&self, partition: usize, context: Arc<TaskContext>) -> Result<StateTable> {
        let mut table = StateTable::new(self.metric.layout());
        self.fold_into(&mut table, partition, context).await?;
        Ok(table)
    }

    /// Folds one of its partitions into states that are there already.
    ///
    /// # Errors
    /// When the input fails, or is not what the stage takes.
    pub async fn fold_into(
        &self,
        table: &mut StateTable,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<()> {
        let partitions = match self.stage {
            FoldStage::Partial => partition..partition + 1,
            FoldStage::Final => 0..self.input.output_partitioning().partition_count(),
        };
        for partition in partitions {
            let mut batches = self.input.execute(partition, Arc::clone(&context))?;
            while let Some(batch) = batches.try_next().await? {
                match self.stage {
                    FoldStage::Partial => {
                        self.metric.fold_rows(table, &batch).map_err(external)?;
                    }
                    FoldStage::Final => table.merge(&batch).map_err(external)?,
                }
            }
        }
        Ok(())
    }
}

fn external(error: impl std::error::Error + Send + Sync + 'static) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

impl fmt::Debug for FoldExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FoldExec({:?}, {:?})", self.stage, self.input)
    }
}

impl DisplayAs for FoldExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FoldExec: stage={:?}", self.stage)
    }
}

impl ExecutionPlan for FoldExec {
    fn name(&self) -> &'static str {
        "FoldExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        validate_child_count!(self, children);
        let metric = Arc::clone(&self.metric);
        Ok(Arc::new(Self::new(metric, self.stage, children.swap_remove(0))))
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let options = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
        self.replace_children(children, options)
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let (this, schema): (_, SchemaRef) = (self.clone(), self.metric.layout().schema());
        let rows = async move {
            let table = this.fold(partition, context).await?;
            Ok::<_, DataFusionError>(stream::iter(view::rows(&table).into_iter().map(Ok)))
        };
        let rows = stream::once(rows).try_flatten().boxed();
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows)))
    }
}

#[cfg(test)]
mod tests;
