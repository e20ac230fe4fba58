//! A query as it was understood: every name in its one spelling, and what was not said.

use merganser_core::time::Timestamp;
use merganser_metric::compile::Metric;
use serde::Serialize;

use crate::answer::QueryAnswer;
use crate::query::{CompareMode, FillPolicy, PartialPolicy, Query};

/// A query with the parameters that it was answered for.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ExplainedQuery {
    metric: String,
    measures: Vec<String>,
    /// The answered edges.
    from: Option<String>,
    to: Option<String>,
    granularity: &'static str,
    timezone: &'static str,
    group_by: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    filter: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    having: Option<String>,
    order_by: Vec<String>,
    limit: usize,
    offset: usize,
    limit_per_bucket: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    group_limit: Option<usize>,
    totals: bool,
    other: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    window: Option<String>,
    fill: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    compare: Option<&'static str>,
    partial: &'static str,
}

impl ExplainedQuery {
    /// That of an answer.
    pub(crate) fn of(query: &Query, metric: &Metric, answer: &QueryAnswer) -> Self {
        let edge =
            |edge: Option<Timestamp>| edge.map(|edge| answer.rows.calendar.zone().format(edge));
        let all = || metric.measures().iter().map(|measure| measure.name.clone()).collect();
        let order = query.order_by.iter();
        let order = order.map(|by| format!("{}{}", if by.descending { "-" } else { "" }, by.name));
        Self {
            metric: query.metric.clone(),
            measures: query.measures.clone().unwrap_or_else(all),
            from: edge(answer.rows.edges.from),
            to: edge(answer.rows.edges.to),
            granularity: query.granularity.name(),
            timezone: query.timezone.name(),
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
            fill: name_of(&FillPolicy::EACH, query.fill),
            compare: query.compare.map(CompareMode::name),
            partial: name_of(&PartialPolicy::EACH, query.partial),
        }
    }
}

fn name_of<T: PartialEq>(each: &[(&'static str, T)], value: T) -> &'static str {
    each.iter().find(|(_, known)| *known == value).map_or("", |(name, _)| *name)
}
