//! The making of an answer's rows: all of it but what changes with the clock.

use std::collections::BTreeMap;
use std::sync::Arc;

use shared::catalog::{MetricVersion, Snapshot};
use shared::ids::{MetricId, Offset};
use shared::omissions::Omissions;
use shared::time::{Grain, TimeRange, Timestamp};

use super::read::{self, Part, Retry};
use super::work::Work;
use super::{Serving, blocking};
use crate::answer::{
    self, Answer, Approximation, Comparison, Merged, Provenance, Rows, RowsHeld, Source, Written,
    warn,
};
use crate::cache::Keep;
use crate::calendar::{Calendar, Granularity, Zone};
use crate::error::Error;
use crate::query::resolve::{Edges, Resolved, check_fit, check_open, resolve};
use crate::query::{Compare, CsvTexts, Query, QueryError};

/// The times of a question.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    /// Those of the query, which may be relative to the clock.
    edges: Edges,
    /// Where a comparison of the range to date ends, if the range goes further.
    to_date: Option<Timestamp>,
    now: Timestamp,
}

impl Times {
    pub(super) fn new(query: &Query, grain: Grain, edges: Edges, now: Timestamp) -> Self {
        let now_to = grain.ceil(now);
        let to_date = query.compare.is_some_and(Compare::is_to_date)
            && edges.to.is_none_or(|to| to > now_to)
            && edges.from.is_none_or(|from| from < now_to);
        Self { edges, to_date: to_date.then_some(now_to), now }
    }
}

/// What rows depend on, besides the generation and how far the speed view has come.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Asked {
    /// Without what only says how and when to answer, and without its edges.
    query: Query,
    metric: MetricId,
    edges: Edges,
    to_date: Option<Timestamp>,
}

impl Asked {
    pub(super) fn new(query: &Query, metric: MetricId, times: Times) -> Self {
        let Times { edges, to_date, .. } = times;
        let limit = Some(query.rows_max());
        let (format, csv) = (None, CsvTexts::default());
        let query =
            Query { from: None, to: None, after: None, limit, format, csv, ..query.clone() };
        Self { query, metric, edges, to_date }
    }
}

/// Rows, and what is told of them.
#[derive(Debug)]
pub(super) struct Made {
    /// The range that they cover.
    pub(super) edges: Edges,
    pub(super) calendar: Calendar,
    /// The earlier range.
    comparison: Option<Comparison>,
    /// Where buckets do not begin on the base.
    pub(super) widened: Vec<TimeRange>,
    pub(super) rows: Arc<Rows>,
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
    pub(super) approximate: BTreeMap<String, Approximation>,
    /// What JSON was written of them.
    written: Written,
}

impl Made {
    /// The answer to a query that it was made for.
    pub(super) fn answer(&self, query: &Query, provenance: Provenance) -> Answer {
        let Rows { rows, compared, total_rows, warnings, .. } = &*self.rows;
        Answer {
            metric: query.metric.clone(),
            edges: self.edges,
            calendar: self.calendar.clone(),
            rows: rows.clone(),
            comparison: self.comparison.clone(),
            compared: compared.clone(),
            total_rows: *total_rows,
            provenance,
            warnings: warnings.clone(),
            written: self.written.clone(),
            held: RowsHeld(Some(Arc::clone(&self.rows))),
        }
    }
}

impl Keep for Made {
    fn size_bytes(&self) -> usize {
        self.rows.held.bytes()
    }

    /// The store may have again what it lost.
    fn is_lasting(&self) -> bool {
        self.is_whole
    }
}

/// Bytes of rows, of what may be written of them, and of the question.
fn rows_bytes(rows: &Rows, query: &Query) -> usize {
    let batches = [Some(&rows.rows), rows.compared.as_ref()];
    let bytes = batches.into_iter().flatten().map(|rows| {
        let names = rows.schema_ref().fields().iter().map(|field| field.name().len() + 4);
        // What is written of short answers: each row with its names, each value as it is.
        let written = if answer::is_short(rows) { rows.num_rows() } else { 0 };
        2 * rows.get_array_memory_size() + written * names.sum::<usize>()
    });
    bytes.sum::<usize>() + text_bytes(query)
}

