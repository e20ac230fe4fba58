//! The making of an answer's rows: all of it but what changes with the clock.

use merganser_api::answer::{CompareMode, MeasureApproximation};
use merganser_api::error_code::ErrorCode;
use merganser_core::blocking::run_blocking;
use std::collections::BTreeMap;
use std::sync::Arc;

use merganser_core::ids::{MetricId, Offset};
use merganser_core::omissions::MetricOmissions;
use merganser_core::time::{Grain, TimeRange, Timestamp};
use merganser_metric::catalog::{CatalogSnapshot, MetricVersion};

use super::ServingLayer;
use super::query_context::QueryContext;
use super::read::{self, AttemptError, ReadContext};
use super::windows::window_range;
use crate::answer::{self, AnswerInput, AnswerRows, ComparisonRange, MergedStates, warnings};
use crate::cache::CacheValue;
use crate::calendar::{Granularity, ZoneOffsets};
use crate::error::ServingError;
use crate::query::resolve::{RangeEdges, ResolvedQuery, check_fit, check_open, resolve};
use crate::query::{CsvTextStyle, Query, QueryError};

/// The times of a question.
#[derive(Clone, Copy, Debug)]
pub(super) struct QueryTimes {
    /// Those of the query, which may be relative to the clock.
    edges: RangeEdges,
    /// Where a comparison of the range to date ends, if the range goes further.
    to_date: Option<Timestamp>,
    now: Timestamp,
}

impl QueryTimes {
    pub(super) fn new(query: &Query, grain: Grain, edges: RangeEdges, now: Timestamp) -> Self {
        let now_to = grain.ceil(now);
        let to_date = query.compare.is_some_and(CompareMode::is_to_date)
            && edges.to.is_none_or(|to| to > now_to)
            && edges.from.is_none_or(|from| from < now_to);
        Self { edges, to_date: to_date.then_some(now_to), now }
    }
}

/// What rows depend on, besides the generation and how far the speed view has come.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct ResultKey {
    /// Without what only says how and when to answer, and without its edges.
    query: Query,
    metric: MetricId,
    edges: RangeEdges,
    to_date: Option<Timestamp>,
}

impl ResultKey {
    pub(super) fn new(query: &Query, metric: MetricId, times: QueryTimes) -> Self {
        let QueryTimes { edges, to_date, .. } = times;
        let limit = Some(query.rows_max());
        let (format, csv) = (None, CsvTextStyle::default());
        let query =
            Query { from: None, to: None, after: None, limit, format, csv, ..query.clone() };
        Self { query, metric, edges, to_date }
    }
}

/// Rows, and what an answer says of them.
#[derive(Debug)]
pub(super) struct CachedResult {
    pub(super) rows: Arc<AnswerRows>,
    /// Where buckets do not begin on the metric's grain.
    pub(super) widened: Vec<TimeRange>,
    /// Every event below is in them.
    pub(super) through: Offset,
    /// None from here on is.
    pub(super) reach: Offset,
    /// What is missing of the speed view.
    pub(super) missing: Vec<String>,
    /// Whether all is in them that was applied.
    is_whole: bool,
    /// See [`answer::last_bucket`].
    pub(super) last: Option<TimeRange>,
    /// See [`answer::approximate`].
    pub(super) approximate: BTreeMap<String, MeasureApproximation>,
}

impl CacheValue for CachedResult {
    fn size_bytes(&self) -> usize {
        self.rows.held.bytes()
    }

    /// The store may have again what it lost.
    fn is_lasting(&self) -> bool {
        self.is_whole
    }
}

/// Bytes of rows, of what may be written of them, and of the query.
fn rows_bytes(rows: &AnswerRows, query: &Query) -> usize {
    let is_short = rows.is_short();
    let bytes = rows.batches().map(|batch| {
        let names = batch.schema_ref().fields().iter().map(|field| field.name().len() + 4);
        // What is written of short answers: each row with its names, each value as it is.
        let written = if is_short { batch.num_rows() } else { 0 };
        2 * batch.get_array_memory_size() + written * names.sum::<usize>()
    });
    bytes.sum::<usize>() + text_bytes(query)
}

impl ServingLayer {
    /// Makes the rows of an answer, when so much was applied to the speed view.
    pub(super) async fn compute_result(
        &self,
        query: &Query,
        snapshot: &Arc<CatalogSnapshot>,
        metric: &Arc<MetricVersion>,
        zone: Arc<ZoneOffsets>,
        times: QueryTimes,
        (applied, work): (Offset, &QueryContext),
    ) -> Result<Arc<CachedResult>, AttemptError> {
        let resolved = resolve(query, metric, zone, times.edges).map_err(ServingError::from)?;
        let part = ReadContext { snapshot, metric, resolved: &resolved, query, work };
        let mut missing = Vec::new();
        let range = speed_range(&part, times)?;
        let (merged, speed) = self.read(&part, times.edges, range, &mut missing).await?;
        let (edges, mut widened) = checked_edges(&merged, &resolved, metric, times.now)?;
        let states = self.range_states(&part, merged, edges, times.edges, &speed).await?;
        let earlier = match comparison_read(&part, times, edges)? {
            Some(ComparisonRead { comparison, read, widened: more }) => {
                widened.extend(more);
                let edges = closed_edges(read);
                let merged = self.read_also(&part, edges, &speed).await?;
                let states = self.range_states(&part, merged, edges, edges, &speed).await?;
                Some((states, comparison))
            }
            None => None,
        };
        let (through, reach) = (speed.through, speed.reach);
        let last = answer::last_bucket(&states.shown, &resolved.calendar);
        if let Some(trace) = work.trace() {
            trace.figures().groups = states.shown.table.len();
        }
        let warnings = self.warnings(&part, &speed.omissions).await;
        let approximate = answer::approximate(&metric.compiled, &resolved.measures);
        let (query, groups_max) = (query.clone(), self.settings.groups_max);
        let (metric, work) = (Arc::clone(&metric.compiled), work.clone());
        let rows = run_blocking(move || {
            let mut rows = answer::build(AnswerInput {
                query: &query,
                resolved: &resolved,
                metric: &metric,
                edges,
                states: &states,
                earlier: earlier.as_ref().map(|(before, comparison)| (before, comparison)),
                groups_max,
                account: work.account(),
            })?;
            rows.held.resize(rows_bytes(&rows, &query))?;
            rows.warnings.extend(warnings);
            Ok::<_, ServingError>(Arc::new(rows))
        });
        let rows = rows.await?;
        let is_whole = missing.is_empty() && through >= applied && reach == through;
        Ok(Arc::new(CachedResult {
            rows,
            widened,
            through,
            reach,
            missing,
            is_whole,
            last,
            approximate,
        }))
    }

