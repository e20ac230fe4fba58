//! Making parts as a plan: rows that name parts are its leaf, and an operator above them makes
//! them.
//!
//! The leaf is one of DataFusion's own, with one row a partition. Ballista gives each task the rows
//! of its partitions only; an operator of ours without an input would be executed whole by each.

use std::any::Any;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{AsArray, RecordBatch, StringArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, UInt64Type};
use ballista_core::serde::BallistaPhysicalExtensionCodec;
use batch_layer::run::PartMaker;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties,
};
use datafusion_proto::physical_plan::{PhysicalExtensionCodec, PhysicalProtoConverterExtension};
use futures::StreamExt;
use tokio::time::sleep;

/// How long a part that failed keeps its place.
const AFTER_FAILURE: Duration = Duration::from_secs(3);

/// How the operator is told from those of others in an encoded plan.
const TAG: &[u8] = b"merganser-make-parts";

/// The rows that name parts: the work, and the number.
fn part_schema() -> SchemaRef {
    let work = Field::new("work", DataType::Utf8, false);
    Arc::new(Schema::new(vec![work, Field::new("part", DataType::UInt64, false)]))
}

/// What the operator gives back of each part, which nobody fetches.
fn outcome_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new("outcome", DataType::Utf8, false)]))
}

/// The plan that makes parts of a work, each in a partition of its own.
pub(super) fn make_parts(work: &str, parts: &[usize]) -> Result<Arc<dyn ExecutionPlan>> {
    let row = |part: &usize| {
        let (work, part) = (StringArray::from(vec![work]), UInt64Array::from(vec![*part as u64]));
        Ok(vec![RecordBatch::try_new(part_schema(), vec![Arc::new(work), Arc::new(part)])?])
    };
    let rows = parts.iter().map(row).collect::<Result<Vec<_>>>()?;
    let leaf = MemorySourceConfig::try_new_exec(&rows, part_schema(), None)?;
    Ok(Arc::new(MakePartsExec::new(leaf, None)))
}

/// Makes the parts that its input names.
struct MakePartsExec {
    input: Arc<dyn ExecutionPlan>,
    /// Who makes them, where it is executed.
    maker: Option<Arc<PartMaker>>,
    properties: Arc<PlanProperties>,
}

impl MakePartsExec {
    fn new(input: Arc<dyn ExecutionPlan>, maker: Option<Arc<PartMaker>>) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(outcome_schema()),
            input.output_partitioning().clone(),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self { input, maker, properties: Arc::new(properties) }
    }
}

impl fmt::Debug for MakePartsExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MakePartsExec").field("input", &self.input).finish_non_exhaustive()
    }
}

impl DisplayAs for MakePartsExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MakePartsExec")
    }
}

impl ExecutionPlan for MakePartsExec {
    fn name(&self) -> &'static str {
        "MakePartsExec"
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

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let [input] = <[_; 1]>::try_from(children).map_err(|children| {
            let count = children.len();
            DataFusionError::Internal(format!("MakePartsExec has one input, not {count}"))
        })?;
        Ok(Arc::new(Self::new(input, self.maker.clone())))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let maker = self.maker.clone().ok_or_else(|| {
            DataFusionError::Internal("parts are made by executors only".to_owned())
        })?;
        let input = self.input.execute(partition, context)?;
        let made = input.then(move |rows| {
            let maker = Arc::clone(&maker);
            async move { make_rows(&maker, &rows?).await }
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(outcome_schema(), made)))
    }
}

/// Makes the parts of some rows.
async fn make_rows(maker: &Arc<PartMaker>, rows: &RecordBatch) -> Result<RecordBatch> {
    let works = rows.column(0).as_string::<i32>();
    let numbers = rows.column(1).as_primitive::<UInt64Type>();
    let mut outcomes = Vec::new();
    for (work, number) in works.iter().zip(numbers) {
        let (work, number) = (work.unwrap_or_default(), number.unwrap_or_default());
        let number = usize::try_from(number).unwrap_or(usize::MAX);
        // Of all errors those of input and output are tried again, by another executor too.
        match maker.make(work, number).await {
            Ok(made) => outcomes.push(made.name()),
            Err(error) => {
                // Who fails at once would be given all parts.
                sleep(AFTER_FAILURE).await;
                return Err(DataFusionError::IoError(io::Error::other(error)));
            }
        }
    }
    Ok(RecordBatch::try_new(outcome_schema(), vec![Arc::new(StringArray::from(outcomes))])?)
}

/// Encodes and decodes the operator, and leaves others to Ballista.
#[derive(Clone)]
pub(super) struct PartCodec {
    others: Arc<BallistaPhysicalExtensionCodec>,
    /// Who makes parts, where plans are executed.
    maker: Option<Arc<PartMaker>>,
}

impl PartCodec {
    pub(super) fn new(maker: Option<Arc<PartMaker>>) -> Self {
        Self { others: Arc::default(), maker }
    }
}

impl fmt::Debug for PartCodec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PartCodec")
    }
}

impl PhysicalExtensionCodec for PartCodec {
    fn try_decode(
        &self,
        bytes: &[u8],
        inputs: &[Arc<dyn ExecutionPlan>],
        context: &TaskContext,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match (bytes == TAG, inputs) {
            (true, [input]) => {
                Ok(Arc::new(MakePartsExec::new(Arc::clone(input), self.maker.clone())))
            }
            _ => self.others.try_decode(bytes, inputs, context, converter),
        }
    }

    fn try_encode(
        &self,
        node: Arc<dyn ExecutionPlan>,
        bytes: &mut Vec<u8>,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<()> {
        let any: &dyn Any = node.as_ref();
        if any.is::<MakePartsExec>() {
            bytes.extend_from_slice(TAG);
            return Ok(());
        }
        self.others.try_encode(node, bytes, converter)
    }
}
