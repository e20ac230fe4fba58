//! From merged states to the rows of an answer: finish, `having`, `fill`, `compare`, `order_by`,
//! `limit`, in this order.
//!
//! Measures are finished only where somebody sees or needs them: for all groups where rows are
//! chosen or ordered by them, otherwise for the rows of the page alone.

pub(crate) mod compare;
mod fill;
mod order;
mod page;
mod partial_buckets;
mod rows;
#[cfg(test)]
mod tests;
pub(crate) mod warnings;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use arrow::array::RecordBatch;
use arrow::datatypes::DataType;
use bytes::Bytes;
use merganser_core::ids::PartitionOffsets;
use merganser_core::time::TimeRange;
use merganser_metric::compile::{Metric, OverflowCounts};
use merganser_metric::measure::MeasureKind;
use merganser_metric::measure::{DISTINCT_ERROR, QUANTILE_ERROR, StateKind};
use serde::Serialize;

use crate::calendar::{BucketCalendar, Granularity};
use crate::error::ServingError;
use crate::memory::{MemoryAccount, QueryMemoryGuard};
use crate::query::resolve::{RangeEdges, ResolvedQuery};
use crate::query::{FillPolicy, LIMIT_MAX, Query};
pub use compare::ComparisonRange;
use order::{PageBuilder, PageRequest};
pub use partial_buckets::{PartialBucket, WidenedRange, partial_buckets, widened_ranges};
use rows::GroupRow;
pub use rows::MergedStates;

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub struct QueryAnswer {
    /// The metric's name.
    pub metric: String,
    /// The range that was answered; see [`answered_edges`].
    pub edges: RangeEdges,
    /// Granularity and zone.
    pub calendar: BucketCalendar,
    /// `time` if there are buckets, the dimensions, the measures.
    pub rows: RecordBatch,
    /// With `compare`: the earlier range.
    pub comparison: Option<ComparisonRange>,
    /// With `compare`: `time` if there are buckets and the measures of the earlier range, row by
    /// row.
    pub compared: Option<RecordBatch>,
    /// Rows before `limit` and `offset`.
    pub total_rows: usize,
    /// What it is made of.
    pub provenance: AnswerProvenance,
    /// What a reader of the values should know.
    pub warnings: Vec<String>,
    /// See [`RenderedRows`].
    pub written: RenderedRows,
    /// The memory of the rows.
    pub held: RowsMemory,
}

/// The memory of an answer's rows, for as long as somebody has them. It is nothing that could make
/// two answers differ.
#[derive(Clone, Debug, Default)]
pub struct RowsMemory(pub Option<Arc<AnswerRows>>);

impl PartialEq for RowsMemory {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// An answer of so few rows and bytes is short: its JSON is written once, and sent in one piece.
const SHORT_ROWS: usize = 1_000;
const SHORT_BYTES: usize = 256 << 10;

impl QueryAnswer {
    /// Whether it is short.
    #[must_use]
    pub fn is_short(&self) -> bool {
        is_short(&self.rows)
    }
}

/// Whether rows are short enough to be written once.
pub(crate) fn is_short(rows: &RecordBatch) -> bool {
    rows.num_rows() <= SHORT_ROWS && rows.get_array_memory_size() <= SHORT_BYTES
}

/// The JSON of an answer up to the end of its rows, once it was written, and its digest: answers of
/// the same rows share them. It is nothing that could make two answers differ.
#[derive(Clone, Debug, Default)]
pub struct RenderedRows(Arc<(OnceLock<Bytes>, OnceLock<RowsDigest>)>);

/// SHA-256 of an answer's JSON up to the end of its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowsDigest(pub [u8; 32]);

impl RenderedRows {
    /// The text, from `write` if nobody wrote it yet.
    pub fn get(&self, write: impl FnOnce() -> Bytes) -> Bytes {
        self.0.0.get_or_init(write).clone()
    }

    /// The digest, from `make` if nobody made it yet.
    pub fn digest(&self, make: impl FnOnce() -> RowsDigest) -> RowsDigest {
        *self.0.1.get_or_init(make)
    }
}

impl PartialEq for RenderedRows {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// What an answer is made of.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AnswerProvenance {
    /// The manifest's generation.
    pub generation: u64,
    /// The version of the metric's definition.
    pub metric_version: u32,
    /// Nothing is missing, and the speed view keeps up.
    pub complete: bool,
    /// What is missing.
    pub missing: Vec<String>,
    /// The batch view's part.
    pub batch: BatchProvenance,
    /// The speed view's part.
    pub speed: SpeedProvenance,
    /// Measures that are estimated, with the method and its error.
    pub approximate: BTreeMap<String, MeasureApproximation>,
    /// The start of the last bucket if it can still grow.
    pub open_bucket: Option<String>,
    /// Buckets that the range cuts at either end.
    pub partial_buckets: Vec<PartialBucket>,
    /// Times, of long ago, in which buckets had to be widened to the metric's base.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub widened_buckets: Vec<WidenedRange>,
}

/// What comes from the batch view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BatchProvenance {
    /// Events of the journal that it covers.
    pub events: u64,
    /// When its generation was published.
    pub published_at: String,
}

