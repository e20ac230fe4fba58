//! Reading and merging the two parts of an answer under one snapshot.

use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::TimestampMicrosecondType;
use futures::StreamExt;
use merganser_core::blocking::run_blocking;
use merganser_core::failpoint::{self, is_bug_planted};
use merganser_core::ids::{MetricId, Offset};
use merganser_core::omissions::MetricOmissions;
use merganser_core::time::{TimeRange, Timestamp};
use merganser_metric::catalog::{CatalogSnapshot, MetricVersion, ViewFile};
use merganser_metric::compile::Metric;
use merganser_metric::table::StateTable;
use merganser_metric::views::{
    self, BatchReadRequest, ReadColumns, SpeedReadRequest, SpeedViewError,
};
use tokio::runtime::Handle;

use super::ServingLayer;
use super::metric_warnings::merged_omissions;
use super::query_context::QueryContext;
use super::read_trace::{PieceTrace, ReadTrace, RowsTrace};
use crate::answer::MergedStates;
use crate::error::ServingError;
use crate::memory::QueryMemoryGuard;
use crate::merge::{HeldTable, RowGrouping, ensure_total};
use crate::plan::{self, RollupScan};
use crate::query::resolve::{RangeEdges, ResolvedQuery};
use crate::query::{PartialPolicy, Query};

/// Bytes that a group of a speed view takes when it is read, roughly: its bucket's start, a text,
/// and a state or two with what they are made from.
const SPEED_GROUP_BYTES: usize = 96;

/// What an answer is read for.
#[derive(Clone, Copy)]
pub(super) struct ReadContext<'a> {
    pub(super) snapshot: &'a Arc<CatalogSnapshot>,
    pub(super) metric: &'a Arc<MetricVersion>,
    pub(super) resolved: &'a ResolvedQuery,
    pub(super) query: &'a Query,
    pub(super) work: &'a QueryContext,
}

/// What a merged batch part depends on, besides the generation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct BatchPartKey {
    metric: MetricId,
    edges: RangeEdges,
    grouping: Arc<RowGrouping>,
}

/// Why an attempt gave no answer, and whether another one may.
#[derive(Debug)]
pub(super) enum AttemptError {
    /// The speed view has moved on to a newer snapshot.
    Moved,
    /// The speed view may come up.
    Unavailable(String),
    /// Another attempt would fail, too.
    Never(ServingError),
}

impl From<ServingError> for AttemptError {
    fn from(error: ServingError) -> Self {
        Self::Never(error)
    }
}

/// The speed view's rows, read once for all ranges of an answer, so that they are of one position.
#[derive(Debug)]
pub(super) struct SpeedRows {
    rows: Vec<RecordBatch>,
    range: TimeRange,
    /// See [`views::SpeedViewStates::through`].
    pub(super) through: Offset,
    /// See [`views::SpeedViewStates::reach`].
    pub(super) reach: Offset,
    /// What both parts could not take.
    pub(super) omissions: MetricOmissions,
    _held: QueryMemoryGuard,
}

impl SpeedRows {
    /// Those whose buckets start in `range`, which lies in the one that was read.
    fn within(&self, range: TimeRange) -> Result<Vec<RecordBatch>, ServingError> {
        if range == self.range {
            return Ok(self.rows.clone());
        }
        let inside = |rows: &RecordBatch| {
            let times = rows.column(0).as_primitive::<TimestampMicrosecondType>().values();
            let mask = times.iter().map(|time| Some(range.contains(Timestamp(*time)))).collect();
            filter_record_batch(rows, &mask)
                .map_err(|error| ServingError::Internal(error.to_string()))
        };
        self.rows.iter().map(inside).collect()
    }
}

