//! From merged states to the rows of an answer: finish, `having`, `fill`, `compare`, `order_by`,
//! `limit`, in this order.
//!
//! Measures are finished only where they are shown or needed: for all groups where rows are chosen
//! or ordered by them, otherwise for the rows of the page alone.

mod columns;
pub(crate) mod compare;
mod fill;
mod order;
mod page;
mod partial_buckets;
mod provenance;
mod rows;
#[cfg(test)]
mod tests;
pub(crate) mod warnings;

use std::sync::{Arc, OnceLock};

use arrow::array::RecordBatch;
use arrow::datatypes::DataType;
use bytes::Bytes;
use merganser_core::time::TimeRange;
use merganser_metric::compile::{Metric, OverflowCounts};

use crate::calendar::{BucketCalendar, Granularity};
use crate::error::ServingError;
use crate::memory::{MemoryAccount, QueryMemoryGuard};
use crate::query::resolve::{RangeEdges, ResolvedQuery};
use crate::query::{FillPolicy, LIMIT_MAX, Query};
use columns::NamedColumns;
pub use compare::ComparisonRange;
use order::{PageBuilder, PageRequest};
pub use partial_buckets::{PartialBucket, WidenedRange, partial_buckets, widened_ranges};
pub use provenance::{
    AnswerProvenance, BatchProvenance, MeasureApproximation, SpeedProvenance, approximate,
};
use rows::GroupRow;
pub use rows::MergedStates;

/// An answer: rows, and what they are made of.
#[derive(Clone, Debug, PartialEq)]
pub struct QueryAnswer {
    /// The metric's name.
    pub metric: String,
    /// The rows, which equal queries share.
    pub rows: Arc<AnswerRows>,
    /// What they are made of.
    pub provenance: AnswerProvenance,
}

/// The rows of an answer, and all that stays true of them for as long as they are kept.
#[derive(Debug)]
pub struct AnswerRows {
    /// The range that they cover; see [`answered_edges`].
    pub edges: RangeEdges,
    /// Granularity and zone.
    pub calendar: BucketCalendar,
    /// `time` if there are buckets, the dimensions, the measures.
    pub values: RecordBatch,
    /// With `compare`: the earlier range.
    pub comparison: Option<ComparisonRange>,
    /// With `compare`: `time` if there are buckets and the measures of the earlier range, row by
    /// row.
    pub compared: Option<RecordBatch>,
    /// Rows before `limit` and `offset`.
    pub total_rows: usize,
    /// What a reader of the values should know.
    pub warnings: Vec<String>,
    /// Their JSON, once it was written.
    pub rendered: RenderedRows,
    /// Their memory.
    pub held: QueryMemoryGuard,
}

/// Rows with fewer rows and bytes than these are short: their JSON is kept, and sent in one piece.
const SHORT_ROWS: usize = 1_000;
const SHORT_BYTES: usize = 256 << 10;

impl AnswerRows {
    /// Whether they are short.
    #[must_use]
    pub fn is_short(&self) -> bool {
        self.values.num_rows() <= SHORT_ROWS && self.values.get_array_memory_size() <= SHORT_BYTES
    }
}

/// Neither their memory nor what was written of them makes rows other ones.
impl PartialEq for AnswerRows {
    fn eq(&self, other: &Self) -> bool {
        self.edges == other.edges
            && self.calendar == other.calendar
            && self.values == other.values
            && self.comparison == other.comparison
            && self.compared == other.compared
            && self.total_rows == other.total_rows
            && self.warnings == other.warnings
    }
}

/// The JSON of an answer up to the end of its rows, and its digest, each once it was needed.
#[derive(Debug, Default)]
pub struct RenderedRows {
    json: OnceLock<Bytes>,
    digest: OnceLock<RowsDigest>,
}

/// SHA-256 of an answer's JSON up to the end of its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowsDigest(pub [u8; 32]);

impl RenderedRows {
    /// The JSON, from `write` at the first call.
    pub fn json(&self, write: impl FnOnce() -> Bytes) -> Bytes {
        self.json.get_or_init(write).clone()
    }

