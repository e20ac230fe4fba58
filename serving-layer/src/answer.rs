//! From merged states to the rows of an answer: finish, `having`, `fill`, `compare`, `order_by`,
//! `limit`, in this order.
//!
//! Measures are finished only where somebody sees or needs them: for all groups where rows are
//! chosen or ordered by them, otherwise for the rows of the page alone.

pub(crate) mod compare;
mod cuts;
mod fill;
mod page;
mod rows;
#[cfg(test)]
mod tests;
pub(crate) mod warn;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use arrow::array::RecordBatch;
use arrow::datatypes::DataType;
use bytes::Bytes;
use serde::Serialize;
use shared::compile::Metric;
use shared::definition::MeasureKind;
use shared::ids::Position;
use shared::measure::{DISTINCT_ERROR, QUANTILE_ERROR, StateKind};
use shared::time::{TimeRange, Timestamp};

use crate::calendar::{Calendar, Granularity};
use crate::error::Error;
use crate::query::resolve::{Edges, Resolved};
use crate::query::{Fill, LIMIT_MAX, Query};
pub use compare::Comparison;
pub use cuts::{BucketPart, Widened, cut, widened};
pub use rows::Merged;

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The metric's name.
    pub metric: String,
    /// The range that was answered; see [`answered`].
    pub edges: Edges,
    /// Granularity and zone.
    pub calendar: Calendar,
    /// `time` if there are buckets, the dimensions, the measures.
    pub rows: RecordBatch,
    /// With `compare`: the earlier range.
    pub comparison: Option<Comparison>,
    /// With `compare`: `time` if there are buckets and the measures of the earlier range, row by
    /// row.
    pub compared: Option<RecordBatch>,
    /// Rows before `limit` and `offset`.
    pub total_rows: usize,
    /// What it is made of.
    pub provenance: Provenance,
    /// What a reader of the values should know.
    pub warnings: Vec<String>,
    /// See [`Written`].
    pub written: Written,
}

/// The JSON of an answer up to the end of its rows, once it was written: answers of the same rows
/// share it. It is nothing that could make two answers differ.
#[derive(Clone, Debug, Default)]
pub struct Written(Arc<OnceLock<Bytes>>);

impl Written {
    /// The text, from `write` if nobody wrote it yet.
    pub fn get(&self, write: impl FnOnce() -> Bytes) -> Bytes {
        self.0.get_or_init(write).clone()
    }
}

impl PartialEq for Written {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// What an answer is made of.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Provenance {
    /// The manifest's generation.
    pub generation: u64,
    /// The version of the metric's definition.
    pub metric_version: u32,
    /// Nothing is missing, and the speed view keeps up.
    pub complete: bool,
    /// What is missing.
    pub missing: Vec<String>,
    /// The batch view's part.
    pub batch: BatchPart,
    /// The speed view's part.
    pub speed: SpeedPart,
    /// Measures that are estimated, with the method and its error.
    pub approximate: BTreeMap<String, Approximation>,
    /// The start of the last bucket if it can still grow.
    pub open_bucket: Option<String>,
    /// Buckets that the range cuts at either end.
    pub partial_buckets: Vec<BucketPart>,
    /// Times, of long ago, in which buckets had to be widened to the metric's base.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub widened_buckets: Vec<Widened>,
}

/// What comes from the batch view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BatchPart {
    /// Events of the journal that it covers.
    pub events: u64,
    /// When its generation was published.
    pub published_at: String,
}

/// What comes from the speed view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SpeedPart {
    /// Events of the journal that it covers.
    pub events: u64,
    /// Every event below is in the answer, and none from it on.
    pub through: Position,
    /// The other end, where the store could not give the states of one position in time: of the
    /// events from `through` to it, each is in the answer or not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reach: Option<Position>,
    /// Acknowledged events that are not in the answer.
    pub behind_events: u64,
    /// Age of the oldest event that is not in the view.
    pub lag_ms: u64,
}

/// How a measure is estimated.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Approximation {
    /// `hll` or `ddsketch`.
    pub method: &'static str,
    /// Its relative error (of `hll`: one standard deviation); null for an expression over one.
    pub relative_error: Option<f64>,
}

/// The rows of an answer.
#[derive(Clone, Debug)]
pub struct Rows {
    /// See [`Answer::rows`].
    pub rows: RecordBatch,
    /// See [`Answer::compared`].
    pub compared: Option<RecordBatch>,
    /// See [`Answer::total_rows`].
    pub total_rows: usize,
    /// See [`Answer::warnings`].
    pub warnings: Vec<String>,
}

/// The range that an answer covers: the edges that were asked for; an edge that was left open is
/// that of the first or last bucket with events, and stays open without buckets or events.
#[must_use]
pub fn answered(merged: &Merged, calendar: &Calendar, edges: Edges) -> Edges {
    if calendar.granularity() == Granularity::All || merged.table.is_empty() {
        return edges;
    }
    let times = merged.table.times();
    let first = times.values().iter().min().map(|time| Timestamp(*time));
    let last = times.values().iter().max().map(|time| calendar.next(Timestamp(*time)));
    Edges { from: edges.from.or(first), to: edges.to.or(last) }
}