impl ServingLayer {
    /// Reads both parts and merges those in `edges`. The speed view is read in all of `range`,
    /// which includes them; what is missing of it is added to `missing`.
    pub(super) async fn read(
        &self,
        part: &ReadContext<'_>,
        edges: RangeEdges,
        mut range: TimeRange,
        missing: &mut Vec<String>,
    ) -> Result<(MergedStates, SpeedRows), AttemptError> {
        let metric = part.metric;
        if is_bug_planted("boundary_by_time") && !metric.files.is_empty() {
            range.from = plan::covered_range(&metric.files, range).to;
        }
        let columns = ReadColumns { dimensions: dimensions(part), states: states(part) };
        let read = SpeedReadRequest {
            from: metric.boundary.epoch,
            to: None,
            range,
            columns: Some(columns),
        };
        let grouping = self.grouping(part);
        let groups = usize::try_from(self.speed.groups(metric.id)).unwrap_or(usize::MAX);
        // A guess, as not all may be in the range: no query is refused for it alone.
        let most = self.memory.limit() / 4;
        let bytes = groups.saturating_mul(SPEED_GROUP_BYTES).min(most);
        let held = part.work.hold(bytes).map_err(ServingError::from)?;
        let (batch, speed) =
            tokio::join!(self.batch(part, edges, &grouping), self.speed(part, read));
        let speed = speed_rows(speed, (range, held), part, missing)?;
        let merged = merge(part, edges, grouping, batch?, &speed).await?;
        Ok((merged, speed))
    }

    /// The speed view's rows.
    async fn speed(
        &self,
        part: &ReadContext<'_>,
        read: SpeedReadRequest,
    ) -> Result<views::SpeedViewStates, SpeedViewError> {
        let began = part.work.trace().map(ReadTrace::now);
        let states = self.speed.read(part.metric, read).await;
        if let (Some(trace), Some(began), Ok(read)) = (part.work.trace(), began, &states) {
            let rows = read.states.iter().map(|rows| rows.num_rows() as u64).sum();
            trace.figures().speed = RowsTrace { rows, elapsed_us: trace.elapsed_us(began) };
        }
        states
    }

    /// As [`ServingLayer::read`], for another range of what was read of the speed view.
    pub(super) async fn read_also(
        &self,
        part: &ReadContext<'_>,
        edges: RangeEdges,
        speed: &SpeedRows,
    ) -> Result<MergedStates, AttemptError> {
        let grouping = self.grouping(part);
        let batch = self.batch(part, edges, &grouping).await?;
        Ok(merge(part, edges, grouping, batch, speed).await?)
    }

    fn grouping(&self, part: &ReadContext<'_>) -> Arc<RowGrouping> {
        let groups_max = self.settings.groups_max;
        Arc::new(row_grouping(&part.metric.compiled, part.resolved, groups_max))
    }

    /// The merged batch part, which equal queries share.
    async fn batch(
        &self,
        part: &ReadContext<'_>,
        edges: RangeEdges,
        grouping: &Arc<RowGrouping>,
    ) -> Result<Arc<HeldTable>, ServingError> {
        let ReadContext { snapshot, metric, .. } = *part;
        let key = BatchPartKey { metric: metric.id, edges, grouping: Arc::clone(grouping) };
        let columns = ReadColumns { dimensions: dimensions(part), states: states(part) };
        let before = part.work.trace().map(|trace| trace.figures().pieces.len());
        let batch = self.batch_part(part, edges, columns, Arc::clone(grouping));
        let merged = self.parts.get(snapshot.generation, Offset::ZERO, &key, batch).await?;
        if let Some(trace) = part.work.trace()
            && before == Some(trace.figures().pieces.len())
        {
            // The part was kept, so none of its pieces was read.
            let kept = pieces(part, edges);
            let kept = kept.iter().map(|piece| piece_trace(metric, piece, None));
            trace.figures().pieces.extend(kept);
        }
        Ok(merged)
    }

