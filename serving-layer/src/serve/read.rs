//! Reading and merging the two parts of an answer under one snapshot.

use std::sync::Arc;
use std::time::Instant;

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::TimestampMicrosecondType;
use chrono_tz::Tz;
use futures::{StreamExt, TryStreamExt, stream};
use shared::catalog::{MetricVersion, Snapshot};
use shared::failpoint::{self, planted};
use shared::ids::{MetricId, Offset};
use shared::omissions::Omissions;
use shared::ports::{self, BatchRead, ReadColumns, SpeedError, SpeedRead};
use shared::table::StateTable;
use shared::time::{TimeRange, Timestamp};

use super::doubts::of_both_parts;
use super::{Serving, blocking};
use crate::answer::Merged;
use crate::calendar::Granularity;
use crate::error::Error;
use crate::merge::Grouping;
use crate::plan;
use crate::query::resolve::{Edges, Resolved};
use crate::query::{Partial, Query};

/// Reads of a batch view under way at a time, for one answer.
const READS: usize = 4;

/// What an answer is read for.
#[derive(Clone, Copy)]
pub(super) struct Part<'a> {
    pub(super) snapshot: &'a Arc<Snapshot>,
    pub(super) metric: &'a Arc<MetricVersion>,
    pub(super) resolved: &'a Resolved,
    pub(super) query: &'a Query,
    pub(super) deadline: Instant,
}

/// What a merged batch part depends on, besides the generation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Shape {
    metric: MetricId,
    edges: Edges,
    granularity: Granularity,
    timezone: Tz,
    group_by: Vec<usize>,
    /// That of who asks, and that of the query.
    filters: [Option<String>; 2],
    states: Vec<usize>,
}

/// Why an attempt gave no answer, and whether another one may.
#[derive(Debug)]
pub(super) enum Retry {
    /// The speed view has moved on to a newer snapshot.
    Moved,
    /// The speed view may come up.
    Unavailable(String),
    /// Another attempt would end likewise.
    Never(Error),
}

impl From<Error> for Retry {
    fn from(error: Error) -> Self {
        Self::Never(error)
    }
}

/// The speed view's rows, read once for all ranges of an answer, so that they are of one position.
#[derive(Debug)]
pub(super) struct SpeedRows {
    rows: Vec<RecordBatch>,
    range: TimeRange,
    /// See [`ports::SpeedPart::through`].
    pub(super) through: Offset,
    /// See [`ports::SpeedPart::reach`].
    pub(super) reach: Offset,
    /// What both parts could not take.
    pub(super) omissions: Omissions,
}

impl SpeedRows {
    /// Those whose buckets start in `range`, which lies in the one that was read.
    fn within(&self, range: TimeRange) -> Result<Vec<RecordBatch>, Error> {
        if range == self.range {
            return Ok(self.rows.clone());
        }
        let inside = |rows: &RecordBatch| {
            let times = rows.column(0).as_primitive::<TimestampMicrosecondType>().values();
            let mask = times.iter().map(|time| Some(range.contains(Timestamp(*time)))).collect();
            filter_record_batch(rows, &mask).map_err(|error| Error::Internal(error.to_string()))
        };
        self.rows.iter().map(inside).collect()
    }
}

impl Serving {
    /// Reads both parts and merges those in `edges`. The speed view is read in all of `range`,
    /// which includes them; what is missing of it is added to `missing`.
    pub(super) async fn read(
        &self,
        part: &Part<'_>,
        edges: Edges,
        mut range: TimeRange,
        missing: &mut Vec<String>,
    ) -> Result<(Merged, SpeedRows), Retry> {
        let metric = part.metric;
        if planted("boundary_by_time") && !metric.files.is_empty() {
            range.from = plan::covered(&metric.files, range).to;
        }
        let columns = ReadColumns { dimensions: dimensions(part), states: states(part) };
        let read =
            SpeedRead { from: metric.boundary.epoch, to: None, range, columns: Some(columns) };
        let grouping = self.grouping(part);
        let (batch, speed) =
            tokio::join!(self.batch(part, edges, &grouping), self.speed.read(metric, read),);
        let speed = speed_rows(speed, range, part, missing)?;
        let merged = merge(part, edges, grouping, batch?, &speed).await?;
        Ok((merged, speed))
    }

    /// As [`Serving::read`], for another range of what was read of the speed view.
    pub(super) async fn read_also(
        &self,
        part: &Part<'_>,
        edges: Edges,
        speed: &SpeedRows,
    ) -> Result<Merged, Retry> {
        let grouping = self.grouping(part);
        let batch = self.batch(part, edges, &grouping).await?;
        Ok(merge(part, edges, grouping, batch, speed).await?)
    }

    fn grouping(&self, part: &Part<'_>) -> Arc<Grouping> {
        let Part { metric, resolved, .. } = *part;
        Arc::new(Grouping::new(
            &metric.compiled,
            resolved.calendar.clone(),
            resolved.filters.clone(),
            &resolved.group_by,
            &states(part),
            self.settings.groups_max,
        ))
    }

    /// The merged batch part, which equal queries share.
    async fn batch(
        &self,
        part: &Part<'_>,
        edges: Edges,
        grouping: &Arc<Grouping>,
    ) -> Result<Arc<StateTable>, Error> {
        let Part { snapshot, metric, resolved, query, .. } = *part;
        let states = states(part);
        let shape = Shape {
            metric: metric.id,
            edges,
            granularity: query.granularity,
            timezone: query.timezone,
            group_by: resolved.group_by.clone(),
            filters: [query.scope.filter.clone(), query.filter.clone()],
            states: states.clone(),
        };
        let columns = ReadColumns { dimensions: dimensions(part), states };
        let batch = self.batch_part(part, edges, columns, Arc::clone(grouping));
        self.parts.get(snapshot.generation, Offset::ZERO, &shape, batch).await
    }

