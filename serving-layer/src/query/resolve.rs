//! A query resolved against one version of a metric: names become positions, expressions are
//! planned, edges become instants.

use merganser_api::error_code::ErrorCode;
use std::sync::Arc;

use merganser_core::text::{excerpt, suggestion};
use merganser_core::time::{DAY_US, Grain, TimeRange, Timestamp};
use merganser_metric::catalog::MetricVersion;
use merganser_metric::compile::Metric;
use merganser_metric::expression::Predicate;

use super::{OrderBy, Query, QueryError, TimeExpression, hint};
use crate::calendar::{BucketCalendar, Granularity, ZoneOffsets};

/// What a row is ordered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortColumn {
    /// The bucket's start.
    Time,
    /// A dimension, by position in `group_by`.
    Dimension(usize),
    /// A measure, by position in the definition.
    Measure(usize),
}

impl SortColumn {
    /// The measure, if it is one.
    #[must_use]
    pub fn measure(self) -> Option<usize> {
        match self {
            Self::Measure(at) => Some(at),
            Self::Time | Self::Dimension(_) => None,
        }
    }
}

/// The edges of the query, widened to base buckets; `None` is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RangeEdges {
    /// The first instant.
    pub from: Option<Timestamp>,
    /// The first instant after.
    pub to: Option<Timestamp>,
}

impl RangeEdges {
    /// The range, to all times where it is open.
    #[must_use]
    pub fn range(self) -> TimeRange {
        TimeRange {
            from: self.from.unwrap_or(TimeRange::ALL.from),
            to: self.to.unwrap_or(TimeRange::ALL.to),
        }
    }
}

/// A query resolved against a metric.
#[derive(Clone, Debug)]
pub struct ResolvedQuery {
    /// The buckets.
    pub calendar: BucketCalendar,
    /// The edges.
    pub edges: RangeEdges,
    /// Measures, by position in the definition.
    pub measures: Vec<usize>,
    /// Dimensions, by position in the definition.
    pub group_by: Vec<usize>,
    /// Conditions over dimensions, all of which hold.
    pub filters: Vec<Predicate>,
    /// Condition over measures, and those that it reads.
    pub having: Option<(Predicate, Vec<usize>)>,
    /// What to order by; ties go by time, then dimensions.
    pub order_by: Vec<(SortColumn, SortDirection)>,
    /// With `group_limit`: the measure that groups are ordered by over the whole range.
    pub rank_by: Option<(usize, SortDirection)>,
}

impl ResolvedQuery {
    /// Whether the answer is one row, which is there even when nothing was counted.
    #[must_use]
    pub fn is_total(&self) -> bool {
        self.calendar.granularity() == Granularity::All && self.group_by.is_empty()
    }
}

/// Which way values go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortDirection {
    /// From the least on.
    Ascending,
    /// From the greatest on.
    Descending,
}

/// Resolves a query.
///
/// # Errors
/// For names that the metric does not have, expressions that cannot be planned, ranges without an
/// instant, and buckets that the metric's base does not fit.
pub fn resolve(
    query: &Query,
    metric: &MetricVersion,
    zone: Arc<ZoneOffsets>,
    edges: RangeEdges,
) -> Result<ResolvedQuery, QueryError> {
    let compiled = &metric.compiled;
    let grain = compiled.grain();
    if query.granularity.is_finer_than(grain) {
        let detail = format!(
            "`granularity` is {}, finer than the metric's base of a {grain}; `{grain}` or a \
             coarser one is right",
            query.granularity.name(),
        );
        return Err(QueryError::new(ErrorCode::GranularityTooFine, "granularity", detail));
    }
    if !query.granularity.is_made_of(grain) {
        let detail = format!(
            "`granularity` is {}, and the metric's base of a {grain} does not make it up; whole \
             hours that divide a day are right, as `2h`, or a metric with granularity `minute`",
            query.granularity.name(),
        );
        return Err(QueryError::new(ErrorCode::GranularityTooFine, "granularity", detail));
    }
    let measures = match &query.measures {
        None => (0..compiled.measures().len()).collect(),
        Some(names) => names
            .iter()
            .map(|name| measure(compiled, name, "measures"))
            .collect::<Result<Vec<_>, _>>()?,
    };
    let group_by = query
        .group_by
        .iter()
        .map(|name| dimension(compiled, name, "group_by"))
        .collect::<Result<Vec<_>, _>>()?;
    let calendar = BucketCalendar::new(zone, query.granularity);
    if let RangeEdges { from: Some(from), to: Some(to) } = edges {
        check_fit(&calendar, grain, TimeRange { from, to })?;
    }
    let order_by = order(query, compiled)?;
    Ok(ResolvedQuery {
        calendar,
        edges,
        filters: filters(query, compiled)?,
        having: having(query, compiled)?,
        rank_by: query.group_limit.and_then(|_| rank(&order_by, &measures)),
        measures,
        order_by,
        group_by,
    })
}