    /// Reads the batch view's pieces and merges them, off the threads that wait: rows are decoded
    /// and merged some thousand at a time, so that they are never held as a whole.
    async fn batch_part(
        &self,
        part: &ReadContext<'_>,
        edges: RangeEdges,
        columns: ReadColumns,
        grouping: Arc<RowGrouping>,
    ) -> Result<Arc<HeldTable>, ServingError> {
        let ReadContext { snapshot, metric, work, .. } = *part;
        let pieces = pieces(part, edges);
        let (snapshot, metric) = (Arc::clone(snapshot), Arc::clone(metric));
        let (batch, work, runtime) = (Arc::clone(&self.batch), work.clone(), Handle::current());
        let kept = self.kept.clone();
        let read = async move {
            let mut added = TableMerger::to_empty(&grouping, &work)?;
            for piece in pieces {
                failpoint::pass("query.view.before");
                let (grain, range, columns) = (piece.grain, piece.range, columns.clone());
                let (began, mut rows_read) = (work.trace().map(ReadTrace::now), 0);
                let mut rows =
                    batch.read(&snapshot, &metric, BatchReadRequest { grain, range, columns });
                while let Some(rows) = rows.next().await {
                    let rows = rows.map_err(|error| ServingError::Internal(error.to_string()))?;
                    rows_read += rows.num_rows() as u64;
                    added.add(&piece.keep(rows)?)?;
                }
                if let (Some(trace), Some(began)) = (work.trace(), began) {
                    let elapsed_us = trace.elapsed_us(began);
                    let read = RowsTrace { rows: rows_read, elapsed_us };
                    trace.figures().pieces.push(piece_trace(&metric, &piece, Some(read)));
                }
            }
            Ok(Arc::new(added.end()?.moved_to(&kept)))
        };
        run_blocking(move || runtime.block_on(read)).await
    }
}

/// The pieces of the batch view that answer a range.
fn pieces(part: &ReadContext<'_>, edges: RangeEdges) -> Vec<RollupScan> {
    let ReadContext { metric, resolved, .. } = *part;
    let range = plan::covered_range(&metric.files, edges.range());
    plan::rollup_scans(&resolved.calendar, metric.compiled.grain(), range)
}

/// What an explanation says of a piece.
fn piece_trace(metric: &MetricVersion, piece: &RollupScan, read: Option<RowsTrace>) -> PieceTrace {
    let is_read = |file: &&ViewFile| file.grain == piece.grain && file.range.overlaps(&piece.range);
    let files = metric.files.iter().filter(is_read).count();
    PieceTrace { grain: piece.grain, range: piece.range, files, read }
}

/// A table that rows are added to, with its memory.
struct TableMerger<'a> {
    grouping: &'a RowGrouping,
    table: StateTable,
    work: &'a QueryContext,
    held: QueryMemoryGuard,
}

impl<'a> TableMerger<'a> {
    /// To a table that was just made.
    fn to_empty(grouping: &'a RowGrouping, work: &'a QueryContext) -> Result<Self, ServingError> {
        let (table, held) = (grouping.empty(), work.hold(0)?);
        Ok(Self { grouping, table, work, held })
    }

    /// To a copy of a table.
    fn to_copy(
        grouping: &'a RowGrouping,
        of: &StateTable,
        work: &'a QueryContext,
    ) -> Result<Self, ServingError> {
        let held = work.hold(of.size_bytes())?;
        Ok(Self { grouping, table: of.clone(), work, held })
    }

    /// Adds a batch, unless the client has gone or there is no memory.
    fn add(&mut self, rows: &RecordBatch) -> Result<(), ServingError> {
        self.work.check()?;
        // At most all of them are new groups. Tables grow by twice what they were.
        let more = rows.get_array_memory_size();
        self.held.resize(self.table.size_bytes() + more)?;
        self.grouping.add(&mut self.table, rows)?;
        Ok(self.held.resize(self.table.size_bytes() + more)?)
    }

    fn end(mut self) -> Result<HeldTable, ServingError> {
        self.held.resize(self.table.size_bytes())?;
        Ok(HeldTable::new(self.table, self.held))
    }
}

