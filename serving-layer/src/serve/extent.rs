//! The first and the last bucket of a metric, for people who look at it.

use shared::catalog::{MetricVersion, Snapshot};
use shared::ports::{BatchRead, ReadColumns, SpeedRead};
use shared::time::{Grain, TimeRange, Timestamp};

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::TimestampMicrosecondType;

use super::Serving;
use crate::plan;

impl Serving {
    /// Starts of the first and of the last base bucket with events; of what can be read.
    pub(crate) async fn extent(
        &self,
        snapshot: &Snapshot,
        metric: &MetricVersion,
    ) -> (Option<Timestamp>, Option<Timestamp>) {
        let columns = ReadColumns { dimensions: Vec::new(), states: Vec::new() };
        let (from, range) = (metric.boundary.epoch, TimeRange::ALL);
        let speed = SpeedRead { from, to: None, range, columns: Some(columns.clone()) };
        let mut rows = match self.speed.read(metric, speed).await {
            Ok(part) => part.states,
            Err(_) => Vec::new(),
        };
        let covered = plan::covered(&metric.files, TimeRange::ALL);
        if !covered.is_empty() {
            let day = Grain::Day.micros();
            let first = TimeRange { to: Timestamp(covered.from.0 + day), ..covered };
            let last = TimeRange { from: Timestamp(covered.to.0 - day), ..covered };
            for range in [first, last] {
                let grain = metric.compiled.grain();
                let read = BatchRead { grain, range, columns: columns.clone() };
                rows.extend(self.batch.read(snapshot, metric, read).await.unwrap_or_default());
            }
        }
        let times = || rows.iter().flat_map(times);
        (times().min().map(Timestamp), times().max().map(Timestamp))
    }
}

fn times(rows: &RecordBatch) -> impl Iterator<Item = i64> {
    let times = rows
        .column_by_name("time")
        .and_then(|column| column.as_primitive_opt::<TimestampMicrosecondType>());
    times.into_iter().flat_map(|times| times.values().iter().copied())
}