/// Whether the metric's base buckets lie within answer buckets in all of `range`.
///
/// # Errors
/// Says which base would do.
pub fn check_fit(
    calendar: &BucketCalendar,
    grain: Grain,
    range: TimeRange,
) -> Result<(), QueryError> {
    if calendar.fits(grain, range) {
        return Ok(());
    }
    let finer = [Grain::Hour, Grain::Minute].into_iter().filter(|finer| *finer < grain);
    let advice = match finer.into_iter().find(|finer| calendar.fits(*finer, range)) {
        Some(finer) => format!("a metric with granularity `{finer}` would do"),
        None => "none does, since its offset has seconds then; a later `from` or another \
                 `timezone` is right"
            .to_owned(),
    };
    let detail = format!(
        "buckets in `{}` do not begin on a {grain} in UTC, the metric's base, everywhere from {} \
         to {}; {advice}",
        calendar.zone().name(),
        range.from,
        range.to,
    );
    Err(QueryError::new(ErrorCode::TimezoneDoesNotFit, "timezone", detail))
}

/// As [`check_fit`], for a query without `from`: old times do not count, so that one stray event
/// does not refuse the query. A base that fits nowadays is enough; the times of `range` at which it
/// does not fit are returned, and buckets are widened there.
///
/// # Errors
/// Says which base would do.
pub fn check_open(
    calendar: &BucketCalendar,
    grain: Grain,
    range: TimeRange,
    now: Timestamp,
) -> Result<Vec<TimeRange>, QueryError> {
    let misfits = calendar.misfits(grain, range);
    if !misfits.is_empty() {
        // All of a year's changes of the clock.
        let from = Timestamp(now.0.saturating_sub(366 * DAY_US));
        check_fit(calendar, grain, TimeRange { from, to: now })?;
    }
    Ok(misfits)
}

/// A query's edges, given clock and zone.
///
/// # Errors
/// When no instant lies between them.
pub fn edges(
    query: &Query,
    grain: Grain,
    now: Timestamp,
    zone: &ZoneOffsets,
) -> Result<RangeEdges, QueryError> {
    let from = query.from.map(|edge| edge.resolve(now, zone));
    let to = query.to.map(|edge| edge.resolve(now, zone));
    if let (Some(from), Some(to)) = (from, to)
        && from >= to
    {
        return Err(QueryError::new(ErrorCode::EmptyRange, "from", empty(query, from, to)));
    }
    let inside = |time: Timestamp| time.clamp(Timestamp::MIN, Timestamp::MAX);
    Ok(RangeEdges {
        from: from.map(|time| inside(grain.floor(time))),
        to: to.map(|time| inside(grain.ceil(time))),
    })
}

/// What is said of a range without an instant.
fn empty(query: &Query, from: Timestamp, to: Timestamp) -> String {
    let (Some(first), Some(last)) = (query.from, query.to) else { return String::new() };
    let end = first.end().map(|end| end.to_string()).filter(|end| !end.is_empty());
    match end {
        Some(end) if first == last => {
            let open = match first {
                TimeExpression::Current(_, 0) => ", or no `to`,",
                _ => "",
            };
            format!(
                "`from` and `to` are both `{first}`, which stands for its beginning; `to` is the \
                 first instant after the range, so that `to={end}`{open} is right for all of it, \
                 or an earlier `from`"
            )
        }
        _ => {
            let turned = if from > to { "; the other way round there is one" } else { "" };
            format!(
                "no instant lies between `from`, {from}, and `to`, {to}; an earlier `from` is \
                 right{turned}"
            )
        }
    }
}

pub(crate) fn dimension(metric: &Metric, name: &str, parameter: &str) -> Result<usize, QueryError> {
    let names = &metric.layout().dimensions;
    names.iter().position(|known| known == name).ok_or_else(|| {
        let hint = match hint::dimension(metric, name) {
            Some(hint) => format!("; {hint}"),
            None => suggestion(&excerpt(name), names.iter().map(|n| &**n)),
        };
        let name = excerpt(name);
        let detail = format!("`{parameter}`: there is no dimension `{name}`{hint}");
        QueryError::new(ErrorCode::UnknownDimension, parameter, detail)
    })
}