/// Merges the speed view's rows in `edges` with the batch part.
async fn merge(
    part: &ReadContext<'_>,
    edges: RangeEdges,
    grouping: Arc<RowGrouping>,
    batch: Arc<HeldTable>,
    speed: &SpeedRows,
) -> Result<MergedStates, ServingError> {
    let ReadContext { resolved, work, .. } = *part;
    let total = resolved.is_total();
    let columns = grouping.columns().into();
    let (rows, work) = (speed.within(edges.range())?, work.clone());
    let began = work.trace().map(ReadTrace::now);
    let trace = work.trace().cloned();
    let table = run_blocking(move || {
        if rows.is_empty() && !(total && batch.is_empty()) {
            return Ok(batch);
        }
        let mut added = TableMerger::to_copy(&grouping, &batch, &work)?;
        // It may have been made for this answer alone.
        drop(batch);
        rows.iter().try_for_each(|rows| added.add(rows))?;
        if total {
            ensure_total(&mut added.table)?;
        }
        added.end().map(Arc::new)
    });
    let table = table.await?;
    if let (Some(trace), Some(began)) = (trace, began) {
        let elapsed_us = trace.elapsed_us(began);
        trace.figures().merge_us += elapsed_us;
    }
    Ok(MergedStates { table, columns })
}

/// What was read of the speed view; what is missing of it is added to `missing`.
fn speed_rows(
    read: Result<views::SpeedViewStates, SpeedViewError>,
    (range, mut held): (TimeRange, QueryMemoryGuard),
    part: &ReadContext<'_>,
    missing: &mut Vec<String>,
) -> Result<SpeedRows, AttemptError> {
    let metric = part.metric;
    match (read, part.query.partial) {
        (
            Ok(views::SpeedViewStates { through, reach, states: rows, missing: lost, omissions }),
            _,
        ) => {
            missing.extend(lost);
            let bytes = rows.iter().map(RecordBatch::get_array_memory_size).sum();
            held.resize(bytes).map_err(ServingError::from)?;
            let omissions = merged_omissions(metric, omissions);
            Ok(SpeedRows { rows, range, through, reach, omissions, _held: held })
        }
        (Err(SpeedViewError::Retired { .. }), _) => Err(AttemptError::Moved),
        (Err(SpeedViewError::TooLarge { limit }), _) => {
            Err(AttemptError::Never(ServingError::TooManyGroups { limit }))
        }
        (Err(error @ SpeedViewError::Unavailable(_)), PartialPolicy::Refuse) => {
            Err(AttemptError::Unavailable(error.to_string()))
        }
        (Err(error @ SpeedViewError::Unavailable(_)), PartialPolicy::Allow) => {
            // The reason may name addresses: only a caller that sees everything gets it.
            let shows_reason = part.query.scope.is_everything();
            let away = || "the speed view is not available".to_owned();
            missing
                .push(format!("speed: {}", if shows_reason { error.to_string() } else { away() }));
            let (through, omissions) = (metric.boundary.offset, MetricOmissions::unknown());
            let (rows, reach) = (Vec::new(), through);
            Ok(SpeedRows { rows, range, through, reach, omissions, _held: held })
        }
    }
}

/// How rows become the groups of an answer.
pub(super) fn row_grouping(
    metric: &Metric,
    resolved: &ResolvedQuery,
    groups_max: usize,
) -> RowGrouping {
    RowGrouping::new(
        metric,
        resolved.calendar.clone(),
        resolved.filters.clone(),
        &resolved.group_by,
        &metric.states_of(&measures(resolved)),
        groups_max,
    )
}

/// The states that the answer is finished from.
fn states(part: &ReadContext<'_>) -> Vec<usize> {
    part.metric.compiled.states_of(&measures(part.resolved))
}

/// The answer's measures, and those that it is chosen and ordered by.
pub(super) fn measures(resolved: &ResolvedQuery) -> Vec<usize> {
    let having = resolved.having.iter().flat_map(|(_, inputs)| inputs.iter().copied());
    let order = resolved.order_by.iter().filter_map(|(key, _)| key.measure());
    resolved.measures.iter().copied().chain(having).chain(order).collect()
}

/// The dimensions that are read: to group by and to filter by.
pub(super) fn dimensions(part: &ReadContext<'_>) -> Vec<usize> {
    let names = &part.metric.compiled.layout().dimensions;
    let filter = part.resolved.filters.iter().flat_map(|filter| filter.inputs());
    let filter = filter.filter_map(|name| names.iter().position(|known| known == name));
    let mut dimensions: Vec<usize> = part.resolved.group_by.iter().copied().chain(filter).collect();
    dimensions.sort_unstable();
    dimensions.dedup();
    dimensions
}
