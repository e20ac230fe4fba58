//! From merged states to the rows of an answer: `window`, finish, `having`, `group_limit`, `fill`,
//! `compare`, `order_by`, `limit`, in this order.
//!
//! Two sums stand beside the rows, and are merges of states as they are ([`sums`]):
//! - `totals` of what was counted, before `window` and whatever is left out afterwards;
//! - `other`, last, of the states of the rows that passed `having` and are not in the page.
//!
//! So neither is computed from finished values, and a distinct count or a quantile of them is as
//! exact as that of a row.
//!
//! Measures are finished only where they are shown or needed: for all groups where rows are chosen
//! or ordered by them, otherwise for the rows of the page alone.

mod choice;
mod columns;
pub(crate) mod compare;
mod fill;
mod order;
mod page;
mod partial_buckets;
mod provenance;
mod rows;
mod sums;
#[cfg(test)]
mod tests;
pub(crate) mod warnings;
pub(crate) mod window;

use std::sync::{Arc, OnceLock};

use arrow::array::RecordBatch;
use arrow::datatypes::DataType;
use bytes::Bytes;
use merganser_api::answer::{AnswerProvenance, ColumnType};
use merganser_core::time::TimeRange;
use merganser_metric::compile::{Metric, OverflowCounts};
use merganser_metric::table::TableError;

use crate::calendar::{BucketCalendar, Granularity, TrailingWindow};
use crate::error::ServingError;
use crate::memory::{MemoryAccount, QueryMemoryGuard};
use crate::merge::MergeError;
use crate::query::resolve::{RangeEdges, ResolvedQuery};
use crate::query::{FillPolicy, LIMIT_MAX, Query};
use choice::GroupChoice;
use columns::NamedColumns;
pub use compare::ComparisonRange;
use order::{PageBuilder, PageRequest};
pub use partial_buckets::{partial_buckets, widened_ranges};
pub use provenance::approximate;
use rows::GroupRow;
pub use rows::{MergedStates, RangeStates};
pub use sums::SummedRows;

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
    /// With `window`: how far back each row reaches.
    pub window: Option<TrailingWindow>,
    /// With `totals`: one row of measures, of all that was counted.
    pub totals: Option<SummedRows>,
    /// With `other`: `time` if there are buckets and the measures, of the rows that are left out.
    pub other: Option<SummedRows>,
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
        let is_short = |rows: &RecordBatch| {
            rows.num_rows() <= SHORT_ROWS && rows.get_array_memory_size() <= SHORT_BYTES
        };
        is_short(&self.values) && self.other.iter().all(|other| is_short(&other.values))
    }

    /// All their columns.
    pub fn batches(&self) -> impl Iterator<Item = &RecordBatch> {
        let sums = self.totals.iter().chain(&self.other);
        let sums = sums.flat_map(|sum| [Some(&sum.values), sum.compared.as_ref()]);
        [Some(&self.values), self.compared.as_ref()].into_iter().chain(sums).flatten()
    }
}

/// Neither their memory nor what was written of them makes rows other ones.
impl PartialEq for AnswerRows {
    fn eq(&self, other: &Self) -> bool {
        self.edges == other.edges
            && self.calendar == other.calendar
            && self.window == other.window
            && self.totals == other.totals
            && self.other == other.other
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
    pub states: &'a RangeStates,
    /// The states and the range to compare with.
    pub earlier: Option<(&'a RangeStates, &'a ComparisonRange)>,
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
    let AnswerInput { query, resolved, metric, edges, states, earlier, groups_max, account } =
        source;
    let ResolvedQuery { calendar, measures, group_by, .. } = resolved;
    let merged = &states.shown;
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
    let before_starts = earlier.map_or_else(Vec::new, |(_, comparison)| starts(comparison.range));
    let _starts = account.hold((own_starts.len() + before_starts.len()) * size_of::<i64>())?;
    let mut warnings = Vec::new();
    let chosen = choice::choose(source, &mut warnings)?;
    let (rows, total_rows) = page(source, &chosen, &own_starts, &mut warnings)?;
    let bytes = row_bytes(metric, measures, group_by.len(), earlier.is_some());
    let held = account.hold(rows.len() * bytes)?;
    let groups: Vec<Option<u32>> = rows.iter().map(|row| row.source).collect();
    let mut columns = page::keys(merged, &rows, &query.group_by, buckets);
    warnings.extend(page::measures(merged, metric, measures, &groups, &mut columns)?.warnings());
    page::fill_zeros(metric, measures, &groups, query.fill, &mut columns)?;
    let compared = earlier.map(|(before, _)| {
        let before = &before.shown;
        let times = compare::buckets(&rows, &own_starts, &before_starts);
        let groups = compare::matches(merged, &rows, before, &times, group_by.len());
        let mut columns = NamedColumns::default();
        if buckets {
            columns.push_times(times);
        }
        let misfits = page::measures(before, metric, measures, &groups, &mut columns)?;
        warnings.extend(misfit_warnings("compare", &misfits));
        columns.into_batch(rows.len())
    });
    let compared = compared.transpose()?;
    let left_out = sums::LeftOut {
        passed: &chosen.passed,
        rows: &rows,
        own_starts: &own_starts,
        before_starts: &before_starts,
    };
    Ok(AnswerRows {
        edges,
        calendar: calendar.clone(),
        window: query.window,
        totals: query.totals.then(|| sums::totals(source, &mut warnings)).transpose()?,
        other: query.other.then(|| sums::other(source, &left_out, &mut warnings)).transpose()?,
        values: columns.into_batch(rows.len())?,
        comparison: earlier.map(|(_, comparison)| comparison.clone()),
        compared,
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
    chosen: &GroupChoice,
    starts: &[i64],
    warnings: &mut Vec<String>,
) -> Result<(Vec<GroupRow>, usize), ServingError> {
    let AnswerInput { query, resolved, metric, edges, states, groups_max, account, .. } = source;
    let merged = &states.shown;
    let table = &merged.table;
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
    let mut rows = chosen.kept(table).map(|group| GroupRow::of(table, group));
    let is_filled = query.fill != FillPolicy::None
        && resolved.calendar.granularity() != Granularity::All
        && edges.from.is_some()
        && edges.to.is_some();
    if is_filled {
        let _rows_held = account.hold(chosen.kept(table).count() * fill::ROW_BYTES)?;
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

fn table_error(error: TableError) -> ServingError {
    MergeError::from(error).into()
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
pub fn column_type(column: &DataType) -> ColumnType {
    match column {
        DataType::Timestamp(..) => ColumnType::Timestamp,
        DataType::Int64 => ColumnType::Integer,
        DataType::Decimal128(..) => ColumnType::Decimal,
        _ => ColumnType::Text,
    }
}