/// Builds the rows. `earlier` holds the states and the range to compare with; `edges` are the
/// answered ones.
///
/// # Errors
/// When filling makes too many rows, or states are not the metric's.
pub fn build(
    query: &Query,
    resolved: &Resolved,
    metric: &Metric,
    edges: Edges,
    merged: &Merged,
    earlier: Option<(&Merged, TimeRange)>,
    groups_max: usize,
) -> Result<Rows, Error> {
    let Resolved { calendar, measures, group_by, order_by, .. } = resolved;
    let mut rows = rows::of_groups(&merged.table);
    let mut warnings = Vec::new();
    if let Some(condition) = &resolved.having {
        let (holds, unsure) = page::having(merged, metric, condition)?;
        warnings.extend(told_of("having", unsure));
        rows.retain(|row| holds.value(row.key as usize));
    }
    let buckets = calendar.granularity() != Granularity::All;
    let starts = |range| compare::starts(calendar, metric.grain(), range, groups_max);
    let own_starts = match (query.fill != Fill::None || earlier.is_some(), edges.from, edges.to) {
        (true, Some(from), Some(to)) => starts(TimeRange { from, to }),
        _ => vec![0],
    };
    if earlier.is_some() && own_starts.len() > groups_max {
        // Rows beyond would be compared with nothing.
        return Err(Error::TooManyGroups { limit: groups_max });
    }
    if buckets && edges.from.is_some() && edges.to.is_some() {
        rows = fill::fill(merged, rows, group_by.len(), &own_starts, query.fill, groups_max)?;
    }
    let total_rows = rows.len();
    let empty = |measure: usize| {
        let zero = page::is_zero_when_empty(metric.measures()[measure].kind);
        (query.fill == Fill::Zero && zero).then_some(0)
    };
    let (sorting, unsure) = rows::Sorting::new(merged, metric, group_by.len(), order_by, empty)?;
    warnings.extend(told_of("order_by", unsure));
    let rows = page_of(rows, &sorting, query)?;
    let groups: Vec<Option<u32>> = rows.iter().map(|row| row.source).collect();
    let mut columns = page::keys(merged, &rows, &query.group_by, buckets);
    warnings.extend(page::measures(merged, metric, measures, &groups, &mut columns)?);
    page::fill_zeros(metric, measures, &groups, query.fill, &mut columns)?;
    let compared = earlier.map(|(before, range)| {
        let times = compare::buckets(&rows, &own_starts, &starts(range));
        let groups = compare::matches(merged, &rows, before, &times, group_by.len());
        let mut columns = page::Columns::default();
        if buckets {
            columns.push_times(times);
        }
        let unsure = page::measures(before, metric, measures, &groups, &mut columns)?;
        warnings.extend(told_of("compare", unsure));
        columns.into_batch(rows.len())
    });
    Ok(Rows {
        rows: columns.into_batch(rows.len())?,
        compared: compared.transpose()?,
        total_rows,
        warnings,
    })
}

/// The rows of the page, in order.
fn page_of(
    rows: Vec<rows::Row>,
    sorting: &rows::Sorting,
    query: &Query,
) -> Result<Vec<rows::Row>, Error> {
    let after_offset = rows.len().saturating_sub(query.offset);
    let (page, there_are) = match query.limit_per_bucket {
        true => {
            let page = sorting.page_per_bucket(rows, query.offset, query.rows_max());
            let count = page.len();
            (page, count)
        }
        false => (sorting.page(rows, query.offset, query.rows_max()), after_offset),
    };
    match page.len() > LIMIT_MAX {
        true => Err(Error::TooManyRows { rows: there_are, limit: LIMIT_MAX }),
        false => Ok(page),
    }
}

/// Warnings of values that are not in the rows, and what they are for.
fn told_of(what: &'static str, warnings: Vec<String>) -> impl Iterator<Item = String> {
    warnings.into_iter().map(move |warning| format!("`{what}`: {warning}"))
}

/// The last of the answer's buckets with events.
#[must_use]
pub fn last_bucket(merged: &Merged, calendar: &Calendar) -> Option<TimeRange> {
    if calendar.granularity() == Granularity::All {
        return None;
    }
    let from = Timestamp(merged.table.times().values().iter().copied().max()?);
    Some(TimeRange { from, to: calendar.next(from) })
}

/// Which measures are estimated.
#[must_use]
pub fn approximate(metric: &Metric, measures: &[usize]) -> BTreeMap<String, Approximation> {
    let approximation = |at: usize| {
        let states = metric.states_of(&[at]);
        let kinds = || states.iter().map(|state| metric.layout().states[*state]);
        let derived = metric.measures()[at].kind == MeasureKind::Expr;
        let error = |error: f64| (!derived).then_some(error);
        if kinds().any(|kind| kind == StateKind::Distinct) {
            return Some(Approximation { method: "hll", relative_error: error(DISTINCT_ERROR) });
        }
        kinds()
            .any(|kind| kind == StateKind::Quantile)
            .then(|| Approximation { method: "ddsketch", relative_error: error(QUANTILE_ERROR) })
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