fn measure(metric: &Metric, name: &str, parameter: &str) -> Result<usize, QueryError> {
    let measures = metric.measures();
    measures.iter().position(|known| known.name == name).ok_or_else(|| {
        let hint = match hint::measure(metric, name) {
            Some(hint) => format!("; {hint}"),
            None => suggestion(&excerpt(name), measures.iter().map(|m| &*m.name)),
        };
        let name = excerpt(name);
        let detail = format!("`{parameter}`: there is no measure `{name}`{hint}");
        QueryError::new(ErrorCode::UnknownMeasure, parameter, detail)
    })
}

/// The caller's filter and the query's. Each is planned on its own, so that no text of one can
/// change the meaning of the other.
fn filters(query: &Query, metric: &Metric) -> Result<Vec<Predicate>, QueryError> {
    let bound = query.scope.filter.as_ref().map(|text| metric.condition(text)).transpose();
    // Without why: that would name what the key does not see.
    let bound = bound.map_err(|_| {
        QueryError::new(
            ErrorCode::BeyondScope,
            "metric",
            "the key's own filter does not fit the metric",
        )
    })?;
    let own = query.filter.as_ref().map(|text| metric.condition(text)).transpose();
    let own = own.map_err(|error| {
        let hint = query.filter.as_ref().and_then(|text| hint::filter(metric, text));
        let hint = hint.map(|hint| format!("; {hint}")).unwrap_or_default();
        QueryError::new(ErrorCode::InvalidFilter, "filter", format!("`filter`: {error}{hint}"))
    })?;
    Ok(bound.into_iter().chain(own).collect())
}

fn having(query: &Query, metric: &Metric) -> Result<Option<(Predicate, Vec<usize>)>, QueryError> {
    let Some(text) = &query.having else { return Ok(None) };
    let measures = metric.measures();
    let columns: Vec<_> = measures.iter().map(|m| (m.name.clone(), m.ty)).collect();
    let predicate = Predicate::new(text, "measure", &columns).map_err(|error| {
        let hint = hint::having(metric, text).map(|hint| format!("; {hint}")).unwrap_or_default();
        QueryError::new(ErrorCode::InvalidHaving, "having", format!("`having`: {error}{hint}"))
    })?;
    let position = |name: &String| measures.iter().position(|m| m.name == *name);
    let inputs = predicate.inputs().iter().filter_map(position).collect();
    Ok(Some((predicate, inputs)))
}

fn order(query: &Query, metric: &Metric) -> Result<Vec<(SortColumn, SortDirection)>, QueryError> {
    let key = |order: &OrderBy| {
        let direction =
            if order.descending { SortDirection::Descending } else { SortDirection::Ascending };
        order_key(query, metric, &order.name).map(|key| (key, direction))
    };
    query.order_by.iter().map(key).collect()
}

/// The first measure that rows are ordered by, else the first that is asked for, the greatest
/// first.
fn rank(
    order_by: &[(SortColumn, SortDirection)],
    measures: &[usize],
) -> Option<(usize, SortDirection)> {
    let mut ordered = order_by.iter().filter_map(|(key, way)| Some((key.measure()?, *way)));
    ordered.next().or_else(|| Some((*measures.first()?, SortDirection::Descending)))
}

fn order_key(query: &Query, metric: &Metric, name: &str) -> Result<SortColumn, QueryError> {
    let buckets = query.granularity != Granularity::All;
    if name == "time" && buckets {
        return Ok(SortColumn::Time);
    }
    if let Some(at) = query.group_by.iter().position(|known| known == name) {
        return Ok(SortColumn::Dimension(at));
    }
    if let Some(at) = metric.measures().iter().position(|known| known.name == name) {
        return Ok(SortColumn::Measure(at));
    }
    let detail = if name == "time" {
        "`order_by`: with `granularity` all there is no `time`".to_owned()
    } else if metric.layout().dimensions.iter().any(|known| known == name) {
        format!("`order_by`: `{name}` is a dimension that is not in `group_by`")
    } else {
        let time = buckets.then_some("time");
        let measures = metric.measures().iter().map(|m| &*m.name);
        let known = query.group_by.iter().map(|n| &**n).chain(measures).chain(time);
        let known: Vec<&str> = known.collect();
        let hint = match hint::column(name, &known) {
            Some(hint) => format!("; {hint}"),
            None => suggestion(&excerpt(name), known),
        };
        format!("`order_by`: there is no column `{}`{hint}", excerpt(name))
    };
    Err(QueryError::new(ErrorCode::UnknownColumn, "order_by", detail))
}
