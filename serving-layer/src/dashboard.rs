//! A dashboard's document, checked: its shape, its bounds, and each chart's query as
//! `POST /v1/query` would read it.
//!
//! What depends on a metric is not: a dashboard may be there before its metrics are, and stays when
//! one changes. A chart says then what is wrong with it, as any query does.

use merganser_api::dashboard::{Chart, Dashboard};
use serde_json::{Map, Value};

use crate::query::{Query, QueryError};

/// Charts of a dashboard.
const CHARTS_MAX: usize = 64;
/// Characters of a title.
const TITLE_MAX: usize = 200;
/// Characters of a description, and of a filter.
const TEXT_MAX: usize = 4096;
/// Columns of the grid.
const WIDTH_MAX: u8 = 12;
/// Rows of a chart.
const HEIGHT_MAX: u8 = 8;
/// Characters of a name.
const NAME_MAX: usize = 64;

/// What of a dashboard holds for each of its charts that does not say otherwise.
const SHARED: [&str; 4] = ["from", "to", "timezone", "compare"];

/// A document that cannot be a dashboard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DashboardRejection {
    /// JSON pointer (RFC 6901) of the place, empty for the whole.
    pub(crate) pointer: String,
    /// What was wrong, and what would be right.
    pub(crate) message: String,
}

impl DashboardRejection {
    fn new(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), message: message.into() }
    }
}

/// Reads a document and checks it.
///
/// # Errors
/// What is wrong, and where.
pub(crate) fn from_json(text: &[u8]) -> Result<Dashboard, DashboardRejection> {
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let dashboard: Dashboard =
        serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
            let pointer = pointer(error.path());
            DashboardRejection::new(pointer, error.into_inner().to_string())
        })?;
    deserializer.end().map_err(|error| DashboardRejection::new("", error.to_string()))?;
    check(&dashboard)?;
    Ok(dashboard)
}

/// Whether a text can be a dashboard's name.
pub(crate) fn is_name(text: &str) -> bool {
    let rest = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-".contains(c);
    text.len() <= NAME_MAX
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(rest)
}

fn check(dashboard: &Dashboard) -> Result<(), DashboardRejection> {
    let Dashboard { title, description, filter, charts, .. } = dashboard;
    if title.trim().is_empty() {
        return Err(DashboardRejection::new("/title", "it is empty; a dashboard has a title"));
    }
    bounded("/title", title, TITLE_MAX)?;
    bounded("/description", description, TEXT_MAX)?;
    bounded("/filter", filter, TEXT_MAX)?;
    if charts.len() > CHARTS_MAX {
        let message = format!("{} charts; at most {CHARTS_MAX} are right", charts.len());
        return Err(DashboardRejection::new("/charts", message));
    }
    // By itself, so that what is wrong with it is not said of a chart.
    let alone = Map::from_iter([("metric".to_owned(), Value::from("metric"))]);
    read(dashboard, alone).map_err(|error| {
        DashboardRejection::new(format!("/{}", error.parameter()), error.to_string())
    })?;
    for (at, chart) in charts.iter().enumerate() {
        check_chart(dashboard, chart, &format!("/charts/{at}"))?;
    }
    Ok(())
}

fn check_chart(dashboard: &Dashboard, chart: &Chart, at: &str) -> Result<(), DashboardRejection> {
    bounded(&format!("{at}/title"), &chart.title, TITLE_MAX)?;
    for (name, value, max) in
        [("width", chart.width, WIDTH_MAX), ("height", chart.height, HEIGHT_MAX)]
    {
        if !(1..=max).contains(&value) {
            let message = format!("{value}; 1 to {max} is right");
            return Err(DashboardRejection::new(format!("{at}/{name}"), message));
        }
    }
    read(dashboard, chart.query.clone()).map(|_| ()).map_err(|error| {
        let place = error.parameter();
        let place = if place == "metric" && !chart.query.contains_key("metric") {
            String::new()
        } else {
            format!("/{}", escaped(place))
        };
        DashboardRejection::new(format!("{at}/query{place}"), error.to_string())
    })
}

/// A chart's query with what holds for all of them: its own goes first, and both filters hold.
fn read(dashboard: &Dashboard, mut query: Map<String, Value>) -> Result<Query, QueryError> {
    let values =
        [&dashboard.from, &dashboard.to, &dashboard.timezone, &dashboard.compare].into_iter();
    for (name, value) in SHARED.into_iter().zip(values) {
        if !value.is_empty() && !query.contains_key(name) {
            query.insert(name.to_owned(), Value::from(value.as_str()));
        }
    }
    if !dashboard.filter.trim().is_empty() {
        let both = match query.get("filter") {
            Some(Value::String(own)) if !own.trim().is_empty() => {
                Some(format!("({}) AND ({own})", dashboard.filter))
            }
            Some(Value::String(_) | Value::Null) | None => Some(dashboard.filter.clone()),
            // What is no text is refused as it stands.
            Some(_) => None,
        };
        query.extend(both.map(|filter| ("filter".to_owned(), Value::from(filter))));
    }
    Query::from_json(query)
}

fn bounded(pointer: &str, text: &str, max: usize) -> Result<(), DashboardRejection> {
    match text.chars().count() {
        count if count > max => {
            let message = format!("it has {count} characters; at most {max} are right");
            Err(DashboardRejection::new(pointer, message))
        }
        _ => Ok(()),
    }
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter()
        .map(|segment| match segment {
            Segment::Seq { index } => format!("/{index}"),
            Segment::Map { key } => format!("/{}", escaped(key)),
            Segment::Enum { .. } | Segment::Unknown => String::new(),
        })
        .collect()
}

fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests;