    /// Warnings of values that are not in the answer.
    async fn warnings(&self, part: &ReadContext<'_>, omissions: &MetricOmissions) -> Vec<String> {
        let (metric, resolved) = (part.metric, part.resolved);
        let subject = warnings::WarningContext {
            metric,
            omissions,
            readings: metric
                .compiled
                .property_uses(&read::measures(resolved), &read::dimensions(part)),
            is_bounded: !part.query.scope.is_everything(),
        };
        self.warnings_of(&subject).await
    }
}

/// What is to be read of the speed view: the query's range, and the range that it is compared with,
/// each as far back as windows reach. Where an edge is open, the latter depends on the events that
/// there are.
fn speed_range(part: &ReadContext<'_>, times: QueryTimes) -> Result<TimeRange, ServingError> {
    let asked = window_range(part, times.edges)?;
    if part.query.compare.is_none() {
        return Ok(asked);
    }
    let RangeEdges { from: Some(_), to: Some(_) } = times.edges else { return Ok(TimeRange::ALL) };
    let Some(earlier) = comparison_read(part, times, times.edges)? else { return Ok(asked) };
    let earlier = window_range(part, closed_edges(earlier.read))?;
    Ok(TimeRange { from: asked.from.min(earlier.from), to: asked.to.max(earlier.to) })
}

/// What rows are compared with.
struct ComparisonRead {
    comparison: ComparisonRange,
    /// Its base buckets.
    read: TimeRange,
    /// Where its buckets do not begin on the base.
    widened: Vec<TimeRange>,
}

/// The range to compare with, if there is one.
fn comparison_read(
    part: &ReadContext<'_>,
    times: QueryTimes,
    edges: RangeEdges,
) -> Result<Option<ComparisonRead>, ServingError> {
    let Some(compare) = part.query.compare else { return Ok(None) };
    let to = times.to_date.map_or(edges.to, |now| Some(edges.to.map_or(now, |to| to.min(now))));
    let (Some(from), Some(to)) = (edges.from, to) else {
        if part.query.granularity != Granularity::All {
            // There are no buckets to compare.
            return Ok(None);
        }
        let detail = "`compare` with `granularity` all needs `from` and `to`; `to=now` is right \
                      for what there is so far";
        return Err(QueryError::new(ErrorCode::OpenRange, "compare", detail).into());
    };
    let (calendar, grain) = (&part.resolved.calendar, part.metric.compiled.grain());
    let range = TimeRange { from, to: to.max(Timestamp(from.0 + 1)) };
    let exact = answer::compare::comparison_range(calendar.zone(), range, compare);
    let (range, read, widened) = if times.edges.from.is_some() {
        let range = TimeRange { from: grain.floor(exact.from), to: grain.ceil(exact.to) };
        check_fit(calendar, grain, range)?;
        (range, range, Vec::new())
    } else {
        // From the start of a bucket on, which need not be one of the base's.
        let widened = check_open(calendar, grain, exact, times.now)?;
        let read = TimeRange { from: grain.ceil(exact.from), to: grain.ceil(exact.to) };
        (exact, read, widened)
    };
    let cut = RangeEdges {
        // Windows of the first bucket hold what comes before as well.
        from: part.query.window.is_none().then_some(range.from),
        to: Some(range.to),
    };
    let comparison = ComparisonRange::new(compare, range, cut, calendar, grain);
    Ok(Some(ComparisonRead { comparison, read, widened }))
}

fn closed_edges(range: TimeRange) -> RangeEdges {
    RangeEdges { from: Some(range.from), to: Some(range.to) }
}

/// Bytes of all texts of a query.
fn text_bytes(query: &Query) -> usize {
    let names = query.measures.iter().flatten().chain(&query.group_by);
    let names = names.chain(query.order_by.iter().map(|order| &order.name));
    let texts = names.chain(&query.filter).chain(&query.having);
    texts.map(|text| text.len() + size_of::<String>()).sum()
}

/// The range that is answered, once it is known what there is, and where its buckets do not begin
/// on the base.
fn checked_edges(
    merged: &MergedStates,
    resolved: &ResolvedQuery,
    metric: &MetricVersion,
    now: Timestamp,
) -> Result<(RangeEdges, Vec<TimeRange>), ServingError> {
    let calendar = &resolved.calendar;
    let edges = answer::answered_edges(merged, calendar, resolved.edges);
    let RangeEdges { from: Some(from), to: Some(to) } = edges else {
        return Ok((edges, Vec::new()));
    };
    let (grain, range) = (metric.compiled.grain(), TimeRange { from, to });
    if resolved.edges.from.is_some() {
        check_fit(calendar, grain, range)?;
        return Ok((edges, Vec::new()));
    }
    Ok((edges, check_open(calendar, grain, range, now)?))
}
