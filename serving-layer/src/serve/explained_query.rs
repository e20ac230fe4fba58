//! A query as it was understood: every name in its one spelling, and what was not said.

use merganser_api::explain::ExplainedQuery;
use merganser_core::time::Timestamp;
use merganser_metric::compile::Metric;

use crate::answer::QueryAnswer;
use crate::query::{FillPolicy, PartialPolicy, Query};

/// The parameters that a query was answered for.
pub(crate) fn explained_query(
    query: &Query,
    metric: &Metric,
    answer: &QueryAnswer,
) -> ExplainedQuery {
    let edge = |edge: Option<Timestamp>| edge.map(|edge| answer.rows.calendar.zone().format(edge));
    let all = || metric.measures().iter().map(|measure| measure.name.clone()).collect();
    let order = query.order_by.iter();
    let order = order.map(|by| format!("{}{}", if by.descending { "-" } else { "" }, by.name));
    ExplainedQuery {
        metric: query.metric.clone(),
        measures: query.measures.clone().unwrap_or_else(all),
        from: edge(answer.rows.edges.from),
        to: edge(answer.rows.edges.to),
        granularity: query.granularity.name().into(),
        timezone: query.timezone.name().into(),
        group_by: query.group_by.clone(),
        filter: query.filter.clone(),
        having: query.having.clone(),
        order_by: order.collect(),
        limit: query.rows_max(),
        offset: query.offset,
        limit_per_bucket: query.limit_per_bucket,
        group_limit: query.group_limit,
        totals: query.totals,
        other: query.other,
        window: query.window.map(|window| window.to_string()),
        fill: name_of(&FillPolicy::EACH, query.fill).into(),
        compare: query.compare.map(|compare| compare.name().into()),
        partial: name_of(&PartialPolicy::EACH, query.partial).into(),
    }
}

fn name_of<T: PartialEq>(each: &[(&'static str, T)], value: T) -> &'static str {
    each.iter().find(|(_, known)| *known == value).map_or("", |(name, _)| *name)
}