/// What comes from the speed view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SpeedProvenance {
    /// Events of the journal that it covers.
    pub events: u64,
    /// Every event below is in the answer, and none from it on.
    pub through: PartitionOffsets,
    /// The other end, where the store could not give the states of one position in time: of the
    /// events from `through` to it, each is in the answer or not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reach: Option<PartitionOffsets>,
    /// Acknowledged events that are not in the answer.
    pub behind_events: u64,
    /// Age of the oldest event that is not in the view.
    pub lag_ms: u64,
}

/// How a measure is estimated.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct MeasureApproximation {
    /// `hll` or `ddsketch`.
    pub method: &'static str,
    /// Its relative error (of `hll`: one standard deviation); null for an expression over one.
    pub relative_error: Option<f64>,
}

/// The rows of an answer.
#[derive(Debug)]
pub struct AnswerRows {
    /// See [`QueryAnswer::rows`].
    pub rows: RecordBatch,
    /// See [`QueryAnswer::compared`].
    pub compared: Option<RecordBatch>,
    /// See [`QueryAnswer::total_rows`].
    pub total_rows: usize,
    /// See [`QueryAnswer::warnings`].
    pub warnings: Vec<String>,
    /// Their memory.
    pub held: QueryMemoryGuard,
}

/// The range that an answer covers: the edges that were asked for; an edge that was left open is
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
    /// What is asked for.
    pub metric: &'a Metric,
    /// The answered edges.
    pub edges: RangeEdges,
    /// The states.
    pub merged: &'a MergedStates,
    /// The states and the range to compare with.
    pub earlier: Option<(&'a MergedStates, TimeRange)>,
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
    let bytes = row_bytes(metric, measures, group_by.len(), earlier);
    let held = account.hold(rows.len() * bytes)?;
    let groups: Vec<Option<u32>> = rows.iter().map(|row| row.source).collect();
    let mut columns = page::keys(merged, &rows, &query.group_by, buckets);
    warnings.extend(page::measures(merged, metric, measures, &groups, &mut columns)?.warnings());
    page::fill_zeros(metric, measures, &groups, query.fill, &mut columns)?;
    let compared = earlier.map(|(before, range)| {
        let times = compare::buckets(&rows, &own_starts, &starts(range));
        let groups = compare::matches(merged, &rows, before, &times, group_by.len());
        let mut columns = page::NamedColumns::default();
        if buckets {
            columns.push_times(times);
        }
        let misfits = page::measures(before, metric, measures, &groups, &mut columns)?;
        warnings.extend(misfit_warnings("compare", &misfits));
        columns.into_batch(rows.len())
    });
    Ok(AnswerRows {
        rows: columns.into_batch(rows.len())?,
        compared: compared.transpose()?,
        total_rows,
        warnings,
        held,
    })
}

/// Bytes of a finished row, roughly.
fn row_bytes(
    metric: &Metric,
    measures: &[usize],
    dimensions: usize,
    earlier: Option<(&MergedStates, TimeRange)>,
) -> usize {
    let states = metric.states_of(measures).len();
    // A bucket's start and a text each; of a measure its value, and once more what it is made of.
    8 + 64 * dimensions + (16 * measures.len() + 32 * states) * (1 + usize::from(earlier.is_some()))
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

/// Which measures are estimated.
#[must_use]
pub fn approximate(metric: &Metric, measures: &[usize]) -> BTreeMap<String, MeasureApproximation> {
    let approximation = |at: usize| {
        let states = metric.states_of(&[at]);
        let kinds = || states.iter().map(|state| metric.layout().states[*state]);
        let derived = metric.measures()[at].kind == MeasureKind::Expr;
        let error = |error: f64| (!derived).then_some(error);
        if kinds().any(|kind| kind == StateKind::Distinct) {
            return Some(MeasureApproximation {
                method: "hll",
                relative_error: error(DISTINCT_ERROR),
            });
        }
        kinds().any(|kind| kind == StateKind::Quantile).then(|| MeasureApproximation {
            method: "ddsketch",
            relative_error: error(QUANTILE_ERROR),
        })
    };
    measures
        .iter()
        .filter_map(|at| Some((metric.measures()[*at].name.clone(), approximation(*at)?)))
        .collect()
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
