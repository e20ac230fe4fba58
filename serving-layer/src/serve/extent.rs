//! The first and the last bucket of a metric, for people who look at it.

use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::TimestampMicrosecondType;
use futures::StreamExt;
use merganser_core::blocking::run_blocking;
use merganser_core::time::{Grain, TimeRange, Timestamp};
use merganser_metric::catalog::{CatalogSnapshot, MetricVersion};
use merganser_metric::views::{BatchReadRequest, ReadColumns, SpeedReadRequest};
use tokio::runtime::Handle;

use super::query_context::QueryContext;
use super::{PermitRequest, ServingLayer};
use crate::error::ServingError;
use crate::plan;

/// Starts of the first and of the last base bucket with events.
pub(crate) type Extent = Option<(Timestamp, Timestamp)>;

impl ServingLayer {
    /// The extent of what can be read of a metric, with a permit of its own.
    pub(crate) async fn extent(
        self: &Arc<Self>,
        request: &PermitRequest,
        snapshot: &Arc<CatalogSnapshot>,
        metric: &Arc<MetricVersion>,
    ) -> Result<Extent, ServingError> {
        let need = self.need_for_rows(self.speed.groups(metric.id));
        self.run_when_admitted(need, request, |work| async move {
            self.extent_now(snapshot, metric, &work).await
        })
        .await
    }

    async fn extent_now(
        &self,
        snapshot: &Arc<CatalogSnapshot>,
        metric: &MetricVersion,
        work: &QueryContext,
    ) -> Result<Extent, ServingError> {
        let columns = ReadColumns { dimensions: Vec::new(), states: Vec::new() };
        let (from, range) = (metric.boundary.epoch, TimeRange::ALL);
        let read = SpeedReadRequest { from, to: None, range, columns: Some(columns.clone()) };
        let groups = usize::try_from(self.speed.groups(metric.id)).unwrap_or(usize::MAX);
        let held = work.hold(groups.saturating_mul(size_of::<i64>()))?;
        let rows = self.speed.read(metric, read).await.map_or_else(|_| Vec::new(), |p| p.states);
        let mut extent = rows.iter().fold(None, extended_by);
        drop((rows, held));
        let covered = plan::covered_range(&metric.files, TimeRange::ALL);
        if !covered.is_empty() {
            let day = Grain::Day.micros();
            let first = TimeRange { to: Timestamp(covered.from.0 + day), ..covered };
            let last = TimeRange { from: Timestamp(covered.to.0 - day), ..covered };
            let (grain, runtime) = (metric.compiled.grain(), Handle::current());
            let reads = [first, last].map(|range| {
                let read = BatchReadRequest { grain, range, columns: columns.clone() };
                self.batch.read(snapshot, metric, read)
            });
            // Off the threads that wait, since reading decodes.
            let (work, snapshot) = (work.clone(), Arc::clone(snapshot));
            let read = async move {
                for mut rows in reads {
                    while let Some(Ok(rows)) = rows.next().await {
                        work.check()?;
                        extent = extended_by(extent, &rows);
                    }
                }
                drop(snapshot);
                Ok::<_, ServingError>(extent)
            };
            extent = run_blocking(move || runtime.block_on(read)).await?;
        }
        Ok(extent)
    }
}

/// An extent that has the bucket starts of some rows as well.
fn extended_by(extent: Extent, rows: &RecordBatch) -> Extent {
    let times = rows
        .column_by_name("time")
        .and_then(|column| column.as_primitive_opt::<TimestampMicrosecondType>());
    let times = times.into_iter().flat_map(|times| times.values().iter().copied().map(Timestamp));
    times.fold(extent, |extent, time| match extent {
        Some((first, last)) => Some((first.min(time), last.max(time))),
        None => Some((time, time)),
    })
}