    /// The digest, from `compute` at the first call.
    pub fn digest(&self, compute: impl FnOnce() -> RowsDigest) -> RowsDigest {
        *self.digest.get_or_init(compute)
    }
}

/// The range that an answer covers: the edges of the query; an edge that the query leaves open is
/// that of the first or last bucket with events, and stays open without buckets or events.
#[must_use]
pub fn answered_edges(
    merged: &MergedStates,
    calendar: &BucketCalendar,
    edges: RangeEdges,
) -> RangeEdges {
    if calendar.granularity() == Granularity::All || merged.table.is_empty() {
        return edges;
    }
    let span = merged.table.span();
    let (first, last) = (span.map(|(first, _)| first), span.map(|(_, last)| calendar.next(last)));
    RangeEdges { from: edges.from.or(first), to: edges.to.or(last) }
}

/// What rows are built from.
#[derive(Clone, Copy, Debug)]
pub struct AnswerInput<'a> {
    /// The question.
    pub query: &'a Query,
    /// The question, resolved.
    pub resolved: &'a ResolvedQuery,
    /// The metric that it queries.
    pub metric: &'a Metric,
    /// The answered edges.
    pub edges: RangeEdges,
    /// The states.
    pub merged: &'a MergedStates,
    /// The states and the range to compare with.
    pub earlier: Option<(&'a MergedStates, &'a ComparisonRange)>,
    /// Rows that filling may make.
    pub groups_max: usize,
    /// What the memory is taken from.
    pub account: &'a MemoryAccount,
}

/// Builds the rows.
///
/// # Errors
/// When filling makes too many rows, there is not enough memory, or states are not the metric's.
pub fn build(source: AnswerInput<'_>) -> Result<AnswerRows, ServingError> {
    let AnswerInput { query, resolved, metric, edges, merged, earlier, groups_max, account } =
        source;
    let ResolvedQuery { calendar, measures, group_by, .. } = resolved;
    let buckets = calendar.granularity() != Granularity::All;
    let starts = |range| compare::starts(calendar, metric.grain(), range, groups_max);
    let own_starts =
        match (query.fill != FillPolicy::None || earlier.is_some(), edges.from, edges.to) {
            (true, Some(from), Some(to)) => starts(TimeRange { from, to }),
            _ => vec![0],
        };
    if earlier.is_some() && own_starts.len() > groups_max {
        // Rows beyond would be compared with nothing.
        return Err(ServingError::TooManyGroups { limit: groups_max });
    }
    let _starts = account.hold(own_starts.len() * 2 * size_of::<i64>())?;
    let mut warnings = Vec::new();
    let (rows, total_rows) = page(source, &own_starts, &mut warnings)?;
    let bytes = row_bytes(metric, measures, group_by.len(), earlier.is_some());
    let held = account.hold(rows.len() * bytes)?;
    let groups: Vec<Option<u32>> = rows.iter().map(|row| row.source).collect();
    let mut columns = page::keys(merged, &rows, &query.group_by, buckets);
    warnings.extend(page::measures(merged, metric, measures, &groups, &mut columns)?.warnings());
    page::fill_zeros(metric, measures, &groups, query.fill, &mut columns)?;
    let compared = earlier.map(|(before, comparison)| {
        let times = compare::buckets(&rows, &own_starts, &starts(comparison.range));
        let groups = compare::matches(merged, &rows, before, &times, group_by.len());
        let mut columns = NamedColumns::default();
        if buckets {
            columns.push_times(times);
        }
        let misfits = page::measures(before, metric, measures, &groups, &mut columns)?;
        warnings.extend(misfit_warnings("compare", &misfits));
        columns.into_batch(rows.len())
    });
    Ok(AnswerRows {
        edges,
        calendar: calendar.clone(),
        values: columns.into_batch(rows.len())?,
        comparison: earlier.map(|(_, comparison)| comparison.clone()),
        compared: compared.transpose()?,
        total_rows,
        warnings,
        rendered: RenderedRows::default(),
        held,
    })
}

