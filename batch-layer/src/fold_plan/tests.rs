//! Plans of any number of partitions against one table.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion_execution::TaskContext;
use datafusion_physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion_physical_plan::stream::RecordBatchStreamAdapter;
use datafusion_physical_plan::streaming::{PartitionStream, StreamingTableExec};
use datafusion_physical_plan::{ExecutionPlan, collect};
use merganser_core::event::{EventBatch, EventOffsets};
use merganser_core::ids::Offset;
use merganser_core::testing::event;
use merganser_metric::definition;
use merganser_metric::extract::PropertyExtractor;
use proptest::prelude::*;

use super::*;

/// A measure of every kind of state.
const METRIC: &str = r#"
    [[metric]]
    name = "sales"
    event = "sale"
    dimensions = ["shop"]
    [metric.measures]
    n = { kind = "count" }
    total = { kind = "sum", of = "amount" }
    mean = { kind = "avg", of = "amount" }
    least = { kind = "min", of = "amount" }
    most = { kind = "max", of = "amount" }
    buyers = { kind = "distinct", of = "buyer" }
    median = { kind = "quantile", of = "amount", q = 0.5 }
    spread = { kind = "stddev_samp", of = "amount" }
    last = { kind = "latest", of = "buyer" }
"#;

fn metric() -> Arc<Metric> {
    let definition = definition::from_toml(METRIC).unwrap().remove(0);
    Arc::new(Metric::compile(&definition).unwrap())
}

#[derive(Debug)]
struct FixedPartition(SchemaRef, Vec<RecordBatch>);

impl PartitionStream for FixedPartition {
    fn schema(&self) -> &SchemaRef {
        &self.0
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let batches = stream::iter(self.1.clone().into_iter().map(Ok));
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.0), batches))
    }
}

fn scan(schema: &SchemaRef, partitions: Vec<Vec<RecordBatch>>) -> Arc<dyn ExecutionPlan> {
    let fixed = |batches| Arc::new(FixedPartition(Arc::clone(schema), batches)) as Arc<_>;
    let partitions: Vec<Arc<dyn PartitionStream>> = partitions.into_iter().map(fixed).collect();
    Arc::new(
        StreamingTableExec::try_new(Arc::clone(schema), partitions, None, [], false, None).unwrap(),
    )
}

/// What events project to.
fn rows(metric: &Metric, events: &EventBatch) -> RecordBatch {
    let extractor = PropertyExtractor::new(metric.properties().cloned());
    let offsets = EventOffsets::consecutive(Offset::ZERO, events.len());
    metric.project(&extractor.extract(events, offsets)).unwrap().batch
}

fn events(values: &[(u8, u8, i16)]) -> EventBatch {
    let one = |(n, (shop, buyer, amount)): (usize, &(u8, u8, i16))| {
        let properties =
            format!(r#"{{"shop":"s{}","buyer":"b{buyer}","amount":{amount}.5}}"#, shop % 4);
        event("sale", n as i64 * 900_000_000, Some(&properties))
    };
    values.iter().enumerate().map(one).collect()
}

fn collected(plan: Arc<dyn ExecutionPlan>) -> Vec<RecordBatch> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(collect(plan, Arc::new(TaskContext::default()))).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Rows spread over any number of tasks, in any batches, give the states of one table, bit for
    /// bit, and so do their partial states merged.
    #[test]
    fn a_plan_of_any_partitions_gives_the_states_of_one_table(
        values in prop::collection::vec(any::<(u8, u8, i16)>(), 1..200),
        spread in prop::collection::vec((0..4_usize, 1..30_usize), 1..40),
    ) {
        let metric = metric();
        let rows = rows(&metric, &events(&values));
        let mut expected = StateTable::new(metric.layout());
        metric.fold_rows(&mut expected, &rows).unwrap();
        let expected = view::rows(&expected);

        let mut partitions = vec![Vec::new(); 4];
        let (mut from, mut cuts) = (0, spread.iter().cycle());
        while from < rows.num_rows() {
            let (partition, count) = cuts.next().unwrap();
            let count = (*count).min(rows.num_rows() - from);
            partitions[*partition].push(rows.slice(from, count));
            from += count;
        }
        let scan = scan(&metric.projected_schema(), partitions);
        let partial: Arc<dyn ExecutionPlan> =
            Arc::new(FoldExec::new(Arc::clone(&metric), FoldStage::Partial, scan));
        prop_assert_eq!(partial.output_partitioning().partition_count(), 4);
        let last = |input| Arc::new(FoldExec::new(Arc::clone(&metric), FoldStage::Final, input));
        prop_assert_eq!(&collected(last(Arc::clone(&partial))), &expected);
        let coalesced = last(Arc::new(CoalescePartitionsExec::new(Arc::clone(&partial))));
        prop_assert_eq!(&collected(coalesced), &expected);
        let options = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
        let rebuilt = last(Arc::clone(&partial)).replace_children(vec![partial], options).unwrap();
        prop_assert_eq!(&collected(rebuilt), &expected);
    }
}

#[test]
fn a_node_fails_as_its_input_does() {
    let metric = metric();
    let rows = rows(&metric, &events(&[(1, 1, 1)]));
    let scan = scan(&metric.projected_schema(), vec![vec![rows]]);
    // Rows are no states.
    let plan = Arc::new(FoldExec::new(metric, FoldStage::Final, scan));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let failed = runtime.block_on(collect(plan, Arc::new(TaskContext::default()))).unwrap_err();
    assert!(failed.to_string().contains("other columns"), "{failed}");
}