    /// Reads the batch view's pieces and merges them.
    async fn batch_part(
        &self,
        part: &Part<'_>,
        edges: Edges,
        columns: ReadColumns,
        grouping: Arc<Grouping>,
    ) -> Result<Arc<StateTable>, Error> {
        let Part { snapshot, metric, resolved, deadline, .. } = *part;
        let range = plan::covered(&metric.files, edges.range());
        let pieces = plan::pieces(&resolved.calendar, metric.compiled.grain(), range);
        let read = |piece: plan::Piece| {
            let (grain, range, columns) = (piece.grain, piece.range, columns.clone());
            let read = BatchRead { grain, range, columns };
            async move {
                failpoint::pass("query.view.before");
                let rows = self.batch.read(snapshot, metric, read).await;
                let rows = rows.map_err(|error| Error::Internal(error.to_string()))?;
                let rows = rows.into_iter().map(|rows| piece.keep(rows));
                Ok::<_, Error>(rows.collect::<Result<Vec<_>, _>>()?)
            }
        };
        let reads = stream::iter(pieces.into_iter().map(read)).buffered(READS);
        let rows: Vec<Vec<RecordBatch>> = reads.try_collect().await?;
        blocking(move || {
            let mut table = grouping.empty();
            for rows in &rows {
                add(&grouping, &mut table, rows, deadline)?;
            }
            Ok(Arc::new(table))
        })
        .await
    }
}

/// Adds batches to a table, unless it takes too long.
fn add(
    grouping: &Grouping,
    table: &mut StateTable,
    rows: &[RecordBatch],
    deadline: Instant,
) -> Result<(), Error> {
    for batch in rows {
        if Instant::now() > deadline {
            return Err(Error::Internal("the query was given up".to_owned()));
        }
        grouping.add(table, batch)?;
    }
    Ok(())
}

/// Merges the speed view's rows in `edges` with the batch part.
async fn merge(
    part: &Part<'_>,
    edges: Edges,
    grouping: Arc<Grouping>,
    batch: Arc<StateTable>,
    speed: &SpeedRows,
) -> Result<Merged, Error> {
    let Part { query, resolved, deadline, .. } = *part;
    let total = query.granularity == Granularity::All && resolved.group_by.is_empty();
    let columns = grouping.columns().into();
    let rows = speed.within(edges.range())?;
    let table = blocking(move || {
        if rows.is_empty() && !(total && batch.is_empty()) {
            return Ok(batch);
        }
        let mut table = (*batch).clone();
        add(&grouping, &mut table, &rows, deadline)?;
        if total {
            // A total is there even when nothing was counted.
            let made = table.groups(&[0], &[]);
            made.map_err(|error| Error::Internal(error.to_string()))?;
        }
        Ok(Arc::new(table))
    });
    Ok(Merged { table: table.await?, columns })
}

/// What was read of the speed view; what is missing of it is added to `missing`.
fn speed_rows(
    read: Result<ports::SpeedPart, SpeedError>,
    range: TimeRange,
    part: &Part<'_>,
    missing: &mut Vec<String>,
) -> Result<SpeedRows, Retry> {
    let metric = part.metric;
    match (read, part.query.partial) {
        (Ok(ports::SpeedPart { through, reach, states: rows, missing: lost, omissions }), _) => {
            missing.extend(lost);
            let omissions = of_both_parts(metric, omissions);
            Ok(SpeedRows { rows, range, through, reach, omissions })
        }
        (Err(SpeedError::Retired { .. }), _) => Err(Retry::Moved),
        (Err(SpeedError::TooLarge { limit }), _) => {
            Err(Retry::Never(Error::TooManyGroups { limit }))
        }
        (Err(error @ SpeedError::Unavailable(_)), Partial::Refuse) => {
            Err(Retry::Unavailable(error.to_string()))
        }
        (Err(error @ SpeedError::Unavailable(_)), Partial::Allow) => {
            // Why, the status tells those who see everything.
            let is_told = part.query.scope.is_everything();
            let away = || "the speed view is not available".to_owned();
            missing.push(format!("speed: {}", if is_told { error.to_string() } else { away() }));
            let (through, omissions) = (metric.boundary.offset, Omissions::unknown());
            Ok(SpeedRows { rows: Vec::new(), range, through, reach: through, omissions })
        }
    }
}

/// The states that the answer is finished from.
fn states(part: &Part<'_>) -> Vec<usize> {
    part.metric.compiled.states_of(&measures(part.resolved))
}

/// The answer's measures, and those that it is chosen and ordered by.
pub(super) fn measures(resolved: &Resolved) -> Vec<usize> {
    let having = resolved.having.iter().flat_map(|(_, inputs)| inputs.iter().copied());
    let order = resolved.order_by.iter().filter_map(|(key, _)| key.measure());
    resolved.measures.iter().copied().chain(having).chain(order).collect()
}

/// The dimensions that are read: to group by and to filter by.
pub(super) fn dimensions(part: &Part<'_>) -> Vec<usize> {
    let names = &part.metric.compiled.layout().dimensions;
    let filter = part.resolved.filters.iter().flat_map(|filter| filter.inputs());
    let filter = filter.filter_map(|name| names.iter().position(|known| known == name));
    let mut dimensions: Vec<usize> = part.resolved.group_by.iter().copied().chain(filter).collect();
    dimensions.sort_unstable();
    dimensions.dedup();
    dimensions
}