/// Bytes of a finished row, roughly.
fn row_bytes(metric: &Metric, measures: &[usize], dimensions: usize, is_compared: bool) -> usize {
    let states = metric.states_of(measures).len();
    // A bucket's start and a text each; of a measure its value, and once more what it is made of.
    8 + 64 * dimensions + (16 * measures.len() + 32 * states) * (1 + usize::from(is_compared))
}

/// The rows of the page in order, and how many there were before `limit` and `offset`.
fn page(
    source: AnswerInput<'_>,
    starts: &[i64],
    warnings: &mut Vec<String>,
) -> Result<(Vec<GroupRow>, usize), ServingError> {
    let AnswerInput { query, resolved, metric, edges, merged, groups_max, account, .. } = source;
    let table = &merged.table;
    let (mut misfits, mut rows_held) = (OverflowCounts::default(), account.hold(0)?);
    let kept = match &resolved.having {
        Some(condition) => {
            rows_held.resize(table.len() * size_of::<u32>())?;
            Some(merged.having(metric, condition, &mut misfits)?)
        }
        None => None,
    };
    warnings.extend(misfit_warnings("having", &misfits));
    let empty = |measure: usize| {
        let zero = metric.measures()[measure].kind.is_zero_without_events();
        (query.fill == FillPolicy::Zero && zero).then_some(0)
    };
    let wanted = PageRequest {
        merged,
        metric,
        order_by: &resolved.order_by,
        dimensions: resolved.group_by.len(),
        offset: query.offset,
        limit: query.rows_max(),
        per_bucket: query.limit_per_bucket,
    };
    let mut page = PageBuilder::new(wanted, empty, account.hold(0)?);
    // A table holds at most 2³² groups.
    let all = kept.is_none().then_some(0..table.len() as u32).into_iter().flatten();
    let groups = all.chain(kept.iter().flatten().copied());
    let mut rows = groups.map(|group| GroupRow::of(table, group));
    let is_filled = query.fill != FillPolicy::None
        && resolved.calendar.granularity() != Granularity::All
        && edges.from.is_some()
        && edges.to.is_some();
    if is_filled {
        let count = kept.as_ref().map_or(table.len(), Vec::len);
        rows_held.resize(rows_held.bytes() + count * fill::ROW_BYTES)?;
        let (rows, dimensions) = (rows.collect(), wanted.dimensions);
        let how = (starts, query.fill);
        fill::fill(merged, rows, dimensions, how, groups_max, |row| page.push(row))?;
    } else {
        rows.try_for_each(|row| page.push(row))?;
    }
    let (rows, total, misfits) = page.end()?;
    warnings.extend(misfit_warnings("order_by", &misfits));
    let there_are = match query.limit_per_bucket {
        true => rows.len(),
        false => total.saturating_sub(query.offset),
    };
    match rows.len() > LIMIT_MAX {
        true => Err(ServingError::TooManyRows { rows: there_are, limit: LIMIT_MAX }),
        false => Ok((rows, total)),
    }
}

/// Warnings of values that are not in the rows, and what they are for.
fn misfit_warnings(what: &'static str, misfits: &OverflowCounts) -> impl Iterator<Item = String> {
    misfits.warnings().map(move |warning| format!("`{what}`: {warning}"))
}

/// The last of the answer's buckets with events.
#[must_use]
pub fn last_bucket(merged: &MergedStates, calendar: &BucketCalendar) -> Option<TimeRange> {
    if calendar.granularity() == Granularity::All {
        return None;
    }
    let (_, from) = merged.table.span()?;
    Some(TimeRange { from, to: calendar.next(from) })
}

/// A column's type as clients see it.
#[must_use]
pub fn type_name(column: &DataType) -> &'static str {
    match column {
        DataType::Timestamp(..) => "timestamp",
        DataType::Int64 => "integer",
        DataType::Decimal128(..) => "decimal",
        _ => "text",
    }
}