impl Serving {
    /// Makes the rows of an answer, when so much was applied to the speed view.
    pub(super) async fn make(
        &self,
        query: &Query,
        snapshot: &Arc<Snapshot>,
        metric: &Arc<MetricVersion>,
        zone: Arc<Zone>,
        times: Times,
        (applied, work): (Offset, &Work),
    ) -> Result<Arc<Made>, Retry> {
        let resolved = resolve(query, metric, zone, times.edges).map_err(Error::from)?;
        let part = Part { snapshot, metric, resolved: &resolved, query, work };
        let mut missing = Vec::new();
        let range = speed_range(&part, times)?;
        let (merged, speed) = self.read(&part, times.edges, range, &mut missing).await?;
        let (edges, mut widened) = answered(&merged, &resolved, metric, times.now)?;
        let earlier = match earlier(&part, times, edges)? {
            Some(Earlier { comparison, read, widened: more }) => {
                widened.extend(more);
                Some((self.read_also(&part, closed(read), &speed).await?, comparison))
            }
            None => None,
        };
        let comparison = earlier.as_ref().map(|(_, comparison)| comparison.clone());
        let (through, reach) = (speed.through, speed.reach);
        let last = answer::last_bucket(&merged, &resolved.calendar);
        let warnings = self.warnings(&part, &speed.omissions).await;
        let approximate = answer::approximate(&metric.compiled, &resolved.measures);
        let calendar = resolved.calendar.clone();
        let (query, groups_max) = (query.clone(), self.settings.groups_max);
        let (metric, work) = (Arc::clone(&metric.compiled), work.clone());
        let rows = blocking(move || {
            let earlier = earlier.as_ref().map(|(before, compare)| (before, compare.range));
            let account = work.account();
            let (query, resolved, metric, merged) = (&query, &resolved, &metric, &merged);
            let source =
                Source { query, resolved, metric, edges, merged, earlier, groups_max, account };
            let mut rows = answer::build(source)?;
            rows.held.resize(rows_bytes(&rows, query))?;
            Ok(rows)
        });
        let mut rows = rows.await?;
        rows.warnings.extend(warnings);
        let is_whole = missing.is_empty() && through >= applied && reach == through;
        Ok(Arc::new(Made {
            edges,
            calendar,
            comparison,
            widened,
            rows: Arc::new(rows),
            through,
            reach,
            missing,
            is_whole,
            last,
            approximate,
            written: Written::default(),
        }))
    }

    /// What is told of values that are not in the answer.
    async fn warnings(&self, part: &Part<'_>, omissions: &Omissions) -> Vec<String> {
        let (metric, resolved) = (part.metric, part.resolved);
        let subject = warn::Subject {
            metric,
            omissions,
            readings: metric.compiled.readings(&read::measures(resolved), &read::dimensions(part)),
            is_bounded: !part.query.scope.is_everything(),
        };
        self.warnings_of(&subject).await
    }
}

/// What is to be read of the speed view: what is asked for, and what it is compared with. Where an
/// edge is open, the latter depends on what there is.
fn speed_range(part: &Part<'_>, times: Times) -> Result<TimeRange, Error> {
    let asked = times.edges.range();
    if part.query.compare.is_none() {
        return Ok(asked);
    }
    let Edges { from: Some(_), to: Some(_) } = times.edges else { return Ok(TimeRange::ALL) };
    let earlier = earlier(part, times, times.edges)?.map_or(asked, |earlier| earlier.read);
    Ok(TimeRange { from: asked.from.min(earlier.from), to: asked.to.max(earlier.to) })
}

/// What rows are compared with.
struct Earlier {
    comparison: Comparison,
    /// Its base buckets.
    read: TimeRange,
    /// Where its buckets do not begin on the base.
    widened: Vec<TimeRange>,
}

/// The range to compare with, if there is one.
fn earlier(part: &Part<'_>, times: Times, edges: Edges) -> Result<Option<Earlier>, Error> {
    let Some(compare) = part.query.compare else { return Ok(None) };
    let to = times.to_date.map_or(edges.to, |now| Some(edges.to.map_or(now, |to| to.min(now))));
    let (Some(from), Some(to)) = (edges.from, to) else {
        if part.query.granularity != Granularity::All {
            // There are no buckets to compare.
            return Ok(None);
        }
        let detail = "`compare` with `granularity` all needs `from` and `to`; `to=now` is right \
                      for what there is so far";
        return Err(QueryError::new("open_range", "compare", detail).into());
    };
    let (calendar, grain) = (&part.resolved.calendar, part.metric.compiled.grain());
    let range = TimeRange { from, to: to.max(Timestamp(from.0 + 1)) };
    let exact = answer::compare::earlier(calendar.zone(), range, compare);
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
    let comparison = Comparison::new(compare, range, calendar, grain);
    Ok(Some(Earlier { comparison, read, widened }))
}

fn closed(range: TimeRange) -> Edges {
    Edges { from: Some(range.from), to: Some(range.to) }
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
fn answered(
    merged: &Merged,
    resolved: &Resolved,
    metric: &MetricVersion,
    now: Timestamp,
) -> Result<(Edges, Vec<TimeRange>), Error> {
    let calendar = &resolved.calendar;
    let edges = answer::answered(merged, calendar, resolved.edges);
    let Edges { from: Some(from), to: Some(to) } = edges else { return Ok((edges, Vec::new())) };
    let (grain, range) = (metric.compiled.grain(), TimeRange { from, to });
    if resolved.edges.from.is_some() {
        check_fit(calendar, grain, range)?;
        return Ok((edges, Vec::new()));
    }
    Ok((edges, check_open(calendar, grain, range, now)?))
}
